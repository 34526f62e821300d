// Package floors holds the tree to its shape: which package may import which,
// how long files and functions may be, and what only some packages may do. It
// is a test alone.
package floors

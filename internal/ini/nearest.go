package ini

import "pasted/internal/spelling"

// Nearest is spelling.Nearest, for package paste: of ours it imports this
// package alone.
func Nearest(name string, candidates []string) string { return spelling.Nearest(name, candidates) }

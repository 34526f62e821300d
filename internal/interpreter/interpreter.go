// Package interpreter knows one Python installation: where it is, what it is,
// the search path that a worker will have, and which distributions and entry
// points of PasteDeploy's groups lie on that path. What the entry points are
// for is left to paste, and running an application to worker.
//
// Find says which interpreter is meant and starts nothing. Inspect starts it
// once, for some 20 ms, to ask it what only it can know; what is installed is
// then read from the files, by the rules of importlib.metadata, which not every
// Python has.
package interpreter

import (
	"fmt"
	"strings"
)

// An Interpreter is what was found at one moment. It does not change, and is
// safe for concurrent use.
type Interpreter struct {
	Path           string // what to start, as Inspect was given it
	Version        Version
	Implementation string // sys.implementation.name: "cpython", "pypy"
	Executable     string // sys.executable: Path itself, or what a wrapper at Path has become
	Prefix         string // sys.prefix, a virtual environment's directory
	BasePrefix     string // sys.base_prefix, other than Prefix in a virtual environment
	// SysPath is sys.path as a worker has it, with absolute names.
	SysPath []string
	// Output is the end of what the interpreter wrote on its own while it
	// started, such as complaints about a .pth file; mostly empty.
	Output string

	distributions []Distribution
	byName        map[string]int // folded name → index in distributions
}

// A Version is one of Python.
type Version struct {
	Major, Minor, Micro int
}

// Supported says whether Pasted works with that Python: 2.7, and 3.6 or later.
func (v Version) Supported() bool {
	return v.AtLeast(3, 6) || v.Major == 2 && v.Minor == 7
}

// String returns the version as Python writes it: "3.11.2".
func (v Version) String() string {
	return fmt.Sprintf("%d.%d.%d", v.Major, v.Minor, v.Micro)
}

// AtLeast says whether v is major.minor or later.
func (v Version) AtLeast(major, minor int) bool {
	return v.Major > major || v.Major == major && v.Minor >= minor
}

// A Distribution is one that is installed.
type Distribution struct {
	Name     string // as its metadata has it, or else its directory
	Version  string // likewise; may be empty
	Location string // the entry of SysPath where it was found
	// EntryPoints has what each name in the groups that begin with "paste."
	// refers to, as it stands in entry_points.txt: group → name → object.
	EntryPoints map[string]map[string]string

	hollow bool // it has no metadata at all
}

// A NotInstalledError says that the interpreter has no distribution of that
// name.
type NotInstalledError struct {
	Distribution string
}

// Error returns the text of importlib.metadata.PackageNotFoundError.
func (e *NotInstalledError) Error() string {
	return "No package metadata was found for " + e.Distribution
}

// Virtual says whether the interpreter is a virtual environment's.
func (i *Interpreter) Virtual() bool { return i.Prefix != i.BasePrefix }

// Distributions returns all distributions in the order of SysPath, of each name
// the one that counts. The slice is not to be changed.
func (i *Interpreter) Distributions() []Distribution { return i.distributions }

// Distribution returns the distribution of that name, compared without regard
// to case and to runs of "-_.".
func (i *Interpreter) Distribution(name string) (Distribution, bool) {
	index, ok := i.byName[fold(name)]
	if !ok {
		return Distribution{}, false
	}
	return i.distributions[index], true
}

// Installed returns nil if there is a distribution of that name, else a
// *NotInstalledError.
func (i *Interpreter) Installed(distribution string) error {
	if _, ok := i.Distribution(distribution); !ok {
		return &NotInstalledError{distribution}
	}
	return nil
}

// EntryPoint returns what an entry point of a distribution refers to, "module:attr
// [extras]" as it stands in entry_points.txt, and whether there is one. Group
// and name are compared letter for letter; only groups that begin with "paste."
// are known. The error is that of Installed.
func (i *Interpreter) EntryPoint(distribution, group, name string) (object string, ok bool, err error) {
	d, found := i.Distribution(distribution)
	if !found {
		return "", false, &NotInstalledError{distribution}
	}
	object, ok = d.EntryPoints[group][name]
	return object, ok, nil
}

// fold returns the form in which names of distributions are compared (PEP 503).
func fold(name string) string {
	var b strings.Builder
	var last rune
	for _, r := range strings.ToLower(name) {
		if strings.ContainsRune("-_.", r) {
			r = '-'
		}
		if r != '-' || last != '-' {
			b.WriteRune(r)
		}
		last = r
	}
	return b.String()
}

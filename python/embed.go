// Package python carries the Python side of Pasted: standard library only,
// handed to each interpreter over its control connection, installed nowhere.
package python

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

//go:embed pasted_worker/*.py pasted_worker27/*.py
var files embed.FS

//go:embed boot.py
var prelude3 string

//go:embed boot27.py
var prelude2 string

// A Side is the Python side in one of Python's two languages.
type Side int

const (
	// Python3 is 3.6 and later.
	Python3 Side = iota
	// Python2 is 2.7.
	Python2
)

// shared are the modules of Python 3's side that Python 2.7's has as well: they
// are written in what both languages have in common.
var shared = []string{"context", "direct", "forks", "frames", "installed", "loader", "public", "reloader", "urlmap"}

// Prelude is what an interpreter reads first from descriptor 3, as it stands:
// it reads the Modules frame behind it, makes its modules importable and runs
// the process.
func (s Side) Prelude() string {
	if s == Python2 {
		return prelude2
	}
	return prelude3
}

// Boot is what an interpreter is started with, behind -c: it runs the Prelude,
// apart from __main__, which is the application's. The Prelude must be sent in
// one piece, and so is read in one.
func (s Side) Boot() string {
	return fmt.Sprintf(`import os; exec(os.read(3, %d), {"__name__": "pasted_boot"})`, len(s.Prelude()))
}

// Modules returns the sources of the Python side by module name.
func (s Side) Modules() map[string]string {
	modules := make(map[string]string)
	if s == Python3 {
		addModules(modules, "pasted_worker", "*")
		return modules
	}
	for _, name := range shared {
		addModules(modules, "pasted_worker", name)
	}
	addModules(modules, "pasted_worker27", "*")
	return modules
}

// addModules adds the modules of a folder whose names match.
func addModules(modules map[string]string, folder, names string) {
	found, err := fs.Glob(files, path.Join(folder, names+".py"))
	if err != nil {
		panic(err) // the patterns are above
	}
	for _, file := range found {
		data, err := files.ReadFile(file)
		if err != nil {
			panic(err) // embedded: cannot be
		}
		name := "pasted_worker." + strings.TrimSuffix(path.Base(file), ".py")
		modules[strings.TrimSuffix(name, ".__init__")] = string(data)
	}
}

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

//go:embed pasted_worker/*.py
var files embed.FS

// Prelude is what an interpreter reads first from descriptor 3, as it stands:
// it reads the Modules frame behind it, makes its modules importable and runs
// the process.
//
//go:embed boot.py
var Prelude string

// Boot is what an interpreter is started with, behind -c: it runs the Prelude,
// apart from __main__, which is the application's. The Prelude must be sent in
// one piece, and so is read in one.
func Boot() string {
	return fmt.Sprintf(`import os; exec(os.read(3, %d), {"__name__": "pasted_boot"})`, len(Prelude))
}

// Modules returns the sources of the Python side by module name.
func Modules() map[string]string {
	modules := make(map[string]string)
	entries, err := fs.ReadDir(files, "pasted_worker")
	if err != nil {
		panic(err) // embedded: cannot be
	}
	for _, entry := range entries {
		data, err := files.ReadFile(path.Join("pasted_worker", entry.Name()))
		if err != nil {
			panic(err)
		}
		name := "pasted_worker." + strings.TrimSuffix(entry.Name(), ".py")
		modules[strings.TrimSuffix(name, ".__init__")] = string(data)
	}
	return modules
}

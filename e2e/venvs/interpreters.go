package venvs

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// PyPy is the name among the Interpreters of whatever PyPy 3 there is.
const PyPy = "PyPy"

// Interpreters are the Pythons 3 that Pasted works with. A t is a build that can
// run without the interpreter's lock.
var Interpreters = []string{
	"3.6", "3.7", "3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "3.14", "3.13t", "3.14t", PyPy,
}

// whatItIs has a Python say which of the Interpreters it is, and its own path,
// which is not that of a shim.
const whatItIs = `import sys, sysconfig
pypy = "PyPy" in sys.version
t = "t" if sysconfig.get_config_var("Py_GIL_DISABLED") else ""
print("PyPy" if pypy and sys.version_info[0] == 3 else "%d.%d%s" % (sys.version_info[:2] + (t,)))
print(sys.executable)`

// Interpreter returns the path of a Python by its name among the Interpreters, or
// of "2.7": one of pyenv's, one that was prepared, one on the PATH.
func (l Layout) Interpreter(name string) (string, error) {
	home, _ := os.UserHomeDir()
	paths, _ := filepath.Glob(filepath.Join(home, ".pyenv", "versions", strings.TrimSuffix(name, "t")+".*", "bin", "python"))
	paths = append(paths, filepath.Join(l.interpreter(name), "bin", "python3"))
	commands := []string{"python" + name, "python3", "/usr/bin/python3"}
	if name == PyPy {
		commands = []string{"pypy3"}
	}
	for _, command := range commands {
		if path, err := exec.LookPath(command); err == nil {
			paths = append(paths, path)
		}
	}
	for _, path := range paths {
		out, err := exec.Command(path, "-c", whatItIs).Output()
		if is, executable, _ := strings.Cut(strings.TrimSpace(string(out)), "\n"); err == nil && is == name {
			return executable, nil
		}
	}
	return "", fmt.Errorf("no Python %s on this machine", name)
}

// interpreter returns the folder that a Python is prepared in.
func (l Layout) interpreter(name string) string { return filepath.Join(l.Cache, ".pythons", name) }

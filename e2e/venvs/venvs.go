// Package venvs knows the Pythons and the virtual environments that the
// end-to-end tests run applications in: where each one is, what it must hold, and
// what makes it. It leaves to others what is done with them.
package venvs

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// CacheVariable names the environment variable that holds the folder of the
// environments; without it they are in .cache/venvs of the repository.
const CacheVariable = "PASTED_E2E_CACHE"

// PythonVariable names the environment variable that holds the Python that the
// environments are made with; without it that is python3.
const PythonVariable = "PASTED_E2E_PYTHON"

// ErrNotPrepared says that an environment is missing or is not what its
// requirements ask for.
var ErrNotPrepared = errors.New("want `go run ./e2e/prepare` first")

// A Layout says where things are.
type Layout struct {
	Root  string // the repository
	Cache string // the folder of the environments
}

// Find returns the layout of the repository that the working directory is in.
func Find() (Layout, error) {
	root, err := repository()
	if err != nil {
		return Layout{}, err
	}
	cache := os.Getenv(CacheVariable)
	if cache == "" {
		cache = filepath.Join(root, ".cache", "venvs")
	}
	cache, err = filepath.Abs(cache)
	return Layout{Root: root, Cache: cache}, err
}

// repository returns the nearest folder upwards that has a go.mod.
func repository() (string, error) {
	start, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("%s: want a folder of the repository", start)
		}
	}
}

// Names returns the environments' names, one for each requirement file.
func (l Layout) Names() ([]string, error) {
	files, err := filepath.Glob(filepath.Join(l.requirements(), "*.txt"))
	var names []string
	for _, f := range files {
		names = append(names, strings.TrimSuffix(filepath.Base(f), ".txt"))
	}
	return names, err
}

// Dir returns the environment's folder, whether it is there or not.
func (l Layout) Dir(name string) string { return filepath.Join(l.Cache, name) }

// Ready returns the environment's folder, or ErrNotPrepared, wrapped, if it was
// not made from today's requirements. It does not ask which Python is the
// default one today: an environment that is there works with its own.
func (l Layout) Ready(name string) (string, error) {
	text, err := os.ReadFile(l.file(name))
	if err != nil {
		return "", err
	}
	// tools/venv writes it last: the Python's version, the requirements' sum.
	stamp, err := os.ReadFile(filepath.Join(l.Dir(name), "stamp"))
	if err != nil || !strings.Contains(string(stamp), fmt.Sprintf(" %x ", sha256.Sum256(text))) {
		return "", fmt.Errorf("virtual environment %s: %w", l.Dir(name), ErrNotPrepared)
	}
	return l.Dir(name), nil
}

// python2 is how the requirements begin of an environment of Python 2.7.
const python2 = "# Python 2.7"

// wantsPython2 says whether the environment is one of Python 2.7.
func (l Layout) wantsPython2(name string) bool {
	text, err := os.ReadFile(l.file(name))
	return err == nil && strings.HasPrefix(string(text), python2)
}

func (l Layout) requirements() string { return filepath.Join(l.Root, "e2e", "requirements") }

func (l Layout) file(name string) string { return filepath.Join(l.requirements(), name+".txt") }

// FindPython returns the interpreter that PythonVariable names, or python3: its
// own path, not that of a shim, which would answer differently in another
// folder.
func FindPython() (string, error) {
	name := os.Getenv(PythonVariable)
	if name == "" {
		name = "python3"
	}
	const question = `import sys; print(sys.executable if sys.version_info >= (3, 11) else "")`
	out, err := exec.Command(name, "-c", question).Output()
	if err != nil {
		return "", fmt.Errorf("%s: want Python 3.11 or later: %w", name, err)
	}
	path := strings.TrimSpace(string(out))
	if path == "" {
		return "", fmt.Errorf("%s: want Python 3.11 or later, as the pinned packages do: %s names another", name, PythonVariable)
	}
	return path, nil
}

package interpreter_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// minors are the minor versions of Python 3 that tests look for.
var minors = []int{6, 7, 8, 9, 10, 11, 12, 13, 14}

// eachPython runs test for every minor version, in parallel; those that are not
// on this machine are skipped.
func eachPython(t *testing.T, test func(t *testing.T, python string, minor int)) {
	t.Helper()
	for _, minor := range minors {
		t.Run(fmt.Sprintf("3.%d", minor), func(t *testing.T) {
			t.Parallel()
			test(t, python(t, minor), minor)
		})
	}
}

// python returns the path of a Python of that minor version, on the PATH or
// pyenv's, or skips the test.
func python(t *testing.T, minor int) string {
	t.Helper()
	want := fmt.Sprintf("3.%d", minor)
	for _, path := range candidates(want) {
		out, err := exec.Command(path, "-c", "import sys; print('%d.%d' % sys.version_info[:2])").Output()
		if err == nil && strings.TrimSpace(string(out)) == want {
			return path
		}
	}
	t.Skipf("no Python %s on the PATH or under pyenv", want)
	return ""
}

func candidates(version string) []string {
	root := os.Getenv("PYENV_ROOT")
	if home, err := os.UserHomeDir(); root == "" && err == nil {
		root = filepath.Join(home, ".pyenv")
	}
	paths, _ := filepath.Glob(filepath.Join(root, "versions", version+".*", "bin", "python"+version))
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		path := filepath.Join(dir, "python"+version)
		if _, err := os.Stat(path); err == nil && filepath.IsAbs(dir) {
			paths = append(paths, path)
		}
	}
	return paths
}

// anyPython returns the newest Python, or skips the test.
func anyPython(t testing.TB) string {
	t.Helper()
	for i := len(minors) - 1; i >= 0; i-- {
		for _, path := range candidates(fmt.Sprintf("3.%d", minors[i])) {
			if exec.Command(path, "-c", "").Run() == nil {
				return path
			}
		}
	}
	if path, err := exec.LookPath("python3"); err == nil {
		return path
	}
	t.Skip("no Python 3 on the PATH or under pyenv")
	return ""
}

// output runs a program and returns what it writes on its standard output.
func output(t *testing.T, name string, args ...string) string {
	t.Helper()
	var stderr strings.Builder
	cmd := exec.Command(name, args...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, stderr.String())
	}
	return strings.TrimSpace(string(out))
}

// write writes files below dir, and their directories.
func write(t testing.TB, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		mode := os.FileMode(0o644)
		if strings.HasPrefix(text, "#!") {
			mode = 0o755
		}
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
}

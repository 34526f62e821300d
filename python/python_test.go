package python_test

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pasted/python"
)

// minors are the Pythons 3 that Pasted works with.
var minors = []int{6, 7, 8, 9, 10, 11, 12, 13, 14}

// find returns an interpreter of Python 3.minor, or "" if there is none: one of
// pyenv's, one on the PATH, or the system's own.
func find(minor int) string {
	version := fmt.Sprintf("3.%d", minor)
	home, _ := os.UserHomeDir()
	found, _ := filepath.Glob(filepath.Join(home, ".pyenv", "versions", version+"*", "bin", "python"))
	for _, name := range []string{"python" + version, "python3"} {
		if path, err := exec.LookPath(name); err == nil {
			found = append(found, path)
		}
	}
	for _, path := range found {
		out, err := exec.Command(path, "-c", "import sys; print('%d.%d' % sys.version_info[:2])").Output()
		if err == nil && strings.TrimSpace(string(out)) == version {
			return path
		}
	}
	return ""
}

// TestUnderEveryPython runs the tests of tests/ in each Python that is there.
func TestUnderEveryPython(t *testing.T) {
	for _, minor := range minors {
		t.Run(fmt.Sprintf("3.%d", minor), func(t *testing.T) {
			path := find(minor)
			if path == "" {
				t.Skipf("no Python 3.%d on this machine", minor)
			}
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), path, "-B", "-m", "unittest", "discover")
			cmd.Dir = "tests"
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Errorf("%s: %v\n%s", path, err, out)
			}
		})
	}
}

func TestModulesAreTheSourcesByName(t *testing.T) {
	modules := python.Modules()
	for _, name := range []string{"pasted_worker", "pasted_worker.importer", "pasted_worker.main", "pasted_worker.urlmap"} {
		if modules[name] == "" {
			t.Errorf("no source of %s among %q", name, slices.Sorted(maps.Keys(modules)))
		}
	}
	source, err := os.ReadFile(filepath.Join("pasted_worker", "lane.py"))
	if err != nil {
		t.Fatal(err)
	}
	if modules["pasted_worker.lane"] != string(source) {
		t.Error("pasted_worker.lane is not what stands in lane.py")
	}
}

// TestBootReadsThePreludeAndNoMore boots an interpreter with nothing behind the
// Prelude: it ends without a word.
func TestBootReadsThePreludeAndNoMore(t *testing.T) {
	path, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no python3 on the PATH")
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := w.WriteString("print('read', __name__)" + strings.Repeat(" ", len(python.Prelude)-23) + "not Python"); err != nil {
		t.Fatal(err)
	}
	w.Close()
	cmd := exec.Command(path, "-c", python.Boot())
	cmd.ExtraFiles = []*os.File{r}
	out, err := cmd.CombinedOutput()
	if want := []byte("read pasted_boot\n"); err != nil || !bytes.Equal(out, want) {
		t.Errorf("%q, %v; want %q", out, err, want)
	}
}

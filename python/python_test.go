package python_test

import (
	"bytes"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pasted/e2e/venvs"
	"pasted/python"
)

// interpreter returns a Python by its name in package venvs, or skips the test.
func interpreter(t *testing.T, name string) string {
	t.Helper()
	layout, err := venvs.Find()
	if err != nil {
		t.Fatal(err)
	}
	path, err := layout.Interpreter(name)
	if err != nil {
		t.Skip(err)
	}
	return path
}

// TestUnderEveryPython runs the tests of tests/ in each Python that is there.
func TestUnderEveryPython(t *testing.T) {
	for _, name := range venvs.Interpreters {
		t.Run(name, func(t *testing.T) {
			path := interpreter(t, name)
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
	modules := python.Python3.Modules()
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
	if _, err := w.WriteString("print('read', __name__)" + strings.Repeat(" ", len(python.Python3.Prelude())-23) + "not Python"); err != nil {
		t.Fatal(err)
	}
	w.Close()
	cmd := exec.Command(path, "-c", python.Python3.Boot())
	cmd.ExtraFiles = []*os.File{r}
	out, err := cmd.CombinedOutput()
	if want := []byte("read pasted_boot\n"); err != nil || !bytes.Equal(out, want) {
		t.Errorf("%q, %v; want %q", out, err, want)
	}
}

// TestPython2HasItsOwnModules compiles Python 2.7's side, the modules that it
// shares with Python 3's included.
func TestPython2HasItsOwnModules(t *testing.T) {
	modules := python.Python2.Modules()
	for _, name := range []string{"pasted_worker", "pasted_worker.process", "pasted_worker.descriptors", "pasted_worker.frames"} {
		if modules[name] == "" {
			t.Errorf("no source of %s among %q", name, slices.Sorted(maps.Keys(modules)))
		}
	}
	if modules["pasted_worker.lane"] == python.Python3.Modules()["pasted_worker.lane"] {
		t.Error("pasted_worker.lane is that of Python 3")
	}
	path := interpreter(t, "2.7")
	for name, source := range modules {
		cmd := exec.Command(path, "-c", "import sys; compile(sys.stdin.read(), sys.argv[1], 'exec')", name)
		cmd.Stdin = strings.NewReader(source)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}

// TestUnderPython2 runs the tests of tests27/: their side is a Python 3's, the
// process that they start and talk to is of Python 2.7.
func TestUnderPython2(t *testing.T) {
	path := interpreter(t, "2.7")
	python3, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no python3 on the PATH")
	}
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), python3, "-B", "-m", "unittest", "discover")
	cmd.Dir = "tests27"
	cmd.Env = append(os.Environ(), "PASTED_PYTHON2="+path)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", path, err, out)
	}
}

// TestUnderGevent runs the tests of testsgevent/, whose worker has greenlets in
// the place of threads, in the environment that has gevent.
func TestUnderGevent(t *testing.T) {
	layout, err := venvs.Find()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := layout.Ready("gevent")
	if err != nil {
		t.Skip(err)
	}
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), filepath.Join(dir, "bin", "python"), "-B", "-m", "unittest", "discover")
	cmd.Dir = "testsgevent"
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", dir, err, out)
	}
}

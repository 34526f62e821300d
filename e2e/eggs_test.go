package e2e_test

import (
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"pasted/e2e/harness"
)

// TestEggsOfTheVirtualEnvironmentBesideTheFile says nothing of an interpreter:
// the .venv beside the file is found, and all that is installed there.
func TestEggsOfTheVirtualEnvironmentBesideTheFile(t *testing.T) {
	for _, version := range []string{"3.6", "3.8", "3.11", "3.13"} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			interpreter, err := findPython(version)
			if err != nil {
				t.Skip(err)
			}
			dir := t.TempDir()
			makeEggs(t, interpreter, dir)
			port := harness.Port(t)
			server := harness.Start(t, harness.Options{
				Binary: race(t), Dir: t.TempDir(), Port: port, Env: []string{"VIRTUAL_ENV=/nowhere"},
				Args: []string{"serve", filepath.Join(dir, "site.ini"), "e2e_port=" + strconv.Itoa(port)},
			})
			if page := get(t, newClient(t), server.URL+"/"); page.String() != "one two app\n" {
				t.Errorf("%q, want both filters and the application", page)
			}
		})
	}
}

// makeEggs makes a virtual environment in dir/.venv and writes the files of
// testdata/eggs into it and beside it.
func makeEggs(t *testing.T, interpreter, dir string) {
	t.Helper()
	env := filepath.Join(dir, ".venv")
	if out, err := exec.Command(interpreter, "-m", "venv", "--without-pip", env).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	found, err := filepath.Glob(filepath.Join(env, "lib", "python*", "site-packages"))
	if err != nil || len(found) != 1 {
		t.Fatalf("site-packages: %v, %v", found, err)
	}
	packages, err := filepath.Rel(dir, found[0])
	if err != nil {
		t.Fatal(err)
	}
	archive, err := txtar.ParseFile(filepath.Join("testdata", "eggs", "eggs.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range archive.Files {
		if name, ok := strings.CutPrefix(f.Name, "site-packages/"); ok {
			archive.Files[i].Name = filepath.Join(packages, name)
		}
		archive.Files[i].Data = []byte(strings.ReplaceAll(string(f.Data), "{dir}", dir))
	}
	writeFiles(t, archive, dir)
}

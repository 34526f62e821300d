package release_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pasted/internal/outcome"
	"pasted/internal/release"
)

// corpus returns the folder of the library's own outcomes.
func corpus(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("PASTED_CORPUS")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "corpus")
	}
	dir, err := filepath.EvalSymlinks(dir) // as Python sees the working directory
	if err != nil {
		t.Skip("the corpus of PasteDeploy's outcomes is not here; set PASTED_CORPUS to its folder")
	}
	dir, err = filepath.Abs(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "expected-synthetic")); err != nil {
		t.Skip("the corpus of PasteDeploy's outcomes is not here; set PASTED_CORPUS to its folder")
	}
	return dir
}

func python3(t *testing.T) string {
	t.Helper()
	for _, name := range []string{os.Getenv("PASTED_PYTHON"), "/usr/bin/python3", "python3"} {
		if path, err := exec.LookPath(name); err == nil && name != "" {
			return path
		}
	}
	t.Skip("no python3 here")
	return ""
}

// accidents are calls whose outcome belongs to the versions that the corpus was
// made with: by case, what stands for it.
var accidents = map[string]struct{ class, message string }{
	// PasteDeploy 3.0.1 trips over a function that Python 3.11 has not any
	// more, where it wants to say more of a TypeError. 3.1 says it.
	"fac-missing-arguments": {"TypeError", "make_strict() missing 2 required positional arguments: 'first' and 'second'; " +
		"got ({'here':...ni'}), wanted (global_conf, first, second)"},
}

// settle puts the accident of a case, if it is one, in the place of what stands
// in the corpus.
func settle(name string, result outcome.Object) {
	accident, ok := accidents[name]
	creation, _ := result.Get("create").(outcome.Object)
	told, _ := creation.Get("error").(outcome.Object)
	if ok && told != nil {
		told[0].Value, told[1].Value = accident.class, accident.message
	}
}

func TestCallsOfCasesGiveWhatPasteDeployGives(t *testing.T) {
	dir, python := corpus(t), python3(t)
	cases, err := filepath.Glob(filepath.Join(dir, "synthetic", "*", "case.json"))
	if err != nil || len(cases) == 0 {
		t.Fatalf("no cases in %s: %v", dir, err)
	}
	calls := 0
	for _, path := range cases {
		name := filepath.Base(filepath.Dir(path))
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir()) // and back again
			got, err := release.Calls(t.Context(), release.CallsOptions{
				Case: path, Eggs: filepath.Join(dir, "eggs"), Python: python,
				Stderr: os.Stderr, Log: slog.New(slog.DiscardHandler),
			})
			if err != nil {
				t.Fatal(err)
			}
			want := readExpected(t, dir, filepath.Join(dir, "expected-synthetic", name+".json"))
			calls += len(want.Results)
			compareResults(t, name, want.Results, got)
		})
	}
	t.Logf("%d cases, %d calls", len(cases), calls)
}

type expected struct {
	Results []json.RawMessage
}

func readExpected(t *testing.T, dir, path string) expected {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var e expected
	if err := json.Unmarshal(bytes.ReplaceAll(data, []byte("@CORPUS@"), []byte(dir)), &e); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return e
}

func compareResults(t *testing.T, name string, want []json.RawMessage, got outcome.Object) {
	t.Helper()
	results, _ := got.Get("results").([]outcome.Object)
	if len(results) != len(want) {
		t.Fatalf("%d results, want %d", len(results), len(want))
	}
	for i := range want {
		object, err := outcome.ObjectOf(want[i])
		if err != nil {
			t.Fatal(err)
		}
		settle(name, object)
		if diff := cmp.Diff(indented(t, object), indented(t, results[i])); diff != "" {
			t.Errorf("call %d: (-want +got)\n%s", i, diff)
		}
	}
}

// indented returns a value as JSON, its keys in their order.
func indented(t *testing.T, value any) string {
	t.Helper()
	object, err := outcome.ObjectOf(value)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := outcome.Write(&b, object, false); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

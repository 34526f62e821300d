package release_test

import (
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"pasted/internal/outcome"
	"pasted/internal/release"
)

var update = flag.Bool("update", false, "rewrite what the cases in testdata want")

// TestCallsGiveWhatTheRulesSay makes the calls of each case.json in testdata. A
// case wants a line of JSON for each call, without the call itself; @CASE@ is
// its folder.
func TestCallsGiveWhatTheRulesSay(t *testing.T) {
	python := python3(t)
	paths, err := filepath.Glob(filepath.Join("testdata", "calls", "*.txtar"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, path := range paths {
		abs, err := filepath.Abs(path)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			checkCalls(t, abs, python)
		})
	}
}

func checkCalls(t *testing.T, path, python string) {
	archive, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	want := -1
	for i, f := range archive.Files {
		if f.Name == "want" {
			want = i
			continue
		}
		file := filepath.Join(dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, f.Data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	results, err := release.Calls(t.Context(), release.CallsOptions{
		Case: "case.json", Eggs: "eggs", Python: python,
		Stderr: os.Stderr, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	got := strings.ReplaceAll(lines(t, results), dir, "@CASE@")
	if *update {
		archive.Files[want].Data = []byte(got)
		if err := os.WriteFile(path, txtar.Format(archive), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(archive.Files[want].Data), got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// lines writes each result on a line of its own, without its call.
func lines(t *testing.T, results outcome.Object) string {
	t.Helper()
	var b strings.Builder
	for _, result := range results.Get("results").([]outcome.Object) {
		if err := outcome.Write(&b, result[1:], true); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

// TestDeepTreesAreCreated: PasteDeploy resolves, and so creates, a chain of up
// to some 480 sections.
func TestDeepTreesAreCreated(t *testing.T) {
	const depth = 450
	python, dir := python3(t), t.TempDir()
	var file strings.Builder
	for i := range depth {
		fmt.Fprintf(&file, "[filter-app:%d]\nnext = %d\npaste.filter_factory = deep:make_filter\n", i, i+1)
	}
	fmt.Fprintf(&file, "[app:%d]\npaste.app_factory = deep:make\n", depth)
	for name, text := range map[string]string{
		"main.ini": file.String(),
		"deep.py": "def make(global_conf):\n    return make\n\n" +
			"def make_filter(global_conf):\n    return lambda app: app\n",
		"case.json": `{"calls": [{"fn": "loadapp", "uri": "config:@CASE@/main.ini#0"}]}`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	results, err := release.Calls(t.Context(), release.CallsOptions{
		Case: "case.json", Eggs: ".", Python: python, Stderr: os.Stderr, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := lines(t, results); !strings.Contains(got, `"create":{"result":{"callable":"make"}`) {
		t.Errorf("a chain of %d sections gives …%s", depth, got[max(0, len(got)-300):])
	}
}

package watch_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"pasted/internal/watch"
)

// tree is what patterns are tried on.
var tree = []string{
	"a.py", "b.py", ".hidden.py", "a[1].py", "ä.py", "sub/c.py", "sub/.d/e.py", "sub/f/g.py", "sub/f/h.txt",
	".dot/i.py", "x-y", "xzy", "x]y", `x\y`, "x^y",
}

var patterns = []string{
	"*.py", "?.py", "*", ".*", ".*.py", "**", "**/*.py", "**/**/*.py", "sub/**/**", "*/*.py", "sub/**", "sub/**/g.py", "sub/*/g.py", "**/f/*",
	"[ab].py", "[!a].py", "[a-b].py", "a[[]1].py", "x[-z]y", "x[]]y", "x[!]]y", `x[\]y`, "x[^z]y", "x[z^]y", "x[y", "x[]y",
	"nothing*", "sub/.d/*", "sub/.*/*.py", "**/.d/*.py", "ä*", "sub*/c.py", "*[1]*",
}

// TestPatternsAreThoseOfPython has Python's glob and fnmatch as the judge.
func TestPatternsAreThoseOfPython(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip(err)
	}
	dir := t.TempDir()
	for _, name := range tree {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	const ask = `
import fnmatch, glob, json, sys
dir, names, patterns = json.load(sys.stdin)
print(json.dumps([
    [sorted({p.rstrip("/") for p in glob.glob(dir + "/" + p, recursive=True)}) for p in patterns],
    [[n for n in names if fnmatch.fnmatchcase(n, p)] for p in patterns],
]))`
	cmd := exec.Command(python, "-c", ask)
	input, err := json.Marshal([]any{dir, tree, patterns})
	if err != nil {
		t.Fatal(err)
	}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		_, _ = stdin.Write(input)
		stdin.Close()
	}()
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var want [2][][]string
	if err := json.Unmarshal(out, &want); err != nil {
		t.Fatal(err)
	}
	for i, p := range patterns {
		got := watch.Expand(filepath.Join(dir, p))
		slices.Sort(got)
		if got = slices.Compact(got); !slices.Equal(got, want[0][i]) {
			t.Errorf("glob %s:\n got %q\nwant %q", p, got, want[0][i])
		}
		for _, name := range got {
			if !watch.GlobMatches(filepath.Join(dir, p), name) {
				t.Errorf("glob %s: %s is found and does not match", p, name)
			}
		}
		var matched []string
		for _, name := range tree {
			if watch.FnMatches(p, name) {
				matched = append(matched, name)
			}
		}
		if !slices.Equal(matched, want[1][i]) {
			t.Errorf("fnmatch %s:\n got %q\nwant %q", p, matched, want[1][i])
		}
	}
}

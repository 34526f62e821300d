package paths_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"pasted/internal/ini"
	"pasted/internal/paths"
	"pasted/internal/setting"
)

var update = flag.Bool("update", false, "rewrite what the cases want")

// read reads rules, a line each.
func read(t testing.TB, text string) (*paths.Table, error) {
	t.Helper()
	file, err := ini.Parse("paths", []byte("[pasted:paths]\n"+text))
	if err != nil {
		t.Fatal(err)
	}
	var options []setting.Option
	for _, o := range file.Section("pasted:paths").Options() {
		options = append(options, setting.Option{Name: o.Name, Value: o.Raw, Line: o.Line - 1})
	}
	r := setting.NewReader("paths", "pasted:paths", options)
	table := paths.Read(r)
	return table, r.Err()
}

// show tells what a rule says beyond what holds without one.
func show(rule *paths.Rule) string {
	words := []string{rule.Pattern}
	if rule.Pattern == "" {
		words[0] = "no rule"
	}
	if rule.Timeout > 0 {
		words = append(words, fmt.Sprintf("timeout=%v", rule.Timeout))
	}
	if rule.Idempotent {
		words = append(words, "idempotent")
	}
	if !rule.BodyBuffer {
		words = append(words, "unbuffered")
	}
	words = append(words, map[paths.Priority]string{paths.High: "high", paths.Low: "low"}[rule.Priority])
	return strings.TrimSpace(strings.Join(words, " "))
}

func TestCases(t *testing.T) {
	cases, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(cases) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, name := range cases {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			table, err := read(t, string(archive.Files[0].Data))
			var got strings.Builder
			if err != nil {
				fmt.Fprintln(&got, err)
			} else {
				for path := range strings.Lines(string(archive.Files[1].Data)) {
					path = strings.TrimSpace(path)
					fmt.Fprintf(&got, "%s → %s\n", path, show(table.Find(nil, []byte(path))))
				}
			}
			last := &archive.Files[len(archive.Files)-1]
			if *update {
				last.Data = []byte(got.String())
				if err := os.WriteFile(name, txtar.Format(archive), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(string(last.Data), got.String()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestSplitOfMountDoesNotMatter(t *testing.T) {
	table, err := read(t, "/a/b/c = timeout=1\n/a/*/d = timeout=2\n/ = timeout=3\n")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/a/b/c", "/a/b/c/x", "/a/b/d", "/a", "/", "/a/b/", "/x/y/z"} {
		want := table.Find(nil, []byte(path))
		for i := range path {
			if path[i] != '/' {
				continue
			}
			if got := table.Find([]byte(path[:i]), []byte(path[i:])); got != want {
				t.Errorf("Find(%q, %q) = %q, want %q", path[:i], path[i:], got.Pattern, want.Pattern)
			}
		}
		if got := table.Find([]byte(path), nil); got != want {
			t.Errorf("Find(%q, nil) = %q, want %q", path, got.Pattern, want.Pattern)
		}
	}
}

func TestNoRules(t *testing.T) {
	table, err := read(t, "")
	if table != nil || err != nil {
		t.Errorf("Read() of nothing = %v, %v", table, err)
	}
	if rule := table.Find(nil, []byte("/a")); *rule != (paths.Rule{BodyBuffer: true}) {
		t.Errorf("what holds without rules: %+v", *rule)
	}
}

// FuzzFind holds Find to what the package says of it, said in another way: all
// rules are looked at.
func FuzzFind(f *testing.F) {
	f.Add("/a /a/* /*/b /a/b", "/a/b")
	f.Add("/ /* /*/*/c /a/*/c /a/b", "/a/b/c/d")
	f.Fuzz(func(t *testing.T, rules, path string) {
		if strings.ContainsAny(rules, "=:%\r\x00[#;") || strings.Count(rules, "/") > 40 {
			t.Skip()
		}
		var text strings.Builder
		var patterns []string
		for _, rule := range strings.Fields(rules) {
			text.WriteString(rule + " = timeout=1\n")
			patterns = append(patterns, strings.TrimSuffix(rule, "/"))
		}
		file, err := ini.Parse("paths", []byte("[pasted:paths]\n"+text.String()))
		if err != nil || file.Section("pasted:paths") == nil {
			t.Skip()
		}
		table, err := read(t, text.String())
		if err != nil {
			t.Skip()
		}
		want := best(patterns, path)
		if got := table.Find(nil, []byte(path)).Pattern; got != want {
			t.Errorf("of %q, %q has %q, want %q", patterns, path, got, want)
		}
	})
}

// best returns the pattern that holds for path, empty for none.
func best(patterns []string, path string) string {
	segments := strings.Split(path, "/")[1:]
	if !strings.HasPrefix(path, "/") {
		segments = nil
	}
	found, rank := "", ""
	for _, pattern := range patterns {
		parts := strings.Split(pattern, "/")[1:]
		matches := len(parts) <= len(segments)
		key := fmt.Sprintf("%03d", len(parts))
		for i := 0; matches && i < len(parts); i++ {
			switch {
			case parts[i] == "*":
				matches = segments[i] != ""
				key += "0"
			default:
				matches = parts[i] == segments[i]
				key += "1"
			}
		}
		if matches && key > rank {
			if found, rank = pattern, key; pattern == "" {
				found = "/"
			}
		}
	}
	return found
}

func TestFindAllocatesNothing(t *testing.T) {
	table, err := read(t, "/api/report = timeout=5m\n/users/*/blob = body_buffer=off\n/a/b/c/d/* = timeout=1\n")
	if err != nil {
		t.Fatal(err)
	}
	script, path := []byte("/users"), []byte("/someone/blob/17")
	if n := testing.AllocsPerRun(100, func() { table.Find(script, path) }); n != 0 {
		t.Errorf("%v allocations for a path", n)
	}
}

func BenchmarkFind(b *testing.B) {
	script, path := []byte(""), []byte("/users/someone/blob/17")
	for name, rules := range map[string]string{
		"none":  "",
		"three": "/api/report = timeout=5m\n/users/*/blob = body_buffer=off\n/a/b/c/d/* = timeout=1\n",
	} {
		table, err := read(b, rules)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				table.Find(script, path)
			}
		})
	}
}

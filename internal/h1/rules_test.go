package h1_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// TestRulesAreShown holds testdata/rules.txt to naming cases and tests that
// there are, and every file of cases to being named.
func TestRulesAreShown(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "rules.txt"))
	if err != nil {
		t.Fatal(err)
	}
	shows := shown(t)
	unnamed := make(map[string]bool)
	for name := range shows {
		if file, _, ok := strings.Cut(name, "/"); ok {
			unnamed[file] = true
		}
	}
	for i, line := range strings.Split(string(text), "\n") {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		columns := strings.Split(line, " | ")
		if len(columns) != 4 {
			t.Fatalf("rules.txt:%d: %d columns, want paragraph, rule, choice, cases", i+1, len(columns))
		}
		for name := range strings.SplitSeq(columns[3], ";") {
			name = strings.TrimSpace(name)
			if !shows[name] {
				t.Errorf("rules.txt:%d: there is no case or test %q", i+1, name)
			}
			file, _, _ := strings.Cut(name, "/")
			delete(unnamed, file)
		}
	}
	delete(unnamed, "limits-trailer-line") // shows a limit of our own
	for file := range unnamed {
		t.Errorf("rules.txt names no case of %s.txtar", file)
	}
}

var testFunction = regexp.MustCompile(`(?m)^func (Test\w+)\(`)

// shown returns the names of all cases, with their file's, and of the tests
// here and of the built server.
func shown(t *testing.T) map[string]bool {
	t.Helper()
	names := make(map[string]bool)
	for _, file := range caseFiles(t) {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range archive.Files {
			names[strings.TrimSuffix(filepath.Base(file), ".txtar")+"/"+part.Name] = true
		}
	}
	for _, pattern := range []string{"*_test.go", filepath.Join("..", "..", "e2e", "strict", "*_test.go")} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, match := range testFunction.FindAllSubmatch(text, -1) {
				names[string(match[1])] = true
			}
		}
	}
	return names
}

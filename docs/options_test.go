package docs_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestEveryOptionOfTheWorkersIsDescribedOnce compares what the release package
// reads with the headings of a page.
func TestEveryOptionOfTheWorkersIsDescribedOnce(t *testing.T) {
	page, err := os.ReadFile("workers.md")
	if err != nil {
		t.Fatal(err)
	}
	var described []string
	for _, match := range regexp.MustCompile("(?m)^#+ `([^`]+)`$").FindAllSubmatch(page, -1) {
		described = append(described, strings.TrimSuffix(string(match[1]), "NAME"))
	}
	slices.Sort(described)
	if read := optionsRead(t); !slices.Equal(read, described) {
		t.Errorf("headings of workers.md: %q\nwant what is read: %q", described, read)
	}
}

// TestEveryWordOfThePathsIsDescribedOnce compares what the paths package knows
// with the headings of a page.
func TestEveryWordOfThePathsIsDescribedOnce(t *testing.T) {
	found := func(file, pattern string) (names []string) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range regexp.MustCompile(pattern).FindAllSubmatch(text, -1) {
			names = append(names, string(match[1]))
		}
		return names
	}
	described := found("paths.md", "(?m)^### `([^`]+)`$")
	known := found(filepath.Join("..", "internal", "paths", "read.go"), `\{"([a-z_]+)", func\(`)
	if len(known) == 0 || !slices.Equal(described, known) {
		t.Errorf("headings of paths.md: %q\nwant what is known: %q", described, known)
	}
}

// optionsRead returns, sorted, the names that the calls on a setting.Reader
// called r have: of r.Int("processes", …) and readDir(r, "chdir", …).
func optionsRead(t *testing.T) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", "internal", "release", "settings.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		args := call.Args
		if method, ok := call.Fun.(*ast.SelectorExpr); !ok || !isReader(method.X) {
			if len(args) < 2 || !isReader(args[0]) {
				return true
			}
			args = args[1:]
		}
		if len(args) == 0 {
			return true
		}
		if literal, ok := args[0].(*ast.BasicLit); ok && literal.Kind == token.STRING {
			name, _ := strconv.Unquote(literal.Value)
			names[name] = true
		}
		return true
	})
	var sorted []string
	for name := range names {
		sorted = append(sorted, name)
	}
	slices.Sort(sorted)
	return sorted
}

func isReader(expr ast.Expr) bool {
	name, ok := expr.(*ast.Ident)
	return ok && name.Name == "r"
}

// TestLinksLeadSomewhere follows the links within the repository, their
// fragments included.
func TestLinksLeadSomewhere(t *testing.T) {
	pages, _ := filepath.Glob("*.md")
	for _, page := range append(pages, "../README.md", "../ARCHITECTURE.md", "../CHANGELOG.md") {
		data, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range regexp.MustCompile(`\]\(([^)\s]+)\)`).FindAllSubmatch(data, -1) {
			target, err := url.Parse(string(match[1]))
			if err != nil || target.Scheme != "" {
				continue
			}
			checkLink(t, page, target)
		}
	}
}

func checkLink(t *testing.T, page string, target *url.URL) {
	t.Helper()
	path := page
	if target.Path != "" {
		path = filepath.Join(filepath.Dir(page), target.Path)
	}
	data, err := os.ReadFile(path)
	if info, statErr := os.Stat(path); statErr == nil && info.IsDir() {
		return
	}
	if err != nil {
		t.Errorf("%s: link to %s: %v", page, target, err)
		return
	}
	if target.Fragment != "" && !slices.Contains(anchors(string(data)), target.Fragment) {
		t.Errorf("%s: link to %s: no such heading", page, target)
	}
}

// anchors returns what the headings of a page are called in links.
func anchors(page string) []string {
	var names []string
	for line := range strings.Lines(page) {
		if heading := strings.TrimLeft(line, "#"); heading != line && strings.HasPrefix(heading, " ") {
			name := strings.ToLower(strings.TrimSpace(heading))
			name = regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(name, "")
			names = append(names, strings.ReplaceAll(name, " ", "-"))
		}
	}
	return names
}

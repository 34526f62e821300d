package floors_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const root = "../.."

// floors are the packages from the ground up. A package imports only those of
// lower floors. The end-to-end tests and the benchmarks stand outside: they run
// the built program.
var floors = [][]string{
	{"internal/spelling", "internal/watch", "internal/browser", "internal/systemd", "internal/keeper"},
	{"internal/ini", "internal/setting", "internal/marshal", "internal/wire", "internal/spool", "internal/h1", "internal/board", "python"},
	{"paste", "internal/interpreter", "internal/wsgi", "internal/paths", "internal/forwarding"},
	{
		"internal/placement", "internal/worker", "internal/balancer", "internal/health", "internal/proxy",
		"internal/egg/paste", "internal/egg/pasted", "internal/httpd", "internal/metrics",
	},
	{"internal/pool", "internal/outcome", "paste/eggs"},
	{"internal/release", "internal/graph", "internal/cluster"},
	{"internal/check", "internal/admin", "internal/dashboard"},
	{"cmd/pasted"},
}

// outside are packages that no floor has: tests, and programs for them.
var outside = []string{"internal/floors", "e2e", "e2e/differ", "e2e/chaos", "e2e/harness", "e2e/prepare", "e2e/venvs", "bench", "docs", "examples/gohandlers"}

// A file is one parsed Go file that is not a test.
type file struct {
	path string // from the repository's root
	dir  string
	tree *ast.File
	fset *token.FileSet
}

func (f file) lines() int { return f.fset.File(f.tree.Pos()).LineCount() }

func (f file) at(n ast.Node) string {
	return f.path + ":" + strconv.Itoa(f.fset.Position(n.Pos()).Line)
}

// sources parses the repository's Go files but tests.
func sources(t *testing.T) []file {
	t.Helper()
	var files []file
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() && path != root && (strings.HasPrefix(name, ".") || name == "testdata" || name == "bin") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		fset := token.NewFileSet()
		tree, err := parser.ParseFile(fset, path, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		files = append(files, file{rel, filepath.Dir(rel), tree, fset})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 10 {
		t.Fatalf("%d files found: the walk is broken", len(files))
	}
	return files
}

// floor returns the floor of a package, counted from 0, or -1.
func floor(pkg string) int {
	return slices.IndexFunc(floors, func(f []string) bool { return slices.Contains(f, pkg) })
}

func TestImportsGoDownOnly(t *testing.T) {
	for _, f := range sources(t) {
		if slices.Contains(outside, f.dir) {
			continue
		}
		from := floor(f.dir)
		if from < 0 {
			t.Errorf("%s: package %s stands on no floor", f.path, f.dir)
			continue
		}
		for _, spec := range f.tree.Imports {
			path, _ := strconv.Unquote(spec.Path.Value)
			imported, ours := strings.CutPrefix(path, "pasted/")
			if to := floor(imported); ours && (to < 0 || to >= from) {
				t.Errorf("%s: %s imports %s, which is not below it", f.at(spec), f.dir, imported)
			}
		}
	}
}

func TestPublicPackageImportsLittle(t *testing.T) {
	for _, f := range sources(t) {
		if f.dir != "paste" {
			continue
		}
		for _, spec := range f.tree.Imports {
			path, _ := strconv.Unquote(spec.Path.Value)
			ours := path == "pasted/internal/ini" || path == "pasted/internal/setting"
			if first, _, _ := strings.Cut(path, "/"); !ours && (first == "pasted" || strings.Contains(first, ".")) {
				t.Errorf("%s: paste imports %s: want internal/ini, internal/setting and the standard library alone", f.at(spec), path)
			}
		}
	}
}

// only are calls that a few packages may make.
var only = map[string][]string{
	"os.Exit":         {"cmd/pasted", "e2e/differ", "e2e/chaos", "e2e/prepare", "bench", "examples/gohandlers"},
	"net.Listen":      {"internal/httpd", "e2e/chaos", "e2e/harness", "bench"},
	"exec.Command":    {"internal/interpreter", "internal/browser", "e2e/differ", "e2e/chaos", "e2e/harness", "e2e/venvs", "bench"},
	"os.StartProcess": {"internal/worker", "internal/keeper"},
	"log.Fatal":       {},
	"log.Printf":      {},
	"fmt.Println":     {},
	"fmt.Printf":      {},
}

func TestCallsThatFewMayMake(t *testing.T) {
	for _, f := range sources(t) {
		ast.Inspect(f.tree, func(n ast.Node) bool {
			call, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			pkg, ok := call.X.(*ast.Ident)
			if !ok {
				return true
			}
			name := pkg.Name + "." + call.Sel.Name
			allowed, restricted := only[name]
			if restricted && !slices.Contains(allowed, f.dir) {
				t.Errorf("%s: %s calls %s: want that in %v alone", f.at(n), f.dir, name, allowed)
			}
			return true
		})
	}
}

func TestNamesAndSizes(t *testing.T) {
	bad := []string{"util", "utils", "common", "base", "types", "helpers", "misc"}
	for _, f := range sources(t) {
		if slices.Contains(bad, f.tree.Name.Name) {
			t.Errorf("%s: package %s: want a noun", f.path, f.tree.Name.Name)
		}
		if n := f.lines(); n > 500 {
			t.Errorf("%s has %d lines: want 500 at most", f.path, n)
		}
		for _, decl := range f.tree.Decls {
			function, ok := decl.(*ast.FuncDecl)
			if !ok {
				continue
			}
			if function.Name.Name == "init" {
				t.Errorf("%s: want no init", f.at(function))
			}
			if n := f.fset.Position(function.End()).Line - f.fset.Position(function.Pos()).Line; n > 80 {
				t.Errorf("%s: %s has %d lines: want 80 at most", f.at(function), function.Name.Name, n)
			}
		}
	}
}

func TestEveryExportedNameHasAComment(t *testing.T) {
	for _, f := range sources(t) {
		for _, decl := range f.tree.Decls {
			switch decl := decl.(type) {
			case *ast.FuncDecl:
				if decl.Name.IsExported() && exportedReceiver(decl) && decl.Doc == nil {
					t.Errorf("%s: %s has no comment", f.at(decl), decl.Name.Name)
				}
			case *ast.GenDecl:
				checkSpecs(t, f, decl)
			}
		}
	}
}

// exportedReceiver says whether a function is one, or a method of an exported
// type.
func exportedReceiver(decl *ast.FuncDecl) bool {
	if decl.Recv == nil {
		return true
	}
	expr := decl.Recv.List[0].Type
	if star, ok := expr.(*ast.StarExpr); ok {
		expr = star.X
	}
	if generic, ok := expr.(*ast.IndexExpr); ok {
		expr = generic.X
	}
	name, ok := expr.(*ast.Ident)
	return ok && name.IsExported()
}

func checkSpecs(t *testing.T, f file, decl *ast.GenDecl) {
	t.Helper()
	for _, spec := range decl.Specs {
		switch spec := spec.(type) {
		case *ast.TypeSpec:
			if spec.Name.IsExported() && decl.Doc == nil && spec.Doc == nil {
				t.Errorf("%s: %s has no comment", f.at(spec), spec.Name.Name)
			}
		case *ast.ValueSpec:
			if spec.Names[0].IsExported() && decl.Doc == nil && spec.Doc == nil && spec.Comment == nil {
				t.Errorf("%s: %s has no comment", f.at(spec), spec.Names[0].Name)
			}
		}
	}
}

func TestTheTreeIsDescribed(t *testing.T) {
	for _, name := range []string{"README.md", "ARCHITECTURE.md", "CHANGELOG.md"} {
		if _, err := os.Stat(filepath.Join(root, name)); err != nil {
			t.Errorf("%s is missing", name)
		}
	}
}

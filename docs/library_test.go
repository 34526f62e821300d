package docs_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestGoOfTheLibraryPageIsOfTheLibrary parses the page's Go, and looks up what
// it uses of the packages.
func TestGoOfTheLibraryPageIsOfTheLibrary(t *testing.T) {
	page, err := os.ReadFile("library.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?ms)^```go\n(.*?)^```$").FindAllSubmatch(page, -1)
	if len(blocks) < 3 {
		t.Fatalf("%d blocks of Go", len(blocks))
	}
	known := map[string]map[string]bool{
		"paste": exported(t, filepath.Join("..", "paste")),
		"eggs":  exported(t, filepath.Join("..", "paste", "eggs")),
	}
	for _, block := range blocks {
		ast.Inspect(parseGo(t, string(block[1])), func(n ast.Node) bool {
			if use, ok := n.(*ast.SelectorExpr); ok {
				pkg, _ := use.X.(*ast.Ident)
				if pkg != nil && known[pkg.Name] != nil && !known[pkg.Name][use.Sel.Name] {
					t.Errorf("library.md: there is no %s.%s", pkg.Name, use.Sel.Name)
				}
			}
			return true
		})
	}
	for _, name := range regexp.MustCompile("`((?:Load|Set|Options|Config|Resolve|Decode|Registry)\\w*)`").FindAllSubmatch(page, -1) {
		if !known["paste"][string(name[1])] {
			t.Errorf("library.md: there is no paste.%s", name[1])
		}
	}
}

// parseGo parses declarations, or what stands in a function.
func parseGo(t *testing.T, text string) *ast.File {
	t.Helper()
	if !strings.HasPrefix(text, "func ") {
		text = "func _() {\n" + text + "}\n"
	}
	file, err := parser.ParseFile(token.NewFileSet(), "library.md", "package p\n"+text, 0)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// exported returns the exported names of a package.
func exported(t *testing.T, dir string) map[string]bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no files in %s: %v", dir, err)
	}
	names := make(map[string]bool)
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			switch decl := decl.(type) {
			case *ast.FuncDecl:
				if decl.Recv == nil {
					names[decl.Name.Name] = decl.Name.IsExported()
				}
			case *ast.GenDecl:
				for _, spec := range decl.Specs {
					if spec, ok := spec.(*ast.TypeSpec); ok {
						names[spec.Name.Name] = spec.Name.IsExported()
					}
				}
			}
		}
	}
	return names
}

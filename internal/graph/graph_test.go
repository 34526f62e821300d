package graph_test

import (
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	eggpaste "pasted/internal/egg/paste"
	"pasted/internal/graph"
	"pasted/internal/outcome"
	"pasted/paste"
)

var update = flag.Bool("update", false, "write what is drawn into the cases")

// anyServer takes every egg for one that has the server that is asked for.
type anyServer struct{}

func (anyServer) Installed(string) error { return nil }
func (anyServer) EntryPoint(_, group, _ string) (string, bool, error) {
	return "", group == "paste.server_runner", nil
}

// options are those of a case: files are read from it, eggs taken for installed.
func options(files map[string]string, main string) graph.Options {
	registry := new(paste.Registry)
	eggpaste.Register(registry, eggpaste.Options{})
	return graph.Options{
		File: main, Registry: registry, ServerEggs: anyServer{}, Assumed: "this is a test", All: true,
		Resolving: paste.Options{
			EntryPoints: outcome.WellKnown(), Assume: true,
			ReadFile: func(name string) ([]byte, error) {
				text, ok := files[name]
				if !ok {
					return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
				}
				return []byte(text), nil
			},
		},
	}
}

// TestCasesAreDrawn draws site.ini of every case. want.txt, want.mmd and
// want.svg are compared where the case has them; what it draws is sound anyway.
func TestCasesAreDrawn(t *testing.T) {
	paths, _ := filepath.Glob("testdata/*.txtar")
	if len(paths) == 0 {
		t.Fatal("no cases")
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			files := make(map[string]string)
			for _, f := range archive.Files {
				files["/srv/"+f.Name] = string(f.Data)
			}
			g, err := graph.Build(options(files, "/srv/site.ini"))
			if err != nil {
				t.Fatal(err)
			}
			sound(t, g)
			for i, f := range archive.Files {
				draw, ok := drawings[f.Name]
				if !ok {
					continue
				}
				drawn := draw(g)
				if *update {
					archive.Files[i].Data = []byte(drawn)
				} else if diff := cmp.Diff(string(f.Data), drawn); diff != "" {
					t.Errorf("%s (-want +drawn):\n%s", f.Name, diff)
				}
			}
			if *update {
				if err := os.WriteFile(path, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

var drawings = map[string]func(*graph.Graph) string{
	"want.txt":   func(g *graph.Graph) string { return g.Text(false) },
	"want.ascii": func(g *graph.Graph) string { return g.Text(true) },
	"want.mmd":   (*graph.Graph).Mermaid,
	"want.svg":   (*graph.Graph).SVG,
}

// sound wants of any graph what every graph promises.
func sound(t *testing.T, g *graph.Graph) {
	t.Helper()
	id, mistakes := 0, 0
	g.Walk(func(n *graph.Node) {
		id++
		if n.ID != id {
			t.Errorf("%s has the ID %d, want %d", n.Name, n.ID, id)
		}
		if n.Again < 0 || n.Again == n.ID {
			t.Errorf("%s is drawn again as %d", n.Name, n.Again)
		}
		if n.Placement != graph.Hosted && n.Root != -1 {
			t.Errorf("%s, %s, is in root %d", n.Name, n.Placement, n.Root)
		}
		if n.Error != "" {
			mistakes++
		}
	})
	if mistakes != g.Mistakes {
		t.Errorf("%d mistakes are drawn, and %d counted", mistakes, g.Mistakes)
	}
	soundText(t, g)
	soundMermaid(t, g, id)
	soundSVG(t, g.SVG())
}

func soundText(t *testing.T, g *graph.Graph) {
	t.Helper()
	ascii := g.Text(true)
	g.Walk(func(n *graph.Node) {
		if isPlain(n.Name) && !strings.Contains(ascii, n.Name) {
			t.Errorf("the text lacks %q:\n%s", n.Name, ascii)
		}
	})
}

func isPlain(name string) bool {
	for _, r := range name {
		if r <= ' ' || r >= 0x7f {
			return false
		}
	}
	return true
}

// soundMermaid wants each line to be of a known form, and each node once.
func soundMermaid(t *testing.T, g *graph.Graph, nodes int) {
	t.Helper()
	declared := 0
	for i, line := range strings.Split(strings.TrimSuffix(g.Mermaid(), "\n"), "\n") {
		if i == 0 && line == "flowchart LR" {
			continue
		}
		if !mermaidLine.MatchString(line) {
			t.Errorf("Mermaid line %d: %q", i+1, line)
		}
		if strings.Contains(line, "]:::") {
			declared++
		}
	}
	if declared != nodes {
		t.Errorf("Mermaid has %d nodes, want %d", declared, nodes)
	}
}

// A box is a card of a drawing.
type box struct{ x, y, w, h float64 }

// soundSVG wants XML, and no card over another.
func soundSVG(t *testing.T, drawn string) {
	t.Helper()
	boxes, err := cards(drawn)
	if err != nil {
		t.Fatalf("%v in\n%s", err, drawn)
	}
	for i, a := range boxes {
		for _, b := range boxes[:i] {
			if a.x < b.x+b.w && b.x < a.x+a.w && a.y < b.y+b.h && b.y < a.y+a.h {
				t.Errorf("the card at %v is over that at %v", a, b)
			}
		}
	}
}

func cards(drawn string) ([]box, error) {
	var boxes []box
	decoder := xml.NewDecoder(strings.NewReader(drawn))
	for {
		token, err := decoder.Token()
		switch {
		case errors.Is(err, io.EOF):
			return boxes, nil
		case err != nil:
			return nil, err
		}
		start, ok := token.(xml.StartElement)
		if !ok || start.Name.Local != "rect" {
			continue
		}
		attrs := make(map[string]string)
		for _, a := range start.Attr {
			attrs[a.Name.Local] = a.Value
		}
		if attrs["class"] != "card" || attrs["rx"] != "5" {
			continue // the legend's
		}
		var b box
		for name, value := range map[string]*float64{"x": &b.x, "y": &b.y, "width": &b.w, "height": &b.h} {
			if *value, err = strconv.ParseFloat(attrs[name], 64); err != nil {
				return nil, fmt.Errorf("rect with %s=%q", name, attrs[name])
			}
		}
		boxes = append(boxes, b)
	}
}

// FuzzNoFilePanicsTheDrawing wants of any file a sound drawing, or an error.
func FuzzNoFilePanicsTheDrawing(f *testing.F) {
	paths, _ := filepath.Glob("testdata/*.txtar")
	for _, path := range paths {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range archive.Files {
			if strings.HasSuffix(file.Name, ".ini") {
				f.Add(string(file.Data))
			}
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 2000 || strings.Count(text, "filter-with") > 6 {
			t.Skip("filters around filters double with each")
		}
		g, err := graph.Build(options(map[string]string{"/srv/site.ini": text}, "/srv/site.ini"))
		if err != nil {
			return
		}
		sound(t, g)
	})
}

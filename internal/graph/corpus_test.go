package graph_test

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pasted/internal/graph"
	"pasted/internal/placement"
	"pasted/paste"
)

// A label has letters, digits and a little more; all else is an entity.
var mermaidLine = regexp.MustCompile(`^  (accTitle: [^;#"{}]*|subgraph f\d+\["[^"]*"\]|end|classDef \w+ [\w#:,; -]+|` +
	`  n\d+\["(?:[^"#&<>]|#\d+;|<br/>)*"\]:::\w+|n\d+\["(?:[^"#&<>]|#\d+;|<br/>)*"\]:::\w+|` +
	`n\d+ (?:-->|-\.->|-\.-)(?:\|"(?:[^"#&<>|]|#\d+;)*"\|)? n\d+)$`)

// corpus returns the real files of PasteDeploy's corpus.
func corpus(t *testing.T) []string {
	t.Helper()
	dir := os.Getenv("PASTED_CORPUS")
	if dir == "" {
		dir = "../../../shared/corpus"
	}
	var files []string
	for _, folder := range []string{"real", "real-trees", "synthetic"} {
		_ = filepath.WalkDir(filepath.Join(dir, folder), func(path string, d os.DirEntry, err error) error {
			if err == nil && !d.IsDir() && strings.HasSuffix(path, ".ini") {
				path, err = filepath.Abs(path)
				files = append(files, path)
			}
			return err
		})
	}
	if len(files) == 0 {
		t.Skipf("no corpus at %s: PASTED_CORPUS names it", dir)
	}
	return files
}

func TestEveryFileOfTheCorpusIsDrawn(t *testing.T) {
	drawn := 0
	for _, file := range corpus(t) {
		o := options(nil, file)
		o.Resolving.ReadFile = nil
		g, err := graph.Build(o)
		if err != nil {
			continue // it does not parse
		}
		drawn++
		sound(t, g)
		if t.Failed() {
			t.Fatalf("that was %s", file)
		}
	}
	t.Logf("%d files drawn", drawn)
}

// A placed component is one of either tree.
type placed struct {
	Name   string
	Native bool
	Root   int
}

// TestPlacementIsThatOfPlace compares the application of every file that can be
// placed with what placement says of it.
func TestPlacementIsThatOfPlace(t *testing.T) {
	compared := 0
	for _, file := range corpus(t) {
		o := options(nil, file)
		o.Resolving.ReadFile = nil
		ctx, err := paste.Resolve(paste.AppKind, "config:"+strings.ReplaceAll(file, "%", "%25"), o.Resolving)
		if err != nil {
			continue
		}
		plan, err := placement.Place(ctx, placement.Options{
			Registry: o.Registry,
			Root:     func(placement.Root) (http.Handler, error) { return http.NotFoundHandler(), nil },
			StandIn:  func(ctx *paste.Context) *paste.Object { return &paste.Object{Module: "m"} },
		})
		if err != nil {
			continue
		}
		g, err := graph.Build(o)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		compared++
		want, got := ofPlan(plan.Tree), ofGraph(g.Servers[0].Edges[0].To)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-placement +graph):\n%s", file, diff)
		}
	}
	if compared == 0 {
		t.Error("no file has been compared")
	}
	t.Logf("%d files compared", compared)
}

// ofPlan lists the leaves of a placed tree: filters and applications, in the
// order of requests. What a hosted composite loads it does not know.
func ofPlan(n *placement.Node) []placed {
	if len(n.Children) == 0 {
		return []placed{{n.Name, n.Native, n.Root}}
	}
	var list []placed
	for _, child := range n.Children {
		list = append(list, ofPlan(child)...)
	}
	return list
}

func ofGraph(n *graph.Node) []placed {
	if n.Again != 0 || len(n.Filters)+len(n.Edges) == 0 || n.Kind == graph.Composite && n.Placement == graph.Hosted {
		return []placed{{n.Name, n.Placement == graph.Native, n.Root}}
	}
	var list []placed
	for _, f := range n.Filters {
		list = append(list, ofGraph(f)...)
	}
	for _, e := range n.Edges {
		list = append(list, ofGraph(e.To)...)
	}
	return list
}

package placement_test

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pasted/internal/placement"
	"pasted/paste"
)

var update = flag.Bool("update", false, "rewrite what the cases want")

// python is an interpreter with the distribution Py, whose filters and apps are
// f, g, app and comp, and with Both, of which the registry has twins.
type python struct{}

func (python) Installed(dist string) error {
	if dist != "Py" && dist != "Both" {
		return &paste.NotInstalledError{Distribution: dist}
	}
	return nil
}

func (p python) EntryPoint(dist, group, name string) (string, bool, error) {
	if err := p.Installed(dist); err != nil {
		return "", false, err
	}
	want := map[string]string{
		"f": "paste.filter_factory", "g": "paste.filter_app_factory", "app": "paste.app_factory",
		"all": "paste.composite_factory", "filter": "paste.filter_app_factory",
	}[name]
	return "py:" + name, want == group, nil
}

// registry has natives that say their names: "f(app)".
func registry() *paste.Registry {
	r := new(paste.Registry)
	for _, dist := range []string{"Go", "Both"} {
		r.SetApp("egg:"+dist+"#app", func(_, local *paste.Conf) (http.Handler, error) { return say("native"), nil })
		r.SetFilterApp("egg:"+dist+"#filter", func(next http.Handler, _, _ *paste.Conf) (http.Handler, error) {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				io.WriteString(w, dist+"(")
				next.ServeHTTP(w, r)
				io.WriteString(w, ")")
			}), nil
		})
		r.SetComposite("egg:"+dist+"#all", func(l *paste.CompositeLoader, global, local *paste.Conf) (http.Handler, error) {
			var apps []http.Handler
			for _, name := range local.All() {
				app, err := l.App(name, global)
				if err != nil {
					return nil, err
				}
				apps = append(apps, app)
			}
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				for _, app := range apps {
					io.WriteString(w, "[")
					app.ServeHTTP(w, r)
					io.WriteString(w, "]")
				}
			}), nil
		})
	}
	return r
}

func say(text string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, text) })
}

func ask(h http.Handler) string {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	return w.Body.String()
}

// place resolves and places the text of a file; each root says its number.
func place(text string) (*placement.Plan, error) {
	r := registry()
	ctx, err := paste.Resolve(paste.AppKind, "config:/etc/test.ini", paste.Options{
		EntryPoints: python{},
		Native:      r,
		ReadFile:    func(string) ([]byte, error) { return []byte(text), nil },
	})
	if err != nil {
		return nil, fmt.Errorf("resolve: %w", err)
	}
	return placement.Place(ctx, placement.Options{
		Registry: r,
		Root: func(root placement.Root) (http.Handler, error) {
			return say(fmt.Sprint("root ", root.Index)), nil
		},
		StandIn: func(ctx *paste.Context) *paste.Object {
			if ctx.Object.Egg != "Go#all" {
				return nil
			}
			return &paste.Object{Style: paste.FactoryStyle, Module: "stand_in", Attr: "make_all"}
		},
	})
}

// Each case is a file, and what is made of it: the answer of what was built and
// the tree, or an error.
func TestPlacement(t *testing.T) {
	cases, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(cases) == 0 {
		t.Fatal("no cases in testdata", err)
	}
	for _, path := range cases {
		t.Run(filepath.Base(path), func(t *testing.T) {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			head, want, _ := strings.Cut(string(data), "-- want --\n")
			_, text, _ := strings.Cut(head, "-- input.ini --\n")
			plan, err := place(text)
			got := ""
			if err != nil {
				got = "error: " + err.Error() + "\n"
			} else {
				got = ask(plan.Handler) + "\n" + plan.Tree.String()
				for i, root := range plan.Roots {
					got += fmt.Sprintf("root %d: %s\n", i, outline(root.Context))
				}
			}
			if *update {
				if err := os.WriteFile(path, []byte(head+"-- want --\n"+got), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

// outline is a context as Python will build it: "f(g(app))".
func outline(ctx *paste.Context) string {
	switch ctx.Type {
	case paste.Pipeline:
		out := outline(ctx.App)
		for _, filter := range slices.Backward(ctx.Filters) {
			out = wrapped(filter, out)
		}
		return out
	case paste.FilterApp, paste.FilteredWith:
		return wrapped(ctx.Filter, outline(ctx.Next))
	}
	return ctx.Object.String()
}

// wrapped is what a filter makes of app; one with a filter-with is two.
func wrapped(filter *paste.Context, app string) string {
	if filter.Type == paste.FilteredWith {
		return wrapped(filter.Filter, wrapped(filter.Next, app))
	}
	return outline(filter) + "(" + app + ")"
}

func TestPlaceChangesNoContext(t *testing.T) {
	r := registry()
	text := "[pipeline:main]\npipeline = egg:Go#filter egg:Py#f egg:Py#app\n"
	ctx, err := paste.Resolve(paste.AppKind, "config:/etc/test.ini", paste.Options{
		EntryPoints: python{}, Native: r,
		ReadFile: func(string) ([]byte, error) { return []byte(text), nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	before := outline(ctx)
	for range 2 {
		plan, err := placement.Place(ctx, placement.Options{
			Registry: r,
			Root:     func(placement.Root) (http.Handler, error) { return say("x"), nil },
		})
		if err != nil || plan.Roots[0].Context == ctx {
			t.Fatalf("the part in Python is the pipeline itself, %v", err)
		}
	}
	if after := outline(ctx); after != before {
		t.Errorf("%s has become %s", before, after)
	}
}

// Whatever is native and whatever is hosted, a request passes the same
// components in the same order.
func TestPlacingKeepsTheOrderOfComponents(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	r := registry()
	for range 2000 {
		ctx := randomApp(rng, 4)
		plan, err := placement.Place(ctx, placement.Options{
			Registry: r,
			Root:     func(root placement.Root) (http.Handler, error) { return say(outline(root.Context)), nil },
		})
		if err != nil {
			t.Fatal(err)
		}
		want := strings.NewReplacer("egg:", "", "#filter", "", "Both#app", "native").Replace(outline(ctx))
		got := strings.NewReplacer("egg:", "", "#filter", "", "Both#app", "native").Replace(ask(plan.Handler))
		if got != want {
			t.Fatalf("it answers %s, want %s\n%s", got, want, plan.Tree)
		}
		if len(plan.Roots) > 1 {
			t.Fatalf("%d roots without a composite\n%s", len(plan.Roots), plan.Tree)
		}
	}
}

func randomApp(rng *rand.Rand, depth int) *paste.Context {
	kind := rng.IntN(4)
	if depth == 0 {
		kind = 0
	}
	switch kind {
	case 1:
		ctx := &paste.Context{Type: paste.Pipeline, App: randomApp(rng, depth-1)}
		for range rng.IntN(4) {
			ctx.Filters = append(ctx.Filters, randomFilter(rng, 2))
		}
		return ctx
	case 2:
		return &paste.Context{Type: paste.FilterApp, Filter: randomFilter(rng, 2), Next: randomApp(rng, depth-1)}
	case 3:
		return &paste.Context{Type: paste.FilteredWith, Filter: randomFilter(rng, 2), Next: randomApp(rng, depth-1)}
	}
	return &paste.Context{Type: paste.Application, Protocol: "paste.app_factory", Object: randomObject(rng, "app")}
}

func randomFilter(rng *rand.Rand, depth int) *paste.Context {
	if depth > 0 && rng.IntN(4) == 0 {
		return &paste.Context{Type: paste.FilteredWith, Filter: randomFilter(rng, depth-1), Next: randomFilter(rng, depth-1)}
	}
	return &paste.Context{Type: paste.Filter, Protocol: "paste.filter_factory", Object: randomObject(rng, "filter")}
}

// randomObject is native more often than not, and always installed.
func randomObject(rng *rand.Rand, name string) *paste.Object {
	dist := "Both"
	if rng.IntN(4) == 0 {
		dist = "Py"
	}
	return &paste.Object{Egg: dist + "#" + name, Module: "py", Attr: name}
}

func TestPlaceReturnsTheRootsError(t *testing.T) {
	ctx := &paste.Context{Type: paste.Application, Protocol: "paste.app_factory", Object: &paste.Object{Module: "m", Attr: "a"}}
	failed := errors.New("no pool")
	_, err := placement.Place(ctx, placement.Options{
		Root: func(placement.Root) (http.Handler, error) { return nil, failed },
	})
	if !errors.Is(err, failed) {
		t.Errorf("Place: %v, want %v", err, failed)
	}
	if _, err := placement.Place(&paste.Context{Type: paste.Filter}, placement.Options{}); err == nil {
		t.Error("a filter is placed as an application")
	}
}

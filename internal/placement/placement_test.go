package placement_test

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
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
		r.SetFilter("egg:"+dist+"#filter", func(next http.Handler, _, _ *paste.Conf) (http.Handler, error) {
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
		out, end := "", ""
		for _, filter := range ctx.Filters {
			out += outline(filter) + "("
			end += ")"
		}
		return out + outline(ctx.App) + end
	case paste.FilterApp, paste.FilteredWith:
		return outline(ctx.Filter) + "(" + outline(ctx.Next) + ")"
	}
	return ctx.Object.String()
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

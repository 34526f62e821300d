package paste_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pasted/paste"
)

// outOfGo are the cases whose creation is left to Python, and why; and what
// comes of the egg Paste, whose counterparts are those of internal/egg/paste.
// internal/release makes all of them with a worker.
var outOfGo = map[string]string{
	"fac-missing-argument":      "a factory without an option that it needs; one in Go reads options as it likes",
	"fac-missing-arguments":     "likewise",
	"fac-unknown-argument":      "a factory with an option that it does not know; likewise",
	"fac-option-global_conf":    "an option that is called as the factory's parameter; likewise",
	"use-egg-module-only":       "a module is no factory",
	"use-call-composite-in-app": "a factory that is called as one of another kind; Go's types are checked before",
}

// A fakeApp is the corpus's distribution FakeApp: counterparts in Go of its
// factories, which write down how they are called.
type fakeApp struct {
	registry paste.Registry
	calls    []any
}

// A stub is an application that says what it was made of, as the corpus does.
type stub struct {
	http.Handler
	is ordered
}

// A served is what a server returns: what it was made of.
type served struct{ is ordered }

func (s served) Error() string { return "served" }

func newFakeApp(d *distributions) *fakeApp {
	f := new(fakeApp)
	for group, points := range d.points["fakeapp"] {
		for name, object := range points {
			object, _, _ = strings.Cut(object, " [")
			f.register(group, "egg:FakeApp#"+name, object)
			f.register(group, object, object)
		}
	}
	return f
}

func (f *fakeApp) register(group, name, object string) {
	_, function, _ := strings.Cut(object, ":")
	switch group {
	case "paste.app_factory":
		f.registry.SetApp(name, func(global, local *paste.Conf) (http.Handler, error) {
			f.call(object, group, local, conf(global))
			return fakeApplication(function)
		})
	case "paste.composite_factory", "paste.composit_factory":
		f.registry.SetComposite(name, func(l *paste.CompositeLoader, global, local *paste.Conf) (http.Handler, error) {
			f.call(object, "paste.composite_factory", local, ordered{{"loader", l.String()}}, conf(global))
			return composite(function, l, global, local)
		})
	case "paste.filter_factory":
		f.registry.SetFilter(name, func(global, local *paste.Conf) (func(http.Handler) http.Handler, error) {
			f.call(object, group, local, conf(global))
			return func(next http.Handler) http.Handler { return filtered(local, "caps", next) }, nil
		})
	case "paste.filter_app_factory":
		f.registry.SetFilterApp(name, func(next http.Handler, global, local *paste.Conf) (http.Handler, error) {
			f.call(object, group, local, ordered{{"wsgi_app", next.(stub).is}}, conf(global))
			return filtered(local, "caps2", next), nil
		})
	case "paste.server_factory":
		f.registry.SetServer(name, func(global, local *paste.Conf) (paste.ServeFunc, error) {
			f.call(object, group, local, conf(global))
			return func(_ context.Context, app http.Handler) error { return serve("server", app) }, nil
		})
	case "paste.server_runner":
		f.registry.SetServerRunner(name, func(_ context.Context, app http.Handler, global, local *paste.Conf) error {
			f.call(object, group, local, ordered{{"wsgi_app", app.(stub).is}}, conf(global))
			return serve("runner", app)
		})
	}
}

// call writes a call down as the corpus has it.
func (f *fakeApp) call(object, protocol string, local *paste.Conf, args ...any) {
	f.calls = append(f.calls, ordered{
		{"factory", object}, {"protocol", protocol}, {"args", args}, {"kwargs", confJSON(local)},
	})
}

func conf(global *paste.Conf) ordered { return ordered{{"global_conf", confJSON(global)}} }

func fakeApplication(function string) (http.Handler, error) {
	class := map[string]string{"make_boom": "ValueError", "make_lookup_boom": "LookupError"}[function]
	if class != "" {
		return nil, pythonError(class, strings.ReplaceAll(strings.TrimPrefix(function, "make_"), "_", " ")+" from the factory")
	}
	name := strings.TrimSuffix(strings.TrimPrefix(function, "make_"), ".make_app")
	return stub{is: ordered{{"app", name}}}, nil
}

func filtered(local *paste.Conf, tag string, next http.Handler) stub {
	if own, ok := local.Get("tag"); ok {
		tag = own
	}
	return stub{is: ordered{{"filter", tag}, {"app", next.(stub).is}}}
}

func serve(name string, app http.Handler) error {
	return served{ordered{{"served_by", name}, {"app", app.(stub).is}}}
}

func composite(function string, l *paste.CompositeLoader, global, local *paste.Conf) (http.Handler, error) {
	children := []any{}
	for key, name := range local.All() {
		if function == "make_remote_addr" && !strings.HasPrefix(key, "app.") {
			continue
		}
		passed := global
		if function == "make_map_noglobals" {
			passed = nil
		}
		app, err := l.App(name, passed)
		if err != nil {
			return nil, err
		}
		children = append(children, []any{key, app.(stub).is})
	}
	return stub{is: ordered{{"app", strings.TrimPrefix(function, "make_")}, {"children", children}}}, nil
}

// A creation is what became of a call's context in the corpus.
type creation struct {
	Result json.RawMessage
	Error  *corpusError
	Calls  json.RawMessage
	// Broken says that PasteDeploy makes no application: a liberty here, as
	// create_test.go has it.
	Broken any
}

func TestCreateGivesWhatPasteDeployGives(t *testing.T) {
	if len(outOfGo) > 9 {
		t.Errorf("%d cases are left to Python", len(outOfGo))
	}
	dir := corpus(t)
	files, _ := filepath.Glob(filepath.Join(dir, "expected-synthetic", "*.json"))
	checked, left, broken := 0, 0, 0
	for _, file := range files {
		var c struct {
			ID      string
			Results []struct {
				corpusResult
				Create *creation
			}
		}
		readJSON(t, file, dir, &c)
		for _, result := range c.Results {
			switch {
			case result.Create == nil || strings.HasPrefix(result.Call.Fn, "plaster."):
			case outOfGo[c.ID] != "" || bytes.Contains(result.Context, []byte(`"factory": "paste.`)):
				left++
			case result.Create.Broken != nil:
				broken++
			default:
				checked++
				t.Run(c.ID, func(t *testing.T) { checkCreation(t, dir, c.ID, result.corpusResult, result.Create) })
			}
		}
	}
	t.Logf("%d creations checked, %d left to Python, %d where PasteDeploy makes none", checked, left, broken)
}

func checkCreation(t *testing.T, dir, id string, call corpusResult, want *creation) {
	ctx, kind, err := resolveResult(t, dir, id, call)
	if err != nil {
		t.Fatal(err)
	}
	f := newFakeApp(newDistributions(t, dir))
	is, err := f.create(t, kind, ctx)
	switch {
	case want.Error != nil:
		checkError(t, err, *want.Error)
		if want.Error.Class == "RecursionError" {
			return // where Python's stack ends is its affair
		}
	case err != nil:
		t.Errorf("error %v, want %s", err, want.Result)
	default:
		compare(t, is, want.Result)
	}
	// A composite in Go has one protocol; that of the context is compared with it.
	calls := bytes.ReplaceAll(want.Calls, []byte(`"paste.composit_factory"`), []byte(`"paste.composite_factory"`))
	compare(t, append([]any{}, f.calls...), calls)
}

// create makes what ctx stands for, and applies a filter and a server to the
// corpus's probe.
func (f *fakeApp) create(t *testing.T, kind paste.Kind, ctx *paste.Context) (ordered, error) {
	b := &paste.Builder{Registry: &f.registry}
	probe := stub{is: ordered{{"app", "<probe app>"}}}
	var h http.Handler
	var err error
	switch kind {
	case paste.AppKind:
		h, err = b.App(ctx)
	case paste.FilterKind:
		var wrap paste.Wrapper
		if wrap, err = b.Filter(ctx); err == nil {
			h, err = wrap(probe)
		}
	default:
		var serve paste.ServeFunc
		if serve, err = b.Server(ctx); err == nil {
			err = serve(t.Context(), probe)
		}
	}
	var s served
	if errors.As(err, &s) {
		return s.is, nil
	}
	if err != nil {
		return nil, err
	}
	return h.(stub).is, nil
}

func TestConfOfTheCorpusIsReadBack(t *testing.T) {
	text := json.RawMessage(`{"a":"1","n":8080,"none":null}`)
	compare(t, confJSON(confOf(t, text)), text)
	if diff := cmp.Diff([]string{"a", "n", "none"}, confOf(t, text).Keys()); diff != "" {
		t.Error(diff)
	}
}

package paste_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pasted/paste"
)

// A kit is a registry whose components write down when they are made, and say
// their names when they are asked: "f(app)".
type kit struct {
	paste.Registry
	calls []string
}

func newKit() *kit {
	k := &kit{}
	k.SetApp("egg:Kit#app", func(_, local *paste.Conf) (http.Handler, error) {
		name, _ := local.Get("name")
		k.calls = append(k.calls, name)
		if text, ok := local.Get("fail"); ok {
			return nil, errors.New(text)
		}
		return say(name), nil
	})
	k.SetFilterApp("egg:Kit#filter", func(next http.Handler, _, local *paste.Conf) (http.Handler, error) {
		name, _ := local.Get("name")
		k.calls = append(k.calls, name)
		if text, ok := local.Get("fail"); ok {
			return nil, &paste.Error{Class: "ValueError", Text: text, Message: text, Pos: local.Pos("fail")}
		}
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, name+"(")
			next.ServeHTTP(w, r)
			io.WriteString(w, ")")
		}), nil
	})
	k.SetComposite("egg:Kit#all", func(l *paste.CompositeLoader, global, local *paste.Conf) (http.Handler, error) {
		k.calls = append(k.calls, "all")
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
	k.SetServer("egg:Kit#server", func(_, local *paste.Conf) (paste.ServeFunc, error) {
		return func(ctx context.Context, app http.Handler) error {
			port, _ := local.Get("port")
			return errors.New("port " + port + ": " + ask(app))
		}, nil
	})
	return k
}

func say(text string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, text) })
}

func ask(h http.Handler) string {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	return w.Body.String()
}

// files is Options with a file system of its own.
func files(t *testing.T, texts map[string]string) paste.Options {
	dir := t.TempDir()
	return paste.Options{
		RelativeTo: dir,
		ReadFile: func(name string) ([]byte, error) {
			text, ok := texts[filepath.Base(name)]
			if !ok {
				t.Errorf("%s is read", name)
			}
			return []byte(text), nil
		},
	}
}

const kitFile = `
[app:main]
use = egg:Kit#app
name = main
[app:other]
use = egg:Kit#app
name = other
filter-with = f
[filter:f]
use = egg:Kit#filter
name = f
[filter:g]
use = egg:Kit#filter
name = g
filter-with = f
[pipeline:three]
pipeline = f g main
[filter-app:fa]
use = egg:Kit#filter
name = fa
next = three
[composite:all]
use = egg:Kit#all
1 = main
2 = fa
3 = main
[app:fails]
use = egg:Kit#app
fail = no luck
[pipeline:late]
pipeline = badfilter f fails
[pipeline:bad]
pipeline = badfilter main
[filter:badfilter]
use = egg:Kit#filter
fail = no filter
[app:py]
use = call:mod:app
[server:main]
use = egg:Kit#server
port = 80
`

func TestCreateBuildsWhatTheFileSaysInPasteDeploysOrder(t *testing.T) {
	for _, c := range []struct {
		name, want string
		calls      []string
	}{
		{"main", "main", []string{"main"}},
		{"other", "f(other)", []string{"other", "f"}},
		{"three", "f(f(g(main)))", []string{"main", "g", "f", "f"}},
		{"fa", "fa(f(f(g(main))))", []string{"main", "g", "f", "f", "fa"}},
		{"all", "[main][fa(f(f(g(main))))][main]", []string{"all", "main", "main", "g", "f", "f", "fa", "main"}},
	} {
		k := newKit()
		h, err := paste.LoadApp("config:main.ini#"+c.name, &k.Registry, files(t, map[string]string{"main.ini": kitFile}))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got := ask(h); got != c.want {
			t.Errorf("%s answers %q, want %q", c.name, got, c.want)
		}
		if diff := cmp.Diff(c.calls, k.calls); diff != "" {
			t.Errorf("%s: calls -want +got\n%s", c.name, diff)
		}
	}
}

func TestFilterAndServerAreLoaded(t *testing.T) {
	k := newKit()
	opts := files(t, map[string]string{"main.ini": kitFile})
	wrap, err := paste.LoadFilter("config:main.ini#g", &k.Registry, opts)
	if err != nil {
		t.Fatal(err)
	}
	if len(k.calls) > 0 {
		t.Errorf("%v are called before the filter is applied", k.calls)
	}
	for range 2 {
		h, err := wrap(say("x"))
		if err != nil || ask(h) != "f(g(x))" {
			t.Errorf("the filter makes %v, %v", h, err)
		}
	}
	serve, err := paste.LoadServer("config:main.ini", &k.Registry, opts)
	if err != nil {
		t.Fatal(err)
	}
	if err := serve(t.Context(), say("hello")); err == nil || err.Error() != "port 80: hello" {
		t.Errorf("the server says %v", err)
	}
}

func TestErrorsOfCreationSayWhere(t *testing.T) {
	for name, want := range map[string]string{
		"fails": "main.ini:27: [app:fails] no luck",
		"bad":   "main.ini:36: [filter:badfilter] no filter",
		"late":  "main.ini:27: [app:fails] no luck",
		"py":    "main.ini:37: [app:py] call:mod:app is Python code: want a name that has a counterpart in Go",
	} {
		k := newKit()
		_, err := paste.LoadApp("config:main.ini#"+name, &k.Registry, files(t, map[string]string{"main.ini": kitFile}))
		var e *paste.Error
		if !errors.As(err, &e) || !strings.HasSuffix(err.Error(), "/"+want) {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
	}
}

func TestFactorysErrorIsKept(t *testing.T) {
	k := newKit()
	cause := errors.New("cause")
	k.SetApp("egg:Kit#app", func(_, _ *paste.Conf) (http.Handler, error) { return nil, cause })
	_, err := paste.LoadApp("egg:Kit#app", &k.Registry, paste.Options{})
	if !errors.Is(err, cause) {
		t.Errorf("%v is not the factory's error", err)
	}
}

func TestUnknownProtocolsAreAssertionErrors(t *testing.T) {
	b := paste.Builder{}
	for protocol, want := range map[string]string{
		"":                         "Protocol None unknown",
		"paste.filter-app_factory": "Protocol 'paste.filter-app_factory' unknown",
	} {
		_, err := b.App(&paste.Context{Type: paste.Application, Protocol: protocol, Object: &paste.Object{Module: "m", Attr: "f", Style: paste.CallStyle}})
		var e *paste.Error
		if !errors.As(err, &e) || e.Class != "AssertionError" || e.Text != want {
			t.Errorf("protocol %q: %#v", protocol, err)
		}
	}
	if _, err := b.App(&paste.Context{Type: paste.Filter}); err == nil {
		t.Error("a filter is taken for an application")
	}
	if _, err := b.Filter(&paste.Context{Type: paste.Application}); err == nil {
		t.Error("an application is taken for a filter")
	}
}

func TestHostedIsAskedForEveryApplication(t *testing.T) {
	k := newKit()
	opts := files(t, map[string]string{"main.ini": kitFile})
	opts.Native = &k.Registry
	ctx, err := paste.Resolve(paste.AppKind, "config:main.ini#all", opts)
	if err != nil {
		t.Fatal(err)
	}
	var asked []string
	b := paste.Builder{Registry: &k.Registry}
	b.Hosted = func(ctx *paste.Context) (http.Handler, bool, error) {
		asked = append(asked, ctx.Section)
		if ctx.Section == "app:main" {
			return say("hosted"), true, nil
		}
		return nil, false, nil
	}
	h, err := b.App(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if got := ask(h); got != "[hosted][fa(f(f(g(hosted))))][hosted]" {
		t.Errorf("it answers %q", got)
	}
	want := []string{"composite:all", "app:main", "filter-app:fa", "pipeline:three", "app:main", "app:main"}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Errorf("asked -want +got\n%s", diff)
	}
}

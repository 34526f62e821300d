package paste_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pasted/paste"
)

// around is middleware that writes name and brackets around what it wraps.
func around(name string) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, name+"(")
			next.ServeHTTP(w, r)
			io.WriteString(w, ")")
		})
	}
}

// formsFile names things in all the ways that there are.
const formsFile = `
[pipeline:main]
pipeline = early late explicit call direct app
[filter:early]
use = egg:Forms#early
[filter:late]
use = egg:Forms#late
[filter:explicit]
paste.filter_factory = forms.filters:early
[filter:call]
use = call:forms.filters:early
[filter:direct]
use = forms.filters:late
[app:app]
paste.app_factory = forms:app [extra]
[composite:all]
use = call:forms:all
[server:runner]
use = egg:Forms#runner
port = 80
[server:both]
use = egg:Forms#both
[app:nothing]
use = egg:Forms#nothing
[app:nofilter]
use = forms:app
filter-with = nothing
[filter:nothing]
use = egg:Forms#nothing
[app:nowrap]
use = forms:app
filter-with = nowrap
[filter:nowrap]
use = egg:Forms#nowrap
[server:nothing]
use = egg:Forms#nothing
[app:python]
paste.app_factory = elsewhere:app
[app:typo]
use = egg:Form#app
[app:other]
use = egg:Forms#aps
`

// forms is a registry with everything that formsFile names; calls says which of
// the two forms of filters were called, in their order.
func forms(calls *[]string) *paste.Registry {
	r := new(paste.Registry)
	early := func(_, _ *paste.Conf) (func(http.Handler) http.Handler, error) {
		*calls = append(*calls, "early")
		return around("e"), nil
	}
	late := func(next http.Handler, _, _ *paste.Conf) (http.Handler, error) {
		*calls = append(*calls, "late")
		return around("l")(next), nil
	}
	app := func(_, _ *paste.Conf) (http.Handler, error) {
		*calls = append(*calls, "app")
		return say("app"), nil
	}
	r.SetFilter("egg:Forms#early", early)
	r.SetFilterApp("Forms#late", late)
	r.SetFilter("forms.filters:early", early)
	r.SetFilterApp("forms.filters:late", late)
	r.SetApp("forms:app", app)
	r.SetApp("egg:Forms#app", app)
	r.SetComposite("call:forms:all", func(l *paste.CompositeLoader, global, _ *paste.Conf) (http.Handler, error) {
		ctx, err := l.Context(paste.FilterKind, "late", global)
		if err != nil {
			return nil, err
		}
		serve, err := l.Server("runner", global)
		if err != nil {
			return nil, err
		}
		return say(ctx.Section + ", " + serve(context.Background(), say("x")).Error()), nil
	})
	runner := func(_ context.Context, app http.Handler, _, local *paste.Conf) error {
		port, _ := local.Get("port")
		return fmt.Errorf("runner %s: %s", port, ask(app))
	}
	r.SetServerRunner("egg:Forms#runner", runner)
	r.SetServerRunner("egg:Forms#both", runner)
	r.SetServer("egg:Forms#both", func(_, _ *paste.Conf) (paste.ServeFunc, error) {
		return func(context.Context, http.Handler) error { return errors.New("factory") }, nil
	})
	r.SetApp("egg:Forms#nothing", noApp)
	r.SetFilter("egg:Forms#nothing", func(_, _ *paste.Conf) (func(http.Handler) http.Handler, error) { return nil, nil })
	r.SetFilter("egg:Forms#nowrap", func(_, _ *paste.Conf) (func(http.Handler) http.Handler, error) {
		return func(http.Handler) http.Handler { return nil }, nil
	})
	r.SetServer("egg:Forms#nothing", func(_, _ *paste.Conf) (paste.ServeFunc, error) { return nil, nil })
	return r
}

func formsOptions(t *testing.T) paste.Options {
	return files(t, map[string]string{"main.ini": formsFile})
}

func TestEveryFormOfFactoryIsCalledWhenItIsInPython(t *testing.T) {
	for _, strict := range []bool{false, true} {
		var calls []string
		opts := formsOptions(t)
		uri := "config:main.ini"
		if opts.Strict = strict; strict { // the direct form is a liberty
			opts.ReadFile = func(string) ([]byte, error) {
				return []byte(strings.Replace(formsFile, " direct app", " late app", 1)), nil
			}
		}
		app, err := paste.LoadApp(uri, forms(&calls), opts)
		if err != nil {
			t.Fatal(err)
		}
		if got := ask(app); got != "e(l(e(e(l(app)))))" {
			t.Errorf("strict %v: it answers %s", strict, got)
		}
		want := []string{"app", "early", "early", "early", "late", "late"}
		if diff := cmp.Diff(want, calls); diff != "" {
			t.Errorf("strict %v: calls (-want +got)\n%s", strict, diff)
		}
	}
}

func TestServersHaveTwoForms(t *testing.T) {
	for name, want := range map[string]string{"runner": "runner 80: x", "both": "factory"} {
		serve, err := paste.LoadServer("config:main.ini#"+name, forms(new([]string)), formsOptions(t))
		if err != nil {
			t.Fatal(err)
		}
		if got := serve(t.Context(), say("x")); got == nil || got.Error() != want {
			t.Errorf("%s: %v, want %s", name, got, want)
		}
	}
	app, err := paste.LoadApp("config:main.ini#all", forms(new([]string)), formsOptions(t))
	if err != nil {
		t.Fatal(err)
	}
	if got := ask(app); got != "filter:late, runner 80: x" {
		t.Errorf("the composite has %s", got)
	}
}

func TestFactoriesThatMakeNothingAreMistakes(t *testing.T) {
	load := map[string]func(uri string) error{
		"app": func(uri string) error {
			_, err := paste.LoadApp(uri, forms(new([]string)), formsOptions(t))
			return err
		},
		"server": func(uri string) error {
			_, err := paste.LoadServer(uri, forms(new([]string)), formsOptions(t))
			return err
		},
	}
	for _, c := range []struct{ kind, name, want string }{
		{"app", "nothing", "[app:nothing] egg:Forms#nothing has made nothing: want an http.Handler"},
		{"app", "nofilter", "[filter:nothing] egg:Forms#nothing has made nothing: want a function that wraps an http.Handler"},
		{"app", "nowrap", "[filter:nowrap] egg:Forms#nowrap has made nothing: want an http.Handler"},
		{"server", "nothing", "[server:nothing] egg:Forms#nothing has made nothing: want a ServeFunc"},
		{"app", "python", "[app:python] elsewhere:app is Python code: want a name that has a counterpart in Go"},
	} {
		if err := load[c.kind]("config:main.ini#" + c.name); err == nil || !strings.HasSuffix(err.Error(), c.want) {
			t.Errorf("%s %s: %v\nwant …%s", c.kind, c.name, err, c.want)
		}
	}
}

func TestSlipsInNamesOfARegistryAreGuessed(t *testing.T) {
	for name, want := range map[string]string{
		"typo":  "did you mean egg:Forms?",
		"other": "did you mean egg:Forms#app?",
	} {
		_, err := paste.LoadApp("config:main.ini#"+name, forms(new([]string)), formsOptions(t))
		var e *paste.Error
		if !errors.As(err, &e) || e.Hint != want {
			t.Errorf("%s: %#v, want the hint %s", name, err, want)
		}
	}
	_, err := paste.LoadApp("egg:X#y", new(paste.Registry), paste.Options{})
	var e *paste.Error
	if !errors.As(err, &e) || e.Hint != "the registry is empty" || e.Class != "importlib.metadata.PackageNotFoundError" {
		t.Errorf("of an empty registry: %#v", err)
	}
}

func TestRegistryListsItsNames(t *testing.T) {
	r := forms(new([]string))
	for group, want := range map[string][]string{
		"paste.app_factory":        {"app", "nothing"},
		"paste.filter_factory":     {"early", "nothing", "nowrap"},
		"paste.filter_app_factory": {"late"},
		"paste.composite_factory":  nil,
	} {
		if got := r.Names("FORMS", group); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", group, got, want)
		}
	}
}

func TestConfigHasThePartsOfAppconfig(t *testing.T) {
	opts := memory(map[string]string{"main.ini": "[DEFAULT]\nd = 1\n[app:main]\nuse = egg:Forms#app\nset b = 2\na = 3\n"})
	opts.EntryPoints = nil
	config, err := paste.Config("config:main.ini", forms(new([]string)), opts)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"here", "__file__", "d", "b"}, config.GlobalConf.Keys()); diff != "" {
		t.Errorf("global (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff([]string{"a"}, config.LocalConf.Keys()); diff != "" {
		t.Errorf("local (-want +got)\n%s", diff)
	}
	for key, want := range map[string]string{"d": "DEFAULT", "b": "app:main", "a": "app:main", "here": "", "none": ""} {
		if got := config.Section(key); got != want {
			t.Errorf("%s stands in [%s], want [%s]", key, got, want)
		}
	}
	if config.Context.Section != "app:main" || config.Len() != 5 {
		t.Errorf("[%s] has %v", config.Context.Section, config.Keys())
	}
}

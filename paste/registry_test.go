package paste_test

import (
	"errors"
	"net/http"
	"testing"

	"pasted/paste"
)

func noApp(_, _ *paste.Conf) (http.Handler, error) { return nil, nil }

func noFilter(next http.Handler, _, _ *paste.Conf) (http.Handler, error) { return next, nil }

func TestRegistryComparesDistributionsAsPythonDoes(t *testing.T) {
	var r paste.Registry
	r.SetApp("egg:Foo.Bar_baz#x", noApp)
	for dist, want := range map[string]bool{
		"Foo.Bar_baz": true, "foo-bar-baz": true, "FOO__bar.-baz": true,
		"foobarbaz": false, "foo bar baz": false, "": false,
	} {
		err := r.Installed(dist)
		if (err == nil) != want {
			t.Errorf("Installed(%q) = %v", dist, err)
		}
		var missing *paste.NotInstalledError
		if !want && (!errors.As(err, &missing) || missing.Distribution != dist) {
			t.Errorf("Installed(%q) = %#v, want a NotInstalledError", dist, err)
		}
	}
}

func TestRegistryAnswersAsEntryPoints(t *testing.T) {
	var r paste.Registry
	r.SetApp("Paste#static", noApp)
	r.SetApp("egg:Only", noApp)
	r.SetComposite("egg:Paste#urlmap", nil)
	r.SetFilterApp("egg:Paste#translogger", noFilter)
	r.SetServer("egg:Paste#http", nil)
	for _, c := range []struct {
		dist, group, name string
		want              bool
	}{
		{"paste", "paste.app_factory", "static", true},
		{"paste", "paste.app_factory", "Static", false},
		{"paste", "paste.app_factory", "urlmap", false},
		{"paste", "paste.composite_factory", "urlmap", true},
		{"paste", "paste.filter_app_factory", "translogger", true},
		{"paste", "paste.filter_factory", "translogger", false},
		{"paste", "paste.server_factory", "http", true},
		{"only", "paste.app_factory", "main", true},
	} {
		object, ok, err := r.EntryPoint(c.dist, c.group, c.name)
		if object != "" || ok != c.want || err != nil {
			t.Errorf("EntryPoint(%q, %q, %q) = %q, %v, %v", c.dist, c.group, c.name, object, ok, err)
		}
	}
	if _, _, err := r.EntryPoint("other", "paste.app_factory", "main"); err == nil {
		t.Error("an entry point of a distribution that is not there is no error")
	}
}

func TestRegistryHasWhatTheProtocolAllows(t *testing.T) {
	var r paste.Registry
	r.SetFilterApp("egg:D#f", noFilter)
	r.SetComposite("egg:D#c", nil)
	for _, c := range []struct {
		protocol, egg string
		want          bool
	}{
		{"paste.filter_factory", "d#f", true},
		{"paste.filter_app_factory", "D#f", true},
		{"paste.app_factory", "D#f", false},
		{"paste.composite_factory", "D#c", true},
		{"paste.composit_factory", "D#c", true},
		{"", "D#c", false},
		{"paste.filter_factory", "", false},
	} {
		ctx := &paste.Context{Protocol: c.protocol, Object: &paste.Object{Egg: c.egg}}
		if got := r.Has(ctx); got != c.want {
			t.Errorf("Has(%s of %s) = %v", c.protocol, c.egg, got)
		}
	}
	if r.Has(&paste.Context{Type: paste.Pipeline}) {
		t.Error("Has(a pipeline) is true")
	}
}

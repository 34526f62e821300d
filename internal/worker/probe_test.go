package worker_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pasted/internal/marshal"
	"pasted/internal/worker"
	"pasted/paste"
)

// probeModule is what the probes below import.
const probeModule = `
import os

class Maker:
    @classmethod
    def make(cls, global_conf, **local_conf):
        return application

class Own(KeyError, ValueError):
    pass

def application(environ, start_response):
    return []

def asks(loader, global_conf, **local_conf):
    return loader.get_app("child", global_conf)

def chatters(global_conf):
    print("said in passing")
    raise Own("no")

alias = Maker.make
text = "not callable"

def __getattr__(name):  # of Python 3.7
    if name == "exits":
        os._exit(3)
    if name == "hangs":
        import time
        time.sleep(3600)
    if name == "forks":
        if os.fork() == 0:
            raise SystemExit("the child")
        os.wait()
        return application
    if name == "leaves":
        raise SystemExit(4)
    raise AttributeError(name)
`

// probe starts one with a module "probed" to import.
func probe(t *testing.T) *worker.Probe {
	t.Helper()
	return probeIn(t, t.TempDir())
}

func probeIn(t *testing.T, dir string) *worker.Probe {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no python3 on the PATH")
	}
	if err := os.WriteFile(filepath.Join(dir, "probed.py"), []byte(probeModule), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, _ := config(t, "")
	cfg.Python = python
	cfg.Load = marshal.Dict{{Key: "path", Value: []any{dir}}}
	cfg.Resolve = func(marshal.Dict) marshal.Dict {
		return marshal.Dict{{Key: "context", Value: node("paste.app_factory", "Maker.make", marshal.Dict{{Key: "x", Value: "1"}})}}
	}
	p, err := worker.StartProbe(t.Context(), cfg, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

func object(attr string) *paste.Object {
	return &paste.Object{Style: paste.FactoryStyle, Module: "probed", Attr: attr}
}

// node is a context as placement encodes it.
func node(protocol, attr string, local marshal.Dict) marshal.Dict {
	return marshal.Dict{
		{Key: "id", Value: 1}, {Key: "type", Value: "application"}, {Key: "protocol", Value: protocol},
		{Key: "object", Value: marshal.Dict{{Key: "style", Value: "factory"}, {Key: "module", Value: "probed"}, {Key: "attr", Value: attr}}},
		{Key: "global_conf", Value: marshal.Dict{{Key: "here", Value: "/srv"}}},
		{Key: "local_conf", Value: local}, {Key: "loader", Value: "config:/srv/site.ini"},
		{Key: "section", Value: "app:main"}, {Key: "file", Value: "/srv/site.ini"}, {Key: "line", Value: 1},
	}
}

func TestAProbeSaysWhatAnObjectIs(t *testing.T) {
	p := probe(t)
	for attr, want := range map[string]string{
		"alias": "probed:Maker.make", "Maker.make": "probed:Maker.make", "Own": "probed:Own",
		"": "module probed", "text": "object 'not callable'", "os": "module os",
	} {
		if got, err := p.Import(t.Context(), object(attr)); got != want || err != nil {
			t.Errorf("Import(%q) = %q, %v, want %q", attr, got, err, want)
		}
	}
}

func TestAProbeLeavesNothingBehind(t *testing.T) {
	dir := t.TempDir()
	p := probeIn(t, dir)
	if _, err := p.Import(t.Context(), object("alias")); err != nil {
		t.Fatal(err)
	}
	p.Close()
	if n := children(t); n > 0 {
		t.Errorf("%d processes are left", n)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("the module's directory has %v, %v: want the module alone", entries, err)
	}
}

func TestAProbeSaysWhatPythonRaised(t *testing.T) {
	p := probe(t)
	for _, test := range []struct {
		o     paste.Object
		class string
		text  string
		bases []string
	}{
		{paste.Object{Style: paste.FactoryStyle, Module: "probed.nope"}, "ModuleNotFoundError",
			"No module named 'probed.nope'; 'probed' is not a package", []string{"ImportError"}},
		{paste.Object{Style: paste.CallStyle, Module: "probed", Attr: "Maker.make"}, "AttributeError", "Maker.make", nil},
		{*object("leaves"), "SystemExit", "4", nil},
	} {
		_, err := p.Import(t.Context(), &test.o)
		var got *paste.Error
		if !errors.As(err, &got) || got.Class != test.class || got.Text != test.text {
			t.Errorf("Import(%s): %v, want %s: %s", &test.o, err, test.class, test.text)
			continue
		}
		var raised *worker.RaisedError
		if !errors.As(err, &raised) || !slices.Equal(raised.Bases, test.bases) || raised.Stage != "import" {
			t.Errorf("Import(%s): %+v, want the bases %v", &test.o, raised, test.bases)
		}
	}
	if got, err := p.Import(t.Context(), object("forks")); got != "probed:application" {
		t.Errorf("an object whose import forks is %q, %v", got, err)
	}
}

func TestAProbeThatEndsSaysOfWhat(t *testing.T) {
	p := probe(t)
	for range 2 {
		_, err := p.Import(t.Context(), object("exits"))
		var died *worker.DiedError
		if !errors.As(err, &died) || died.Exit.Code != 3 || !strings.HasSuffix(err.Error(), "asked to import probed:exits, ended: exit status 3") {
			t.Errorf("error = %v, want one of the end", err)
		}
	}
	if n := children(t); n > 0 {
		t.Errorf("%d processes are left", n)
	}
}

func TestAProbeThatDoesNotAnswerIsEnded(t *testing.T) {
	p := probe(t)
	p.SetTimeout(100 * time.Millisecond)
	if _, err := p.Import(t.Context(), object("hangs")); err == nil || err.Error() != "import probed:hangs: no answer within 100ms" {
		t.Errorf("error = %v, want one of the time", err)
	}
	p = probe(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.Import(ctx, object("hangs")); !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v, want %v", err, context.Canceled)
	}
}

func TestAProbeNotesWhatFactoriesAreCalledWith(t *testing.T) {
	p := probe(t)
	for _, test := range []struct{ attr, protocol, want string }{
		{"Maker.make", "paste.app_factory", `{"result": {"callable": "application"}, "calls": [{"factory": "probed:Maker.make", ` +
			`"protocol": "paste.app_factory", "args": [{"global_conf": {"here": "/srv"}}], "kwargs": {"b": "1", "a": "\u00e9"}}]}`},
		{"asks", "paste.composite_factory", `{"result": {"callable": "application"}, "calls": [{"factory": "probed:asks", ` +
			`"protocol": "paste.composite_factory", "args": [{"loader": "config:/srv/site.ini"}, {"global_conf": {"here": "/srv"}}], ` +
			`"kwargs": {"b": "1", "a": "\u00e9"}}, {"factory": "probed:Maker.make", "protocol": "paste.app_factory", ` +
			`"args": [{"global_conf": {"here": "/srv"}}], "kwargs": {"x": "1"}}]}`},
		{"text", "paste.app_factory", `{"error": {"class": "TypeError", "message": "'str' object is not callable"}, "calls": [` +
			`{"factory": "object 'not callable'", "protocol": "paste.app_factory", "args": [{"global_conf": {"here": "/srv"}}], ` +
			`"kwargs": {"b": "1", "a": "\u00e9"}}]}`},
		{"alias", "", `{"error": {"class": "AssertionError", "message": "Protocol None unknown"}, "calls": []}`},
	} {
		local := marshal.Dict{{Key: "b", Value: "1"}, {Key: "a", Value: "é"}}
		got, err := p.Create(t.Context(), paste.AppKind, node(test.protocol, test.attr, local))
		if err != nil || string(got.JSON) != test.want {
			t.Errorf("Create(%s) = %v\n%s\nwant\n%s", test.attr, err, got.JSON, test.want)
		}
	}
	got, err := p.Create(t.Context(), paste.AppKind, node("paste.app_factory", "chatters", nil))
	if err != nil || got.Error == nil || got.Error.Class != "probed.Own" || !slices.Equal(got.Error.Bases, []string{"KeyError", "LookupError", "ValueError"}) {
		t.Errorf("Create() = %+v, %v, want what the factory raised", got, err)
	}
}

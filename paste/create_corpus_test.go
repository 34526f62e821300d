package paste_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pasted/paste"
)

// corpusDir is the folder of the PasteDeploy corpus; the test is skipped where
// there is none.
func corpusDir(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("PASTED_CORPUS")
	if dir == "" {
		dir = "../../shared/corpus"
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "synthetic")); err != nil {
		t.Skipf("no PasteDeploy corpus in %s (PASTED_CORPUS)", dir)
	}
	return dir
}

// fakeApp is the corpus's distribution FakeApp: its entry points as in a
// Python installation, and counterparts in Go of its factories.
type fakeApp struct {
	entryPoints map[string]string // "group name" → object
	registry    paste.Registry
	calls       []string // "factory {options}"
}

// A stub is an application that says what it was made of, as the corpus does.
type stub struct {
	http.Handler
	is any
}

func newFakeApp(t *testing.T, dir string) *fakeApp {
	f := &fakeApp{entryPoints: make(map[string]string)}
	file, err := os.Open(filepath.Join(dir, "eggs/FakeApp-1.0.dist-info/entry_points.txt"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	group := ""
	for lines := bufio.NewScanner(file); lines.Scan(); {
		line := strings.TrimSpace(lines.Text())
		if strings.HasPrefix(line, "[") {
			group = strings.Trim(line, "[]")
		} else if name, object, ok := strings.Cut(line, " = "); ok {
			f.entryPoints[group+" "+name] = object
			f.register(group, name, object)
		}
	}
	return f
}

func (f *fakeApp) Installed(dist string) error {
	if !strings.EqualFold(dist, "FakeApp") && dist != "Empty" {
		return &paste.NotInstalledError{Distribution: dist}
	}
	return nil
}

func (f *fakeApp) EntryPoint(dist, group, name string) (string, bool, error) {
	object, ok := f.entryPoints[group+" "+name]
	return object, ok, f.Installed(dist)
}

func (f *fakeApp) register(group, name, object string) {
	_, function, _ := strings.Cut(object, ":")
	function, _, _ = strings.Cut(function, " ")
	egg := "egg:FakeApp#" + name
	switch function {
	case "make_main", "make_basic_app", "make_other":
		f.registry.SetApp(egg, func(global, local *paste.Conf) (http.Handler, error) {
			f.call(function, global, local)
			name := strings.TrimPrefix(function, "make_")
			return stub{is: map[string]any{"app": name}}, nil
		})
	case "make_boom", "make_lookup_boom":
		class := map[string]string{"make_boom": "ValueError", "make_lookup_boom": "LookupError"}[function]
		text := strings.ReplaceAll(strings.TrimPrefix(function, "make_"), "_", " ") + " from the factory"
		f.registry.SetApp(egg, func(global, local *paste.Conf) (http.Handler, error) {
			f.call(function, global, local)
			return nil, &paste.Error{Class: class, Text: text, Message: text}
		})
	case "make_map", "make_map_noglobals", "make_remote_addr":
		f.registry.SetComposite(egg, func(l *paste.CompositeLoader, global, local *paste.Conf) (http.Handler, error) {
			f.call(function, global, local)
			return f.composite(function, l, global, local)
		})
	case "make_cap_filter", "CapFilter":
		f.registry.SetFilterApp(egg, func(next http.Handler, global, local *paste.Conf) (http.Handler, error) {
			f.call(function, global, local)
			tag, ok := local.Get("tag")
			if !ok {
				tag = map[string]string{"make_cap_filter": "caps", "CapFilter": "caps2"}[function]
			}
			return stub{is: map[string]any{"filter": tag, "app": next.(stub).is}}, nil
		})
	}
}

func (f *fakeApp) composite(function string, l *paste.CompositeLoader, global, local *paste.Conf) (http.Handler, error) {
	children := []any{}
	for key, name := range local.All() {
		if function == "make_remote_addr" && !strings.HasPrefix(key, "app.") {
			continue
		}
		conf := global
		if function == "make_map_noglobals" {
			conf = nil
		}
		app, err := l.App(name, conf)
		if err != nil {
			return nil, err
		}
		children = append(children, []any{key, app.(stub).is})
	}
	return stub{is: map[string]any{"app": strings.TrimPrefix(function, "make_"), "children": children}}, nil
}

func (f *fakeApp) call(function string, global, local *paste.Conf) {
	f.calls = append(f.calls, "fakeapp.apps:"+function+" "+conf(global)+" "+conf(local))
}

// conf is a Conf as the corpus's JSON has it.
func conf(c *paste.Conf) string {
	parts := []string{}
	for key, value := range c.All() {
		parts = append(parts, key+"="+value)
	}
	return "{" + strings.Join(parts, ",") + "}"
}

// A creation is one call of the corpus and what it gave.
type creation struct {
	Call struct {
		Fn         string
		URI        string
		Name       *string
		RelativeTo *string        `json:"relative_to"`
		GlobalConf map[string]any `json:"global_conf"`
	}
	Create *struct {
		Result any
		Error  *struct{ Class, Message string }
		Calls  json.RawMessage
		Broken any
	}
}

// native says that Go can do what the call does: it loads an application or a
// filter, of FakeApp alone, and does not depend on the working directory or on
// how Python passes arguments.
func (c *creation) native(name string) bool {
	return c.Create != nil && c.Create.Broken == nil &&
		(c.Call.Fn == "loadapp" || c.Call.Fn == "loadfilter") &&
		len(c.Call.GlobalConf) == 0 &&
		(c.Call.RelativeTo == nil || filepath.IsAbs(*c.Call.RelativeTo)) &&
		!strings.HasPrefix(name, "paste-") && name != "fac-option-global_conf"
}

func TestCreateGivesWhatPasteDeployGives(t *testing.T) {
	dir := corpusDir(t)
	cases, _ := filepath.Glob(filepath.Join(dir, "expected-synthetic/*.json"))
	checked := 0
	for _, path := range cases {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(path), ".json")
		text := strings.ReplaceAll(string(data), "@CASE@", "@CORPUS@/synthetic/"+name)
		var expected struct{ Results []creation }
		if err := json.Unmarshal([]byte(strings.ReplaceAll(text, "@CORPUS@", dir)), &expected); err != nil {
			t.Fatal(err)
		}
		for _, c := range expected.Results {
			if c.native(name) && checkCreation(t, newFakeApp(t, dir), name, c) {
				checked++
			}
		}
	}
	if checked < 100 {
		t.Errorf("%d calls are checked", checked)
	}
	t.Logf("%d calls checked", checked)
}

// checkCreation says whether the call is one that natives can answer.
func checkCreation(t *testing.T, f *fakeApp, name string, c creation) bool {
	opts := paste.Options{Name: c.Call.Name, EntryPoints: f, Strict: true}
	if c.Call.RelativeTo != nil {
		opts.RelativeTo = *c.Call.RelativeTo
	}
	var h http.Handler
	var err error
	if c.Call.Fn == "loadapp" {
		h, err = paste.LoadApp(c.Call.URI, &f.registry, opts)
	} else {
		var wrap paste.Wrapper
		if wrap, err = paste.LoadFilter(c.Call.URI, &f.registry, opts); err == nil {
			h, err = wrap(stub{is: "probe"})
		}
	}
	if err != nil && strings.Contains(err.Error(), "is Python code") {
		return false
	}
	if c.Create.Error != nil {
		var e *paste.Error
		if !errors.As(err, &e) || e.Class != c.Create.Error.Class || e.Text != c.Create.Error.Message && e.Class != "RecursionError" {
			t.Errorf("%s %v: %#v, want %v", name, c.Call.URI, err, c.Create.Error)
		}
		return true
	}
	if err != nil {
		t.Errorf("%s %v: %v", name, c.Call.URI, err)
		return true
	}
	if c.Call.Fn == "loadapp" {
		if diff := cmp.Diff(c.Create.Result, h.(stub).is); diff != "" {
			t.Errorf("%s %v: -want +got\n%s", name, c.Call.URI, diff)
		}
	}
	if diff := cmp.Diff(pythonCalls(t, c.Create.Calls), sorted(f.calls)); diff != "" {
		t.Errorf("%s %v: calls -want +got\n%s", name, c.Call.URI, diff)
	}
	return true
}

// pythonCalls are the corpus's calls, sorted: a filter_factory is called
// earlier than its counterpart in Go, which needs the application.
func pythonCalls(t *testing.T, raw json.RawMessage) []string {
	var calls []struct {
		Factory string
		Args    []json.RawMessage
		Kwargs  json.RawMessage
	}
	if err := json.Unmarshal(raw, &calls); err != nil {
		t.Fatal(err)
	}
	out := []string{}
	for _, c := range calls {
		global := ""
		for _, arg := range c.Args {
			var g struct {
				GlobalConf json.RawMessage `json:"global_conf"`
			}
			if json.Unmarshal(arg, &g) == nil && g.GlobalConf != nil {
				global = inOrder(t, g.GlobalConf)
			}
		}
		out = append(out, c.Factory+" "+global+" "+inOrder(t, c.Kwargs))
	}
	return sorted(out)
}

// inOrder is a JSON object of strings as conf writes it, in its order.
func inOrder(t *testing.T, raw json.RawMessage) string {
	d := json.NewDecoder(strings.NewReader(string(raw)))
	var parts []string
	var texts []string
	for {
		token, err := d.Token()
		if err != nil {
			break
		}
		if text, ok := token.(string); ok {
			texts = append(texts, text)
		}
	}
	for pair := range slices.Chunk(texts, 2) {
		parts = append(parts, strings.Join(pair, "="))
	}
	return "{" + strings.Join(parts, ",") + "}"
}

func sorted(list []string) []string {
	out := append([]string{}, list...)
	slices.Sort(out)
	return out
}

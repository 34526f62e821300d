package paste_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"strings"
	"sync"
	"testing"

	"pasted/paste"

	"github.com/google/go-cmp/cmp"
)

func TestConfKeepsItsOrder(t *testing.T) {
	c := paste.NewConf("b", "1", "a", "2")
	c.Set("c", "3")
	c.SetAt("b", "4", paste.Position{File: "x.ini", Line: 7})
	c.Update(paste.NewConf("d", "5", "a", "6"))
	c.Delete("c")
	c.Delete("none")
	var got []string
	for key, value := range c.All() {
		got = append(got, key+"="+value)
	}
	if diff := cmp.Diff([]string{"b=4", "a=6", "d=5"}, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if diff := cmp.Diff([]string{"b", "a", "d"}, c.Keys()); diff != "" {
		t.Errorf("Keys (-want +got)\n%s", diff)
	}
	if got := c.Pos("b").String(); got != "x.ini:7" {
		t.Errorf("Pos(b) = %s, want x.ini:7", got)
	}
	if got := c.Pos("a"); got != (paste.Position{}) {
		t.Errorf("Pos(a) = %v, want none", got)
	}
}

func TestNilConfIsEmpty(t *testing.T) {
	var c *paste.Conf
	if _, ok := c.Get("x"); ok || c.Len() != 0 || c.Keys() != nil || len(maps.Collect(c.All())) != 0 {
		t.Error("a nil Conf is not empty")
	}
	c.Clone().Set("x", "1")
	if c.Pos("x") != (paste.Position{}) {
		t.Error("a nil Conf has places")
	}
}

func TestCloneSharesNothing(t *testing.T) {
	c := paste.NewConf("x", "1")
	clone := c.Clone()
	clone.Set("x", "2")
	clone.Set("y", "3")
	if got, _ := c.Get("x"); got != "1" || c.Len() != 1 {
		t.Errorf("the original is %v", c.Keys())
	}
}

func TestResolveLeavesTheGivenConfAlone(t *testing.T) {
	global := paste.NewConf("x", "1")
	opts := memory(map[string]string{"main.ini": "[app:main]\nuse = inner\nset x = 2\n[app:inner]\nuse = egg:Fake\nset y = 3\n"})
	opts.GlobalConf = global
	if _, err := paste.Resolve(paste.AppKind, "config:main.ini", opts); err != nil {
		t.Fatal(err)
	}
	if got, _ := global.Get("x"); got != "1" || global.Len() != 1 {
		t.Errorf("the given configuration has become %v", global.Keys())
	}
}

// memory returns Options with files that stand in dir.
func memory(files map[string]string) paste.Options {
	c := resolveCase{parts: files}
	return paste.Options{RelativeTo: dir, EntryPoints: shelf{}, ReadFile: c.read}
}

func TestDumpHasTheShapeOfTheOutcomes(t *testing.T) {
	opts := memory(map[string]string{"main.ini": `
[pipeline:main]
pipeline = egg:Fake#filter c
[composite:c]
use = call:m:f
b = <1>
a = 2
filter-with = f
[filter:f]
use = egg:Any#x
[filter-app:one]
paste.filter_factory = m
next = egg:Fake
[pipeline:two]
pipeline = one
`})
	opts.Assume = true
	ctx, err := paste.Resolve(paste.AppKind, "config:main.ini", opts)
	if err != nil {
		t.Fatal(err)
	}
	const globals = `"global_conf":{"here":"/dir","__file__":"/dir/main.ini"},`
	const file = `"loader":"config:/dir/main.ini",` + globals
	want := `{"type":"pipeline","protocol":null,"factory":null,` + file + `"local_conf":{},` +
		`"filters":[{"type":"filter","protocol":"paste.filter_factory","factory":"egg:Fake#filter",` +
		`"entry_point_name":"filter","loader":"egg:Fake",` + globals + `"local_conf":{}}],` +
		`"app":{"type":"filtered_with","protocol":null,"factory":null,` + file +
		`"local_conf":{"b":"\u003c1\u003e","a":"2"},` +
		`"filter":{"type":"filter","protocol":"paste.filter_factory","factory":"egg:Any#x",` +
		`"entry_point_name":"x","egg_assumed":true,` + file + `"local_conf":{}},` +
		`"next":{"type":"application","protocol":"paste.composit_factory","factory":"call:m:f",` + file +
		`"local_conf":{"b":"\u003c1\u003e","a":"2"}}}}`
	compareText(t, want, ctx)

	opts.Assume = false
	two := "two"
	opts.Name = &two
	if ctx, err = paste.Resolve(paste.AppKind, "config:main.ini", opts); err != nil {
		t.Fatal(err)
	}
	want = `{"type":"pipeline","protocol":null,"factory":null,` + file + `"local_conf":{},"filters":[],` +
		`"app":{"type":"filter_app","protocol":null,"factory":null,` + file + `"local_conf":{},` +
		`"filter":{"type":"filter","protocol":"paste.filter_factory","factory":"module m",` + file + `"local_conf":{}},` +
		`"next":{"type":"application","protocol":"paste.app_factory","factory":"fake.app_factory:make.main",` +
		`"entry_point_name":"main","loader":"egg:Fake",` + globals + `"local_conf":{}}}}`
	compareText(t, want, ctx)
}

func compareText(t *testing.T, want string, ctx *paste.Context) {
	t.Helper()
	got, err := json.Marshal(paste.Dump(ctx))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// Python's recursion limit lets these lengths through, and no more.
func TestNestingEndsWherePythonsDoes(t *testing.T) {
	for name, c := range map[string]struct {
		section string
		most    int
	}{
		"use":        {"[app:a%d]\nuse = a%d\n", 487},
		"pipeline":   {"[pipeline:a%d]\npipeline = a%d\n", 487},
		"filter-app": {"[filter-app:a%d]\nuse = egg:Fake#filter\nnext = a%d\n", 487},
		"config":     {"[app:a%d]\nuse = config:main.ini#a%d\n", 195},
	} {
		for _, n := range []int{c.most, c.most + 1} {
			text := "[app:main]\nuse = a1\n"
			for i := 1; i < n; i++ {
				text += fmt.Sprintf(c.section, i, i+1)
			}
			text += fmt.Sprintf("[app:a%d]\nuse = egg:Fake\n", n)
			_, err := paste.Resolve(paste.AppKind, "config:main.ini", memory(map[string]string{"main.ini": text}))
			if (err == nil) != (n == c.most) {
				t.Errorf("%s: %d sections deep: error %v", name, n, err)
			}
			var e *paste.Error
			if errors.As(err, &e) && (e.Class != "RecursionError" || e.Chain != nil) {
				t.Errorf("%s: %s with the chain %v, want a RecursionError without", name, e.Class, e.Chain)
			}
		}
	}
}

func TestCirclesNameTheirSections(t *testing.T) {
	for text, want := range map[string][]string{
		"[app:main]\nuse = main\n":                                        {"[app:main]", "[app:main]"},
		"[app:main]\nuse = p\n[pipeline:p]\npipeline = main\n":            {"[app:main]", "[pipeline:p]", "[app:main]"},
		"[app:main]\nuse = config:./main.ini#main\n":                      {"[app:main]", "[app:main]"},
		"[app:main]\nuse = a\n[app:a]\nuse = b\n[app:b]\nuse = a\n":       {"[app:a]", "[app:b]", "[app:a]"},
		"[filter-app:main]\nnext = main\nuse = egg:Fake#filter\n":         {"[filter-app:main]", "[filter-app:main]"},
		"[app:main]\nuse = config:other.ini#%(x)s\n[DEFAULT]\nx = main\n": {"/dir/main.ini [app:main]", "/dir/other.ini [app:main]", "/dir/main.ini [app:main]"},
	} {
		opts := memory(nil)
		opts.ReadFile = func(name string) ([]byte, error) {
			if name == dir+"/other.ini" {
				return []byte("[app:main]\nuse = config:main.ini\n"), nil
			}
			return []byte(text), nil
		}
		_, err := paste.Resolve(paste.AppKind, "config:main.ini", opts)
		var e *paste.Error
		if !errors.As(err, &e) || e.Class != "RecursionError" {
			t.Errorf("%s: error %v, want a circle", text, err)
			continue
		}
		if diff := cmp.Diff(want, e.Chain); diff != "" {
			t.Errorf("%s: chain (-want +got)\n%s", text, diff)
		}
	}
}

// Sections may come again without a circle: here what mid uses is a variable.
func TestASectionMayComeTwice(t *testing.T) {
	ctx, err := paste.Resolve(paste.AppKind, "config:main.ini", memory(map[string]string{"main.ini": `
[app:main]
use = mid
set t = step
[app:mid]
get use = t
[app:step]
use = mid
set t = egg:Fake
`}))
	if err != nil {
		t.Fatal(err)
	}
	if ctx.Object.Egg != "Fake#main" {
		t.Errorf("resolved to %+v, want egg:Fake", ctx.Object)
	}
}

// A composite that mounts itself is built for ever; its loader knows how deep
// it is.
func TestACompositeThatMountsItselfEnds(t *testing.T) {
	ctx, err := paste.Resolve(paste.AppKind, "config:main.ini", memory(map[string]string{
		"main.ini": "[composite:main]\nuse = egg:Fake#map\n/ = main\n",
	}))
	name := "main"
	for range 1000 {
		if err != nil {
			break
		}
		ctx, err = ctx.Loader.Context(paste.AppKind, &name, ctx.GlobalConf)
	}
	var e *paste.Error
	if !errors.As(err, &e) || e.Class != "RecursionError" || e.Error() !=
		`/dir/main.ini:3: [composite:main] / = "main": goes in a circle, [composite:main] > [composite:main]: want a section that ends it` {
		t.Errorf("error %v, want a circle", err)
	}
}

func TestALoaderMayBeAskedByMany(t *testing.T) {
	opts := memory(map[string]string{
		"main.ini": "[app:main]\nuse = m:f\n[composite:app]\nuse = egg:Fake#map\n[pipeline:main]\npipeline = app\n",
	})
	var mu sync.Mutex
	notes := 0
	opts.Notes = func(paste.Note) {
		mu.Lock()
		defer mu.Unlock()
		notes++
	}
	ctx, err := paste.Resolve(paste.AppKind, "config:main.ini", opts)
	if err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	before := notes
	mu.Unlock()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			name := "main"
			inner, err := ctx.App.Loader.Context(paste.AppKind, &name, nil)
			if err != nil || inner.Type != paste.Application || inner.Object.Module != "m" {
				t.Errorf("main inside its pipeline is %+v, %v", inner, err)
			}
		})
	}
	wg.Wait()
	if notes != before+16 {
		t.Errorf("%d notes, want two each", notes-before)
	}
}

func TestOpenReadsAnySection(t *testing.T) {
	opts := memory(map[string]string{"main.ini": "[DEFAULT]\nd = 1\n[pasted:workers]\nn = %(d)s%(v)s\n\n[x]\ny = %\n"})
	opts.GlobalConf = paste.NewConf("v", "2", "d", "9")
	loader, err := paste.Open(dir+"/main.ini", opts)
	if err != nil {
		t.Fatal(err)
	}
	conf, err := loader.Section("pasted:workers")
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := conf.Get("n"); got != "12" || conf.Len() != 1 || conf.Pos("n").Line != 4 {
		t.Errorf("n = %q in %v at %v, want 12 alone in line 4", got, conf.Keys(), conf.Pos("n"))
	}
	if conf, err := loader.Section("none"); conf != nil || err != nil {
		t.Errorf("a section that is not there: %v, %v", conf, err)
	}
	if _, err := loader.Section("x"); err == nil || err.Error() !=
		`/dir/main.ini:7: [x] "y" has a bare percent sign, "%": want %% or %(name)s` {
		t.Errorf("error %v", err)
	}
	if _, err := paste.Open(dir+"/none.ini", opts); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v, want that there is no such file", err)
	}
}

func TestLoadersWithoutAFile(t *testing.T) {
	egg, err := paste.Resolve(paste.AppKind, "egg:fake#map", memory(nil))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"app": "fake#app", "egg:Fake#both-not": "", "egg:Fake": "Fake#main", "none": "", "config:x.ini": "",
	} {
		ctx, err := egg.Loader.Context(paste.AppKind, &name, nil)
		if (err == nil) != (want != "") || err == nil && ctx.Object.Egg != want {
			t.Errorf("%s of %s is %+v, %v, want %q", name, egg.Loader, ctx, err, want)
		}
	}
	if ctx, err := egg.Loader.Context(paste.ServerKind, nil, nil); err != nil || ctx.EntryPointName != "main" {
		t.Errorf("no name of %s is %+v, %v, want main", egg.Loader, ctx, err)
	}
	call, err := paste.Resolve(paste.AppKind, "call:m:f", memory(nil))
	if err != nil {
		t.Fatal(err)
	}
	name := "any"
	ctx, err := call.Loader.Context(paste.FilterKind, &name, paste.NewConf("x", "1"))
	if err != nil || ctx.Object.Attr != "f" || ctx.Type != paste.Filter || ctx.GlobalConf.Len() != 1 {
		t.Errorf("any of %s is %+v, %v, want m:f as a filter", call.Loader, ctx, err)
	}
	if conf, err := call.Loader.Section("x"); conf != nil || err != nil {
		t.Errorf("a section of %s: %v, %v", call.Loader, conf, err)
	}
}

func TestEggsInEggsEnd(t *testing.T) {
	uri := "egg:a" + strings.Repeat("#egg:a", 1000000)
	_, err := paste.Resolve(paste.AppKind, uri, memory(nil))
	var e *paste.Error
	if !errors.As(err, &e) || e.Class != "RecursionError" {
		t.Errorf("error %v, want a RecursionError", err)
	}
}

func TestConfigIsAppconfig(t *testing.T) {
	opts := memory(map[string]string{"main.ini": "[DEFAULT]\nd = 1\n[app:main]\nuse = egg:Fake\nset b = 2\na = 3\nget d = b\n"})
	conf, err := paste.Config("config:main.ini", nil, opts)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"here": "/dir", "__file__": "/dir/main.ini", "d": "2", "b": "2", "a": "3"}
	if diff := cmp.Diff(want, maps.Collect(conf.All())); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if _, err := paste.Config("config:none.ini", nil, opts); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v, want that there is no such file", err)
	}
}

func TestErrorsOfEntryPointsAndImportsArePassedOn(t *testing.T) {
	broken := errors.New("interpreter gone")
	opts := memory(map[string]string{"main.ini": "[app:main]\nuse = egg:Fake\n[app:call]\nuse = call:m:f\n"})
	opts.EntryPoints = brokenShelf{broken}
	_, err := paste.Resolve(paste.AppKind, "config:main.ini", opts)
	if !errors.Is(err, broken) || !strings.HasPrefix(err.Error(), "/dir/main.ini:2: [app:main] ") {
		t.Errorf("error %v, want the shelf's with its place", err)
	}
	opts.EntryPoints = shelf{}
	opts.Import = func(o *paste.Object) error {
		return &paste.Error{Class: "ModuleNotFoundError", Text: "No module named '" + o.Module + "'", Message: "no module"}
	}
	for name, want := range map[string]string{"main": "fake.app_factory", "call": "m"} {
		opts.Name = &name
		_, err := paste.Resolve(paste.AppKind, "config:main.ini", opts)
		var e *paste.Error
		if !errors.As(err, &e) || e.Class != "ModuleNotFoundError" || e.Text != "No module named '"+want+"'" || e.Pos.Line == 0 {
			t.Errorf("error %+v, want a ModuleNotFoundError with a place", err)
		}
	}
}

type brokenShelf struct{ err error }

func (b brokenShelf) Installed(string) error { return b.err }

func (b brokenShelf) EntryPoint(_, _, _ string) (string, bool, error) { return "", false, b.err }

func TestFilesThatCannotBeRead(t *testing.T) {
	for name, want := range map[string]string{
		"config:" + t.TempDir():        "IsADirectoryError: [Errno 21] Is a directory: ",
		"config:/none/x.ini":           "FileNotFoundError: [Errno 2] No such file or directory: '/none/x.ini'",
		"config:/dev/null/x.ini":       "NotADirectoryError: [Errno 20] Not a directory: '/dev/null/x.ini'",
		"config:/a%00b.ini":            "ValueError: embedded null byte",
		"config:/%FF%C3é%C3%A9.ini":    "FileNotFoundError: [Errno 2] No such file or directory: '/\ufffd\ufffdéé.ini'",
		"config:/100%.ini%zz%4":        "FileNotFoundError: [Errno 2] No such file or directory: '/100%.ini%zz%4'",
		"config:///none//x.ini":        "FileNotFoundError: [Errno 2] No such file or directory: '/none//x.ini'",
		"config://none/x.ini":          "FileNotFoundError: [Errno 2] No such file or directory: '//none/x.ini'",
		"config:%20/none/x.ini%20#abc": "ValueError: Cannot resolve relative uri 'config:%20/none/x.ini%20'; no relative_to keyword argument given",
	} {
		_, err := paste.Resolve(paste.AppKind, name, paste.Options{})
		var e *paste.Error
		if !errors.As(err, &e) || !strings.HasPrefix(e.Class+": "+e.Text, want) {
			t.Errorf("%s: error %+v, want %s", name, err, want)
		}
	}
}

func FuzzResolve(f *testing.F) {
	for _, seed := range []string{
		"[app:main]\nuse = egg:Fake\nfilter-with = f\n[filter:f]\nuse = egg:Fake#filter\n",
		"[pipeline:main]\npipeline = f m:x app\n[composite:main]\nuse = config:main.ini#app\n[app:app]\nuse = call:a:b",
		"[DEFAULT]\nx = %(y)s\n[filter-app:main]\nnext = a\npaste.filter_factory = m:f [x]\nset a = b\nget c = a\n",
		"[app:main]\nuse = config:%%41.ini \n  [app:main]\n", "[app]\n[server:main]\nuse = egg:#\n", "[app:main]\nuse=main",
	} {
		f.Add(seed, "config:main.ini")
	}
	f.Fuzz(func(t *testing.T, text, uri string) {
		opts := memory(nil)
		opts.ReadFile = func(string) ([]byte, error) { return []byte(text), nil }
		opts.Native = nativeShelf{}
		opts.GlobalConf = paste.NewConf("y", "1")
		for _, kind := range []paste.Kind{paste.AppKind, paste.FilterKind, paste.ServerKind} {
			ctx, err := paste.Resolve(kind, uri, opts)
			var e *paste.Error
			if (ctx == nil) == (err == nil) || err != nil && (!errors.As(err, &e) || e.Class == "" || e.Message == "") {
				t.Fatalf("context %v and error %#v, want one of them, complete", ctx, err)
			}
			if ctx == nil {
				continue
			}
			if _, err := json.Marshal(paste.Dump(ctx)); err != nil {
				t.Error(err)
			}
			opts.Strict = true
			strict, err := paste.Resolve(kind, uri, opts)
			opts.Strict = false
			if err == nil {
				if diff := cmp.Diff(dumpText(strict), dumpText(ctx)); diff != "" {
					t.Errorf("strict or not is not the same (-strict +not)\n%s", diff)
				}
			}
		}
	})
}

func dumpText(ctx *paste.Context) string {
	text, err := json.Marshal(paste.Dump(ctx))
	return fmt.Sprint(string(text), err)
}

func TestNamedIsTheOptionThatSaysWhatASectionIs(t *testing.T) {
	opts := memory(map[string]string{
		"main.ini": "[server:main]\nport = 1\nuse = inner\n[server:inner]\nuse = egg:Fake#runner\n" +
			"[app:main]\n\npaste.app_factory = a:b\n[pipeline:p]\npipeline = main\n[app:other]\nuse = main\n",
	})
	for _, c := range []struct {
		kind paste.Kind
		name string
		line int
	}{
		{paste.ServerKind, "main", 3}, {paste.AppKind, "main", 8}, {paste.AppKind, "other", 12}, {paste.AppKind, "p", 0},
	} {
		opts.Name = &c.name
		ctx, err := paste.Resolve(c.kind, "config:main.ini", opts)
		if err != nil {
			t.Fatal(err)
		}
		if ctx.Named.Line != c.line {
			t.Errorf("%s %s is named at %v, want line %d", c.kind, c.name, ctx.Named, c.line)
		}
	}
}

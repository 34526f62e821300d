package placement_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pasted/internal/marshal"
	"pasted/internal/placement"
)

const asking = `
[DEFAULT]
debug = true
[pipeline:main]
pipeline = f comp
[filter:f]
use = egg:Py#f
b = 2
a = 1
[composite:comp]
use = egg:Py#all
set x = y
/ = app
[app:app]
use = egg:Py#app
name = é
[filter:native]
use = egg:Go#filter
[app:direct]
paste.app_factory = py.mod:make
`

func mustPlace(t *testing.T, text string) *placement.Plan {
	t.Helper()
	plan, err := place(text)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

func get(t *testing.T, v any, path ...any) any {
	t.Helper()
	for _, step := range path {
		switch step := step.(type) {
		case string:
			dict, ok := v.(marshal.Dict)
			if !ok {
				t.Fatalf("%#v at %v of %v is no dict", v, step, path)
			}
			if v, ok = dict.Get(step); !ok {
				t.Fatalf("no %q of %v in %#v", step, path, dict)
			}
		case int:
			v = v.([]any)[step]
		}
	}
	return v
}

func TestEncodedContextSaysEverything(t *testing.T) {
	plan := mustPlace(t, asking)
	tree := plan.Encode(plan.Roots[0].Context)
	if _, err := marshal.Append(nil, tree); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		path []any
		want any
	}{
		{[]any{"type"}, "pipeline"},
		{[]any{"object"}, nil},
		{[]any{"section"}, "pipeline:main"},
		{[]any{"file"}, "/etc/test.ini"},
		{[]any{"line"}, 4},
		{[]any{"filters", 0, "type"}, "filter"},
		{[]any{"filters", 0, "protocol"}, "paste.filter_factory"},
		{[]any{"filters", 0, "egg"}, "Py#f"},
		{[]any{"filters", 0, "distribution"}, "Py"},
		{[]any{"filters", 0, "entry_point_name"}, "f"},
		{[]any{"filters", 0, "object"}, marshal.Dict{{Key: "style", Value: "entry_point"}, {Key: "module", Value: "py"}, {Key: "attr", Value: "f"}}},
		{[]any{"filters", 0, "local_conf"}, marshal.Dict{{Key: "b", Value: "2"}, {Key: "a", Value: "1"}}},
		{[]any{"app", "global_conf", "x"}, "y"},
		{[]any{"app", "global_conf", "debug"}, "true"},
		{[]any{"app", "protocol"}, "paste.composite_factory"},
	} {
		if diff := cmp.Diff(c.want, get(t, tree, c.path...)); diff != "" {
			t.Errorf("%v -want +got\n%s", c.path, diff)
		}
	}
	if diff := cmp.Diff(tree, plan.Encode(plan.Roots[0].Context)); diff != "" {
		t.Errorf("encoded again it is another\n%s", diff)
	}
}

func question(id, kind, name, global any) marshal.Dict {
	return marshal.Dict{{Key: "context", Value: id}, {Key: "type", Value: kind}, {Key: "name", Value: name}, {Key: "global_conf", Value: global}}
}

// asker returns the plan of asking, and the number of its composite.
func asker(t *testing.T) (*placement.Plan, any) {
	plan := mustPlace(t, asking)
	id := get(t, plan.Encode(plan.Roots[0].Context), "app", "id")
	return plan, int64(id.(int))
}

func TestAnswerIsWhatTheLoaderWouldFind(t *testing.T) {
	plan, id := asker(t)
	global := marshal.Dict{{Key: "x", Value: "y"}, {Key: "debug", Value: "no"}}
	for _, c := range []struct {
		question  marshal.Dict
		section   string
		debug     string
		localName any
	}{
		{question(id, "app", "app", nil), "app:app", "true", "é"},
		{question(id, "app", "app", global), "app:app", "no", "é"},
		{question(id, "filter", "f", nil), "filter:f", "true", nil},
		{question(id, "app", "main", nil), "pipeline:main", "", nil},
		{question(id, "app", "egg:Py#app", marshal.Dict{}), "", "", nil},
	} {
		tree := get(t, plan.Answer(c.question), "context")
		if got := get(t, tree, "section"); got != c.section {
			t.Errorf("%v: section %v, want %s", c.question, got, c.section)
		}
		if c.debug != "" && get(t, tree, "global_conf", "debug") != c.debug {
			t.Errorf("%v: %v", c.question, tree)
		}
		if c.localName != nil && get(t, tree, "local_conf", "name") != c.localName {
			t.Errorf("%v: %v", c.question, tree)
		}
	}
}

func TestAnswerRefusesAsPasteDeployRaises(t *testing.T) {
	plan, id := asker(t)
	for _, c := range []struct {
		question             marshal.Dict
		class, text, message string
	}{
		{question(id, "app", "nope", nil), "LookupError", "No section 'nope' (prefixed by", "nope"},
		{question(id, "filter", "native", nil), "importlib.metadata.PackageNotFoundError", "No package metadata was found for Go", "/etc/test.ini:17: [filter:native]"},
		{question(int64(99), "app", "app", nil), "TypeError", "no loader for context 99", ""},
		{question("x", "app", "app", nil), "TypeError", "no loader for context x", ""},
		{question(id, "cap", "app", nil), "TypeError", "type cap: want app, filter or server", ""},
		{question(id, "app", int64(1), nil), "TypeError", "name is int: want str or None", ""},
		{question(id, "app", "app", []any{}), "TypeError", "global_conf is list: want dict", ""},
		{question(id, "app", "app", marshal.Dict{{Key: "n", Value: int64(1)}}), "TypeError", "global_conf[n] is int: want str", ""},
		{marshal.Dict{}, "TypeError", "no loader for context <nil>", ""},
		{marshal.Dict{{Key: "context", Value: struct{}{}}}, "TypeError", "struct {}: no marshal type", ""},
	} {
		answer := plan.Answer(c.question)
		class, text := get(t, answer, "error", "class"), get(t, answer, "error", "text").(string)
		message := get(t, answer, "error", "message").(string)
		if class != c.class || !strings.HasPrefix(text, c.text) || !strings.Contains(message, c.message) {
			t.Errorf("%v: %v", c.question, answer)
		}
	}
}

func TestSameQuestionHasTheSameAnswer(t *testing.T) {
	plan, id := asker(t)
	want := plan.Answer(question(id, "app", "app", nil))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if diff := cmp.Diff(want, plan.Answer(question(id, "app", "app", nil))); diff != "" {
				t.Error(diff)
			}
			plan.Answer(question(id, "filter", "f", nil))
			plan.Encode(plan.Roots[0].Context)
		})
	}
	wg.Wait()
}

func TestStandInIsWhatPythonCalls(t *testing.T) {
	plan := mustPlace(t, "[pipeline:main]\npipeline = egg:Py#f comp\n[composite:comp]\nuse = egg:Go#all\nx = main\n")
	tree := plan.Encode(plan.Roots[0].Context)
	want := marshal.Dict{{Key: "style", Value: "factory"}, {Key: "module", Value: "stand_in"}, {Key: "attr", Value: "make_all"}}
	if diff := cmp.Diff(want, get(t, tree, "app", "object")); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if got := get(t, tree, "app", "egg"); got != "Go#all" {
		t.Errorf("egg %v", got)
	}
}

func TestPartsThatShareAConfigurationSaySo(t *testing.T) {
	plan := mustPlace(t, `
[app:main]
paste.app_factory = py.mod:make
filter-with = f
[app:used]
use = main2
filter-with = f
[app:main2]
paste.app_factory = py.mod:make
[filter-app:guarded]
use = f
next = main2
[filter:f]
use = egg:Py#f
`)
	id := int64(get(t, plan.Encode(plan.Roots[0].Context), "id").(int))
	for name, want := range map[string][]any{
		"main":    {"next_context.global_conf", "next_context.local_conf"},
		"used":    {},
		"guarded": {},
	} {
		got := get(t, plan.Answer(question(id, "app", name, nil)), "context", "shares")
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: -want +got\n%s", name, diff)
		}
	}
}

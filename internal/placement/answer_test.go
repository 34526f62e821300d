package placement_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pasted/internal/marshal"
)

// other is a question of another kind than for a context.
func other(id any, what string, more ...marshal.Pair) marshal.Dict {
	return append(marshal.Dict{{Key: "context", Value: id}, {Key: "ask", Value: what}}, more...)
}

func TestSectionIsFoundWithoutALookIntoIt(t *testing.T) {
	plan, id := asker(t)
	for _, c := range []struct {
		kind string
		name any
		want string // the section, or the beginning of the error's text
	}{
		{"app", "comp", "composite:comp"},
		{"app", nil, "pipeline:main"},
		{"app", "main", "pipeline:main"},
		{"filter", "f", "filter:f"},
		{"filter", "comp", "No section 'comp' (prefixed by 'filter') found in config /etc/test.ini"},
		{"server", nil, "No section None (prefixed by 'server')"},
		{"app", "py.mod:make", "No section 'py.mod:make' (prefixed by"},
		{"cap", "comp", "type cap: want app, filter or server"},
	} {
		answer := plan.Answer(other(id, "section", marshal.Pair{Key: "type", Value: c.kind}, marshal.Pair{Key: "name", Value: c.name}))
		got, ok := answer.Get("section")
		if !ok {
			got = get(t, answer, "error", "text")
		}
		if !strings.HasPrefix(got.(string), c.want) {
			t.Errorf("%s %v: %v, want %s", c.kind, c.name, got, c.want)
		}
	}
}

func TestFileIsToldAsItStands(t *testing.T) {
	plan := mustPlace(t, "[DEFAULT]\nd = %(here)s\n[composite:main]\nuse = egg:Py#all\nB = 100%%\na = %(d)s\nd = own\n[ x ]\nbad = %(none)s\n")
	id := int64(get(t, plan.Encode(plan.Roots[0].Context), "id").(int))
	want := marshal.Dict{
		{Key: "defaults", Value: marshal.Dict{
			{Key: "here", Value: "/etc"}, {Key: "__file__", Value: "/etc/test.ini"}, {Key: "d", Value: "%(here)s"}}},
		{Key: "sections", Value: marshal.Dict{
			{Key: "composite:main", Value: marshal.Dict{
				{Key: "use", Value: "egg:Py#all"}, {Key: "B", Value: "100%%"}, {Key: "a", Value: "%(d)s"}, {Key: "d", Value: "own"}}},
			{Key: " x ", Value: marshal.Dict{{Key: "bad", Value: "%(none)s"}}}}},
	}
	if diff := cmp.Diff(want, plan.Answer(other(id, "file"))); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestEggHasNoFile(t *testing.T) {
	plan, id := asker(t)
	egg := get(t, plan.Answer(question(id, "app", "egg:Py#app", nil)), "context", "id")
	answer := plan.Answer(other(int64(egg.(int)), "section", marshal.Pair{Key: "type", Value: "app"}, marshal.Pair{Key: "name", Value: nil}))
	if got := get(t, answer, "error", "class"); got != "AttributeError" {
		t.Errorf("%v", answer)
	}
	if diff := cmp.Diff(marshal.Dict{}, get(t, plan.Answer(other(int64(egg.(int)), "file")), "sections")); diff != "" {
		t.Error(diff)
	}
	if got := get(t, plan.Answer(other(id, "weather")), "error", "text"); got != "ask is weather: want section or file" {
		t.Errorf("%v", got)
	}
}

// TestPlanDoesNotGrowWithEachRequest asks for what no request has asked for
// before, thousands of times, as an application may that hands something of the
// request on to what it loads.
func TestPlanDoesNotGrowWithEachRequest(t *testing.T) {
	plan, id := asker(t)
	load := question(id, "app", "comp", marshal.Dict{{Key: "n", Value: "load"}})
	early := get(t, plan.Answer(load), "context", "id")
	numbers := make(map[any]bool)
	var first, last int
	for n := range 10000 {
		answer := plan.Answer(question(id, "app", "comp", marshal.Dict{{Key: "n", Value: fmt.Sprint(n)}}))
		last = get(t, answer, "context", "id").(int)
		numbers[last] = true
		if n == 5000 {
			first = last
		}
		if got := get(t, answer, "context", "global_conf", "n"); got != fmt.Sprint(n) {
			t.Fatalf("question %d is answered with %v", n, got)
		}
	}
	if len(numbers) != 10000 {
		t.Errorf("%d numbers for 10000 contexts", len(numbers))
	}
	if got := get(t, plan.Answer(load), "context", "id"); got != early {
		t.Errorf("a context of the load has become another: %v, was %v", got, early)
	}
	for _, c := range []struct {
		id    any
		known bool
	}{{early, true}, {last, true}, {first, false}} {
		_, known := plan.Answer(question(int64(c.id.(int)), "app", "app", nil)).Get("context")
		if known != c.known {
			t.Errorf("context %v answers: %v, want %v", c.id, known, c.known)
		}
	}
}

// TestLargeQuestionsAreNotKept asks questions of a megabyte each: what is kept
// is bounded by their size as well.
func TestLargeQuestionsAreNotKept(t *testing.T) {
	plan, id := asker(t)
	value := strings.Repeat("x", 1<<20)
	known := 0
	ids := make([]int64, 100)
	for n := range ids {
		answer := plan.Answer(question(id, "app", "comp", marshal.Dict{{Key: "n", Value: fmt.Sprint(n)}, {Key: "x", Value: value}}))
		ids[n] = int64(get(t, answer, "context", "id").(int))
	}
	for _, id := range ids {
		if _, ok := plan.Answer(question(id, "app", "app", nil)).Get("context"); ok {
			known++
		}
	}
	if known < 40 || known > 70 {
		t.Errorf("%d of 100 contexts of a megabyte each are remembered: want some 62", known)
	}
}

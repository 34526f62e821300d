package main

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"pasted/e2e/venvs"
	"pasted/internal/outcome"
)

// TestMadeUpFilesMeanWhatTheyMeanToPasteDeploy is a short run of `make
// fuzz-paste`.
func TestMadeUpFilesMeanWhatTheyMeanToPasteDeploy(t *testing.T) {
	layout, err := venvs.Find()
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir()) // asking changes it
	a, remove, err := open(t.Context(), layout)
	if errors.Is(err, venvs.ErrNotPrepared) {
		t.Skipf("PasteDeploy is not here: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer remove()
	var out bytes.Buffer
	h := hunt{asker: a, out: &out, seed: 2, most: 1}
	if err := errors.Join(h.run(t.Context(), 600), a.close()); err != nil {
		t.Fatal(err)
	}
	t.Log(&out)
	if h.differences > 0 || h.files < 600 || h.refused == 0 || h.refused == h.calls {
		t.Errorf("%d differences in %d files, %d of %d calls refused", h.differences, h.files, h.refused, h.calls)
	}
}

func TestTrialsAreTheSameEachTime(t *testing.T) {
	for number := range uint64(200) {
		if a, b := makeTrial(7, number).String(), makeTrial(7, number).String(); a != b {
			t.Fatalf("trial %d:\n%s\n%s", number, a, b)
		}
	}
}

func TestShrinkingLeavesWhatMatters(t *testing.T) {
	call := func(name string) outcome.Object {
		return outcome.Object{{Key: "fn", Value: "loadapp"}, {Key: "uri", Value: "u"}, {Key: "name", Value: name},
			{Key: "global_conf", Value: outcome.Object{{Key: "x", Value: "1"}, {Key: "y", Value: "2"}}}}
	}
	got := shrink(trial{
		folder: "x", files: []file{{"main.ini", "[a]\nx = 1\ny = 2 z\n"}, {"inner.ini", "[b]\n"}},
		calls: []outcome.Object{call("a"), call("b")},
	}, func(t trial) bool {
		return slices.ContainsFunc(t.files, func(f file) bool { return strings.Contains(f.text, "y =") }) &&
			slices.ContainsFunc(t.calls, func(c outcome.Object) bool {
				globals, _ := c.Get("global_conf").(outcome.Object)
				return globals.Get("y") == "2"
			})
	})
	want := trial{folders[0], []file{{"main.ini", "y ="}}, []outcome.Object{{{Key: "fn", Value: "loadapp"}, {Key: "uri", Value: "u"},
		{Key: "global_conf", Value: outcome.Object{{Key: "y", Value: "2"}}}}}}
	if got.String() != want.String() {
		t.Errorf("shrunk to\n%s\nwant\n%s", got, want)
	}
}

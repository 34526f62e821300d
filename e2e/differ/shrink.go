package main

import (
	"slices"
	"strings"

	"pasted/internal/outcome"
)

// shrink returns the smallest trial that it finds which still is as t is: with
// fewer calls, files, lines, words and characters, as long as any can go.
func shrink(t trial, still func(trial) bool) trial {
	if usual := (trial{folders[0], t.files, t.calls}); still(usual) {
		t = usual
	}
	for {
		before := t
		t.calls = reduce(t.calls, func(calls []outcome.Object) bool { return still(trial{t.folder, t.files, calls}) })
		t.files = reduce(t.files, func(files []file) bool { return still(trial{t.folder, files, t.calls}) })
		t.calls = shrinkMembers(t, still)
		for i := range t.files {
			for _, cut := range []func(string) []string{lines, words, characters} {
				t = shrinkFile(t, i, cut, still)
			}
		}
		if t.size() >= before.size() {
			return t
		}
	}
}

// size is a measure of what there is to read.
func (t trial) size() int {
	n := 0
	for _, f := range t.files {
		n += 1 + len(f.text)
	}
	for _, call := range t.calls {
		n += 1 + len(call)
		if globals, ok := call.Get("global_conf").(outcome.Object); ok {
			n += len(globals)
		}
	}
	return n
}

// reduce leaves parts of a list out, ever smaller ones, as long as what is left
// still is as it was.
func reduce[S ~[]T, T any](list S, still func(S) bool) S {
	for size := len(list); size > 0; size /= 2 {
		for start := 0; start < len(list); {
			end := min(start+size, len(list))
			if shorter := slices.Concat(list[:start], list[end:]); still(shorter) {
				list = shorter
			} else {
				start = end
			}
		}
	}
	return list
}

func shrinkFile(t trial, i int, cut func(string) []string, still func(trial) bool) trial {
	with := func(parts []string) trial {
		files := slices.Clone(t.files)
		files[i].text = strings.Join(parts, "")
		return trial{t.folder, files, t.calls}
	}
	return with(reduce(cut(t.files[i].text), func(parts []string) bool { return still(with(parts)) }))
}

func lines(text string) []string      { return strings.SplitAfter(text, "\n") }
func words(text string) []string      { return strings.SplitAfter(text, " ") }
func characters(text string) []string { return strings.Split(text, "") }

// shrinkMembers leaves out what the calls are given.
func shrinkMembers(t trial, still func(trial) bool) []outcome.Object {
	for i := range t.calls {
		with := func(call outcome.Object) trial {
			calls := slices.Clone(t.calls)
			calls[i] = call
			return trial{t.folder, t.files, calls}
		}
		t = with(reduce(t.calls[i], func(call outcome.Object) bool {
			return call.Get("fn") != nil && call.Get("uri") != nil && still(with(call))
		}))
		at := slices.IndexFunc(t.calls[i], func(m outcome.Member) bool { return m.Key == "global_conf" })
		if at < 0 {
			continue
		}
		globals, _ := t.calls[i][at].Value.(outcome.Object)
		withGlobals := func(globals outcome.Object) trial {
			call := slices.Clone(t.calls[i])
			call[at].Value = globals
			return with(call)
		}
		t = withGlobals(reduce(globals, func(g outcome.Object) bool { return still(withGlobals(g)) }))
	}
	return t.calls
}

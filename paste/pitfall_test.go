package paste_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pasted/paste"
)

// write writes a file for a test and returns its URI.
func write(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "site.ini")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return "config:" + name
}

func TestPipelineOfWordsThatInterpolationPutThere(t *testing.T) {
	uri := write(t, `[pipeline:main]
names = f g
pipeline =
  %(names)s h
  app
[app:main]
`)
	_, err := paste.Resolve(paste.AppKind, uri, paste.Options{})
	if err == nil {
		t.Fatal("resolves, want an error: names is a setting that a pipeline must not have")
	}
	uri = write(t, `[DEFAULT]
names = f f
[pipeline:main]
pipeline = %(names)s
  app
[filter:f]
paste.filter_factory = m:f
[app:app]
paste.app_factory = m:make
`)
	if _, err := paste.Resolve(paste.AppKind, uri, paste.Options{}); err != nil {
		t.Fatalf("Resolve() = %v", err)
	}
}

func TestPitfallsComeAsTheFileIsResolved(t *testing.T) {
	uri := write(t, `[DEFAULT]
debug = false
[app:main]
use = pipe
title = lost
[pipeline:pipe]
pipeline = app
filter-with = f
[filter:f]
paste.filter_factory = m:f
[app:app]
paste.app_factory = m:make
debug = true
`)
	var got []string
	_, err := paste.Resolve(paste.AppKind, uri, paste.Options{Pitfalls: func(p paste.Pitfall) {
		got = append(got, p.Rule)
	}})
	if err != nil {
		t.Fatal(err)
	}
	want := paste.RuleDroppedOption + " " + paste.RuleFilteredPipeline + " " + paste.RuleLostOptions
	if strings.Join(got, " ") != want {
		t.Errorf("pitfalls = %q, want %q", got, want)
	}
}

func TestLoaderTellsPitfallsOfItsTextInOrder(t *testing.T) {
	name := strings.TrimPrefix(write(t, "[app:main]\ntitle = x # y\n  [app:z]\n[server]\nport = 1\n"), "config:")
	l, err := paste.Open(name, paste.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range l.Pitfalls() {
		got = append(got, p.Pos.String()[len(name)+1:]+" "+p.Rule)
	}
	want := "2 inline-comment, 3 swallowed-section, 4 bare-section"
	if strings.Join(got, ", ") != want {
		t.Errorf("pitfalls = %q, want %q", got, want)
	}
}

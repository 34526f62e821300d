package paste_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pasted/paste"
)

const rawFile = `
[DEFAULT]
colour = %(here)s
[app:main]
use = egg:X
Size = 100%
[filter: f ]
`

func openRaw(t *testing.T) *paste.Loader {
	t.Helper()
	l, err := paste.Open("/site/site.ini", paste.Options{
		GlobalConf: paste.NewConf("passed", "50%%", "colour", "not seen"),
		ReadFile:   func(string) ([]byte, error) { return []byte(rawFile), nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestRawOptionsAreNotInterpolated(t *testing.T) {
	l := openRaw(t)
	for section, want := range map[string][]string{
		"app:main":   {"use", "egg:X", "Size", "100%"},
		"filter: f ": nil,
		"none":       nil,
		"DEFAULT":    {"here", "/site", "__file__", "/site/site.ini", "colour", "%(here)s", "passed", "50%%"},
	} {
		var got []string
		for key, value := range l.Raw(section).All() {
			got = append(got, key, value)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("[%s]: -want +got\n%s", section, diff)
		}
	}
	if at := l.Raw("app:main").Pos("Size"); at != (paste.Position{File: "/site/site.ini", Line: 6}) {
		t.Errorf("Size stands in %v", at)
	}
}

func TestFindSectionLooksAtNamesOnly(t *testing.T) {
	l := openRaw(t)
	name := func(s string) *string { return &s }
	for _, c := range []struct {
		kind paste.Kind
		name *string
		want string
	}{
		{paste.AppKind, nil, "app:main"},
		{paste.AppKind, name("main"), "app:main"},
		{paste.FilterKind, name("f"), "filter: f "},
		{paste.FilterKind, name("main"), ""},
		{paste.AppKind, name("module:attribute"), ""},
	} {
		got, err := l.FindSection(c.kind, c.name)
		var e *paste.Error
		if got != c.want || (c.want == "") != (errors.As(err, &e) && e.Class == "LookupError") {
			t.Errorf("FindSection(%s, %v) = %q, %v", c.kind, c.name, got, err)
		}
	}
}

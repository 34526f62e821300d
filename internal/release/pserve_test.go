package release_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pasted/internal/release"
	"pasted/paste"
)

const pserveFile = `
[DEFAULT]
colour = red
[app:main]
paste.app_factory = nowhere:site
[pserve]
watch_files =
    one.txt
    %(colour)s/**/*.pt

    /abs/../two:three.txt
    package:templates/*.pt
ignore_files = */%(colour)s/*
    b
open_url = http://%(colour)s/%(here)s
watch_file = x
`

func TestPserveSection(t *testing.T) {
	var dir string
	r, err := load(t, pserveFile, func(o *release.Options) {
		dir = filepath.Dir(o.File)
		o.Vars = paste.NewConf("colour", "blue")
	})
	if err != nil {
		t.Fatal(err)
	}
	want := release.Pserve{
		WatchFiles:  []string{filepath.Join(dir, "one.txt"), filepath.Join(dir, "blue/**/*.pt"), "/two:three.txt"},
		Assets:      []string{"package:templates/*.pt"},
		IgnoreFiles: []string{"*/blue/*", "b"},
		OpenURL:     "http://blue/" + dir,
	}
	if diff := cmp.Diff(want, r.Pserve); diff != "" {
		t.Errorf("[pserve] (-want +got):\n%s", diff)
	}
	if text := strings.Join(r.Warnings, "\n"); !strings.Contains(text, `site.ini:16: [pserve] watch_file: unknown option, without effect: did you mean "watch_files"?`) {
		t.Errorf("warnings: %s", text)
	}
}

func TestPserveSectionLosesWhatADefaultHasTheNameOf(t *testing.T) {
	r, err := load(t, pserveFile, func(o *release.Options) { o.Vars = paste.NewConf("open_url", "http://elsewhere/") })
	if err != nil {
		t.Fatal(err)
	}
	if r.Pserve.OpenURL != "" {
		t.Errorf("open_url %q, want none: so it is with pserve", r.Pserve.OpenURL)
	}
}

func TestPserveSectionsMistakeHasItsLine(t *testing.T) {
	_, err := load(t, pserveFile+"x = %(nosuch)s\n", nil)
	if err == nil || !strings.Contains(err.Error(), "site.ini:17: [pserve] ") {
		t.Errorf("error %v, want one with the line", err)
	}
}

// TestFilesThatAReleaseIsMadeOf wants those that are taken in, and one that is
// wrong, before it is read.
func TestFilesThatAReleaseIsMadeOf(t *testing.T) {
	used := map[string]bool{}
	_, err := load(t, "[app:main]\nuse = config:missing.ini\n", func(o *release.Options) {
		o.Uses = func(files ...string) {
			for _, f := range files {
				used[filepath.Base(f)] = filepath.IsAbs(f)
			}
		}
	})
	if err == nil || !used["site.ini"] || !used["missing.ini"] {
		t.Errorf("error %v, files %v: want site.ini and the one that is missing", err, used)
	}
}

func TestServerSectionOfTheFragment(t *testing.T) {
	const file = `
[server:main]
use = egg:waitress#main
port = 1001
[server:blog]
use = egg:waitress#main
port = 1002
[app:main]
paste.app_factory = nowhere:site
[app:blog]
paste.app_factory = nowhere:site
[app:news]
paste.app_factory = nowhere:site
`
	for fragment, want := range map[string]int{"": 1001, "#main": 1001, "#blog": 1002, "#news": 1001} {
		r, err := load(t, file, func(o *release.Options) { o.File += fragment })
		if err != nil {
			t.Fatalf("%s: %v", fragment, err)
		}
		if got := r.Server.Listen[0].Port; got != want {
			t.Errorf("site.ini%s: port %d, want %d", fragment, got, want)
		}
	}
	r, err := load(t, file, func(o *release.Options) { o.File, o.ServerName = o.File+"#blog", "main" })
	if err != nil || r.Server.Listen[0].Port != 1001 {
		t.Errorf("--server-name main: %v, %v, want port 1001", r, err)
	}
}

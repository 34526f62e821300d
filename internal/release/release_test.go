package release_test

import (
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pasted/internal/release"
	"pasted/internal/setting"
	"pasted/paste"
)

// load loads a file of that text in a folder of its own, with an interpreter.
func load(t *testing.T, text string, change func(*release.Options)) (*release.Release, error) {
	t.Helper()
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("no python3: ", err)
	}
	t.Setenv("VIRTUAL_ENV", "")
	dir := t.TempDir()
	file := filepath.Join(dir, "site.ini")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	options := release.Options{
		File: file, Version: "test", Log: slog.New(slog.DiscardHandler), Stdout: os.Stdout, Stderr: os.Stderr,
	}
	if change != nil {
		change(&options)
	}
	return release.Load(t.Context(), options)
}

func TestLoadStartsNothingAndTellsAll(t *testing.T) {
	r, err := load(t, `
[server:main]
use = egg:waitress#main
listen = 127.0.0.1:0
threads = 7
[composite:main]
use = egg:Paste#urlmap
/ = site
/api = api
[app:site]
paste.app_factory = nowhere:site
[app:api]
paste.app_factory = nowhere:api
`, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Plan.Roots) != 2 || !r.Plan.Tree.Native {
		t.Errorf("%d roots, top native %v; want 2, true", len(r.Plan.Roots), r.Plan.Tree.Native)
	}
	if r.Workers.Threads != 7 {
		t.Errorf("%d threads, want the server section's 7", r.Workers.Threads)
	}
	if !strings.HasPrefix(r.Interpreter.Version.String(), "3.") {
		t.Errorf("interpreter %v", r.Interpreter.Version)
	}
}

func TestWorkersSectionWinsOverTheServers(t *testing.T) {
	r, err := load(t, `
[server:main]
use = egg:gunicorn#main
workers = 9
threads = 9
[app:main]
paste.app_factory = nowhere:site
[pasted:workers]
processes = 3
threads = 5
preload = no
env.GREETING = %(word)s
path = lib
umask = 027
`, func(o *release.Options) { o.Vars = paste.NewConf("word", "hello") })
	if err != nil {
		t.Fatal(err)
	}
	w := r.Workers
	if w.Processes != 3 || w.Threads != 5 || w.Preload || w.Umask != 0o027 {
		t.Errorf("workers = %+v", w)
	}
	if diff := cmp.Diff([]string{"GREETING=hello"}, w.Env); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{filepath.Join(filepath.Dir(r.File), "lib")}, w.Path); diff != "" {
		t.Error(diff)
	}
}

func TestThreadsMayBeARange(t *testing.T) {
	for text, want := range map[string][2]int{"4..16": {4, 16}, "3": {3, 3}, "2..2": {2, 2}} {
		r, err := load(t, "[app:main]\npaste.app_factory = nowhere:site\n[pasted:workers]\nprocesses = 2\nthreads = "+text+"\n", nil)
		if err != nil {
			t.Fatal(err)
		}
		w := r.Workers
		if got := [2]int{w.Threads, w.ThreadsMost}; got != want {
			t.Errorf("threads = %s gives %d", text, got)
		}
		if text == "4..16" && w.String() != "2 × 4..16 threads, forked from a template" {
			t.Errorf("it reads %q", w)
		}
	}
	_, err := load(t, "[app:main]\npaste.app_factory = nowhere:site\n[pasted:workers]\nthreads = 16..4\n", nil)
	var mistakes *setting.Error
	if !errors.As(err, &mistakes) {
		t.Errorf("error = %v for a range from more to less", err)
	}
}

func TestVariablesDoNotBecomeWorkersOptions(t *testing.T) {
	_, err := load(t, `
[DEFAULT]
colour = red
[app:main]
paste.app_factory = nowhere:site
[pasted:workers]
processes = 1
`, func(o *release.Options) { o.Vars = paste.NewConf("flavour", "sweet") })
	if err != nil {
		t.Errorf("defaults are no options of [pasted:workers]: %v", err)
	}
}

func TestFileWithoutServerSectionHasDefaultsAndANote(t *testing.T) {
	r, err := load(t, "[app:main]\npaste.app_factory = nowhere:site\n", nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Server.Listen) != 1 || r.Server.Listen[0].Port != 8080 {
		t.Errorf("listens on %v, want port 8080", r.Server.Listen)
	}
	if !strings.Contains(strings.Join(r.Warnings, "\n"), "no server section") {
		t.Errorf("warnings = %q, want one about the server section", r.Warnings)
	}
}

func TestNamedServerMustBeThere(t *testing.T) {
	_, err := load(t, "[app:main]\npaste.app_factory = nowhere:site\n", func(o *release.Options) { o.ServerName = "public" })
	var missing *paste.Error
	if !errors.As(err, &missing) || !strings.Contains(missing.Text, "No section 'public' (prefixed by 'server')") {
		t.Errorf("error = %v, want that of the missing section", err)
	}
}

func TestMistakesOfWorkersComeTogether(t *testing.T) {
	_, err := load(t, `[app:main]
paste.app_factory = nowhere:site
[pasted:workers]
processes = 0
preload = perhaps
env.A=B = c
`, nil)
	var mistakes *setting.Error
	if !errors.As(err, &mistakes) || len(mistakes.Mistakes) != 2 {
		t.Errorf("error = %v, want two mistakes", err)
	}
}

func TestFileIsAPathOrAURI(t *testing.T) {
	for _, prefix := range []string{"", "config:"} {
		r, err := load(t, "[app:site]\npaste.app_factory = nowhere:site\n", func(o *release.Options) {
			o.File = prefix + o.File + "#site"
		})
		if err != nil || r.App.Section != "app:site" {
			t.Errorf("%q: %v", prefix, err)
		}
	}
}

// A plain path means itself, spaces and plus signs included; in a config:
// URI they are encoded.
func TestPathsWithOddCharacters(t *testing.T) {
	for _, name := range []string{"my site.ini", "a+b.ini", "ünïcode.ini"} {
		r, err := load(t, "[app:main]\npaste.app_factory = nowhere:site\n", func(o *release.Options) {
			odd := filepath.Join(filepath.Dir(o.File), name)
			if err := os.Rename(o.File, odd); err != nil {
				t.Fatal(err)
			}
			o.File = odd
		})
		if err != nil || filepath.Base(r.File) != name {
			t.Errorf("%q: %v", name, err)
		}
	}
}

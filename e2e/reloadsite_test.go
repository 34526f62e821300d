package e2e_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"pasted/e2e/harness"
)

// reloadLimit is how long a change may take to be served on a busy machine.
const reloadLimit = 30 * time.Second

// A reloadSite is a copy of testdata/reload.txtar that is served with --reload.
type reloadSite struct {
	*harness.Server
	t      *testing.T
	dir    string
	client *http.Client
}

// reloading serves testdata/reload.txtar in a folder of its own, with changes
// made before the start: a name and a text, a name and a text.
func reloading(t *testing.T, changes ...string) *reloadSite {
	t.Helper()
	s := launchReloading(t, func(*harness.Options) {}, changes...)
	harness.Await(t, reloadLimit, "the start", s.Serving)
	return s
}

// flags puts flags on the command line.
func flags(flags ...string) func(*harness.Options) {
	return func(o *harness.Options) { o.Args = append(append([]string{"serve"}, flags...), o.Args[1:]...) }
}

// launchReloading is reloading with other options, and does not wait.
func launchReloading(t *testing.T, change func(*harness.Options), changes ...string) *reloadSite {
	t.Helper()
	archive, err := txtar.ParseFile(filepath.Join("testdata", "reload.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	s := &reloadSite{t: t, dir: t.TempDir(), client: newClient(t)}
	writeFiles(t, archive, s.dir)
	for i := 0; i+1 < len(changes); i += 2 {
		s.save(changes[i], changes[i+1])
	}
	opts := site{file: filepath.Join(s.dir, "site.ini"), python: systemPython(t)}.options(t)
	flags("--reload")(&opts)
	opts.Env = append(opts.Env, "PYTHONDONTWRITEBYTECODE=", "BROWSER="+filepath.Join(s.dir, "browser"))
	change(&opts)
	s.Server = harness.Launch(t, opts)
	return s
}

// save writes a file as many editors do: beside it, and over it by a rename.
func (s *reloadSite) save(name, text string) {
	s.t.Helper()
	path := filepath.Join(s.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(path+"~", []byte(text), 0o644); err != nil {
		s.t.Fatal(err)
	}
	if err := os.Rename(path+"~", path); err != nil {
		s.t.Fatal(err)
	}
}

// edit replaces text in a file, and saves it.
func (s *reloadSite) edit(name, old, text string) {
	s.t.Helper()
	data, err := os.ReadFile(filepath.Join(s.dir, name))
	if err != nil || !strings.Contains(string(data), old) {
		s.t.Fatalf("%s has no %q: %v", name, old, err)
	}
	s.save(name, strings.ReplaceAll(string(data), old, text))
}

// says waits until path is answered by text.
func (s *reloadSite) says(path, text string) {
	s.t.Helper()
	last := ""
	harness.Await(s.t, reloadLimit, fmt.Sprintf("%q at %s", text, path), func() bool {
		page, err := do(s.t, s.client, call{url: s.URL + path})
		if err == nil && page.String() != last {
			last = page.String()
			s.t.Logf("%s: %s", path, clip(page.body))
		}
		return err == nil && page.String() == text
	})
}

// waits waits until a failure has been shown n times, text in the first of them,
// and wants nothing to be left of the release before.
func (s *reloadSite) waits(n int, text string) {
	s.t.Helper()
	harness.Await(s.t, reloadLimit, "a change to be waited for", func() bool { return len(s.Stdout.Lines("^waiting ")) == n })
	s.Logged(5*time.Second, text)
	if left := s.Processes(); len(left) != 1 {
		s.t.Errorf("while it waits for a change there are %v", left)
	}
}

// changed waits until a change of the file has been told, n times by now.
func (s *reloadSite) changed(name string, n int) {
	s.t.Helper()
	line := "^changed +" + filepath.Join(s.dir, name) + "$"
	harness.Await(s.t, reloadLimit, "the change of "+name, func() bool { return len(s.Stdout.Lines(line)) >= n })
	if got := len(s.Stdout.Lines(line)); got != n {
		s.t.Errorf("%s changed %d times, want %d", name, got, n)
	}
}

// serves waits until a release serves that is the nth.
func (s *reloadSite) serves(n int) {
	s.t.Helper()
	harness.Await(s.t, reloadLimit, "the release", func() bool { return len(s.Stdout.Lines("^serving ")) == n })
}

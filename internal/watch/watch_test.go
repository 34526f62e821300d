package watch_test

import (
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"pasted/internal/watch"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A site is a folder that is watched.
type site struct {
	t   *testing.T
	dir string
	w   *watch.Watcher
}

// watching makes a folder with files, and starts a watcher that has nothing to
// watch yet.
func watching(t *testing.T, interval time.Duration, files ...string) *site {
	t.Helper()
	s := siteOf(t, watch.Options{Interval: interval}, files...)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.w.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	return s
}

// siteOf makes a folder with files, and a watcher that does not run.
func siteOf(t *testing.T, opts watch.Options, files ...string) *site {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	opts.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	s := &site{t: t, dir: dir, w: watch.New(opts)}
	for _, f := range files {
		s.write(f, "one")
	}
	return s
}

func (s *site) path(name string) string { return filepath.Join(s.dir, name) }

// write gives a file a text, in one step, so that a test that is held up has
// changed it once: one that is there is written over in its place, by a text that
// is no shorter; one that is not is made empty, or comes from elsewhere.
func (s *site) write(name, text string) {
	s.t.Helper()
	path := s.path(name)
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err == nil {
		defer f.Close()
		if info, err := f.Stat(); err != nil || info.Size() > int64(len(text)) {
			s.t.Fatalf("%s is longer than %q: %v", name, text, err)
		}
		if _, err := f.WriteString(text); err != nil {
			s.t.Fatal(err)
		}
		return
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		s.t.Fatal(err)
	}
	made := path
	if text != "" {
		made = filepath.Join(s.t.TempDir(), "made")
	}
	if err := os.WriteFile(made, []byte(text), 0o644); err != nil {
		s.t.Fatal(err)
	}
	if err := os.Rename(made, path); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) watch(names ...string) {
	for _, name := range names {
		s.w.Watch(time.Time{}, s.path(name))
	}
}

func (s *site) rename(from, to string) {
	s.t.Helper()
	if err := os.Rename(s.path(from), s.path(to)); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) remove(name string) {
	s.t.Helper()
	if err := os.Remove(s.path(name)); err != nil {
		s.t.Fatal(err)
	}
}

// want waits for one piece of news, which must be of these files.
func (s *site) want(names ...string) {
	s.t.Helper()
	select {
	case got := <-s.w.Changes():
		for i, name := range got {
			got[i] = strings.TrimPrefix(name, s.dir+"/")
		}
		if !slices.Equal(got, names) {
			s.t.Fatalf("changed: %q, want %q", got, names)
		}
	case <-time.After(20 * time.Second):
		s.t.Fatalf("no change was told, want %q", names)
	}
}

// wantNothing changes a file that is watched after what must not be told, and
// wants that alone.
func (s *site) wantNothing() {
	s.t.Helper()
	s.write("proof", "one")
	s.watch("proof")
	s.write("proof", "another")
	s.want("proof")
}

// inOne does what is one change if it is done fast enough, and says whether it
// was: where it was held up, it may have been several.
func inOne(within time.Duration, change func()) bool {
	began := time.Now()
	change()
	return time.Since(began) < within
}

// far is an interval that no test lives to see: what is told, the system has
// told.
const far = time.Hour

func TestSaveIsTold(t *testing.T) {
	for name, save := range map[string]func(*site){
		"in place":                  func(s *site) { s.write("app.py", "another") },
		"by rename":                 func(s *site) { s.write("app.py~", "another"); s.rename("app.py~", "app.py") },
		"over a backup":             func(s *site) { s.rename("app.py", "app.py~"); s.write("app.py", "another") },
		"as long, by rename":        func(s *site) { s.write("x", "two"); s.rename("x", "app.py") },
		"removed, then made anew":   func(s *site) { s.remove("app.py"); s.write("app.py", "another") },
		"in its place, a directory": func(s *site) { s.remove("app.py"); s.write("app.py/__init__.py", "") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := watching(t, far, "app.py")
			s.watch("app.py")
			once := inOne(watch.Settle, func() { save(s) })
			s.want("app.py")
			if once {
				s.write("app.py2", "nobody watches this")
				s.wantNothing()
			}
		})
	}
}

// TestSavesCloseTogetherAreToldOnce has each change come before the one before has
// settled.
func TestSavesCloseTogetherAreToldOnce(t *testing.T) {
	t.Parallel()
	const settle = time.Minute
	s := siteOf(t, watch.Options{Settle: settle}, "a.py", "b.py", "sub/c.py")
	s.watch("a.py", "b.py", "sub/c.py")
	look, now := watch.Look{Watcher: s.w}, time.Now()
	for i, name := range []string{"sub/c.py", "a.py", "b.py", "a.py"} {
		s.write(name, "another"+strings.Repeat(" time", i))
		if got := look.At(now); got != nil {
			t.Errorf("told of %q before they have settled", got)
		}
		now = now.Add(settle - 1)
	}
	if got := look.At(now); got != nil {
		t.Errorf("told of %q before they have settled", got)
	}
	now = now.Add(1)
	if got, want := look.At(now), []string{s.path("a.py"), s.path("b.py"), s.path("sub/c.py")}; !slices.Equal(got, want) {
		t.Errorf("told of %q, want %q", got, want)
	}
	if got := look.At(now.Add(time.Hour)); got != nil {
		t.Errorf("told of %q again", got)
	}
}

func TestChangesWaitForWhoeverReceives(t *testing.T) {
	t.Parallel()
	s := watching(t, 10*time.Millisecond, "a.py", "b.py")
	s.watch("a.py", "b.py")
	// Nobody receives while b.py changes: it joins a.py.
	for _, name := range []string{"a.py", "b.py"} {
		s.write(name, "another")
		for deadline := time.Now().Add(20 * time.Second); !s.w.Told(s.path(name)); time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("the change of %s is not seen", name)
			}
		}
	}
	s.want("a.py", "b.py")
}

func TestFileThatAppearsAndGoes(t *testing.T) {
	t.Parallel()
	s := watching(t, far, "here")
	s.watch("new.py")
	s.write("new.py", "")
	s.want("new.py")
	s.remove("new.py")
	s.want("new.py")
	s.write("new.py", "")
	s.want("new.py")
}

func TestFileThatIsAwayForAMomentHasNotChanged(t *testing.T) {
	t.Parallel()
	s := siteOf(t, watch.Options{}, "app.py")
	s.watch("app.py")
	look, now := watch.Look{Watcher: s.w}, time.Now()
	away := func() (told []string) {
		s.rename("app.py", "elsewhere")
		for _, after := range []time.Duration{0, watch.Vanished / 2, watch.Vanished - 1} {
			told = append(told, look.At(now.Add(after))...)
		}
		return told
	}
	back := func() []string {
		s.rename("elsewhere", "app.py")
		return append(look.At(now), look.At(now.Add(watch.Settle))...)
	}
	for range 2 {
		got := away()
		now = now.Add(watch.Vanished)
		if got = append(got, back()...); got != nil {
			t.Errorf("told of %q, which was away for a moment", got)
		}
		now = now.Add(time.Hour)
	}
	want := []string{s.path("app.py")}
	got := away()
	now = now.Add(watch.Vanished)
	got = append(got, look.At(now)...)
	now = now.Add(watch.Settle)
	if got = append(got, look.At(now)...); !slices.Equal(got, want) {
		t.Errorf("told of %q, which has gone, want %q", got, want)
	}
	now = now.Add(time.Hour)
	if got := back(); !slices.Equal(got, want) {
		t.Errorf("told of %q, which is back, want %q", got, want)
	}
}

// TestLookingFindsWhatTheSystemDoesNotTell has the directory itself replaced,
// and a directory made that was not there.
func TestLookingFindsWhatTheSystemDoesNotTell(t *testing.T) {
	t.Parallel()
	s := watching(t, 10*time.Millisecond, "old/app.py", "next/app.py")
	s.watch("old/app.py", "late/deep/app.py")
	once := inOne(watch.Vanished, func() {
		s.rename("old", "gone")
		s.rename("next", "old")
	})
	s.want("old/app.py")
	if once {
		s.write("late/deep/app.py", "one")
		s.want("late/deep/app.py")
	}
}

func TestSymbolicLinkIsFollowed(t *testing.T) {
	t.Parallel()
	s := watching(t, far, "real/one.py", "real/two.py")
	if err := os.Symlink("real/one.py", s.path("link.py")); err != nil {
		t.Fatal(err)
	}
	s.watch("link.py")
	s.write("real/one.py", "another")
	s.want("link.py")
	if err := os.Symlink("real/two.py", s.path("other")); err != nil {
		t.Fatal(err)
	}
	s.rename("other", "link.py")
	s.want("link.py")
	s.write("real/two.py", "another")
	s.want("link.py")
}

// TestDirectoryChangesWithItsEntries has no news of what is in the files.
func TestDirectoryChangesWithItsEntries(t *testing.T) {
	t.Parallel()
	s := watching(t, far, "pages/a.pt")
	s.watch("pages")
	s.write("pages/a.pt", "another")
	s.wantNothing()
	s.write("pages/b.pt", "one")
	s.want("pages")
}

func TestPatternHasNewFiles(t *testing.T) {
	t.Parallel()
	s := watching(t, far, "templates/a.pt", "templates/deep/er/b.pt", "templates/c.txt", "templates/.d.pt")
	s.watch("templates/**/*.pt")
	s.write("templates/c.txt", "another")
	s.write("templates/.d.pt", "another")
	s.write("templates/deep/er/b.pt", "another")
	s.want("templates/deep/er/b.pt")
	s.write("templates/deep/new.pt", "")
	s.want("templates/deep/new.pt")
}

func TestPatternHasFilesInNewDirectories(t *testing.T) {
	t.Parallel()
	s := watching(t, 10*time.Millisecond, "templates/a.pt")
	s.watch("templates/**/*.pt")
	s.write("templates/x/y/new.pt", "one")
	s.want("templates/x/y/new.pt")
}

func TestNameThatLooksLikeAPatternIsAName(t *testing.T) {
	t.Parallel()
	s := watching(t, far, "a[1].py")
	s.watch("a[1].py")
	s.write("a[1].py", "another")
	s.want("a[1].py")
}

func TestIgnoredFilesAreNotWatched(t *testing.T) {
	t.Parallel()
	s := watching(t, far, "a.py", "b.py", "sub/c.py")
	s.watch("a.py")
	s.w.Ignore("*/a.py", s.path("sub/*"))
	s.watch("a.py", "b.py", "sub/*.py")
	for _, name := range []string{"a.py", "sub/c.py", "sub/d.py", "b.py"} {
		s.write(name, "another")
	}
	s.want("b.py")
	s.w.Ignore()
	s.watch("a.py")
	s.write("a.py", "once more")
	s.want("a.py")
}

func TestWhatALaterRoundDoesNotAskForIsDropped(t *testing.T) {
	t.Parallel()
	s := watching(t, far, "a.py", "b.py", "p/c.py")
	s.watch("a.py", "b.py", "p/*")
	s.w.Renew()
	s.watch("b.py")
	s.write("a.py", "another")
	s.want("a.py") // until Drop
	s.w.Drop()
	s.write("a.py", "once more")
	s.write("p/d.py", "one")
	s.write("b.py", "another")
	s.want("b.py")
}

// TestFileWrittenSinceItWasReadIsToldOnce: what is read at a load, and named
// only after it, may have changed in between.
func TestFileWrittenSinceItWasReadIsToldOnce(t *testing.T) {
	t.Parallel()
	s := watching(t, far, "a.py", "b.py")
	began := time.Now().Add(-time.Minute)
	if err := os.Chtimes(s.path("b.py"), began, began.Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	s.w.Watch(began, s.path("a.py"), s.path("b.py"))
	s.want("a.py")
	s.w.Renew()
	s.w.Drop()
	s.w.Watch(began, s.path("a.py"), s.path("b.py")) // which its load writes each time
	s.wantNothing()
}

package watch

import "time"

// Settle and Vanished are defaultSettle and vanished.
const (
	Settle   = defaultSettle
	Vanished = vanished
)

// A Look is a Watcher's that does not run: it looks at times that a test makes up.
type Look struct {
	Watcher  *Watcher
	settling settling
}

// At looks at all files, and returns what is told then.
func (l *Look) At(now time.Time) []string {
	l.Watcher.look(now, &l.settling)
	ready := l.settling.ready
	l.settling.ready = nil
	return ready
}

// Told says whether a file is as it was when it was last told of, or is about to
// be when somebody receives.
func (w *Watcher) Told(name string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	f := w.files[name]
	return f != nil && f.was == stateOf(name)
}

// Expand is expand.
func Expand(pattern string) []string { return expand(pattern) }

// GlobMatches says whether a pattern of glob has an absolute name.
func GlobMatches(pattern, name string) bool { return newPattern(pattern).matches(name) }

// FnMatches says whether a pattern of fnmatch has a name.
func FnMatches(pattern, name string) bool { return compile(pattern).matches(name) }

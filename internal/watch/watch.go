// Package watch tells when files change: files by name, also such as are not
// there yet, and by pattern. The system's notifications make it quick, and a
// look at every file each interval makes it certain: where there are none, as
// for some mounted file systems, or no more may be had.
//
// It knows nothing of what the files are for.
package watch

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/fsnotify/fsnotify"
)

const (
	defaultSettle = 50 * time.Millisecond
	// mostSettles is after how many times as long as they must settle changes
	// are told although there are more.
	mostSettles = 20
	// vanished is how long a file must be missing to count as removed: many
	// editors take it away before they put the new one there.
	vanished = 500 * time.Millisecond
)

// Options say how a Watcher watches. Log is required.
type Options struct {
	// Interval is how often every file is looked at; 0: a second.
	Interval time.Duration
	// Settle is how long nothing must change before changes are told, for an
	// editor saves several files, or one in several steps; 0: 50 ms.
	Settle time.Duration
	Log    *slog.Logger
}

// A Watcher watches files. All methods but Run may be called from any
// goroutine, also before Run.
type Watcher struct {
	opts    Options
	changes chan []string
	news    chan struct{} // something is to be looked at at once

	mu       sync.Mutex
	round    int // counts calls of Renew
	files    map[string]*file
	aliases  map[string]string // where symbolic links lead → the name of the file
	patterns map[string]*pattern
	ignore   []matcher
	late     map[string]bool // files found to be newer than what was made of them
	dirs     map[string]bool // directories to be told of, and whether we are
	notify   *fsnotify.Watcher
	told     bool // that there are no more notifications to be had
}

// New returns a Watcher that watches nothing yet.
func New(opts Options) *Watcher {
	if opts.Interval <= 0 {
		opts.Interval = time.Second
	}
	if opts.Settle <= 0 {
		opts.Settle = defaultSettle
	}
	return &Watcher{
		opts:     opts,
		changes:  make(chan []string),
		news:     make(chan struct{}, 1),
		files:    make(map[string]*file),
		aliases:  make(map[string]string),
		patterns: make(map[string]*pattern),
		late:     make(map[string]bool),
		dirs:     make(map[string]bool),
	}
}

// Changes gives the absolute names of files that have changed, appeared or
// gone, sorted, each time after some quiet. What nobody receives waits, and
// what changes meanwhile joins it.
func (w *Watcher) Changes() <-chan []string { return w.changes }

// Watch watches files from now on. Each name is absolute, and may be a pattern
// as of Python's glob with recursive=True, of which new files count as well. A
// name that nothing has is a file that is not there yet.
//
// since is when somebody may have begun to read them: one that is new to w and
// has been written after that counts as changed, though only once.
func (w *Watcher) Watch(since time.Time, names ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	defer w.lookAtOnce() // before the system was to tell, one may have changed again
	for _, name := range names {
		name = filepath.Clean(name)
		if hasMagic(name) {
			w.watchPatternLocked(since, name)
			continue
		}
		w.watchFileLocked(since, name)
	}
}

// lookAtOnce has Run look at all files.
func (w *Watcher) lookAtOnce() {
	select {
	case w.news <- struct{}{}:
	default:
	}
}

// Ignore takes the place of the last call's patterns, as of Python's fnmatch
// on whole names, of files that are not watched whoever asks for it.
func (w *Watcher) Ignore(patterns ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ignore = nil
	for _, p := range patterns {
		w.ignore = append(w.ignore, compile(p))
	}
	for name := range w.files {
		if w.ignoredLocked(name) {
			delete(w.files, name)
		}
	}
}

// Renew begins another round: what is watched stays so, until Drop takes away
// what Watch has not been called for since.
func (w *Watcher) Renew() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.round++
}

// Drop ends what only an earlier round has asked for: see Renew.
func (w *Watcher) Drop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for name, f := range w.files {
		if f.round < w.round {
			delete(w.files, name)
		}
	}
	for name, p := range w.patterns {
		if p.round < w.round {
			delete(w.patterns, name)
		}
	}
	for alias, name := range w.aliases {
		if w.files[name] == nil {
			delete(w.aliases, alias)
		}
	}
}

// Run watches until ctx ends, whose cause it returns. It is called once.
func (w *Watcher) Run(ctx context.Context) error {
	events, closeNotify := w.openNotify()
	defer closeNotify()
	tick := time.NewTicker(w.opts.Interval)
	defer tick.Stop()
	again := time.NewTimer(w.opts.Interval)
	defer again.Stop()
	var s settling
	for {
		var out chan<- []string
		if len(s.ready) > 0 {
			out = w.changes
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case out <- s.ready:
			s.ready = nil
			continue
		case event := <-events:
			if !w.concerns(event.Name) {
				continue
			}
		case <-tick.C:
			w.addDirs()
			w.expandPatterns()
		case <-w.news:
		case <-again.C:
		}
		if wait := w.look(time.Now(), &s); wait > 0 {
			again.Reset(wait)
		}
	}
}

// openNotify asks the system for notifications. events is nil where there are
// none.
func (w *Watcher) openNotify() (events <-chan fsnotify.Event, closeNotify func()) {
	notify, err := fsnotify.NewWatcher()
	if err != nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.noNotifyLocked(err)
		return nil, func() {}
	}
	var draining sync.WaitGroup
	draining.Go(func() {
		for range notify.Errors { // an overflow: the next look finds what it hid
		}
	})
	w.mu.Lock()
	w.notify = notify
	w.mu.Unlock()
	w.addDirs()
	w.lookAtOnce()
	return notify.Events, func() {
		w.mu.Lock()
		w.notify = nil
		w.mu.Unlock()
		notify.Close()
		draining.Wait()
	}
}

// addDirs asks for notifications of all directories anew: one may have been
// removed and made again, and what is watched already costs one system call.
func (w *Watcher) addDirs() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for dir := range w.dirs {
		w.addDirLocked(dir)
	}
}

func (w *Watcher) addDirLocked(dir string) {
	w.dirs[dir] = true
	if w.notify == nil {
		return
	}
	err := w.notify.Add(dir)
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENOMEM) {
		w.noNotifyLocked(err)
	}
}

// noNotifyLocked says, once, that changes are found by looking alone.
func (w *Watcher) noNotifyLocked(err error) {
	if w.told {
		return
	}
	w.told = true
	w.opts.Log.Warn("the system does not tell of all changes, they are noticed within the interval",
		"err", err, "interval", w.opts.Interval)
}

// expandPatterns finds the files of patterns that nobody has told of, such as
// those in a new directory.
func (w *Watcher) expandPatterns() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for name, p := range w.patterns {
		for _, found := range expand(name) {
			if w.files[found] == nil && !w.ignoredLocked(found) {
				w.files[found] = &file{round: p.round}
			}
		}
		for _, dir := range p.dirs() {
			if !w.dirs[dir] {
				w.addDirLocked(dir)
			}
		}
	}
}

// concerns says whether name, of which the system tells, is a file's that is
// watched, or is in a directory that is; one that a pattern has is watched from
// now on.
func (w *Watcher) concerns(name string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.files[name] != nil || w.aliases[name] != "" || w.files[filepath.Dir(name)] != nil {
		return true
	}
	for _, p := range w.patterns {
		if p.matches(name) && !w.ignoredLocked(name) {
			w.files[name] = &file{round: p.round}
			return true
		}
	}
	return false
}

func (w *Watcher) ignoredLocked(name string) bool {
	return slices.ContainsFunc(w.ignore, func(m matcher) bool { return m.matches(name) })
}

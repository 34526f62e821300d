package watch

import (
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

// A file is one name that is watched.
type file struct {
	round int
	was   state     // when it was last told of, or first watched
	is    state     // when it was last looked at
	gone  time.Time // since when it has not been there, the zero time if it is
}

// A state is what tells one content of a file from another: the zero state is
// that of a file that is not there.
type state struct {
	modified int64 // Unix time in nanoseconds
	size     int64
	inode    uint64
}

// stateOf looks at a file, through symbolic links.
func stateOf(name string) state {
	info, err := os.Stat(name)
	if err != nil {
		return state{}
	}
	s := state{modified: info.ModTime().UnixNano(), size: info.Size()}
	if system, ok := info.Sys().(*syscall.Stat_t); ok {
		s.inode = system.Ino
	}
	return s
}

// older is the state of a file that has been read before it was written last.
var older = state{modified: -1}

func (w *Watcher) watchFileLocked(since time.Time, name string) {
	if w.ignoredLocked(name) {
		return
	}
	if f := w.files[name]; f != nil {
		f.round = w.round
		return
	}
	f := &file{round: w.round, was: stateOf(name)}
	f.is = f.was
	if f.was != (state{}) && !since.IsZero() && f.was.modified >= since.UnixNano() && !w.late[name] {
		w.late[name] = true
		f.was = older
	}
	w.files[name] = f
	w.watchDirsLocked(name)
}

// watchDirsLocked has the system tell of the directory of name, of the one that
// symbolic links lead to, and of name if it is a directory itself.
func (w *Watcher) watchDirsLocked(name string) {
	dirs := []string{filepath.Dir(name)}
	if target, err := filepath.EvalSymlinks(name); err == nil && target != name {
		w.aliases[target] = name
		dirs = append(dirs, filepath.Dir(target))
	}
	if info, err := os.Stat(name); err == nil && info.IsDir() {
		dirs = append(dirs, name)
	}
	for _, dir := range dirs {
		if !w.dirs[dir] {
			w.addDirLocked(dir)
		}
	}
}

func (w *Watcher) watchPatternLocked(since time.Time, name string) {
	found := expand(name)
	if len(found) == 0 && stateOf(name) != (state{}) {
		w.watchFileLocked(since, name) // what looks like a pattern is its name
		return
	}
	p := w.patterns[name]
	if p == nil {
		p = newPattern(name)
		w.patterns[name] = p
	}
	p.round = w.round
	for _, file := range found {
		w.watchFileLocked(since, file)
	}
	for _, dir := range p.dirs() {
		if !w.dirs[dir] {
			w.addDirLocked(dir)
		}
	}
}

// A settling is what has changed and has not been told.
type settling struct {
	ready []string  // to be told
	first time.Time // when the first change that has not settled was seen
	last  time.Time // and the last one
}

// look looks at all files. It returns after how long it is to be called again,
// 0 for nothing in particular.
func (w *Watcher) look(now time.Time, s *settling) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	missing := false
	var changed []string
	for name, f := range w.files {
		is := stateOf(name)
		moved := is != f.is
		f.is = is
		if is != (state{}) {
			f.gone = time.Time{}
		}
		switch {
		case is == f.was:
			continue
		case is == (state{}):
			if f.gone.IsZero() {
				f.gone = now
			}
			if now.Sub(f.gone) < vanished {
				missing = true
				continue
			}
		}
		changed = append(changed, name)
		if moved {
			s.last = now
		}
	}
	return s.settle(w, now, changed, missing)
}

// settle makes changed ready to be told once it has stayed as it is.
func (s *settling) settle(w *Watcher, now time.Time, changed []string, missing bool) time.Duration {
	switch {
	case len(changed) == 0:
		s.first = time.Time{}
		if missing {
			return vanished / 4
		}
		return 0
	case s.first.IsZero():
		s.first, s.last = now, now
		return w.opts.Settle
	case now.Sub(s.last) < w.opts.Settle && now.Sub(s.first) < mostSettles*w.opts.Settle:
		return w.opts.Settle - now.Sub(s.last)
	}
	for _, name := range changed {
		f := w.files[name]
		f.was = f.is
		w.watchDirsLocked(name) // it may be another file now, elsewhere
	}
	s.ready = append(s.ready, changed...)
	slices.Sort(s.ready)
	s.ready = slices.Compact(s.ready)
	s.first = time.Time{}
	if missing {
		return vanished / 4
	}
	return 0
}

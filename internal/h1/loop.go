package h1

import (
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// napMost is what others may have to wait for a processor that Go's scheduler
	// does not know to be free.
	napMost = time.Millisecond
	// shareEach is how often Go's scheduler has a say: before 10 ms are over.
	shareEach = 4 * time.Millisecond
	endless   = time.Duration(math.MaxInt64)
)

// A Loop waits for descriptors to become ready and calls whoever owns them, all
// on one goroutine: what is called on a loop must not block, and needs no lock
// against anything else that is. Its methods are for that goroutine alone where
// they do not say otherwise.
type Loop struct {
	poller  poller
	sources []Source // by descriptor
	now     time.Time
	yields  bool      // see Yield
	shared  time.Time // when Go's scheduler last had a say, see share
	ended   bool

	dirty []Flusher // since the turn began
	spare []Flusher

	// alarm is called when next has come, and returns the next time, or the
	// zero time for none.
	alarm func(now time.Time) time.Time
	next  time.Time

	asleep atomic.Bool
	mu     sync.Mutex // guards posted
	posted []func()
	taken  []func() // posted's other memory
}

// A Source is what a loop calls for a descriptor.
type Source interface {
	// Ready is called when reading from the descriptor, or writing to it, has
	// become possible after it was not: whoever stops before the kernel says
	// EAGAIN is not called again. It may be called for nothing.
	Ready(e Events)
}

// A Flusher has something to do at the end of a loop's turn, when all that was
// ready has been looked at.
type Flusher interface{ Flush() }

// Events is what has happened to a descriptor.
type Events uint32

// NewLoop returns a loop that waits for nothing yet. Run must be called, and
// Close, which ends it.
func NewLoop() (*Loop, error) {
	l := &Loop{now: time.Now()}
	if err := l.poller.open(); err != nil {
		return nil, err
	}
	return l, nil
}

// Run calls sources and what is posted until Close. It closes the loop's own
// descriptors, and no others. It may keep its goroutine's thread to itself: the
// goroutine is to end with it.
func (l *Loop) Run() {
	defer l.poller.close()
	for !l.ended {
		l.wait()
		l.turn()
		l.share()
	}
}

// share has Go's scheduler look who else wants to run. That takes it next to no
// time; where it has not looked for 10 ms, it is woken every 20 µs, because it
// believes that it has to take the processor from a goroutine that does not stop.
func (l *Loop) share() {
	if !l.yields && l.now.Sub(l.shared) > shareEach {
		l.shared = l.now
		runtime.Gosched()
	}
}

// Turn does, in place of Run, what there is to do now, and does not wait. It
// returns false after Close, and is not to be called again then. It is for loops
// whose time is not the machine's.
func (l *Loop) Turn() bool {
	l.poller.poll(0)
	l.turn()
	if l.ended {
		l.poller.close()
	}
	return !l.ended
}

// turn calls whoever is to be called.
func (l *Loop) turn() {
	l.now = time.Now()
	for i := range l.poller.ready {
		l.dispatch(l.poller.at(i))
	}
	l.runPosted()
	l.flush()
	if l.alarm != nil && !l.next.IsZero() && !l.now.Before(l.next) {
		l.next = l.alarm(l.now)
	}
}

// dispatch calls the source of a descriptor. An event that was already there
// when its descriptor was removed may reach another source that has got the
// same number since; that is an event for nothing.
func (l *Loop) dispatch(fd int, e Events) {
	if fd == l.poller.wake {
		l.poller.rest()
		return
	}
	if fd < len(l.sources) && l.sources[fd] != nil {
		l.sources[fd].Ready(e)
	}
}

// wait returns when a descriptor is ready, something has been posted or the
// alarm is due. While others use up the processors something comes soon, and it
// costs more than the sleep itself to tell Go's scheduler of it, which then gives
// the loop's place to others and has to find it another: so the loop naps first.
func (l *Loop) wait() {
	l.asleep.Store(true)
	nap := time.Duration(0)
	if l.yields {
		nap = min(napMost, l.timeout())
	}
	switch {
	case l.hasPosted():
		l.poller.poll(0)
	case l.poller.nap(nap) == 0 && l.asleep.Load():
		l.poller.poll(l.timeout())
	}
	l.asleep.Store(false)
}

// timeout returns how long to wait at most.
func (l *Loop) timeout() time.Duration {
	if l.next.IsZero() {
		return endless
	}
	return max(0, time.Until(l.next))
}

func (l *Loop) hasPosted() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.posted) > 0
}

// Post has f called on the loop, soon, after what was posted before. Everyone
// may call it. What is posted after Close may never be called.
func (l *Loop) Post(f func()) {
	l.mu.Lock()
	l.posted = append(l.posted, f)
	l.mu.Unlock()
	if l.asleep.CompareAndSwap(true, false) {
		l.poller.rouse()
	}
}

func (l *Loop) runPosted() {
	l.mu.Lock()
	list := l.posted
	l.posted = l.taken[:0]
	l.mu.Unlock()
	for _, f := range list {
		f()
	}
	clear(list)
	l.taken = list
}

// Close ends Run after what has been posted before it. Everyone may call it.
func (l *Loop) Close() { l.Post(func() { l.ended = true }) }

// Now returns when the turn began, which is late enough for every deadline.
func (l *Loop) Now() time.Time { return l.now }

// Add has s called for fd, which must be non-blocking and stay open until
// Remove. It is called at once for what is ready already.
func (l *Loop) Add(fd int, s Source) error { return l.add(fd, s, true) }

// AddReader is Add for a descriptor that is seldom full: s hears of room to
// write only between AwaitRoom and IgnoreRoom. A Unix socket has room, and says
// so, each time that its peer has read.
func (l *Loop) AddReader(fd int, s Source) error { return l.add(fd, s, false) }

// AwaitRoom has the source of AddReader called when fd has room, and at once if
// it has. Everyone may call it while the descriptor is open.
func (l *Loop) AwaitRoom(fd int) { l.poller.change(fd, true) }

// IgnoreRoom ends what AwaitRoom began. Everyone may call it as AwaitRoom.
func (l *Loop) IgnoreRoom(fd int) { l.poller.change(fd, false) }

func (l *Loop) add(fd int, s Source, room bool) error {
	if fd >= len(l.sources) {
		l.sources = append(l.sources, make([]Source, fd+1-len(l.sources))...)
	}
	l.sources[fd] = s
	if err := l.poller.add(fd, room); err != nil {
		l.sources[fd] = nil
		return err
	}
	return nil
}

// Remove has nobody called for fd any more. It comes before fd is closed.
func (l *Loop) Remove(fd int) {
	l.sources[fd] = nil
	l.poller.remove(fd)
}

// AtEnd calls f.Flush at the end of the turn. Whoever asks several times in a
// turn is called as often.
func (l *Loop) AtEnd(f Flusher) { l.dirty = append(l.dirty, f) }

// flush calls the flushers, which may ask again.
func (l *Loop) flush() {
	for len(l.dirty) > 0 {
		list := l.dirty
		l.dirty = l.spare[:0]
		for _, f := range list {
			f.Flush()
		}
		clear(list)
		l.spare = list
	}
}

// setAlarm has the alarm called at when, if nothing is due earlier.
func (l *Loop) setAlarm(when time.Time) {
	if l.next.IsZero() || when.Before(l.next) {
		l.next = when
	}
}

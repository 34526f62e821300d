package pool

import (
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"pasted/internal/board"
	"pasted/internal/h1"
	"pasted/internal/wire"
	"pasted/internal/worker"
)

const (
	// keptBuffer is the greatest buffer in bytes that is kept for its next use.
	keptBuffer = 128 << 10
	// backlogMost is how many bytes may wait for a worker that asks for bodies
	// and does not read them, before its questions wait too.
	backlogMost = 256 << 10
)

// A lane is one lane of a member. One loop waits for it and reads it; anyone
// may write to it.
type lane struct {
	pool   *Pool
	member *member
	index  int
	conn   *worker.Lane
	loop   *h1.Loop
	again  func() // goOn, made once
	back   func() // takeBack, made once

	// Guarded by the pool's mu.
	inflight []*Request // in the order of their sending; the first may have begun
	bytes    int        // of inflight's frames
	since    time.Time  // when the first of inflight could begin
	revoked  uint64     // number up to which takeBack has revoked
	held     bool       // its answer waits for who takes it
	asked    bool       // held, for a piece of a body that Feed brings
	doubt    doubt      // while its member is stalled

	// The loop's own.
	ring     *board.Ring // nil if its member has no board
	current  answering   // the first of inflight, once known
	previous uint64      // number of the one before
	kept     wire.Frame  // has come and could not be handed on, or has more behind it
	left     int         // bytes that may still be taken in this turn
	posted   bool        // goOn will be called
	open     bool        // the loop waits for it: from begin to end
	over     bool        // it has been read to its end
	broke    error       // and why, if the worker has broken the protocol
	settled  bool        // its requests have been parted with

	out      sync.Mutex // guards all below
	unsent   []byte     // what comes behind pending
	pending  []byte     // what is being written, but for its first bytes:
	written  int
	flushing bool // someone writes pending, without out
	flushed  sync.Cond
	blocked  bool  // the kernel takes nothing; the loop hears when it does
	due      bool  // some loop flushes at the end of its turn
	crowded  bool  // goOn waits for the backlog to shrink
	closed   bool  // nothing more can be written
	queued   int64 // bytes that were ever to be sent
	sent     int64 // of these, those that the kernel has taken
}

func newLane(p *Pool, m *member, index int, conn *worker.Lane) *lane {
	loops := p.opts.Loops
	// A fast application uses the first lanes of each worker: so they begin
	// on different loops.
	l := &lane{pool: p, member: m, index: index, conn: conn, loop: loops[(m.id+index)%len(loops)]}
	if m.board != nil {
		l.ring = m.board.Ring(index)
	}
	l.again, l.back = l.goOn, l.takeBack
	l.flushed.L = &l.out
	return l
}

// send has bytes written to the worker, at the end of on's turn, or, where on is
// nil, with the next flush. It returns where they end in all that is sent.
func (l *lane) send(bytes []byte, on *h1.Loop) (end int64) { return l.sendBoth(bytes, nil, on) }

// sendBoth sends two stretches of bytes with nothing between them.
func (l *lane) sendBoth(first, second []byte, on *h1.Loop) (end int64) {
	l.out.Lock()
	defer l.out.Unlock()
	l.queued += int64(len(first) + len(second))
	if l.closed {
		return l.queued
	}
	l.unsent = append(append(l.unsent, first...), second...)
	if on != nil && !l.due && !l.blocked {
		l.due = true
		on.AtEnd(l)
	}
	return l.queued
}

// Flush implements h1.Flusher.
func (l *lane) Flush() {
	l.out.Lock()
	defer l.out.Unlock()
	l.due = false
	l.flushLocked()
}

// flush sends what waits for it, as far as the kernel has room.
func (l *lane) flush() {
	l.out.Lock()
	defer l.out.Unlock()
	l.flushLocked()
}

// flushLocked writes without holding out meanwhile. Of several callers one does
// so, what the others have added included. A write that fails is no news: who
// reads the lane learns the same.
func (l *lane) flushLocked() {
	if l.flushing || l.blocked || l.closed {
		return
	}
	l.flushing = true
	for !l.blocked && !l.closed && l.nextLocked() {
		l.out.Unlock()
		n, err := l.conn.Write(l.pending[l.written:])
		l.out.Lock()
		l.written += n
		l.sent += int64(n)
		if l.blocked = err == unix.EAGAIN; l.blocked {
			l.loop.AwaitRoom(l.conn.FD())
		}
		l.closed = l.closed || err != nil && err != unix.EAGAIN
	}
	l.flushing = false
	l.flushed.Broadcast()
	if l.crowded && !l.crowdedLocked() {
		l.crowded = false
		l.loop.Post(l.again)
	}
}

// crowdedLocked says whether a worker that is there does not read.
func (l *lane) crowdedLocked() bool { return !l.closed && l.queued-l.sent > backlogMost }

// nextLocked sees to it that pending is what is to be written next, and says
// whether there is anything.
func (l *lane) nextLocked() bool {
	if l.written == len(l.pending) {
		empty := l.pending[:0]
		if cap(empty) > keptBuffer {
			empty = nil
		}
		l.pending, l.unsent, l.written = l.unsent, empty, 0
	}
	return len(l.pending) > 0
}

// writable goes on with a flush that the kernel has stopped.
func (l *lane) writable() {
	l.out.Lock()
	defer l.out.Unlock()
	if l.blocked {
		l.blocked = false
		l.loop.IgnoreRoom(l.conn.FD())
		l.flushLocked()
	}
}

// overcrowded says whether so much waits for a worker that does not read that
// it gets nothing more of a body; then goOn is called when that has changed.
func (l *lane) overcrowded() bool {
	l.out.Lock()
	defer l.out.Unlock()
	if l.crowdedLocked() {
		l.flushLocked()
		l.crowded = l.crowdedLocked()
		return l.crowded
	}
	return false
}

// shut ends l, for which nothing is assigned any more, and returns how many
// bytes the worker may have been sent. The rest has not reached it and never
// will.
func (l *lane) shut() int64 {
	l.out.Lock()
	defer l.out.Unlock()
	l.closed = true
	for l.flushing {
		l.flushed.Wait() // for one write, which does not block
	}
	l.unsent, l.pending, l.written = nil, nil, 0
	return l.sent
}

package pool

import (
	"sync"
	"time"

	"pasted/internal/wire"
	"pasted/internal/worker"
)

// keptBuffer is the greatest buffer in bytes that is kept for its next use.
const keptBuffer = 128 << 10

// A member is a worker in the pool. The pool's mu guards its fields but worker.
type member struct {
	id       int
	worker   Worker
	lanes    []*lane
	inflight int  // requests that it has been sent and has not answered
	closed   bool // gets no further requests: it drains or has gone
	broken   bool // has been found to break the protocol
	idle     chan struct{}
}

// A lane is one lane of a member.
type lane struct {
	member *member
	index  int
	conn   *worker.Lane

	// Guarded by the pool's mu.
	inflight []*Request // in the order of their sending; the first may have begun
	bytes    int        // of inflight's frames
	since    time.Time  // when the first of inflight could begin
	last     uint64     // number of the request answered last, and its ID:
	lastID   string     // what its close() writes still comes

	out      sync.Mutex // guards all below
	unsent   []byte
	spare    []byte // what unsent becomes next
	flushing bool   // someone writes, without out
	flushed  sync.Cond
	queued   int64 // bytes that have ever been in unsent
	sent     int64 // of these, those that the kernel has taken
}

func newLane(m *member, index int, conn *worker.Lane) *lane {
	l := &lane{member: m, index: index, conn: conn}
	l.flushed.L = &l.out
	return l
}

// pickLocked returns the lane that a request with a frame of size bytes goes
// to now: of the worker with the fewest requests in it, a free lane, or, of a
// fast application, the first with room. It returns nil if there is none.
func (p *Pool) pickLocked(size int) *lane {
	ahead := p.pace.ahead()
	var best *lane
	for _, m := range p.members {
		if m.closed || best != nil && m.inflight >= best.member.inflight {
			continue
		}
		if l := m.roomLocked(ahead, size); l != nil {
			best = l
		}
	}
	return best
}

// roomLocked returns the first lane of m that takes a frame of size bytes when
// lanes may hold so many requests ahead. Taking the first, and not the
// emptiest, keeps a fast application on few threads, which then contend less
// for the interpreter's lock.
func (m *member) roomLocked(ahead, size int) *lane {
	for _, l := range m.lanes {
		if l.hasRoomLocked(ahead, size) {
			return l
		}
	}
	return nil
}

func (l *lane) hasRoomLocked(ahead, size int) bool {
	n := len(l.inflight)
	return n == 0 || n <= ahead && l.bytes+size <= aheadBytes
}

// assignLocked gives r to l, which has room. Someone must call l.flush next,
// without p.mu.
func (p *Pool) assignLocked(l *lane, r *Request, now time.Time) {
	p.number++
	r.number = p.number
	r.lane = l
	wire.SetNumber(r.Frame, r.number)
	if len(l.inflight) == 0 {
		l.since = now
	}
	l.inflight = append(l.inflight, r)
	r.size = len(r.Frame)
	l.bytes += r.size
	l.member.inflight++
	l.out.Lock()
	l.unsent = append(l.unsent, r.Frame...)
	l.queued += int64(r.size)
	r.sentAt = l.queued
	l.out.Unlock()
}

// refillLocked gives l what waits, and says whether it gave anything. A lane
// that still holds more than half of what it may is left alone, so that frames
// leave several at a time.
func (p *Pool) refillLocked(l *lane, now time.Time) bool {
	ahead := p.pace.ahead()
	if l.member.closed || len(l.inflight) > (ahead+1)/2 {
		return false
	}
	given := false
	for p.queue.first != nil && l.hasRoomLocked(ahead, len(p.queue.first.Frame)) {
		r := p.queue.first
		p.queue.remove(r)
		p.assignLocked(l, r, now)
		given = true
	}
	return given
}

// finish takes r, which l's worker has answered, off the lane.
func (p *Pool) finish(l *lane, r *Request) {
	now := time.Now()
	p.mu.Lock()
	p.pace.add(now.Sub(l.since))
	l.since = now
	l.dropLocked(r)
	given := p.refillLocked(l, now)
	if l.member.closed && l.member.inflight == 0 {
		l.member.quietLocked()
	}
	p.mu.Unlock()
	if given {
		l.flush()
	}
}

// dropLocked takes r, the first of l, out of the books.
func (l *lane) dropLocked(r *Request) {
	copy(l.inflight, l.inflight[1:])
	l.inflight[len(l.inflight)-1] = nil
	l.inflight = l.inflight[:len(l.inflight)-1]
	l.bytes -= r.size
	l.member.inflight--
	l.last, l.lastID = r.number, r.ID
	r.lane = nil
}

// quietLocked tells whoever drains m that nothing is left to answer.
func (m *member) quietLocked() {
	select {
	case <-m.idle:
	default:
		close(m.idle)
	}
}

// flush sends what has been assigned to l. Of several callers one writes, what
// the others have added included. A write that fails is no news: the lane's
// reader learns the same.
func (l *lane) flush() {
	l.out.Lock()
	defer l.out.Unlock()
	if l.flushing {
		return
	}
	l.flushing = true
	for len(l.unsent) > 0 {
		batch := l.unsent
		l.unsent = l.spare[:0]
		l.out.Unlock()
		n, _ := l.conn.Write(batch)
		l.out.Lock()
		l.sent += int64(n)
		l.spare = batch
		if cap(batch) > keptBuffer {
			l.spare = nil
		}
	}
	l.flushing = false
	l.flushed.Broadcast()
}

// shut ends l, for which nothing is assigned any more, and returns how many
// bytes the worker may have been sent. The rest has not reached it and never
// will.
func (l *lane) shut() int64 {
	l.conn.Finish() // releases a flush that blocks
	l.out.Lock()
	defer l.out.Unlock()
	for l.flushing {
		l.flushed.Wait()
	}
	l.unsent = nil
	return l.sent
}

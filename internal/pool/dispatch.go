package pool

import (
	"sync"
	"time"

	"pasted/internal/h1"
	"pasted/internal/wire"
)

// A member is a worker in the pool. The pool's mu guards its fields but worker and began.
type member struct {
	id       int
	worker   Worker
	began    time.Time
	lanes    []*lane
	answers  uint64    // that it has ended
	inflight int       // requests that it has been sent and has not answered
	since    time.Time // until when width has counted
	width    width
	closed   bool // gets no further requests: it drains or has gone
	broken   bool // has been found to break the protocol
	idle     chan struct{}
	ends     sync.WaitGroup // of the lanes, on their loops
}

// pickLocked returns the lane that a request with a frame of size bytes goes
// to now: of the worker with the fewest requests in it, a free lane, or, of a
// fast application, the first with room. It returns nil if there is none.
func (p *Pool) pickLocked(size int, now time.Time) *lane {
	var best *lane
	for _, m := range p.members {
		if m.closed || best != nil && m.inflight >= best.member.inflight {
			continue
		}
		if l := m.roomLocked(p.pace.ahead(m.budgetLocked()), size, now); l != nil {
			best = l
		}
	}
	return best
}

// roomLocked returns the first lane of m that takes a frame of size bytes when
// lanes may hold so many requests ahead. Taking the first, and not the
// emptiest, keeps a fast application on few threads, which then contend less
// for the interpreter's lock.
func (m *member) roomLocked(ahead, size int, now time.Time) *lane {
	for _, l := range m.usedLocked() {
		if l.hasRoomLocked(ahead, size, now) {
			return l
		}
	}
	return nil
}

// hasRoomLocked says whether l takes one more. Nothing is sent ahead to wait
// behind a request that turns out slow.
func (l *lane) hasRoomLocked(ahead, size int, now time.Time) bool {
	n := len(l.inflight)
	return n == 0 || n <= ahead && l.bytes+size <= aheadBytes && !l.held && now.Sub(l.since) < slowRequest
}

// assignLocked gives r to l, which has room. Its frame leaves at the end of on's
// turn; where on is nil, someone must call l.flush next, without p.mu.
func (p *Pool) assignLocked(l *lane, r *Request, now time.Time, on *h1.Loop) {
	p.number++
	r.number = p.number
	r.lane.Store(l)
	wire.SetNumber(r.Frame, r.number)
	if len(l.inflight) == 0 {
		l.since = now
	} else {
		p.crowdLocked(now)
	}
	l.member.busyLocked(now)
	l.inflight = append(l.inflight, r)
	r.size = len(r.Frame)
	l.bytes += r.size
	l.member.inflight++
	r.sentAt = l.send(r.Frame, on)
}

// refillLocked gives l what waits, as assignLocked does. A lane that still holds
// more than half of what it may is left alone, so that frames leave several at a
// time.
func (p *Pool) refillLocked(l *lane, now time.Time, on *h1.Loop) {
	ahead := p.pace.ahead(l.member.budgetLocked())
	if l.member.closed || len(l.inflight) > (ahead+1)/2 || l.index >= len(l.member.usedLocked()) {
		return
	}
	for p.queue.first != nil && l.hasRoomLocked(ahead, len(p.queue.first.Frame), now) {
		r := p.queue.first
		p.queue.remove(r)
		p.assignLocked(l, r, now, on)
	}
}

// giveLocked gives what waits to any lane with room, as assignLocked does, and
// returns those lanes.
func (p *Pool) giveLocked(now time.Time, on *h1.Loop) (given []*lane) {
	for p.queue.first != nil && !p.stopped {
		r := p.queue.first
		l := p.pickLocked(len(r.Frame), now)
		if l == nil {
			break
		}
		p.queue.remove(r)
		p.assignLocked(l, r, now, on)
		given = append(given, l)
	}
	return given
}

// finish takes r, which l's worker has answered, off the lane. It is called on
// the lane's loop.
func (p *Pool) finish(l *lane, r *Request) {
	now := l.loop.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pace.add(max(0, now.Sub(l.since)))
	p.answeredLocked(l, r, now)
	l.since = now
	l.member.busyLocked(now)
	l.member.width.now.answers++
	l.dropLocked(r)
	p.refillLocked(l, now, l.loop)
	if l.member.closed && l.member.inflight == 0 {
		l.member.quietLocked()
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
	r.lane.Store(nil)
}

// quietLocked tells whoever drains m that nothing is left to answer.
func (m *member) quietLocked() {
	select {
	case <-m.idle:
	default:
		close(m.idle)
	}
}

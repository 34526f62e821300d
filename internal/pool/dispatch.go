package pool

import (
	"sync"
	"time"

	"pasted/internal/board"
	"pasted/internal/h1"
	"pasted/internal/paths"
	"pasted/internal/wire"
)

// A member is a worker in the pool. The pool's mu guards its fields but worker and began.
type member struct {
	id       int
	worker   Worker
	began    time.Time
	board    *board.Board // nil: it keeps none
	lanes    []*lane
	answers  uint64    // that it has ended
	inflight int       // requests that it has been sent and has not answered
	busy     int       // lanes with a request
	slow     int       // of inflight, those known to be slow
	overdue  int       // of inflight, those past their deadlines
	since    time.Time // until when width has counted
	width    width
	reach    reach
	wear     wear
	cpu      time.Duration // the supervisor's own: what worker.CPU was last
	alone    *Request      // the one it has that might kill it, see again
	closed   bool          // gets no further requests: it drains or has gone
	broken   bool          // has been found to break the protocol
	doomed   bool          // closed, and to be killed: a request of it does not end
	stalled  bool          // makes no progress, and gets no further requests until it does
	pulse    pulse
	idle     chan struct{}
	ends     sync.WaitGroup // of the lanes, on their loops
}

// knowLocked finds out what is to be known of r, which has come.
func (p *Pool) knowLocked(r *Request, now time.Time) {
	r.came = now
	r.cost = p.costs.of(r.Key)
	r.slow = r.cost != nil && r.cost.slow && !p.opts.FastLane.Off
	r.line = lineOf(r)
	if r.Timeout > 0 {
		p.deadlines.set(r, now.Add(r.Timeout))
		p.wakeLocked(r.due)
	}
}

// queueLocked has r wait, or says why it may not. Where the queue is full,
// requests of low priority make room.
func (p *Pool) queueLocked(r *Request, now time.Time) error {
	p.crowdLocked(now)
	if !p.roomInQueueLocked(r) {
		p.deadlines.remove(r)
		p.tallies.refused(ErrFull)
		return ErrFull
	}
	p.queue.push(r)
	lanes, l := p.censusLocked().most, &p.queue.lines[r.line]
	if !l.overloaded && p.shedsLocked(int(r.line)) && lanes > 0 && l.crushed(max(lanes, p.expected)) {
		l.begin()
	}
	if p.wakeLocked(now.Add(l.patience(lanes, p.opts.QueueTimeout))); l.overloaded && l.length > max(lanes, overloadDepth) {
		p.wakeLocked(now)
	}
	return nil
}

// roomInQueueLocked says whether r may wait, and makes room if it can.
func (p *Pool) roomInQueueLocked(r *Request) bool {
	most := p.opts.QueueLength
	if r.Priority == paths.High {
		most *= 2
	}
	if p.queue.length < most {
		return true
	}
	low := p.queue.lines[lowLine].first
	if low == nil || r.line == lowLine {
		return false
	}
	p.queue.remove(low)
	p.deadlines.remove(low)
	low.refusal = ErrFull
	p.clock.late = append(p.clock.late, low)
	p.wakeLocked(low.came)
	return true
}

// shedsLocked says whether requests of a line are refused in an overload before
// they have waited for QueueTimeout.
func (p *Pool) shedsLocked(line int) bool { return !p.opts.Patient && line != highLine }

// pickLocked returns the lane that r goes to now: of the worker with the fewest
// requests in it, a free lane, or, of a fast application, the first with room.
// It returns nil if there is none.
func (p *Pool) pickLocked(r *Request, now time.Time) *lane {
	if !p.mayLocked(r, now) {
		return nil
	}
	var best *lane
	for _, m := range p.members {
		if m.closed || m.stalled || best != nil && m.inflight >= best.member.inflight {
			continue
		}
		if l := m.roomLocked(p.pace.ahead(m.budgetLocked()), r, now); l != nil {
			best = l
		}
	}
	return best
}

// roomLocked returns the first lane of m that takes r when lanes may hold so many
// requests ahead. Taking the first, and not the
// emptiest, keeps a fast application on few threads, which then contend less
// for the interpreter's lock.
func (m *member) roomLocked(ahead int, r *Request, now time.Time) *lane {
	for _, l := range m.usedLocked() {
		if l.hasRoomLocked(ahead, r, now) {
			return l
		}
	}
	return nil
}

// hasRoomLocked says whether l takes r as well. Nothing is sent ahead to wait
// behind a request that turns out slow, and no slow one is sent ahead.
func (l *lane) hasRoomLocked(ahead int, r *Request, now time.Time) bool {
	n := len(l.inflight)
	return n == 0 || n <= ahead && l.bytes+len(r.Frame) <= aheadBytes && !l.held && now.Sub(l.since) < slowRequest &&
		l.quickLocked(l.inflight[0]) && l.quickLocked(r)
}

// quickLocked says whether others may wait behind r.
func (l *lane) quickLocked(r *Request) bool { return !r.slow && l.pool.costs.quick(r.cost) }

// assignLocked gives r to l, which has room. Its frame leaves at the end of on's
// turn; where on is nil, someone must call l.flush next, without p.mu.
func (p *Pool) assignLocked(l *lane, r *Request, now time.Time, on *h1.Loop) {
	p.number++
	r.number = p.number
	r.lane.Store(l)
	wire.SetNumber(r.Frame, r.number)
	if len(l.inflight) == 0 {
		l.since = now
		l.member.busy++
		l.member.reach.peak = max(l.member.reach.peak, l.member.busy)
	} else {
		p.behindLocked(l.member, now)
	}
	l.member.busyLocked(now)
	l.inflight = append(l.inflight, r)
	r.size = len(r.Frame)
	l.bytes += r.size
	l.member.inflight++
	if r.slow {
		l.member.slow++
	}
	r.sentAt = l.send(r.Frame, on)
	if p.watcher.resting {
		p.watchLocked()
	}
}

// refillLocked gives l what waits, as assignLocked does. A lane that still holds
// more than half of what it may is left alone, so that frames leave several at a
// time.
func (p *Pool) refillLocked(l *lane, now time.Time, on *h1.Loop) {
	ahead := p.pace.ahead(l.member.budgetLocked())
	if l.member.closed || l.member.stalled || len(l.inflight) > (ahead+1)/2 || l.index >= len(l.member.usedLocked()) {
		return
	}
	for p.queue.length > 0 {
		r := p.nextLocked(len(l.inflight) == 0, now)
		if r == nil || !l.hasRoomLocked(ahead, r, now) {
			return
		}
		p.queue.remove(r)
		p.queue.took(r)
		p.assignLocked(l, r, now, on)
	}
}

// nextLocked returns whose turn it is among those that wait, on a lane that is
// free or on one that has something to do; nil if it is nobody's.
func (p *Pool) nextLocked(free bool, now time.Time) *Request {
	q := &p.queue
	ready := func(line int) *Request {
		r := q.lines[line].next()
		if r == nil || r.slow && !free || !p.mayLocked(r, now) {
			return nil
		}
		return r
	}
	if r := q.lines[highLine].next(); r != nil {
		return r
	}
	low := ready(lowLine)
	if low != nil && q.turns >= lowTurn {
		return low
	}
	quick, slow := ready(quickLine), ready(slowLine)
	switch {
	case quick == nil && slow == nil:
		return low
	case quick == nil || slow != nil && q.lines[slowLine].first.came.Before(q.lines[quickLine].first.came):
		return slow
	}
	return quick
}

// giveLocked gives what waits to any lane with room, as assignLocked does, and
// returns those lanes.
func (p *Pool) giveLocked(now time.Time, on *h1.Loop) (given []*lane) {
	if len(p.again.waiting) > 0 {
		given = p.giveAgainLocked(now, on)
	}
	for p.queue.length > 0 && !p.stopped {
		r := p.nextLocked(true, now)
		if r == nil {
			break
		}
		l := p.pickLocked(r, now)
		if l == nil {
			break
		}
		p.queue.remove(r)
		p.queue.took(r)
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
	hopeless := p.finishLocked(l, r, now, l.loop)
	p.mu.Unlock()
	if hopeless {
		l.member.worker.Kill()
	}
}

// finishLocked is finish, and says whether l's worker is to be killed: nothing
// of it will end any more.
func (p *Pool) finishLocked(l *lane, r *Request, now time.Time, on *h1.Loop) (hopeless bool) {
	p.learnLocked(r, now, max(0, now.Sub(l.since)))
	p.answeredLocked(l, r, now)
	p.wornLocked(l.member)
	l.since = now
	l.member.busyLocked(now)
	l.member.width.now.answers++
	l.dropLocked(r)
	if len(p.again.waiting) > 0 {
		p.giveAgainLocked(now, on)
	}
	p.refillLocked(l, now, on)
	if l.member.closed && l.member.inflight == 0 {
		l.member.quietLocked()
	}
	return l.member.hopelessLocked()
}

// learnLocked takes in how long r has taken.
func (p *Pool) learnLocked(r *Request, now time.Time, service time.Duration) {
	p.pace.add(service)
	p.costs.add(r.cost, service)
	p.queue.lines[r.line].served(service)
	if r.cost == nil || !r.cost.slow {
		p.fast.add(now, service)
	}
}

// dropLocked takes r, the first of l, out of the books.
func (l *lane) dropLocked(r *Request) {
	copy(l.inflight, l.inflight[1:])
	l.inflight[len(l.inflight)-1] = nil
	l.inflight = l.inflight[:len(l.inflight)-1]
	l.bytes -= r.size
	if len(l.inflight) == 0 {
		l.member.busy--
	}
	l.pool.deadlines.remove(r)
	l.pool.answered[r.number%answeredKept] = name{r.number, r.ID}
	l.partLocked(r)
}

// quietLocked tells whoever drains m that nothing is left to answer.
func (m *member) quietLocked() {
	select {
	case <-m.idle:
	default:
		close(m.idle)
	}
}

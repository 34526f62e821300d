package pool

import "time"

// How many of its lanes a worker has open, see reach.
const (
	reachWindow = 50 * time.Millisecond // of a worker's time with requests is judged at once
	reachFirst  = crowdTick / 2         // the same, where nothing has been judged lately
	reachKeep   = 5 * time.Second       // lanes that are too many stay open for so long
	reachTick   = time.Second           // how often someone looks, without a crowd
	// computeShare is the share of its time with requests that a worker computes
	// from which further lanes would only wait for Python's lock.
	computeShare = 0.6
)

// A reach is how many of its lanes a worker has open: from Options.LeastLanes to
// all. One more is opened when a request would have to wait and the threads of the
// worker mostly wait themselves, for something other than a processor. What has
// not been needed for a while is closed by halves. A closed lane gets nothing; what
// it has, it finishes. The pool's mu guards it. The zero reach has all open.
type reach struct {
	closed   int           // the last so many lanes
	busy     time.Duration // when judged last, as usage has it,
	wanted   time.Duration // and used and waited together
	judged   time.Time
	computes bool      // further lanes would not add to what the worker does
	peak     int       // the most lanes with a request since
	changed  time.Time // when lanes were opened or closed, or might have been
}

// due says whether there is enough to judge by.
func (r *reach) due(now time.Time, busy time.Duration) bool {
	span := busy - r.busy
	return span >= reachWindow || span >= reachFirst && !r.fresh(now)
}

// fresh says whether computes is about what happens now.
func (r *reach) fresh(now time.Time) bool { return now.Sub(r.judged) < crowdRest }

// judge decides whether the worker computes, by what its threads have wanted of the
// processors in its time with requests. Where that is not known, it does not.
func (r *reach) judge(now time.Time, busy, wanted time.Duration, known bool) {
	span, share := busy-r.busy, wanted-r.wanted
	r.computes = known && share.Seconds() > computeShare*span.Seconds()
	r.busy, r.wanted, r.judged = busy, wanted, now
}

// ranges says whether the workers' lanes are opened and closed.
func (p *Pool) ranges() bool { return p.opts.LeastLanes > 0 }

// leastOf returns how many lanes of m are always open.
func (p *Pool) leastOf(m *member) int {
	if p.ranges() {
		return min(p.opts.LeastLanes, len(m.lanes))
	}
	return len(m.lanes)
}

// openLocked returns how many lanes of m are open, whether or not width uses them.
func (m *member) openLocked() int { return len(m.lanes) - m.reach.closed }

// capacityLocked returns how many lanes of m may be open when there is enough to do.
func (m *member) capacityLocked() int {
	if m.reach.computes {
		return m.openLocked()
	}
	return len(m.lanes)
}

// mayOpenLocked says whether m gets another lane when a request has to wait.
func (m *member) mayOpenLocked(now time.Time) bool {
	r := &m.reach
	return r.closed > 0 && !r.computes && r.fresh(now) && m.width.mode == wide && !m.closed && !m.stalled
}

// openOneLocked opens a lane of the worker that has the fewest requests of those
// that may, and returns it, which is free; nil if none may.
func (p *Pool) openOneLocked(now time.Time) *lane {
	var best *member
	for _, m := range p.members {
		if m.mayOpenLocked(now) && (best == nil || m.inflight < best.inflight) {
			best = m
		}
	}
	if best == nil {
		return nil
	}
	p.crowdLocked(now)
	best.reach.changed = now
	for best.reach.closed > 0 {
		best.reach.closed--
		if l := best.lanes[best.openLocked()-1]; len(l.inflight) == 0 {
			return l
		}
	}
	return p.openOneLocked(now)
}

// openForLocked returns a lane opened for r, which finds none; nil if it has to
// wait nevertheless.
func (p *Pool) openForLocked(r *Request, now time.Time) *lane {
	if l := p.openOneLocked(now); l != nil && p.mayLocked(r, now) {
		return l
	}
	return nil
}

// openMoreLocked opens lanes for those that wait.
func (p *Pool) openMoreLocked(now time.Time) {
	for range p.queue.length {
		if p.openOneLocked(now) == nil {
			return
		}
	}
}

// closeSomeLocked closes lanes that have not been needed for a while, and says
// whether there are more.
func (p *Pool) closeSomeLocked(now time.Time) (more bool) {
	for _, m := range p.members {
		m.closeLocked(now, p.leastOf(m))
		more = more || m.openLocked() > p.leastOf(m)
	}
	return more
}

// closeLocked closes half of the lanes that m has open above the least, but for
// those that its requests have needed since the last time, and a few. A worker
// that computes does not need what it has busy.
func (m *member) closeLocked(now time.Time, least int) {
	r, open := &m.reach, m.openLocked()
	if open > least && now.Sub(r.changed) < reachKeep {
		return
	}
	keep := least + (open-least)/2
	if !r.computes {
		keep = max(keep, min(open, r.peak+(r.peak+3)/4))
	}
	r.closed = len(m.lanes) - keep
	r.changed, r.peak = now, m.busy
}

package pool

import "time"

const (
	crowdTick = 10 * time.Millisecond // how often someone looks at the workers
	crowdRest = time.Second           // without a crowd, and nobody looks any more
)

// A crowd is requests that have to wait for each other. While there is one, tune
// sees to it that the workers do as much as they can. The pool's mu guards it,
// but for come and yields.
type crowd struct {
	last     time.Time     // when a request had to wait
	computed time.Time     // when the workers were last seen to compute
	resting  bool          // tune waits for come
	come     chan struct{} // holds one
	yields   bool          // tune's own: what Options.Yield was called with
}

// crowdLocked notes that a request has to wait for others.
func (p *Pool) crowdLocked(now time.Time) {
	p.crowd.last = now
	p.lookLocked()
}

// behindLocked notes that a request is sent behind another to m. It waits for others
// only if m could not serve it at once with all its lanes: else two that meet would
// be the crowd for which m is kept narrow.
func (p *Pool) behindLocked(m *member, now time.Time) {
	if m.inflight >= m.openLocked() {
		p.crowd.last = now
	}
	p.lookLocked()
}

// lookLocked has tune look at the workers.
func (p *Pool) lookLocked() {
	if !p.crowd.resting {
		return
	}
	p.crowd.resting = false
	select {
	case p.crowd.come <- struct{}{}:
	default:
	}
}

// tune looks at the workers as long as there is a crowd, or one request behind
// another, and now and then while they have more lanes open than the least, until
// ended is closed.
func (p *Pool) tune(ended <-chan struct{}) {
	tick := time.NewTicker(crowdTick)
	defer tick.Stop()
	defer p.yield(false)
	for {
		select {
		case <-ended:
			return
		case <-p.crowd.come:
			tick.Reset(crowdTick)
		case now := <-tick.C:
			switch busy, more := p.retune(now); {
			case busy:
			case more:
				tick.Reset(reachTick)
			default:
				tick.Stop()
			}
		}
	}
}

// retune judges the workers, gives what waits to lanes that are used anew, and
// says whether there is still a crowd, or one request behind another, and whether
// there are lanes to be closed.
func (p *Pool) retune(now time.Time) (busy, more bool) {
	for _, m := range p.measure(now) {
		p.judge(m, now)
	}
	p.mu.Lock()
	crowded := now.Sub(p.crowd.last) < crowdRest
	computing := crowded && now.Sub(p.crowd.computed) < crowdRest
	busy = crowded || p.stackedLocked()
	p.crowd.resting = !busy
	if !crowded {
		for _, m := range p.members {
			m.width.rest()
		}
	}
	if p.ranges() {
		p.openMoreLocked(now)
		more = p.closeSomeLocked(now)
	}
	p.judgeLinesLocked(now, crowded)
	given := p.giveLocked(now, nil)
	p.mu.Unlock()
	for _, l := range given {
		l.flush()
	}
	p.yield(computing)
	return busy, more
}

// stackedLocked says whether one request has been sent behind another.
func (p *Pool) stackedLocked() bool {
	for _, m := range p.members {
		if m.inflight > m.busy {
			return true
		}
	}
	return false
}

// judge judges m by what its threads have wanted of the processors.
func (p *Pool) judge(m *member, now time.Time) {
	used, waited, known := m.worker.Demand()
	p.mu.Lock()
	defer p.mu.Unlock()
	if busy := m.width.now.busy; p.ranges() && m.reach.due(now, busy) {
		m.reach.judge(now, busy, used+waited, known)
	}
	if !m.width.due() {
		return
	}
	m.width.judge(now, used, waited, known)
	if m.width.computes {
		p.crowd.computed = now
	}
}

// yield calls Options.Yield where that is news.
func (p *Pool) yield(on bool) {
	if on != p.crowd.yields && p.opts.Yield != nil {
		p.crowd.yields = on
		p.opts.Yield(on)
	}
}

// measure brings the workers' figures up to date and returns those that are to
// be judged. One whose only lane a slow request blocks is widened at once.
func (p *Pool) measure(now time.Time) (due []*member) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.members {
		m.busyLocked(now)
		if first := m.lanes[0]; m.width.mode != wide && len(first.inflight) > 0 && now.Sub(first.since) >= slowRequest {
			m.width.widen(now)
		}
		p.findSlowLocked(m, now)
		m.freeLocked(now)
		if m.width.due() || p.ranges() && m.reach.due(now, m.width.now.busy) {
			due = append(due, m)
		}
	}
	return due
}

// judgeLinesLocked decides which lines are overloaded. Without a crowd none is.
func (p *Pool) judgeLinesLocked(now time.Time, crowded bool) {
	c := p.censusLocked()
	for i := range p.queue.lines {
		l, idle := &p.queue.lines[i], c.busy < c.most
		if i == slowLine {
			idle = c.slow < c.most-p.fast.keep(p.opts.FastLane, c.most, now)
		}
		switch {
		case !crowded:
			l.overloaded = false
		case p.shedsLocked(i):
			if l.judge(now, c.most, idle); l.overloaded && l.length > 0 {
				p.wakeLocked(now)
			}
		}
	}
}

// findSlowLocked looks for requests in m that turn out slow while they run, so
// that a path need not have an answer before it is known.
func (p *Pool) findSlowLocked(m *member, now time.Time) {
	for _, l := range m.lanes {
		if len(l.inflight) == 0 || now.Sub(l.since) < slowRequest {
			continue
		}
		r := l.inflight[0]
		took := now.Sub(l.since)
		if p.costs.atLeast(r.cost, took); r.cost != nil && (r.cost.slow || took >= p.costs.limit()) {
			l.slowLocked(r)
		}
	}
}

// busyLocked counts the time until now, in which m has had what it has.
func (m *member) busyLocked(now time.Time) {
	if m.inflight > 0 {
		m.width.now.busy += max(0, now.Sub(m.since))
	}
	m.since = now
}

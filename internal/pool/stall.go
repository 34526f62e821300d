package pool

import (
	"log/slog"
	"time"
)

const (
	stallTick   = 100 * time.Millisecond // how often someone looks at the boards
	stallAfter  = 800 * time.Millisecond // without progress, a worker gets nothing new
	repeatAfter = 1200 * time.Millisecond
	// abortGrace is how long a worker may take to write its stacks and end.
	abortGrace = time.Second
)

// A pulse is what is known of a worker's progress. The pool's mu guards it.
type pulse struct {
	progress uint64    // see board.Progress
	moved    time.Time // when progress was seen to change, or nothing was to do
	repeated bool      // what it has begun has been given to others as well
	aborted  time.Time // when it was told to write its stacks and end
	turn     *racer    // of those lanes whose requests are repeated one by one
	spoilt   bool      // something repeated has had another worker stand still too
}

// A watcher looks at the workers' boards while they have requests. The pool's mu
// guards it, but for come.
type watcher struct {
	resting bool          // waits for come
	come    chan struct{} // holds one
	looked  time.Time     // last; zero: never
}

// missed notes that it is looked now, and returns for how long nobody has: who rested,
// or was held up, has not seen what has moved meanwhile.
func (w *watcher) missed(now time.Time) (late time.Duration) {
	if !w.looked.IsZero() {
		late = now.Sub(w.looked) - stallTick
	}
	w.looked = now
	if late < stallTick {
		return 0
	}
	return late
}

// watchLocked sees to it that somebody looks at the boards.
func (p *Pool) watchLocked() {
	p.watcher.resting = false
	select {
	case p.watcher.come <- struct{}{}:
	default:
	}
}

// watch looks at the boards until ended is closed.
func (p *Pool) watch(ended <-chan struct{}) {
	tick := time.NewTicker(stallTick)
	defer tick.Stop()
	for {
		select {
		case <-ended:
			return
		case <-tick.C:
			if p.look() {
				continue
			}
		}
		tick.Stop()
		select {
		case <-ended:
			return
		case <-p.watcher.come:
			tick.Reset(stallTick)
		}
	}
}

// look finds the workers that make no progress, and says whether any has
// something to do.
func (p *Pool) look() (busy bool) {
	var abort, kill []*member
	var suspected []suspicion
	p.mu.Lock()
	now := time.Now() // which the tick may be long before
	missed := p.watcher.missed(now)
	for _, m := range p.members {
		if m.board == nil {
			continue
		}
		if !m.pulse.moved.IsZero() {
			m.pulse.moved = m.pulse.moved.Add(missed)
		}
		if p.feelLocked(m, now); m.stalled {
			suspected = p.suspectLocked(m, now, suspected)
		}
		busy = busy || m.stalled || m.inflight > 0 || m.owesLocked()
		switch still := now.Sub(m.pulse.moved); {
		case !m.stalled || still < p.opts.StallTimeout:
		case m.pulse.aborted.IsZero():
			m.pulse.aborted = now
			abort = append(abort, m)
		case now.Sub(m.pulse.aborted) >= abortGrace:
			kill = append(kill, m)
		}
	}
	p.watcher.resting = !busy
	p.mu.Unlock()
	p.tell()
	p.inquire(suspected)
	for _, m := range abort {
		p.opts.Log.Error("worker makes no progress, replacing it; its stacks follow on standard error",
			"worker", m.id, "pid", m.worker.PID(), "elapsed", p.opts.StallTimeout)
		m.worker.Abort()
	}
	for _, m := range kill {
		m.worker.Kill()
	}
	return busy
}

// feelLocked decides whether m makes progress.
func (p *Pool) feelLocked(m *member, now time.Time) {
	progress := m.board.Progress()
	moves := progress != m.pulse.progress
	if moves || !m.stalled && !m.owesLocked() || m.pulse.moved.IsZero() {
		m.pulse.progress, m.pulse.moved = progress, now
	}
	still := now.Sub(m.pulse.moved)
	switch {
	case m.stalled && moves:
		m.stalled = false
		m.pulse.repeated, m.pulse.turn, m.pulse.spoilt = false, nil, false
		p.noteLocked(slog.LevelWarn, "worker makes progress again", "worker", m.id, "pid", m.worker.PID())
		p.callOffRacesLocked(m)
		for _, l := range m.lanes {
			l.loop.Post(l.resume)
		}
	case !m.stalled && still >= stallAfter:
		m.stalled = true
		m.spoilLocked()
		p.noteLocked(slog.LevelWarn, "worker makes no progress", "worker", m.id, "pid", m.worker.PID(), "inflight", m.inflight)
		for _, l := range m.lanes {
			l.loop.Post(l.back)
		}
	}
}

// owesLocked says whether m has been sent what it has not done with.
func (m *member) owesLocked() bool {
	for _, l := range m.lanes {
		if n := len(l.inflight); n > 0 && m.board.Ended(l.index) < l.inflight[n-1].number {
			return true
		}
	}
	return false
}

// resume gives l what waits: its worker makes progress again.
func (l *lane) resume() {
	p := l.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	if l.open {
		p.refillLocked(l, l.loop.Now(), l.loop)
	}
}

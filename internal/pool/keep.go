package pool

import (
	"context"
	"slices"
	"time"
)

func (p *Pool) newMember(id int, w Worker) *member {
	m := &member{id: id, worker: w, board: w.Board(), began: time.Now(), wear: p.newWear(), idle: make(chan struct{})}
	for i, conn := range w.Lanes() {
		m.lanes = append(m.lanes, newLane(p, m, i, conn))
	}
	m.reach.closed = len(m.lanes) - p.leastOf(m)
	m.ends.Add(len(m.lanes))
	return m
}

// close keeps further requests from m.
func (p *Pool) close(m *member) {
	p.mu.Lock()
	defer p.mu.Unlock()
	m.closed = true
	if m.inflight == 0 {
		m.quietLocked()
	}
}

func (p *Pool) isBroken(m *member) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return m.broken
}

// noteFailure lets WaitReady return with the reason of the first failure.
func (p *Pool) noteFailure(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.startErr == nil {
		p.startErr = err
		close(p.failed)
	}
}

// join lets m take part, beginning with what waits.
func (p *Pool) join(m *member) {
	now := time.Now()
	p.mu.Lock()
	p.members = append(p.members, m)
	given := p.giveAgainLocked(now, nil)
	for _, l := range m.lanes {
		p.refillLocked(l, now, nil)
	}
	p.mu.Unlock()
	flushUnless(nil, append(given, m.lanes...))
}

// leave takes m out. Its lanes hold nothing any more.
func (p *Pool) leave(m *member) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.members = slices.DeleteFunc(p.members, func(other *member) bool { return other == m })
}

// awaitQuiet waits until m has answered all that it was sent, or has exited,
// and says whether it has.
func (p *Pool) awaitQuiet(grace context.Context, m *member) bool {
	select {
	case <-m.idle:
		return true
	case <-m.worker.Done():
		return true
	case <-grace.Done():
	case <-p.opts.Kill:
	}
	return false
}

// awaitExit waits until m has exited, and says whether it has.
func (p *Pool) awaitExit(grace context.Context, m *member) bool {
	select {
	case <-m.worker.Done():
		return true
	case <-grace.Done():
	case <-p.opts.Kill:
	}
	return false
}

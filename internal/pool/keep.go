package pool

import (
	"context"
	"slices"
	"sync"
	"time"

	"pasted/internal/worker"
)

// keep keeps worker id running until ctx ends. What it leaves to end by itself
// is in running.
func (p *Pool) keep(ctx context.Context, running *sync.WaitGroup, id int) {
	var backOff worker.BackOff
	for first := true; ctx.Err() == nil; first = false {
		w, err := p.opts.Start(ctx, id)
		lived := time.Duration(0)
		if err == nil {
			lived = p.live(ctx, running, p.newMember(id, w), first)
		}
		if ctx.Err() != nil {
			return
		}
		pause := backOff.Exited(lived)
		switch {
		case err != nil && first:
			p.noteFailure(err)
		case err != nil:
			p.opts.Log.Error("worker does not start", "worker", id, "err", err, "pause", pause)
		case pause > 0:
			p.opts.Log.Warn("worker exits quickly, backing off", "worker", id, "exits", backOff.Exits, "pause", pause)
		}
		if !sleep(ctx, pause) {
			return
		}
	}
}

// sleep waits for d and says whether ctx still runs.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// live has m serve until it has exited, and returns how long it did.
func (p *Pool) live(ctx context.Context, running *sync.WaitGroup, m *member, first bool) time.Duration {
	p.join(m, first)
	p.opts.Log.Debug("worker ready", "worker", m.id, "pid", m.worker.PID())
	for _, l := range m.lanes {
		l.loop.Post(l.begin)
	}
	select {
	case <-m.worker.Done():
	case <-ctx.Done():
		p.drain(m)
	}
	<-m.worker.Done()
	p.close(m)
	for _, l := range m.lanes {
		l.conn.Finish()
		l.loop.Post(l.settle) // or its end does
	}
	// A lane may hold what a slow client has no room for yet. The next
	// worker does not wait for that client.
	running.Go(func() {
		m.ends.Wait()
		p.leave(m)
		for _, l := range m.lanes {
			l.conn.Close()
		}
		if m.board != nil {
			m.board.Close()
		}
	})
	lived := time.Since(m.began)
	if ctx.Err() == nil {
		p.noteRestart(m, "", m.worker.Exit().String())
	}
	if ctx.Err() == nil && !p.isBroken(m) { // which has been logged
		p.opts.Log.Warn("worker exited", "worker", m.id, "pid", m.worker.PID(), "exit", m.worker.Exit().String(), "elapsed", lived.Round(time.Millisecond))
	}
	return lived
}

func (p *Pool) newMember(id int, w Worker) *member {
	m := &member{id: id, worker: w, board: w.Board(), began: time.Now(), idle: make(chan struct{})}
	for i, conn := range w.Lanes() {
		m.lanes = append(m.lanes, newLane(p, m, i, conn))
	}
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
func (p *Pool) join(m *member, first bool) {
	now := time.Now()
	p.mu.Lock()
	p.members = append(p.members, m)
	if first {
		p.unready--
		if p.unready == 0 {
			close(p.ready)
		}
	}
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

// drain lets m finish what it has and exit, and kills it when that takes
// longer than the grace period.
func (p *Pool) drain(m *member) {
	p.close(m)
	grace, cancel := context.WithTimeout(context.Background(), p.opts.Grace)
	defer cancel()
	if p.awaitQuiet(grace, m) {
		for _, l := range m.lanes {
			l.conn.CloseWrite()
		}
		m.worker.Drain()
		if p.awaitExit(grace, m) {
			return
		}
	}
	p.opts.Log.Warn("worker does not finish, killing it", "worker", m.id, "pid", m.worker.PID())
	m.worker.Kill()
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

package pool

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// Restarts of a worker that exits quickly wait for longer and longer.
const (
	quickExit  = 5 * time.Second        // a life shorter than this is a quick exit
	freeExits  = 3                      // so many quick exits in a row cost no wait
	firstPause = 200 * time.Millisecond // then this, doubled each time …
	mostPause  = 30 * time.Second       // … up to this
)

// keep keeps worker id running until ctx ends.
func (p *Pool) keep(ctx context.Context, id int) {
	quick := 0
	for first := true; ctx.Err() == nil; first = false {
		began := time.Now()
		p.live(ctx, id, first)
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) >= quickExit {
			quick = 0
			continue
		}
		quick++
		pause := backOff(quick)
		if pause > 0 {
			p.opts.Log.Warn("worker exits quickly, backing off", "worker", id, "exits", quick, "pause", pause)
		}
		if !sleep(ctx, pause) {
			return
		}
	}
}

// backOff returns how long to wait after so many quick exits in a row, with a
// tenth of jitter, so that workers that died together do not return together.
func backOff(quick int) time.Duration {
	if quick <= freeExits {
		return 0
	}
	pause := firstPause << min(quick-freeExits-1, 16)
	pause = min(pause, mostPause)
	return pause - rand.N(pause/10+1)
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

// live runs worker id once, from its start to its end.
func (p *Pool) live(ctx context.Context, id int, first bool) {
	w, err := p.opts.Start(ctx, id)
	if err != nil {
		if first {
			p.noteFailure(err)
		}
		if ctx.Err() == nil {
			p.opts.Log.Error("worker does not start", "worker", id, "err", err)
		}
		return
	}
	began := time.Now()
	m := newMember(id, w)
	p.join(m, first)
	p.opts.Log.Debug("worker ready", "worker", id, "pid", w.PID())

	var readers sync.WaitGroup
	for _, l := range m.lanes {
		readers.Go(func() { p.serveLane(ctx, l) })
	}
	select {
	case <-w.Done():
	case <-ctx.Done():
		p.drain(m)
	}
	<-w.Done()
	for _, l := range m.lanes {
		l.conn.Finish()
	}
	readers.Wait()
	p.leave(m)
	for _, l := range m.lanes {
		l.conn.Close()
	}
	if ctx.Err() == nil {
		p.opts.Log.Warn("worker exited", "worker", id, "pid", w.PID(), "exit", w.Exit().String(), "elapsed", time.Since(began).Round(time.Millisecond))
	}
}

func newMember(id int, w Worker) *member {
	m := &member{id: id, worker: w, idle: make(chan struct{})}
	for i, conn := range w.Lanes() {
		m.lanes = append(m.lanes, &lane{member: m, index: i, conn: conn})
	}
	return m
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
	for _, l := range m.lanes {
		p.refillLocked(l, now)
	}
	p.mu.Unlock()
	for _, l := range m.lanes {
		l.flush()
	}
}

// leave takes m out. Its lanes hold nothing any more.
func (p *Pool) leave(m *member) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, other := range p.members {
		if other == m {
			p.members = append(p.members[:i], p.members[i+1:]...)
			return
		}
	}
}

// serveLane reads l to its end, and settles what the worker has left
// unanswered there.
func (p *Pool) serveLane(ctx context.Context, l *lane) {
	err := p.read(l)
	if err != nil && ctx.Err() == nil {
		p.opts.Log.Error("lane broken, killing its worker", "worker", l.member.id, "pid", l.member.worker.PID(), "err", err)
	}
	p.mu.Lock()
	expected := l.member.closed && len(l.inflight) == 0
	l.member.closed = true
	p.mu.Unlock()
	if !expected {
		l.member.worker.Kill() // nobody serves this lane any more
	}
	p.abandon(l)
}

// abandon settles the requests of a lane whose worker has gone. The first may
// have reached the application: it ends with ErrDied. A worker sends the end
// of an answer before it touches the next request, so the others have not, and
// go back to the head of the queue.
func (p *Pool) abandon(l *lane) {
	p.mu.Lock()
	var begun *Request
	for i := len(l.inflight) - 1; i >= 0; i-- {
		r := l.inflight[i]
		r.lane = nil
		l.member.inflight--
		switch {
		case i == 0:
			begun = r
		case !r.cancelled:
			p.queue.pushFront(r)
		}
	}
	l.inflight, l.bytes = nil, 0
	if l.member.inflight == 0 {
		l.member.quietLocked()
	}
	p.mu.Unlock()
	p.spread()
	if begun != nil {
		begun.end(fmt.Errorf("worker %d, process %d: %w", l.member.id, l.member.worker.PID(), ErrDied))
	}
}

// spread gives what waits to any lane with room.
func (p *Pool) spread() {
	var given []*lane
	now := time.Now()
	p.mu.Lock()
	for p.queue.first != nil {
		r := p.queue.first
		l := p.pickLocked(len(r.Frame))
		if l == nil {
			break
		}
		p.queue.remove(r)
		p.assignLocked(l, r, now)
		given = append(given, l)
	}
	p.mu.Unlock()
	for _, l := range given {
		l.flush()
	}
}

// drain lets m finish what it has and exit, and kills it when that takes
// longer than the grace period.
func (p *Pool) drain(m *member) {
	p.mu.Lock()
	m.closed = true
	if m.inflight == 0 {
		m.quietLocked()
	}
	p.mu.Unlock()
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

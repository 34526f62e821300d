package pool

import (
	"context"
	"fmt"
	"time"
)

// A life is one worker from its start to its end. One goroutine, live, sees it
// through; the supervisor decides when it ends. The pool's mu guards its fields
// but id, first, orders and begun, which do not change; only the supervisor
// changes them.
type life struct {
	id     int
	first  bool       // one of those that WaitReady waits for
	orders chan order // holds one
	begun  time.Time  // before it was forked, if it is a fork

	state  State // never Busy: whether it has requests, its member tells
	since  time.Time
	member *member // nil while Starting
	why    string  // the policy that ends it; empty: nobody has asked for its end
}

// An order has a worker drain and exit.
type order struct {
	// patient: its requests may take as long as they take.
	patient bool
	// promote: it becomes the template.
	promote bool
}

// An event is what a life tells the supervisor.
type event struct {
	life   *life
	kind   eventKind
	member *member // of becameReady
	err    error   // of notStarted
}

type eventKind int

const (
	becameReady eventKind = iota
	notStarted
	exited
)

// become changes l's state, which must be a legal move.
func (p *Pool) become(l *life, next State) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !l.state.mayBecome(next) {
		panic(fmt.Sprintf("worker %d goes from %v to %v", l.id, l.state, next))
	}
	l.state, l.since = next, time.Now()
}

// live starts a worker, has it serve until it has exited, because it was ordered
// to or ctx ended or by itself, and settles what it leaves.
func (s *supervisor) live(ctx context.Context, l *life) {
	p := s.pool
	w, err := p.opts.Start(ctx, l.id)
	if err != nil {
		s.events <- event{life: l, kind: notStarted, err: err}
		return
	}
	m := p.newMember(l.id, w)
	p.weighNew(m)
	p.join(m)
	for _, lane := range m.lanes {
		lane.loop.Post(lane.begin)
	}
	s.events <- event{life: l, kind: becameReady, member: m}
	p.opts.Log.Debug("worker ready", "worker", m.id, "pid", w.PID())
	p.serve(ctx, l, m)
	p.close(m)
	for _, lane := range m.lanes {
		lane.conn.Finish()
		lane.loop.Post(lane.settle) // or its end does
	}
	s.events <- event{life: l, kind: exited}
	// A lane may hold what a slow client has no room for yet. The next
	// worker does not wait for that client.
	m.ends.Wait()
	p.leave(m)
	for _, lane := range m.lanes {
		lane.conn.Close()
	}
	if m.board != nil {
		m.board.Close()
	}
}

// serve returns when m's process has exited, or has become a template.
func (p *Pool) serve(ctx context.Context, l *life, m *member) {
	var o order
	select {
	case <-m.worker.Done():
		return
	case o = <-l.orders:
	case <-ctx.Done():
	}
	if p.drain(ctx, m, o) {
		return
	}
	<-m.worker.Done()
}

// drain lets m finish what it has and exit, and kills it when that takes
// longer than the grace period, which a patient order lets begin when all is
// answered or ctx has ended. It says whether m has become a template instead.
func (p *Pool) drain(ctx context.Context, m *member, o order) (promoted bool) {
	p.close(m)
	if o.patient {
		select {
		case <-m.idle:
		case <-m.worker.Done():
		case <-ctx.Done():
		case <-p.opts.Kill:
		}
	}
	grace, cancel := context.WithTimeout(context.Background(), p.opts.Grace)
	defer cancel()
	if p.awaitQuiet(grace, m) {
		for _, l := range m.lanes {
			l.conn.CloseWrite()
		}
		if o.promote && ctx.Err() == nil && p.promote(ctx, grace, m) {
			return true
		}
		m.worker.Drain()
		if p.awaitExit(grace, m) {
			return false
		}
	}
	p.opts.Log.Warn("worker does not finish, killing it", "worker", m.id, "pid", m.worker.PID())
	m.worker.Kill()
	return false
}

// promote has m, which serves nothing any more, become the template, and says
// whether it has. It gives up when ctx ends, for then nobody takes a template.
func (p *Pool) promote(ctx, grace context.Context, m *member) bool {
	grace, cancel := context.WithCancel(grace)
	defer cancel()
	stop := context.AfterFunc(ctx, cancel)
	defer stop()
	err := p.opts.Promote(grace, m.worker)
	if err != nil && ctx.Err() != nil {
		return false
	}
	if err != nil {
		p.opts.Log.Error("worker does not become the template", "worker", m.id, "pid", m.worker.PID(), "err", err)
		return false
	}
	p.mu.Lock()
	m.wear.promoted = true
	p.mu.Unlock()
	p.opts.Log.Info("worker has become the template", "worker", m.id, "pid", m.worker.PID(), "requests", p.answersOf(m))
	return true
}

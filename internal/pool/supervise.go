package pool

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"pasted/internal/worker"
)

const (
	superviseTick = 100 * time.Millisecond // how often the size is thought about, where it may change
	restTick      = time.Second            // and how often all else is looked at
)

// A supervisor decides which workers there are: how many, which is replaced,
// when one that has gone comes back. One goroutine, run, has it; each worker has
// another, which tells it what happens (see life).
type supervisor struct {
	pool    *Pool
	events  chan event
	lives   sync.WaitGroup
	alive   int // lives that may still send an event
	slots   []*slot
	began   bool // the first workers have been started
	trouble trouble
	scaler  scaler
	// replacing is the slot whose worker is being recycled, nil if none is:
	// there is never more than one.
	replacing *slot
	warm      warmth

	looked time.Time // when free was found out
	free   int64     // bytes of memory that are left
	known  bool
}

// A slot is the place of a worker with a certain ID.
type slot struct {
	id      int
	wanted  bool
	serving *life   // starting, or it serves
	next    *life   // starting, to take serving's place
	leaving []*life // draining
	relapse relapse
}

func newSupervisor(p *Pool) *supervisor {
	return &supervisor{pool: p, events: make(chan event)}
}

// run keeps the workers until ctx ends, and returns when the last of them has
// ended and been settled.
func (s *supervisor) run(ctx context.Context) {
	defer s.lives.Wait()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		now := time.Now()
		s.decide(ctx, now)
		timer.Reset(s.pause(now))
		select {
		case e := <-s.events:
			s.hear(ctx, e)
		case <-timer.C:
		case <-s.pool.nudge:
		case <-ctx.Done():
			for s.alive > 0 {
				s.hear(ctx, <-s.events)
			}
			return
		}
	}
}

// pause returns for how long nothing is to be decided unless something happens.
func (s *supervisor) pause(now time.Time) time.Duration {
	d := restTick
	if least, most := s.pool.bounds(); least < most {
		d = superviseTick
	}
	for _, until := range s.untils() {
		if until.After(now) {
			d = min(d, until.Sub(now))
		}
	}
	return d
}

// untils returns the ends of all pauses.
func (s *supervisor) untils() []time.Time {
	list := []time.Time{s.trouble.until}
	for _, slot := range s.slots {
		list = append(list, slot.relapse.until)
	}
	return list
}

// decide starts what is missing, ends what is too much, and recycles what is
// due.
func (s *supervisor) decide(ctx context.Context, now time.Time) {
	if ctx.Err() != nil {
		return
	}
	s.resize(now)
	for _, slot := range s.slots {
		if slot.serving != nil && slot.serving.member != nil {
			slot.relapse.settle(s.pool.opts.Log, now, slot.serving.member)
		}
		if slot.wanted && slot.serving == nil && slot.next == nil && s.mayBegin(slot, now) {
			slot.serving = s.begin(ctx, slot.id, !s.began)
		}
	}
	s.began = true
	s.recycle(ctx, now)
}

// resize has as many slots wanted as there are to be workers.
func (s *supervisor) resize(now time.Time) {
	least, most := s.pool.bounds()
	have := s.wanted()
	want, expected := min(max(have, least), most), 0
	if least < most {
		l := s.load(now, have)
		want = s.scaler.want(now, l, least, most)
		expected = s.scaler.reach(l, most) * l.lanes
	}
	s.pool.expect(expected)
	for ; have < want; have++ {
		s.vacancy().wanted = true
	}
	for ; have > want; have-- {
		slot := s.dispensable(have > most)
		if slot == nil {
			break // all have something to do
		}
		slot.wanted = false
		if slot.serving != nil {
			s.dismiss(slot, slot.serving, "scaled down", order{patient: true})
			slot.serving = nil
		}
	}
}

func (s *supervisor) wanted() (n int) {
	for _, slot := range s.slots {
		if slot.wanted {
			n++
		}
	}
	return n
}

// vacancy returns the first slot that is not wanted, if need be a new one: one
// whose last worker has gone before one whose last worker still drains.
func (s *supervisor) vacancy() *slot {
	var busy *slot
	for _, slot := range s.slots {
		switch {
		case slot.wanted || slot.next != nil:
		case len(slot.leaving) == 0:
			return slot
		case busy == nil:
			busy = slot
		}
	}
	if _, most := s.pool.bounds(); busy != nil && len(s.slots) >= most {
		return busy
	}
	s.slots = append(s.slots, &slot{id: len(s.slots)})
	return s.slots[len(s.slots)-1]
}

// dispensable returns the wanted slot that is missed least, the last of several:
// one without a worker, one whose worker is idle, or, if it must be one, with
// the fewest requests in it. It returns nil if there is none.
func (s *supervisor) dispensable(must bool) (best *slot) {
	fewest := 1
	if must {
		fewest = int(^uint(0) >> 1)
	}
	for _, slot := range slices.Backward(s.slots) {
		if !slot.wanted || slot.next != nil || slot == s.replacing {
			continue
		}
		switch {
		case slot.serving == nil:
			return slot
		case slot.serving.member == nil: // still starting
		default:
			if n := s.pool.inflightOf(slot.serving.member); n < fewest {
				best, fewest = slot, n
			}
		}
	}
	return best
}

// mayBegin says whether slot, which has no worker, may be given one now.
func (s *supervisor) mayBegin(slot *slot, now time.Time) bool {
	switch {
	case slot.relapse.until.After(now) || s.trouble.until.After(now):
		return false
	case s.pool.opts.Recycle.Alone && len(slot.leaving) > 0:
		return false
	case s.trouble.is():
		return !s.isStarting()
	}
	return true
}

func (s *supervisor) isStarting() bool {
	return slices.ContainsFunc(s.slots, func(slot *slot) bool {
		return slot.serving != nil && slot.serving.member == nil || slot.next != nil
	})
}

// begin starts a worker.
func (s *supervisor) begin(ctx context.Context, id int, first bool) *life {
	now := time.Now()
	l := &life{id: id, first: first, orders: make(chan order, 1), begun: now, since: now}
	s.pool.note(l)
	s.alive++
	s.lives.Go(func() { s.live(ctx, l) })
	return l
}

// dismiss has l, slot's, drain by a policy.
func (s *supervisor) dismiss(slot *slot, l *life, policy string, o order) {
	s.pool.become(l, Draining)
	s.pool.mu.Lock()
	l.why = policy
	s.pool.mu.Unlock()
	l.orders <- o
	slot.leaving = append(slot.leaving, l)
}

// hear takes in what has happened to a life.
func (s *supervisor) hear(ctx context.Context, e event) {
	l, now := e.life, time.Now()
	slot := s.slots[l.id]
	switch e.kind {
	case becameReady:
		s.pool.becomeReady(l, e.member)
		s.trouble.over(s.pool.opts.Log, now)
		s.settleIn(slot, l)
		return
	case notStarted:
		s.pool.become(l, Exited)
		if ctx.Err() == nil && l.first {
			s.pool.noteFailure(e.err)
		}
		if ctx.Err() == nil {
			s.fail(slot, l, e.err, now)
		}
	case exited:
		s.pool.become(l, Exited)
		s.bury(ctx, slot, l, now)
	}
	s.alive--
	s.pool.forget(l)
	s.vacate(slot, l)
}

// settleIn gives l, which has become ready, its place.
func (s *supervisor) settleIn(slot *slot, l *life) {
	if slot.next == l {
		slot.next = nil
		if old := slot.serving; old != nil {
			s.dismiss(slot, old, s.warm.reason(old), order{patient: true, promote: s.warm.candidate == old})
		} else {
			s.replacing = nil // it has gone by itself
		}
		slot.serving = l
	} else if slot == s.replacing {
		s.replacing = nil // the one before has gone first
	}
}

// fail takes in that l did not start. Of the first workers whoever waits for
// them is told, and not the log.
func (s *supervisor) fail(slot *slot, l *life, err error, now time.Time) {
	if l.first {
		s.trouble.tries++
		s.trouble.since = now
		s.trouble.until = now.Add(s.trouble.backOff.Pause(0, s.pool.random))
	} else {
		s.trouble.failed(s.pool, now, l.id, s.serving(), err)
	}
	if slot == s.replacing && slot.next == l {
		s.replacing = nil
		s.warm.candidate = nil
	}
}

// serving is how many workers serve.
func (s *supervisor) serving() (n int) {
	for _, slot := range s.slots {
		if slot.serving != nil && slot.serving.member != nil {
			n++
		}
	}
	return n
}

// bury takes in that l has ended after it had been ready.
func (s *supervisor) bury(ctx context.Context, slot *slot, l *life, now time.Time) {
	m, p := l.member, s.pool
	if ctx.Err() != nil {
		return
	}
	if l == s.warm.candidate {
		s.warm.settle(l.why != "", p.isPromoted(m), now)
	}
	if l.why != "" {
		p.noteRestart(m, l.why, "")
		p.tellEnd(l, now)
		return
	}
	p.noteRestart(m, "", m.worker.Exit().String())
	if !p.isBroken(m) { // which has been logged
		slot.relapse.exited(p, now, m, p.answersOf(m))
	}
}

// tellEnd logs the end of l, which was asked for. It may have come otherwise.
func (p *Pool) tellEnd(l *life, now time.Time) {
	m, level := l.member, slog.LevelInfo
	facts := []any{"worker", l.id, "pid", m.worker.PID(), "why", l.why,
		"requests", p.answersOf(m), "elapsed", now.Sub(m.began).Round(time.Millisecond)}
	if !p.isPromoted(m) { // else it has not exited
		if exit := m.worker.Exit(); exit != (worker.Exit{}) {
			level, facts = slog.LevelWarn, append(facts, "exit", exit.String())
		}
	}
	p.opts.Log.Log(context.Background(), level, "worker ended", facts...)
}

// vacate takes l, which has gone, out of slot.
func (s *supervisor) vacate(slot *slot, l *life) {
	if slot.serving == l {
		slot.serving = nil
	}
	if slot.next == l {
		slot.next = nil
	}
	had := len(slot.leaving)
	slot.leaving = slices.DeleteFunc(slot.leaving, func(other *life) bool { return other == l })
	if slot == s.replacing && len(slot.leaving) < had && slot.serving != nil {
		s.replacing = nil
	}
}

// String says what s has, for tests that fail.
func (s *supervisor) String() string {
	text := ""
	for _, slot := range s.slots {
		text += fmt.Sprintf("%d: wanted %v serving %v next %v leaving %d; ", slot.id, slot.wanted, slot.serving != nil, slot.next != nil, len(slot.leaving))
	}
	return text
}

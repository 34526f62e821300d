package pool

import (
	"bytes"
	"errors"

	"pasted/internal/h1"
)

// A race is a request that two workers have: one that makes no progress, and
// another. The first answer wins, the other is thrown away. The pool's mu guards
// it.
type race struct {
	pool          *Pool
	request       *Request // is on no lane itself until one has won
	first, second *racer
	winner        *racer
}

// A racer stands for the request of a race in one worker. It is the Answer of
// its own Request.
type racer struct {
	Request
	race *race
	over bool // has ended, or has been called off
}

// newRacer returns one that is like r, with a frame of its own: that of r is
// another's as soon as r ends.
func newRacer(t *race, r *Request) *racer {
	x := &racer{race: t}
	x.ID, x.Frame, x.Answer = r.ID, bytes.Clone(r.Frame), x
	x.came, x.line, x.cost, x.Key, x.Priority = r.came, r.line, r.cost, r.Key, r.Priority
	x.racer = x
	return x
}

// repeat has another worker do, too, what l's worker has begun and does not go
// on with, if that may be repeated. It is called on l's loop.
func (l *lane) repeat() {
	p := l.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped || !l.open || !l.member.stalled || len(l.inflight) == 0 || !l.mayRepeatLocked() {
		return
	}
	r, now := l.inflight[0], l.loop.Now()
	if r.cancelled || r.deaths > 0 || r.Body != nil || r.Wants != nil || l.current.request == r && l.current.begun {
		return
	}
	if r.racer != nil && (r.racer.race.winner != nil || r.racer != r.racer.race.first || !r.racer.race.second.over || r.racer.race.second.deaths > 0) {
		return
	}
	kind := kindOf(r.Frame)
	if !p.repeatable(kind) || p.quarantine.holdsKind(kind, now) || !p.budget.take(p.number, p.tryingLocked(), p.leastLocked()) {
		return
	}
	p.tallies.retries++
	t := l.raceLocked(r)
	t.second = newRacer(t, &t.first.Request)
	t.second.came, t.second.avoid = now, l.member
	if l.doubt == mayHold {
		l.member.pulse.turn = t.second
	}
	p.againLocked(&t.second.Request)
	p.giveLocked(now, l.loop)
}

// raceLocked returns the race of r, the first of l, which may be in one already.
func (l *lane) raceLocked(r *Request) *race {
	if r.racer != nil {
		return r.racer.race
	}
	p, t := l.pool, &race{pool: l.pool, request: r}
	x := newRacer(t, r)
	x.number, x.size, x.sentAt, x.slow, x.overdue = r.number, r.size, r.sentAt, r.slow, r.overdue
	x.lane.Store(l)
	l.inflight[0], t.first, r.race = &x.Request, x, t
	if l.current.request == r {
		l.current.request = &x.Request
	}
	if l.member.alone == r {
		l.member.alone = &x.Request
	}
	if r.place > 0 {
		p.deadlines.remove(r)
		p.deadlines.set(&x.Request, r.due)
	}
	r.lane.Store(nil)
	return t
}

// wins says whether x's answer is the one that counts, which from now on it is
// if the other's is not.
func (x *racer) wins() bool {
	t, p := x.race, x.race.pool
	p.mu.Lock()
	if t.winner == x || t.winner != nil {
		p.mu.Unlock()
		return t.winner == x
	}
	t.winner = x
	t.request.lane.Store(x.lane.Load())
	loser := t.first
	if loser == x {
		loser = t.second
	}
	l, number := loser.callOffLocked()
	if x.lane.Load() != nil {
		x.inheritLocked(loser)
	}
	p.mu.Unlock()
	if l != nil {
		l.member.worker.Cancel(l.index, number)
	}
	return true
}

// inheritLocked gives x the deadline of another racer, if that has had one.
func (x *racer) inheritLocked(from *racer) {
	if p := x.race.pool; !from.due.IsZero() {
		p.deadlines.set(&x.Request, from.due)
		p.wakeLocked(x.due)
	}
}

// callOffLocked gives x up, and returns the lane whose worker is to be told, nil
// if none has it. What a worker has still has its deadline: its thread may hang.
func (x *racer) callOffLocked() (l *lane, number uint64) {
	p := x.race.pool
	x.over, x.cancelled = true, true
	p.queue.remove(&x.Request)
	p.again.remove(&x.Request)
	if l = x.lane.Load(); l == nil {
		p.deadlines.remove(&x.Request)
	}
	return l, x.number
}

// Head implements Answer.
func (x *racer) Head(payload []byte, last bool, on *h1.Loop) {
	if x.wins() {
		x.race.request.head(payload, last, on)
	}
}

// Data implements Answer.
func (x *racer) Data(p []byte, last bool, on *h1.Loop) bool {
	return !x.wins() || x.race.request.data(p, last, on)
}

// End implements Answer. One that ends without an answer leaves the other to go
// on; what the application has raised, and a deadline, is for the client.
func (x *racer) End(err error, on *h1.Loop) {
	t, p := x.race, x.race.pool
	final := err == nil || errors.Is(err, ErrFailed) || errors.Is(err, ErrDeadline)
	p.mu.Lock()
	x.over = true
	alone := t.winner == nil && t.first.over && t.second.over
	if x == t.first && !final && !t.second.over {
		t.second.inheritLocked(x)
	}
	p.mu.Unlock()
	if (final || alone) && x.wins() || x.won() {
		t.request.lane.Store(nil)
		t.request.end(err, on)
	}
}

func (x *racer) won() bool {
	x.race.pool.mu.Lock()
	defer x.race.pool.mu.Unlock()
	return x.race.winner == x
}

// cancelRace gives both racers up: nobody waits for the answer.
func (p *Pool) cancelRace(t *race) {
	for _, x := range []*racer{t.first, t.second} {
		p.mu.Lock()
		l, number := x.callOffLocked()
		p.mu.Unlock()
		switch {
		case l == nil:
		case t.request.Interrupt:
			l.member.worker.Expire(l.index, number, true)
		default:
			l.member.worker.Cancel(l.index, number)
		}
	}
}

// callOffRacesLocked takes back what waits to be repeated for m, which makes
// progress again.
func (p *Pool) callOffRacesLocked(m *member) {
	for i := 0; i < len(p.again.waiting); {
		if r := p.again.waiting[i]; r.avoid == m {
			r.racer.callOffLocked()
			continue
		}
		i++
	}
}

package pool

import (
	"fmt"
	"io"
	"log/slog"
	"slices"
	"time"

	"pasted/internal/h1"
)

// Why a request whose worker has died has no answer, or none that is whole.
const (
	// ReasonDied: it was in the application, and may not be repeated.
	ReasonDied = "worker-died"
	// ReasonTwice: two workers have died that had begun it.
	ReasonTwice = "worker-died-twice"
	// ReasonHeld: one like it has killed two workers lately.
	ReasonHeld = "worker-died-held"
	// ReasonBudget: too many others were being repeated.
	ReasonBudget = "worker-died-budget"
)

// A DeathError says why a request has no answer, or none that is whole: its
// worker has died. It wraps ErrDied.
type DeathError struct {
	Worker, PID int
	Reason      string // one of the Reason constants
	Broke       error  // how the worker has broken the protocol; nil: it has not
}

// Error names the worker and the reason.
func (e *DeathError) Error() string {
	text := fmt.Sprintf("worker %d, process %d: %v (%s)", e.Worker, e.PID, ErrDied, e.Reason)
	if e.Broke != nil {
		text += ": " + e.Broke.Error()
	}
	return text
}

// Unwrap gives ErrDied, and how the protocol was broken.
func (e *DeathError) Unwrap() []error {
	if e.Broke == nil {
		return []error{ErrDied}
	}
	return []error{ErrDied, e.Broke}
}

func (l *lane) deathOf(reason string) error {
	return &DeathError{Worker: l.member.id, PID: l.member.worker.PID(), Reason: reason, Broke: l.broke}
}

// tryAgainLocked gives r, which a worker had begun that has died, another try, or
// says why it gets none. If the application has not been called, it may be
// repeated whatever it is, and needs no budget: that is for what the application
// dies of. But it may be what the worker has died of, and counts as such.
func (p *Pool) tryAgainLocked(r *Request, stage stage, now time.Time) (reason string) {
	r.deaths++
	if stage == answered || r.racer != nil {
		return ReasonDied
	}
	kind, called := kindOf(r.Frame), stage == entered
	switch {
	case r.deaths > 1:
		p.quarantineLocked(r, kind, now)
		return ReasonTwice
	case called && !(p.repeatable(kind) && r.rewind()):
		return ReasonDied
	case p.quarantine.holdsKind(kind, now):
		return ReasonHeld
	case called && !p.budget.take(p.number, p.tryingLocked(), p.leastLocked()):
		return ReasonBudget
	}
	p.tallies.retries++
	p.noteLocked(slog.LevelInfo, "request tried again, its worker has died",
		"request", idText(r.ID), "method", kind.method, "path", kind.path)
	r.came = now
	p.remindLocked(r)
	p.againLocked(r)
	return ""
}

// rewind has r's body read from its beginning, and says whether that can be
// done. Nobody reads it meanwhile.
func (r *Request) rewind() bool {
	if !r.bodyRead {
		return true
	}
	body, ok := r.Body.(io.Seeker)
	if !ok {
		return false
	}
	_, err := body.Seek(0, io.SeekStart)
	r.bodyRead = err != nil
	return err == nil
}

// How many requests may be repeated, see budget.
const (
	budgetShare = 5   // one in so many of those that the workers are given
	budgetMost  = 100 // saved up
	budgetFirst = 20  // at the start, before there is traffic
	budgetLeast = 3   // at a time in any case; or what one worker has lanes
)

// A budget keeps repeated requests from being more than a fifth of the traffic,
// beyond a few at a time. So an application that dies of everything is not given
// everything twice. The pool's mu guards it.
type budget struct {
	saved float64
	seen  uint64 // number of the request when saved was brought up to date
}

// take says whether one more request may be repeated, while trying are: least of
// these are free.
func (b *budget) take(number uint64, trying, least int) bool {
	b.saved = min(b.saved+float64(number-b.seen)/budgetShare, budgetMost)
	b.seen = number
	switch {
	case b.saved >= 1:
		b.saved--
		return true
	default:
		return trying < least
	}
}

// tryingLocked returns how many requests are being repeated or wait for that.
func (p *Pool) tryingLocked() int {
	n := len(p.again.waiting)
	for _, m := range p.members {
		if m.alone != nil {
			n++
		}
	}
	return n
}

// leastLocked returns how many may be repeated at a time in any case: what one
// death can need.
func (p *Pool) leastLocked() int {
	least := budgetLeast
	for _, m := range p.members {
		least = max(least, len(m.lanes))
	}
	return least
}

// again holds requests that might kill a worker, for they have been there when
// one died, or are like one that has killed two. They wait for a worker in which
// there is no other such: so that if one of them does, the others are not in it,
// and its second death is not theirs. The pool's mu guards it.
type again struct {
	waiting []*Request // in the order of their coming
}

// againLocked has r wait for a worker in which it is the only one of its kind.
func (p *Pool) againLocked(r *Request) {
	p.again.push(r)
	p.wakeLocked(r.came.Add(p.opts.QueueTimeout))
}

func (a *again) push(r *Request) {
	r.alone, r.waits = true, true
	a.waiting = append(a.waiting, r)
}

// remove takes r out, if it is in.
func (a *again) remove(r *Request) {
	if !r.waits {
		return
	}
	r.waits = false
	a.waiting = slices.DeleteFunc(a.waiting, func(other *Request) bool { return other == r })
}

// takeLate removes and returns the requests that have waited for so long, and
// says when the next will have; zero: never.
func (a *again) takeLate(most time.Duration, now time.Time) (late []*Request, next time.Time) {
	for _, r := range slices.Clone(a.waiting) {
		if due := r.came.Add(most); now.Before(due) {
			next = earlier(next, due)
			continue
		}
		a.remove(r)
		late = append(late, r)
	}
	return late, next
}

// takeAll removes and returns all.
func (a *again) takeAll() []*Request {
	all := a.waiting
	for _, r := range all {
		r.waits = false
	}
	a.waiting = nil
	return all
}

// giveAgainLocked gives what waits in p.again to workers that may have it, as
// assignLocked does, and returns their lanes.
func (p *Pool) giveAgainLocked(now time.Time, on *h1.Loop) (given []*lane) {
	if p.stopped {
		return nil
	}
	for i := 0; i < len(p.again.waiting); {
		r := p.again.waiting[i]
		l := p.pickAloneLocked(r, now)
		if l == nil {
			i++
			continue
		}
		p.again.remove(r)
		l.member.alone = r
		p.assignLocked(l, r, now, on)
		given = append(given, l)
	}
	return given
}

// pickAloneLocked returns the lane that r goes to as the only one of its kind in
// the worker, nil if there is none with room.
func (p *Pool) pickAloneLocked(r *Request, now time.Time) *lane {
	var best *lane
	for _, m := range p.members {
		if m.closed || m.stalled || m.alone != nil || m == r.avoid || best != nil && m.inflight >= best.member.inflight {
			continue
		}
		if l := m.roomLocked(p.pace.ahead(m.budgetLocked()), r, now); l != nil {
			best = l
		}
	}
	return best
}

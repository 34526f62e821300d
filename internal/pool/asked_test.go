package pool_test

import (
	"errors"
	"fmt"
	"time"

	"pasted/internal/h1"
	"pasted/internal/pool"
)

// The paths of requests that do the same to every worker.
const (
	killer  = "/kill"
	sticker = "/stick"
)

// An asked is a request of a sim, its Answer, and what has become of it. The
// sim's mu guards what changes.
type asked struct {
	s            *sim
	n            int
	request      *pool.Request
	method, path string
	key          bool   // it carries an Idempotency-Key
	body         string // that the application reads in pieces
	onceOnly     bool   // the body cannot be read again
	interrupt    bool
	timeout      time.Duration
	came, due    time.Time // due is zero without a timeout

	calls  int  // of the application
	deaths int  // of workers that may have begun it
	inside int  // … and may have called the application for it
	stood  bool // a worker that had begun it stood still
	raised bool // the application did

	of, parts int    // the call whose answer has come, from 1, and how much of that
	whole     bool   // all of it
	full      bool   // Data has refused the next part once
	wrong     string // with the answer
	ends      int
	err       error
	took      time.Duration
	left      bool // its client has, in time
}

// once says whether the application may be called but once.
func (a *asked) once() bool { return a.method == "POST" && !a.key }

// isOutside says whether an answer is that of an asked that has not been in the
// application of a worker that has died.
func isOutside(answer pool.Answer) bool {
	a, known := answer.(*asked)
	if !known {
		return false
	}
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	return a.inside == 0
}

// poison says whether others are like it, each of which kills or holds up whatever
// worker begins it.
func (a *asked) poison() bool { return a.path == killer || a.path == sticker }

// Head implements pool.Answer.
func (a *asked) Head(payload []byte, last bool, _ *h1.Loop) {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	if a.of != 0 {
		a.wrong = "a second answer"
	}
	a.partLocked(payload[len(ok):], last)
}

// Data implements pool.Answer. Each third part finds no room at first.
func (a *asked) Data(p []byte, last bool, _ *h1.Loop) bool {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	if a.full = !a.full && a.parts%3 == 2; a.full {
		a.s.held = append(a.s.held, a)
		return false
	}
	a.partLocked(p, last)
	return true
}

// partLocked takes a part of an answer, which says whose it is.
func (a *asked) partLocked(p []byte, last bool) {
	var n, call, part, parts int
	_, err := fmt.Sscan(string(p), &n, &call, &part, &parts)
	if a.of == 0 {
		a.of = call
	}
	if err != nil || n != a.n || call != a.of || part != a.parts || a.ends > 0 || a.left {
		a.wrong = fmt.Sprintf("part %q behind %d parts of call %d, ended %d times, client left: %v", p, a.parts, a.of, a.ends, a.left)
	}
	a.parts++
	if last && a.parts != parts {
		a.wrong = fmt.Sprintf("%d parts are all of %d", a.parts, parts)
	}
	a.whole = a.parts == parts
}

// End implements pool.Answer.
func (a *asked) End(err error, _ *h1.Loop) {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	a.ends++
	a.err, a.took = err, time.Since(a.came)
	a.s.note("request %d ends: %v", a.n, err)
}

// leave is what its client does, once.
func (a *asked) leave() {
	if a.left {
		return
	}
	inTime := a.s.pool.Cancel(a.request, nil)
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	a.left = inTime
	a.s.note("request %d is left, in time: %v", a.n, inTime)
}

// verdict says what is wrong with how a has ended: once, in time, answered by one
// call, after no more calls than it may have, and with an error only where there
// was that reason.
func (a *asked) verdict() error {
	most := 2
	if a.once() {
		most = 1
	}
	var death *pool.DeathError
	switch {
	case a.wrong != "":
		return errors.New(a.wrong)
	case a.left && a.ends != 0, !a.left && a.ends != 1:
		return fmt.Errorf("ended %d times, client left: %v", a.ends, a.left)
	case a.calls > most:
		return fmt.Errorf("may be called %d times", most)
	case a.left:
		return nil
	case !a.due.IsZero() && a.came.Add(a.took).After(a.due.Add(a.s.slack())):
		return fmt.Errorf("took %v, may take %v", a.took, a.due.Sub(a.came))
	case a.err == nil && !a.whole:
		return fmt.Errorf("ended well with %d parts of an answer", a.parts)
	case a.err == nil, errors.Is(a.err, pool.ErrFailed) && a.raised,
		errors.Is(a.err, pool.ErrDeadline) && a.timeout > 0 && a.took >= a.timeout,
		errors.Is(a.err, pool.ErrBusy) && a.took >= a.s.patience, errors.Is(a.err, pool.ErrStopped) && a.s.over:
		return nil
	case errors.As(a.err, &death) && a.mayDie(death.Reason):
		return nil
	}
	return fmt.Errorf("ended after %v with %w", a.took, a.err)
}

// mayDie says whether a may have ended for this reason.
func (a *asked) mayDie(reason string) bool {
	switch reason {
	case pool.ReasonDied:
		return a.inside > 0 && (a.once() || a.of != 0 || a.onceOnly) || a.deaths > 0 && a.stood
	case pool.ReasonTwice:
		return a.deaths == 2
	case pool.ReasonHeld:
		return a.deaths == 1 && a.poison()
	case pool.ReasonBudget:
		return a.deaths == 1 && a.inside == 1
	}
	return false
}

// slack is how much later than it should a thing may be seen to happen.
func (s *sim) slack() time.Duration { return 3*s.step + 10*time.Millisecond }

package pool

import "time"

// How many lanes of a worker are used, see width.
const (
	widthWindow = 50 * time.Millisecond  // of a worker's time with requests is judged at once
	widthTrial  = 100 * time.Millisecond // the same on trial
	widthLeast  = 20                     // answers in a window, or it says nothing
	widthLease  = 10 * time.Second       // a worker stays narrow before it is compared anew
	widthPause  = 100 * time.Millisecond // between trials, doubled with each that fails, to
	widthPauses = 4 * time.Second
)

// A width decides whether a worker uses all its lanes or the first alone.
//
// Python runs one thread at a time. Where requests compute, further lanes do
// not add to what a worker does, and their threads take the interpreter's lock
// from each other at every system call: a fast application spends as much on
// that as on its answers. Where requests wait, each lane counts. So a worker
// whose lanes do not seem to wait is narrowed on trial, and stays so if its
// answers cost less of the processor and do not become much fewer. What others
// take of the processor meanwhile says nothing about that: the time in which the
// worker waited for its turn there does not count. But several lanes wait at the
// same time, and for each other: where the processors stay as busy, it is enough
// that answers take no longer by the clock. The pool's mu guards it.
type width struct {
	mode  widthMode
	until time.Time     // the end of a lease, or of the pause before a trial
	pause time.Duration // before the next trial, if this one fails
	wide  pacing        // with all lanes, on average
	most  float64       // a narrow worker's able beyond which it is widened
	now   usage
	from  usage // when the window began
	// computes says that requests are quick and mostly compute.
	computes bool
}

type widthMode int

const (
	wide widthMode = iota
	trial
	narrow
)

// A usage is what a worker has done since its start.
type usage struct {
	busy    time.Duration // with at least one request
	answers int
	used    time.Duration // see Worker.Demand
	waited  time.Duration
}

// A pacing is what one answer takes, in seconds: of the worker's time with requests,
// of that in which it could do something, and of the processors.
type pacing struct {
	busy, able, used float64
}

// due says whether a window is complete.
func (w *width) due() bool {
	window := widthWindow
	if w.mode == trial {
		window = widthTrial
	}
	return w.now.busy-w.from.busy >= window
}

// judge ends a window and decides. used and waited are as of this moment; where
// they are not known, all lanes are used.
func (w *width) judge(at time.Time, used, waited time.Duration, known bool) {
	w.now.used, w.now.waited = used, waited
	busy, answers := w.now.busy-w.from.busy, w.now.answers-w.from.answers
	used -= w.from.used
	waited -= w.from.waited
	w.from = w.now

	able := busy
	if used < busy {
		able = max(used, busy-waited)
	}
	fast := answers >= widthLeast && able/time.Duration(answers) < aheadBudget
	w.computes = known && fast && used+waited > busy/2
	each := float64(max(answers, 1))
	pace := pacing{busy.Seconds() / each, able.Seconds() / each, used.Seconds() / each}
	asFast := pace.able < w.wide.able*1.2 || pace.busy <= w.wide.busy && waited > busy/8
	switch {
	case w.mode == wide && w.computes && !at.Before(w.until):
		w.wide.add(pace)
		w.mode = trial
	case w.mode == wide && w.computes:
		w.wide.add(pace)
	case w.mode == trial && fast && pace.used < w.wide.used && asFast:
		w.mode, w.until, w.pause = narrow, at.Add(widthLease), 0
		w.most = 2 * max(w.wide.able, pace.able)
	case w.mode == trial || w.mode == narrow && (!fast || pace.able > w.most):
		w.widen(at)
	case w.mode == narrow && !at.Before(w.until):
		w.mode = wide
	}
}

// add takes one more window into the average.
func (p *pacing) add(q pacing) {
	if p.able == 0 {
		*p = q
	}
	p.busy += (q.busy - p.busy) / 4
	p.able += (q.able - p.able) / 4
	p.used += (q.used - p.used) / 4
}

// widen ends a trial or a lease that has shown itself wrong.
func (w *width) widen(at time.Time) {
	w.pause = min(max(2*w.pause, widthPause), widthPauses)
	w.mode, w.until = wide, at.Add(w.pause)
}

// rest forgets what has been found out: there is nothing to gain any more.
func (w *width) rest() {
	w.mode, w.until, w.pause, w.computes = wide, time.Time{}, 0, false
}

// budgetLocked returns how long a request may wait on a lane of m.
func (m *member) budgetLocked() time.Duration {
	if m.width.computes && len(m.usedLocked()) == 1 {
		return computeBudget
	}
	return aheadBudget
}

// usedLocked returns the lanes of m that get requests.
func (m *member) usedLocked() []*lane {
	if m.width.mode == wide {
		return m.lanes[:m.openLocked()]
	}
	return m.lanes[:1]
}

package pool

import "time"

// How many lanes of a worker are used, see width.
const (
	widthWindow = 50 * time.Millisecond  // of a worker's time with requests is judged at once
	widthLeast  = 20                     // answers in a window, or it says nothing
	widthLease  = 10 * time.Second       // a worker stays narrow before it is compared anew
	widthPause  = 100 * time.Millisecond // between trials, doubled with each that fails, to widthLease
)

// A width decides whether a worker uses all its lanes or the first alone.
//
// Python runs one thread at a time. Where requests compute, further lanes do
// not add to what a worker does, and their threads take the interpreter's lock
// from each other at every system call: a fast application spends as much on
// that as on its answers. Where requests wait, each lane counts. So a worker
// whose lanes do not seem to wait is narrowed on trial, and stays so if it
// answers no fewer requests than before. The pool's mu guards it.
type width struct {
	mode  widthMode
	until time.Time     // the end of a lease, or of the pause before a trial
	pause time.Duration // before the next trial, if this one fails
	rate  float64       // of answers to busy time before the trial
	// computes says that requests are quick and mostly compute.
	computes bool

	now, from usage // what there has been in all, and before this window
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
	demand  time.Duration // see Worker
}

// due says whether a window is complete.
func (w *width) due() bool { return w.now.busy-w.from.busy >= widthWindow }

// judge ends a window and decides. demand is as of this moment; where it is not
// known, all lanes are used.
func (w *width) judge(at time.Time, demand time.Duration, known bool) {
	w.now.demand = demand
	busy := w.now.busy - w.from.busy
	answers := w.now.answers - w.from.answers
	demand -= w.from.demand
	w.from = w.now

	rate := float64(answers) / busy.Seconds()
	fast := answers >= widthLeast && busy/time.Duration(answers) < aheadBudget
	w.computes = known && fast && demand > busy/2
	switch {
	case w.mode == wide && w.computes && !at.Before(w.until):
		w.mode, w.rate = trial, rate
	case w.mode == trial && fast && rate >= w.rate:
		w.mode, w.rate, w.until, w.pause = narrow, rate, at.Add(widthLease), 0
	case w.mode == trial || w.mode == narrow && (!fast || rate < w.rate/2):
		w.widen(at)
	case w.mode == narrow && !at.Before(w.until):
		w.mode = wide
	}
}

// widen ends a trial or a lease that has shown itself wrong.
func (w *width) widen(at time.Time) {
	w.pause = min(max(2*w.pause, widthPause), widthLease)
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
		return m.lanes
	}
	return m.lanes[:1]
}

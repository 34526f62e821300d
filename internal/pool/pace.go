package pool

import "time"

// How many requests a lane gets ahead of time, see pace.
const (
	aheadBudget = 500 * time.Microsecond // the most that a request may wait behind others
	// computeBudget is the same on the only lane of a worker that computes:
	// elsewhere the request would wait for the interpreter's lock instead.
	computeBudget = 4 * time.Millisecond
	slowRequest   = 10 * time.Millisecond // one that took as long lately switches it off
	aheadMost     = 31
	// aheadBytes bounds what is sent ahead on one lane, so that it fits the
	// socket's buffer.
	aheadBytes = 64 << 10
)

// pace measures how fast the application is, and says how many requests a lane
// may hold beyond the one being served: as many as it serves in its budget, and
// none while any recent request was slow: what was sent behind such a one
// waits for it. A process that lost its processor for some milliseconds does
// not make an application slow. The pool's mu guards it.
type pace struct {
	mean time.Duration // moving average of the service time; 0: not measured
	peak time.Duration // recent greatest, decaying
}

// add takes in the service time of one request.
func (p *pace) add(service time.Duration) {
	if p.mean == 0 {
		p.mean = service
	}
	p.mean += (service - p.mean) / 32
	p.peak -= p.peak / 128
	p.peak = max(p.peak, service)
}

// ahead returns how many further requests a lane may hold that has this budget.
func (p *pace) ahead(budget time.Duration) int {
	if p.mean <= 0 || p.peak > slowRequest {
		return 0
	}
	return min(int(budget/p.mean), aheadMost)
}

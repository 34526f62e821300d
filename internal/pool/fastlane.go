package pool

import (
	"math"
	"time"

	"pasted/internal/paths"
)

const (
	fastWindow = 500 * time.Millisecond // over which the quick requests' load is averaged
	fastMemory = 10 * time.Second       // a quick request has come lately
	// keptFrom is from how many lanes on one of them is kept for requests of
	// high priority.
	keptFrom = 4
)

// FastLane says which share of the lanes stays free of slow requests. The zero
// value lets the pool find it out.
type FastLane struct {
	Off   bool
	Share float64 // between 0 and 1; 0: twice what the quick ones need
}

// A fastLane measures what the quick requests need. The pool's mu guards it.
type fastLane struct {
	last  time.Time // a quick request was answered
	since time.Time // of busy
	busy  time.Duration
	load  float64 // lanes that the quick requests keep busy, on average
}

// add takes in the service time of a quick request.
func (f *fastLane) add(now time.Time, service time.Duration) {
	f.last = now
	f.busy += service
	if elapsed := now.Sub(f.since); elapsed >= fastWindow {
		load := f.busy.Seconds() / elapsed.Seconds()
		f.load += (load - f.load) / 2
		f.since, f.busy = now, 0
	}
}

// keep returns how many of so many lanes slow requests leave free. It leaves
// half of them, and one at least, to the slow ones where nobody has said
// otherwise.
func (f *fastLane) keep(how FastLane, lanes int, now time.Time) int {
	switch {
	case how.Off || lanes < 2:
		return 0
	case how.Share > 0:
		return min(max(int(math.Round(how.Share*float64(lanes))), 1), lanes-1)
	case now.Sub(f.last) > fastMemory:
		return 0
	}
	return min(max(int(math.Ceil(2*f.load)), 1), lanes/2)
}

// A census is how many lanes are open, and what they do, and how many may be open
// at most as it is, without those of workers that stand still.
type census struct{ lanes, most, busy, slow int }

func (p *Pool) censusLocked() (c census) {
	for _, m := range p.members {
		if !m.closed && !m.stalled {
			c.lanes += m.openLocked()
			c.most += m.capacityLocked()
			c.busy += m.busy
			c.slow += m.slow
		}
	}
	return c
}

// expect notes how many lanes there may soon be.
func (p *Pool) expect(lanes int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.expected = lanes
}

// mayLocked says whether a request like r may have a lane now, if one has room
// for it.
func (p *Pool) mayLocked(r *Request, now time.Time) bool {
	kept := p.opts.KeepPlace && r.Priority != paths.High
	if !r.slow && !kept {
		return true
	}
	c := p.censusLocked()
	if kept && c.lanes >= keptFrom && c.lanes-c.busy <= 1 {
		return false
	}
	return !r.slow || r.Priority == paths.High || c.slow < c.lanes-p.fast.keep(p.opts.FastLane, c.lanes, now)
}

// slowLocked notes that r, which l serves, is slow.
func (l *lane) slowLocked(r *Request) {
	if !r.slow {
		r.slow = true
		l.member.slow++
	}
}

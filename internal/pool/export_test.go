package pool

import "time"

// Renew makes r another request, as a handler does with its memory.
func (r *Request) Renew(a Answer, id uint64) { r.renew(a, id) }

// SetPace has the pool take the application's requests for so fast.
func (p *Pool) SetPace(mean time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pace = pace{mean: mean, peak: mean}
}

// SetRandom has p's jitter come from random. It is for a pool that does not run yet.
func (p *Pool) SetRandom(random func(n int64) int64) { p.random = random }

// LaneMost is how many requests a lane holds of the fastest application.
const LaneMost = aheadMost + 1

// Narrow has every worker use its first lane alone, until there is a reason to
// use the others.
func (p *Pool) Narrow() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.members {
		m.width.mode, m.width.until = narrow, time.Now().Add(time.Hour)
	}
}

// NewBudget returns a budget's take.
func NewBudget() func(number uint64, trying, least int) bool {
	return (&budget{saved: budgetFirst}).take
}

// A Quarantine is a pool's, alone.
type Quarantine struct{ p *Pool }

// NewQuarantine returns one that holds nothing.
func NewQuarantine() Quarantine { return Quarantine{new(Pool)} }

// Hold notes that a request has killed two workers.
func (q Quarantine) Hold(method, path string, now time.Time) {
	q.p.quarantineLocked(&Request{}, kind{method: method, path: path, known: true}, now)
}

// Holds says whether a request with this frame is held.
func (q Quarantine) Holds(frame []byte, now time.Time) bool { return q.p.quarantine.holds(frame, now) }

// Len is how many are held.
func (q Quarantine) Len() int { return len(q.p.quarantine.held) }

// Occupied returns, for each ID that has a worker, how many it has that start,
// serve and drain.
func (p *Pool) Occupied() map[int][3]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	found := make(map[int][3]int)
	for _, l := range p.lives {
		n := found[l.id]
		switch l.state {
		case Starting:
			n[0]++
		case Ready:
			n[1]++
		case Draining:
			n[2]++
		}
		found[l.id] = n
	}
	return found
}

// MayBecome says whether a worker may go from one state to another.
func MayBecome(from, to State) bool { return from.mayBecome(to) }

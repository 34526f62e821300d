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

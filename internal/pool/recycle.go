package pool

import (
	"context"
	"time"

	"pasted/internal/worker"
)

// Recycle says when a worker is replaced that has done nothing wrong. The zero
// Recycle never does.
type Recycle struct {
	// Requests is after how many answers, Jitter how many more it may be: a
	// random number for each worker. Zero Requests: never.
	Requests, Jitter int
	Age              time.Duration // zero: never
	// RSS and PSS are bytes of resident and of proportional memory, see
	// worker.Memory. Zero: never.
	RSS, PSS int64
	// Alone has a worker end before the one in its place starts; else that is
	// ready first.
	Alone bool
	// Reforks is after how many answers a worker becomes the template of all
	// others, once. Zero: never. Options.Promote is required then.
	Reforks int
}

const (
	weighEach = 5 * time.Second // how often memory is measured
	// lingering is what one recycled worker may have beyond the grace period
	// before the next is recycled although it has not ended.
	lingering = time.Second
)

// The policies that end workers, as Stats and the log have them.
const (
	byRequests = "max_requests"
	byAge      = "max_age"
	byRSS      = "max_memory"
	byPSS      = "max_memory_pss"
	byRefork   = "reforks"
)

// A wear is what a member has been through. The pool's mu guards it.
type wear struct {
	most     uint64 // answers after which it is due; zero: never
	memory   worker.Memory
	heavy    bool // it was over its limit from the start, so that another would be
	promoted bool // it has become the template
}

// newWear returns the wear of a new worker.
func (p *Pool) newWear() (w wear) {
	if n := p.opts.Recycle.Requests; n > 0 {
		w.most = uint64(n + int(p.random(int64(p.opts.Recycle.Jitter)+1)))
	}
	return w
}

// wornLocked has the supervisor look at m, whose answers have become as many as
// it is to give.
func (p *Pool) wornLocked(m *member) {
	if m.answers == m.wear.most {
		p.alert()
	}
}

// A warmth is how far it has come that a worker becomes the template. It is
// the supervisor's own.
type warmth struct {
	candidate *life
	policies  map[*life]string
	over      bool // it has been tried
	since     time.Time
}

// settle takes in that the candidate has ended, whether it was told to become
// the template, and whether it has.
func (w *warmth) settle(told, promoted bool, now time.Time) {
	w.candidate, w.over = nil, told
	if promoted {
		w.since = now
	}
}

// recycle has one worker that is due replaced, if none is being.
func (s *supervisor) recycle(ctx context.Context, now time.Time) {
	s.giveUpOnLingering(now)
	if s.replacing != nil || s.trouble.is() {
		return
	}
	for _, slot := range s.slots {
		l := slot.serving
		if !slot.wanted || l == nil || l.member == nil || slot.next != nil || len(slot.leaving) > 0 {
			continue
		}
		policy := s.dueFor(l, now)
		if policy == "" {
			continue
		}
		s.replacing = slot
		s.warm.policies = map[*life]string{l: policy}
		if policy == byRefork && !s.warm.over {
			s.warm.candidate = l
		}
		if !s.pool.opts.Recycle.Alone {
			slot.next = s.begin(ctx, slot.id, false)
			return
		}
		slot.serving = nil
		s.dismiss(slot, l, policy, order{promote: l == s.warm.candidate})
		return
	}
}

// reason returns the policy that l is recycled by.
func (w *warmth) reason(l *life) string { return w.policies[l] }

// giveUpOnLingering lets the next be recycled when a recycled worker has
// requests that last for very long: it goes on by itself.
func (s *supervisor) giveUpOnLingering(now time.Time) {
	slot := s.replacing
	if slot == nil || slot.serving == nil || len(slot.leaving) == 0 {
		return
	}
	if now.Sub(slot.leaving[len(slot.leaving)-1].since) > s.pool.opts.Grace+lingering {
		s.replacing = nil
	}
}

// dueFor returns the policy by which l is to be replaced now, or "".
func (s *supervisor) dueFor(l *life, now time.Time) string {
	p, m, r := s.pool, l.member, s.pool.opts.Recycle
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case r.Reforks > 0 && !s.warm.over && s.warm.candidate == nil && m.answers >= uint64(r.Reforks):
		return byRefork
	case l.begun.Before(s.warm.since): // it may be the old template's
		return byRefork
	case r.Requests > 0 && m.wear.most > 0 && m.answers >= m.wear.most:
		return byRequests
	case r.Age > 0 && now.Sub(m.began) >= r.Age:
		return byAge
	case m.wear.heavy:
		return ""
	case r.RSS > 0 && m.wear.memory.RSS > r.RSS:
		return byRSS
	case r.PSS > 0 && m.wear.memory.PSS > r.PSS:
		return byPSS
	}
	return ""
}

// alert has the supervisor think again. It does not wait.
func (p *Pool) alert() {
	select {
	case p.nudge <- struct{}{}:
	default:
	}
}

// weigh measures the workers' memory until ctx ends, if anyone asks for it.
func (p *Pool) weigh(ctx context.Context) {
	tick := time.NewTicker(weighEach)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		least, most := p.bounds()
		if r := p.opts.Recycle; r.RSS > 0 || r.PSS > 0 || least < most {
			p.weighAll(r.PSS > 0 || least < most)
		}
	}
}

// weighAll measures each worker once.
func (p *Pool) weighAll(pss bool) {
	for _, m := range p.membersNow() {
		if memory, known := m.worker.Memory(pss); known {
			p.mu.Lock()
			m.wear.memory = memory
			p.mu.Unlock()
		}
	}
	p.alert()
}

// weighNew measures m, which has done nothing yet. A limit that it is over
// already cannot be held by another.
func (p *Pool) weighNew(m *member) {
	r := p.opts.Recycle
	if r.RSS == 0 && r.PSS == 0 {
		return
	}
	m.wear.memory, _ = m.worker.Memory(r.PSS > 0)
	option := p.over(m.wear.memory)
	if m.wear.heavy = option != ""; m.wear.heavy {
		p.opts.Log.Warn("a worker is over its limit of memory before it has done anything: it is not recycled for that",
			"worker", m.id, "pid", m.worker.PID(), "option", option, "rss", m.wear.memory.RSS, "pss", m.wear.memory.PSS)
	}
}

// over returns the option whose limit memory is over, or "".
func (p *Pool) over(memory worker.Memory) string {
	switch r := p.opts.Recycle; {
	case r.RSS > 0 && memory.RSS > r.RSS:
		return byRSS
	case r.PSS > 0 && memory.PSS > r.PSS:
		return byPSS
	}
	return ""
}

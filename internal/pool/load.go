package pool

import (
	"runtime"
	"time"

	"pasted/internal/worker"
)

// unbounded is the room of who does not know of a bound.
const unbounded = 1 << 20

// youth is how long a worker may take until its memory can be seen.
const youth = 10 * time.Second

// load measures what there is to do.
func (s *supervisor) load(now time.Time, wanted int) load {
	p := s.pool
	l := load{workers: wanted, cores: p.cores(), used: s.used(now)}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.members {
		if !m.closed {
			l.lanes = max(l.lanes, m.capacityLocked())
		}
		l.requests += m.inflight
	}
	for _, life := range p.lives {
		if life.state == Starting {
			l.starting++
		}
	}
	if l.lanes == 0 {
		l.lanes = max(p.opts.Lanes, 1)
	}
	l.requests += p.queue.length
	for i := range p.queue.lines {
		l.waits = max(l.waits, p.queue.lines[i].waited(now))
	}
	l.room = s.roomLocked(now)
	return l
}

// used returns how many processors the workers have used since the last call.
func (s *supervisor) used(now time.Time) float64 {
	var total time.Duration
	for _, m := range s.pool.membersNow() {
		if cpu, known := m.worker.CPU(); known {
			total += max(0, cpu-m.cpu)
			m.cpu = cpu
		}
	}
	elapsed := now.Sub(s.scaler.measured)
	s.scaler.measured = now
	if elapsed <= 0 || elapsed > time.Minute {
		return 0
	}
	return total.Seconds() / elapsed.Seconds()
}

// cores returns how many processors the workers may use.
func (p *Pool) cores() int {
	if p.opts.Cores > 0 {
		return p.opts.Cores
	}
	return runtime.GOMAXPROCS(0)
}

// roomLocked returns how many more workers there is memory for, by what the
// greatest of them takes. A young one is taken not to have its share yet.
func (s *supervisor) roomLocked(now time.Time) int {
	p := s.pool
	var each int64
	for _, m := range p.members {
		each = max(each, m.wear.memory.PSS)
	}
	available := p.opts.Available
	if available == nil {
		available = worker.Available
	}
	if each == 0 {
		return unbounded // nothing has been measured yet
	}
	if now.Sub(s.looked) >= time.Second {
		s.looked = now
		s.free, s.known = available()
	}
	if !s.known {
		return unbounded
	}
	young := 0
	for _, l := range p.lives {
		if l.state == Starting || l.state == Ready && now.Sub(l.since) < youth {
			young++
		}
	}
	room := max(0, int(s.free/each)-1-young) // one's worth stays free
	if s.scaler.short && now.Sub(s.scaler.told) > time.Minute {
		s.scaler.told = now
		p.opts.Log.Warn("no memory for another worker", "available", s.free, "worker_takes", each)
	}
	return room
}

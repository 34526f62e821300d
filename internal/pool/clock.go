package pool

import (
	"context"
	"time"

	"golang.org/x/sys/unix"
)

// clockRest is the least between two turns of the clock.
const clockRest = time.Millisecond

// A clock knows when the next request will have waited for too long, or be past
// its deadline. The pool's mu guards it, but for kick.
type clock struct {
	at   time.Time     // of the next turn; zero: none
	kick chan struct{} // holds one: at has become earlier
	late []*Request    // refused, and not told yet
}

// wakeLocked has the clock turn at the given time or earlier.
func (p *Pool) wakeLocked(at time.Time) {
	if !p.clock.at.IsZero() && !at.Before(p.clock.at) {
		return
	}
	p.clock.at = at
	select {
	case p.clock.kick <- struct{}{}:
	default:
	}
}

// keepTime ends requests that have waited too long or are past their deadline,
// until over is closed. When ctx has ended it ends all that wait, for no worker
// takes any more; those that workers have still have their deadlines.
func (p *Pool) keepTime(ctx context.Context, over <-chan struct{}) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	stopping := ctx.Done()
	for {
		select {
		case <-stopping:
			stopping = nil
			p.stop(nil)
		case <-over:
			p.stop(nil)
			p.turn(time.Now()) // for those that are refused, and not told yet
			return
		case <-p.clock.kick:
			p.mu.Lock()
			timer.Reset(max(clockRest, time.Until(p.clock.at)))
			p.mu.Unlock()
		case now := <-timer.C:
			if next := p.turn(now); !next.IsZero() {
				timer.Reset(max(clockRest, next.Sub(now)))
			}
		}
	}
}

// turn does what is due and returns when the next is; the zero time for never.
func (p *Pool) turn(now time.Time) time.Time {
	p.mu.Lock()
	over := p.clock.late
	p.clock.late = nil
	lanes, next := p.censusLocked().most, time.Time{}
	for i := range p.queue.lines {
		err := ErrBusy
		if p.queue.lines[i].overloaded {
			err = ErrOverload
		}
		late, due := p.queue.takeLate(i, lanes, p.opts.QueueTimeout, now)
		for _, r := range late {
			r.refusal = err
			p.deadlines.remove(r)
		}
		over = append(over, late...)
		next = earlier(next, due)
	}
	late, due := p.again.takeLate(p.opts.QueueTimeout, now)
	for _, r := range late {
		r.refusal = ErrBusy
		p.deadlines.remove(r)
	}
	over, next = append(over, late...), earlier(next, due)
	past, due := p.deadlines.take(now)
	next = earlier(next, due)
	p.clock.at = next
	hung := p.pastLocked(past, now, &over)
	for _, r := range over {
		p.tallies.refused(r.refusal)
	}
	p.mu.Unlock()
	for _, r := range over {
		r.end(r.refusal, nil)
	}
	for _, m := range hung {
		m.worker.Kill()
	}
	return next
}

// monotonic returns a time as Python's time.monotonic() has it: both are the
// kernel's CLOCK_MONOTONIC.
func (p *Pool) monotonic(t time.Time) float64 {
	return p.bootTime + t.Sub(p.born).Seconds()
}

// bootTime returns what CLOCK_MONOTONIC says now, in seconds.
func bootTime() float64 {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		return 0 // no kernel is without this clock
	}
	return float64(now.Sec) + float64(now.Nsec)/1e9
}

// earlier returns the earlier of two times, of which a zero one is never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

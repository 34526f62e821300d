package pool

import (
	"errors"
	"fmt"
	"os"
	"testing"
	"time"
)

// EachSeed calls play for as many seeds, a tenth of them with -short, in parts
// that run beside each other, and returns when all have run. PASTED_SEED=N in the
// environment has it call play for that seed alone.
func EachSeed(t *testing.T, seeds uint64, play func(t *testing.T, seed uint64)) {
	t.Helper()
	if seed, alone := Replayed(t); alone {
		play(t, seed)
		return
	}
	if testing.Short() {
		seeds /= 10
	}
	const parts = 4
	name := t.Name()
	t.Run("seeds", func(t *testing.T) {
		for part := range uint64(parts) {
			t.Run(fmt.Sprint(part, " of ", parts), func(t *testing.T) {
				t.Parallel()
				for seed := part; seed < seeds && !t.Failed(); seed += parts {
					playOne(t, name, seed, play)
				}
			})
		}
	})
}

// Replayed returns the seed that PASTED_SEED names, if it does.
func Replayed(t *testing.T) (seed uint64, alone bool) {
	text := os.Getenv("PASTED_SEED")
	if text == "" {
		return 0, false
	}
	if _, err := fmt.Sscan(text, &seed); err != nil {
		t.Fatalf("PASTED_SEED: %v", err)
	}
	return seed, true
}

// playOne says how a seed that fails, or panics, is played alone.
func playOne(t *testing.T, name string, seed uint64, play func(t *testing.T, seed uint64)) {
	returned := false
	defer func() {
		if t.Failed() || !returned {
			t.Logf("seed %d failed; to play it alone: PASTED_SEED=%d go test ./internal/pool -run '^%s$' -v", seed, seed, name)
		}
	}()
	play(t, seed)
	returned = true
}

// Amiss compares what p counts with what is there, and says what is wrong. A
// request may wait beyond its bound, or a deadline be past, by slack.
func (p *Pool) Amiss(now time.Time, slack time.Duration) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.amissLocked(now, slack)
}

func (p *Pool) amissLocked(now time.Time, slack time.Duration) error {
	var errs []error
	places := map[*Request]int{}
	for _, m := range p.members {
		errs = append(errs, m.amissLocked(places))
	}
	length := 0
	for i := range p.queue.lines {
		for r := p.queue.lines[i].first; r != nil; r = r.next {
			length++
			places[r]++
			errs = append(errs, p.overstaysLocked(r, r.waiting, now, slack))
		}
	}
	if length != p.queue.length {
		errs = append(errs, fmt.Errorf("the queue counts %d, there are %d", p.queue.length, length))
	}
	for _, r := range p.again.waiting {
		places[r]++
		errs = append(errs, p.overstaysLocked(r, r.waits && r.alone, now, slack))
	}
	for i, r := range p.deadlines {
		if r.place != i+1 || now.Sub(r.due) > slack {
			errs = append(errs, fmt.Errorf("the deadline at %d says it is at %d, and was due %v ago", i+1, r.place, now.Sub(r.due)))
		}
	}
	for r, n := range places {
		if n > 1 {
			errs = append(errs, fmt.Errorf("request %d is in %d places", r.number, n))
		}
	}
	return errors.Join(errs...)
}

func (p *Pool) overstaysLocked(r *Request, marked bool, now time.Time, slack time.Duration) error {
	if waited := now.Sub(r.came); !marked || r.cancelled || waited > p.opts.QueueTimeout+slack {
		return fmt.Errorf("request %d waits for %v, marked as such: %v, cancelled: %v", r.number, waited, marked, r.cancelled)
	}
	return nil
}

// amissLocked is the pool's for one member, and counts where requests are.
func (m *member) amissLocked(places map[*Request]int) error {
	var inflight, busy, slow, overdue, alone int
	for _, l := range m.lanes {
		if len(l.inflight) > 0 {
			busy++
		}
		for _, r := range l.inflight {
			places[r]++
			if !r.revoked {
				inflight++
			}
			if r.slow {
				slow++
			}
			if r.overdue {
				overdue++
			}
			if r.alone {
				alone++
			}
		}
	}
	if inflight != m.inflight || slow != m.slow || overdue != m.overdue || busy != m.busy && !m.closed {
		return fmt.Errorf("worker %d counts %d requests, %d slow, %d overdue, %d lanes busy; there are %d, %d, %d, %d",
			m.id, m.inflight, m.slow, m.overdue, m.busy, inflight, slow, overdue, busy)
	}
	if alone > 1 || alone == 1 && m.alone == nil {
		return fmt.Errorf("worker %d has %d requests that might kill it, and knows of one: %v", m.id, alone, m.alone != nil)
	}
	return nil
}

// Rests says what p still has to do.
func (p *Pool) Rests() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.members {
		if m.inflight > 0 || m.stalled || m.alone != nil {
			return fmt.Errorf("worker %d has %d requests, stands still: %v, has one that might kill it: %v", m.id, m.inflight, m.stalled, m.alone != nil)
		}
		for _, l := range m.lanes {
			if len(l.inflight) > 0 {
				return fmt.Errorf("worker %d has not said what has become of %d requests", m.id, len(l.inflight))
			}
		}
	}
	if n := p.queue.length + len(p.again.waiting) + len(p.deadlines); n > 0 {
		return fmt.Errorf("%d requests wait, %d for a worker of their own, there are %d deadlines", p.queue.length, len(p.again.waiting), len(p.deadlines))
	}
	return nil
}

// Repeats returns the answers of the requests that are being given to a second
// worker, or wait for that, and how many have been given to lanes so far.
func (p *Pool) Repeats() (now []Answer, number uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	repeated := func(r *Request) bool {
		return r != nil && (r.deaths > 0 || r.racer != nil && r.racer == r.racer.race.second)
	}
	for _, r := range p.again.waiting {
		if repeated(r) {
			now = append(now, r.Answer)
		}
	}
	for _, m := range p.members {
		if repeated(m.alone) {
			now = append(now, m.alone.Answer)
		}
	}
	return now, p.number
}

// BudgetFirst, BudgetShare and BudgetLeast are what Repeats is bound by.
const (
	BudgetFirst = budgetFirst
	BudgetShare = budgetShare
	BudgetLeast = budgetLeast
)

package main

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

// A traffic is an open loop: requests that come at their own times (Poisson),
// whatever has become of those before them.
type traffic struct {
	rate float64 // a second; of several steps, that of the first
	// steps change the rate: from each one's time on, it is that many times rate.
	steps []step
	next  func(random *rand.Rand) request
	seed  uint64
}

type step struct {
	at    time.Duration
	times float64
}

// rateAt is the rate at a time since the begin.
func (t traffic) rateAt(at time.Duration) float64 {
	rate := t.rate
	for _, s := range t.steps {
		if at >= s.at {
			rate = t.rate * s.times
		}
	}
	return rate
}

// run sends requests for a time, or until ctx ends, waits for their answers, and
// returns what has become of each.
func (t traffic) run(ctx context.Context, c *client, duration time.Duration) []result {
	random := rand.New(rand.NewPCG(t.seed, 7))
	var (
		mu      sync.Mutex
		results = make([]result, 0, int(t.rate*duration.Seconds())+1024)
		asking  sync.WaitGroup
	)
	began := time.Now()
	var due time.Duration
	for {
		due += time.Duration(random.ExpFloat64() / t.rateAt(due) * float64(time.Second))
		if due >= duration || !waitUntil(ctx, began.Add(due)) {
			break
		}
		q, at := t.next(random), began.Add(due)
		asking.Go(func() {
			r := c.ask(q, at)
			mu.Lock()
			defer mu.Unlock()
			results = append(results, r)
		})
	}
	asking.Wait()
	return results
}

// waitUntil waits for a time and says whether ctx still runs.
func waitUntil(ctx context.Context, at time.Time) bool {
	wait := time.Until(at)
	if wait <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// closed has so many clients ask one request after the other for a time, and
// returns what has become of each.
func closed(ctx context.Context, c *client, clients int, duration time.Duration, next func(*rand.Rand) request) []result {
	ctx, cancel := context.WithTimeout(ctx, duration)
	defer cancel()
	var (
		mu     sync.Mutex
		all    []result
		asking sync.WaitGroup
	)
	for i := range clients {
		asking.Go(func() {
			random := rand.New(rand.NewPCG(uint64(i), 8))
			var mine []result
			for ctx.Err() == nil {
				mine = append(mine, c.ask(next(random), time.Now()))
			}
			mu.Lock()
			defer mu.Unlock()
			all = append(all, mine...)
		})
	}
	asking.Wait()
	return all
}

package main

import (
	"container/heap"
	"math/rand/v2"
	"slices"
	"time"
)

// An arrival is one request of an open loop: when it is due, whether or not those
// before it have been answered, and which of the exchanges it is.
type arrival struct {
	at    time.Duration // since the loop began
	which int
}

// A traffic describes arrivals that know nothing of one another (Poisson).
type traffic struct {
	rate     float64 // a second
	slow     float64 // share of them, from 0 to 1, that are exchange 1; the others are 0
	duration time.Duration
}

// arrivals returns the same ones for the same seed, so that every peer of a round
// gets the same.
func (t traffic) arrivals(seed uint64) []arrival {
	random := rand.New(rand.NewPCG(seed, 1))
	var all []arrival
	var at float64 // seconds
	for {
		at += random.ExpFloat64() / t.rate
		a := arrival{at: time.Duration(at * float64(time.Second))}
		if a.at >= t.duration {
			return all
		}
		if random.Float64() < t.slow {
			a.which = 1
		}
		all = append(all, a)
	}
}

// oneQueue returns how long each arrival takes where all wait in one queue, in
// their order, for the first of so many lanes, and nothing else costs anything:
// what no server with that many lanes can do better without knowing which
// requests will be slow. work is how long each exchange keeps a lane.
func oneQueue(arrivals []arrival, lanes int, work [2]time.Duration) []time.Duration {
	free := make(durations, lanes) // when each lane is free
	took := make([]time.Duration, len(arrivals))
	for i, a := range arrivals {
		end := max(a.at, free[0]) + work[a.which]
		free[0] = end
		heap.Fix(&free, 0)
		took[i] = end - a.at
	}
	return took
}

// durations is a heap, the least first.
type durations []time.Duration

func (d durations) Len() int           { return len(d) }
func (d durations) Less(i, j int) bool { return d[i] < d[j] }
func (d durations) Swap(i, j int)      { d[i], d[j] = d[j], d[i] }
func (d *durations) Push(x any)        { *d = append(*d, x.(time.Duration)) }
func (d *durations) Pop() any {
	last := (*d)[len(*d)-1]
	*d = (*d)[:len(*d)-1]
	return last
}

// fastest returns, sorted, how long the arrivals took that are exchange 0 and
// were due after the warm-up.
func fastest(arrivals []arrival, took []time.Duration, warmUp time.Duration) []time.Duration {
	var fast []time.Duration
	for i, a := range arrivals {
		if a.which == 0 && a.at >= warmUp {
			fast = append(fast, took[i])
		}
	}
	slices.Sort(fast)
	return fast
}

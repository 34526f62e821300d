package main

import (
	"context"
	"errors"
	"runtime"
	"time"
)

// An outcome is how the request of one arrival has ended.
type outcome struct {
	took time.Duration // since it was due, not since it was sent
	err  error
}

// turnLimit is how long a loop waits at most before it looks at the clock.
const turnLimit = 100 * time.Millisecond

// errUnanswered is of requests that have no answer at the end.
var errUnanswered = errors.New("no answer")

// play sends the arrivals' requests when they are due, on kept connections and
// as many new ones as it takes, and waits for the last answers as long as one may
// take.
func (h *herd) play(ctx context.Context, addr string, exchanges []exchange, arrivals []arrival) ([]outcome, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	outcomes := make([]outcome, len(arrivals))
	for i := range outcomes {
		outcomes[i].err = errUnanswered
	}
	requests := make([][]byte, len(exchanges))
	for i, e := range exchanges {
		requests[i] = e.bytes(addr)
	}
	began := time.Now()
	until := answerLimit
	if len(arrivals) > 0 {
		until += arrivals[len(arrivals)-1].at
	}
	next, open := 0, len(arrivals)
	done := func(tag int, err error) {
		outcomes[tag] = outcome{time.Since(began) - arrivals[tag].at, err}
		open--
	}
	for open > 0 && ctx.Err() == nil && time.Since(began) < until {
		for ; next < len(arrivals) && arrivals[next].at <= time.Since(began); next++ {
			a := arrivals[next]
			if err := h.send(requests[a.which], &exchanges[a.which], next); err != nil {
				done(next, err)
			}
		}
		if next < len(arrivals) {
			if err := h.alarm(arrivals[next].at - time.Since(began)); err != nil {
				return nil, err
			}
		}
		if _, err := h.turn(turnLimit, done); err != nil {
			return nil, err
		}
	}
	return outcomes, ctx.Err()
}

// atOnce sends n requests, each on a connection of its own that stays open, and
// returns how many have been answered when all are or limit has passed. No more
// than batch wait at the same time.
func (h *herd) atOnce(ctx context.Context, addr string, e exchange, n, batch int, limit time.Duration) (answered int, err error) {
	request := e.bytes(addr)
	until := time.Now().Add(limit)
	sent, open := 0, 0
	var failed error
	done := func(_ int, err error) {
		open--
		if err == nil {
			answered++
		} else if failed == nil {
			failed = err
		}
	}
	for sent < n || open > 0 {
		for ; sent < n && open < batch; sent++ {
			h.idle = h.idle[:0] // not one that has been used
			if err := h.send(request, &e, sent); err != nil {
				return answered, err
			}
			open++
		}
		left := time.Until(until)
		if left < time.Millisecond || ctx.Err() != nil {
			break
		}
		if _, err := h.turn(left, done); err != nil {
			return answered, err
		}
	}
	return answered, errors.Join(failed, ctx.Err())
}

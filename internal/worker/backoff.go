package worker

import (
	"math/rand/v2"
	"time"
)

// Restarts of a process that exits quickly wait for longer and longer.
const (
	QuickExit  = 5 * time.Second        // a life shorter than this is a quick exit
	freeExits  = 3                      // so many quick exits in a row cost no wait
	firstPause = 200 * time.Millisecond // then this, doubled each time …
	mostPause  = 30 * time.Second       // … up to this
)

// A BackOff says how long to wait before a process is started again. The zero
// value is ready; it is not safe for concurrent use.
type BackOff struct {
	Exits int // quick ones in a row
}

// Exited takes in that a process has exited after having served for so long,
// zero for one that has not become ready, and returns how long to wait before
// the next start: with a tenth of jitter, so that processes that died together
// do not return together.
func (b *BackOff) Exited(lived time.Duration) time.Duration { return b.Pause(lived, rand.Int64N) }

// Pause is Exited with the jitter from random, which gives a number from 0 to n-1.
func (b *BackOff) Pause(lived time.Duration, random func(n int64) int64) time.Duration {
	if lived >= QuickExit {
		b.Exits = 0
		return 0
	}
	b.Exits++
	if b.Exits <= freeExits {
		return 0
	}
	pause := min(firstPause<<min(b.Exits-freeExits-1, 16), mostPause)
	return pause - time.Duration(random(int64(pause/10+1)))
}

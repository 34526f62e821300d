package board

import (
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// RingSize is how many bytes a lane's ring has.
const RingSize = 256 << 10

// Words of a slot that are about the lane's ring.
const (
	run    = 4
	tail   = 5
	freed  = line/word + 1
	asleep = line/word + 2
)

// A Ring is the server's view of the bytes that a lane's worker hands over in
// memory. Its methods are for one goroutine, and not for after the board's Close.
// Nothing of what the worker writes there is trusted: it may change under the
// server's eyes, and so is good for being passed on and for nothing else.
type Ring struct {
	memory []byte
	at     uint64 // what lies before this has been taken

	run, tail, freed, asleep *atomic.Uint64
}

// Ring returns the ring of a lane, which must be asked for once only.
func (b *Board) Ring(lane int) *Ring {
	start := ringsAt(b.lanes) + lane*RingSize
	return &Ring{
		memory: b.memory[start : start+RingSize : start+RingSize],
		run:    b.slot(lane, run), tail: b.slot(lane, tail),
		freed: b.slot(lane, freed), asleep: b.slot(lane, asleep),
	}
}

// ringsAt returns where the rings of so many lanes begin: at a page of their own.
func ringsAt(lanes int) int {
	page := unix.Getpagesize()
	return (Size(lanes) + page - 1) / page * page
}

// Stretch returns the bytes from begin to end, but for those that have been taken
// already; ok is false if there can be no such stretch. They lie there until Free.
func (r *Ring) Stretch(begin, end uint64) (p []byte, ok bool) {
	offset := begin % RingSize
	if end <= begin || end-begin > RingSize-offset {
		return nil, false
	}
	taken := min(max(r.at, begin), end) - begin
	return r.memory[offset+taken : offset+end-begin], true
}

// Free gives the worker its room up to end back: those bytes have been taken.
func (r *Ring) Free(end uint64) {
	r.at = max(r.at, end)
	r.freed.Store(r.at)
}

// More returns where the bytes end that the worker has put behind those taken, in
// the run that begins at begin. It is 0 if there are none: then the worker says so
// when it puts more there.
func (r *Ring) More(begin uint64) (end uint64) {
	if end = r.more(begin); end == 0 && r.run.Load() == begin {
		r.asleep.Swap(1) // with the race detector a Store to memory that is not Go's is no fence
		end = r.more(begin)
	}
	return end
}

func (r *Ring) more(begin uint64) uint64 {
	end := r.tail.Load()
	if r.run.Load() != begin || end <= r.at || end-begin > RingSize-begin%RingSize {
		return 0
	}
	return end
}

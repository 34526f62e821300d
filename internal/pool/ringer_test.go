package pool_test

import (
	"encoding/binary"
	"sync/atomic"
	"testing"
	"time"

	"pasted/internal/wire"
)

// Words of a slot that are about its ring.
const (
	ringRun    = 4
	ringTail   = 5
	ringFreed  = 9
	ringAsleep = 10
)

// A ringer is a worker that puts an answer's bytes in the ring of a lane.
type ringer struct {
	t      testing.TB
	w      *fakeWorker
	lane   int
	number uint64
	memory []byte
	begin  uint64 // of the run, or of the stretch put last
	at     uint64 // where the next piece goes
}

func newRinger(t testing.TB, w *fakeWorker, lane int, f wire.Frame) *ringer {
	size, first := wordOf(w.words, 0, 2-8).Load(), wordOf(w.words, 0, 3-8).Load()
	start := first + uint64(lane)*size
	return &ringer{
		t: t, w: w, lane: lane, number: f.Number, memory: w.words[start : start+size],
		at: max(w.word(lane, ringTail).Load(), size),
	}
}

func (r *ringer) word(index int) *atomic.Uint64 { return r.w.word(r.lane, index) }

// await polls until something is true, and says whether it is before the worker ends.
func (r *ringer) await(what string, is func() bool) bool {
	for deadline := time.Now().Add(60 * time.Second); !is(); time.Sleep(50 * time.Microsecond) {
		select {
		case <-r.w.done:
			return false
		default:
		}
		if time.Now().After(deadline) {
			r.t.Errorf("%s has not come within 60 s", what)
			r.w.end()
		}
	}
	return true
}

// taken waits until nothing is to be read.
func (r *ringer) taken() bool {
	return r.await("the taking of all bytes", func() bool { return r.word(ringFreed).Load() == r.at })
}

// put puts a piece behind the last, if there is room before the ring's end.
func (r *ringer) put(data []byte) bool {
	size := uint64(len(r.memory))
	at, bytes := r.at%size, uint64(len(data))
	if bytes > size-at {
		return false
	}
	if freed := max(r.word(ringFreed).Load(), size); r.at+bytes > freed+size {
		return false
	}
	copy(r.memory[at:], data)
	r.at += bytes
	r.word(ringTail).Store(r.at)
	return true
}

// stretch puts data, as soon as there is room, in one piece, at the ring's begin if need
// be; before is called with where that is.
func (r *ringer) stretch(data string, before func(begin uint64)) bool {
	size := uint64(len(r.memory))
	if left := size - r.at%size; left < uint64(len(data)) {
		r.at += left
	}
	r.begin = r.at
	before(r.begin)
	return r.await("room", func() bool { return r.put([]byte(data)) })
}

// open begins a run, and tells of it.
func (r *ringer) open(data string) bool {
	if !r.stretch(data, r.word(ringRun).Store) {
		return false
	}
	r.tell(0)
	return true
}

// tell sends a frame with what has been put since begin.
func (r *ringer) tell(flags uint8) {
	r.word(ringAsleep).Store(0)
	r.send(wire.Shared, flags, string(places(r.begin, r.at)))
}

// add puts a piece in the run, or, if there is no room, ends it and begins another.
func (r *ringer) add(data string) bool {
	if !r.put([]byte(data)) {
		r.close(0)
		return r.open(data)
	}
	if r.word(ringAsleep).Load() == 1 {
		r.tell(0)
	}
	return true
}

// close ends the run.
func (r *ringer) close(flags uint8) {
	r.word(ringRun).Store(0)
	r.send(wire.Shared, flags, string(places(r.begin, r.at)))
}

func (r *ringer) send(kind wire.Kind, flags uint8, payload string) {
	r.w.send(r.lane, wire.Frame{Kind: kind, Flags: flags, Number: r.number, Payload: []byte(payload)})
}

// places is the payload of a Shared frame.
func places(begin, end uint64) []byte {
	return binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, begin), end)
}

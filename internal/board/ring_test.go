package board_test

import (
	"bytes"
	"context"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"pasted/internal/board"
)

// Words of a slot that are about its ring, the server's in its second line.
const (
	slotRun    = 4
	slotTail   = 5
	slotFreed  = 9
	slotAsleep = 10
)

const (
	size     = uint64(board.RingSize)
	patience = 60 * time.Second // until who waits has failed
)

// slot is a word of a lane's slot.
func (w worker) slot(lane, index int) *atomic.Uint64 { return w.word(1+2*lane, index) }

// ring is a lane's ring, where the board's first line says that it lies.
func (w worker) ring(lane int) []byte {
	bytes, first := w.word(0, 2).Load(), w.word(0, 3).Load()
	start := first + uint64(lane)*bytes
	return w[start : start+bytes : start+bytes]
}

func TestRingsLieWhereTheBoardSays(t *testing.T) {
	const lanes = 3
	b, _, w := open(t, lanes)
	bytes, first := w.word(0, 2).Load(), w.word(0, 3).Load()
	if page := uint64(os.Getpagesize()); bytes != size || first%page != 0 || first < uint64(board.Size(lanes)) || first+lanes*size != uint64(len(w)) {
		t.Fatalf("rings of %d bytes from %d on, in a file of %d", bytes, first, len(w))
	}
	for lane := range lanes {
		r, begin := b.Ring(lane), size+uint64(10*lane)
		copy(w.ring(lane)[10*lane:], "ring "+string(rune('0'+lane)))
		if p, ok := r.Stretch(begin, begin+6); !ok || string(p) != "ring "+string(rune('0'+lane)) {
			t.Errorf("lane %d: Stretch() = %q, %v", lane, p, ok)
		}
		r.Free(begin + 6)
		w.slot(lane, slotRun).Store(begin)
		w.slot(lane, slotTail).Store(begin + 8)
		if end := r.More(begin); end != begin+8 {
			t.Errorf("lane %d: More() = %d, want %d", lane, end, begin+8)
		}
		r.Free(begin + 7)
		w.slot(lane, slotTail).Store(begin + 7)
		if end := r.More(begin); end != 0 {
			t.Errorf("lane %d: More() = %d when all has been taken", lane, end)
		}
		if freed, asleep := w.word(2+2*lane, 1).Load(), w.word(2+2*lane, 2).Load(); freed != begin+7 || asleep != 1 {
			t.Errorf("lane %d: the worker reads %d as freed and %d as asleep, want %d and 1", lane, freed, asleep, begin+7)
		}
	}
}

func TestRingTakesUpNoMemoryBeforeItsUse(t *testing.T) {
	b, file, w := open(t, 100)
	used := func() int64 {
		t.Helper()
		var info unix.Stat_t
		if err := unix.Fstat(int(file.Fd()), &info); err != nil {
			t.Fatal(err)
		}
		return info.Blocks * 512
	}
	first := int64(w.word(0, 3).Load())
	if n := used(); n != first {
		t.Errorf("%d bytes are taken up, want the %d before the rings", n, first)
	}
	r := b.Ring(99)
	w.ring(99)[0] = 'x'
	if n, page := used(), int64(os.Getpagesize()); n != first+page {
		t.Errorf("%d bytes are taken up by one byte in a ring, want %d", n-first, page)
	}
	if p, ok := r.Stretch(size, size+1); !ok || string(p) != "x" {
		t.Errorf("Stretch() = %q, %v", p, ok)
	}
}

// offset returns where in r's memory p begins.
func offset(t *testing.T, r *board.Ring, p []byte) uint64 {
	t.Helper()
	const pass = math.MaxUint64 / size * size // begins the last one, of which nothing has been taken
	all, ok := r.Stretch(pass-size, pass)
	if !ok || uint64(len(all)) != size {
		t.Fatalf("the whole ring: %d bytes, %v", len(all), ok)
	}
	return uint64(uintptr(unsafe.Pointer(unsafe.SliceData(p))) - uintptr(unsafe.Pointer(unsafe.SliceData(all))))
}

func TestStretchIsWhatIsStillToBeTaken(t *testing.T) {
	const most = math.MaxUint64
	for _, c := range []struct {
		name       string
		taken      uint64
		begin, end uint64
		offset     uint64
		length     int // -1: there can be no such stretch
	}{
		{"the first byte", 0, size, size + 1, 0, 1},
		{"the last byte", 0, 2*size - 1, 2 * size, size - 1, 1},
		{"all", 0, size, 2 * size, 0, board.RingSize},
		{"another pass", 3 * size, 5*size + 7, 5*size + 9, 7, 2},
		{"nothing", 0, size, size, 0, -1},
		{"an end before the begin", 0, size + 5, size + 4, 0, -1},
		{"over the ring's end", 0, 2*size - 1, 2*size + 1, 0, -1},
		{"more than the ring", 0, size, 2*size + 1, 0, -1},
		{"some of it taken", size + 5, size + 2, size + 9, 5, 4},
		{"all of it taken", size + 9, size + 2, size + 9, 9, 0},
		{"far behind what is taken", most, size + 2, size + 9, 9, 0},
		{"taken up to the ring's end", 2 * size, size + 2, 2 * size, size, 0},
		{"from place 0", 0, 0, 1, 0, 1},
		{"the last places", 0, most - 1, most, size - 2, 1},
		{"behind the last place", 0, most, 0, 0, -1},
		{"no length", 0, most, most, 0, -1},
		{"all places", 0, 0, most, 0, -1},
		{"half of all places", 0, 1 << 63, most, 0, -1},
	} {
		b, _, _ := open(t, 2)
		r := b.Ring(0)
		r.Free(c.taken)
		p, ok := r.Stretch(c.begin, c.end)
		if ok != (c.length >= 0) || len(p) != max(c.length, 0) {
			t.Errorf("%s: %d bytes, %v, want %d", c.name, len(p), ok, c.length)
		} else if r = b.Ring(0); len(p) > 0 && offset(t, r, p) != c.offset {
			t.Errorf("%s: at %d, want %d", c.name, offset(t, r, p), c.offset)
		}
	}
}

func TestFreedNeverShrinks(t *testing.T) {
	b, _, w := open(t, 1)
	r := b.Ring(0)
	for _, c := range []struct{ end, want uint64 }{{size + 5, size + 5}, {size + 2, size + 5}, {0, size + 5}, {3 * size, 3 * size}} {
		if r.Free(c.end); w.slot(0, slotFreed).Load() != c.want {
			t.Errorf("Free(%d): the worker reads %d, want %d", c.end, w.slot(0, slotFreed).Load(), c.want)
		}
	}
}

func TestMoreIsWhatLiesInTheRunThatGoesOn(t *testing.T) {
	const most, begin = math.MaxUint64, size + 100
	for _, c := range []struct {
		name                    string
		begin, taken, run, tail uint64
		more                    uint64
		asleep                  uint64
	}{
		{"nothing more", begin, begin + 10, begin, begin + 10, 0, 1},
		{"more", begin, begin + 10, begin, begin + 11, begin + 11, 0},
		{"up to the ring's end", begin, begin + 10, begin, 2 * size, 2 * size, 0},
		{"no run", begin, begin + 10, 0, begin + 20, 0, 0},
		{"a later run", begin, begin + 10, begin + 10, begin + 20, 0, 0},
		{"an earlier run", begin, begin + 10, begin - 1, begin + 20, 0, 0},
		{"a run of the next pass", begin, begin + 10, begin + size, begin + size + 5, 0, 0},
		{"a tail before what is taken", begin, begin + 10, begin, begin + 9, 0, 1},
		{"a tail before the begin", begin, begin + 10, begin, begin - 1, 0, 1},
		{"no tail", begin, begin + 10, begin, 0, 0, 1},
		{"a tail over the ring's end", begin, begin + 10, begin, 2*size + 1, 0, 1},
		{"a huge tail", begin, begin + 10, begin, most, 0, 1},
		{"a huge tail and a huge lie before", begin, most, begin, most, 0, 1},
		{"the last places", most - 9, most - 5, most - 9, most, most, 0},
		{"a tail that overflows", most, most, most, 3, 0, 1},
		{"a run from place 0", 0, 1, 0, 9, 9, 0},
	} {
		b, _, w := open(t, 1)
		r := b.Ring(0)
		r.Free(c.taken)
		w.slot(0, slotRun).Store(c.run)
		w.slot(0, slotTail).Store(c.tail)
		if got, asleep := r.More(c.begin), w.slot(0, slotAsleep).Load(); got != c.more || asleep != c.asleep {
			t.Errorf("%s: More() = %d, asleep %d, want %d and %d", c.name, got, asleep, c.more, c.asleep)
		}
	}
}

// TestNothingThatAWorkerWritesLeavesTheRing has each number that could be looked at
// wrongly in the place of each.
func TestNothingThatAWorkerWritesLeavesTheRing(t *testing.T) {
	odd := []uint64{
		0, 1, size - 1, size, size + 1, 2*size - 1, 2 * size, 2*size + 1,
		1<<63 - 1, 1 << 63, math.MaxUint64 - size, math.MaxUint64 - size + 1, math.MaxUint64 - 1, math.MaxUint64,
	}
	b, _, w := open(t, 1)
	look := func(r *board.Ring, begin, end uint64) bool {
		p, ok := r.Stretch(begin, end)
		if len(p) > 0 {
			if at := offset(t, b.Ring(0), p); !ok || at != (end-uint64(len(p)))%size || at+uint64(len(p)) > size || at+uint64(cap(p)) > size {
				t.Errorf("Stretch(%d, %d): %d bytes at %d, with room for %d", begin, end, len(p), at, cap(p))
			}
		}
		return ok
	}
	for _, taken := range odd {
		for _, begin := range odd {
			for _, end := range odd {
				for _, tail := range odd {
					r := b.Ring(0)
					r.Free(taken)
					w.slot(0, slotRun).Store(begin)
					w.slot(0, slotTail).Store(tail)
					if !look(r, begin, end) {
						continue
					}
					r.Free(end)
					if more := r.More(begin); more != 0 && (more != tail || more <= end || !look(r, begin, more)) {
						t.Errorf("%d taken, from %d to %d, tail %d: More() = %d", taken, begin, end, tail, more)
					}
				}
			}
		}
	}
}

// TestRingCarriesAllBytesInOrder has a worker that takes the protocol's steps as
// Python's does, and a server that does so as package pool does. No wake-up may be
// lost: again and again the worker waits until all has been taken.
func TestRingCarriesAllBytesInOrder(t *testing.T) {
	b, _, w := open(t, 2)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	defer func() { cancel(); wg.Wait() }()
	const answers = 20
	f := newFeeder(ctx, w, 1, rand.New(rand.NewPCG(1, 2)))
	wg.Go(func() {
		defer close(f.lane)
		for range answers {
			if !f.answer() {
				if ctx.Err() == nil {
					t.Errorf("what lies in the ring before %d is not taken: a wake-up is lost", f.last)
				}
				return
			}
		}
	})
	s := reader{ring: b.Ring(1), rng: rand.New(rand.NewPCG(3, 4))}
	for n := 0; n < answers; {
		select {
		case frame, open := <-f.lane:
			if !open {
				return // the worker has said why
			}
			if !s.take(frame) {
				t.Fatalf("answer %d: not all bytes before the %dth are right", n, s.bytes)
			}
			if frame.last {
				n++
			}
		case <-time.After(2 * patience):
			t.Fatalf("answer %d, byte %d: nothing comes any more", n, s.bytes)
		}
	}
	wg.Wait()
	if s.bytes != f.bytes {
		t.Errorf("%d bytes came, want %d", s.bytes, f.bytes)
	}
	t.Logf("%d bytes: %d stretches, %d runs (%d wrapped, %d put back to the ring's begin), %d pieces told of and %d not, %d not put there; the server found more %d times",
		f.bytes, f.stretches, f.runs, f.wrapped, f.again, f.tellings, f.silent, f.refused, s.found)
}

// A handed is a Shared frame, or one of another kind, with data.
type handed struct {
	begin, end uint64
	data       []byte
	last       bool
}

// pattern is the stream's byte at this place.
func pattern(at int) byte { return byte(at ^ at>>8*31 ^ at>>16*7) }

// A feeder is a worker's side of a ring, as python/pasted_worker/ring.py has it, and
// what answer.py does with it.
type feeder struct {
	ctx                      context.Context
	rng                      *rand.Rand
	lane                     chan handed
	run, tail, freed, asleep *atomic.Uint64
	memory                   []byte

	begin, at, base, limit, last, read uint64 // as there
	bytes                              int    // that have been sent

	stretches, runs, wrapped, again, tellings, silent, refused int
}

func newFeeder(ctx context.Context, w worker, lane int, rng *rand.Rand) *feeder {
	return &feeder{
		ctx: ctx, rng: rng, lane: make(chan handed, 4), memory: w.ring(lane),
		run: w.slot(lane, slotRun), tail: w.slot(lane, slotTail),
		freed: w.slot(lane, slotFreed), asleep: w.slot(lane, slotAsleep),
		at: size, base: size, read: size,
	}
}

// answer sends an answer's pieces, of all sizes and now and then with a pause, or
// many small ones with a pause behind each: then a wake-up is lost most easily. It is
// false if it has waited in vain.
func (f *feeder) answer() bool {
	n, sizes, pause := 1+f.rng.IntN(60), []int{1, 100, 5000, 5000, 5000, 20_000, 20_000, board.RingSize/2 + 1000}, 8
	if f.rng.IntN(2) == 0 {
		n, sizes, pause = 3000, []int{1}, 1
	}
	for ; n > 0; n-- {
		data := make([]byte, 1+f.rng.IntN(sizes[f.rng.IntN(len(sizes))]))
		for i := range data {
			data[i] = pattern(f.bytes + i)
		}
		if f.bytes += len(data); !f.piece(data, n == 1) {
			return false
		}
		if f.rng.IntN(pause) == 0 && !f.awaitTaken() {
			return false
		}
	}
	return true
}

// piece sends one, the answer's last or not.
func (f *feeder) piece(data []byte, last bool) bool {
	switch {
	case !f.add(data):
	case last:
		return f.send(f.endRun(true))
	case f.asleep.Load() != 0:
		f.tellings++
		return f.send(f.told())
	default:
		f.silent++
		return true
	}
	if f.begin != 0 && !f.send(f.endRun(false)) {
		return false
	}
	switch {
	case !f.open(data):
		f.refused++
		return f.send(handed{data: data, last: last})
	case last:
		f.stretches++
		return f.send(f.endRun(true))
	}
	f.runs++
	return f.send(f.told())
}

func (f *feeder) add(data []byte) bool {
	begin, end := f.at, f.at+uint64(len(data))
	if end > f.limit && !f.grow(end) {
		return false
	}
	copy(f.memory[begin-f.base:end-f.base], data)
	f.at, f.last = end, end
	f.tail.Swap(end) // with the race detector, a Store to memory that is not Go's is no fence
	return true
}

func (f *feeder) open(data []byte) bool {
	begin := f.place(uint64(len(data)))
	if begin == 0 {
		return false
	}
	f.base, f.begin = begin-begin%size, begin
	f.run.Store(begin)
	copy(f.memory[begin-f.base:], data)
	f.at = begin + uint64(len(data))
	f.last = f.at
	f.tail.Store(f.at)
	f.grow(f.at)
	return true
}

func (f *feeder) told() handed {
	f.asleep.Store(0)
	return handed{begin: f.begin, end: f.at}
}

func (f *feeder) endRun(last bool) handed {
	begin := f.begin
	f.begin, f.limit = 0, 0
	f.run.Store(0)
	return handed{begin: begin, end: f.at, last: last}
}

func (f *feeder) grow(end uint64) bool {
	if f.begin != 0 {
		f.limit = min(f.base, max(f.read, f.freed.Load())) + size
	}
	return end <= f.limit
}

func (f *feeder) place(bytes uint64) uint64 {
	begin, freed := f.at, f.freed.Load()
	left := size - begin%size
	switch {
	case bytes > size/2:
		return 0
	case freed == f.last:
		f.again++
		f.read = begin + left%size
		return f.read
	case bytes > left:
		f.wrapped++
		begin += left
	}
	if begin+bytes-max(f.read, freed) > size {
		return 0
	}
	return begin
}

func (f *feeder) send(frame handed) bool {
	select {
	case f.lane <- frame:
		return true
	case <-f.ctx.Done():
		return false
	}
}

// awaitTaken waits until the server has taken what lies in the ring.
func (f *feeder) awaitTaken() bool {
	for began := time.Now(); f.freed.Load() != f.last; {
		if f.ctx.Err() != nil || time.Since(began) > patience {
			return false
		}
		runtime.Gosched()
	}
	return true
}

// A reader is the server's side, as package pool has it.
type reader struct {
	ring  *board.Ring
	rng   *rand.Rand
	bytes int // that have come
	found int // stretches that no frame had told of
}

// take is false if what comes is not what has been put there.
func (s *reader) take(f handed) bool {
	if f.data != nil {
		return s.pass(f.data)
	}
	p, ok := s.ring.Stretch(f.begin, f.end)
	for end := f.end; ok; {
		if s.rng.IntN(4) == 0 {
			runtime.Gosched()
			return s.take(f) // the client had no room for p: all is looked at again
		}
		if !s.pass(p) {
			return false
		}
		s.ring.Free(end)
		if f.last {
			return true
		}
		if end = s.ring.More(f.begin); end == 0 {
			return true
		}
		p, ok = s.ring.Stretch(f.begin, end)
		s.found++
	}
	return false
}

func (s *reader) pass(p []byte) bool {
	want := make([]byte, len(p))
	for i := range want {
		want[i] = pattern(s.bytes + i)
	}
	s.bytes += len(p)
	return bytes.Equal(p, want)
}

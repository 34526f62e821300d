package board_test

import (
	"os"
	"sync/atomic"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"pasted/internal/board"
)

// A worker is the other side: the board's file, mapped a second time with its rings.
type worker []byte

func (w worker) word(line, index int) *atomic.Uint64 {
	return (*atomic.Uint64)(unsafe.Pointer(&w[64*line+8*index]))
}

func open(t *testing.T, lanes int) (*board.Board, *os.File, worker) {
	t.Helper()
	b, file, err := board.New(lanes)
	if err != nil {
		t.Fatal(err)
	}
	info, err := file.Stat()
	if err != nil {
		t.Fatal(err)
	}
	memory, err := unix.Mmap(int(file.Fd()), 0, int(info.Size()), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		b.Close()
		file.Close()
		_ = unix.Munmap(memory)
	})
	return b, file, memory
}

func TestLayoutIsWhatTheWorkerReads(t *testing.T) {
	b, _, w := open(t, 3)
	if v := w.word(0, 0).Load(); v != 3 {
		t.Errorf("version %d, want 3", v)
	}
	for lane := range 3 {
		w.word(1+2*lane, 0).Store(uint64(10 + lane))
		w.word(1+2*lane, 1).Store(uint64(20 + lane))
		if got := b.Revoke(lane, uint64(30+lane)); got != uint64(10+lane) {
			t.Errorf("lane %d: Revoke() = %d, want %d", lane, got, 10+lane)
		}
		if got := w.word(2+2*lane, 0).Load(); got != uint64(30+lane) {
			t.Errorf("lane %d: the worker reads %d as revoked, want %d", lane, got, 30+lane)
		}
		if b.Started(lane) != uint64(10+lane) || b.Ended(lane) != uint64(20+lane) {
			t.Errorf("lane %d: started %d, ended %d", lane, b.Started(lane), b.Ended(lane))
		}
	}
}

func TestReachedIsWhatWasEnteredAndBegunWhatWasNotSkipped(t *testing.T) {
	b, _, w := open(t, 2)
	look := func(when string, number uint64, begun, reached bool) {
		t.Helper()
		if gotBegun, gotReached := b.Begun(1, number), b.Reached(1, number); gotBegun != begun || gotReached != reached {
			t.Errorf("%s, of request %d: begun %v, reached %v, want %v and %v", when, number, gotBegun, gotReached, begun, reached)
		}
	}
	w.word(3, 3).Store(4)
	w.word(3, 0).Store(5)
	look("5 has begun", 4, true, true)
	look("5 has begun", 5, true, false)
	look("5 has begun", 6, false, false)
	w.word(3, 2).Store(5)
	look("5 was skipped", 5, false, false)
	w.word(3, 0).Store(6)
	w.word(3, 3).Store(6)
	look("6 was entered", 6, true, true)
	look("6 was entered", 7, false, false)
}

func TestProgressChangesWithBeatsAndRequests(t *testing.T) {
	b, _, w := open(t, 2)
	seen := map[uint64]bool{b.Progress(): true}
	for _, word := range []*atomic.Uint64{w.word(0, 1), w.word(1, 0), w.word(1, 1), w.word(3, 0)} {
		word.Add(1)
		if p := b.Progress(); seen[p] {
			t.Errorf("Progress() = %d again", p)
		} else {
			seen[p] = true
		}
	}
}

// TestWorkerCannotTakeTheMemoryAway: the server would die of the next look.
func TestWorkerCannotTakeTheMemoryAway(t *testing.T) {
	_, file, _ := open(t, 2)
	for _, size := range []int64{0, 64, 1 << 20} {
		if err := file.Truncate(size); err == nil {
			t.Errorf("the file can be made %d bytes long", size)
		}
	}
}

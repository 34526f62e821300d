// Package board is the scoreboard of one worker: memory that the server and one
// Python process share, in which each says, without a system call, what it has
// done with the requests of a lane. It knows the layout and what a reader may
// conclude; it knows nothing of sockets, frames or processes.
//
// # Layout
//
// All words are of 64 bits in the machine's order. A line of 64 bytes comes
// first, then two for each lane, its slot:
//
//	line      word  written by  what
//	0         0     server      version of the layout, 2
//	          1     worker      beat: grows while the worker makes progress
//	1 + 2 i   0     worker      started: the request that lane i has begun last
//	          1     worker      ended: the one that it has done with last
//	          2     worker      skipped: the one that it has refused last
//	          3     worker      entered: the one that it has called the application for last
//	2 + 2 i   0     server      revoked: the last one that lane i must not begin
//
// # Protocol
//
// The numbers of a lane's requests grow in the order in which they are sent, and
// the worker takes them in that order. Before it calls the application for
// request n, the worker stores n in started, passes a full fence, and reads
// revoked: if that is n or more, it stores n in skipped and does not call the
// application. Else it makes all ready, and stores n in entered as the very last
// thing before the call; what it does not call the application for, because it has
// failed before, or its client has left, or its deadline is past, it never stores
// there. To take back all requests up to n that the lane has not begun,
// the server stores n in revoked, with a full fence behind it, and reads started:
// those above it are the server's again, for the worker will find them revoked;
// of the one that stands there it waits for the answer, or for the word that it
// has been skipped. When the answer of n has been sent and nothing is left to do
// for it, the worker stores n in ended.
//
// After the process has gone, entered tells the last request that may have reached
// the application, and started the last one that the process may have died of,
// unless that stands in skipped too. A plain store of entered is enough, without a
// fence, for nobody reads it before: the call comes behind it in the order of its
// thread, and what a thread has stored in shared memory before it was stopped is
// there, in whatever order others would have seen it, when its process has been
// reaped.
package board

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	version = 2
	line    = 64 // bytes of a cache line, so that nobody waits for another's
	word    = 8

	beat    = 1 // words of the first line
	started = 0 // words of a slot
	ended   = 1
	skipped = 2
	entered = 3
	revoked = line / word
)

// A Board is the server's view of one worker's scoreboard. Its methods but Close
// may be called from any goroutine; none after Close.
type Board struct {
	memory []byte
	lanes  int
}

// New returns the board of a worker with so many lanes, and the file that the
// worker is to map. The caller closes both. The file's size is sealed: a worker
// cannot take the memory away under the server.
func New(lanes int) (*Board, *os.File, error) {
	size := Size(lanes)
	fd, err := unix.MemfdCreate("pasted scoreboard", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, nil, fmt.Errorf("scoreboard: memfd_create: %w", err)
	}
	file := os.NewFile(uintptr(fd), "scoreboard")
	memory, err := prepare(fd, size)
	if err != nil {
		file.Close()
		return nil, nil, fmt.Errorf("scoreboard: %w", err)
	}
	b := &Board{memory: memory, lanes: lanes}
	b.at(0, 0).Store(version)
	return b, file, nil
}

// Size returns how many bytes the board of so many lanes has.
func Size(lanes int) int { return line * (1 + 2*lanes) }

// prepare gives the file its pages, which a full memory would otherwise refuse
// at the first use, by a signal.
func prepare(fd, size int) ([]byte, error) {
	if err := unix.Fallocate(fd, 0, 0, int64(size)); err != nil {
		return nil, fmt.Errorf("fallocate: %w", err)
	}
	seals := unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_SEAL
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, seals); err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	memory, err := unix.Mmap(fd, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("mmap: %w", err)
	}
	return memory, nil
}

// at returns a word, which lies at a multiple of its size.
func (b *Board) at(start, index int) *atomic.Uint64 {
	bytes := b.memory[start+index*word:][:word]
	return (*atomic.Uint64)(unsafe.Pointer(unsafe.SliceData(bytes)))
}

func (b *Board) slot(lane, index int) *atomic.Uint64 {
	if lane < 0 || lane >= b.lanes {
		panic(errors.New("scoreboard: no such lane"))
	}
	return b.at(line*(1+2*lane), index)
}

// Started returns the number of the request that the lane has begun last, 0 if
// it has begun none.
func (b *Board) Started(lane int) uint64 { return b.slot(lane, started).Load() }

// Ended returns the number of the request that the lane has done with last.
func (b *Board) Ended(lane int) uint64 { return b.slot(lane, ended).Load() }

// Revoke takes back the requests of the lane up to number, and returns the last
// one that it has begun: those above that are the caller's again, the application
// never sees them.
func (b *Board) Revoke(lane int, number uint64) (begun uint64) {
	b.slot(lane, revoked).Store(number)
	return b.slot(lane, started).Load()
}

// Reached says, of a process that has gone, whether the request with this
// number may have reached the application. It must have been the lane's, and the
// process not have told how it has ended.
func (b *Board) Reached(lane int, number uint64) bool {
	return number <= b.slot(lane, entered).Load()
}

// Begun says, of the same, whether the process has begun the request, so that it
// may have died of it.
func (b *Board) Begun(lane int, number uint64) bool {
	return number <= b.Started(lane) && number != b.slot(lane, skipped).Load()
}

// Progress returns a number that changes while the worker makes progress: its
// threads get their turn, or requests begin and end.
func (b *Board) Progress() uint64 {
	sum := b.at(0, beat).Load()
	for lane := range b.lanes {
		sum += b.Started(lane) + b.Ended(lane)
	}
	return sum
}

// Close gives the memory back.
func (b *Board) Close() {
	_ = unix.Munmap(b.memory)
	b.memory = nil
}

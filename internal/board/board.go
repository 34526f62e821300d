// Package board is the scoreboard of one worker: memory that the server and one
// Python process share, in which each says, without a system call, what it has
// done with the requests of a lane, and in which the worker hands over bytes of its
// answers. It knows the layout and what a reader may conclude; it knows nothing of
// sockets, frames or processes.
//
// # Layout
//
// All words are of 64 bits in the machine's order. A line of 64 bytes comes
// first, then two for each lane, its slot, and then, from a page's begin on, the
// rings, one for each lane:
//
//	line      word  written by  what
//	0         0     server      version of the layout, 3
//	          1     worker      beat: grows while the worker makes progress
//	          2     server      bytes of a ring; 0: there are none
//	          3     server      where the first one begins, in bytes
//	1 + 2 i   0     worker      started: the request that lane i has begun last
//	          1     worker      ended: the one that it has done with last
//	          2     worker      skipped: the one that it has refused last
//	          3     worker      entered: the one that it has called the application for last
//	          4     worker      run: where in the ring the run begins that goes on; 0: none does
//	          5     worker      tail: where in the ring the next bytes are put
//	2 + 2 i   0     server      revoked: the last one that lane i must not begin
//	          1     server      freed: where in the ring the bytes begin that are still to be read
//	          2     both        asleep: 1 if the server waits to be told of more in the run
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
//
// # Rings
//
// A ring has bytes of answers' bodies, which the worker puts there and the server
// passes on from there: so they are copied once less than through the lane, and a
// stream's small pieces need no system call each. Places in a ring are numbers that
// grow with each byte, from the ring's size on; a place's byte lies at its remainder
// by that size. What is put at a time lies in one piece: where that does not fit
// before the ring's end, the next place is the ring's begin, and it may be that as
// well while nothing is to be read. The worker never puts anything at a ring's size or
// more behind the first byte that is still to be read.
//
// A Shared frame on the lane (package wire) says where bytes begin and end; when the
// server has passed them on, it stores their end in freed. Frames alone say what
// comes when: those of other kinds may stand between.
//
// A run is a stretch of which the server takes more than it is told of. The worker
// stores in run where it begins, with a full fence behind, and sends a Shared frame
// with the first of its bytes. For each further piece it stores the bytes and, behind
// them for everybody, the new end in tail, passes a full fence, and reads asleep: only
// if that is 1 it makes it 0 and sends a frame again, from the run's begin to its end.
// The server, having passed on what a frame says, reads tail and then run: as long as
// the frame's begin stands there, what lies before tail is this run's, and it takes
// that too. When nothing is left, it stores 1 in asleep, with a full fence behind, and
// looks once more, before it waits for the lane. The worker ends a run by another
// value in run, and sends a frame up to its end before any other of the answer's body;
// places are never used twice, and so a run is told from all others by where it begins.
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
	version = 3
	line    = 64 // bytes of a cache line, so that nobody waits for another's
	word    = 8

	beat     = 1 // words of the first line
	ringSize = 2
	rings    = 3
	started  = 0 // words of a slot
	ended    = 1
	skipped  = 2
	entered  = 3
	revoked  = line / word
)

// A Board is the server's view of one worker's scoreboard. Its methods but Close
// may be called from any goroutine; none after Close.
type Board struct {
	memory []byte
	lanes  int
}

// New returns the board of a worker with so many lanes, and the file that the
// worker is to map. The caller closes both. The file's size is sealed: a worker
// cannot take the memory away under the server. A ring takes up memory when it is
// used first.
func New(lanes int) (*Board, *os.File, error) {
	fd, err := unix.MemfdCreate("pasted scoreboard", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, nil, fmt.Errorf("scoreboard: memfd_create: %w", err)
	}
	file := os.NewFile(uintptr(fd), "scoreboard")
	memory, err := prepare(fd, Size(lanes), ringsAt(lanes)+lanes*RingSize)
	if err != nil {
		file.Close()
		return nil, nil, fmt.Errorf("scoreboard: %w", err)
	}
	b := &Board{memory: memory, lanes: lanes}
	b.at(0, 0).Store(version)
	b.at(0, ringSize).Store(RingSize)
	b.at(0, rings).Store(uint64(ringsAt(lanes)))
	return b, file, nil
}

// Size returns how many bytes the board of so many lanes has, without its rings.
func Size(lanes int) int { return line * (1 + 2*lanes) }

// prepare gives the file its size, and its first bytes their pages, which a full
// memory would otherwise refuse at the first use, by a signal.
func prepare(fd, first, size int) ([]byte, error) {
	if err := unix.Ftruncate(fd, int64(size)); err != nil {
		return nil, fmt.Errorf("ftruncate: %w", err)
	}
	if err := unix.Fallocate(fd, 0, 0, int64(first)); err != nil {
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
	b.slot(lane, revoked).Swap(number) // with the race detector a Store to memory that is not Go's is no fence
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

// Close gives the memory back, that of the rings also where others still have it
// mapped: a process that has become a template, or was forked by the worker.
func (b *Board) Close() {
	_ = unix.Madvise(b.memory[ringsAt(b.lanes):], unix.MADV_REMOVE)
	_ = unix.Munmap(b.memory)
	b.memory = nil
}

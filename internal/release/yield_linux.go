package release

import (
	"os"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// resetOnFork is SCHED_RESET_ON_FORK of sched_setscheduler(2).
const resetOnFork = 0x40000000

// yield has the server's threads wait for their turn at a processor, or, as is
// usual, get one as soon as they have something to do (sched(7), SCHED_BATCH).
//
// While the workers use the processors up, each answer would wake the server,
// which would take a worker's processor away, to send that one answer: in its
// turn, it sends many. Clients wait no longer, for it is the workers that they
// wait for. Threads that are started meanwhile, and processes, are as usual. A
// system that does not allow it leaves everything as it is.
func yield(on bool) {
	policy := uintptr(unix.SCHED_NORMAL | resetOnFork)
	if on {
		policy = unix.SCHED_BATCH | resetOnFork
	}
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return
	}
	for _, thread := range threads {
		if id, err := strconv.Atoi(thread.Name()); err == nil {
			var priority int32
			_, _, _ = unix.RawSyscall(unix.SYS_SCHED_SETSCHEDULER, uintptr(id), policy, uintptr(unsafe.Pointer(&priority)))
		}
	}
}

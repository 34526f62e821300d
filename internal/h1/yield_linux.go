package h1

import (
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Yield has the loop's thread wait for its turn at a processor, or, with false,
// get one as soon as it has something to do, as is usual (sched(7), SCHED_BATCH
// and SCHED_OTHER). Everyone may call it. It does nothing where someone has
// chosen another policy for the process, or the system does not allow it.
//
// It is for when others use up the processors, and what clients wait for is
// those others: each answer would wake the loop, which would take a processor
// from them to send that one; in its turn, it sends many.
func (l *Loop) Yield(on bool) {
	l.Post(func() {
		if on == l.yields {
			return
		}
		l.yields = on
		if on {
			runtime.LockOSThread() // no process that others start is to inherit it
			changePolicy(unix.SCHED_NORMAL, unix.SCHED_BATCH)
		} else {
			changePolicy(unix.SCHED_BATCH, unix.SCHED_NORMAL)
			runtime.UnlockOSThread()
		}
	})
}

// changePolicy changes the scheduling policy of this thread if it has the first.
func changePolicy(from, to int) {
	if policy() == from {
		setPolicy(to)
	}
}

// policy returns the scheduling policy of this thread, and a negative number
// where the system does not tell.
func policy() int {
	policy, _, errno := unix.RawSyscall(unix.SYS_SCHED_GETSCHEDULER, 0, 0, 0)
	if errno != 0 {
		return -1
	}
	return int(policy)
}

func setPolicy(policy int) {
	var priority int32 // of these policies all have the same
	_, _, _ = unix.RawSyscall(unix.SYS_SCHED_SETSCHEDULER, 0, uintptr(policy), uintptr(unsafe.Pointer(&priority)))
}

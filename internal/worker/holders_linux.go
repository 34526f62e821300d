package worker

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// looks is how often the threads are looked at, lookEach apart: who waits
	// for the interpreter's lock wakes up every 5 ms to ask for it.
	looks    = 4
	lookEach = 3 * time.Millisecond
	// mostLooks is how often it is looked while one of several has woken up and gets
	// no processor to ask with.
	mostLooks = 30
)

// Holders returns which of lanes, whose requests are all in the application, may
// keep the others from the interpreter's lock: those whose threads wait for no
// lock. Of a process that is stopped, that is none. It says false where the system
// or the interpreter does not tell, or where all wait. It takes some 10 ms, and up to
// 100 where the processors are busy.
func (w *Worker) Holders(lanes []int) (holders []int, known bool) {
	if stopped(w.PID()) {
		return nil, true
	}
	holders = slices.Clone(lanes)
	before := w.onProcessor()
	for look := 0; look < looks || look < mostLooks && len(holders) > 1 && w.starves(holders, before); look++ {
		if look > 0 {
			time.Sleep(lookEach)
		}
		for i := len(holders) - 1; i >= 0; i-- {
			if holders[i] >= len(w.threads) {
				return nil, false
			}
			waits, known := waitsForLock(w.threads[holders[i]])
			switch {
			case !known:
				return nil, false
			case waits:
				holders = slices.Delete(holders, i, i+1)
			}
		}
	}
	return holders, len(holders) > 0
}

// onProcessor returns how long the lanes' threads have been on a processor.
func (w *Worker) onProcessor() (times []time.Duration) {
	for _, folder := range w.threads {
		on, _, _ := schedstat(folder + "schedstat")
		times = append(times, on)
	}
	return times
}

// starves says whether the thread of one of lanes could run and has not since before.
func (w *Worker) starves(lanes []int, before []time.Duration) bool {
	now := w.onProcessor()
	return slices.ContainsFunc(lanes, func(i int) bool {
		return now[i] == before[i] && stateIn(w.threads[i]) == 'R'
	})
}

// stopped says whether a process stands still by a signal, or for a debugger.
func stopped(pid int) bool {
	state := stateIn(fmt.Sprintf("/proc/%d/", pid))
	return state == 'T' || state == 't'
}

// stateIn returns the letter that a folder of /proc has for a process or a thread,
// 0 if it cannot be read.
func stateIn(folder string) byte {
	data, _ := os.ReadFile(folder + "stat")
	i := bytes.LastIndexByte(data, ')') // behind the name, which may hold anything
	if i < 0 || i+2 >= len(data) {
		return 0
	}
	return data[i+2]
}

// waitsForLock says whether the thread with this folder is in futex(2), as the
// lock of CPython has it. One that waits for a page of its memory does neither.
func waitsForLock(folder string) (waits, known bool) {
	data, err := os.ReadFile(folder + "syscall")
	if err != nil || len(data) == 0 { // the system keeps it from us, or has none
		return waitsInKernel(folder)
	}
	first, _, _ := bytes.Cut(bytes.TrimSpace(data), []byte(" "))
	if string(first) == "running" {
		return false, true
	}
	call, err := strconv.Atoi(string(first))
	return call == unix.SYS_FUTEX, err == nil && call >= 0
}

// waitsInKernel is waitsForLock by the name of the kernel's function.
func waitsInKernel(folder string) (waits, known bool) {
	where, err := os.ReadFile(folder + "wchan")
	switch {
	case err != nil:
		return false, false
	case len(where) == 0 || string(where) == "0":
		return false, stateIn(folder) == 'R'
	}
	return bytes.Contains(where, []byte("futex")), true
}

package worker

import (
	"bytes"
	"fmt"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"pasted/internal/marshal"
)

// noteThreads takes the numbers of the threads that serve the lanes from what
// the worker says of itself: Python tells them from 3.8 on.
func (w *Worker) noteThreads(ready marshal.Dict) {
	list, _ := ready.Get("threads")
	numbers, _ := list.([]any)
	for _, number := range numbers {
		if n, ok := number.(int64); ok {
			w.threads = append(w.threads, fmt.Sprintf("/proc/%d/task/%d/", w.PID(), n))
		}
	}
}

// Demand returns the processor time that the threads of the worker's lanes have
// used since its start, and that for which they have waited for a processor
// though they could have run. It says false where the interpreter or the system
// does not tell.
func (w *Worker) Demand() (used, waited time.Duration, known bool) {
	for _, folder := range w.threads {
		on, off, ok := schedstat(folder + "schedstat")
		if !ok {
			return 0, 0, false
		}
		used += on
		waited += off
	}
	return used, waited, len(w.threads) > 0
}

// schedstat reads such a file. It is asked for so often that what os.ReadFile does
// about descriptors that might have to be waited for would cost more than the rest.
func schedstat(path string) (on, off time.Duration, ok bool) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0, 0, false
	}
	defer unix.Close(fd)
	var buffer [128]byte
	n, err := unix.Read(fd, buffer[:])
	if err != nil {
		return 0, 0, false
	}
	fields := bytes.Fields(buffer[:n]) // on a processor, waiting for one, turns
	if len(fields) < 2 {
		return 0, 0, false
	}
	used, err1 := strconv.ParseInt(string(fields[0]), 10, 64)
	waited, err2 := strconv.ParseInt(string(fields[1]), 10, 64)
	return time.Duration(used), time.Duration(waited), err1 == nil && err2 == nil
}

package worker

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

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
		data, err := os.ReadFile(folder + "schedstat")
		if err != nil {
			return 0, 0, false
		}
		fields := strings.Fields(string(data)) // on a processor, waiting for one, turns
		if len(fields) < 2 {
			return 0, 0, false
		}
		on, err1 := strconv.ParseInt(fields[0], 10, 64)
		off, err2 := strconv.ParseInt(fields[1], 10, 64)
		if err1 != nil || err2 != nil {
			return 0, 0, false
		}
		used += time.Duration(on)
		waited += time.Duration(off)
	}
	return used, waited, len(w.threads) > 0
}

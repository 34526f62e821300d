package main

import (
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A usage is the processor time that has been used up to now.
type usage struct {
	at   time.Time
	all  time.Duration // by the whole machine, since it was started
	ours time.Duration // by this process and its children that have been reaped
}

// tick is the unit of /proc/stat on all of Linux's usual machines.
const tick = 10 * time.Millisecond

// readUsage reads it. What cannot be read is 0.
func readUsage() usage {
	u := usage{at: time.Now()}
	stat, _ := os.ReadFile("/proc/stat")
	line, _, _ := strings.Cut(string(stat), "\n")
	// cpu, user, nice, system, idle, …
	for i, field := range strings.Fields(line) {
		if n, err := strconv.ParseInt(field, 10, 64); err == nil && 1 <= i && i <= 3 {
			u.all += time.Duration(n) * tick
		}
	}
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var r syscall.Rusage
		if syscall.Getrusage(who, &r) == nil {
			u.ours += time.Duration(r.Utime.Nano() + r.Stime.Nano())
		}
	}
	return u
}

// othersUntil returns the share of the machine's processors that others had
// between u and later, from 0 to 1.
func (u usage) othersUntil(later usage) float64 {
	whole := later.at.Sub(u.at) * time.Duration(runtime.NumCPU())
	if whole <= 0 {
		return 0
	}
	others := (later.all - u.all) - (later.ours - u.ours)
	return min(1, max(0, float64(others)/float64(whole)))
}

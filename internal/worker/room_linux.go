package worker

import (
	"bytes"
	"fmt"
	"os"
	"path"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Memory measures the worker, as MemoryOf does; without pss it costs next to
// nothing. It says false where the process has gone or the system does not tell.
func (w *Worker) Memory(pss bool) (Memory, bool) {
	if pss {
		m, err := MemoryOf(w.PID())
		return m, err == nil && m.RSS > 0
	}
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", w.PID()))
	if err != nil {
		return Memory{}, false
	}
	fields := strings.Fields(string(data)) // size, resident, shared … in pages
	if len(fields) < 2 {
		return Memory{}, false
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	return Memory{RSS: pages * int64(os.Getpagesize())}, err == nil && pages > 0
}

// CPU returns the processor time that the worker has used since its start, and
// whether that is known.
func (w *Worker) CPU() (time.Duration, bool) {
	const schedulers = 2 // CPUCLOCK_SCHED, as in clock_getcpuclockid(3)
	var t unix.Timespec
	if err := unix.ClockGettime(int32(^w.PID()<<3|schedulers), &t); err != nil {
		return 0, false
	}
	return time.Duration(t.Nano()), true
}

// Available returns how much memory, in bytes, this process and its children may
// still take: of what the machine has and each of its control groups allows, the
// least. It says false where the system does not tell.
func Available() (free int64, known bool) {
	data, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0, false
	}
	free = kilobytes(data, "MemAvailable:")
	groups, _ := os.ReadFile("/proc/self/cgroup")
	for line := range strings.Lines(string(groups)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) < 3 {
			continue
		}
		switch {
		case parts[0] == "0":
			free = leastOf(free, "/sys/fs/cgroup", parts[2], "memory.max", "memory.current", "inactive_file")
		case parts[1] == "memory":
			free = leastOf(free, "/sys/fs/cgroup/memory", parts[2], "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
		}
	}
	return max(0, free), free > 0
}

// leastOf returns free or, if that is less, what the group or one around it
// leaves. What is cached of files does not count as taken.
func leastOf(free int64, root, group, limit, usage, cached string) int64 {
	for dir := path.Clean("/" + group); ; dir = path.Dir(dir) {
		most, ok1 := number(path.Join(root, dir, limit))
		taken, ok2 := number(path.Join(root, dir, usage))
		if ok1 && ok2 {
			stat, _ := os.ReadFile(path.Join(root, dir, "memory.stat"))
			free = min(free, most-taken+bytesOf(stat, cached))
		}
		if dir == "/" {
			return free
		}
	}
}

// number reads a file with one number; "max" and none at all are none.
func number(name string) (int64, bool) {
	data, err := os.ReadFile(name)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(data)), 10, 64)
	return n, err == nil
}

// bytesOf returns the number of a line such as "inactive_file 123".
func bytesOf(data []byte, name string) int64 {
	for line := range bytes.Lines(data) {
		fields := bytes.Fields(line)
		if len(fields) == 2 && string(fields[0]) == name {
			n, _ := strconv.ParseInt(string(fields[1]), 10, 64)
			return n
		}
	}
	return 0
}

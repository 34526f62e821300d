package worker

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
)

// Memory is what a process has in memory, in bytes.
type Memory struct {
	// RSS is all of it, and PSS the process's share: what it shares with n
	// others counts for it by an nth. PSS is 0 where the kernel does not say.
	RSS, PSS int64
}

// MemoryOf returns the memory of a process, which may be any of this user's.
// The kernel looks at each page for it: some milliseconds for a large process.
func MemoryOf(pid int) (Memory, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err == nil && len(data) > 0 {
		return Memory{RSS: kilobytes(data, "Rss:"), PSS: kilobytes(data, "Pss:")}, nil
	}
	data, err = os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	return Memory{RSS: kilobytes(data, "VmRSS:")}, err
}

// kilobytes returns the figure of the line "name 123 kB", in bytes; 0 if there
// is none.
func kilobytes(text []byte, name string) int64 {
	for line := range bytes.Lines(text) {
		fields := bytes.Fields(line)
		if len(fields) == 3 && string(fields[0]) == name {
			n, _ := strconv.ParseInt(string(fields[1]), 10, 64)
			return n << 10
		}
	}
	return 0
}

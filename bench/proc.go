package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of times in /proc on all of Linux's usual machines.
const tick = 10 * time.Millisecond

// A times is processor time, in user mode and in the kernel.
type times struct {
	User   time.Duration `json:"user"`
	System time.Duration `json:"system"`
}

func (t times) plus(u times) times  { return times{t.User + u.User, t.System + u.System} }
func (t times) minus(u times) times { return times{max(0, t.User-u.User), max(0, t.System-u.System)} }
func (t times) sum() time.Duration  { return t.User + t.System }

// A process is one line of the table of processes.
type process struct {
	pid, parent int
	kernel      bool  // one of the kernel's own threads
	used        times // its own and that of its children that have been reaped
}

// parseStat reads a /proc/PID/stat (proc(5)). The command's name, in brackets,
// may hold blanks and brackets itself.
func parseStat(stat []byte) (process, error) {
	open, end := bytes.IndexByte(stat, '('), bytes.LastIndexByte(stat, ')')
	if open < 0 || end < open {
		return process{}, fmt.Errorf("%q: want PID (NAME) …", stat)
	}
	pid, err := strconv.Atoi(string(bytes.TrimSpace(stat[:open])))
	if err != nil {
		return process{}, err
	}
	// From the third field on: state, parent, …; 14 to 17 are the times.
	fields := strings.Fields(string(stat[end+1:]))
	if len(fields) < 15 {
		return process{}, fmt.Errorf("%q: want 17 fields or more", stat)
	}
	numbers := make([]int64, 15)
	for _, i := range []int{1, 6, 11, 12, 13, 14} {
		if numbers[i], err = strconv.ParseInt(fields[i], 10, 64); err != nil {
			return process{}, err
		}
	}
	const kernelThread = 0x00200000 // PF_KTHREAD
	return process{
		pid:    pid,
		parent: int(numbers[1]),
		kernel: numbers[6]&kernelThread != 0,
		used: times{
			User:   time.Duration(numbers[11]+numbers[13]) * tick,
			System: time.Duration(numbers[12]+numbers[14]) * tick,
		},
	}, nil
}

// A table is the processes of the machine at one moment, by their ids.
type table map[int]process

// readTable reads it from a mounted proc file system. A process that ends while
// it is read is not in it, but its time is in its parent's.
func readTable(proc string) table {
	t := table{}
	files, _ := filepath.Glob(filepath.Join(proc, "[0-9]*", "stat"))
	for _, file := range files {
		stat, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		if p, err := parseStat(stat); err == nil {
			t[p.pid] = p
		}
	}
	return t
}

// below returns root and all that descends from it, root first.
func (t table) below(root int) []int {
	if _, there := t[root]; !there {
		return nil
	}
	children := map[int][]int{}
	for pid, p := range t {
		children[p.parent] = append(children[p.parent], pid)
	}
	pids := []int{root}
	for i := 0; i < len(pids); i++ {
		pids = append(pids, children[pids[i]]...)
	}
	return pids
}

// used adds up the time of some processes. As each has its reaped children's
// with it, the sum over a tree grows steadily, whoever in it comes and goes.
func (t table) used(pids []int) times {
	var sum times
	for _, pid := range pids {
		sum = sum.plus(t[pid].used)
	}
	return sum
}

// others returns the time of all processes but those below root and the
// kernel's threads, which work for everyone.
func (t table) others(root int) times {
	ours := map[int]bool{}
	for _, pid := range t.below(root) {
		ours[pid] = true
	}
	var sum times
	for pid, p := range t {
		if !ours[pid] && !p.kernel {
			sum = sum.plus(p.used)
		}
	}
	return sum
}

// parseStolen reads from /proc/stat the time that the machine's host has given
// to others while this machine wanted it.
func parseStolen(stat []byte) time.Duration {
	line, _, _ := bytes.Cut(stat, []byte("\n"))
	// cpu user nice system idle iowait irq softirq steal …
	fields := bytes.Fields(line)
	if len(fields) < 9 || string(fields[0]) != "cpu" {
		return 0
	}
	n, _ := strconv.ParseInt(string(fields[8]), 10, 64)
	return time.Duration(n) * tick
}

// parseSmaps returns the PSS in a /proc/PID/smaps_rollup, in bytes: of memory that
// several processes share each has its part, so that it can be added up.
func parseSmaps(rollup []byte) (pss int64) {
	for line := range strings.Lines(string(rollup)) {
		if fields := strings.Fields(line); len(fields) >= 2 && fields[0] == "Pss:" {
			pss, _ = strconv.ParseInt(fields[1], 10, 64)
		}
	}
	return pss << 10
}

// memoryOf adds up the PSS of processes now, in bytes; one that has gone has none.
func memoryOf(pids []int) (pss int64) {
	for _, pid := range pids {
		rollup, _ := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		pss += parseSmaps(rollup)
	}
	return pss
}

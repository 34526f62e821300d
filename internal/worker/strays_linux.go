package worker

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// strayAge is how long a child that has exited may wait for whoever started it.
const strayAge = time.Second

// reapStrays reaps children that nobody waits for, until ctx ends. A subreaper
// has such: what a worker has started and left, in its group or not, and
// workers that ended before they had said who they are. One that somebody
// waits for is gone before it is found a second time, strayAge later.
func reapStrays(ctx context.Context) {
	tick := time.NewTicker(strayAge)
	defer tick.Stop()
	var before []int
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := zombies()
		for _, pid := range now {
			if slices.Contains(before, pid) {
				_, _ = syscall.Wait4(pid, nil, syscall.WNOHANG, nil)
			}
		}
		before = now
	}
}

// zombies returns the children of this process that have exited and have not
// been reaped. Only the main thread has children that it did not start itself;
// none are returned where the kernel does not tell.
func zombies() []int {
	list, err := os.ReadFile(fmt.Sprintf("/proc/self/task/%d/children", os.Getpid()))
	if err != nil {
		return nil
	}
	var found []int
	for _, field := range strings.Fields(string(list)) {
		stat, err := os.ReadFile("/proc/" + field + "/stat")
		if err != nil {
			continue
		}
		// "7 (its name) Z …": the name may hold anything.
		_, rest, _ := bytes.Cut(stat[bytes.LastIndexByte(stat, ')')+1:], []byte(" "))
		if pid, err := strconv.Atoi(field); err == nil && bytes.HasPrefix(rest, []byte("Z")) {
			found = append(found, pid)
		}
	}
	return found
}

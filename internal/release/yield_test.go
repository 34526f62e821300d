package release

import (
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// policies returns how many threads of this process have each policy.
func policies(t *testing.T) map[uint32]int {
	t.Helper()
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Skip("no /proc here")
	}
	found := make(map[uint32]int)
	for _, thread := range threads {
		id, _ := strconv.Atoi(thread.Name())
		if attr, err := unix.SchedGetAttr(id, 0); err == nil {
			found[attr.Policy]++
		}
	}
	return found
}

func TestThreadsYieldAndStopYielding(t *testing.T) {
	runtime.LockOSThread() // so that this one is there all the time
	defer runtime.UnlockOSThread()
	yield(true)
	if found := policies(t); found[unix.SCHED_BATCH] == 0 {
		t.Errorf("policies %v: want SCHED_BATCH", found)
	}
	// chrt prints the policy of its parent, which this process has started.
	out, err := exec.Command("sh", "-c", "chrt -p $$").Output()
	if err == nil && strings.Contains(string(out), "SCHED_BATCH") {
		t.Errorf("a process started meanwhile inherits it: %s", out)
	}
	yield(false)
	if found := policies(t); found[unix.SCHED_BATCH] != 0 {
		t.Errorf("policies %v: want no SCHED_BATCH", found)
	}
}

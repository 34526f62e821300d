package h1_test

import (
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestLoopYieldsAndItsThreadAlone(t *testing.T) {
	l := runLoop(t)
	policy := func() (policy uint32) {
		on(l, func() {
			if attr, err := unix.SchedGetAttr(0, 0); err == nil {
				policy = attr.Policy
			}
		})
		return policy
	}
	if policy() != unix.SCHED_NORMAL {
		t.Skip("another policy has been chosen for this process")
	}
	l.Yield(true)
	if got := policy(); got != unix.SCHED_BATCH {
		t.Errorf("policy %d, want SCHED_BATCH", got)
	}
	// chrt says the policy of a process that is started meanwhile.
	out, err := exec.Command("sh", "-c", "chrt -p $$").Output()
	if err == nil && strings.Contains(string(out), "SCHED_BATCH") {
		t.Errorf("other processes inherit it: %s", out)
	}
	l.Yield(false)
	if got := policy(); got != unix.SCHED_NORMAL {
		t.Errorf("policy %d, want SCHED_OTHER", got)
	}
}

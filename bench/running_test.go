package main

import (
	"context"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// testSite returns a site in this repository.
func testSite(t *testing.T) site {
	t.Helper()
	s, err := newSetup("..", "../bin/pasted")
	if err != nil {
		t.Fatal(err)
	}
	at, err := newSite(s, "hello")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(at.remove)
	return at
}

func TestStopLeavesNothingOfATree(t *testing.T) {
	at := testSite(t)
	c, err := at.run(command{argv: "sh {conf}/../testdata/family.sh"})
	if err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(10 * time.Second)
	for len(strings.Fields(c.out.String())) < 2 {
		if time.Now().After(deadline) {
			c.stop()
			t.Fatalf("it said %q", c.out.String())
		}
		time.Sleep(time.Millisecond)
	}
	family := append(strings.Fields(c.out.String()), strconv.Itoa(c.pid()))
	c.stop()
	for _, word := range family {
		pid, err := strconv.Atoi(word)
		if err != nil {
			t.Fatal(err)
		}
		if alive(pid) {
			t.Errorf("process %d is still there", pid)
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}

// alive says whether a process runs. One that was killed is given a while to end.
func alive(pid int) bool {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 5000)
	return n == 0 && err == nil
}

func TestPeerThatEndsSaysWhy(t *testing.T) {
	at := testSite(t)
	p := peer{server: command{argv: "ls {apps}/nowhere"}}
	_, err := p.start(context.Background(), at.setup, "hello", hello("/"))
	if err == nil || !strings.HasPrefix(err.Error(), "it ended before it answered: ls: ") {
		t.Errorf("start() = %v", err)
	}
	if err != nil && strings.Contains(err.Error(), at.setup.root) {
		t.Errorf("the reason says where this checkout is: %v", err)
	}
}

func TestPortsAreDifferentAndFree(t *testing.T) {
	at := testSite(t)
	if at.outer == at.inner || at.outer < firstPort || at.inner > lastPort {
		t.Errorf("ports %d and %d", at.outer, at.inner)
	}
}

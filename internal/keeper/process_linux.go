package keeper

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// becomeSubreaper makes this process the parent of what a dead server leaves.
func becomeSubreaper() error {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("prctl PR_SET_CHILD_SUBREAPER: %w", err)
	}
	return nil
}

// spawn starts the process in a group of its own, for a terminal's signals to
// come once, by way of the keeper. It is killed when the keeper ends: that is,
// when the thread ends that has forked, which so waits for it.
func (s *server) spawn(path string, argv, env []string, files []*os.File) error {
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		p, err := os.StartProcess(path, argv, &os.ProcAttr{
			Env: env, Files: files, Sys: &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL},
		})
		if err != nil {
			started <- err
			return
		}
		s.pid = p.Pid
		_ = p.Release()
		started <- nil
		s.wait()
		close(s.ended)
	}()
	return <-started
}

// wait waits for the server, and reaps whatever else has become our child.
func (s *server) wait() {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		switch {
		case err == syscall.EINTR:
		case err != nil:
			return
		case pid == s.pid:
			s.exit = status
			return
		}
	}
}

// signal sends sig to the server, unless it has been reaped.
func (s *server) signal(sig syscall.Signal) {
	select {
	case <-s.ended:
	default:
		_ = syscall.Kill(s.pid, sig)
	}
}

// childrenTime is how long the processes of a dead server may take to go: those
// in the middle of a system call cannot go sooner.
const childrenTime = 5 * time.Second

// killChildren ends all children of this process, and theirs, which become its
// own, and returns when they have gone.
func killChildren() {
	deadline := time.Now().Add(childrenTime)
	for time.Now().Before(deadline) {
		for _, pid := range children() {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
		switch {
		case err == syscall.ECHILD:
			return
		case pid == 0:
			time.Sleep(time.Millisecond)
		}
	}
}

// children returns the processes whose parent this one is.
func children() (pids []int) {
	lists, _ := filepath.Glob("/proc/self/task/*/children")
	for _, list := range lists {
		text, err := os.ReadFile(list)
		if err != nil {
			continue // a thread that has just ended
		}
		for _, field := range strings.Fields(string(text)) {
			if pid, err := strconv.Atoi(field); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

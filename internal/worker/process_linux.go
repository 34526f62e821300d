package worker

import (
	"fmt"
	"os"
	"runtime"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// becomeSubreaper makes this process the parent of workers whose template has
// forked and left them, so that it can wait for them whatever becomes of the
// template.
func becomeSubreaper() error {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("prctl PR_SET_CHILD_SUBREAPER: %w", err)
	}
	return nil
}

// A group is a process that leads a process group, and whatever else is left
// of that group once it has gone.
type group struct {
	pid  int
	done chan struct{} // closed when the whole group has been reaped
	exit Exit          // valid once done is closed

	mu     sync.Mutex
	reaped bool // the leader's number, and so the group's, may be another's
}

// Exit says how a process ended.
type Exit struct {
	Code   int            // exit status; -1 if a signal ended it
	Signal syscall.Signal // the signal that ended it, or 0
}

// String gives "exit status 3" or "signal: killed".
func (e Exit) String() string {
	if e.Signal != 0 {
		return "signal: " + e.Signal.String()
	}
	return fmt.Sprintf("exit status %d", e.Code)
}

// spawn starts a process as the leader of a group of its own, which is killed
// when this process ends, and runs watch in the same goroutine until the group
// has gone. The parent death signal comes when the thread that forked ends, not
// the process: so one goroutine, locked to its thread, forks and then waits.
func spawn(argv, env []string, dir string, files []*os.File) (*group, error) {
	started := make(chan error, 1)
	g := &group{done: make(chan struct{}), exit: Exit{Code: -1}}
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		p, err := os.StartProcess(argv[0], argv, &os.ProcAttr{
			Dir: dir, Env: env, Files: files,
			Sys: &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL},
		})
		if err != nil {
			started <- err
			return
		}
		g.pid = p.Pid
		_ = p.Release() // watch waits for it
		started <- nil
		g.watch()
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return g, nil
}

// adopt watches a worker that a template has forked and that has become our
// child. It fails if pid is not a child of ours that leads its group.
func adopt(pid int) (*group, error) {
	if pid <= 1 {
		return nil, fmt.Errorf("adopt process %d: not a worker", pid)
	}
	if pgid, err := unix.Getpgid(pid); err != nil || pgid != pid {
		return nil, fmt.Errorf("adopt process %d: not the leader of a group of its own", pid)
	}
	var info unix.Siginfo
	err := unix.Waitid(unix.P_PID, pid, &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil)
	if err != nil {
		return nil, fmt.Errorf("adopt process %d: %w", pid, err)
	}
	g := &group{pid: pid, done: make(chan struct{}), exit: Exit{Code: -1}}
	go g.watch()
	return g, nil
}

// watch waits for the leader's exit, ends the group with it, for what an
// application has started does not outlive its worker, and reaps the leader and
// every process of the group that has become our child.
func (g *group) watch() {
	defer close(g.done)
	g.awaitLeader()
	// The leader is a zombie still: until it is reaped its group's number
	// can be nobody else's.
	g.signal(syscall.SIGKILL)
	g.mu.Lock()
	g.reaped = true
	g.mu.Unlock()
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-g.pid, &status, 0, nil)
		switch {
		case err == syscall.EINTR:
		case err != nil:
			return // ECHILD: nobody is left
		case pid == g.pid:
			g.exit = exitOf(status)
		}
	}
}

// awaitLeader waits until the leader has exited, and leaves it unreaped.
func (g *group) awaitLeader() {
	for {
		var info unix.Siginfo
		err := unix.Waitid(unix.P_PID, g.pid, &info, unix.WEXITED|unix.WNOWAIT, nil)
		if err != unix.EINTR {
			return
		}
	}
}

func exitOf(status syscall.WaitStatus) Exit {
	if status.Signaled() {
		return Exit{Code: -1, Signal: status.Signal()}
	}
	return Exit{Code: status.ExitStatus()}
}

// signal sends sig to the whole group, unless its leader has been reaped: by
// then all of it has been killed.
func (g *group) signal(sig syscall.Signal) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.reaped {
		_ = syscall.Kill(-g.pid, sig)
	}
}

// abort sends SIGABRT to the leader alone, and lets it run if it is stopped.
func (g *group) abort() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.reaped {
		_ = syscall.Kill(g.pid, syscall.SIGABRT)
		_ = syscall.Kill(g.pid, syscall.SIGCONT)
	}
}

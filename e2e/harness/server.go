package harness

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// How long a server may take: to import an application on a busy machine and
// serve, and to end when it has been told to.
const (
	startLimit = 60 * time.Second
	stopLimit  = 20 * time.Second
)

// servingLine is what pasted prints when it serves.
var servingLine = regexp.MustCompile(`(?m)^serving\b`)

// trouble is what must never be in pasted's output, whatever a test does.
var trouble = regexp.MustCompile(`WARNING: DATA RACE|(?m)^panic: |(?m)^fatal error: |(?m)^goroutine \d+ \[`)

var marks atomic.Int64

// Options say how pasted is run.
type Options struct {
	Binary string   // path of the program
	Dir    string   // working directory
	Args   []string // as on the command line
	Env    []string // NAME=value, added to this process's environment
	Port   int      // the port that it will listen on; 0: none that matters
	// Wrap is a command that runs the program and its arguments, such as
	// "unshare", "-n"; empty: none.
	Wrap []string
	// Files are its descriptors from 3 on.
	Files []*os.File
}

// A Server is one pasted that a test has started. Its methods are called by
// that test's goroutines.
type Server struct {
	URL    string // http://127.0.0.1:port, no slash at the end
	Addr   string // 127.0.0.1:port
	Stdout Output
	Stderr Output

	t       testing.TB
	opts    Options
	cmd     *exec.Cmd
	mark    string
	temp    string        // its TMPDIR
	ended   chan struct{} // closed when err is there
	err     error
	reaped  bool // its end has been looked at
	unclean bool // it may leave temporary files: it had no chance to remove them
}

// Launch runs pasted and returns without waiting for anything. When the test
// ends the server is stopped and looked at.
func Launch(t testing.TB, opts Options) *Server {
	t.Helper()
	temp, err := os.MkdirTemp("", "pasted-e2e-tmp-")
	if err != nil {
		t.Fatal(err)
	}
	addr := "127.0.0.1:" + strconv.Itoa(opts.Port)
	s := &Server{t: t, opts: opts, temp: temp, Addr: addr, URL: "http://" + addr, ended: make(chan struct{})}
	s.mark = fmt.Sprintf("%d-%d", os.Getpid(), marks.Add(1))
	command := append(append(append([]string(nil), opts.Wrap...), opts.Binary), opts.Args...)
	s.cmd = exec.Command(command[0], command[1:]...)
	s.cmd.Dir = opts.Dir
	s.cmd.Env = append(os.Environ(), "TMPDIR="+temp, "XDG_RUNTIME_DIR="+temp, markVariable+"="+s.mark, "PYTHONDONTWRITEBYTECODE=1")
	s.cmd.Env = append(s.cmd.Env, opts.Env...)
	s.cmd.Stdout, s.cmd.Stderr, s.cmd.ExtraFiles = &s.Stdout, &s.Stderr, opts.Files
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	// A process that outlives the server may hold its pipes.
	s.cmd.WaitDelay = time.Second
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		s.err = s.cmd.Wait()
		close(s.ended)
	}()
	t.Cleanup(s.cleanup)
	return s
}

// Start runs pasted and returns when it serves.
func Start(t testing.TB, opts Options) *Server {
	t.Helper()
	s := Launch(t, opts)
	limit := time.NewTimer(startLimit)
	defer limit.Stop()
	for !s.Serving() {
		select {
		case <-s.ended:
			t.Fatalf("pasted ended before it served: %v", s.err)
		case <-limit.C:
			t.Fatalf("pasted does not serve after %v", startLimit)
		case <-time.After(10 * time.Millisecond):
		}
	}
	return s
}

// Serving says whether the server has said that it serves.
func (s *Server) Serving() bool {
	return servingLine.MatchString(s.Stdout.String()) || servingLine.MatchString(s.Stderr.String())
}

// Logged waits until the server's log has text, and fails the test if it has not
// after limit. The log comes another way than answers and than what the server
// prints, and may come after them.
func (s *Server) Logged(limit time.Duration, text string) {
	s.t.Helper()
	Await(s.t, limit, fmt.Sprintf("%q in the log", text), func() bool { return s.Stderr.Has(text) })
}

// PID returns the process's number.
func (s *Server) PID() int { return s.cmd.Process.Pid }

// ServerPID returns the number of the process that serves: the child of PID's,
// which keeps it, or PID itself where there is no keeper.
func (s *Server) ServerPID() int {
	s.t.Helper()
	for _, p := range s.Processes() {
		if p.Parent == s.PID() && p.State != 'Z' && strings.Contains(p.Command, " serve ") {
			return p.PID
		}
	}
	return s.PID()
}

// Signal sends it a signal. That it has ended already is no error.
func (s *Server) Signal(sig syscall.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		s.t.Fatal(err)
	}
	if sig == syscall.SIGKILL {
		s.unclean = true
	}
}

// Ended says whether it has exited.
func (s *Server) Ended() bool {
	select {
	case <-s.ended:
		return true
	default:
		return false
	}
}

// Exit waits at most limit for the server's end and returns its exit code, or
// minus the number of the signal that killed it. Nothing of it may be left
// then.
func (s *Server) Exit(limit time.Duration) int {
	s.t.Helper()
	select {
	case <-s.ended:
	case <-time.After(limit):
		s.t.Fatalf("pasted has not ended after %v; its processes:\n%s", limit, s.list())
	}
	s.reaped = true
	s.checkLeft()
	status, ok := s.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if ok && status.Signaled() {
		return -int(status.Signal())
	}
	return s.cmd.ProcessState.ExitCode()
}

// Pasted runs another command of the program in the server's surroundings, and
// returns what it prints and its exit code.
func (s *Server) Pasted(args ...string) (stdout, stderr string, code int) {
	s.t.Helper()
	cmd := exec.Command(s.opts.Binary, args...)
	cmd.Dir, cmd.Env = s.cmd.Dir, s.cmd.Env
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		s.t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// Temp returns the server's TMPDIR, which is its XDG_RUNTIME_DIR too.
func (s *Server) Temp() string { return s.temp }

// Stop stops the server as an operator does and checks that it exits with 0.
func (s *Server) Stop() {
	s.t.Helper()
	s.Signal(syscall.SIGTERM)
	if code := s.Exit(stopLimit); code != 0 {
		s.t.Errorf("exit code %d after SIGTERM, want 0", code)
	}
}

// Processes returns the server's processes that have not exited, itself
// included.
func (s *Server) Processes() []Process {
	var running []Process
	for _, p := range processes(s.mark, s.PID()) {
		if p.State != 'Z' || p.PID != s.PID() {
			running = append(running, p)
		}
	}
	return running
}

func (s *Server) list() string {
	var b strings.Builder
	for _, p := range s.Processes() {
		fmt.Fprintf(&b, "  %v\n", p)
	}
	return b.String()
}

// leftLimit is how long the processes of a server may be seen after its own
// end: the kernel tells them of a SIGKILL, and they exit, in their own time.
const leftLimit = 5 * time.Second

// checkLeft holds the server, which has ended, to leaving nothing behind: no
// process, no listener, no file.
func (s *Server) checkLeft() {
	s.t.Helper()
	deadline := time.Now().Add(leftLimit)
	for len(s.Processes()) > 0 && time.Now().Before(deadline) {
		time.Sleep(10 * time.Millisecond)
	}
	if left := s.Processes(); len(left) > 0 {
		s.t.Errorf("left running %v after pasted's end:\n%s", leftLimit, s.list())
		for _, p := range left {
			_ = syscall.Kill(p.PID, syscall.SIGKILL)
		}
	}
	if s.opts.Port != 0 && len(s.opts.Wrap) == 0 && s.Serving() {
		if l, err := net.Listen("tcp", s.Addr); err != nil {
			s.t.Errorf("after pasted's end: %v", err)
		} else {
			l.Close()
		}
	}
	if files := s.tempFiles(); len(files) > 0 && !s.unclean {
		s.t.Errorf("temporary files left: %v", files)
	}
}

// tempFiles returns the names of what is in the server's TMPDIR.
func (s *Server) tempFiles() []string {
	var names []string
	_ = filepath.WalkDir(s.temp, func(path string, _ os.DirEntry, err error) error {
		if err == nil && path != s.temp {
			names = append(names, path)
		}
		return nil
	})
	return names
}

// cleanup ends what a test has left, checks it, and shows the output of a
// failed test.
func (s *Server) cleanup() {
	defer os.RemoveAll(s.temp)
	if !s.reaped {
		s.end()
	}
	if bad := trouble.FindString(s.Stderr.String()); bad != "" {
		s.t.Errorf("pasted's log has %q", bad)
	}
	if s.t.Failed() {
		s.t.Logf("command: %s\nstdout:\n%s\nstderr:\n%s", strings.Join(s.cmd.Args, " "), s.Stdout.String(), tail(s.Stderr.String()))
	}
}

// end stops a server that a test has not stopped itself. A failed test may
// have left it in any state, so it gets a short time and then SIGKILL.
func (s *Server) end() {
	if !s.t.Failed() {
		s.Stop()
		return
	}
	s.Signal(syscall.SIGTERM)
	select {
	case <-s.ended:
	case <-time.After(3 * time.Second):
		s.Signal(syscall.SIGKILL)
		<-s.ended
	}
	s.checkLeft()
}

// tail returns the end of a long text.
func tail(text string) string {
	const most = 16 << 10
	if len(text) > most {
		return "…" + text[len(text)-most:]
	}
	return text
}

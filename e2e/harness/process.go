package harness

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// markVariable is in the environment of everything that a test's server has
// started, unless somebody takes pains to remove it.
const markVariable = "PASTED_E2E_MARK"

// A Process is one entry of the process table.
type Process struct {
	PID, Parent, Session int
	State                byte // as in proc(5): R, S, D, Z, T, …
	Command              string
}

// String gives p as one line of a list of processes.
func (p Process) String() string {
	return fmt.Sprintf("%d (parent %d, session %d, state %c) %s", p.PID, p.Parent, p.Session, p.State, p.Command)
}

// processes returns the processes that carry the mark or are of the session.
// The two together find a process that has made a session of its own and one
// that has overwritten its environment, as those that set their title do.
func processes(mark string, session int) []Process {
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	var found []Process
	for _, dir := range dirs {
		p, err := readProcess(dir)
		if err != nil {
			continue // it has gone
		}
		environ, _ := os.ReadFile(filepath.Join(dir, "environ"))
		if p.Session == session || bytes.Contains(environ, []byte(markVariable+"="+mark+"\x00")) {
			found = append(found, p)
		}
	}
	return found
}

// readProcess reads /proc/PID/stat: the command there is in brackets and may
// have brackets and blanks in it.
func readProcess(dir string) (Process, error) {
	stat, err := os.ReadFile(filepath.Join(dir, "stat"))
	if err != nil {
		return Process{}, err
	}
	end := bytes.LastIndexByte(stat, ')')
	fields := strings.Fields(string(stat[end+1:]))
	if end < 0 || len(fields) < 4 {
		return Process{}, fmt.Errorf("%s/stat: %q", dir, stat)
	}
	var p Process
	p.State = fields[0][0]
	p.PID, _ = strconv.Atoi(filepath.Base(dir))
	p.Parent, _ = strconv.Atoi(fields[1])
	p.Session, _ = strconv.Atoi(fields[3])
	line, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
	p.Command = strings.TrimSpace(string(bytes.ReplaceAll(line, []byte{0}, []byte{' '})))
	return p, nil
}

// PeakMemory returns the greatest resident size that the process has had, in
// bytes.
func PeakMemory(t testing.TB, pid int) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if kilobytes, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			n, err := strconv.ParseInt(strings.Fields(kilobytes)[0], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return n << 10
		}
	}
	t.Fatalf("/proc/%d/status has no VmHWM", pid)
	return 0
}

// The ports that are given out, from below the range that the kernel gives to
// outgoing connections: none of those has a port before the server does.
const (
	firstPort = 10000
	ports     = 22000
)

// given counts the ports that this process has given out.
var given atomic.Int64

// Port returns a TCP port of 127.0.0.1 that nothing listens on, another one
// each time. Processes begin at different places.
func Port(t testing.TB) int {
	t.Helper()
	for range ports {
		port := firstPort + (os.Getpid()*97+int(given.Add(1)))%ports
		if free(port) {
			return port
		}
	}
	t.Fatal("no free port")
	return 0
}

// free says whether nothing listens on a port. No process is forked meanwhile:
// it would have the listener, too, for as long as it has not executed its program.
func free(port int) bool {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return false
	}
	return l.Close() == nil
}

// Await calls done until it says yes, and fails the test if it has not after
// limit. What is waited for is named by what.
func Await(t testing.TB, limit time.Duration, what string, done func() bool) {
	t.Helper()
	deadline := time.Now().Add(limit)
	for !done() {
		if time.Now().After(deadline) {
			t.Fatalf("after %v: still waiting for %s", limit, what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

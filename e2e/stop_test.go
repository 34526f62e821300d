package e2e_test

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"pasted/e2e/harness"
)

// atOnce is what "at once" may take on a busy machine.
const atOnce = 5 * time.Second

func TestStopWaitsForRequestsBeingServed(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(sig.String(), func(t *testing.T) {
			t.Parallel()
			c := serveCrash(t, crew{processes: 2, threads: 1, preload: true})
			idle := dial(t, c.Server)
			idle.send("GET /who HTTP/1.1\r\nHost: x\r\n\r\n")
			idle.answer("GET")
			held := c.hold("a")
			c.Signal(sig)
			harness.Await(t, atOnce, "new connections to be refused", func() bool {
				conn, err := net.Dial("tcp", c.Addr)
				if err == nil {
					conn.Close()
				}
				return err != nil
			})
			if c.Ended() {
				t.Fatal("ended with a request in the application")
			}
			c.release("a")
			if code := c.status(held); code != http.StatusOK {
				t.Errorf("the request in the application: %d, want 200", code)
			}
			if code := c.Exit(10 * time.Second); code != 0 {
				t.Errorf("exit code %d, want 0", code)
			}
		})
	}
}

// TestStopRunsExitHandlers counts the workers that have run theirs: a forked
// one has them from the template.
func TestStopRunsExitHandlers(t *testing.T) {
	for _, preload := range []bool{true, false} {
		t.Run(fmt.Sprintf("preload %v", preload), func(t *testing.T) {
			t.Parallel()
			c := serveCrash(t, crew{processes: 2, threads: 2, preload: preload})
			workers := c.workers(2)
			c.Stop()
			text, _ := os.ReadFile(filepath.Join(c.folder, "exits"))
			for pid := range workers {
				if n := strings.Count(string(text), fmt.Sprintf("%d\n", pid)); n != 1 {
					t.Errorf("worker %d ran its exit handlers %d times, want once", pid, n)
				}
			}
		})
	}
}

func TestSecondSignalStopsAtOnce(t *testing.T) {
	t.Parallel()
	c := serveCrash(t, crew{processes: 2, threads: 1, preload: true})
	held := c.hold("a")
	c.Signal(syscall.SIGTERM)
	harness.Await(t, atOnce, "the first signal in the log", func() bool { return len(c.Stderr.Lines("stopping")) == 1 })
	c.Signal(syscall.SIGTERM)
	if code := c.Exit(atOnce); code != 0 && code != 1 {
		t.Errorf("exit code %d, want 0 or 1", code)
	}
	if r := <-held; r.err == nil && r.StatusCode < 500 {
		t.Errorf("the request in the application: %s", r.Status)
	}
}

func TestStopWaitsNoLongerThanTheGracefulTimeout(t *testing.T) {
	for _, path := range []string{"/hold?key=a", "/deaf?seconds=60"} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			c := serveCrash(t, crew{processes: 1, threads: 2, preload: true, grace: "1s"})
			c.workers(1)
			held := c.begin(path)
			time.Sleep(500 * time.Millisecond) // a deaf application cannot say that it has begun
			c.Signal(syscall.SIGTERM)
			if code := c.Exit(1*time.Second + atOnce); code != 0 && code != 1 {
				t.Errorf("exit code %d, want 0 or 1", code)
			}
			if r := <-held; r.err == nil && r.StatusCode < 500 {
				t.Errorf("the request in the application: %s", r.Status)
			}
		})
	}
}

func TestStopWhileTheApplicationIsImported(t *testing.T) {
	for _, preload := range []bool{true, false} {
		t.Run(fmt.Sprintf("preload %v", preload), func(t *testing.T) {
			t.Parallel()
			opts, folder := crashOptions(t, crew{processes: 2, threads: 1, preload: preload})
			tell(t, folder, "hang-at-import")
			c := &crashSite{t: t, folder: folder, Server: harness.Launch(t, opts)}
			harness.Await(t, 20*time.Second, "the import", func() bool { return c.lines("imports") > 0 })
			c.Signal(syscall.SIGTERM)
			if code := c.Exit(atOnce); code != 0 && code != 1 {
				t.Errorf("exit code %d, want 0 or 1", code)
			}
		})
	}
}

// killedServerTests are what the workers may be doing when the server is
// killed. None of them may stay, not even those that cannot listen.
var killedServerTests = []struct {
	name string
	do   func(*crashSite)
}{
	{"idle", func(*crashSite) {}},
	{"in a request", func(c *crashSite) { c.hold("a") }},
	{"holding the GIL", func(c *crashSite) {
		c.begin("/deaf?seconds=60")
		time.Sleep(500 * time.Millisecond) // it cannot say that it has begun
	}},
	{"stopped", func(c *crashSite) {
		if err := syscall.Kill(c.who().PID, syscall.SIGSTOP); err != nil {
			c.t.Fatal(err)
		}
	}},
}

func TestNothingOutlivesAKilledServer(t *testing.T) {
	for _, test := range killedServerTests {
		for _, preload := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, preload %v", test.name, preload), func(t *testing.T) {
				t.Parallel()
				c := serveCrash(t, crew{processes: 2, threads: 2, preload: preload})
				c.workers(2)
				test.do(c)
				c.Signal(syscall.SIGKILL)
				if code := c.Exit(atOnce); code != -int(syscall.SIGKILL) {
					t.Errorf("exit code %d, want the signal", code)
				}
			})
		}
	}
}

// TestProcessesOfTheApplicationGoWithItsWorker lets the application fork.
func TestProcessesOfTheApplicationGoWithItsWorker(t *testing.T) {
	t.Parallel()
	c := serveCrash(t, crew{processes: 1, threads: 1, preload: true})
	var child identity
	get(t, c.client, c.URL+"/child").decode(t, &child)
	c.kill(child.Parent)
	harness.Await(t, atOnce, "the worker's child to go", func() bool { return syscall.Kill(child.PID, 0) != nil })
	get(t, c.client, c.URL+"/child") // and another for the stop
	c.Stop()
}

func TestApplicationThatExitsAtImportIsAnErrorAndNoLoop(t *testing.T) {
	for _, preload := range []bool{true, false} {
		t.Run(fmt.Sprintf("preload %v", preload), func(t *testing.T) {
			t.Parallel()
			opts, folder := crashOptions(t, crew{processes: 2, threads: 1, preload: preload})
			tell(t, folder, "exit-at-import")
			c := &crashSite{t: t, folder: folder, Server: harness.Launch(t, opts)}
			if code := c.Exit(20 * time.Second); code != 1 {
				t.Errorf("exit code %d, want 1", code)
			}
			if !strings.Contains(c.Stderr.String(), "7") {
				t.Error("the exit status 7 is nowhere to be seen")
			}
			if n := c.lines("imports"); n < 1 || n > 4 {
				t.Errorf("imported %d times", n)
			}
		})
	}
}

// TestWorkerThatCannotStartAnyMoreBacksOff breaks the application while it is
// served, kills what serves it, and repairs the application again.
func TestWorkerThatCannotStartAnyMoreBacksOff(t *testing.T) {
	for _, preload := range []bool{true, false} {
		t.Run(fmt.Sprintf("preload %v", preload), func(t *testing.T) {
			t.Parallel()
			c := serveCrash(t, crew{processes: 1, threads: 1, preload: preload})
			workers := c.workers(1)
			c.tell("exit-at-import")
			before := c.lines("imports")
			if preload {
				c.kill(c.template(workers))
			}
			for pid := range workers {
				c.kill(pid)
			}
			harness.Await(t, 20*time.Second, "the first attempt", func() bool { return c.lines("imports") > before })
			time.Sleep(3 * time.Second) // the window in which the attempts are counted
			if n := c.lines("imports") - before; n > 10 {
				t.Errorf("imported %d times in 3s, want a few", n)
			}
			if c.Ended() {
				t.Fatal("pasted has given up")
			}
			repair(t, c.folder, "exit-at-import")
			harness.Await(t, 30*time.Second, "a worker again", func() bool {
				r := c.ask("/who")
				return r.err == nil && r.StatusCode == http.StatusOK
			})
		})
	}
}

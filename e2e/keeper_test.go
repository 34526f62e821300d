package e2e_test

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"pasted/e2e/harness"
)

// newcomers connect anew for each request, and note what becomes of it.
type newcomers struct {
	addr                    string
	asked, refused, lost    atomic.Int64
	mu                      sync.Mutex
	worst                   time.Duration
	firstRefused, firstLost error
}

func (n *newcomers) run(end <-chan struct{}) {
	for {
		select {
		case <-end:
			return
		default:
		}
		began := time.Now()
		err := n.ask()
		n.mu.Lock()
		n.worst = max(n.worst, time.Since(began))
		n.mu.Unlock()
		if err != nil {
			time.Sleep(time.Millisecond)
		}
	}
}

func (n *newcomers) ask() error {
	n.asked.Add(1)
	conn, err := net.Dial("tcp", n.addr)
	if err != nil {
		n.refused.Add(1)
		n.note(&n.firstRefused, err)
		return err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(60 * time.Second))
	_, err = fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
	if err == nil {
		var answer *http.Response
		if answer, err = http.ReadResponse(bufio.NewReader(conn), nil); err == nil && answer.StatusCode != 200 {
			err = errors.New(answer.Status)
		}
	}
	if err != nil {
		n.lost.Add(1)
		n.note(&n.firstLost, err)
	}
	return err
}

func (n *newcomers) note(first *error, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if *first == nil {
		*first = err
	}
}

// TestNobodyIsRefusedWhileServersDie kills the server three times while others
// connect: what it was serving is lost, and nothing else.
func TestNobodyIsRefusedWhileServersDie(t *testing.T) {
	t.Parallel()
	s := serveHandover(t, handoverIni)
	const clients, kills = 4, 3
	n := &newcomers{addr: s.Addr}
	end := make(chan struct{})
	var running sync.WaitGroup
	for range clients {
		running.Go(func() { n.run(end) })
	}
	for i := range kills {
		server := s.ServerPID()
		if server == s.PID() {
			t.Fatal("there is no keeper")
		}
		var old []harness.Process
		for _, p := range s.Processes() {
			if p.PID != s.PID() {
				old = append(old, p)
			}
		}
		asked := n.asked.Load()
		if err := syscall.Kill(server, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		harness.Await(t, 60*time.Second, "requests to be answered by the next server", func() bool {
			return len(s.Stdout.Lines("^serving ")) == i+2 && n.asked.Load() > asked+20
		})
		for _, p := range old {
			if err := syscall.Kill(p.PID, 0); err == nil {
				t.Errorf("left of the server that was killed: %v", p)
			}
		}
	}
	close(end)
	running.Wait()
	t.Logf("%d requests, %d lost, longest %v", n.asked.Load(), n.lost.Load(), n.worst.Round(time.Millisecond))
	if n.refused.Load() > 0 {
		t.Errorf("%d refused, the first: %v", n.refused.Load(), n.firstRefused)
	}
	if n.lost.Load() > clients*kills {
		t.Errorf("%d lost, want those in flight, %d at most; the first: %v", n.lost.Load(), clients*kills, n.firstLost)
	}
	st, _ := s.status()
	if st.Keeper != s.PID() || st.PID != s.ServerPID() {
		t.Errorf("status: keeper %d, server %d, want %d and %d", st.Keeper, st.PID, s.PID(), s.ServerPID())
	}
}

// TestKeeperIsSmall looks at what waiting takes, and at who is the server.
func TestKeeperIsSmall(t *testing.T) {
	t.Parallel()
	s := newHandover(t, handoverIni)
	plain, err := binaries.Plain()
	if err != nil {
		t.Fatal(err)
	}
	s.opts.Binary = plain
	s.Server = harness.Start(t, s.opts)
	if comm, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", s.ServerPID())); err != nil || string(comm) != "pasted_server\n" {
		t.Errorf("the server is called %q, %v", comm, err)
	}
	rss := residentMemory(t, s.PID())
	t.Logf("keeper: %.1f MB resident", float64(rss)/(1<<20))
	if rss > 12<<20 {
		t.Errorf("the keeper has %d bytes in memory, want 12 MB at most", rss)
	}
}

// TestWithoutAKeeperThereIsOneProcessFewer kills it, and all ends.
func TestWithoutAKeeperThereIsOneProcessFewer(t *testing.T) {
	t.Parallel()
	s := newHandover(t, handoverIni)
	flags("--no-keeper")(&s.opts)
	s.Server = harness.Start(t, s.opts)
	if s.ServerPID() != s.PID() {
		t.Error("there is a keeper")
	}
	s.Signal(syscall.SIGKILL)
	if code := s.Exit(atOnce); code != -int(syscall.SIGKILL) {
		t.Errorf("exit code %d, want the signal", code)
	}
}

// TestServerThatIsTerminatedByHandEndsTheKeeper sends SIGTERM to the server.
func TestServerThatIsTerminatedByHandEndsTheKeeper(t *testing.T) {
	t.Parallel()
	s := serveHandover(t, handoverIni)
	if err := syscall.Kill(s.ServerPID(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code := s.Exit(20 * time.Second); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
}

// TestQuitStopsAtOnce has a request in the application.
func TestQuitStopsAtOnce(t *testing.T) {
	t.Parallel()
	c := serveCrash(t, crew{processes: 2, threads: 1, preload: true})
	c.hold("a")
	c.Signal(syscall.SIGQUIT)
	if code := c.Exit(atOnce); code != 0 && code != 1 {
		t.Errorf("exit code %d, want 0 or 1", code)
	}
	if c.Stderr.Has("goroutine ") {
		t.Error("the stacks of pasted are in the log")
	}
}

// TestLogFilesAreOpenedAnew renames the log as logrotate does.
func TestLogFilesAreOpenedAnew(t *testing.T) {
	t.Parallel()
	s := newHandover(t, handoverIni)
	log := filepath.Join(s.dir, "pasted.log")
	s.opts.Wrap = []string{"sh", "-c", `log=$1; shift; exec "$@" >>"$log" 2>&1`, "sh", log}
	s.Server = harness.Launch(t, s.opts)
	has := func(text string) func() bool {
		return func() bool {
			data, _ := os.ReadFile(log)
			return strings.Contains(string(data), text)
		}
	}
	harness.Await(t, 60*time.Second, "the start", has("\nserving "))
	if err := os.Rename(log, log+".1"); err != nil {
		t.Fatal(err)
	}
	s.Signal(syscall.SIGUSR1)
	harness.Await(t, 20*time.Second, "the new file", has("log file opened anew"))
	s.Signal(syscall.SIGHUP)
	harness.Await(t, 60*time.Second, "a reload in the new file", has("serving the next release"))
}

// A manager is a fake systemd.
type manager struct {
	conn *net.UnixConn
	path string
	mu   sync.Mutex
	said []string
}

func newManager(t *testing.T) *manager {
	t.Helper()
	m := &manager{path: filepath.Join(t.TempDir(), "notify")}
	var err error
	if m.conn, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: m.path, Net: "unixgram"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.conn.Close() })
	go func() {
		buf := make([]byte, 4096)
		for {
			n, err := m.conn.Read(buf)
			if err != nil {
				return
			}
			m.mu.Lock()
			m.said = append(m.said, string(buf[:n]))
			m.mu.Unlock()
		}
	}()
	return m
}

// heard says how often a message has begun with text.
func (m *manager) heard(text string) (n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, said := range m.said {
		if strings.HasPrefix(said, text) {
			n++
		}
	}
	return n
}

// TestServiceManagerHearsWhatHappens has a fake one, which watches too.
func TestServiceManagerHearsWhatHappens(t *testing.T) {
	for _, keeper := range []string{"keeper", "no-keeper"} {
		t.Run(keeper, func(t *testing.T) {
			t.Parallel()
			m := newManager(t)
			s := newHandover(t, handoverIni)
			s.opts.Env = append(s.opts.Env, "NOTIFY_SOCKET="+m.path, "WATCHDOG_USEC=400000")
			if keeper == "no-keeper" {
				flags("--no-keeper")(&s.opts)
			}
			s.Server = harness.Start(t, s.opts)
			hears := func(what string, n int) {
				t.Helper()
				harness.Await(t, 60*time.Second, what, func() bool { return m.heard(what) >= n })
			}
			hears("READY=1\nSTATUS=release 1 serves on http://", 1)
			hears("WATCHDOG=1", 3)
			s.Signal(syscall.SIGHUP)
			hears("RELOADING=1\nMONOTONIC_USEC=", 1)
			hears("READY=1\nSTATUS=release 2 serves on http://", 1)
			if keeper == "keeper" {
				if err := syscall.Kill(s.ServerPID(), syscall.SIGSTOP); err != nil {
					t.Fatal(err)
				}
				// What was on its way may still come.
				alive, since := m.heard("WATCHDOG=1"), time.Now()
				harness.Await(t, 20*time.Second, "a server that is stopped not to be said to be alive", func() bool {
					if n := m.heard("WATCHDOG=1"); n > alive {
						alive, since = n, time.Now()
					}
					return time.Since(since) > 1200*time.Millisecond // three times the watchdog's time
				})
				if err := syscall.Kill(s.ServerPID(), syscall.SIGCONT); err != nil {
					t.Fatal(err)
				}
			}
			s.Stop()
			hears("STOPPING=1", 1)
		})
	}
}

// passed has a server started as socket activation does, with a socket on
// 127.0.0.1 that is on bind.
func passed(t *testing.T, bind string, args ...string) *handoverSite {
	t.Helper()
	l, err := net.Listen("tcp", bind)
	if err != nil {
		t.Fatal(err)
	}
	file, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	t.Cleanup(func() { file.Close() })
	s := newHandover(t, handoverIni)
	s.opts.Files = []*os.File{file}
	s.opts.Wrap = []string{"sh", "-c", `LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=web exec "$@"`, "sh"}
	flags(args...)(&s.opts)
	return s
}

// TestSocketsThatArePassedAreServed connects before the server is there, and
// while it is not there any more.
func TestSocketsThatArePassedAreServed(t *testing.T) {
	for _, args := range [][]string{{}, {"--no-keeper"}} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			t.Parallel()
			port := harness.Port(t)
			s := passed(t, fmt.Sprintf("127.0.0.1:%d", port), args...)
			s.opts.Args = append(s.opts.Args, fmt.Sprintf("e2e_port=%d", port))
			early := make(chan error, 1)
			n := &newcomers{addr: fmt.Sprintf("127.0.0.1:%d", port)}
			go func() { early <- n.ask() }()
			s.Server = harness.Start(t, s.opts)
			if err := <-early; err != nil {
				t.Errorf("who came before the server: %v", err)
			}
			s.Signal(syscall.SIGHUP)
			s.logged("serving the next release", 1)
			if err := n.ask(); err != nil {
				t.Errorf("after a reload: %v", err)
			}
			if s.ServerPID() == s.PID() {
				return
			}
			if err := syscall.Kill(s.ServerPID(), syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			if err := n.ask(); err != nil {
				t.Errorf("after the server's death: %v", err)
			}
		})
	}
}

func TestSocketThatTheFileDoesNotListenOnIsRefused(t *testing.T) {
	t.Parallel()
	s := passed(t, "127.0.0.1:0")
	s.Server = harness.Launch(t, s.opts)
	if code := s.Exit(30 * time.Second); code != 1 {
		t.Errorf("exit code %d, want 1", code)
	}
	if !s.Stderr.Has("no socket for it has been passed") || !s.Stderr.Has("ListenStream=") {
		t.Error("the error does not say what is wrong")
	}
}

// TestUnixSocketOutlivesTheServerAndNotTheKeeper kills the one and stops the
// other.
func TestUnixSocketOutlivesTheServerAndNotTheKeeper(t *testing.T) {
	t.Parallel()
	s := newHandover(t, strings.Replace(handoverIni, "port = %(e2e_port)s", "listen = unix:%(here)s/site.sock", 1))
	s.opts.Port = 0
	s.Server = harness.Start(t, s.opts)
	socket := filepath.Join(s.dir, "site.sock")
	before, err := os.Lstat(socket)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(s.ServerPID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if code, text := asked(t, socket, "/"); code != 200 || !strings.HasPrefix(text, "number 1") {
		t.Errorf("after the server's death: %d, %q", code, text)
	}
	if after, err := os.Lstat(socket); err != nil || !os.SameFile(before, after) {
		t.Errorf("the socket's file is another: %v", err)
	}
	s.Stop()
	if _, err := os.Lstat(socket); err == nil {
		t.Error("the socket's file is left")
	}
}

// TestSignalsChangeTheNumberOfWorkers has one more, and two fewer.
func TestSignalsChangeTheNumberOfWorkers(t *testing.T) {
	t.Parallel()
	s := serveHandover(t, handoverIni)
	s.Signal(syscall.SIGTTIN)
	s.Logged(20*time.Second, "number of workers")
	s.awaitStatus("three workers", func(st statusAnswer) bool { return len(st.Workers) == 3 })
	s.Signal(syscall.SIGTTOU)
	s.awaitStatus("two workers", func(st statusAnswer) bool { return len(st.Workers) == 2 })
	s.Signal(syscall.SIGTTOU)
	s.awaitStatus("one worker", func(st statusAnswer) bool { return len(st.Workers) == 1 })
	s.Signal(syscall.SIGTTOU)
	s.Logged(20*time.Second, "want 1 to")
	s.Signal(syscall.SIGUSR2)
	s.Logged(20*time.Second, "signal without an effect")
}

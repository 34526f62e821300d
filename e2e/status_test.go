package e2e_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"pasted/e2e/harness"
)

// TestStatusTellsOfWorkersAndWhatTheyDo looks at a server with one request in
// it, and after a worker's death.
func TestStatusTellsOfWorkersAndWhatTheyDo(t *testing.T) {
	t.Parallel()
	s := serveHandover(t, handoverIni)
	go func() {
		if r, err := http.Get(s.URL + "/slow/60?secret=1"); err == nil {
			r.Body.Close()
		}
	}()
	st := s.awaitStatus("a request being served", func(st statusAnswer) bool { return st.path() == "/slow/60" })
	if !st.Ready || st.State != "serving" || len(st.Workers) != 2 {
		t.Errorf("status: %+v, want a ready server with two workers", st)
	}
	busy := 0
	for _, w := range st.Workers {
		if w.Memory.RSS < 1<<20 || w.Memory.PSS < 1<<18 || w.Memory.PSS > w.Memory.RSS {
			t.Errorf("memory of worker %d: %+v", w.PID, w.Memory)
		}
		if w.State == "busy" {
			busy = w.PID
		}
	}
	text, _, code := s.Pasted("status", s.ini)
	if code != 0 || !strings.Contains(text, "GET /slow/60 for ") || strings.Contains(text, "secret") {
		t.Errorf("exit code %d, status:\n%s", code, text)
	}
	if err := syscall.Kill(busy, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	st = s.awaitStatus("a restart", func(st statusAnswer) bool { return st.Restarts.Crashed == 1 && len(st.Workers) == 2 })
	if got := st.Restarts.Last[0].Reason; got != "signal: killed" {
		t.Errorf("reason %q, want the signal", got)
	}
	s.Signal(syscall.SIGQUIT) // the request may have been given to the other worker
	s.Exit(atOnce)
}

// TestThreadsFollowTheRequestsThatWait has more requests sleep in a worker than it
// has threads at first.
func TestThreadsFollowTheRequestsThatWait(t *testing.T) {
	t.Parallel()
	s := serveHandover(t, strings.NewReplacer("processes = 2", "processes = 1", "threads = 2", "threads = 1..5").Replace(handoverIni))
	threads := func(n int) func(statusAnswer) bool {
		return func(st statusAnswer) bool { return len(st.Workers) == 1 && st.Workers[0].Threads == n }
	}
	s.awaitStatus("one thread at first", threads(1))
	for range 4 {
		go func() {
			if r, err := http.Get(s.URL + "/slow/60"); err == nil {
				r.Body.Close()
			}
		}()
	}
	st := s.awaitStatus("four requests being served", func(st statusAnswer) bool {
		return len(st.Workers) == 1 && len(st.Workers[0].Serving) == 4
	})
	if !threads(4)(st) {
		t.Errorf("%+v, want four threads in use", st.Workers)
	}
	if text, _, _ := s.Pasted("status", s.ini); !strings.Contains(text, "4 of 5 threads") {
		t.Errorf("no word of the threads:\n%s", text)
	}
	s.Signal(syscall.SIGQUIT)
	s.Exit(atOnce)
}

func TestStatusWithoutAServerSaysSo(t *testing.T) {
	t.Parallel()
	s := serveHandover(t, handoverIni)
	other := filepath.Join(s.dir, "other.ini")
	s.write("other.ini", handoverIni)
	if out, errs, code := s.Pasted("status", other); code != 1 || out != "" || !strings.Contains(errs, "hint: ") {
		t.Errorf("exit code %d, %q, %q: want 1 and a hint", code, out, errs)
	}
	if _, errs, code := s.Pasted("status", "not.ini"); code != 2 || !strings.Contains(errs, "not.ini") {
		t.Errorf("exit code %d, %q: want 2 and the file", code, errs)
	}
	// There may be servers of others, and some of them not ready.
	if out, _, code := s.Pasted("status"); code != 0 && code != 1 || !strings.Contains(out, s.ini) {
		t.Errorf("exit code %d, %q: want the server of the other file", code, out)
	}
}

// asked asks over a Unix socket.
func asked(t *testing.T, socket, path string) (int, string) {
	t.Helper()
	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext:       func(context.Context, string, string) (net.Conn, error) { return net.Dial("unix", socket) },
	}}
	r, err := client.Get("http://pasted" + path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(text)
}

func TestAdminSocketIsItsOwnersAndReplacesAStaleOne(t *testing.T) {
	t.Parallel()
	s := newHandover(t, handoverIni+"\n[pasted:admin]\nsocket = admin.sock\nmetrics = 127.0.0.1:%(e2e_metrics)s\n")
	socket := filepath.Join(s.dir, "admin.sock")
	stale, err := net.ListenUnix("unix", &net.UnixAddr{Name: socket, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	stale.SetUnlinkOnClose(false)
	stale.Close()
	metrics := harness.Port(t)
	s.opts.Args = append(s.opts.Args, "e2e_metrics="+strconv.Itoa(metrics))
	s.Server = harness.Start(t, s.opts)
	info, err := os.Stat(socket)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the socket: %v, %v, want mode 0600", info, err)
	}
	s.get("/")
	for _, want := range []string{"pasted_requests_total 1\n", `pasted_workers{state="ready"} 2`, "pasted_request_service_seconds_count 1\n"} {
		harness.Await(t, 20*time.Second, want, func() bool { // the answer is on its way before it is counted
			code, text := asked(t, socket, "/metrics")
			return code == 200 && strings.Contains(text, want)
		})
	}
	base := "http://127.0.0.1:" + strconv.Itoa(metrics)
	for path, want := range map[string]int{"/metrics": 200, "/-/ready": 200, "/-/live": 200, "/status": 404} {
		r, err := http.Get(base + path)
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
		if r.StatusCode != want {
			t.Errorf("%s on the address: %s, want %d", path, r.Status, want)
		}
	}
	s.Stop()
	if _, err := os.Lstat(socket); err == nil {
		t.Error("the socket is left")
	}
}

// TestStopIsNotReadyFirst has a drain delay: requests are taken as before
// while readiness is gone.
func TestStopIsNotReadyFirst(t *testing.T) {
	t.Parallel()
	s := newHandover(t, strings.Replace(handoverIni, "graceful_timeout", "drain_delay = 8s\ngraceful_timeout", 1)+"\n[pasted:admin]\nsocket = admin.sock\n")
	s.Server = harness.Start(t, s.opts)
	socket := filepath.Join(s.dir, "admin.sock")
	if code, _ := asked(t, socket, "/-/ready"); code != 200 {
		t.Errorf("/-/ready: %d, want 200", code)
	}
	began := time.Now()
	s.Signal(syscall.SIGTERM)
	harness.Await(t, 6*time.Second, "readiness to go", func() bool {
		code, _ := asked(t, socket, "/-/ready")
		return code == 503
	})
	if code, _ := asked(t, socket, "/-/live"); code != 200 {
		t.Errorf("/-/live: %d, want 200", code)
	}
	r, err := http.Get(s.URL + "/")
	if err != nil {
		t.Fatalf("while it drains: %v", err)
	}
	r.Body.Close()
	if r.StatusCode != 200 || r.Close {
		t.Errorf("while it drains: %s, close %v, want it as before", r.Status, r.Close)
	}
	if code := s.Exit(20 * time.Second); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
	if took := time.Since(began); took < 8*time.Second {
		t.Errorf("ended after %v, want the delay before", took)
	}
}

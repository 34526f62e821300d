package e2e_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
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

// A handoverSite is an application in a folder of its own whose answer is the
// number that its code has.
type handoverSite struct {
	*harness.Server
	t    *testing.T
	dir  string
	ini  string
	opts harness.Options
}

const handoverIni = `[app:main]
paste.app_factory = numbered:make

[server:main]
use = egg:pasted#http
port = %(e2e_port)s
short_way = %(e2e_short)s
graceful_timeout = 20s

[pasted:workers]
python = %(e2e_python)s
processes = 2
threads = 2
`

const numberedPy = `
import os, time

def make(global_conf, **local_conf):
    def application(environ, start_response):
        path = environ["PATH_INFO"]
        if path.startswith("/slow/"):
            time.sleep(float(path[6:]))
        body = environ["wsgi.input"].read()
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"number 1 ", str(os.getpid()).encode(), b" ", body]
    return application
`

// newHandover writes the site, changed by change, and does not start it.
func newHandover(t *testing.T, ini string) *handoverSite {
	t.Helper()
	s := &handoverSite{t: t, dir: t.TempDir()}
	s.ini = filepath.Join(s.dir, "site.ini")
	s.write("site.ini", ini)
	s.write("numbered.py", numberedPy)
	s.opts = site{file: s.ini, python: systemPython(t)}.options(t)
	return s
}

func serveHandover(t *testing.T, ini string) *handoverSite {
	t.Helper()
	s := newHandover(t, ini)
	s.Server = harness.Start(t, s.opts)
	return s
}

func (s *handoverSite) write(name, text string) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

// number sets the application's number.
func (s *handoverSite) number(n int) {
	s.write("numbered.py", strings.Replace(numberedPy, "number 1 ", fmt.Sprintf("number %d ", n), 1))
}

// logged waits for the nth line in the log that has text.
func (s *handoverSite) logged(text string, n int) {
	s.t.Helper()
	harness.Await(s.t, 60*time.Second, fmt.Sprintf("%q in the log", text), func() bool {
		return strings.Count(s.Stderr.String(), text) >= n
	})
}

// strict asks on one connection after the other, keepAlive of them each, until
// end is closed, and never twice. It counts answers by their number; anything
// else is a failure of the test.
type strict struct {
	t       *testing.T
	addr    string
	method  string
	mu      sync.Mutex
	numbers map[string]int
	asked   atomic.Int64
	failed  atomic.Int64
}

func (c *strict) run(end <-chan struct{}, perConn int) {
	for {
		conn, err := net.Dial("tcp", c.addr)
		if err != nil {
			c.fail("connect: %v", err)
			return
		}
		in := bufio.NewReader(conn)
		for range perConn {
			select {
			case <-end:
				conn.Close()
				return
			default:
			}
			if !c.ask(conn, in) {
				break
			}
		}
		conn.Close()
	}
}

func (c *strict) fail(format string, args ...any) {
	if c.failed.Add(1) < 5 {
		c.t.Errorf("after %d requests: "+format, append([]any{c.asked.Load()}, args...)...)
	}
}

// ask asks once and says whether the connection may be used again.
func (c *strict) ask(conn net.Conn, in *bufio.Reader) bool {
	c.asked.Add(1)
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	body := ""
	if c.method == "POST" {
		body = "a body"
	}
	fmt.Fprintf(conn, "%s / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s", c.method, len(body), body)
	answer, err := http.ReadResponse(in, nil)
	if err != nil {
		c.fail("%s: %v", c.method, err)
		return false
	}
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != 200 || !strings.HasSuffix(string(text), " "+body) {
		c.fail("%s: %s, %q, %v", c.method, answer.Status, text, err)
		return false
	}
	c.mu.Lock()
	c.numbers[strings.Join(strings.Fields(string(text))[:2], " ")]++
	c.mu.Unlock()
	return !answer.Close
}

// answeredBy counts the answers of all that have had the number n.
func answeredBy(n int, all []*strict) (count int) {
	for _, c := range all {
		c.mu.Lock()
		count += c.numbers[fmt.Sprintf("number %d", n)]
		c.mu.Unlock()
	}
	return count
}

// TestNoRequestIsLostOverReloads has clients that never try twice, on
// connections that stay and on such that do not, while all is loaded anew five
// times: twice the file or the code is broken.
func TestNoRequestIsLostOverReloads(t *testing.T) {
	t.Parallel()
	s := serveHandover(t, handoverIni)
	end := make(chan struct{})
	var clients sync.WaitGroup
	var all []*strict
	for i, perConn := range []int{1, 7, 1 << 30, 1 << 30} {
		c := &strict{t: t, addr: s.Addr, method: []string{"GET", "POST"}[i%2], numbers: map[string]int{}}
		all = append(all, c)
		clients.Go(func() { c.run(end, perConn) })
	}
	over := sync.OnceFunc(func() {
		close(end)
		clients.Wait()
	})
	defer over()
	done, failed := 0, 0
	traffic := func() { // of the release that serves
		t.Helper()
		number, before := done+1, answeredBy(done+1, all)
		harness.Await(t, time.Minute, fmt.Sprintf("100 requests to be answered by number %d", number), func() bool {
			return answeredBy(number, all) >= before+100
		})
	}
	traffic()
	for n, step := range []func(){
		func() { s.number(2) },
		func() { s.write("numbered.py", "import not_there\n") },
		func() { s.number(3) },
		func() { s.write("site.ini", "[app:main\n"+handoverIni) },
		func() { s.number(4); s.write("site.ini", handoverIni+"env.X = 1\n") },
	} {
		step()
		s.Signal(syscall.SIGHUP)
		if n%2 == 0 {
			done++
			s.logged("serving the next release", done)
		} else {
			failed++
			s.logged("the reload has failed", failed)
		}
		traffic()
	}
	over()
	asked, numbers := int64(0), []int{}
	for n := 1; n <= 4; n++ {
		numbers = append(numbers, answeredBy(n, all))
	}
	for _, c := range all {
		asked += c.asked.Load()
	}
	t.Logf("%d requests, answered by the numbers 1 to 4: %v", asked, numbers)
	s.Logged(5*time.Second, "not_there")
	s.Logged(5*time.Second, "closing bracket")
}

// TestReloadLetsRequestsFinishWhereTheyBegan has a request in the old release.
func TestReloadLetsRequestsFinishWhereTheyBegan(t *testing.T) {
	t.Parallel()
	s := serveHandover(t, handoverIni)
	slow := make(chan string, 1)
	go func() {
		r, err := http.Get(s.URL + "/slow/4")
		if err != nil {
			slow <- err.Error()
			return
		}
		defer r.Body.Close()
		text, _ := io.ReadAll(r.Body)
		slow <- string(text)
	}()
	s.awaitStatus("a request being served", func(st statusAnswer) bool { return st.path() == "/slow/4" })
	s.number(2)
	s.Signal(syscall.SIGHUP)
	s.logged("serving the next release", 1)
	if text := s.get("/"); !strings.HasPrefix(text, "number 2") {
		t.Errorf("after the reload: %q, want number 2", text)
	}
	if text := <-slow; !strings.HasPrefix(text, "number 1") {
		t.Errorf("the request of before: %q, want number 1", text)
	}
	s.awaitStatus("the old workers to end", func(st statusAnswer) bool { return len(st.Retiring) == 0 && st.Release.Number == 2 })
}

// TestReloadMovesToAnotherAddress changes the port.
func TestReloadMovesToAnotherAddress(t *testing.T) {
	t.Parallel()
	s := serveHandover(t, handoverIni)
	port := harness.Port(t)
	s.write("site.ini", strings.Replace(handoverIni, "%(e2e_port)s", fmt.Sprint(port), 1))
	s.Signal(syscall.SIGHUP)
	s.logged("serving the next release", 1)
	r, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/", port))
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	harness.Await(t, atOnce, "the old port to be closed", func() bool {
		conn, err := net.Dial("tcp", s.Addr)
		if err == nil {
			conn.Close()
		}
		return err != nil
	})
}

func (s *handoverSite) get(path string) string {
	s.t.Helper()
	r, err := http.Get(s.URL + path)
	if err != nil {
		s.t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(text)
}

// statusAnswer is what the tests look at of pasted status --json.
type statusAnswer struct {
	PID     int
	Keeper  int
	State   string
	Ready   bool
	Release struct{ Number int }
	Workers []struct {
		PID     int
		State   string
		Threads int
		Memory  struct{ RSS, PSS int64 }
		Serving []struct{ Method, Path, Request string }
	}
	Retiring []struct{ PID int }
	Restarts struct {
		Crashed int
		Last    []struct{ Reason string }
	}
	Requests struct{ Answered, Lost int }
}

// path is that of the first request that a worker has.
func (a statusAnswer) path() string {
	for _, w := range a.Workers {
		for _, r := range w.Serving {
			return r.Path
		}
	}
	return ""
}

// status runs pasted status --json for s's file.
func (s *handoverSite) status() (st statusAnswer, code int) {
	s.t.Helper()
	out, _, code := s.Pasted("status", "--json", s.ini)
	if out != "" {
		if err := json.Unmarshal([]byte(out), &st); err != nil {
			s.t.Fatalf("pasted status --json: %v in %q", err, out)
		}
	}
	return st, code
}

func (s *handoverSite) awaitStatus(what string, want func(statusAnswer) bool) (st statusAnswer) {
	s.t.Helper()
	harness.Await(s.t, 30*time.Second, what, func() bool {
		st, _ = s.status()
		return want(st)
	})
	return st
}

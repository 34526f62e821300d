package httpd_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pasted/internal/forwarding"
	"pasted/internal/h1"
	"pasted/internal/httpd"
)

func TestAnswers(t *testing.T) {
	s := serve(t, httpd.Config{Ident: "Example/1.0"}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/plain":
			io.WriteString(w, "<html>")
		case "/ident":
			w.Header().Set("Server", "mine")
		case "/ignore":
			io.WriteString(w, "ignored")
		default:
			echo(w, r)
		}
	}))
	cases := []struct {
		name, request string
		method        string
		body          string
		field, value  string
		close         bool
	}{
		{name: "1.1", request: "GET /a HTTP/1.1\nHost: a\n\n", body: "GET /a "},
		{name: "1.0", request: "GET /a HTTP/1.0\n\n", body: "GET /a ", close: true},
		{name: "1.0 kept", request: "GET /a HTTP/1.0\nConnection: keep-alive\n\n", body: "GET /a ", field: "Connection", value: "keep-alive"},
		{name: "1.1 closed", request: "GET /a HTTP/1.1\nHost: a\nConnection: close\n\n", body: "GET /a ", close: true},
		{name: "HEAD", request: "HEAD /a HTTP/1.1\nHost: a\n\n", method: "HEAD", field: "Content-Length", value: "8"},
		{name: "length", request: "PUT /a HTTP/1.1\nHost: a\nContent-Length: 3\n\nabc", body: "PUT /a abc"},
		{name: "chunks", request: "PUT /a HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n3\nabc\n2;x=y\nde\n0\nT: x\n\n", body: "PUT /a abcde"},
		{name: "body ignored", request: "PUT /ignore HTTP/1.1\nHost: a\nContent-Length: 3\n\nabc", body: "ignored"},
		{name: "large body ignored", request: "PUT /ignore HTTP/1.1\nHost: a\nContent-Length: 600000\n\n" + strings.Repeat("x", 600000), body: "ignored", close: true},
		{name: "no type guessed", request: "GET /plain HTTP/1.1\nHost: a\n\n", body: "<html>", field: "Content-Type"},
		{name: "ident", request: "GET /a HTTP/1.1\nHost: a\n\n", body: "GET /a ", field: "Server", value: "Example/1.0"},
		{name: "ident of the handler", request: "GET /ident HTTP/1.1\nHost: a\n\n", field: "Server", value: "mine"},
		{name: "OPTIONS *", request: "OPTIONS * HTTP/1.1\nHost: a\n\n", body: "OPTIONS * "},
		{name: "expectation ignored", request: "PUT /ignore HTTP/1.1\nHost: a\nExpect: 100-continue\nContent-Length: 3\n\n", body: "ignored", close: true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			client := s.dial(t)
			client.send(c.request)
			r, body := client.answer(c.method)
			if r.StatusCode != 200 || body != c.body || r.Close != c.close {
				t.Errorf("got %s, %q, close %v; want %q, close %v", r.Status, body, r.Close, c.body, c.close)
			}
			if got := r.Header.Get(c.field); got != c.value {
				t.Errorf("%s: %q, want %q", c.field, got, c.value)
			}
			if c.close {
				client.closed()
				return
			}
			client.send("GET /again HTTP/1.1\nHost: a\nConnection: close\n\n")
			if _, body := client.answer("GET"); body != "GET /again " {
				t.Errorf("second request on the connection: %q", body)
			}
			client.closed()
		})
	}
}

func TestAnExpectationIsMetWhenTheBodyIsRead(t *testing.T) {
	s := serve(t, httpd.Config{}, http.HandlerFunc(echo))
	client := s.dial(t)
	client.send("PUT / HTTP/1.1\nHost: a\nExpect: 100-continue\nContent-Length: 3\n\n")
	if r, err := http.ReadResponse(client.reader, nil); err != nil || r.StatusCode != 100 {
		t.Fatal(r, err)
	}
	client.send("abc")
	if _, body := client.answer("PUT"); body != "PUT / abc" {
		t.Errorf("got %q", body)
	}
}

func TestPipelinedRequestsAreAnsweredInTurn(t *testing.T) {
	s := serve(t, httpd.Config{}, http.HandlerFunc(echo))
	client := s.dial(t)
	client.send(strings.Repeat("PUT /a HTTP/1.1\nHost: a\nContent-Length: 2\n\nxy", 20) + "GET /b HTTP/1.1\nHost: a\nConnection: close\n\n")
	for range 20 {
		if _, body := client.answer("PUT"); body != "PUT /a xy" {
			t.Fatalf("got %q", body)
		}
	}
	if _, body := client.answer("GET"); body != "GET /b " {
		t.Errorf("got %q", body)
	}
	client.closed()
}

func TestNoKeepAliveClosesEachConnection(t *testing.T) {
	s := serve(t, httpd.Config{NoKeepAlive: true}, http.HandlerFunc(echo))
	client := s.dial(t)
	client.send("GET / HTTP/1.1\nHost: a\n\n")
	if r, _ := client.answer("GET"); !r.Close {
		t.Error("the connection stays open")
	}
	client.closed()
}

func TestProxyFieldsAreTakenOff(t *testing.T) {
	show := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Header.Get("X-Forwarded-For"), r.Header.Get("Forwarded"), r.Header.Get("X-Other"))
	})
	for clear, want := range map[bool]string{true: "c", false: "abc"} {
		var trust forwarding.Trust
		if clear {
			trust.Clear = forwarding.All
		}
		s := serve(t, httpd.Config{Forwarding: trust}, show)
		client := s.dial(t)
		client.send("GET / HTTP/1.1\nHost: a\nx-forwarded-for: a\nFORWARDED: b\nX-Other: c\n\n")
		if _, body := client.answer("GET"); body != want {
			t.Errorf("cleared %v: the handler sees %q, want %q", clear, body, want)
		}
	}
}

func TestAPrefixIsAMount(t *testing.T) {
	s := serve(t, httpd.Config{URLPrefix: "/app"}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s|%s", h1.ScriptName(r), r.URL.Path)
	}))
	for path, want := range map[string]string{
		"/app/x%20y": "/app|/x y", "/app": "/app|", "/apple": "/app|/apple", "/x": "/app|/x",
	} {
		client := s.dial(t)
		client.send("GET " + path + " HTTP/1.1\nHost: a\n\n")
		if _, body := client.answer("GET"); body != want {
			t.Errorf("%s: %q, want %q", path, body, want)
		}
	}
}

func TestAPanicIsAnsweredAndLogged(t *testing.T) {
	s := serve(t, httpd.Config{}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/begun":
			io.WriteString(w, strings.Repeat("x", 10000))
			panic("late")
		case "/abort":
			panic(http.ErrAbortHandler)
		case "/wrapped":
			panic(fmt.Errorf("gone: %w", http.ErrAbortHandler))
		}
		w.Header().Set("X-Secret", "s")
		panic("early")
	}))
	client := s.dial(t)
	client.send("GET /a HTTP/1.1\nHost: a\n\n")
	if r, body := client.answer("GET"); r.StatusCode != 500 || strings.Contains(body, "early") || r.Header.Get("X-Secret") != "" {
		t.Errorf("%s %q %v", r.Status, body, r.Header)
	}
	if text := s.log.String(); !strings.Contains(text, "panic=early") || !strings.Contains(text, "serve_test.go") || !strings.Contains(text, "level=ERROR") {
		t.Errorf("not logged with its stack:\n%s", text)
	}
	for _, path := range []string{"/begun", "/abort", "/wrapped"} {
		client := s.dial(t)
		client.send("GET " + path + " HTTP/1.1\nHost: a\n\n")
		if r, err := http.ReadResponse(client.reader, nil); err == nil {
			if _, err = io.ReadAll(r.Body); err == nil {
				t.Errorf("%s: the answer looks complete", path)
			}
		}
	}
	if n := strings.Count(s.log.String(), "handler panicked"); n != 2 {
		t.Errorf("%d panics logged, want 2: http.ErrAbortHandler is none\n%s", n, s.log)
	}
}

func TestAHandlerLearnsThatItsClientHasGone(t *testing.T) {
	t.Parallel() // it takes its time
	gone := make(chan struct{})
	s := serve(t, httpd.Config{}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		io.WriteString(w, "x")
		http.NewResponseController(w).Flush()
		<-r.Context().Done()
		close(gone)
	}))
	client := s.dial(t)
	client.send("PUT / HTTP/1.1\nHost: a\nContent-Length: 3\n\nabc")
	client.reader.ReadByte()
	client.Close()
	<-gone
}

// A large answers with a megabyte, on either way.
type large struct{ t *testing.T }

func (l large) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "1048576")
	if _, err := w.Write(make([]byte, 1<<20)); err != nil {
		l.t.Errorf("cut: %v", err)
	}
}

func (l large) ServeHead(x *h1.Exchange) bool {
	a := x.Answer()
	a.Reset(200)
	x.Begin(a, make([]byte, 1<<20), true)
	x.End(true)
	return true
}

// TestAReaderBehindFullBuffersIsSeenToRead reads a little at a time, and for longer
// than the send time-out not enough for the server's socket to say that it takes
// more. The time-out is so long that the reader may be held up.
func TestAReaderBehindFullBuffersIsSeenToRead(t *testing.T) {
	t.Parallel() // it takes its time
	for name, long := range map[string]bool{"long": true, "short": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const timeout = 4 * time.Second
			l := mustListen(t, httpd.Config{}, httpd.Address{Host: "127.0.0.1"})
			setOption(t, l.(*net.TCPListener), unix.SO_SNDBUF, 200<<10)
			dialer := net.Dialer{Control: func(_, _ string, conn syscall.RawConn) error {
				return control(conn, unix.SO_RCVBUF, 1) // the least that there is
			}}
			client := connectBy(t, &dialer, l.Addr())
			serveOn(t, httpd.Config{SendTimeout: timeout, NoShortWay: long}, large{t}, l)
			client.send("GET / HTTP/1.1\nHost: a\nConnection: close\n\n")
			n, slow := 0, time.Now().Add(timeout*5/4)
			for buf := make([]byte, 1<<10); time.Now().Before(slow); time.Sleep(timeout / 20) {
				got, err := io.ReadFull(client, buf)
				if n += got; err != nil {
					t.Fatalf("after %d bytes: %v", n, err)
				}
			}
			rest, err := io.Copy(io.Discard, client)
			if n += int(rest); n < 1<<20 || err != nil {
				t.Errorf("%d bytes, %v", n, err)
			}
		})
	}
}

// setOption sets an option of a socket, which those that it accepts inherit.
func setOption(t *testing.T, conn syscall.Conn, option, value int) {
	t.Helper()
	raw, err := conn.SyscallConn()
	if err == nil {
		err = control(raw, option, value)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func control(conn syscall.RawConn, option, value int) (err error) {
	failed := conn.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, option, value) })
	return errors.Join(failed, err)
}

func TestARealClientThatTakesNothingIsCut(t *testing.T) {
	ended := make(chan error, 1)
	s := serve(t, httpd.Config{SendTimeout: 80 * time.Millisecond}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var err error
		for err == nil {
			_, err = w.Write(make([]byte, 1<<20))
		}
		ended <- err
	}))
	client := s.dial(t)
	client.send("GET / HTTP/1.1\nHost: a\n\n")
	if err := <-ended; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Write() = %v, want a time-out", err)
	}
}

func TestConnectionsAreBounded(t *testing.T) {
	t.Parallel() // it takes its time
	entered, release := make(chan struct{}, 3), make(chan struct{})
	s := serve(t, httpd.Config{MaxConnections: 2}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/wait" {
			entered <- struct{}{}
			<-release
		}
	}))
	busy, idle := s.dial(t), s.dial(t)
	busy.send("GET /wait HTTP/1.1\nHost: a\n\n")
	began := time.Now() // not after the answer: the connection is idle before it is read
	idle.send("GET / HTTP/1.1\nHost: a\n\n")
	idle.answer("GET")
	<-entered

	third := s.dial(t)
	third.send("GET /wait HTTP/1.1\nHost: a\n\n")
	idle.closed()
	if took := time.Since(began); took < time.Second {
		t.Errorf("the idle connection makes room after %v, want 1s", took)
	}
	<-entered
	fourth := s.dial(t)
	fourth.send("GET / HTTP/1.1\nHost: a\nConnection: close\n\n")
	for !strings.Contains(s.log.String(), "all connections are taken") {
		time.Sleep(time.Millisecond)
	}
	close(release)
	busy.answer("GET")
	third.answer("GET")
	fourth.answer("GET")
}

func TestAListenerThatFailsEndsTheServer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	s := serveOn(t, httpd.Config{}, http.HandlerFunc(echo), l)
	if err := s.wait(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Serve() = %v, want the listener's error", err)
	}
}

func TestNoDescriptorIsLeftOpen(t *testing.T) {
	s := serve(t, httpd.Config{MaxBodySize: 10}, http.HandlerFunc(echo))
	before := descriptors(t) // the loops' and the listener's among them
	for range 20 {
		for _, request := range []string{
			"GET / HTTP/1.1\nHost: a\n\n", "nonsense\n\n", "PUT / HTTP/1.1\nHost: a\nContent-Length: 11\n\n",
		} {
			c := s.dial(t)
			c.send(request)
			c.answer("GET")
			c.Close()
		}
	}
	s.stop()
	if err := s.wait(); err != nil {
		t.Error(err)
	}
	if after := descriptors(t); after > before {
		t.Errorf("%d descriptors open, %d before", after, before)
	}
}

func descriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("no /proc here")
	}
	return len(entries)
}

func TestServeHonoursAContextThatHasEnded(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := httpd.Serve(ctx, context.Background(), httpd.Config{}, runLoops(t, 1), []net.Listener{l}, http.HandlerFunc(echo), discard()); err != nil {
		t.Error(err)
	}
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Error("the listener is not closed")
	}
}

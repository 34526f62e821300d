package pool_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"pasted/internal/h1"
	"pasted/internal/pool"
	"pasted/internal/spool"
	"pasted/internal/wire"
	"pasted/internal/wsgi"
)

// A front is a server before a pool.
type front struct {
	addr string
	pool *pool.Pool
	log  *bytes.Buffer
}

// A starter is what Options.Start is.
type starter = func(context.Context, int) (pool.Worker, error)

// serveQuick serves a pool of one worker on so many loops, on the short way or
// not. Of an answer most bytes may wait for a client; 0: any number.
func serveQuick(t *testing.T, short bool, loops int, most int64, start starter) *front {
	t.Helper()
	f := &front{log: new(bytes.Buffer)}
	ran := runLoops(t, loops)
	log := slog.New(slog.NewTextHandler(f.log, nil))
	f.pool = run(t, pool.Options{
		Loops: ran, Start: start, QueueTimeout: patience, Grace: time.Second, Log: quiet,
	})
	h := &pool.Handler{
		Pool: f.pool, Root: 3, Constants: wsgi.NewConstants("Pasted/test", true, true, 1), Scheme: "http",
		Spool: spool.New(spool.Options{Memory: 32 << 10, Max: most, Dir: t.TempDir()}), Log: log,
	}
	base, cancel := context.WithCancel(context.Background())
	cfg := h1.Config{
		Limits: h1.Limits{Body: 4 << 20}, MaxConnections: 1000, BaseContext: base, Handler: h,
		HeaderTimeout: time.Minute, BodyTimeout: time.Minute, IdleTimeout: time.Minute, SendTimeout: time.Minute,
		Refused: func(int, string, net.Addr) {}, Log: log,
	}
	if short {
		cfg.Short = h
	}
	s := h1.NewServer(cfg, ran)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f.addr = l.Addr().String()
	if err := s.Listen(l); err != nil {
		t.Fatal(err)
	}
	l.Close()
	t.Cleanup(func() {
		s.Stop()
		s.Unlisten(0, 0)
		s.Settle()
		s.Cut()
		cancel()
		<-s.Empty()
	})
	return f
}

func (f *front) dial(t *testing.T) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", f.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	return c
}

// everyWay runs a test on the long way, and on the short one where all is on one
// loop, and where answers pass from one to another.
func everyWay(t *testing.T, most int64, start starter, test func(*testing.T, *front)) {
	for _, way := range []struct {
		name  string
		short bool
		loops int
	}{{"long", false, 1}, {"short", true, 1}, {"short, three loops", true, 3}} {
		t.Run(way.name, func(t *testing.T) { test(t, serveQuick(t, way.short, way.loops, most, start)) })
	}
}

// answerPages answers by the path.
func answerPages(t *testing.T, release <-chan struct{}) func(*fakeWorker, int, wire.Frame) {
	plain := head(t, "200 Fine", "Content-Type", "text/plain", "X-B", "1", "x-a", "2")
	send := func(w *fakeWorker, lane int, f wire.Frame, kind wire.Kind, flags uint8, payload []byte) {
		w.send(lane, wire.Frame{Kind: kind, Flags: flags, Number: f.Number, Payload: payload})
	}
	return func(w *fakeWorker, lane int, f wire.Frame) {
		environ := environOf(t, f)
		path, _ := environ.Get("PATH_INFO")
		switch path {
		case "/stream":
			send(w, lane, f, wire.Head, 0, append(bytes.Clone(plain), "one "...))
			send(w, lane, f, wire.Data, 0, []byte("two "))
			send(w, lane, f, wire.Data, 0, []byte("three"))
			send(w, lane, f, wire.End, wire.FlagEnd, nil)
		case "/large":
			send(w, lane, f, wire.Head, 0, plain)
			for i := range 100 {
				send(w, lane, f, wire.Data, 0, bytes.Repeat([]byte{byte('a' + i%26)}, 100_000))
			}
			send(w, lane, f, wire.End, wire.FlagEnd, nil)
		case "/raise":
			send(w, lane, f, wire.End, wire.FlagEnd|wire.FlagFailed, nil)
		case "/half":
			send(w, lane, f, wire.Head, 0, append(bytes.Clone(plain), "one "...))
			send(w, lane, f, wire.End, wire.FlagEnd|wire.FlagFailed, nil)
		case "/bad":
			send(w, lane, f, wire.Head, wire.FlagEnd, head(t, "200 OK", "X", "a\nb"))
		case "/die":
			w.Kill()
		case "/wait":
			<-release
			whole(w, lane, f, plain, "waited")
		default:
			input, _ := environ.Get("wsgi.input")
			length, _ := environ.Get("CONTENT_LENGTH")
			addr, _ := environ.Get("REMOTE_ADDR")
			name, _ := environ.Get("SERVER_NAME")
			whole(w, lane, f, plain, fmt.Sprintf("%v %v %s from %v to %v", path, length, input, addr, name))
		}
	}
}

// ask sends a request and returns status line, fields but the server's, in their
// order, and the body, or the error that the body ends with.
func ask(t *testing.T, c net.Conn, method, request string) string {
	t.Helper()
	if _, err := io.WriteString(c, request); err != nil {
		t.Fatal(err)
	}
	r, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: method})
	if err != nil {
		return err.Error()
	}
	body, err := io.ReadAll(r.Body)
	fields := []string{}
	for name, values := range r.Header {
		if why, _, ok := strings.Cut(values[0], "; request="); ok {
			values[0] = why
		}
		if name != "Date" {
			fields = append(fields, name+"="+strings.Join(values, ","))
		}
	}
	slices.Sort(fields)
	if err != nil {
		body = []byte(err.Error())
	}
	if before, _, ok := strings.Cut(string(body), "(request "); ok {
		body = []byte(before)
	}
	return fmt.Sprintf("%s %d %v %s", r.Status, r.ContentLength, fields, body)
}

func TestBothWaysGiveTheSameAnswersOfWorkers(t *testing.T) {
	everyWay(t, 0, fakes(t, 2, answerPages(t, nil)), func(t *testing.T, f *front) {
		for _, c := range []struct{ method, path, field, body, want string }{
			{"GET", "/a%20b", "", "", "200 Fine 39 [Content-Length=39 Content-Type=text/plain X-A=2 X-B=1] /a b <nil>  from 127.0.0.1 to 127.0.0.1"},
			{"PUT", "/", "Content-Length: 5", "hello", "200 Fine 37 [Content-Length=37 Content-Type=text/plain X-A=2 X-B=1] / 5 hello from 127.0.0.1 to 127.0.0.1"},
			{"PUT", "/", "Content-Length: 0", "", "200 Fine 32 [Content-Length=32 Content-Type=text/plain X-A=2 X-B=1] / 0  from 127.0.0.1 to 127.0.0.1"},
			{"PUT", "/", "Transfer-Encoding: chunked", "2\r\nab\r\n0\r\n\r\n", "200 Fine 34 [Content-Length=34 Content-Type=text/plain X-A=2 X-B=1] / 2 ab from 127.0.0.1 to 127.0.0.1"},
			{"HEAD", "/", "", "", "200 Fine 36 [Content-Length=36 Content-Type=text/plain X-A=2 X-B=1] "},
			{"GET", "/stream", "", "", "200 Fine -1 [Content-Type=text/plain X-A=2 X-B=1] one two three"},
			{"GET", "/raise", "", "", "500 Internal Server Error 77 [Content-Length=77 Content-Type=text/plain; charset=utf-8 X-Content-Type-Options=nosniff] 500 Internal Server Error: the application failed "},
			{"GET", "/bad", "", "", "500 Internal Server Error 77 [Content-Length=77 Content-Type=text/plain; charset=utf-8 X-Content-Type-Options=nosniff] 500 Internal Server Error: the application failed "},
			{"GET", "/half", "", "", "200 Fine -1 [Content-Type=text/plain X-A=2 X-B=1] unexpected EOF"},
			{"GET", "/die", "", "", "502 Bad Gateway 92 [Content-Length=92 Content-Type=text/plain; charset=utf-8 Pasted-Reason=worker-died-twice X-Content-Type-Options=nosniff] 502 Bad Gateway: two workers died while they served this request "},
			{"POST", "/die", "Content-Length: 0", "", "502 Bad Gateway 85 [Content-Length=85 Content-Type=text/plain; charset=utf-8 Pasted-Reason=worker-died X-Content-Type-Options=nosniff] 502 Bad Gateway: the worker that served this request died "},
		} {
			if c.field != "" {
				c.field += "\r\n"
			}
			request := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: a\r\n%s\r\n%s", c.method, c.path, c.field, c.body)
			if got := ask(t, f.dial(t), c.method, request); got != c.want {
				t.Errorf("%s %s %s:\n%s, want\n%s", c.method, c.path, c.field, got, c.want)
			}
		}
	})
}

// TestASlowClientHoldsNoLane has one lane, and a client that reads nothing of a
// large answer while others are served.
func TestASlowClientHoldsNoLaneOnEitherWay(t *testing.T) {
	everyWay(t, 0, fakes(t, 1, answerPages(t, nil)), func(t *testing.T, f *front) {
		slow := f.dial(t)
		io.WriteString(slow, "GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
		for range 5 {
			if got := ask(t, f.dial(t), "GET", "GET / HTTP/1.1\r\nHost: a\r\n\r\n"); !strings.HasPrefix(got, "200 Fine") {
				t.Errorf("%q", got)
			}
		}
		r, err := http.ReadResponse(bufio.NewReader(slow), nil)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(r.Body)
		if err != nil || len(body) != 10_000_000 {
			t.Fatalf("%d bytes, %v", len(body), err)
		}
		for i := range 100 {
			if body[i*100_000] != byte('a'+i%26) || body[i*100_000+99_999] != byte('a'+i%26) {
				t.Fatalf("piece %d is not what was sent", i)
			}
		}
	})
}

func TestALeftRequestIsCancelledOnEitherWay(t *testing.T) {
	for _, path := range []string{"/wait", "/large"} {
		release := make(chan struct{})
		everyWay(t, 0, fakes(t, 1, answerPages(t, release)), func(t *testing.T, f *front) {
			c := f.dial(t)
			io.WriteString(c, "GET "+path+" HTTP/1.1\r\nHost: a\r\n\r\n")
			if path == "/large" {
				io.ReadFull(c, make([]byte, 1000))
			}
			// A request that has not reached the worker would never do so.
			await(t, "the request to reach the worker", func() bool {
				s := f.pool.Stats()
				return len(s.Workers) > 0 && (path != "/wait" || s.Workers[0].Inflight > 0)
			})
			c.(*net.TCPConn).SetLinger(0)
			c.Close()
			if path == "/wait" {
				release <- struct{}{}
			}
			if got := ask(t, f.dial(t), "GET", "GET / HTTP/1.1\r\nHost: a\r\n\r\n"); !strings.HasPrefix(got, "200 Fine") {
				t.Errorf("%s: then %q", path, got)
			}
		})
	}
}

// TestTheShortWayAllocatesNothing counts all that the process allocates, the
// test's own client and worker included, which need nothing.
func TestTheShortWayAllocatesNothing(t *testing.T) {
	payload := append(head(t, "200 OK", "Content-Type", "text/plain"), "hello"...)
	f := serveQuick(t, true, 1, 0, fakes(t, 1, func(w *fakeWorker, lane int, f wire.Frame) {
		frame := wire.AppendHead(w.scratch(lane), wire.Head, wire.FlagEnd, 0, f.Number, len(payload))
		_, _ = w.ends[lane].Write(append(frame, payload...))
	}))
	for name, request := range map[string]string{
		"GET":  "GET /a?b=c HTTP/1.1\r\nHost: example.org\r\nUser-Agent: test\r\nAccept: */*\r\nCookie: a=b\r\n\r\n",
		"POST": "POST /a HTTP/1.1\r\nHost: example.org\r\nContent-Length: 100\r\n\r\n" + strings.Repeat("x", 100),
	} {
		c, bytes, room := f.dial(t), []byte(request), make([]byte, 4096)
		turn := func() {
			if _, err := c.Write(bytes); err != nil {
				t.Fatal(err)
			}
			if _, err := c.Read(room); err != nil {
				t.Fatal(err)
			}
		}
		for range 200 {
			turn()
		}
		const turns = 5000
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range turns {
			turn()
		}
		runtime.ReadMemStats(&after)
		if n := after.Mallocs - before.Mallocs; n > turns/20 {
			t.Errorf("%s: %d allocations in %d requests", name, n, turns)
		}
	}
}

package h1_test

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
	"strings"
	"sync"
	"testing"
	"time"

	"pasted/internal/h1"
)

// A serving is a server on some loops, until its test ends.
type serving struct {
	t       *testing.T
	loops   []*h1.Loop
	addr    string
	server  *h1.Server
	refused chan string
}

// serve serves by short, if it is not nil, and by long.
func serve(t *testing.T, short h1.Short, long http.Handler, change func(*h1.Config)) *serving {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return serveOn(t, l, 2, short, long, change)
}

// serveOn serves on l, by n loops, as serve does. What clients have sent already is
// there when the server's time for it begins, however late the test is.
func serveOn(t *testing.T, l net.Listener, n int, short h1.Short, long http.Handler, change func(*h1.Config)) *serving {
	t.Helper()
	s := &serving{t: t, addr: l.Addr().String(), refused: make(chan string, 1000)}
	base, cancel := context.WithCancel(context.Background())
	cfg := h1.Config{
		Limits: h1.Limits{Body: 1 << 20}, MaxConnections: 1000,
		HeaderTimeout: time.Minute, BodyTimeout: time.Minute, IdleTimeout: time.Minute, SendTimeout: time.Minute,
		Short: short, Handler: long, BaseContext: base,
		Refused: func(code int, reason string, _ net.Addr) { s.refused <- fmt.Sprint(code, " ", reason) },
		Log:     slog.New(slog.DiscardHandler),
	}
	if change != nil {
		change(&cfg)
	}
	for range n {
		s.loops = append(s.loops, runLoop(t))
	}
	s.server = h1.NewServer(cfg, s.loops)
	if err := s.server.Listen(l); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.server.Stop()
		s.server.Unlisten(0, 0)
		s.server.Settle()
		s.server.Cut()
		cancel()
		await(t, s.server.Empty(), "the last connection's end")
	})
	return s
}

type peer struct {
	*net.TCPConn
	t *testing.T
	r *bufio.Reader
}

func (s *serving) dial() *peer {
	s.t.Helper()
	c, err := net.Dial("tcp", s.addr)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(time.Minute))
	return &peer{c.(*net.TCPConn), s.t, bufio.NewReader(c)}
}

func (p *peer) send(text string) {
	p.t.Helper()
	if _, err := io.WriteString(p, text); err != nil {
		p.t.Error(err)
	}
}

// answer returns an answer as it came, head and body, without its Date.
func (p *peer) answer(method string) string {
	p.t.Helper()
	var raw bytes.Buffer
	r, err := http.ReadResponse(bufio.NewReader(io.TeeReader(oneByte{p.r}, &raw)), &http.Request{Method: method})
	if err != nil {
		p.t.Fatalf("no answer: %v after %q", err, raw.String())
	}
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		p.t.Fatalf("half an answer: %v after %.200q", err, raw.String())
	}
	head, body, _ := strings.Cut(raw.String(), "\r\n\r\n")
	var lines []string
	for line := range strings.SplitSeq(head, "\r\n") {
		if !strings.HasPrefix(line, "Date: ") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n") + "\n\n" + body
}

// oneByte keeps a reader from reading ahead.
type oneByte struct{ io.Reader }

func (o oneByte) Read(p []byte) (int, error) { return o.Reader.Read(p[:min(1, len(p))]) }

// ended says whether the server closes the connection, without another byte.
func (p *peer) ended() {
	p.t.Helper()
	if rest, err := io.ReadAll(p.r); err != nil || len(rest) > 0 {
		p.t.Errorf("at the end %q, %v", rest, err)
	}
}

const ok = "HTTP/1.1 200 OK\n"

func TestBothWaysGiveTheSameAnswers(t *testing.T) {
	chunks := "a\r\n0123456789\r\n"
	cases := []struct {
		name, request, want string
		closed              bool
	}{
		{"GET", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", ok + "X-Method: GET\nContent-Length: 4\n\nroot", false},
		{"HEAD", "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", ok + "X-Method: HEAD\nContent-Length: 4\n\n", false},
		{"1.0", "GET / HTTP/1.0\r\n\r\n", ok + "X-Method: GET\nContent-Length: 4\nConnection: close\n\nroot", true},
		{"1.0 kept", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", ok + "X-Method: GET\nContent-Length: 4\nConnection: keep-alive\n\nroot", false},
		{"close", "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", ok + "X-Method: GET\nContent-Length: 4\nConnection: close\n\nroot", true},
		{"small body", "PUT /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", ok + "X-Method: PUT\nContent-Length: 5\n\nhello", false},
		{"empty body", "PUT /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", ok + "X-Method: PUT\nContent-Length: 0\n\n", false},
		{"chunks", "PUT /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", ok + "X-Method: PUT\nContent-Length: 5\n\nhello", false},
		{"later", "GET /later HTTP/1.1\r\nHost: a\r\n\r\n", ok + "X-Method: GET\nContent-Length: 4\n\nlate", false},
		{"length", "GET /length HTTP/1.1\r\nHost: a\r\n\r\n", ok + "X-Method: GET\nContent-Length: 30\n\n" + strings.Repeat("0123456789", 3), false},
		{"204", "GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 204 No Content\nX-Method: GET\n\n", false},
		{"stream to 1.0", "GET /stream HTTP/1.0\r\n\r\n", ok + "X-Method: GET\nConnection: close\n\n" + strings.Repeat("0123456789", 3), true},
		{"stream", "GET /stream HTTP/1.1\r\nHost: a\r\n\r\n", ok + "X-Method: GET\nTransfer-Encoding: chunked\n\n" + strings.Repeat(chunks, 3) + "0\r\n\r\n", false},
		{"HEAD of a stream", "HEAD /stream HTTP/1.1\r\nHost: a\r\n\r\n", ok + "X-Method: HEAD\n\n", false},
		{"decoded path", "GET /%65cho HTTP/1.1\r\nHost: a\r\n\r\n", ok + "X-Method: GET\nContent-Length: 0\n\n", false},
		{"absolute target", "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", ok + "X-Method: GET\nContent-Length: 4\n\nroot", false},
		{"no path", "GET http://b HTTP/1.1\r\nHost: a\r\n\r\n", ok + "X-Method: GET\nContent-Length: 4\n\nroot", false},
		{"long way alone", "GET /long HTTP/1.1\r\nHost: a\r\n\r\n", ok + "X-Method: GET\nContent-Length: 4\n\nlong", false},
	}
	ways(t, nil, func(t *testing.T, s *serving, _ *pages) {
		for _, c := range cases {
			method, _, _ := strings.Cut(c.request, " ")
			p := s.dial()
			p.send(c.request)
			if got := p.answer(method); got != c.want {
				t.Errorf("%s:\n%q, want\n%q", c.name, got, c.want)
			}
			if c.closed {
				p.ended()
				continue
			}
			p.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
			if got := p.answer("GET"); !strings.HasSuffix(got, "root") {
				t.Errorf("%s: then %q", c.name, got)
			}
			p.ended()
		}
	})
}

func TestPipelinedRequestsAreAnsweredInOrder(t *testing.T) {
	ways(t, nil, func(t *testing.T, s *serving, _ *pages) {
		p := s.dial()
		var all strings.Builder
		for i := range 200 {
			body := fmt.Sprint("body ", i)
			fmt.Fprintf(&all, "PUT /echo HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
			all.WriteString("GET /later HTTP/1.1\r\nHost: a\r\n\r\n")
		}
		go p.send(all.String())
		for i := range 200 {
			if got := p.answer("PUT"); !strings.HasSuffix(got, fmt.Sprint("\n\nbody ", i)) {
				t.Fatalf("at %d: %q", i, got)
			}
			if got := p.answer("GET"); !strings.HasSuffix(got, "late") {
				t.Fatalf("at %d: %q", i, got)
			}
		}
	})
}

func TestARequestMayComeInAnyPieces(t *testing.T) {
	request := "PUT /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\nhello world"
	ways(t, nil, func(t *testing.T, s *serving, _ *pages) {
		for range 3 { // whose memory the next one has
			p := s.dial()
			p.send(request)
			p.answer("PUT")
			p.Close()
		}
		for deadline := time.Now().Add(time.Minute); s.server.Open() > 0; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("connections that have been closed are still open")
			}
		}
		p := s.dial()
		for _, size := range []int{1, 7, 40, len(request)} {
			for rest := request; rest != ""; {
				n := min(size, len(rest))
				p.send(rest[:n])
				rest = rest[n:]
				time.Sleep(100 * time.Microsecond) // for what has been sent to be looked at
			}
			if got := p.answer("PUT"); !strings.HasSuffix(got, "\n\nhello world") {
				t.Errorf("in pieces of %d: %q", size, got)
			}
		}
	})
}

func TestAClientMayEndItsSendingAndWaitForTheAnswer(t *testing.T) {
	ways(t, nil, func(t *testing.T, s *serving, _ *pages) {
		t.Parallel() // it takes its time
		for _, path := range []string{"/", "/later", "/stream", "/long", "/trickle"} {
			p := s.dial()
			p.send("GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n")
			p.CloseWrite()
			if got := p.answer("GET"); !strings.HasPrefix(got, ok) {
				t.Errorf("%s: %.100q", path, got)
			}
		}
	})
}

func TestALargeAnswerWaitsForItsClient(t *testing.T) {
	ways(t, nil, func(t *testing.T, s *serving, _ *pages) {
		p := s.dial()
		p.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
		q := s.dial() // others are served meanwhile
		q.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		q.answer("GET")
		r, err := http.ReadResponse(p.r, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r.Body); !bytes.Equal(got, large) || err != nil {
			t.Errorf("%d bytes, not those that were sent, %v", len(got), err)
		}
		p.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		if got := p.answer("GET"); !strings.HasSuffix(got, "root") {
			t.Errorf("then %q", got)
		}
	})
}

func TestWhatIsNotCompleteDoesNotLookSo(t *testing.T) {
	ways(t, nil, func(t *testing.T, s *serving, _ *pages) {
		for _, request := range []string{
			"GET /broken HTTP/1.1\r\nHost: a\r\n\r\n", "GET /broken HTTP/1.0\r\n\r\n", "GET /short HTTP/1.1\r\nHost: a\r\n\r\n",
		} {
			p := s.dial()
			p.send(request)
			r, err := http.ReadResponse(p.r, nil)
			if err == nil {
				_, err = io.ReadAll(r.Body)
			}
			if err == nil {
				t.Errorf("%q: the answer looks complete", request)
			}
		}
	})
}

func TestAClientThatLeavesIsNoticed(t *testing.T) {
	ways(t, nil, func(t *testing.T, s *serving, app *pages) {
		t.Parallel() // it takes its time
		for _, reset := range []bool{false, true} {
			p := s.dial()
			p.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")
			await(t, app.waits, "the request") // else it is never begun
			if reset {
				p.SetLinger(0)
			}
			p.Close()
			await(t, app.gone, fmt.Sprintf("word of it, reset %v,", reset))
		}
	})
}

func TestRefusalsAreAnsweredAndToldOf(t *testing.T) {
	ways(t, nil, func(t *testing.T, s *serving, _ *pages) {
		for request, want := range map[string]string{
			"GET / HTTP/1.1\r\n\r\n":                                       "HTTP/1.1 400 ",
			"GET / HTTP/1.1\r\nHost : a\r\n\r\n":                           "HTTP/1.1 400 ",
			"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999\r\n\r\n": "HTTP/1.1 413 ",
			"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n":                    "HTTP/1.1 501 ",
		} {
			p := s.dial()
			p.send(request)
			if got := p.answer("GET"); !strings.HasPrefix(got, want) || !strings.Contains(got, "Connection: close\n") {
				t.Errorf("%q: %q", request, got)
			}
			p.ended()
			if got := await(t, s.refused, "a word of it"); !strings.HasPrefix(got, want[len("HTTP/1.1 "):]) {
				t.Errorf("%q: told %q", request, got)
			}
		}
	})
}

// TestTheShortWayAllocatesNothing counts what the process allocates over many
// requests, those of the test's own client, which are none, included.
func TestTheShortWayAllocatesNothing(t *testing.T) {
	answer := []byte("Hello, world!\n")
	kind, plain := []byte("Content-Type"), []byte("text/plain")
	s := serve(t, shortFunc(func(x *h1.Exchange) bool {
		a := x.Answer()
		a.Reset(200)
		a.Fields = append(a.Fields, h1.AnswerField{Name: kind, Value: plain})
		x.Begin(a, answer, true)
		x.End(true)
		return true
	}), nil, nil)
	p := s.dial()
	request, room := []byte("GET /hello?a=b HTTP/1.1\r\nHost: example.org\r\nUser-Agent: test\r\nAccept: */*\r\n\r\n"), make([]byte, 4096)
	turn := func() {
		if _, err := p.Write(request); err != nil {
			t.Fatal(err)
		}
		if _, err := p.Read(room); err != nil {
			t.Fatal(err)
		}
	}
	for range 100 {
		turn()
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	const turns = 5000
	for range turns {
		turn()
	}
	runtime.ReadMemStats(&after)
	// A second may end in between, and the runtime has its own needs.
	if n := after.Mallocs - before.Mallocs; n > turns/20 {
		t.Errorf("%d allocations in %d requests", n, turns)
	}
}

type shortFunc func(*h1.Exchange) bool

func (f shortFunc) ServeHead(x *h1.Exchange) bool { return f(x) }

func TestManyClientsAtOnce(t *testing.T) {
	ways(t, nil, func(t *testing.T, s *serving, _ *pages) {
		var running sync.WaitGroup
		for i := range 50 {
			running.Go(func() {
				p := s.dial()
				for j := range 40 {
					body := fmt.Sprint(i, " ", j)
					p.send(fmt.Sprintf("PUT /echo HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s", len(body), body))
					if got := p.answer("PUT"); !strings.HasSuffix(got, "\n\n"+body) {
						t.Errorf("%q", got)
					}
				}
			})
		}
		running.Wait()
	})
}

package httpd_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"pasted/internal/h1"
	"pasted/internal/httpd"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A log is what a server has logged, a line each.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// A serving is a server that runs until its test ends.
type serving struct {
	listeners []net.Listener
	loops     []*h1.Loop
	log       *log
	stop      context.CancelFunc // gracefully
	kill      context.CancelFunc
	done      chan struct{}
	err       error // of Serve; read it after done
}

// runLoops returns n loops that run until the test and what it has started end.
func runLoops(t *testing.T, n int) []*h1.Loop {
	t.Helper()
	var running sync.WaitGroup
	loops := make([]*h1.Loop, n)
	for i := range loops {
		l, err := h1.NewLoop()
		if err != nil {
			t.Fatal(err)
		}
		loops[i] = l
		running.Go(l.Run)
	}
	t.Cleanup(func() {
		for _, l := range loops {
			l.Close()
		}
		running.Wait()
	})
	return loops
}

// serveOn serves listeners.
func serveOn(t *testing.T, cfg httpd.Config, handler http.Handler, listeners ...net.Listener) *serving {
	t.Helper()
	s := &serving{listeners: listeners, loops: runLoops(t, 2), log: new(log), done: make(chan struct{})}
	ctx, stop := context.WithCancel(context.Background())
	kill, now := context.WithCancel(context.Background())
	s.stop, s.kill = stop, now
	go func() {
		defer close(s.done)
		s.err = httpd.Serve(ctx, kill, cfg, s.loops, listeners, handler, slog.New(slog.NewTextHandler(s.log, nil)))
	}()
	t.Cleanup(func() {
		stop()
		now()
		<-s.done
	})
	return s
}

// serve serves cfg.Listen, or else a free port of 127.0.0.1.
func serve(t *testing.T, cfg httpd.Config, handler http.Handler) *serving {
	t.Helper()
	if cfg.Listen == nil {
		cfg.Listen = []httpd.Address{{Host: "127.0.0.1"}}
	}
	listeners, err := httpd.Listen(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return serveOn(t, cfg, handler, listeners...)
}

func (s *serving) addr() string { return s.listeners[0].Addr().String() }

// wait returns what Serve has returned.
func (s *serving) wait() error {
	<-s.done
	return s.err
}

// turn returns when every loop has ended the turn that it was in: it looks at
// what comes from now on by a later time.
func (s *serving) turn() {
	for range 2 { // what is posted is called within a turn
		var called sync.WaitGroup
		for _, l := range s.loops {
			called.Add(1)
			l.Post(called.Done)
		}
		called.Wait()
	}
}

// A client speaks raw bytes.
type client struct {
	net.Conn
	t      *testing.T
	reader *bufio.Reader
}

// dial connects to the server.
func (s *serving) dial(t *testing.T) *client {
	t.Helper()
	return connect(t, s.listeners[0].Addr())
}

// connect connects to a listener that perhaps nobody accepts from yet. What is
// sent until somebody does is there when the server's time for it begins, however
// late the test is. The connection fails the test after a while rather than to
// hang.
func connect(t *testing.T, addr net.Addr) *client {
	t.Helper()
	return connectBy(t, new(net.Dialer), addr)
}

func connectBy(t *testing.T, dialer *net.Dialer, addr net.Addr) *client {
	t.Helper()
	conn, err := dialer.Dial(addr.Network(), addr.String())
	if err != nil {
		t.Fatal(err)
	}
	conn.SetDeadline(time.Now().Add(time.Minute))
	return newClient(t, conn)
}

func newClient(t *testing.T, conn net.Conn) *client {
	t.Cleanup(func() { conn.Close() })
	return &client{Conn: conn, t: t, reader: bufio.NewReader(conn)}
}

// send sends text with its line ends made to be HTTP's. Whether all of it has
// been read does not matter.
func (c *client) send(text string) {
	_, _ = io.WriteString(c.Conn, strings.ReplaceAll(text, "\n", "\r\n"))
}

// answer reads an answer to a request by that method.
func (c *client) answer(method string) (*http.Response, string) {
	c.t.Helper()
	r, err := http.ReadResponse(c.reader, &http.Request{Method: method})
	if err != nil {
		c.t.Fatalf("no answer: %v", err)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		c.t.Fatalf("half an answer: %v", err)
	}
	return r, string(body)
}

// closed waits until the server has closed the connection.
func (c *client) closed() {
	c.t.Helper()
	rest, err := io.ReadAll(c.reader)
	if err != nil && !strings.Contains(err.Error(), "reset") {
		c.t.Errorf("connection not closed: %v", err)
	}
	if len(rest) > 0 {
		c.t.Errorf("unexpected bytes at the end: %q", rest)
	}
}

// echo answers with the request's line, some of its fields and its body.
func echo(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	w.Header().Set("Content-Type", "text/plain")
	_, _ = io.WriteString(w, r.Method+" "+r.URL.Path+" "+string(body))
}

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

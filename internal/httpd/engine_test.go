package httpd_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pasted/internal/httpd"
)

// An engineTest is an engine on kept sockets, as a host has it.
type engineTest struct {
	*httpd.Engine
	sockets httpd.Sockets
	addr    net.Addr
	stop    context.CancelFunc // gracefully
	// stopping, if it is not nil, holds up the stop when the clients have been told
	// of it, and before any connection is closed.
	stopping func()
	done     chan struct{} // Serve has returned
}

func runEngine(t *testing.T, cfg httpd.Config, handler http.Handler) *engineTest {
	t.Helper()
	e := &engineTest{done: make(chan struct{})}
	listeners, err := e.sockets.Listen(cfg)
	if err != nil {
		t.Fatal(err)
	}
	e.addr = listeners[0].Addr()
	e.Engine = httpd.NewEngine(context.Background(), cfg, runLoops(t, 2), handler, discard())
	ctx, cancel := context.WithCancel(context.Background())
	e.stop = cancel
	closed := func() {
		if e.stopping != nil {
			e.stopping()
		}
		e.sockets.Close()
	}
	go func() {
		defer close(e.done)
		if err := e.Serve(ctx, context.Background(), listeners, closed); err != nil {
			t.Errorf("Serve() = %v", err)
		}
	}()
	t.Cleanup(func() {
		e.stop()
		<-e.done
		if conn, err := net.Dial("tcp", e.addr.String()); err == nil {
			conn.Close()
			t.Error("the port is bound after the stop")
		}
	})
	return e
}

func (e *engineTest) dial(t *testing.T) *client {
	t.Helper()
	return connect(t, e.addr)
}

func (e *engineTest) swap(t *testing.T, cfg httpd.Config, handler http.Handler) (settled func() bool) {
	t.Helper()
	listeners, err := e.sockets.Listen(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if settled, err = e.Swap(cfg, handler, listeners); err != nil {
		t.Fatal(err)
	}
	e.sockets.Trim()
	return settled
}

// TestSwapKeepsConnectionsAndFinishesRequestsWhereTheyBegan has a request in the
// handler, and a connection that waits for its next one.
func TestSwapKeepsConnectionsAndFinishesRequestsWhereTheyBegan(t *testing.T) {
	cfg := httpd.Config{Listen: []httpd.Address{{Host: "127.0.0.1"}}}
	entered, leave := make(chan struct{}), make(chan struct{})
	e := runEngine(t, cfg, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/held" {
			close(entered)
			<-leave
		}
		_, _ = io.WriteString(w, "first")
	}))
	idle, held := e.dial(t), e.dial(t)
	idle.send("GET / HTTP/1.1\nHost: a\n\n")
	if _, body := idle.answer("GET"); body != "first" {
		t.Errorf("before: %q", body)
	}
	held.send("GET /held HTTP/1.1\nHost: a\n\n")
	<-entered
	cfg.MaxBodySize = 3
	settled := e.swap(t, cfg, named("second"))
	if settled() {
		t.Error("settled with a request in the handler of before")
	}
	idle.send("GET / HTTP/1.1\nHost: a\n\n")
	if _, body := idle.answer("GET"); body != "second" {
		t.Errorf("on the connection of before: %q, want the second's", body)
	}
	idle.send("POST / HTTP/1.1\nHost: a\nContent-Length: 4\n\nbody")
	if answer, _ := idle.answer("POST"); answer.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("a body over the new limit: %s", answer.Status)
	}
	close(leave)
	if _, body := held.answer("GET"); body != "first" {
		t.Errorf("the request of before: %q, want the first's", body)
	}
	for deadline := time.Now().Add(20 * time.Second); !settled(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("never settled")
		}
	}
	fresh := e.dial(t)
	fresh.send("GET / HTTP/1.1\nHost: a\n\n")
	if _, body := fresh.answer("GET"); body != "second" {
		t.Errorf("on a new connection: %q, want the second's", body)
	}
}

// TestSwapLosesNoConnection connects all the time.
func TestSwapLosesNoConnection(t *testing.T) {
	cfg := httpd.Config{Listen: []httpd.Address{{Host: "127.0.0.1"}}}
	e := runEngine(t, cfg, named("x"))
	end := make(chan struct{})
	var running sync.WaitGroup
	for range 4 {
		running.Go(func() {
			for {
				select {
				case <-end:
					return
				default:
				}
				r, err := http.Get("http://" + e.addr.String() + "/")
				if err != nil {
					t.Errorf("during swaps: %v", err)
					return
				}
				r.Body.Close()
			}
		})
	}
	for range 50 {
		e.swap(t, cfg, named("y"))
	}
	close(end)
	running.Wait()
}

// given returns a group of one socket on addr, as somebody else has bound it.
func given(t *testing.T, network, addr string) (httpd.Group, net.Addr) {
	t.Helper()
	l, err := net.Listen(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	file, err := l.(interface{ File() (*os.File, error) }).File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if u, ok := l.(*net.UnixListener); ok {
		u.SetUnlinkOnClose(false)
	}
	l.Close()
	fd, err := unix.FcntlInt(file.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	return httpd.Group{Key: "web", FDs: []int{fd}}, l.Addr()
}

func TestGivenSocketsAreMatchedByTheirAddress(t *testing.T) {
	path := filepath.Join(t.TempDir(), "socket")
	web, addr := given(t, "tcp", "127.0.0.1:0")
	local, _ := given(t, "unix", path)
	var s httpd.Sockets
	s.Give([]httpd.Group{web, local})
	var shared []httpd.Group
	s.Share = func(list []httpd.Group) error { shared = list; return nil }
	cfg := httpd.Config{Listen: []httpd.Address{{Path: path}, {Host: "127.0.0.1", Port: addr.(*net.TCPAddr).Port}}}
	listeners, err := s.Listen(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if len(listeners) != 2 || listeners[0].Addr().String() != path || listeners[1].Addr().String() != addr.String() {
		t.Errorf("listeners: %v", listeners)
	}
	for _, l := range listeners {
		l.Close()
	}
	if len(shared) != 2 || !s.Passed() {
		t.Errorf("shared: %+v", shared)
	}
	// Another process takes them over, and does not take the file for its own.
	var next httpd.Sockets
	var groups []httpd.Group
	for _, g := range shared {
		fd, err := unix.FcntlInt(uintptr(g.FDs[0]), unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		groups = append(groups, httpd.Group{Key: g.Key, FDs: []int{fd}})
	}
	next.Adopt(groups)
	if listeners, err = next.Listen(cfg); err != nil {
		t.Fatal(err)
	}
	for _, l := range listeners {
		l.Close()
	}
	next.Close()
	s.Close()
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("the passed socket's file: %v", err)
	}
}

func TestGivenSocketsAndAddressesMustBeTheSame(t *testing.T) {
	for name, test := range map[string]struct {
		listen []httpd.Address
		want   string
	}{
		"an address without a socket": {[]httpd.Address{{Host: "127.0.0.1", Port: 1}}, "no socket for it has been passed"},
		"a socket without an address": {[]httpd.Address{{Host: "127.0.0.1"}}, "none of the addresses"},
	} {
		var s httpd.Sockets
		one, _ := given(t, "tcp", "127.0.0.1:0")
		two, _ := given(t, "tcp", "127.0.0.2:0")
		s.Give([]httpd.Group{one, two})
		_, err := s.Listen(httpd.Config{Listen: test.listen})
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
		s.Close()
	}
}

// TestGivenSocketsOutliveAListenThatFails has a second address fail, and then
// none.
func TestGivenSocketsOutliveAListenThatFails(t *testing.T) {
	web, addr := given(t, "tcp", "127.0.0.1:0")
	var s httpd.Sockets
	defer s.Close()
	s.Give([]httpd.Group{web})
	address := httpd.Address{Host: "127.0.0.1", Port: addr.(*net.TCPAddr).Port}
	if _, err := s.Listen(httpd.Config{Listen: []httpd.Address{address, {Host: "127.0.0.1", Port: 1}}}); err == nil {
		t.Fatal("an address without a socket is listened on")
	}
	listeners, err := s.Listen(httpd.Config{Listen: []httpd.Address{address}})
	if err != nil {
		t.Fatal(err)
	}
	if len(listeners) != 1 || listeners[0].Addr().String() != addr.String() {
		t.Errorf("listeners: %v, want one on %s", listeners, addr)
	}
	for _, l := range listeners {
		l.Close()
	}
}

func TestAddressesThatNobodyKeepsAreNotBound(t *testing.T) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	free.Close()
	port := free.Addr().(*net.TCPAddr).Port
	refused := errors.New("nobody keeps it")
	s := httpd.Sockets{Share: func([]httpd.Group) error { return refused }}
	if _, err := s.Listen(httpd.Config{Listen: []httpd.Address{{Host: "127.0.0.1", Port: port}}}); !errors.Is(err, refused) {
		t.Errorf("Listen() = %v, want %v", err, refused)
	}
	again, err := net.Listen("tcp", free.Addr().String())
	if err != nil {
		t.Fatalf("the address is still bound: %v", err)
	}
	again.Close()
}

package main

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"
)

// startHello serves hello, and says how many connections there have been.
func startHello(t *testing.T, answer http.HandlerFunc) (addr string, connections *atomic.Int64) {
	t.Helper()
	connections = new(atomic.Int64)
	s := httptest.NewUnstartedServer(answer)
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	return s.Listener.Addr().String(), connections
}

func sayHello(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("Hello, World!\n")) }

func TestOpenLoopCountsFromWhenARequestWasDue(t *testing.T) {
	release := make(chan struct{})
	addr, connections := startHello(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			<-release
		}
		sayHello(w, r)
	})
	h, err := newHerd(addr)
	if err != nil {
		t.Fatal(err)
	}
	defer h.close()
	// The slow one holds its connection while the others come and go.
	arrivals := []arrival{{0, 1}, {20 * time.Millisecond, 0}, {40 * time.Millisecond, 0}, {60 * time.Millisecond, 0}}
	time.AfterFunc(100*time.Millisecond, func() { close(release) })
	outcomes, err := h.play(context.Background(), addr, []exchange{hello("/"), hello("/slow")}, arrivals)
	if err != nil {
		t.Fatal(err)
	}
	for i, o := range outcomes {
		if o.err != nil {
			t.Errorf("request %d: %v", i, o.err)
		}
	}
	if outcomes[0].took < 90*time.Millisecond {
		t.Errorf("the slow one took %v, want what it was held for", outcomes[0].took)
	}
	if n := connections.Load(); n < 2 || n > 4 {
		t.Errorf("%d connections for what needs two", n)
	}
}

func TestOpenLoopServesPeersThatCloseEachConnection(t *testing.T) {
	addr, connections := startHello(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close")
		sayHello(w, r)
	})
	h, err := newHerd(addr)
	if err != nil {
		t.Fatal(err)
	}
	defer h.close()
	arrivals := traffic{rate: 1000, duration: 50 * time.Millisecond}.arrivals(7)
	outcomes, err := h.play(context.Background(), addr, []exchange{hello("/")}, arrivals)
	if _, failed := tookOf(outcomes); err != nil || failed != nil {
		t.Fatal(err, failed)
	}
	if n := int(connections.Load()); n != len(arrivals) {
		t.Errorf("%d connections for %d requests", n, len(arrivals))
	}
}

func TestWrongAnswersOfAnOpenLoopAreFailures(t *testing.T) {
	addr, _ := startHello(t, func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte("Hello, Wörld!")) })
	h, err := newHerd(addr)
	if err != nil {
		t.Fatal(err)
	}
	defer h.close()
	outcomes, err := h.play(context.Background(), addr, []exchange{hello("/")}, []arrival{{0, 0}, {1, 0}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tookOf(outcomes); err == nil || err.Error() != "2 of 2 requests failed: wrong bytes: 14 for 14, the first wrong one at 8" {
		t.Errorf("tookOf() = %v", err)
	}
}

func TestConnectionsStayOpenAndAreCounted(t *testing.T) {
	const n = 300
	addr, connections := startHello(t, sayHello)
	h, err := newHerd(addr)
	if err != nil {
		t.Fatal(err)
	}
	defer h.close()
	got, err := h.atOnce(context.Background(), addr, hello("/"), n, batch, 20*time.Second)
	if err != nil || got != n || connections.Load() != n || h.kept() != n {
		t.Errorf("%d answered on %d connections, %d kept, %v; want %d of each", got, connections.Load(), h.kept(), err, n)
	}
}

func TestConnectionsThatCloseAreNotKept(t *testing.T) {
	addr, _ := startHello(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close")
		sayHello(w, r)
	})
	h, err := newHerd(addr)
	if err != nil {
		t.Fatal(err)
	}
	defer h.close()
	if got, err := h.atOnce(context.Background(), addr, hello("/"), 10, batch, 20*time.Second); err != nil || got != 10 || h.kept() != 0 {
		t.Errorf("%d answered, %d kept, %v; want 10 and none", got, h.kept(), err)
	}
}

package httpd_test

import (
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"pasted/internal/httpd"
)

// named answers with a name.
func named(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, name) })
}

// serveKept serves with the sockets that are kept.
func serveKept(t *testing.T, sockets *httpd.Sockets, cfg httpd.Config, name string) *serving {
	t.Helper()
	listeners, err := sockets.Listen(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return serveOn(t, cfg, named(name), listeners...)
}

// TestClientOfKeptSocketsWaitsForTheNextServer connects while nobody serves,
// and has a connection without a request at the stop.
func TestClientOfKeptSocketsWaitsForTheNextServer(t *testing.T) {
	path := filepath.Join(t.TempDir(), "socket")
	cfg := httpd.Config{KeepSockets: true, Listen: []httpd.Address{{Host: "127.0.0.1"}, {Path: path}}}
	sockets := new(httpd.Sockets)
	defer sockets.Close()
	first := serveKept(t, sockets, cfg, "first")
	idle := first.dial(t)
	idle.send("GET / HTTP/1.1\nHost: a\n\n")
	if _, body := idle.answer("GET"); body != "first" {
		t.Errorf("answer %q", body)
	}
	first.stop()
	if err := first.wait(); err != nil {
		t.Fatal(err)
	}
	idle.closed()
	waiting := first.dial(t)
	waiting.send("GET / HTTP/1.1\nHost: a\n\n")
	second := serveKept(t, sockets, cfg, "second")
	if got, want := second.addr(), first.addr(); got != want {
		t.Errorf("the second listens on %s, want %s", got, want)
	}
	if _, body := waiting.answer("GET"); body != "second" {
		t.Errorf("answer %q to who has waited, want the second's", body)
	}
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	second.stop()
	if err := second.wait(); err != nil {
		t.Error(err)
	}
	sockets.Close()
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the Unix socket's file is left: %v", err)
	}
	if conn, err := net.Dial("tcp", first.addr()); err == nil {
		conn.Close()
		t.Error("the port is still bound")
	}
}

// TestUndoneListenLeavesWhatWasBefore listens on another address, which nobody
// will accept from.
func TestUndoneListenLeavesWhatWasBefore(t *testing.T) {
	sockets := new(httpd.Sockets)
	defer sockets.Close()
	var shared int
	sockets.Share = func(list []httpd.Group) error { shared = len(list); return nil }
	listen := func(hosts ...string) string {
		t.Helper()
		var cfg httpd.Config
		for _, host := range hosts {
			cfg.Listen = append(cfg.Listen, httpd.Address{Host: host})
		}
		listeners, err := sockets.Listen(cfg)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range listeners {
			l.Close()
		}
		return listeners[0].Addr().String()
	}
	first := listen("127.0.0.1")
	second := listen("127.0.0.2")
	sockets.Undo()
	sockets.Trim()
	if conn, err := net.Dial("tcp", second); err == nil {
		conn.Close()
		t.Errorf("%s is still bound", second)
	}
	conn, err := net.Dial("tcp", first)
	if err != nil || shared != 1 {
		t.Fatalf("of before: %v; %d addresses are shared, want 1", err, shared)
	}
	conn.Close()
	if again := listen("127.0.0.1"); again != first {
		t.Errorf("bound anew: %s, then %s", first, again)
	}
}

func TestKeptSocketsAreGivenBackForOthers(t *testing.T) {
	sockets := new(httpd.Sockets)
	defer sockets.Close()
	listen := func(cfg httpd.Config) string {
		t.Helper()
		listeners, err := sockets.Listen(cfg)
		if err != nil {
			t.Fatal(err)
		}
		sockets.Trim()
		defer func() {
			for _, l := range listeners {
				l.Close()
			}
		}()
		return listeners[0].Addr().String()
	}
	one := httpd.Config{Listen: []httpd.Address{{Host: "127.0.0.1"}}}
	first := listen(one)
	if again := listen(one); again != first {
		t.Errorf("the same address is bound anew: %s, then %s", first, again)
	}
	listen(httpd.Config{Listen: []httpd.Address{{Host: "127.0.0.2"}, {Host: "127.0.0.2"}}})
	if conn, err := net.Dial("tcp", first); err == nil {
		conn.Close()
		t.Errorf("%s is still bound", first)
	}
	path := filepath.Join(t.TempDir(), "no", "such", "folder", "socket")
	if _, err := sockets.Listen(httpd.Config{Listen: []httpd.Address{{Path: path}}}); err == nil {
		t.Error("a socket in a folder that is not there")
	}
}

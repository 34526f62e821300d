package systemd_test

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"pasted/internal/systemd"
)

func TestManagerHearsOfTheService(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	t.Setenv("NOTIFY_SOCKET", path)
	t.Setenv("WATCHDOG_USEC", "3000000")
	t.Setenv("WATCHDOG_PID", strconv.Itoa(os.Getpid()))
	m := systemd.Service()
	if m.Watchdog != 3*time.Second {
		t.Errorf("Watchdog = %v, want 3s", m.Watchdog)
	}
	if _, there := os.LookupEnv("NOTIFY_SOCKET"); there {
		t.Error("NOTIFY_SOCKET is left for children")
	}
	if err := m.Notify("READY=1\nSTATUS=x"); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 100)
	n, err := conn.Read(buf)
	if got := string(buf[:n]); err != nil || got != "READY=1\nSTATUS=x" {
		t.Errorf("heard %q, %v", got, err)
	}
}

func TestNobodyHearsNothing(t *testing.T) {
	t.Setenv("WATCHDOG_USEC", "3000000")
	t.Setenv("WATCHDOG_PID", "1")
	m := systemd.Service()
	if err := m.Notify("READY=1"); err != nil || m.Watchdog != 0 {
		t.Errorf("Notify() = %v, Watchdog = %v; want neither", err, m.Watchdog)
	}
}

func TestSocketsOfAnotherProcessAreNotTaken(t *testing.T) {
	t.Setenv("LISTEN_PID", "1")
	t.Setenv("LISTEN_FDS", "1")
	if got, err := systemd.Sockets(); len(got) > 0 || err != nil {
		t.Errorf("Sockets() = %v, %v", got, err)
	}
}

func TestWrongNumberOfSocketsIsRefused(t *testing.T) {
	for _, count := range []string{"", "-1", "x", "100000"} {
		t.Setenv("LISTEN_PID", strconv.Itoa(os.Getpid()))
		t.Setenv("LISTEN_FDS", count)
		if _, err := systemd.Sockets(); err == nil || !strings.Contains(err.Error(), "LISTEN_FDS") {
			t.Errorf("LISTEN_FDS=%q: %v, want an error", count, err)
		}
	}
}

func TestReloadingSaysWhenItBegan(t *testing.T) {
	first, second := systemd.Reloading(), systemd.Reloading()
	_, a, _ := strings.Cut(first, "MONOTONIC_USEC=")
	_, b, _ := strings.Cut(second, "MONOTONIC_USEC=")
	x, err1 := strconv.ParseInt(a, 10, 64)
	y, err2 := strconv.ParseInt(b, 10, 64)
	if err1 != nil || err2 != nil || x <= 0 || y < x {
		t.Errorf("Reloading() = %q, then %q", first, second)
	}
}

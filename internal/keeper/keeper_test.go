package keeper_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pasted/internal/keeper"
)

// role is in the environment of this test's binary when it is a server, and
// notes is where that writes what it does.
const (
	role  = "KEEPER_TEST_ROLE"
	notes = "KEEPER_TEST_NOTES"
)

func TestMain(m *testing.M) {
	if os.Getenv(role) != "" {
		os.Exit(serve(os.Getenv(role)))
	}
	os.Exit(m.Run())
}

// note appends a line to the notes.
func note(format string, args ...any) {
	f, err := os.OpenFile(os.Getenv(notes), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err == nil {
		fmt.Fprintf(f, format+"\n", args...)
		f.Close()
	}
}

// serve is the server that the tests keep.
func serve(role string) int {
	s, err := keeper.Attach()
	if err != nil || s == nil {
		note("not attached: %v", err)
		return 70
	}
	note("start restart=%v kept=%d given=%d", s.Restart, len(s.Kept), len(s.Given))
	var running sync.WaitGroup
	running.Go(s.Run)
	defer running.Wait()
	defer s.Close()
	switch role {
	case "fails":
		s.Bye()
		return 3
	case "dies":
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	case "dies once":
		if s.Restart {
			s.Notify("READY=1")
			s.Bye()
			return 0
		}
		if err := hold(s); err != nil {
			note("hold: %v", err)
		}
		s.Notify("READY=1")
		time.Sleep(50 * time.Millisecond) // the note of READY is read before the death
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	case "waits":
		s.Notify("READY=1")
		<-s.Gone()
		return 0
	}
	return 0
}

// hold has the keeper keep a new socket.
func hold(s *keeper.Server) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	file, err := l.(*net.TCPListener).File()
	if err != nil {
		return err
	}
	fd, err := unix.FcntlInt(file.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return err
	}
	return s.Hold([]keeper.Group{{Key: "an address", FDs: []int{fd}}})
}

// keep runs a keeper over a server of that role.
func keep(t *testing.T, name string) (code int, noted, log string, err error) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "notes")
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	var text bytes.Buffer
	code, err = keeper.Run(keeper.Options{
		Path: exe, Args: []string{exe}, Env: append(os.Environ(), role+"="+name, notes+"="+file),
		Files: [3]*os.File{null, null, os.Stderr}, Log: slog.New(slog.NewTextHandler(&text, nil)),
	})
	data, _ := os.ReadFile(file)
	return code, string(data), text.String(), err
}

func TestExitCodeOfAServerThatEndsOnPurposeIsPassedOn(t *testing.T) {
	code, noted, _, err := keep(t, "fails")
	if code != 3 || err != nil || strings.Count(noted, "start restart=") != 1 {
		t.Errorf("Run() = %d, %v after\n%s\nwant 3 after one start", code, err, noted)
	}
}

func TestServerThatDiesIsFollowedByAnotherWithItsSockets(t *testing.T) {
	code, noted, log, err := keep(t, "dies once")
	if code != 0 || err != nil {
		t.Errorf("Run() = %d, %v", code, err)
	}
	want := "start restart=false kept=0 given=0\nstart restart=true kept=1 given=0\n"
	if noted != want {
		t.Errorf("the servers note\n%s\nwant\n%s", noted, want)
	}
	if !strings.Contains(log, "signal: killed") {
		t.Errorf("the log does not say why:\n%s", log)
	}
}

func TestServerThatIsNeverReadyIsGivenUp(t *testing.T) {
	if testing.Short() {
		t.Skip("it backs off for some ten seconds")
	}
	code, noted, _, err := keep(t, "dies")
	if code == 0 || err == nil || !strings.Contains(err.Error(), "giving up") {
		t.Errorf("Run() = %d, %v, want an error that says that it gives up", code, err)
	}
	if n := strings.Count(noted, "start restart="); n != 8 {
		t.Errorf("%d starts, want 8", n)
	}
}

func TestStopSignalEndsServerAndKeeper(t *testing.T) {
	done := make(chan string, 1)
	dir := t.TempDir()
	go func() { // as soon as the server has begun, it is told to end
		for range 2000 {
			if found, _ := filepath.Glob("/proc/self/task/*/children"); len(found) > 0 {
				for _, list := range found {
					if text, _ := os.ReadFile(list); len(bytes.TrimSpace(text)) > 0 {
						_ = syscall.Kill(os.Getpid(), syscall.SIGTERM)
						done <- dir
						return
					}
				}
			}
			time.Sleep(10 * time.Millisecond)
		}
		done <- ""
	}()
	code, _, log, err := keep(t, "waits")
	if <-done == "" {
		t.Fatal("no server was started")
	}
	if code > 1 || err != nil {
		t.Errorf("Run() = %d, %v, want an end\n%s", code, err, log)
	}
}

func TestProcessWithoutAKeeperIsNotAttached(t *testing.T) {
	t.Setenv("PASTED_KEEPER", "1")
	if s, err := keeper.Attach(); s != nil || err != nil {
		t.Errorf("Attach() = %v, %v, want neither", s, err)
	}
}

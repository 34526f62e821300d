package admin_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"pasted/internal/admin"
	"pasted/internal/pool"
	"pasted/internal/release"
	"pasted/internal/worker"
)

// A source is a host of which the test knows all.
type source struct{ status release.Status }

func (s *source) Status() release.Status { return s.status }
func (s *source) State() string          { return s.status.State }

func newSource(state string) *source {
	return &source{release.Status{
		State: state, Began: time.Now().Add(-time.Minute), File: "/site.ini", Release: 3, Template: 8,
		Memory: map[int]worker.Memory{1: {RSS: 10}, 8: {RSS: 20}, 9: {RSS: 30, PSS: 15}},
		Pool: pool.Stats{
			Size: 1, Requests: 5, Restarts: 1, Sheds: pool.Sheds{Timeout: 2},
			Workers: []pool.WorkerStats{{PID: 9, State: "busy", Inflight: 1, Serving: []pool.Serving{
				{Method: "GET", Path: "/a", Request: "00ff", For: 2 * time.Second},
			}}},
			Last:       []pool.Restart{{PID: 7, Reason: "signal: killed", At: time.Now()}},
			Quarantine: []pool.Quarantined{{Method: "POST", Path: "/bad", Killed: 2, Since: time.Now()}},
		},
	}}
}

var id = admin.Identity{Version: "1.0", PID: 1, Keeper: 2}

// serve serves s on a socket of a file's, until the test ends.
func serve(t *testing.T, file string, s admin.Source) {
	t.Helper()
	place, err := admin.Choose(file, os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	listeners, err := place.Listen()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var serving sync.WaitGroup
	serving.Go(func() {
		admin.Serve(ctx, listeners, admin.Handler(id, s, true), slog.New(slog.DiscardHandler))
	})
	t.Cleanup(func() {
		cancel()
		serving.Wait()
		place.Leave()
	})
}

func TestWhoAsksByTheFileIsToldAll(t *testing.T) {
	run := t.TempDir()
	t.Setenv("XDG_RUNTIME_DIR", run)
	t.Run("served", func(t *testing.T) {
		serve(t, "/site.ini", newSource(release.Ready))
		serve(t, "/other.ini", newSource(release.Draining))
		found, err := admin.Find("/site.ini")
		if err != nil || len(found) != 1 {
			t.Fatalf("Find() = %q, %v, want one socket", found, err)
		}
		info, err := os.Stat(found[0])
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the socket: %v, %v, want mode 0600", info.Mode(), err)
		}
		got, err := admin.Ask(t.Context(), found[0])
		if err != nil {
			t.Fatal(err)
		}
		if !got.Ready || got.Keeper != 2 || got.Release.Number != 3 || got.Template.PID != 8 || got.Uptime < 59 {
			t.Errorf("Ask() = %+v", got)
		}
		w := got.Workers[0]
		if w.PID != 9 || w.Memory != (admin.Memory{RSS: 30, PSS: 15}) || w.Serving[0].Path != "/a" || w.Serving[0].For != 2 {
			t.Errorf("worker: %+v", w)
		}
		if got.Restarts.Last[0].Reason != "signal: killed" || got.Quarantine[0].Killed != 2 || got.Sheds.Timeout != 2 {
			t.Errorf("what went wrong: %+v, %+v, %+v", got.Restarts, got.Quarantine, got.Sheds)
		}
	})
	if left, _ := filepath.Glob(filepath.Join(run, "*")); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
}

// TestAnotherProgramsAnswerIsNoStatus asks a server whose socket is where Pasted's
// might be.
func TestAnotherProgramsAnswerIsNoStatus(t *testing.T) {
	path := filepath.Join(t.TempDir(), "other.sock")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	server := http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"status": "ok"}`)
	})}
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(listener) })
	defer serving.Wait()
	defer server.Close()
	if status, err := admin.Ask(t.Context(), path); err == nil || !strings.Contains(err.Error(), "not Pasted") {
		t.Errorf("Ask() = %+v, %v, want an error", status, err)
	}
}

func TestStaleSocketsAreNotFoundAndRemoved(t *testing.T) {
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	place, err := admin.Choose("/site.ini", 999999)
	if err != nil {
		t.Fatal(err)
	}
	listeners, err := place.Listen()
	if err != nil {
		t.Fatal(err)
	}
	// The file stays, as after a SIGKILL.
	if err := os.Rename(place.Path, place.Path+"~"); err != nil {
		t.Fatal(err)
	}
	listeners[0].Close()
	if err := os.Rename(place.Path+"~", place.Path); err != nil {
		t.Fatal(err)
	}
	if found, err := admin.Find("/site.ini"); len(found) > 0 || err != nil {
		t.Errorf("Find() = %q, %v, want none", found, err)
	}
	if _, err := admin.Choose("/site.ini", 1); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(place.Path); err == nil {
		t.Error("the stale socket is left")
	}
}

func TestDirectoryThatOthersMayWriteToIsNotUsed(t *testing.T) {
	run := t.TempDir()
	t.Setenv("XDG_RUNTIME_DIR", run)
	dir := filepath.Join(run, "pasted")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	place, err := admin.Choose("/site.ini", 1)
	if err == nil && strings.HasPrefix(place.Path, dir) {
		t.Errorf("Choose() = %s, where everyone may put something else", place.Path)
	}
	if err == nil {
		place.Leave()
	}
}

func TestHandlerAnswersByPath(t *testing.T) {
	for _, test := range []struct {
		state, method, path string
		whole               bool
		code                int
		body                string
	}{
		{release.Ready, "GET", "/-/ready", true, 200, "serving"},
		{release.Draining, "GET", "/-/ready", true, 503, "draining"},
		{release.Starting, "GET", "/-/ready", false, 503, "starting"},
		{release.Draining, "GET", "/-/live", false, 200, "live"},
		{release.Ready, "GET", "/status", true, 200, `"version":"1.0"`},
		{release.Ready, "GET", "/status", false, 404, ""},
		{release.Ready, "POST", "/status", true, 405, ""},
		{release.Ready, "GET", "/metrics", false, 200, `pasted_worker_proportional_memory_bytes{worker="0"} 15`},
		{release.Ready, "GET", "/metrics", false, 200, `pasted_sheds_total{reason="timeout"} 2`},
		{release.Ready, "GET", "/metrics", false, 200, `pasted_worker_restarts_total{cause="crashed"} 1`},
	} {
		w := httptest.NewRecorder()
		admin.Handler(id, newSource(test.state), test.whole).ServeHTTP(w, httptest.NewRequest(test.method, test.path, nil))
		if w.Code != test.code || !strings.Contains(w.Body.String(), test.body) {
			t.Errorf("%s %s while %s: %d, %q, want %d and %q", test.method, test.path, test.state, w.Code, w.Body, test.code, test.body)
		}
	}
}

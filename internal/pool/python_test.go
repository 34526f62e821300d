package pool_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pasted/internal/marshal"
	"pasted/internal/pool"
	"pasted/internal/wire"
	"pasted/internal/worker"
)

// A site starts real workers of testdata/ledger.py, which a template forks, and
// knows those that live.
type site struct {
	t        testing.TB
	template *worker.Template
	ledger   string

	mu    sync.Mutex // guards all below
	live  map[int]*resident
	kills map[int]int // by worker ID
}

// A resident is a worker that lives.
type resident struct {
	*worker.Worker
	id    int
	began time.Time
	held  bool // somebody stops and continues it
}

// newSite starts the template.
func newSite(t testing.TB, lanes int) *site {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no python3 on the PATH")
	}
	s := &site{t: t, ledger: filepath.Join(t.TempDir(), "ledger"), live: map[int]*resident{}, kills: map[int]int{}}
	if err := os.WriteFile(s.ledger, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { null.Close() })
	s.template, err = worker.StartTemplate(t.Context(), &worker.Config{
		Python: python, Title: "test", Lanes: lanes, Load: s.load(),
		Resolve: func(marshal.Dict) marshal.Dict { return nil },
		Output:  func(o worker.Output) { t.Logf("worker: %s", o.Text) },
		Stdout:  null, Stderr: null, Log: quiet,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.template.Kill(); <-s.template.Done() })
	return s
}

func (s *site) load() marshal.Dict {
	dir, err := filepath.Abs("testdata")
	if err != nil {
		s.t.Fatal(err)
	}
	root := marshal.Dict{
		{Key: "id", Value: 0}, {Key: "type", Value: "application"}, {Key: "protocol", Value: "paste.app_factory"},
		{Key: "object", Value: marshal.Dict{{Key: "style", Value: "factory"}, {Key: "module", Value: "ledger"}, {Key: "attr", Value: "make_app"}}},
		{Key: "global_conf", Value: marshal.Dict{}}, {Key: "local_conf", Value: marshal.Dict{{Key: "ledger", Value: s.ledger}}},
		{Key: "loader", Value: "config:/srv/site.ini"}, {Key: "section", Value: "app:main"},
		{Key: "file", Value: "/srv/site.ini"}, {Key: "line", Value: 1},
	}
	return marshal.Dict{{Key: "path", Value: []any{dir}}, {Key: "roots", Value: []any{root}}}
}

// start is the pool's Start.
func (s *site) start(ctx context.Context, id int) (pool.Worker, error) {
	w, err := s.template.Fork(ctx, id)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.live[w.PID()] = &resident{Worker: w, id: id, began: time.Now()}
	return w, nil
}

// signal sends r a signal, if it lives, and says whether it does.
func (s *site) signal(r *resident, signal unix.Signal) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-r.Done():
		delete(s.live, r.PID())
		return false
	default:
		return unix.Kill(r.PID(), signal) == nil
	}
}

// calls returns how often the application was called, by the request's number.
func (s *site) calls(t testing.TB, most int) []int {
	t.Helper()
	data, err := os.ReadFile(s.ledger)
	if err != nil {
		t.Fatal(err)
	}
	calls := make([]int, most)
	for line := range strings.Lines(string(data)) {
		n, err := strconv.Atoi(strings.TrimSuffix(line, "\n"))
		if err != nil || n >= most {
			t.Fatalf("the ledger has a line %q", line)
		}
		calls[n]++
	}
	return calls
}

// numbered returns a request of testdata/ledger.py with a number.
func numbered(t testing.TB, a pool.Answer, method, path string, n int) *pool.Request {
	t.Helper()
	payload, err := marshal.Append(nil, marshal.Dict{
		{Key: "REQUEST_METHOD", Value: method}, {Key: "SCRIPT_NAME", Value: ""}, {Key: "PATH_INFO", Value: path},
		{Key: "QUERY_STRING", Value: strconv.Itoa(n)}, {Key: "wsgi.input", Value: []byte(nil)},
	})
	if err != nil {
		t.Fatal(err)
	}
	frame := wire.AppendHead(nil, wire.Request, 0, 0, 0, len(payload))
	return &pool.Request{Frame: append(frame, payload...), Answer: a}
}

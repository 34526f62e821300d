package pool_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"pasted/internal/pool"
)

// TestWorkerOfTheOldTemplateIsReplaced has a worker be forked before another has
// become the template, and be ready after it.
func TestWorkerOfTheOldTemplateIsReplaced(t *testing.T) {
	var s *sim
	warm, born := false, map[int]bool{} // by ID, whether its last was forked from the warm template
	opts := reforked(func(_ context.Context, candidate pool.Worker) error {
		for _, w := range s.all() {
			if w.id != candidate.(*simWorker).id {
				w.Kill()
			}
		}
		time.Sleep(100 * time.Millisecond) // the one in its place is asked for
		s.mu.Lock()
		defer s.mu.Unlock()
		warm = true
		return nil
	})
	opts.Size = 2
	configure := func(it *sim) {
		s = it
		s.load = func(id, _ int) (time.Duration, error) {
			born[id] = warm
			return time.Second, nil
		}
	}
	simulate(t, opts, configure, func(s *sim) {
		s.run(2*time.Second, nil)
		s.request()
		s.run(20*time.Second, nil)
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.starts[0]+s.starts[1] < 5 {
			t.Errorf("%v workers were started, by ID, want one killed and then both replaced", s.starts)
		}
		if !born[0] || !born[1] {
			t.Errorf("from the warm template, by ID: %v, want both", born)
		}
	})
}

// TestWorkerThatDiesInsteadOfDrainingIsTold has one killed that is being replaced,
// and another that ends as it is to.
func TestWorkerThatDiesInsteadOfDrainingIsTold(t *testing.T) {
	for name, test := range map[string]struct {
		takes time.Duration
		want  string
	}{
		"dies":   {20 * time.Second, `level=WARN msg="worker ended" worker=0 pid=1001 why=max_age requests=0 elapsed=3.99s exit="signal: killed"`},
		"drains": {2 * time.Second, `level=INFO msg="worker ended" worker=0 pid=1001 why=max_age requests=1`},
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			opts := pool.Options{Size: 1, Grace: time.Minute, Recycle: pool.Recycle{Age: 2 * time.Second}}
			opts.Log = slog.New(slog.NewTextHandler(&log, nil))
			simulate(t, opts, func(s *sim) { s.service = func() time.Duration { return test.takes } }, func(s *sim) {
				s.run(time.Second, nil)
				old := s.all()[0]
				s.request()
				s.run(3*time.Second, nil)
				old.Kill() // which does nothing to one that has gone
				s.run(time.Second, nil)
			})
			if !strings.Contains(log.String(), test.want) {
				t.Errorf("log:\n%swant: %s", log.String(), test.want)
			}
		})
	}
}

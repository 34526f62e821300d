package pool_test

import (
	"context"
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

package pool_test

import (
	"testing"
	"time"

	"pasted/internal/pool"
)

// TestRestIsNoStall gives a request to a worker that has had nothing to do for longer
// than a stall may last, and does not begin at once.
func TestRestIsNoStall(t *testing.T) {
	const stall, late = 5 * time.Second, 300 * time.Millisecond
	opts := pool.Options{Size: 2, Grace: time.Minute, StallTimeout: stall}
	scripted(t, opts, nil, func(s *sim) {
		rest, idle := 2*stall, s.all()[1]
		idle.still = time.Now().Add(rest + late) // no heart beats before the first request
		s.request()
		s.run(rest, nil)
		s.request()
		s.request()
		s.run(2*late, nil)
		if err := s.settle(); err != nil {
			t.Error(err)
		}
		stats := s.pool.Stats()
		if s.starts[0] != 1 || s.starts[1] != 1 || stats.Revoked != 0 || stats.Restarts != 0 {
			t.Errorf("workers started, by ID: %v; %d requests taken back, %d restarts: want each started once, and none", s.starts, stats.Revoked, stats.Restarts)
		}
	})
}

// TestWhatWaitsForAStalledWorkerIsNotRefused has the only worker stand still for less
// than it may.
func TestWhatWaitsForAStalledWorkerIsNotRefused(t *testing.T) {
	scripted(t, pool.Options{Size: 1}, nil, func(s *sim) {
		for range 20 { // so that it is known how long they take
			s.request()
		}
		s.run(2*time.Second, nil)
		s.workers[0].stick(10 * time.Second)
		for range 5 {
			s.request()
			s.run(time.Second, nil)
		}
		if err := s.settle(); err != nil {
			t.Error(err)
		}
		if stats := s.pool.Stats(); stats.Sheds != (pool.Sheds{}) || stats.Restarts > 0 {
			t.Errorf("refused: %+v; %d restarts; want none", stats.Sheds, stats.Restarts)
		}
	})
}

package pool_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"pasted/internal/pool"
)

// scripted is a sim of workers with boards and one lane, which serve in the order
// of their IDs, and in which calls go as play says, nil for well.
func scripted(t *testing.T, opts pool.Options, play func(w *simWorker, c *simCall), f func(s *sim)) {
	t.Helper()
	configure := func(s *sim) {
		s.boards, s.lanes, s.play = true, 1, play
		s.load = func(id, _ int) (time.Duration, error) { return time.Duration(10*(id+1)) * time.Millisecond, nil }
	}
	simulate(t, opts, configure, func(s *sim) {
		s.run(time.Second, nil)
		f(s)
	})
}

// stick has a worker stand still.
func (w *simWorker) stick(d time.Duration) {
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	w.stickLocked(d, -1)
}

// TestStoppedWorkerIsReplacedWhoseRequestsAreTakenBack has that done before anybody
// has seen that it stands still.
func TestStoppedWorkerIsReplacedWhoseRequestsAreTakenBack(t *testing.T) {
	scripted(t, pool.Options{Size: 1, StallTimeout: 2 * time.Second}, nil, func(s *sim) {
		s.workers[0].stick(forever)
		s.pool.SetPace(20 * time.Microsecond)
		s.request()
		s.request()
		s.run(6*time.Second, nil)
		for n, a := range s.asked {
			if a.ends != 1 || a.err != nil {
				t.Errorf("request %d has ended %d times, with %v, want an answer of the next worker", n, a.ends, a.err)
			}
		}
		if got := s.pool.Stats(); got.Revoked == 0 || got.Restarts != 1 {
			t.Errorf("%d taken back and %d restarts, want some and 1", got.Revoked, got.Restarts)
		}
	})
}

// TestWhatIsTakenBackWaitsNoLongerThanItMay has no other worker for it.
func TestWhatIsTakenBackWaitsNoLongerThanItMay(t *testing.T) {
	const most = 3 * time.Second
	scripted(t, pool.Options{Size: 1, QueueTimeout: most}, nil, func(s *sim) {
		s.workers[0].stick(forever)
		s.request()
		s.run(most+s.slack(), nil)
		if a := s.asked[0]; a.ends != 1 || !errors.Is(a.err, pool.ErrBusy) {
			t.Errorf("ended %d times, with %v, want %v", a.ends, a.err, pool.ErrBusy)
		}
	})
}

// TestDeadlineOfWhatHasJustBeenTakenBack has the lane's loop learn of both at once.
func TestDeadlineOfWhatHasJustBeenTakenBack(t *testing.T) {
	slow := func(_ *simWorker, c *simCall) { c.until = c.until.Add(300 * time.Millisecond) }
	scripted(t, pool.Options{Size: 1}, slow, func(s *sim) {
		s.step = 100 * time.Millisecond
		s.pool.SetPace(20 * time.Microsecond)
		s.request()
		s.ask(50 * time.Millisecond)
		s.run(time.Second, func() {
			if err := s.pool.Amiss(time.Now(), s.slack()); err != nil {
				t.Error(err)
			}
		})
		if got := s.pool.Stats(); got.Revoked != 1 {
			t.Errorf("%d taken back, want 1", got.Revoked)
		}
		if a, b := s.asked[0], s.asked[1]; a.err != nil || !errors.Is(b.err, pool.ErrDeadline) || a.ends+b.ends != 2 {
			t.Errorf("ended with %v and %v, want an answer and %v", a.err, b.err, pool.ErrDeadline)
		}
	})
}

// TestBodyThatASecondWorkerHasNotReadIsNoneThatItHas has a worker die of a request
// whose body it has read, and another before it begins it.
func TestBodyThatASecondWorkerHasNotReadIsNoneThatItHas(t *testing.T) {
	first := func(_ *simWorker, c *simCall) {
		if c.nth == 1 {
			c.fate = dies
		}
	}
	scripted(t, pool.Options{Size: 2}, first, func(s *sim) {
		second := s.workers[1]
		second.stick(forever)
		s.send(&asked{method: "PUT", path: "/", body: "body"})
		s.run(200*time.Millisecond, nil)
		second.crash()
		s.run(time.Second, nil)
		if a := s.asked[0]; a.calls != 2 || a.deaths != 1 || a.ends != 1 || a.err != nil {
			t.Errorf("called %d times, of which %d workers died, ended %d times, with %v; want 2, 1, and an answer", a.calls, a.deaths, a.ends, a.err)
		}
	})
}

// TestRequestIsRepeatedOnceHoweverOftenItsWorkerStandsStill has the second worker
// die of it meanwhile.
func TestRequestIsRepeatedOnceHoweverOftenItsWorkerStandsStill(t *testing.T) {
	play := func(_ *simWorker, c *simCall) {
		if c.until = c.until.Add(10 * time.Second); c.nth > 1 {
			c.fate, c.until = dies, time.Now().Add(time.Second)
		}
	}
	scripted(t, pool.Options{Size: 3}, play, func(s *sim) {
		s.request()
		s.tick()
		first := s.workers[0]
		first.stick(2 * time.Second)
		s.run(2500*time.Millisecond, nil)
		first.stick(5 * time.Second)
		s.run(10*time.Second, nil)
		if a := s.asked[0]; a.calls != 2 || a.ends != 1 || a.err != nil {
			t.Errorf("called %d times, ended %d times, with %v; want 2 calls and an answer", a.calls, a.ends, a.err)
		}
	})
}

// TestWorkerThatDiesBeforeTheCallLosesNothing has it have begun a request that may
// be called but once.
func TestWorkerThatDiesBeforeTheCallLosesNothing(t *testing.T) {
	died := false
	play := func(_ *simWorker, c *simCall) {
		if !died {
			died, c.fate = true, diesAtOnce
		}
	}
	scripted(t, pool.Options{Size: 2}, play, func(s *sim) {
		s.send(&asked{method: "POST", path: "/"})
		s.run(time.Second, nil)
		if a := s.asked[0]; a.calls != 1 || a.deaths != 1 || a.ends != 1 || a.err != nil {
			t.Errorf("called %d times, %d workers died, ended %d times, with %v; want 1, 1, and an answer", a.calls, a.deaths, a.ends, a.err)
		}
		if got := s.pool.Stats(); got.Retries != 1 || got.Lost != 0 || len(got.Quarantine) != 0 {
			t.Errorf("%d given to another, %d lost, held are %v; want 1, none and none", got.Retries, got.Lost, got.Quarantine)
		}
	})
}

// TestRequestThatKillsWorkersBeforeTheCallIsHeld has every worker die of it, and of
// nothing else.
func TestRequestThatKillsWorkersBeforeTheCallIsHeld(t *testing.T) {
	play := func(_ *simWorker, c *simCall) {
		if c.asked.path == killer {
			c.fate = diesAtOnce
		}
	}
	scripted(t, pool.Options{Size: 3}, play, func(s *sim) {
		for n, want := range []struct {
			reason string
			deaths int
		}{{pool.ReasonTwice, 2}, {pool.ReasonHeld, 1}} {
			s.send(&asked{method: "POST", path: killer})
			for range 4 {
				s.send(&asked{method: "POST", path: "/"})
			}
			s.run(10*time.Second, nil)
			a := s.asked[5*n]
			if reason := reasonOf(t, a.err); reason != want.reason || a.deaths != want.deaths || a.calls != 0 || a.ends != 1 {
				t.Errorf("time %d: ended %d times, with %q, after %d deaths and %d calls, want once, %q, %d and none",
					n, a.ends, reason, a.deaths, a.calls, want.reason, want.deaths)
			}
			for _, other := range s.asked[5*n+1:] {
				if other.ends != 1 || other.err != nil || other.calls != 1 {
					t.Errorf("another request was called %d times and ended %d times, with %v, want one call and its answer", other.calls, other.ends, other.err)
				}
			}
		}
		if held := s.pool.Stats().Quarantine; len(held) != 1 || held[0].Path != killer || held[0].Killed != 2 {
			t.Errorf("held are %+v, want %s, which has killed two", held, killer)
		}
	})
}

// TestPoolIsBusyWithWhatIsToBeRepeated has a request's worker die, and nobody for it
// meanwhile.
func TestPoolIsBusyWithWhatIsToBeRepeated(t *testing.T) {
	once := func(_ *simWorker, c *simCall) {
		if c.nth == 1 {
			c.fate = dies
		}
	}
	scripted(t, pool.Options{Size: 1}, once, func(s *sim) {
		s.load = func(int, int) (time.Duration, error) { return time.Second, nil }
		s.request()
		s.run(500*time.Millisecond, nil)
		if n := len(s.all()); n > 0 || !s.pool.Busy() {
			t.Errorf("%d workers, and busy: %v; want none, and a request that waits for one", n, s.pool.Busy())
		}
		if err := s.settle(); err != nil || s.pool.Busy() {
			t.Errorf("in the end: %v, busy: %v", err, s.pool.Busy())
		}
	})
}

// TestNamesAreKnownAfterTheAnswers asks for them as the log does, which comes later.
func TestNamesAreKnownAfterTheAnswers(t *testing.T) {
	scripted(t, pool.Options{Size: 1}, nil, func(s *sim) {
		for range 20 {
			s.request()
		}
		if err := s.settle(); err != nil {
			t.Fatal(err)
		}
		for number := uint64(1); number <= 20; number++ {
			if got, want := s.pool.RequestID(number), fmt.Sprintf("%016x", number); got != want {
				t.Errorf("RequestID(%d) = %q, want %q", number, got, want)
			}
		}
		for _, number := range []uint64{0, 21} {
			if got := s.pool.RequestID(number); got != "" {
				t.Errorf("RequestID(%d) = %q, want none", number, got)
			}
		}
	})
}

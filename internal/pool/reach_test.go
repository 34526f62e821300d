package pool

import (
	"testing"
	"time"
)

// ranged plays one worker of 2..8 threads. demand is what they have wanted of the
// processors by an age of the worker.
func ranged(t *testing.T, demand func(age time.Duration) time.Duration, play func(s *sim)) {
	opts := Options{LeastLanes: 2, QueueTimeout: time.Minute, Patient: true, FastLane: FastLane{Off: true}}
	s := simulate(t, 1, 1, 8, opts, func(s *sim) {
		began := time.Now()
		s.pool.mu.Lock()
		s.pool.members[0].worker.(*simWorker).demand = func() time.Duration { return demand(time.Since(began)) }
		s.pool.mu.Unlock()
		play(s)
	})
	if refused := s.figures("", time.Time{}, time.Time{}).refused; refused > 0 {
		t.Errorf("%d were refused", refused)
	}
}

func (s *sim) lanesOpen() int {
	s.pool.mu.Lock()
	defer s.pool.mu.Unlock()
	return s.pool.members[0].openLocked()
}

// crowd keeps so many requests of 100 ms there for as long as given, and returns
// between which numbers lanes were open, and how often that changed.
func (s *sim) crowd(n int, last time.Duration) (least, most, changes int) {
	open := s.lanesOpen()
	least, most = open, open
	for end := time.Now().Add(last); time.Now().Before(end); time.Sleep(time.Millisecond) {
		for s.waiting() < n {
			s.ask("page", 100*time.Millisecond, nil)
		}
		if now := s.lanesOpen(); now != open {
			open = now
			changes++
		}
		least, most = min(least, open), max(most, open)
	}
	return least, most, changes
}

// none and all are what a worker wants that only waits, and one that computes all
// the time.
func none(time.Duration) time.Duration    { return 0 }
func all(age time.Duration) time.Duration { return age }

func TestLanesOpenWithinTwoTicksWhereRequestsWait(t *testing.T) {
	ranged(t, none, func(s *sim) {
		if n := s.lanesOpen(); n != 2 {
			t.Errorf("%d lanes are open at the start", n)
		}
		s.crowd(6, 2*crowdTick+time.Millisecond)
		if n := s.lanesOpen(); n != 6 {
			t.Errorf("%d lanes are open for 6 requests", n)
		}
	})
}

func TestLaneOpensAtOnceForAWorkerThatIsKnownToWait(t *testing.T) {
	ranged(t, none, func(s *sim) {
		s.crowd(3, 200*time.Millisecond)
		a := s.ask("page", 100*time.Millisecond, nil)
		if s.pool.waits(&a.Request) {
			t.Error("a fourth request waits")
		}
	})
}

func TestLanesStayWithinTheirBounds(t *testing.T) {
	ranged(t, none, func(s *sim) {
		if least, most, _ := s.crowd(50, 10*time.Second); least != 2 || most != 8 {
			t.Errorf("%d to %d lanes were open, want 2 to 8", least, most)
		}
		time.Sleep(time.Minute)
		if n := s.lanesOpen(); n != 2 {
			t.Errorf("%d lanes are open after a minute without requests", n)
		}
	})
}

func TestLanesDoNotOpenWhereRequestsCompute(t *testing.T) {
	ranged(t, all, func(s *sim) {
		if _, most, _ := s.crowd(8, 10*time.Second); most != 2 {
			t.Errorf("%d lanes were open", most)
		}
	})
}

func TestLanesCloseByHalvesAndNotAtOnce(t *testing.T) {
	ranged(t, none, func(s *sim) {
		s.crowd(8, time.Second)
		if least, _, _ := s.crowd(1, 4*time.Second); least != 8 {
			t.Errorf("%d lanes are open after 4 s with little to do", least)
		}
		s.crowd(1, 8*time.Second)
		if n := s.lanesOpen(); n < 3 || n > 7 {
			t.Errorf("%d lanes are open after 12 s, want some of those that are too many", n)
		}
	})
}

func TestSteadyLoadKeepsItsLanes(t *testing.T) {
	ranged(t, none, func(s *sim) {
		s.crowd(5, 30*time.Second)
		if least, most, changes := s.crowd(5, 5*time.Minute); least < 5 || most > 7 || changes > 0 {
			t.Errorf("%d to %d lanes were open, with %d changes", least, most, changes)
		}
	})
}

func TestLanesCloseThoughBusyWhereRequestsComputeByNow(t *testing.T) {
	const waits = 2 * time.Second
	ranged(t, func(age time.Duration) time.Duration { return max(0, age-waits) }, func(s *sim) {
		s.crowd(8, time.Second)
		if n := s.lanesOpen(); n != 8 {
			t.Errorf("%d lanes are open for 8 requests that wait", n)
		}
		s.crowd(8, 30*time.Second)
		if n := s.lanesOpen(); n != 2 {
			t.Errorf("%d lanes are open for requests that compute", n)
		}
	})
}

func TestNarrowWorkerUsesOneLaneOfARange(t *testing.T) {
	m := &member{lanes: make([]*lane, 8), reach: reach{closed: 4}}
	if n := len(m.usedLocked()); n != 4 {
		t.Errorf("%d lanes of 4 that are open are used", n)
	}
	m.width.mode = narrow
	if n := len(m.usedLocked()); n != 1 {
		t.Errorf("%d lanes of a narrow worker are used", n)
	}
}

func TestCapacityIsWhatThreadsMayBecomeUnlessTheyCompute(t *testing.T) {
	m := &member{lanes: make([]*lane, 8), reach: reach{closed: 4}}
	if n := m.capacityLocked(); n != 8 {
		t.Errorf("a worker that waits has room for %d requests, want 8: threads come before processes", n)
	}
	m.reach.computes = true
	if n := m.capacityLocked(); n != 4 {
		t.Errorf("a worker that computes has room for %d requests, want 4", n)
	}
}

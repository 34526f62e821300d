package pool_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"pasted/internal/pool"
	"pasted/internal/worker"
)

// scaled are the options of a pool whose size follows what there is to do.
func scaled(least, most int) pool.Options {
	return pool.Options{
		Size: least, Most: most, Grace: 5 * time.Second,
		QueueTimeout: time.Hour, Patient: true, QueueLength: 1 << 20, Cores: 100,
		Available: func() (int64, bool) { return 0, false },
	}
}

// size is how many workers there are.
func (s *sim) size() int {
	_, _, now := s.pool.Range()
	return now
}

// TestSizeFollowsAStepOfTheLoad raises the load to eight times what it was, with
// workers whose start takes a second.
func TestSizeFollowsAStepOfTheLoad(t *testing.T) {
	t.Parallel()
	simulate(t, scaled(1, 8), func(s *sim) {
		s.lanes = 1
		s.load = func(int, int) (time.Duration, error) { return time.Second, nil }
		s.service = func() time.Duration { return 50 * time.Millisecond }
	}, func(s *sim) {
		due := 0.0
		asks := func(perSecond float64) func() {
			return func() {
				for due += perSecond * simTick.Seconds(); due >= 1; due-- {
					s.request()
				}
			}
		}
		s.run(3*time.Second, nil)
		s.run(30*time.Second, asks(10))
		if n := s.size(); n > 1 {
			t.Errorf("%d workers for half a worker's load", n)
		}
		began := time.Now()
		for s.ready() < 8 && time.Since(began) < 10*time.Second {
			asks(80)()
			s.tick()
		}
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("8 workers serve after %v, want 2s at most", took)
		}
		s.run(20*time.Second, asks(80))
		s.run(5*time.Minute, asks(1))
		if n := s.size(); n > 2 {
			t.Errorf("%d workers after five quiet minutes", n)
		}
		if err := s.settle(); err != nil {
			t.Error(err)
		}
	})
}

// TestGrowthIsNoOverload raises the load to more than one worker can do, with room
// for eight whose starts take a while; and then beyond what eight can.
func TestGrowthIsNoOverload(t *testing.T) {
	t.Parallel()
	opts := scaled(1, 8)
	opts.Patient, opts.QueueTimeout = false, 30*time.Second
	opts.Available = func() (int64, bool) { return 1 << 40, true }
	simulate(t, opts, func(s *sim) {
		s.lanes = 4
		s.load = func(int, int) (time.Duration, error) { return 200 * time.Millisecond, nil }
	}, func(s *sim) {
		s.run(time.Second, nil)
		due := 0.0
		asks := func(perSecond float64) func() {
			return func() {
				for due += perSecond * simTick.Seconds(); due >= 1; due-- {
					s.request()
				}
			}
		}
		s.run(5*time.Second, asks(100))
		s.run(5*time.Second, asks(1200))
		if sheds := s.pool.Stats().Sheds; sheds != (pool.Sheds{}) || s.ready() != 8 {
			t.Errorf("refused while there were more workers to come: %+v; %d serve", sheds, s.ready())
		}
		s.run(5*time.Second, asks(4000))
		if sheds := s.pool.Stats().Sheds; sheds.Late == 0 {
			t.Errorf("refused beyond what eight workers can do: %+v, want many that are late", sheds)
		}
	})
}

// ready is how many workers serve.
func (s *sim) ready() (n int) {
	for _, states := range s.pool.Occupied() {
		n += states[1]
	}
	return n
}

// TestNoiseDoesNotChangeTheSize has the load go up and down by a fifth for ten
// minutes, at random from second to second and in waves of a minute.
func TestNoiseDoesNotChangeTheSize(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3) {
		simulate(t, scaled(2, 8), func(s *sim) {
			s.lanes = 2
			s.service = func() time.Duration { return 40 * time.Millisecond }
		}, func(s *sim) {
			r := rand.New(rand.NewPCG(seed, 2))
			rate := 100.0 // 4 lanes of 16
			noisy := func() {
				level := rate * (1 + 0.1*math.Sin(float64(time.Now().UnixMilli())/9500) + 0.2*(r.Float64()-0.5))
				for p := level * simTick.Seconds(); r.Float64() < p; p-- {
					s.request()
				}
			}
			s.run(90*time.Second, noisy) // to find its size
			changes, size := 0, s.size()
			s.run(10*time.Minute, func() {
				noisy()
				if n := s.size(); n != size {
					changes, size = changes+1, n
				}
			})
			if changes > 2 {
				t.Errorf("seed %d: %d changes of the size in ten minutes, want 2 at most", seed, changes)
			}
		})
	}
}

// TestMemoryBoundsTheSize gives workers of 100 MB a machine that has 350 left.
func TestMemoryBoundsTheSize(t *testing.T) {
	t.Parallel()
	const each = 100 << 20
	opts := scaled(1, 8)
	opts.Available = func() (int64, bool) { return 350 << 20, true }
	simulate(t, opts, func(s *sim) {
		s.lanes = 1
		s.memory = worker.Memory{RSS: each, PSS: each}
		s.service = func() time.Duration { return 200 * time.Millisecond }
	}, func(s *sim) {
		s.run(15*time.Second, nil)
		if n := s.size(); n != 1 {
			t.Fatalf("%d workers without a load", n)
		}
		s.request()
		s.request()
		s.run(150*time.Millisecond, func() { s.request() })
		if n := s.size(); n < 2 || n > 3 {
			t.Errorf("%d workers, want 3 at most: three have no room beside one that stays free", n)
		}
	})
}

func TestWorkersAreRecycledByWhatTheyHaveBeenThrough(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		recycle pool.Recycle
		memory  worker.Memory // that workers come to have
	}{
		"max_requests":   {recycle: pool.Recycle{Requests: 50, Jitter: 10}},
		"max_age":        {recycle: pool.Recycle{Age: 10 * time.Second}},
		"max_memory":     {recycle: pool.Recycle{RSS: 100}, memory: worker.Memory{RSS: 200}},
		"max_memory_pss": {recycle: pool.Recycle{PSS: 100}, memory: worker.Memory{RSS: 100, PSS: 200}},
	} {
		opts := scaled(2, 2)
		opts.Recycle = c.recycle
		simulate(t, opts, func(s *sim) { s.memory = worker.Memory{RSS: 50, PSS: 50} }, func(s *sim) {
			tick := 0
			s.run(30*time.Second, func() {
				if tick++; tick%2 == 0 {
					s.request()
				}
				if c.memory != (worker.Memory{}) && tick%1000 == 0 {
					s.grow(c.memory)
				}
			})
			stats := s.pool.Stats()
			if stats.Recycled < 2 || stats.Restarts > 0 {
				t.Errorf("%s: %d recycled, %d restarted", name, stats.Recycled, stats.Restarts)
			}
			for _, last := range stats.Last {
				if last.Reason != name {
					t.Errorf("%s: a worker ended for %q", name, last.Reason)
				}
			}
			if err := s.settle(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
}

// grow gives the workers that live so much memory.
func (s *sim) grow(m worker.Memory) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range s.workers {
		w.memory = m
	}
}

func TestStatesHaveLegalMoves(t *testing.T) {
	t.Parallel()
	all := []pool.State{pool.Starting, pool.Ready, pool.Busy, pool.Draining, pool.Exited}
	legal := map[string]bool{
		"starting ready": true, "starting exited": true,
		"ready busy": true, "ready draining": true, "ready exited": true,
		"busy ready": true, "busy draining": true, "busy exited": true,
		"draining exited": true,
	}
	for _, from := range all {
		for _, to := range all {
			if move := from.String() + " " + to.String(); pool.MayBecome(from, to) != legal[move] {
				t.Errorf("%s: %v, want %v", move, !legal[move], legal[move])
			}
		}
	}
}

package pool

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pasted/internal/board"
	"pasted/internal/h1"
	"pasted/internal/paths"
	"pasted/internal/worker"
)

// A sim is a pool whose workers are played, in a bubble of synctest: what a lane
// is given ends after its service time.
type sim struct {
	t       *testing.T
	pool    *Pool
	rng     *rand.Rand
	mu      sync.Mutex // guards all below
	began   map[*lane]uint64
	done    []*simAnswer
	open    int
	answers int // that lanes have ended
}

// A simAnswer is one request of a sim, and what has become of it.
type simAnswer struct {
	Request
	sim     *sim
	kind    string
	service time.Duration
	came    time.Time
	took    time.Duration
	ends    int
	err     error
}

func (a *simAnswer) Head([]byte, bool, *h1.Loop)      {}
func (a *simAnswer) Data([]byte, bool, *h1.Loop) bool { return true }
func (a *simAnswer) End(err error, _ *h1.Loop) {
	a.sim.mu.Lock()
	defer a.sim.mu.Unlock()
	a.ends++
	a.took, a.err = time.Since(a.came), err
	a.sim.done = append(a.sim.done, a)
	a.sim.open--
}

// A simWorker is a worker that does nothing: its sim does.
type simWorker struct {
	done   chan struct{}
	demand func() time.Duration // nil: it is not known
	words  []byte               // of its board, as the worker has it
}

func (w *simWorker) PID() int                          { return 1 }
func (w *simWorker) Lanes() []*worker.Lane             { return nil }
func (w *simWorker) Board() *board.Board               { return nil }
func (w *simWorker) Holders([]int) ([]int, bool)       { return nil, false }
func (w *simWorker) CPU() (time.Duration, bool)        { return 0, false }
func (w *simWorker) Memory(bool) (worker.Memory, bool) { return worker.Memory{}, false }
func (w *simWorker) Cancel(int, uint64)                {}
func (w *simWorker) Expire(int, uint64, bool)          {}
func (w *simWorker) Drain()                            {}
func (w *simWorker) Abort()                            {}
func (w *simWorker) Kill()                             {}
func (w *simWorker) Done() <-chan struct{}             { return w.done }
func (w *simWorker) Exit() worker.Exit                 { return worker.Exit{} }

func (w *simWorker) Demand() (used, waited time.Duration, known bool) {
	if w.demand == nil {
		return 0, 0, false
	}
	return w.demand(), 0, true
}

// simulate calls play with a sim of workers × threads, in a bubble, and waits for
// the last request.
func simulate(t *testing.T, seed uint64, workers, threads int, opts Options, play func(s *sim)) *sim {
	s := &sim{t: t, rng: rand.New(rand.NewPCG(seed, 7)), began: map[*lane]uint64{}}
	synctest.Test(t, func(t *testing.T) {
		opts.Log = slog.New(slog.DiscardHandler)
		opts.Size = workers
		s.pool = New(opts)
		for id := range workers {
			m := &member{id: id, worker: &simWorker{done: make(chan struct{})}, idle: make(chan struct{})}
			for i := range threads {
				l := &lane{pool: s.pool, member: m, index: i, closed: true} // to be written to
				l.flushed.L = &l.out
				m.lanes = append(m.lanes, l)
			}
			m.reach.closed = len(m.lanes) - s.pool.leastOf(m)
			s.pool.members = append(s.pool.members, m)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { s.pool.keepTime(ctx, ctx.Done()) })
		running.Go(func() { s.pool.tune(ctx.Done()) })
		running.Go(func() {
			for ctx.Err() == nil {
				s.look()
				time.Sleep(time.Millisecond)
			}
		})
		play(s)
		for s.waiting() > 0 {
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(2 * time.Second) // lanes that serve what nobody waits for
		cancel()
		running.Wait()
	})
	return s
}

func (s *sim) waiting() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open
}

// look begins to serve what lanes have been given.
func (s *sim) look() {
	s.pool.mu.Lock()
	defer s.pool.mu.Unlock()
	for _, m := range s.pool.members {
		for _, l := range m.lanes {
			if len(l.inflight) > 0 && s.began[l] != l.inflight[0].number {
				r := l.inflight[0]
				s.began[l] = r.number
				time.AfterFunc(r.Answer.(*simAnswer).service, func() { s.finish(l, r) })
			}
		}
	}
}

func (s *sim) finish(l *lane, r *Request) {
	s.pool.mu.Lock()
	s.pool.finishLocked(l, r, time.Now(), nil)
	s.answers++
	s.checkLocked()
	s.pool.mu.Unlock()
	r.end(nil, nil)
	s.look()
}

// checkLocked compares the pool's counts with what is there.
func (s *sim) checkLocked() {
	p := s.pool
	want := census{}
	for _, m := range p.members {
		want.lanes += m.openLocked()
		want.most += m.capacityLocked()
		for _, l := range m.lanes {
			if len(l.inflight) > 0 {
				want.busy++
			}
			for _, r := range l.inflight {
				if r.slow {
					want.slow++
				}
			}
		}
	}
	if got := p.censusLocked(); got != want {
		s.t.Errorf("the pool counts %+v, there are %+v", got, want)
	}
	if s.answers%50 != 0 {
		return
	}
	if err := p.amissLocked(time.Now(), time.Second); err != nil {
		s.t.Error(err)
	}
}

// ask sends a request of a kind.
func (s *sim) ask(kind string, service time.Duration, more func(r *Request)) *simAnswer {
	a := &simAnswer{sim: s, kind: kind, service: service, came: time.Now()}
	a.Frame = make([]byte, 64)
	a.Answer = a
	a.Key = PathKey("GET", "", kind)
	if more != nil {
		more(&a.Request)
	}
	s.mu.Lock()
	s.open++
	s.mu.Unlock()
	s.pool.Do(&a.Request, nil)
	s.look()
	return a
}

// arrive calls ask rate times a second, at random, for as long as given.
func (s *sim) arrive(rate float64, last time.Duration, ask func()) {
	for end := time.Now().Add(last); time.Now().Before(end); {
		time.Sleep(time.Duration(s.rng.ExpFloat64() / rate * float64(time.Second)))
		ask()
	}
}

// around returns a time about mean, between half of it and half as much again.
func (s *sim) around(mean time.Duration) time.Duration {
	return time.Duration(float64(mean) * (0.5 + s.rng.Float64()))
}

// figures are what became of the requests of one kind that came in a time.
type figures struct {
	served, refused int
	p99, refusal    time.Duration // 99th percentiles of the served and the refused
}

func (s *sim) figures(kind string, from, to time.Time) figures {
	var f figures
	var served, refused []time.Duration
	for _, a := range s.done {
		switch {
		case kind != "" && a.kind != kind || a.came.Before(from) || !to.IsZero() && !a.came.Before(to):
		case a.err == nil:
			served = append(served, a.took)
		default:
			refused = append(refused, a.took)
		}
	}
	f.served, f.refused = len(served), len(refused)
	f.p99, f.refusal = percentile(served, 0.99), percentile(refused, 0.99)
	return f
}

func percentile(list []time.Duration, q float64) time.Duration {
	if len(list) == 0 {
		return 0
	}
	slices.Sort(list)
	return list[min(int(q*float64(len(list))), len(list)-1)]
}

func TestQuickRequestsDoNotWaitBehindSlowOnes(t *testing.T) {
	mixed := func(seed uint64, threads int, opts Options) (quick, slow figures) {
		opts.QueueTimeout = time.Minute
		s := simulate(t, seed, 2, threads, opts, func(s *sim) {
			s.arrive(500, 60*time.Second, func() {
				if s.rng.Float64() < 0.1 {
					s.ask("slow", 100*time.Millisecond, nil)
				} else {
					s.ask("quick", s.around(time.Millisecond), nil)
				}
			})
		})
		return s.figures("quick", time.Time{}, time.Time{}), s.figures("slow", time.Time{}, time.Time{})
	}
	for seed := range uint64(2) {
		quick, slow := mixed(seed, 4, Options{})
		plainQuick, plainSlow := mixed(seed, 4, Options{FastLane: FastLane{Off: true}})
		moreQuick, moreSlow := mixed(seed, 16, Options{LeastLanes: 4})
		t.Logf("seed %d: with 4..16 threads quick p99 %v, slow p99 %v", seed, moreQuick.p99, moreSlow.p99)
		if moreQuick.p99 > 5*time.Millisecond || moreSlow.p99 > 2*plainSlow.p99 || moreQuick.refused+moreSlow.refused > 0 {
			t.Errorf("seed %d: want at most 5ms, and nobody refused", seed)
		}
		t.Logf("seed %d: quick p99 %v (one plain queue: %v), slow p99 %v (%v)", seed, quick.p99, plainQuick.p99, slow.p99, plainSlow.p99)
		if quick.p99 > 10*time.Millisecond || slow.p99 > 2*plainSlow.p99 {
			t.Errorf("seed %d: want at most 10ms, and %v", seed, 2*plainSlow.p99)
		}
		if quick.refused+slow.refused > 0 {
			t.Errorf("seed %d: %d quick and %d slow ones were refused", seed, quick.refused, slow.refused)
		}
	}
}

func TestOverloadServesWhatItCanAndRefusesTheRestAtOnce(t *testing.T) {
	const service, capacity = 10 * time.Millisecond, 800 // 8 lanes
	for seed := range uint64(1) {
		var begin, end time.Time
		load := func(s *sim, factor float64, last time.Duration) {
			s.arrive(capacity*factor, last, func() { s.ask("page", service, nil) })
		}
		s := simulate(t, seed, 2, 4, Options{}, func(s *sim) {
			load(s, 0.8, 20*time.Second)
			begin = time.Now()
			load(s, 10, 60*time.Second)
			end = time.Now()
			load(s, 0.8, 10*time.Second)
		})
		usual := s.figures("", time.Time{}, begin)
		over := s.figures("", begin, end)
		after := s.figures("", end.Add(2*time.Second), time.Time{})
		t.Logf("seed %d: at 80%% p99 %v; at 1000%% %.1f%% of the capacity served, p99 %v, refused in %v; afterwards p99 %v, %d refused",
			seed, usual.p99, float64(over.served)/60/capacity*100, over.p99, over.refusal, after.p99, after.refused)
		if usual.refused > 0 || after.refused > 0 || after.p99 > 2*usual.p99 {
			t.Errorf("seed %d: %d were refused before, %d afterwards", seed, usual.refused, after.refused)
		}
		if float64(over.served) < 0.95*60*capacity || over.p99 > 2*usual.p99 || over.refusal > 10*time.Millisecond {
			t.Errorf("seed %d: want 95 %%, p99 at most %v, 10ms", seed, 2*usual.p99)
		}
	}
}

func TestBurstIsWorkedOff(t *testing.T) {
	s := simulate(t, 1, 2, 4, Options{}, func(s *sim) {
		for range 20 {
			s.ask("page", 10*time.Millisecond, nil) // so that times are known
			time.Sleep(20 * time.Millisecond)
		}
		for range 600 {
			s.ask("page", 10*time.Millisecond, nil)
		}
	})
	if f := s.figures("", time.Time{}, time.Time{}); f.refused > 0 {
		t.Errorf("of a burst that takes 0.75 s, %d were refused", f.refused)
	}
}

func TestPatientQueueKeepsItsOrder(t *testing.T) {
	s := simulate(t, 1, 1, 1, Options{Patient: true, QueueTimeout: 3 * time.Second}, func(s *sim) {
		s.arrive(300, 10*time.Second, func() { s.ask("page", 10*time.Millisecond, nil) })
	})
	last := time.Time{}
	for _, a := range s.done {
		if a.err != nil {
			if !errors.Is(a.err, ErrBusy) || a.took < 3*time.Second {
				t.Fatalf("refused with %v after %v", a.err, a.took)
			}
			continue
		}
		if a.came.Before(last) {
			t.Fatal("one was overtaken")
		}
		last = a.came
	}
}

func TestNobodyStarves(t *testing.T) {
	s := simulate(t, 1, 2, 2, Options{Patient: true, QueueTimeout: 20 * time.Second, QueueLength: 1 << 20}, func(s *sim) {
		s.arrive(900, 20*time.Second, func() {
			switch n := s.rng.Float64(); {
			case n < 0.02:
				s.ask("slow", 200*time.Millisecond, nil)
			case n < 0.1:
				s.ask("low", 5*time.Millisecond, func(r *Request) { r.Priority = paths.Low })
			default:
				s.ask("quick", 5*time.Millisecond, nil)
			}
		})
	})
	quick, slow, low := s.figures("quick", time.Time{}, time.Time{}), s.figures("slow", time.Time{}, time.Time{}), s.figures("low", time.Time{}, time.Time{})
	t.Logf("served: %d quick, %d slow, %d low", quick.served, slow.served, low.served)
	if slow.served < 100 || low.served < 100 || quick.served < 5000 {
		t.Error("some were not served")
	}
}

func TestHighPriorityHasAPlaceInAnOverload(t *testing.T) {
	s := simulate(t, 1, 2, 4, Options{KeepPlace: true, QueueLength: 100}, func(s *sim) {
		n := 0
		s.arrive(8000, 20*time.Second, func() {
			if n++; n%800 == 0 {
				s.ask("health", time.Millisecond, func(r *Request) { r.Priority = paths.High })
			}
			s.ask("page", 10*time.Millisecond, nil)
		})
	})
	health, page := s.figures("health", time.Time{}, time.Time{}), s.figures("page", time.Time{}, time.Time{})
	t.Logf("health: %+v, pages: %+v", health, page)
	if health.refused > 0 || health.p99 > 15*time.Millisecond {
		t.Errorf("%d were refused, p99 is %v", health.refused, health.p99)
	}
	if page.served < 20*600 {
		t.Errorf("only %d others were served", page.served)
	}
}

// TestQueueUnderSeededTimes plays short random times and holds the pool to what
// must never be. PASTED_SEED=N plays one seed alone.
func TestQueueUnderSeededTimes(t *testing.T) {
	t.Parallel()
	EachSeed(t, 1000, playSeed)
}

func playSeed(t *testing.T, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 1))
	workers, threads := 1+rng.IntN(3), 1+rng.IntN(6)
	opts := Options{
		Patient: rng.IntN(3) == 0, KeepPlace: rng.IntN(2) == 0, QueueLength: 1 + rng.IntN(400),
		QueueTimeout: time.Duration(50+rng.IntN(2000)) * time.Millisecond,
		FastLane:     []FastLane{{}, {Off: true}, {Share: 0.3}}[rng.IntN(3)],
	}
	if rng.IntN(2) == 0 {
		opts.LeastLanes = 1 + rng.IntN(6)
	}
	rate := float64(workers*threads) * 100 * (0.3 + 4*rng.Float64())
	s := simulate(t, seed, workers, threads, opts, func(s *sim) {
		s.arrive(rate, 500*time.Millisecond, func() {
			kind, service := "quick", s.around(2*time.Millisecond)
			if s.rng.IntN(8) == 0 {
				kind, service = "slow", s.around(80*time.Millisecond)
			}
			a := s.ask(kind, service, func(r *Request) { r.Priority = paths.Priority(s.rng.IntN(3)) })
			if s.rng.IntN(10) == 0 && s.pool.waits(&a.Request) && s.pool.Cancel(&a.Request, nil) {
				a.End(context.Canceled, nil)
			}
		})
	})
	for _, a := range s.done {
		switch {
		case a.ends != 1:
			t.Errorf("a request ended %d times", a.ends)
		case a.err == nil && a.took < a.service:
			t.Errorf("a request that takes %v ended after %v", a.service, a.took)
		case a.took > opts.QueueTimeout+5*time.Millisecond+a.service+time.Second:
			t.Errorf("a request took %v, and may wait for %v", a.took, opts.QueueTimeout)
		}
	}
	s.pool.mu.Lock()
	defer s.pool.mu.Unlock()
	if c := s.pool.censusLocked(); c.busy != 0 || c.slow != 0 || s.pool.queue.length != 0 || len(s.pool.deadlines) != 0 {
		t.Errorf("at the end there is still %+v, %d in the queue, %d deadlines", c, s.pool.queue.length, len(s.pool.deadlines))
	}
}

package pool_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"pasted/internal/board"
	"pasted/internal/h1"
	"pasted/internal/pool"
	"pasted/internal/wire"
	"pasted/internal/worker"
)

// simTick is how far time goes at once in a simulation.
const simTick = 10 * time.Millisecond

// A sim is a pool under a clock of its own: real lanes, real frames and the real
// loop, which is turned once a tick, and workers that tick calls too. All runs in
// one bubble of synctest.
type sim struct {
	t    *testing.T
	pool *pool.Pool
	loop *h1.Loop
	stop context.CancelFunc
	ran  chan struct{}

	mu      sync.Mutex   // guards all below
	workers []*simWorker // that live
	pids    int
	starts  int
	calls   []int // of the application, by request
	ends    []int // of requests
	errs    []error
	crashed map[int]bool                  // requests whose worker was killed while it had them
	memory  worker.Memory                 // of a new worker
	lanes   int                           // of each worker
	service func() time.Duration          // of one request
	load    func() (time.Duration, error) // of one worker's start
}

// simulate runs f in a pool with opts, whose time begins with the bubble's, and
// ends all of it.
func simulate(t *testing.T, opts pool.Options, configure func(*sim), f func(*sim)) {
	synctest.Test(t, func(t *testing.T) {
		loop, err := h1.NewLoop()
		if err != nil {
			t.Fatal(err)
		}
		s := &sim{
			t: t, loop: loop, ran: make(chan struct{}), crashed: map[int]bool{}, lanes: 2,
			service: func() time.Duration { return 20 * time.Millisecond },
			load:    func() (time.Duration, error) { return 10 * time.Millisecond, nil },
		}
		if configure != nil {
			configure(s)
		}
		opts.Loops, opts.Start = []*h1.Loop{loop}, s.start
		if opts.Log == nil {
			opts.Log = quiet
		}
		s.pool = pool.New(opts)
		ctx, stop := context.WithCancel(t.Context())
		s.stop = stop
		go func() {
			defer close(s.ran)
			_ = s.pool.Run(ctx)
		}()
		f(s)
		s.close()
	})
}

// close ends the pool and lets time go on until it has ended.
func (s *sim) close() {
	s.stop()
	for range 100000 {
		select {
		case <-s.ran:
			s.loop.Close()
			for s.loop.Turn() {
			}
			return
		default:
			s.tick()
		}
	}
	s.t.Fatalf("the pool does not end: %v", s.pool.Occupied())
}

// tick lets time go on once.
func (s *sim) tick() {
	time.Sleep(simTick)
	s.loop.Turn()
	s.mu.Lock()
	for _, w := range slices.Clone(s.workers) {
		w.tickLocked()
	}
	s.mu.Unlock()
	s.loop.Turn()
	synctest.Wait()
}

// run lets d go by, and calls each once a tick.
func (s *sim) run(d time.Duration, each func()) {
	for end := time.Now().Add(d); time.Now().Before(end); s.tick() {
		if each != nil {
			each()
		}
	}
}

// request gives the pool one more request.
func (s *sim) request() { s.ask(0) }

// ask is request with a deadline.
func (s *sim) ask(timeout time.Duration) {
	s.mu.Lock()
	s.calls, s.ends, s.errs = append(s.calls, 0), append(s.ends, 0), append(s.errs, nil)
	s.mu.Unlock()
	r := newRequest(&simAnswer{s, len(s.calls) - 1})
	r.ID = uint64(len(s.calls))
	r.Frame = append(r.Frame, 0, 0, 0, 0)
	copy(r.Frame[wire.HeadSize:], fmt.Sprintf("%04d", (len(s.calls)-1)%10000))
	wire.SetLength(r.Frame)
	r.Timeout = timeout
	s.pool.Do(r, nil)
}

// A simAnswer notes how a request ends.
type simAnswer struct {
	s *sim
	n int
}

func (a *simAnswer) Head([]byte, bool, *h1.Loop)      {}
func (a *simAnswer) Data([]byte, bool, *h1.Loop) bool { return true }
func (a *simAnswer) End(err error, _ *h1.Loop) {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	a.s.ends[a.n]++
	a.s.errs[a.n] = err
}

// settle waits until each request has ended, and says what is wrong with that:
// of each one, whether it was answered once, after one call at most, and failed
// only where its worker was killed.
func (s *sim) settle() error {
	for end := time.Now().Add(time.Minute); time.Now().Before(end) && s.awaits(); {
		s.tick()
	}
	s.run(time.Second, nil)
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for n := range s.calls {
		switch {
		case s.ends[n] != 1:
			errs = append(errs, fmt.Errorf("request %d ended %d times", n, s.ends[n]))
		case s.calls[n] > 1:
			errs = append(errs, fmt.Errorf("request %d was called %d times", n, s.calls[n]))
		case s.errs[n] == nil && s.calls[n] != 1:
			errs = append(errs, fmt.Errorf("request %d was answered without a call", n))
		case s.errs[n] != nil && !(errors.Is(s.errs[n], pool.ErrDied) && s.crashed[n]):
			errs = append(errs, fmt.Errorf("request %d failed: %w", n, s.errs[n]))
		}
	}
	return errors.Join(errs...)
}

// awaits says whether a request has not ended.
func (s *sim) awaits() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Contains(s.ends, 0)
}

// A simWorker is a worker that time moves on.
type simWorker struct {
	s        *sim
	id, pid  int
	ours     []*worker.Lane
	theirs   []*worker.Lane
	serving  []simCall // by lane
	eof      []bool
	draining bool
	done     chan struct{}
	exit     worker.Exit
	memory   worker.Memory
	computed time.Duration
}

// A simCall is the application at work.
type simCall struct {
	number uint64 // of the frame; 0: none
	n      int
	until  time.Time
	ended  bool // nothing comes any more
}

// start is the pool's Start: it imports for as long as it takes.
func (s *sim) start(ctx context.Context, id int) (pool.Worker, error) {
	s.mu.Lock()
	s.starts++
	takes, err := s.load()
	s.mu.Unlock()
	select {
	case <-time.After(takes):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pids++
	w := &simWorker{s: s, id: id, pid: s.pids, done: make(chan struct{}), memory: s.memory}
	for range s.lanes {
		fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		if err != nil {
			return nil, err
		}
		w.ours, w.theirs = append(w.ours, worker.NewLane(fds[0])), append(w.theirs, worker.NewLane(fds[1]))
	}
	w.serving, w.eof = make([]simCall, len(w.ours)), make([]bool, len(w.ours))
	s.workers = append(s.workers, w)
	return w, nil
}

func (w *simWorker) PID() int              { return w.pid }
func (w *simWorker) Lanes() []*worker.Lane { return w.ours }
func (w *simWorker) Demand() (used, waited time.Duration, known bool) {
	return 0, 0, false
}
func (w *simWorker) Holders([]int) ([]int, bool) { return nil, false }
func (w *simWorker) CPU() (time.Duration, bool)  { return w.computed, true }
func (w *simWorker) Memory(bool) (worker.Memory, bool) {
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	return w.memory, true
}
func (w *simWorker) Board() *board.Board      { return nil }
func (w *simWorker) Expire(int, uint64, bool) {}
func (w *simWorker) Cancel(int, uint64)       {}
func (w *simWorker) Drain()                   { w.s.mu.Lock(); w.draining = true; w.s.mu.Unlock() }
func (w *simWorker) Kill()                    { w.s.mu.Lock(); w.dieLocked(); w.s.mu.Unlock() }
func (w *simWorker) Abort()                   {}
func (w *simWorker) Done() <-chan struct{}    { return w.done }
func (w *simWorker) Exit() worker.Exit        { return w.exit }

// dieLocked ends the worker with what it serves.
func (w *simWorker) dieLocked() {
	for i, other := range w.s.workers {
		if other == w {
			w.s.workers = append(w.s.workers[:i:i], w.s.workers[i+1:]...)
			for _, l := range w.theirs {
				l.Close()
			}
			w.exit = worker.Exit{Code: -1, Signal: unix.SIGKILL}
			close(w.done)
			return
		}
	}
}

// crash is its end by a fault, which the first request of each lane may fail of: it
// is being served, or the pool cannot know that it is not.
func (w *simWorker) crash() {
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	for i, l := range w.theirs {
		c := w.serving[i]
		if c.number == 0 {
			c = w.next(l)
		}
		if c.number != 0 {
			w.s.crashed[c.n] = true
		}
	}
	w.dieLocked()
}

// next returns what comes next on a lane, a call without a number if nothing has.
func (w *simWorker) next(l *worker.Lane) (c simCall) {
	l.Awake(false)
	f, err := l.Frames.Next()
	if err == nil {
		c.number = f.Number
		_, _ = fmt.Sscanf(string(f.Payload[:4]), "%d", &c.n)
	} else {
		c.ended = err != unix.EAGAIN
	}
	return c
}

// tickLocked answers what is ready and begins what has come.
func (w *simWorker) tickLocked() {
	ended := true
	for i, l := range w.theirs {
		w.answer(i, l)
		w.take(i, l)
		ended = ended && w.eof[i] && w.serving[i].number == 0
	}
	if w.draining && ended {
		w.dieLocked()
		w.exit = worker.Exit{}
	}
}

func (w *simWorker) answer(i int, l *worker.Lane) {
	c := w.serving[i]
	if c.number == 0 || time.Now().Before(c.until) {
		return
	}
	w.serving[i] = simCall{}
	frame := wire.Frame{Kind: wire.Head, Flags: wire.FlagEnd, Number: c.number, Payload: ok}
	_, _ = l.Write(wire.Append(nil, frame))
}

func (w *simWorker) take(i int, l *worker.Lane) {
	if w.serving[i].number != 0 || w.eof[i] {
		return
	}
	c := w.next(l)
	if w.eof[i] = c.ended; c.number == 0 {
		return
	}
	w.s.calls[c.n]++
	c.until = time.Now().Add(w.s.service())
	w.serving[i] = c
}

// TestPoolUnderSeededFaults has workers killed, recycled, not starting, too many
// and too few, by a thousand seeds. PASTED_SEED=N runs one of them alone.
func TestPoolUnderSeededFaults(t *testing.T) {
	t.Parallel()
	if text := os.Getenv("PASTED_SEED"); text != "" {
		var seed uint64
		if _, err := fmt.Sscan(text, &seed); err != nil {
			t.Fatalf("PASTED_SEED: %v", err)
		}
		runSeed(t, seed)
		return
	}
	seeds := uint64(1000)
	if testing.Short() {
		seeds = 50
	}
	const parts = 4
	for part := range uint64(parts) {
		t.Run(fmt.Sprint("part ", part), func(t *testing.T) {
			t.Parallel()
			for seed := part; seed < seeds && !t.Failed(); seed += parts {
				runSeed(t, seed)
			}
		})
	}
}

// runSeed lets one pool live through what the seed says.
func runSeed(t *testing.T, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 7))
	least := 1 + r.IntN(3)
	most := least + r.IntN(4)
	opts := pool.Options{
		Size: least, Most: most, Grace: 2 * time.Second, QueueTimeout: time.Hour, Patient: true, QueueLength: 1 << 20, Cores: 100,
		Recycle: pool.Recycle{
			Requests: r.IntN(2) * (5 + r.IntN(20)), Jitter: r.IntN(10),
			Age:   time.Duration(r.IntN(2)) * time.Second * time.Duration(1+r.IntN(3)),
			Alone: r.IntN(4) == 0,
		},
	}
	starts := rand.New(rand.NewPCG(seed, 8)) // as are service's: the sim's mu guards them
	failing, first := false, least
	configure := func(s *sim) {
		s.service = func() time.Duration { return time.Duration(5+starts.IntN(100)) * time.Millisecond }
		s.load = func() (time.Duration, error) {
			if failing && s.starts > first && starts.IntN(2) == 0 {
				return 20 * time.Millisecond, errTest
			}
			return time.Duration(10+starts.IntN(200)) * time.Millisecond, nil
		}
	}
	simulate(t, opts, configure, func(s *sim) {
		rate := 0.1
		s.run(6*time.Second, func() {
			if r.Float64() < rate {
				s.request()
			}
			switch r.IntN(400) {
			case 0, 1:
				if w := s.one(r); w != nil {
					w.crash()
				}
			case 2:
				s.mu.Lock()
				failing = !failing
				s.mu.Unlock()
			case 3:
				rate = []float64{0.01, 0.1, 0.3}[r.IntN(3)]
			case 4:
				least = 1 + r.IntN(3)
				most = least + r.IntN(4)
				s.pool.ResizeRange(least, most)
			}
			checkCrew(t, seed, s, opts.Recycle.Alone)
		})
		s.mu.Lock()
		failing = false
		s.mu.Unlock()
		if err := s.settle(); err != nil {
			t.Errorf("seed %d: %v", seed, err)
		}
		fewest := least
		if opts.Recycle.Alone {
			fewest-- // one may be being replaced
		}
		for end := time.Now().Add(2 * time.Minute); ; s.tick() {
			_, _, now := s.pool.Range()
			if fewest <= now && now <= most+1 {
				break
			}
			if time.Now().After(end) {
				t.Errorf("seed %d: %d workers at the end, want %d to %d: %v", seed, now, fewest, most, s.pool.Occupied())
				break
			}
		}
	})
}

// one returns a worker, nil if there is none.
func (s *sim) one(r *rand.Rand) *simWorker {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.workers) == 0 {
		return nil
	}
	return s.workers[r.IntN(len(s.workers))]
}

// checkCrew holds that one worker at a time is being replaced, and that none is
// beside its successor where that is not wanted.
func checkCrew(t *testing.T, seed uint64, s *sim, alone bool) {
	replacing := 0
	for id, n := range s.pool.Occupied() {
		if n[0] > 0 && n[1] > 0 {
			replacing++
		}
		if n[0]+n[1] > 2 || n[1] > 1 || alone && n[0]+n[1]+n[2] > 1 {
			t.Errorf("seed %d: worker %d starts, serves, drains %v times", seed, id, n)
		}
	}
	if replacing > 1 {
		t.Errorf("seed %d: %d workers are being replaced at once", seed, replacing)
	}
}

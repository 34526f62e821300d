package pool_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pasted/internal/h1"
	"pasted/internal/pool"
	"pasted/internal/worker"
)

// simTick is how far time goes at once in a simulation.
const simTick = 10 * time.Millisecond

// A sim is a pool under a clock of its own: real lanes, real frames, real
// scoreboards and the real loop, which is turned once a tick, and workers that
// tick calls too. All runs in one bubble of synctest.
type sim struct {
	t    *testing.T
	pool *pool.Pool
	loop *h1.Loop
	stop context.CancelFunc
	ran  chan struct{}
	step time.Duration // of a tick

	mu       sync.Mutex   // guards all below
	workers  []*simWorker // that live, in the order of their IDs
	starts   map[int]int  // by ID
	asked    []*asked
	held     []*asked      // whose client has had no room
	memory   worker.Memory // of a new worker
	lanes    int           // of each worker
	boards   bool          // they keep them
	over     bool          // the pool has been told to stop
	patience time.Duration // what a request may wait
	service  func() time.Duration
	load     func(id, nth int) (time.Duration, error) // of one worker's start
	play     func(w *simWorker, c *simCall)           // says what the application does; nil: it answers after service
	random   func(n int64) int64                      // for the pool's jitter; nil: its own
	note     func(format string, args ...any)         // keeps a journal
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
			t: t, loop: loop, ran: make(chan struct{}), lanes: 2, step: simTick, starts: map[int]int{},
			service: func() time.Duration { return 20 * time.Millisecond },
			load:    func(int, int) (time.Duration, error) { return 10 * time.Millisecond, nil },
			note:    func(string, ...any) {},
		}
		if configure != nil {
			configure(s)
		}
		opts.Loops, opts.Start = []*h1.Loop{loop}, s.start
		if opts.Log == nil {
			opts.Log = quiet
		}
		s.patience = cmp.Or(opts.QueueTimeout, 30*time.Second)
		s.pool = pool.New(opts)
		if s.random != nil {
			s.pool.SetRandom(s.random)
		}
		ctx, stop := context.WithCancel(t.Context())
		s.stop = func() { s.mu.Lock(); s.over = true; s.mu.Unlock(); stop() }
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

// tick lets time go on once. The workers come first: what they have been sent is
// not taken back before they see it.
func (s *sim) tick() {
	time.Sleep(s.step)
	synctest.Wait()
	s.mu.Lock()
	for _, w := range slices.Clone(s.workers) {
		w.tickLocked()
	}
	held := s.held
	s.held = nil
	s.mu.Unlock()
	for _, a := range held {
		a.request.Resume()
	}
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
	s.send(&asked{method: "GET", path: "/", timeout: timeout})
}

// send gives the pool a.
func (s *sim) send(a *asked) {
	s.mu.Lock()
	a.s, a.n, a.came = s, len(s.asked), time.Now()
	s.asked = append(s.asked, a)
	s.mu.Unlock()
	more := []string{"n", strconv.Itoa(a.n)}
	if a.key {
		more = append(more, "HTTP_IDEMPOTENCY_KEY", "k")
	}
	a.request = requestFor(s.t, a, a.method, a.path, more...)
	a.request.ID, a.request.Timeout, a.request.Interrupt = uint64(a.n+1), a.timeout, a.interrupt
	switch {
	case a.body == "":
	case a.onceOnly:
		a.request.Body = onceOnly{strings.NewReader(a.body)}
	default:
		a.request.Body = strings.NewReader(a.body)
	}
	if a.timeout > 0 {
		a.due = a.came.Add(a.timeout)
	}
	s.note("request %d: %s %s, timeout %v, body %q", a.n, a.method, a.path, a.timeout, a.body)
	s.pool.Do(a.request, nil)
}

// settle waits until each request has ended, and says what is wrong with that,
// see asked.verdict.
func (s *sim) settle() error {
	for end := time.Now().Add(time.Minute); time.Now().Before(end) && s.awaits(); {
		s.tick()
	}
	s.run(time.Second, nil)
	return s.verdicts()
}

func (s *sim) verdicts() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, a := range s.asked {
		if err := a.verdict(); err != nil {
			errs = append(errs, fmt.Errorf("request %d, %s %s, called %d times, of which %d workers died: %w", a.n, a.method, a.path, a.calls, a.deaths, err))
		}
	}
	return errors.Join(errs...)
}

// awaits says whether a request has not ended.
func (s *sim) awaits() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(s.asked, func(a *asked) bool { return a.ends == 0 && !a.left })
}

// start is the pool's Start: it imports for as long as it takes.
func (s *sim) start(ctx context.Context, id int) (pool.Worker, error) {
	s.mu.Lock()
	s.starts[id]++
	nth := s.starts[id]
	takes, err := s.load(id, nth)
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
	w, err := s.newWorkerLocked(id, nth)
	if err != nil {
		return nil, err
	}
	s.note("worker %d begins", w.pid)
	s.workers = append(s.workers, w)
	slices.SortFunc(s.workers, func(a, b *simWorker) int { return cmp.Compare(a.pid, b.pid) })
	return w, nil
}

package pool_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pasted/internal/h1"
	"pasted/internal/pool"
)

const (
	stressWorkers = 3
	stressLanes   = 2
	stressBurst   = 200 // requests at once
	slowEach      = 700 // one in so many keeps its lane for 15 to 30 ms
	pauseEach     = 40  // … for 1 to 5 ms, so that some are in the application
)

// A stress is a pool of real workers that are stopped, continued and killed while
// they serve numbered requests.
type stress struct {
	t    *testing.T
	site *site
	pool *pool.Pool

	outcomes []outcome // by number
	open     sync.WaitGroup

	stops, stalls, kills atomic.Int64
}

// An outcome is how one request has ended.
type outcome struct {
	post bool
	ends atomic.Int32
	body string
	err  error
}

// A numberedAnswer notes the outcome of one request.
type numberedAnswer struct {
	s *stress
	n int
}

func (a *numberedAnswer) Head(payload []byte, _ bool, _ *h1.Loop) {
	if len(payload) >= 2 {
		a.s.outcomes[a.n].body = string(payload[len(payload)-2:])
	}
}
func (a *numberedAnswer) Data([]byte, bool, *h1.Loop) bool { return true }
func (a *numberedAnswer) End(err error, _ *h1.Loop) {
	o := &a.s.outcomes[a.n]
	if o.ends.Add(1) == 1 {
		o.err = err
		a.s.open.Done()
	}
}

// TestNoRequestIsLostOrCalledTwice has Python processes stopped, continued and
// killed while they serve numbered requests, many of them sent ahead, and counts
// each call of the application. PASTED_STRESS=1000000 makes so many requests.
func TestNoRequestIsLostOrCalledTwice(t *testing.T) {
	total := 20000
	if text := os.Getenv("PASTED_STRESS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < stressBurst {
			t.Fatalf("PASTED_STRESS=%q: want a number of requests, at least %d", text, stressBurst)
		}
		total = n
	} else if testing.Short() {
		t.Skip("takes some 15 s")
	}
	s := &stress{t: t, site: newSite(t, stressLanes), outcomes: make([]outcome, total)}
	s.pool = run(t, pool.Options{
		Size: stressWorkers, Lanes: stressLanes, Start: s.site.start,
		QueueTimeout: time.Hour, Patient: true, QueueLength: 1 << 20, FastLane: pool.FastLane{Off: true},
	})
	if err := s.pool.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	stop := make(chan struct{})
	var tormentors sync.WaitGroup
	for range 2 {
		tormentors.Go(func() { s.torment(stop) })
	}
	s.ask(total)
	close(stop)
	tormentors.Wait()
	s.await()
	s.judge(time.Since(began))
}

// ask makes requests in bursts, so that some are sent ahead and the workers are
// idle between.
func (s *stress) ask(total int) {
	for n := range total {
		if n%stressBurst == 0 && n > 0 {
			time.Sleep(rand.N(80 * time.Millisecond))
			for s.pool.Stats().QueueLength > 20*stressBurst {
				time.Sleep(time.Millisecond)
			}
		}
		o, method, path := &s.outcomes[n], "GET", "/"
		if o.post = n%4 != 0; o.post {
			method = "POST"
		}
		switch {
		case n%slowEach == slowEach/2:
			path = fmt.Sprintf("/slow/%.3f", 0.015+0.015*rand.Float64())
		case rand.N(pauseEach) == 0:
			path = fmt.Sprintf("/slow/%.4f", 0.001+0.004*rand.Float64())
		}
		s.open.Add(1)
		s.pool.Do(numbered(s.t, &numberedAnswer{s, n}, method, path, n), nil)
	}
}

// torment stops and continues workers, and kills some, until stop is closed.
func (s *stress) torment(stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			return
		case <-time.After(rand.N(20 * time.Millisecond)):
		}
		r := s.choose()
		if r == nil {
			continue
		}
		if rare := rand.N(20) == 0 || s.kills.Load() == 0 && s.stops.Load() > 5; rare && s.mayKill(r) {
			s.kill(r)
			continue
		}
		d := rand.N(40 * time.Millisecond)
		switch kind := rand.N(20); {
		case kind == 0 || s.stalls.Load() == 0:
			d = 900*time.Millisecond + rand.N(700*time.Millisecond) // makes no progress
			s.stalls.Add(1)
		case kind < 4:
			d = rand.N(300 * time.Millisecond)
		}
		if s.site.signal(r, unix.SIGSTOP) {
			s.stops.Add(1)
			time.Sleep(d)
			if rand.N(10) == 0 && s.mayKill(r) {
				s.kill(r) // in its sleep
			}
			s.site.signal(r, unix.SIGCONT)
		}
		s.release(r)
	}
}

// choose takes a worker that lives and that no other tormentor has.
func (s *stress) choose() *resident {
	s.site.mu.Lock()
	defer s.site.mu.Unlock()
	for _, r := range s.site.live { // in an order of its own each time
		if !r.held {
			r.held = true
			return r
		}
	}
	return nil
}

func (s *stress) release(r *resident) {
	s.site.mu.Lock()
	defer s.site.mu.Unlock()
	r.held = false
}

// mayKill says whether the pool replaces r at once: it waits with a worker that
// exits quickly again and again.
func (s *stress) mayKill(r *resident) bool {
	s.site.mu.Lock()
	defer s.site.mu.Unlock()
	return s.site.kills[r.id] < 3 || time.Since(r.began) > 6*time.Second
}

// kill ends r, for good.
func (s *stress) kill(r *resident) {
	if s.site.signal(r, unix.SIGKILL) {
		s.kills.Add(1)
		s.site.mu.Lock()
		s.site.kills[r.id]++
		delete(s.site.live, r.PID())
		s.site.mu.Unlock()
	}
}

// await waits until each request has ended.
func (s *stress) await() {
	s.t.Helper()
	ended := make(chan struct{})
	go func() { s.open.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(time.Minute):
		missing := 0
		for n := range s.outcomes {
			if s.outcomes[n].ends.Load() == 0 {
				missing++
			}
		}
		s.t.Fatalf("%d requests have not ended a minute after the last was made: %+v", missing, s.pool.Stats())
	}
}

// judge compares what came back with what was called.
func (s *stress) judge(took time.Duration) {
	time.Sleep(100 * time.Millisecond) // for calls and ends that should not be
	calls, lost, uncalled, repeated, twice := s.site.calls(s.t, len(s.outcomes)), 0, 0, 0, 0
	for n := range s.outcomes {
		o := &s.outcomes[n]
		var death *pool.DeathError
		switch {
		case o.ends.Load() != 1:
			s.t.Errorf("request %d ended %d times", n, o.ends.Load())
		case o.post && calls[n] > 1:
			s.t.Errorf("request %d, which may not be repeated, was called %d times", n, calls[n])
		case o.err == nil && calls[n] == 0:
			s.t.Errorf("request %d was answered and never called", n)
		case o.err == nil && o.body != "ok":
			s.t.Errorf("request %d was answered with %q", n, o.body)
		case o.err != nil && !errors.As(o.err, &death):
			s.t.Errorf("request %d: %v", n, o.err)
		case o.err != nil && !o.post && death.Reason == pool.ReasonDied:
			s.t.Errorf("request %d, which may be repeated, was not: %v", n, o.err)
		case o.err != nil && o.post:
			lost++
			if calls[n] == 0 {
				uncalled++ // killed between the call and the application's first step
			}
		case o.err != nil:
			twice++
		}
		if calls[n] > 1 {
			repeated++
		}
	}
	st := s.pool.Stats()
	s.t.Logf("%d requests in %v: %d stops, %d of them for 0.9 s and longer, %d kills; %d revoked, %d skipped, %d given to another worker; "+
		"%d of what may be repeated called more than once, %d of it lost; %d POST lost in the application, %d of them at its first step",
		len(s.outcomes), took.Round(time.Millisecond), s.stops.Load(), s.stalls.Load(), s.kills.Load(),
		st.Revoked, st.Skipped, st.Retries, repeated, twice, lost, uncalled)
	// A death takes what is in the application, one request for each lane.
	if most := int(s.kills.Load()) * stressLanes; lost > most {
		s.t.Errorf("%d requests lost by %d kills, want %d at most", lost, s.kills.Load(), most)
	}
	if st.Revoked == 0 || st.Skipped == 0 || s.kills.Load() == 0 || s.stalls.Load() == 0 {
		s.t.Errorf("the test has tested nothing: %d revoked, %d skipped, %d kills, %d stalls", st.Revoked, st.Skipped, s.kills.Load(), s.stalls.Load())
	}
}

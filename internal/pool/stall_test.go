package pool_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"pasted/internal/pool"
	"pasted/internal/wire"
)

// calls counts how often the application has been called, by path.
type calls struct {
	mu    sync.Mutex
	count map[string]int
}

func (c *calls) add(path string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.count == nil {
		c.count = map[string]int{}
	}
	c.count[path]++
	return c.count[path]
}

func (c *calls) of(path string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.count[path]
}

func answered(t *testing.T, a *taken, what string) {
	t.Helper()
	if body, err := a.wait(t); body != "ok" || err != nil {
		t.Errorf("%s: got %q, %v, want ok", what, body, err)
	}
}

// unanswered says that a has not ended.
func unanswered(t *testing.T, a *taken, what string) {
	t.Helper()
	select {
	case <-a.done:
		t.Errorf("%s ended, with %v", what, a.err)
	default:
	}
}

// TestWhatWaitsBehindASlowRequestIsTakenBack has a crowd, or a single request, be sent
// ahead behind the slow one: within one turn of the loop, for which no time goes by.
func TestWhatWaitsBehindASlowRequestIsTakenBack(t *testing.T) {
	for _, n := range []int{3, 1} {
		var seen calls
		begun, release := make(chan struct{}), make(chan struct{})
		loops := runLoops(t, 1)
		p := run(t, pool.Options{Loops: loops, Start: boarded(t, 2, nil, func(w *fakeWorker, lane int, f wire.Frame) {
			path := pathOf(f)
			if seen.add(path); path == "/slow" {
				close(begun)
				w.await(release)
			}
			answerAll(w, lane, f)
		})})
		if err := p.WaitReady(t.Context()); err != nil {
			t.Fatal(err)
		}
		p.SetPace(20 * time.Microsecond)
		slow, behind := newTaken(), make([]*taken, n)
		on(loops[0], func() {
			p.Do(requestFor(t, slow, "GET", "/slow"), nil)
			<-begun
			for i := range behind {
				behind[i] = newTaken()
				p.Do(requestFor(t, behind[i], "POST", "/behind"), loops[0])
			}
		})
		for _, a := range behind {
			answered(t, a, "a request behind it")
		}
		unanswered(t, slow, "the slow request")
		if got := p.Stats().Revoked; got < uint64(n) { // more, if the other lane is held up
			t.Errorf("%d taken back, want %d", got, n)
		}
		close(release)
		answered(t, slow, "the slow request")
		last := newTaken()
		p.Do(requestFor(t, last, "GET", "/last"), nil)
		answered(t, last, "the next request")
		if got := seen.of("/behind"); got != n {
			t.Errorf("the application was called %d times for %d requests", got, n)
		}
	}
}

// TestStoppedWorkerLosesWhatItHasNotBegun stops the worker that is given a
// request first.
func TestStoppedWorkerLosesWhatItHasNotBegun(t *testing.T) {
	scripted(t, pool.Options{Size: 2}, nil, func(s *sim) {
		s.workers[0].stick(forever)
		for range 2 { // one for each
			s.send(&asked{method: "POST", path: "/"})
		}
		s.run(700*time.Millisecond, nil)
		if a, b := s.asked[0], s.asked[1]; a.ends != 0 || b.ends != 1 {
			t.Errorf("the stopped worker's has ended %d times, the other one's %d times, want 0 and 1", a.ends, b.ends)
		}
		s.run(300*time.Millisecond, nil)
		if a := s.asked[0]; a.ends != 1 || a.calls != 1 {
			t.Errorf("the stopped worker's has ended %d times after %d calls, want one answer of the other one's", a.ends, a.calls)
		}
		s.goOn()
		for range 20 { // the stopped one serves again
			s.request()
		}
		if err := s.settle(); err != nil {
			t.Error(err)
		}
		if got := s.pool.Stats(); got.Revoked != 1 {
			t.Errorf("%d revoked, want 1", got.Revoked)
		}
	})
}

// goOn ends whatever holds up the workers, and their calls.
func (s *sim) goOn() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range s.workers {
		w.still = time.Time{}
		for i := range w.serving {
			w.serving[i].until = time.Time{}
		}
	}
}

// stuck is a play in which the first call of each path that begins with /stuck holds
// its worker up until goOn, which nobody can tell of; then does what is to become of
// the second one, if anything is.
func stuck(then func(c *simCall)) func(w *simWorker, c *simCall) {
	return func(w *simWorker, c *simCall) {
		switch {
		case !strings.HasPrefix(c.asked.path, "/stuck"):
		case c.nth == 1:
			w.stickLocked(forever, -2)
		case then != nil:
			then(c)
		}
	}
}

// lasts is a call that takes so long.
func lasts(d time.Duration) func(c *simCall) {
	return func(c *simCall) { c.until = c.until.Add(d) }
}

func TestWhatAStalledWorkerHasBegunIsRepeatedIfItMayBe(t *testing.T) {
	scripted(t, pool.Options{Size: 2}, stuck(nil), func(s *sim) {
		get := s.get("/stuck/get", 0)
		s.run(1100*time.Millisecond, nil)
		if get.ends != 0 || get.calls != 1 {
			t.Errorf("GET has ended %d times after %d calls, want it not to be repeated yet", get.ends, get.calls)
		}
		s.run(400*time.Millisecond, nil)
		if get.ends != 1 || get.err != nil || get.of != 2 {
			t.Errorf("GET has ended %d times, with %v, by call %d, want an answer by the second", get.ends, get.err, get.of)
		}
		post := &asked{method: "POST", path: "/stuck/post"}
		s.send(post)
		s.run(5*time.Second, nil)
		if post.ends != 0 {
			t.Errorf("POST ended, with %v", post.err)
		}
		s.goOn()
		for range 20 {
			s.request()
		}
		if err := s.settle(); err != nil {
			t.Error(err)
		}
		if get.calls != 2 || post.calls != 1 || post.err != nil {
			t.Errorf("the application was called %d times for GET and %d times for POST, want 2 and 1; POST ended with %v", get.calls, post.calls, post.err)
		}
	})
}

// TestFirstAnswerWins has the first worker go on while the second is at it, which
// answers between the parts of the first one's answer.
func TestFirstAnswerWins(t *testing.T) {
	play := func(w *simWorker, c *simCall) {
		if c.asked.path == "/stuck" {
			c.parts, c.each = 4, time.Second
		}
		stuck(lasts(1500*time.Millisecond))(w, c)
	}
	scripted(t, pool.Options{Size: 2}, play, func(s *sim) {
		race := s.get("/stuck", 0)
		s.run(2*time.Second, nil)
		if race.calls != 2 || race.ends != 0 {
			t.Errorf("called %d times, ended %d times, want two that are at it", race.calls, race.ends)
		}
		s.mu.Lock()
		s.workers[0].still = time.Time{}
		s.mu.Unlock()
		s.run(10*time.Second, nil) // the second's comes too
		if race.ends != 1 || race.err != nil || race.of != 1 {
			t.Errorf("ended %d times, with %v, by call %d, want the first answer", race.ends, race.err, race.of)
		}
		for range 8 {
			s.request()
		}
		if err := s.settle(); err != nil {
			t.Error(err)
		}
	})
}

// TestClientThatLeavesEndsARace has it leave before the request is repeated, and
// while it is.
func TestClientThatLeavesEndsARace(t *testing.T) {
	for calls, after := range map[int]time.Duration{1: 1100 * time.Millisecond, 2: 1500 * time.Millisecond} {
		scripted(t, pool.Options{Size: 2}, stuck(func(c *simCall) { c.fate = hangs }), func(s *sim) {
			race := s.get("/stuck", 0)
			s.run(after, nil)
			race.leave()
			s.run(500*time.Millisecond, nil)
			if told := race.calls == 2; race.raised != told {
				t.Errorf("left after %v: the second worker has been told: %v, want %v", after, race.raised, told)
			}
			s.goOn()
			s.request()
			if err := s.settle(); err != nil {
				t.Errorf("left after %v: %v", after, err)
			}
			if race.calls != calls || !race.left {
				t.Errorf("left after %v: called %d times, left in time: %v, want %d calls", after, race.calls, race.left, calls)
			}
		})
	}
}

// TestDeadlineOfARaceOutlivesTheFirstWorker has the second worker go on for ever
// when the first has been replaced.
func TestDeadlineOfARaceOutlivesTheFirstWorker(t *testing.T) {
	opts := pool.Options{Size: 2, StallTimeout: 1500 * time.Millisecond, TimeoutGrace: time.Millisecond}
	scripted(t, opts, stuck(func(c *simCall) { c.fate = stubborn }), func(s *sim) {
		race := s.get("/stuck", 4*time.Second)
		for deaths, d := range []time.Duration{1400 * time.Millisecond, 1600 * time.Millisecond} {
			s.run(d, nil)
			if race.deaths != deaths || race.calls != 2 || race.ends != 0 {
				t.Errorf("%d workers have died, after %d calls, ended %d times, want %d, and the second to be at it", race.deaths, race.calls, race.ends, deaths)
			}
		}
		s.run(2*time.Second, nil)
		if err := race.pastDue(4 * time.Second); err != nil {
			t.Error(err)
		}
	})
}

// TestSecondWorkerOfARaceExtendsItsDeadline has both workers go on beyond the first
// deadline.
func TestSecondWorkerOfARaceExtendsItsDeadline(t *testing.T) {
	scripted(t, pool.Options{Size: 2, TimeoutGrace: time.Minute}, stuck(lasts(20*time.Second)), func(s *sim) {
		race := s.get("/stuck", 3*time.Second)
		s.run(2*time.Second, nil)
		if race.calls != 2 {
			t.Fatalf("called %d times, want it to be repeated", race.calls)
		}
		s.pool.Extend(s.workers[1].serving[0].number, time.Minute)
		race.due = time.Now().Add(time.Minute)
		s.run(10*time.Second, nil)
		if race.ends != 0 {
			t.Errorf("the request with a longer deadline ended, with %v", race.err)
		}
		s.goOn()
		if err := s.settle(); err != nil || race.err != nil {
			t.Errorf("the request with a longer deadline ended with %v; %v", race.err, err)
		}
	})
}

// TestWorkerThatMakesNoProgressIsReplaced has it write its stacks and end, or be
// stopped, and not do that either.
func TestWorkerThatMakesNoProgressIsReplaced(t *testing.T) {
	for holder, most := range map[int]time.Duration{-2: 2500 * time.Millisecond, -1: 3500 * time.Millisecond} {
		play := func(w *simWorker, c *simCall) {
			if c.asked.path == "/stuck" {
				w.stickLocked(forever, holder)
			}
		}
		scripted(t, pool.Options{Size: 2, StallTimeout: 2 * time.Second}, play, func(s *sim) {
			post := &asked{method: "POST", path: "/stuck"}
			s.send(post)
			s.run(5*time.Second, nil)
			if post.ends != 1 || !errors.Is(post.err, pool.ErrDied) || post.took < 2*time.Second || post.took > most {
				t.Errorf("ended %d times, after %v, with %v, want %v after %v at most", post.ends, post.took, post.err, pool.ErrDied, most)
			}
			for range 4 {
				s.request()
			}
			s.run(time.Second, nil)
			for _, a := range s.asked[1:] {
				if a.ends != 1 || a.err != nil {
					t.Errorf("a request afterwards ended %d times, with %v", a.ends, a.err)
				}
			}
			if n := s.pool.Stats().Restarts; n != 1 {
				t.Errorf("%d workers were replaced, want 1", n)
			}
		})
	}
}

// TestStopDoesNotWaitForAStalledWorker has one stand still when the pool stops: it
// has its stall timeout, and not the whole grace period.
func TestStopDoesNotWaitForAStalledWorker(t *testing.T) {
	opts := pool.Options{Size: 1, StallTimeout: 1500 * time.Millisecond, Grace: time.Minute}
	scripted(t, opts, stuck(nil), func(s *sim) {
		post := &asked{method: "POST", path: "/stuck"}
		s.send(post)
		s.run(100*time.Millisecond, nil)
		if took := s.stopped(); took > 3*time.Second {
			t.Errorf("the stop took %v, want it not to wait for the grace period", took)
		}
		if post.calls != 1 || !errors.Is(post.err, pool.ErrDied) {
			t.Errorf("called %d times, ended with %v, want %v after one call", post.calls, post.err, pool.ErrDied)
		}
	})
}

// TestSlowClientIsNoStall has a worker stand still that waits for nothing but its
// client's reading.
func TestSlowClientIsNoStall(t *testing.T) {
	play := func(_ *simWorker, c *simCall) { c.fate, c.parts = trickles, 4 }
	scripted(t, pool.Options{Size: 1}, play, func(s *sim) {
		s.request()
		var held []*asked
		s.run(3*time.Second, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			if len(s.held) > 0 {
				held, s.held = s.held, nil // its client does not read
				s.workers[0].stickLocked(forever, -1)
			}
		})
		if len(held) != 1 || s.pool.Stats().Workers[0].State != "busy" {
			t.Fatalf("%d clients do not read; their worker is %s, want one and busy", len(held), s.pool.Stats().Workers[0].State)
		}
		held[0].request.Resume()
		if err := s.settle(); err != nil {
			t.Error(err)
		}
	})
}

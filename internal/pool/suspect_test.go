package pool_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pasted/internal/pool"
	"pasted/internal/wire"
)

// crowded is a sim in which one worker of four lanes has a GET for each of the paths,
// in their order, and two other workers have none. again says what becomes of the
// calls of other workers.
func crowded(t *testing.T, again func(w *simWorker, c *simCall), f func(s *sim, first *simWorker), paths ...string) {
	t.Helper()
	var first *simWorker
	configure := func(s *sim) {
		s.boards, s.lanes = true, 4
		s.play = func(w *simWorker, c *simCall) {
			if w == first {
				c.until = c.until.Add(forever)
			} else {
				again(w, c)
			}
		}
	}
	simulate(t, pool.Options{Size: 1}, configure, func(s *sim) {
		s.run(time.Second, nil)
		first = s.workers[0]
		for _, path := range paths {
			s.get(path, 0)
		}
		s.tick()
		s.pool.ResizeRange(3, 3)
		s.run(time.Second, nil)
		for _, a := range s.asked {
			if a.calls != 1 {
				t.Fatalf("the application was called %d times for %s, want 1", a.calls, a.path)
			}
		}
		if n := len(s.pool.Stats().Workers); n != 3 {
			t.Fatalf("%d workers, want 3", n)
		}
		f(s, first)
	})
}

// holdUp has w stand still for a lane: see simWorker.holder.
func (s *sim) holdUp(w *simWorker, holder int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w.stickLocked(forever, holder)
}

func TestRequestThatHoldsItsWorkerUpIsNotRepeated(t *testing.T) {
	crowded(t, func(*simWorker, *simCall) {}, func(s *sim, first *simWorker) {
		s.holdUp(first, 1)
		s.run(5*time.Second, nil)
		holder := s.asked[1]
		for _, a := range s.asked {
			if a != holder && (a.ends != 1 || a.err != nil) {
				t.Errorf("a neighbour has ended %d times, with %v, want an answer", a.ends, a.err)
			}
		}
		if holder.ends != 0 {
			t.Errorf("the request that holds up its worker has ended, with %v", holder.err)
		}
		s.goOn()
		if err := s.settle(); err != nil {
			t.Error(err)
		}
		if holder.calls != 1 {
			t.Errorf("the application was called %d times for the request that holds up its worker", holder.calls)
		}
	}, "/a", "/holder", "/b")
}

// TestHoldersAreSoughtAmongTheRequestsInTheApplication has a worker of four lanes
// with three requests.
func TestHoldersAreSoughtAmongTheRequestsInTheApplication(t *testing.T) {
	var seen calls
	var worker *fakeWorker
	release, asked := make(chan struct{}), make(chan []int, 100)
	p := run(t, pool.Options{Start: boarded(t, 4, func(w *fakeWorker) {
		worker = w
		w.holders = func(lanes []int) []int {
			if seen.of("/") == 3 {
				asked <- lanes
			}
			return nil
		}
	}, func(w *fakeWorker, lane int, f wire.Frame) {
		seen.add(pathOf(f))
		w.await(release)
		answerAll(w, lane, f)
	})})
	if err := p.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	all := []*taken{newTaken(), newTaken(), newTaken()}
	for _, a := range all {
		p.Do(requestFor(t, a, "POST", "/"), nil)
	}
	await(t, "three calls", func() bool { return seen.of("/") == 3 })
	worker.still.Store(true)
	if got, want := receive(t, asked), []int{0, 1, 2}; !slices.Equal(got, want) {
		t.Errorf("asked about lanes %v, want %v", got, want)
	}
	close(release)
	for _, a := range all {
		answered(t, a, "a request")
	}
}

// TestStallDoesNotSpread has four requests of which each would hold up any
// worker, and nobody can tell.
func TestStallDoesNotSpread(t *testing.T) {
	again := func(w *simWorker, c *simCall) {
		if c.asked.path != "/other" {
			w.stickLocked(forever, -2)
		}
	}
	crowded(t, again, func(s *sim, first *simWorker) {
		stalled := func() (n int) {
			for _, w := range s.pool.Stats().Workers {
				if w.State == "stalled" {
					n++
				}
			}
			return n
		}
		s.holdUp(first, -2)
		s.run(3*time.Second, nil)
		if n := stalled(); n != 2 {
			t.Fatalf("%d workers stand still, want 2", n)
		}
		for range 15 {
			a := &asked{method: "POST", path: "/other"}
			s.send(a)
			s.run(time.Second, nil)
			if a.ends != 1 || a.err != nil {
				t.Errorf("a request for the third worker has ended %d times, with %v", a.ends, a.err)
			}
		}
		called := 0
		for _, a := range s.asked[:4] {
			called += a.calls
		}
		if called != 5 || stalled() != 2 {
			t.Errorf("%d calls and %d workers that stand still, want 5 and 2", called, stalled())
		}
		s.goOn()
		if err := s.settle(); err != nil {
			t.Error(err)
		}
	}, "/0", "/1", "/2", "/3")
}

func TestRequestsOfDoubtAreRepeatedInTurn(t *testing.T) {
	var all []*asked
	again := func(_ *simWorker, c *simCall) {
		c.until = c.until.Add(50 * time.Millisecond)
		for _, other := range all {
			if other != c.asked && other.calls == 2 && other.ends == 0 {
				t.Errorf("%s is repeated while %s is", c.asked.path, other.path)
			}
		}
	}
	crowded(t, again, func(s *sim, first *simWorker) {
		all = s.asked
		s.holdUp(first, -2)
		s.run(5*time.Second, nil)
		for _, a := range all {
			if a.ends != 1 || a.err != nil || a.calls != 2 {
				t.Errorf("%s has ended %d times, with %v, after %d calls, want the answer of the second", a.path, a.ends, a.err, a.calls)
			}
		}
	}, "/0", "/1", "/2", "/3")
}

// TestHolderIsFound has a real worker whose lanes 0 and 1 wait for the
// interpreter's lock, that lane 2 has. It ends before that lane would give it away.
func TestHolderIsFound(t *testing.T) {
	for _, how := range []string{"hold", "compute"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, 4)
			p := run(t, pool.Options{Lanes: 4, Start: s.start, StallTimeout: time.Hour, Grace: time.Millisecond})
			if err := p.WaitReady(t.Context()); err != nil {
				t.Fatal(err)
			}
			var w *resident
			for _, w = range s.live {
			}
			for i, path := range []string{"/slow/4", "/slow/4", fmt.Sprintf("/%s/600", how)} {
				p.Do(numbered(t, newTaken(), "POST", path, i), nil)
				await(t, path+" to be called", func() bool { return s.calls(t, 10)[i] == 1 })
			}
			await(t, "lane 2 to be the holder, when the others want the lock", func() bool {
				got, known := w.Holders([]int{0, 1, 2})
				return known && slices.Equal(got, []int{2})
			})
			await(t, "lanes 0 and 1 both to wait, and the holder to be unknown", func() bool {
				_, known := w.Holders([]int{0, 1})
				return !known
			})
			s.signal(w, unix.SIGSTOP)
			await(t, "the process to stop", func() bool {
				got, known := w.Holders([]int{0, 1, 2})
				return known && len(got) == 0
			})
			s.signal(w, unix.SIGCONT)
			if got, known := w.Holders([]int{9}); known {
				t.Errorf("holders of a lane that is not there are %v", got)
			}
		})
	}
}

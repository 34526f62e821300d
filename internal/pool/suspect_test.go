package pool_test

import (
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pasted/internal/pool"
	"pasted/internal/wire"
)

// await waits until ok.
func await(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("after 20 s, not yet: %s", what)
		}
	}
}

// crowded is a pool in which one worker of four lanes has a request for each of
// the paths, in their order, and two other workers have none. serve is called for
// each with how often the path has been called.
func crowded(t *testing.T, seen *calls, holders func([]int) []int, serve func(w *fakeWorker, path string, n int), paths ...string) (*pool.Pool, []*taken) {
	t.Helper()
	p := run(t, pool.Options{Size: 1, Start: boarded(t, 4, func(w *fakeWorker) { w.holders = holders }, func(w *fakeWorker, lane int, f wire.Frame) {
		path := pathOf(f)
		serve(w, path, seen.add(path))
		answerAll(w, lane, f)
	})})
	if err := p.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	var all []*taken
	for _, path := range paths {
		a := newTaken()
		all = append(all, a)
		p.Do(requestFor(t, a, "GET", path), nil)
		await(t, path+" to be called", func() bool { return seen.of(path) == 1 })
	}
	p.ResizeRange(3, 3)
	await(t, "three workers", func() bool { return len(p.Stats().Workers) == 3 })
	return p, all
}

func TestRequestThatHoldsItsWorkerUpIsNotRepeated(t *testing.T) {
	var seen calls
	release := make(chan struct{})
	_, all := crowded(t, &seen, func(lanes []int) []int {
		if want := []int{0, 1, 2}; !slices.Equal(lanes, want) {
			t.Errorf("asked about lanes %v, want %v", lanes, want)
		}
		return []int{1}
	}, func(w *fakeWorker, _ string, n int) {
		if n == 1 {
			waitFor(w, release)
		}
	}, "/a", "/holder", "/b")
	answered(t, all[0], "a neighbour")
	answered(t, all[2], "a neighbour")
	time.Sleep(500 * time.Millisecond) // in which it might be repeated
	unanswered(t, all[1], "the request that holds up its worker")
	close(release)
	answered(t, all[1], "the request that held up its worker")
	if n := seen.of("/holder"); n != 1 {
		t.Errorf("the application was called %d times for the request that holds up its worker", n)
	}
}

// TestStallDoesNotSpread has four requests of which each would hold up any
// worker, and nobody can tell.
func TestStallDoesNotSpread(t *testing.T) {
	var seen calls
	release := make(chan struct{})
	paths := []string{"/0", "/1", "/2", "/3"}
	p, all := crowded(t, &seen, nil, func(w *fakeWorker, path string, _ int) {
		if path != "/other" {
			waitFor(w, release)
		}
	}, paths...)
	stalled := func() (n int) {
		for _, w := range p.Stats().Workers {
			if w.State == "stalled" {
				n++
			}
		}
		return n
	}
	await(t, "a second worker to stand still", func() bool { return stalled() == 2 })
	for range 15 { // of them some beyond the next turns
		a := newTaken()
		p.Do(requestFor(t, a, "POST", "/other"), nil)
		answered(t, a, "a request for the third worker")
		time.Sleep(100 * time.Millisecond)
	}
	called := 0
	for _, path := range paths {
		called += seen.of(path)
	}
	if called != 5 || stalled() != 2 {
		t.Errorf("%d calls and %d workers that stand still, want 5 and 2", called, stalled())
	}
	close(release)
	for _, a := range all {
		answered(t, a, "a request")
	}
}

func TestRequestsOfDoubtAreRepeatedInTurn(t *testing.T) {
	var seen calls
	var now, most atomic.Int64
	release := make(chan struct{})
	defer close(release)
	_, all := crowded(t, &seen, nil, func(w *fakeWorker, _ string, n int) {
		if n == 1 {
			waitFor(w, release)
			return
		}
		most.Store(max(most.Load(), now.Add(1)))
		time.Sleep(50 * time.Millisecond)
		now.Add(-1)
	}, "/0", "/1", "/2", "/3")
	for i, a := range all {
		answered(t, a, fmt.Sprint("request ", i))
	}
	if most.Load() != 1 {
		t.Errorf("%d were being repeated at a time, want 1", most.Load())
	}
}

// waitFor waits until c is closed or w ends.
func waitFor(w *fakeWorker, c <-chan struct{}) {
	select {
	case <-c:
	case <-w.done:
	}
}

// TestHolderIsFound has a real worker whose lanes 0 and 1 wait for the
// interpreter's lock, that lane 2 has.
func TestHolderIsFound(t *testing.T) {
	for _, how := range []string{"hold", "compute"} {
		t.Run(how, func(t *testing.T) {
			s := newSite(t, 4)
			p := run(t, pool.Options{Lanes: 4, Start: s.start})
			if err := p.WaitReady(t.Context()); err != nil {
				t.Fatal(err)
			}
			var w *resident
			for _, w = range s.live {
			}
			var all []*taken
			do := func(path string) {
				a := newTaken()
				all = append(all, a)
				p.Do(numbered(t, a, "POST", path, len(all)), nil)
				await(t, path+" to be called", func() bool { return s.calls(t, 10)[len(all)] == 1 })
			}
			do("/slow/0.4")
			do("/slow/0.4")
			do("/" + how + "/2")
			time.Sleep(600 * time.Millisecond) // until the others want the lock
			if got, known := w.Holders([]int{0, 1, 2}); !known || !slices.Equal(got, []int{2}) {
				t.Errorf("holders are %v, %v, want lane 2", got, known)
			}
			if got, known := w.Holders([]int{0, 1}); known {
				t.Errorf("holders are %v, want it to be unknown: both wait", got)
			}
			s.signal(w, unix.SIGSTOP)
			await(t, "the process to stop", func() bool {
				got, known := w.Holders([]int{0, 1, 2})
				return known && len(got) == 0
			})
			s.signal(w, unix.SIGCONT)
			for _, a := range all {
				if _, err := a.wait(t); err != nil {
					t.Errorf("a request ended with %v", err)
				}
			}
			if got, known := w.Holders([]int{9}); known {
				t.Errorf("holders of a lane that is not there are %v", got)
			}
		})
	}
}

package pool_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pasted/internal/pool"
	"pasted/internal/wire"
)

// late is a sim of one worker with two lanes, whose application answers at once, but
// for these paths: /hang does not end until it is told to, and /stubborn not even
// then; /half sends the half of its answer, and /slow takes a second.
func late(t *testing.T, opts pool.Options, f func(s *sim)) {
	t.Helper()
	opts.Size = 1
	configure := func(s *sim) {
		s.play = func(_ *simWorker, c *simCall) {
			switch c.asked.path {
			case "/hang":
				c.fate = hangs
			case "/stubborn":
				c.fate = stubborn
			case "/half":
				c.fate, c.parts, c.each = trickles, 2, time.Hour
			case "/slow":
				c.until = c.until.Add(time.Second)
			}
		}
	}
	simulate(t, opts, configure, func(s *sim) {
		s.run(time.Second, nil)
		f(s)
	})
}

// get gives the pool a request for path, with a deadline unless timeout is 0.
func (s *sim) get(path string, timeout time.Duration) *asked {
	a := &asked{method: "GET", path: path, timeout: timeout}
	s.send(a)
	return a
}

// pastDue says what is wrong with the end of a, which was to end so late after its
// coming, for its deadline.
func (a *asked) pastDue(after time.Duration) error {
	if a.ends != 1 || !errors.Is(a.err, pool.ErrDeadline) || a.took < after || a.took > after+a.s.slack() {
		return fmt.Errorf("ended %d times, after %v, with %w; want %v, after %v", a.ends, a.took, a.err, pool.ErrDeadline, after)
	}
	return nil
}

func TestDeadlineEndsOneRequestAndSparesTheOthers(t *testing.T) {
	late(t, pool.Options{TimeoutGrace: time.Minute}, func(s *sim) {
		hung := s.get("/hang", 400*time.Millisecond)
		for range 20 {
			s.request()
		}
		s.run(300*time.Millisecond, nil)
		for _, a := range s.asked[1:] {
			if a.ends != 1 || a.err != nil {
				t.Errorf("a request beside it ended %d times, with %v", a.ends, a.err)
			}
		}
		s.run(200*time.Millisecond, nil)
		if err := hung.pastDue(400 * time.Millisecond); err != nil {
			t.Error(err)
		}
		if !hung.raised { // and so the thread has come back
			t.Error("the worker has not been told")
		}
		for range 20 {
			s.request()
		}
		if err := s.settle(); err != nil {
			t.Error(err)
		}
		if got := s.pool.Stats(); got.Sheds.Expired != 1 || got.Restarts != 0 {
			t.Errorf("%d have expired and %d workers were replaced, want 1 and none", got.Sheds.Expired, got.Restarts)
		}
	})
}

func TestDeadlineInTheQueueReachesNoWorker(t *testing.T) {
	late(t, pool.Options{}, func(s *sim) {
		for range 2 { // one for each lane
			s.get("/slow", 0)
		}
		waits := s.get("/", 50*time.Millisecond)
		s.run(500*time.Millisecond, nil)
		if err := waits.pastDue(50 * time.Millisecond); err != nil {
			t.Error(err)
		}
		if n := s.pool.Stats().Sheds.Expired; n != 1 {
			t.Errorf("%d have expired, want 1", n)
		}
		s.request()
		if err := s.settle(); err != nil || waits.calls > 0 {
			t.Errorf("%d were begun that nobody waits for; %v", waits.calls, err)
		}
	})
}

func TestThreadThatDoesNotComeBackCostsItsWorkerWhenTheOthersHaveFinished(t *testing.T) {
	late(t, pool.Options{TimeoutGrace: 50 * time.Millisecond}, func(s *sim) {
		first := s.workers[0]
		beside, hung := s.get("/slow", 0), s.get("/stubborn", 50*time.Millisecond)
		s.run(500*time.Millisecond, nil)
		if err := hung.pastDue(50 * time.Millisecond); err != nil {
			t.Error(err)
		}
		waits := s.get("/", 0) // for the other worker
		s.run(300*time.Millisecond, nil)
		if first.gone || beside.ends != 0 || waits.ends != 0 {
			t.Errorf("the worker has gone: %v; a request beside it has ended %d times, and the next one %d times", first.gone, beside.ends, waits.ends)
		}
		s.run(400*time.Millisecond, nil) // the one beside it ends, and so the worker
		if beside.calls != 1 || !first.gone || s.starts[0] != 2 {
			t.Errorf("%d workers were started, want 2, the first has gone: %v; a request beside it was called %d times", s.starts[0], first.gone, beside.calls)
		}
		if err := s.settle(); err != nil || beside.err != nil || waits.err != nil {
			t.Errorf("a request beside it ended with %v, and the next one with %v; %v", beside.err, waits.err, err)
		}
	})
}

func TestExtendedDeadlineIsALaterOne(t *testing.T) {
	late(t, pool.Options{}, func(s *sim) {
		hung := s.get("/hang", 200*time.Millisecond)
		s.run(100*time.Millisecond, nil)
		number := s.workers[0].serving[0].number
		s.pool.Extend(number, 500*time.Millisecond)
		s.pool.Extend(number, time.Millisecond) // is no earlier one
		s.run(time.Second, nil)
		if err := hung.pastDue(600 * time.Millisecond); err != nil {
			t.Error(err)
		}
	})
}

func TestAnswerThatHasBegunBreaksOffAtItsDeadline(t *testing.T) {
	late(t, pool.Options{}, func(s *sim) {
		half := s.get("/half", 100*time.Millisecond)
		s.run(time.Second, nil)
		if err := half.pastDue(100 * time.Millisecond); err != nil {
			t.Error(err)
		}
		if half.parts != 1 || half.whole {
			t.Errorf("%d parts of the answer have come, want the first one", half.parts)
		}
	})
}

// TestAnswersAndDeadlinesRace has answers come when deadlines do: each request
// ends once, with its answer or without, and no worker seems to break the
// protocol.
func TestAnswersAndDeadlinesRace(t *testing.T) {
	var starts atomic.Int64
	start := fakes(t, 4, func(w *fakeWorker, lane int, f wire.Frame) {
		time.Sleep(time.Duration(rand.IntN(4)) * time.Millisecond)
		w.send(lane, wire.Frame{Kind: wire.Head, Number: f.Number, Payload: append(ok[:len(ok):len(ok)], "a"...)})
		w.send(lane, wire.Frame{Kind: wire.Data, Number: f.Number, Payload: []byte("b")})
		w.send(lane, wire.Frame{Kind: wire.End, Flags: wire.FlagEnd, Number: f.Number})
	})
	// Patient: on a busy machine, so many at once look like an overload.
	p := run(t, pool.Options{Patient: true, TimeoutGrace: time.Hour, Start: func(ctx context.Context, id int) (pool.Worker, error) {
		starts.Add(1)
		return start(ctx, id)
	}})
	if err := p.WaitReady(t.Context()); err != nil { // else all might be past their deadlines before
		t.Fatal(err)
	}
	var late, whole atomic.Int64
	var wg sync.WaitGroup
	end := time.Now().Add(patience)
	for range 8 {
		wg.Go(func() {
			for n := 0; n < 150 || late.Load() == 0 && time.Now().Before(end); n++ {
				a := newTaken()
				r := newRequest(a)
				r.Timeout = 2 * time.Millisecond
				p.Do(r, nil)
				switch body, err := a.wait(t); {
				case errors.Is(err, pool.ErrDeadline):
					late.Add(1)
				case err == nil && body == "ab":
					whole.Add(1)
				default:
					t.Errorf("answer = %q, %v", body, err)
				}
			}
		})
	}
	wg.Wait()
	t.Logf("%d late, %d whole", late.Load(), whole.Load())
	if late.Load() == 0 || starts.Load() != 1 {
		t.Errorf("%d were late; %d workers were started", late.Load(), starts.Load())
	}
}

package pool_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pasted/internal/pool"
	"pasted/internal/wire"
)

// A stuck is a worker's side that answers the requests with a body of length 1
// only when it is told to.
type stuck struct {
	begun chan uint64
	free  chan struct{}
}

func newStuck() *stuck { return &stuck{begun: make(chan uint64, 100), free: make(chan struct{}, 100)} }

func (s *stuck) serve(w *fakeWorker, lane int, f wire.Frame) {
	if len(f.Payload) == 1 {
		s.begun <- f.Number
		select {
		case <-s.free:
		case <-w.done:
			return
		}
	}
	answerAll(w, lane, f)
}

// hanging returns a request that a stuck worker does not answer.
func hanging(a pool.Answer) *pool.Request {
	r := newRequest(a)
	r.Frame = wire.Append(nil, wire.Frame{Kind: wire.Request, Payload: []byte{'0'}})
	return r
}

func TestDeadlineEndsOneRequestAndSparesTheOthers(t *testing.T) {
	s := newStuck()
	var fake *fakeWorker
	p := run(t, pool.Options{TimeoutGrace: time.Minute, Start: func(context.Context, int) (pool.Worker, error) {
		fake = newFake(t, 1, 2, s.serve)
		return fake, nil
	}})
	a := newTaken()
	r := hanging(a)
	r.Timeout = 100 * time.Millisecond
	began := time.Now()
	p.Do(r, nil)
	number := <-s.begun
	time.Sleep(20 * time.Millisecond) // so that nothing is sent ahead behind it
	for range 20 {
		quick := newTaken()
		p.Do(newRequest(quick), nil)
		if _, err := quick.wait(t); err != nil {
			t.Errorf("a request beside it ended with %v", err)
		}
	}
	if _, err := a.wait(t); !errors.Is(err, pool.ErrDeadline) || time.Since(began) < r.Timeout {
		t.Errorf("after %v the request ended with %v, want %v", time.Since(began), err, pool.ErrDeadline)
	}
	fake.awaitNote(t, number)
	if n := p.Stats().Sheds.Expired; n != 1 {
		t.Errorf("%d have expired, want 1", n)
	}
	s.free <- struct{}{} // the thread comes back
	for range 20 {
		quick := newTaken()
		p.Do(newRequest(quick), nil)
		if _, err := quick.wait(t); err != nil {
			t.Errorf("afterwards a request ended with %v", err)
		}
	}
}

// awaitNote waits until the worker has been told to stop a request.
func (w *fakeWorker) awaitNote(t *testing.T, number uint64) {
	t.Helper()
	for until := time.Now().Add(20 * time.Second); time.Now().Before(until); time.Sleep(time.Millisecond) {
		w.mu.Lock()
		found := len(w.cancelled) == 1 && w.cancelled[0] == number
		w.mu.Unlock()
		if found {
			return
		}
	}
	t.Errorf("the worker was told of %v, want %d", w.cancelled, number)
}

func TestDeadlineInTheQueueReachesNoWorker(t *testing.T) {
	s := newStuck()
	p := run(t, pool.Options{Grace: time.Millisecond, Start: fakes(t, 1, s.serve)})
	p.Do(hanging(newTaken()), nil)
	<-s.begun
	a := newTaken()
	r := hanging(a)
	r.Timeout = 50 * time.Millisecond
	p.Do(r, nil)
	if _, err := a.wait(t); !errors.Is(err, pool.ErrDeadline) {
		t.Errorf("ended with %v, want %v", err, pool.ErrDeadline)
	}
	if n := p.Stats().Sheds.Expired; n != 1 {
		t.Errorf("%d have expired, want 1", n)
	}
	s.free <- struct{}{}
	after := newTaken()
	p.Do(newRequest(after), nil)
	if _, err := after.wait(t); err != nil || len(s.begun) > 0 {
		t.Errorf("%d were begun that nobody waits for; %v", len(s.begun), err)
	}
}

func TestThreadThatDoesNotComeBackCostsItsWorkerWhenTheOthersHaveFinished(t *testing.T) {
	s := newStuck()
	var starts atomic.Int64
	start := fakes(t, 2, s.serve)
	p := run(t, pool.Options{TimeoutGrace: 50 * time.Millisecond, Start: func(ctx context.Context, id int) (pool.Worker, error) {
		starts.Add(1)
		return start(ctx, id)
	}})
	a, beside := newTaken(), newTaken()
	p.Do(hanging(beside), nil)
	r := hanging(a)
	r.Timeout = 50 * time.Millisecond
	p.Do(r, nil)
	<-s.begun
	<-s.begun
	if _, err := a.wait(t); !errors.Is(err, pool.ErrDeadline) {
		t.Errorf("ended with %v, want %v", err, pool.ErrDeadline)
	}
	waits := newTaken() // for the other worker
	time.Sleep(200 * time.Millisecond)
	p.Do(newRequest(waits), nil)
	select {
	case <-beside.done:
		t.Fatal("a request beside it was lost")
	default:
	}
	s.free <- struct{}{} // one of the two, which may be the one past its deadline
	s.free <- struct{}{}
	if _, err := beside.wait(t); err != nil {
		t.Errorf("a request beside it ended with %v", err)
	}
	if _, err := waits.wait(t); err != nil || starts.Load() != 2 {
		t.Errorf("%d workers were started, want 2; the next request ended with %v", starts.Load(), err)
	}
}

func TestExtendedDeadlineIsALaterOne(t *testing.T) {
	s := newStuck()
	p := run(t, pool.Options{Start: fakes(t, 1, s.serve)})
	a := newTaken()
	r := hanging(a)
	r.Timeout = 200 * time.Millisecond
	began := time.Now()
	p.Do(r, nil)
	number := <-s.begun
	p.Extend(number, 500*time.Millisecond)
	p.Extend(number, time.Millisecond) // is no earlier one
	_, err := a.wait(t)
	if took := time.Since(began); !errors.Is(err, pool.ErrDeadline) || took < 500*time.Millisecond {
		t.Errorf("ended with %v after %v", err, took)
	}
	s.free <- struct{}{}
}

func TestAnswerThatHasBegunBreaksOffAtItsDeadline(t *testing.T) {
	begun := make(chan struct{})
	p := run(t, pool.Options{Grace: time.Millisecond, Start: fakes(t, 1, func(w *fakeWorker, lane int, f wire.Frame) {
		w.send(lane, wire.Frame{Kind: wire.Head, Number: f.Number, Payload: append(ok[:len(ok):len(ok)], "first"...)})
		close(begun)
	})})
	a := newTaken()
	r := newRequest(a)
	r.Timeout = 100 * time.Millisecond
	p.Do(r, nil)
	<-begun
	if body, err := a.wait(t); !errors.Is(err, pool.ErrDeadline) || body != "first" {
		t.Errorf("answer = %q, %v", body, err)
	}
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
	p := run(t, pool.Options{TimeoutGrace: time.Minute, Start: func(ctx context.Context, id int) (pool.Worker, error) {
		starts.Add(1)
		return start(ctx, id)
	}})
	var late, whole atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 150 {
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

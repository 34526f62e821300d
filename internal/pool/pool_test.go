package pool_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"pasted/internal/pool"
	"pasted/internal/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(unhurried{m}) }

// unhurried gives goroutines that end late, on a busy machine, the time to.
type unhurried struct{ *testing.M }

func (m unhurried) Run() int {
	code := m.M.Run()
	for end := time.Now().Add(10 * time.Second); goleak.Find() != nil && time.Now().Before(end); {
		time.Sleep(10 * time.Millisecond)
	}
	return code
}

// run runs a pool of size workers made by start, and stops it when the test
// ends.
func run(t testing.TB, opts pool.Options) *pool.Pool {
	t.Helper()
	if opts.Log == nil {
		opts.Log = quiet
	}
	if opts.Size == 0 {
		opts.Size = 1
	}
	if opts.Loops == nil {
		opts.Loops = runLoops(t, 2)
	}
	p := pool.New(opts)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = p.Run(ctx) })
	t.Cleanup(func() { cancel(); wg.Wait() })
	return p
}

func fakes(t testing.TB, lanes int, serve func(*fakeWorker, int, wire.Frame)) func(context.Context, int) (pool.Worker, error) {
	var pids atomic.Int64
	return func(context.Context, int) (pool.Worker, error) {
		return newFake(t, int(pids.Add(1)), lanes, serve), nil
	}
}

func TestEveryRequestIsAnsweredOnce(t *testing.T) {
	// Patient: on a busy machine, so many at once look like an overload.
	p := run(t, pool.Options{Size: 2, Patient: true, Start: fakes(t, 3, answerAll)})
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			for range 40 {
				a := newTaken()
				p.Do(newRequest(a), nil)
				if body, err := a.wait(t); body != "ok" || err != nil {
					t.Errorf("answer = %q, %v, want ok", body, err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestRequestWaitsForTheFirstWorker(t *testing.T) {
	release := make(chan struct{})
	start := fakes(t, 1, answerAll)
	p := run(t, pool.Options{Start: func(ctx context.Context, id int) (pool.Worker, error) {
		<-release
		return start(ctx, id)
	}})
	a := newTaken()
	p.Do(newRequest(a), nil)
	close(release)
	if _, err := a.wait(t); err != nil {
		t.Errorf("answer ended with %v", err)
	}
	if err := p.WaitReady(t.Context()); err != nil {
		t.Errorf("WaitReady() = %v", err)
	}
}

func TestWaitReadyTellsWhyTheFirstStartFailed(t *testing.T) {
	p := run(t, pool.Options{Start: func(context.Context, int) (pool.Worker, error) { return nil, errTest }})
	if err := p.WaitReady(t.Context()); !errors.Is(err, errTest) {
		t.Errorf("WaitReady() = %v, want %v", err, errTest)
	}
}

func TestBodyIsFedInPieces(t *testing.T) {
	const body = "a body that is asked for in small pieces"
	var got strings.Builder
	fed := make(chan string, 1)
	p := run(t, pool.Options{Start: fakes(t, 1, func(w *fakeWorker, lane int, f wire.Frame) {
		got.Write(f.Payload)
		if f.Flags&wire.FlagEnd == 0 {
			w.want(lane, f.Number, 7)
			return
		}
		fed <- got.String()
		answerAll(w, lane, f)
	})})
	a := newTaken()
	r := newRequest(a)
	r.Body = strings.NewReader(body)
	p.Do(r, nil)
	if _, err := a.wait(t); err != nil {
		t.Fatal(err)
	}
	if got := <-fed; got != body {
		t.Errorf("the worker got %q, want %q", got, body)
	}
}

func TestDeathEndsTheBegunRequestAndSparesTheRest(t *testing.T) {
	var deaths atomic.Int64
	begun := make(chan struct{}, 1)
	die := make(chan struct{})
	p := run(t, pool.Options{Start: fakes(t, 1, func(w *fakeWorker, lane int, f wire.Frame) {
		if deaths.Load() == 0 {
			begun <- struct{}{}
			<-die
			deaths.Add(1)
			w.end()
			return
		}
		answerAll(w, lane, f)
	})})
	answers := []*taken{newTaken(), newTaken(), newTaken()}
	p.Do(newRequest(answers[0]), nil)
	<-begun
	p.Do(newRequest(answers[1]), nil)
	p.Do(newRequest(answers[2]), nil)
	close(die)
	if _, err := answers[0].wait(t); !errors.Is(err, pool.ErrDied) {
		t.Errorf("the begun request ended with %v, want %v", err, pool.ErrDied)
	}
	for _, a := range answers[1:] {
		if body, err := a.wait(t); body != "ok" || err != nil {
			t.Errorf("a waiting request got %q, %v, want ok", body, err)
		}
	}
}

// A fast application gets requests ahead of time; those that its death leaves
// behind the first go to the next worker, each exactly once.
func TestRequestsSentAheadSurviveADeath(t *testing.T) {
	var served atomic.Int64
	var mu sync.Mutex
	seen := map[uint64]int{}
	p := run(t, pool.Options{Size: 1, Patient: true, Start: fakes(t, 1, func(w *fakeWorker, lane int, f wire.Frame) {
		mu.Lock()
		seen[f.Number]++
		mu.Unlock()
		if served.Add(1)%500 == 0 {
			w.end()
			return
		}
		answerAll(w, lane, f)
	})})
	var died, whole atomic.Int64
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for range 200 {
				a := newTaken()
				p.Do(newRequest(a), nil)
				switch _, err := a.wait(t); {
				case errors.Is(err, pool.ErrDied):
					died.Add(1)
				case err == nil:
					whole.Add(1)
				default:
					t.Errorf("answer ended with %v", err)
				}
			}
		})
	}
	wg.Wait()
	// Each death takes the request that it happened in and no other.
	if d := served.Load() / 500; died.Load() != d || whole.Load() != 3200-d {
		t.Errorf("%d deaths took %d requests, %d were answered", d, died.Load(), whole.Load())
	}
	for number, n := range seen {
		if n != 1 {
			t.Errorf("request %d reached a worker %d times", number, n)
		}
	}
}

func TestApplicationThatRaisedIsToldApart(t *testing.T) {
	p := run(t, pool.Options{Start: fakes(t, 1, func(w *fakeWorker, lane int, f wire.Frame) {
		w.send(lane, wire.Frame{Kind: wire.End, Flags: wire.FlagEnd | wire.FlagFailed, Number: f.Number})
	})})
	a := newTaken()
	p.Do(newRequest(a), nil)
	if _, err := a.wait(t); !errors.Is(err, pool.ErrFailed) {
		t.Errorf("answer ended with %v, want %v", err, pool.ErrFailed)
	}
}

func TestCancelledRequestHearsNothing(t *testing.T) {
	type begin struct {
		fake   *fakeWorker
		number uint64
	}
	begun := make(chan begin, 1)
	answer := make(chan struct{})
	p := run(t, pool.Options{Start: fakes(t, 1, func(w *fakeWorker, lane int, f wire.Frame) {
		begun <- begin{w, f.Number}
		<-answer
		answerAll(w, lane, f)
	})})
	first, waiting, last := newTaken(), newTaken(), newTaken()
	r, w := newRequest(first), newRequest(waiting)
	p.Do(r, nil)
	b := <-begun
	p.Do(w, nil)
	p.Do(newRequest(last), nil)
	p.Cancel(w, nil)
	p.Cancel(r, nil)
	close(answer)
	if _, err := last.wait(t); err != nil {
		t.Fatal(err)
	}
	for _, a := range []*taken{first, waiting} {
		select {
		case <-a.done:
			t.Error("a cancelled request was told of its end")
		default:
		}
	}
	b.fake.mu.Lock()
	defer b.fake.mu.Unlock()
	if fmt.Sprint(b.fake.cancelled) != fmt.Sprint([]uint64{b.number}) {
		t.Errorf("the worker was told to cancel %v, want [%d]", b.fake.cancelled, b.number)
	}
}

func TestQueueTimeoutEndsWhatWaits(t *testing.T) {
	begun := make(chan struct{}, 1)
	p := run(t, pool.Options{QueueTimeout: 50 * time.Millisecond, Grace: 50 * time.Millisecond, Start: fakes(t, 1, func(*fakeWorker, int, wire.Frame) {
		begun <- struct{}{}
	})})
	if err := p.WaitReady(t.Context()); err != nil { // else the first one would wait too
		t.Fatal(err)
	}
	p.Do(newRequest(newTaken()), nil)
	<-begun
	a := newTaken()
	p.Do(newRequest(a), nil)
	if _, err := a.wait(t); !errors.Is(err, pool.ErrBusy) {
		t.Errorf("answer ended with %v, want %v", err, pool.ErrBusy)
	}
}

func TestStoppedPoolRefuses(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	p := pool.New(pool.Options{Loops: runLoops(t, 1), Size: 1, Log: quiet, Start: fakes(t, 1, answerAll)})
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	if err := p.WaitReady(ctx); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("Run() = %v", err)
	}
	a := newTaken()
	p.Do(newRequest(a), nil)
	if _, err := a.wait(t); !errors.Is(err, pool.ErrStopped) {
		t.Errorf("answer ended with %v, want %v", err, pool.ErrStopped)
	}
}

func TestDrainLetsBegunRequestsFinish(t *testing.T) {
	begun, answer := make(chan struct{}, 1), make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	p := pool.New(pool.Options{Loops: runLoops(t, 1), Size: 1, Log: quiet, Start: fakes(t, 1, func(w *fakeWorker, lane int, f wire.Frame) {
		begun <- struct{}{}
		<-answer
		answerAll(w, lane, f)
	})})
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	a := newTaken()
	p.Do(newRequest(a), nil)
	<-begun
	cancel()
	close(answer)
	if body, err := a.wait(t); body != "ok" || err != nil {
		t.Errorf("answer = %q, %v, want ok", body, err)
	}
	<-done
}

func TestBabblingWorkerIsReplaced(t *testing.T) {
	var starts atomic.Int64
	good, bad := fakes(t, 1, answerAll), fakes(t, 1, func(w *fakeWorker, lane int, f wire.Frame) {
		w.send(lane, wire.Frame{Kind: wire.Data, Number: f.Number + 7})
	})
	p := run(t, pool.Options{Start: func(ctx context.Context, id int) (pool.Worker, error) {
		if starts.Add(1) == 1 {
			return bad(ctx, id)
		}
		return good(ctx, id)
	}})
	a := newTaken()
	p.Do(newRequest(a), nil)
	if _, err := a.wait(t); !errors.Is(err, pool.ErrDied) {
		t.Errorf("answer ended with %v, want %v", err, pool.ErrDied)
	}
	b := newTaken()
	p.Do(newRequest(b), nil)
	if _, err := b.wait(t); err != nil {
		t.Errorf("after the replacement: %v", err)
	}
}

func TestAnswerInFramesArrivesInOrder(t *testing.T) {
	p := run(t, pool.Options{Start: fakes(t, 1, func(w *fakeWorker, lane int, f wire.Frame) {
		w.send(lane, wire.Frame{Kind: wire.Head, Number: f.Number, Payload: append(ok[:len(ok):len(ok)], "one "...)})
		w.send(lane, wire.Frame{Kind: wire.Data, Number: f.Number, Payload: []byte("two ")})
		w.send(lane, wire.Frame{Kind: wire.Data, Number: f.Number, Payload: []byte("three")})
		w.send(lane, wire.Frame{Kind: wire.End, Flags: wire.FlagEnd, Number: f.Number})
	})})
	a := newTaken()
	p.Do(newRequest(a), nil)
	if body, err := a.wait(t); body != "one two three" || err != nil {
		t.Errorf("answer = %q, %v", body, err)
	}
}

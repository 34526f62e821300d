package pool_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pasted/internal/h1"
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

// TestWhatWaitsBehindASlowRequestIsTakenBack tries until the requests, a crowd or a
// single one, have come so soon behind the slow one that they were sent ahead.
func TestWhatWaitsBehindASlowRequestIsTakenBack(t *testing.T) {
	for _, n := range []int{3, 1} {
		for tries := 1; behindASlowOne(t, n) != uint64(n); tries++ {
			if t.Failed() {
				t.FailNow()
			}
			if tries == 50 {
				t.Fatalf("never were all of %d taken back", n)
			}
		}
	}
}

// behindASlowOne sends n requests behind a slow one, holds them to being
// answered before it, and returns how many have been taken back for that.
func behindASlowOne(t *testing.T, n int) (revoked uint64) {
	t.Helper()
	var seen calls
	begun, release := make(chan struct{}), make(chan struct{})
	p := run(t, pool.Options{Start: boarded(t, 2, nil, func(w *fakeWorker, lane int, f wire.Frame) {
		path := pathOf(f)
		if seen.add(path); path == "/slow" {
			close(begun)
			<-release
		}
		answerAll(w, lane, f)
	})})
	if err := p.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.SetPace(20 * time.Microsecond)
	slow, behind := newTaken(), make([]*taken, n)
	for i := range behind {
		behind[i] = newTaken()
	}
	p.Do(requestFor(t, slow, "GET", "/slow"), nil)
	<-begun
	for _, a := range behind {
		p.Do(requestFor(t, a, "POST", "/behind"), nil)
	}
	for _, a := range behind {
		answered(t, a, "a request behind it")
	}
	unanswered(t, slow, "the slow request")
	revoked = p.Stats().Revoked
	close(release)
	answered(t, slow, "the slow request")
	last := newTaken()
	p.Do(requestFor(t, last, "GET", "/last"), nil)
	answered(t, last, "the next request")
	if got := seen.of("/behind"); got != n {
		t.Errorf("the application was called %d times for %d requests", got, n)
	}
	return revoked
}

// TestStoppedWorkerLosesWhatItHasNotBegun stops the worker that is given a
// request first.
func TestStoppedWorkerLosesWhatItHasNotBegun(t *testing.T) {
	var seen calls
	workers := make(chan *fakeWorker, 2)
	p := run(t, pool.Options{Size: 2, Start: boarded(t, 1, func(w *fakeWorker) {
		w.gate.Lock()
		workers <- w
	}, func(w *fakeWorker, lane int, f wire.Frame) {
		seen.add(pathOf(f))
		answerAll(w, lane, f)
	})})
	both := []*fakeWorker{<-workers, <-workers}
	if err := p.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	both[1].gate.Unlock()
	var all []*taken
	for range 2 { // one for each
		a := newTaken()
		all = append(all, a)
		p.Do(requestFor(t, a, "POST", "/once"), nil)
	}
	began := time.Now()
	for _, a := range all {
		answered(t, a, "a request")
	}
	t.Logf("answered after %v", time.Since(began))
	if s := p.Stats(); s.Revoked != 1 {
		t.Errorf("%d revoked, want 1", s.Revoked)
	}
	both[0].gate.Unlock()
	for range 20 { // the stopped one serves again
		a := newTaken()
		p.Do(requestFor(t, a, "POST", "/after"), nil)
		answered(t, a, "a request afterwards")
	}
	if n := seen.of("/once"); n != 2 {
		t.Errorf("the application was called %d times for two requests", n)
	}
}

// standing is a pool of two workers with two lanes, of which the first to be called
// for each path that begins with /stuck hangs, and makes no progress, until
// release is closed.
func standing(t *testing.T, seen *calls, opts pool.Options) (p *pool.Pool, release chan struct{}) {
	release = make(chan struct{})
	opts.Size = 2
	opts.Start = boarded(t, 2, nil, func(w *fakeWorker, lane int, f wire.Frame) {
		if path := pathOf(f); seen.add(path) == 1 && strings.HasPrefix(path, "/stuck") {
			select {
			case <-release:
			case <-w.done:
				return
			}
		}
		answerAll(w, lane, f)
	})
	p = run(t, opts)
	if err := p.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	return p, release
}

func TestWhatAStalledWorkerHasBegunIsRepeatedIfItMayBe(t *testing.T) {
	var seen calls
	p, release := standing(t, &seen, pool.Options{})
	get, post := newTaken(), newTaken()
	began := time.Now()
	p.Do(requestFor(t, get, "GET", "/stuck/get"), nil)
	answered(t, get, "GET")
	if d := time.Since(began); d < time.Second || d > 5*time.Second {
		t.Errorf("GET answered after %v, want some 1.3 s", d)
	}
	p.Do(requestFor(t, post, "POST", "/stuck/post"), nil)
	time.Sleep(1500 * time.Millisecond)
	unanswered(t, post, "POST")
	close(release)
	answered(t, post, "POST")
	for range 20 {
		a := newTaken()
		p.Do(requestFor(t, a, "GET", "/after"), nil)
		answered(t, a, "a request afterwards")
	}
	if g, s := seen.of("/stuck/get"), seen.of("/stuck/post"); g != 2 || s != 1 {
		t.Errorf("the application was called %d times for GET and %d times for POST, want 2 and 1", g, s)
	}
}

// TestFirstAnswerWins has the first worker go on while the second is at it.
func TestFirstAnswerWins(t *testing.T) {
	var turn atomic.Int64
	first, second, both := make(chan struct{}), make(chan struct{}), make(chan struct{})
	p := run(t, pool.Options{Size: 2, Start: boarded(t, 1, nil, func(w *fakeWorker, lane int, f wire.Frame) {
		if pathOf(f) != "/race" {
			answerAll(w, lane, f)
			return
		}
		gate, text := first, "first"
		if turn.Add(1) == 2 {
			gate, text = second, "second"
			close(both)
		}
		select {
		case <-gate:
		case <-w.done:
		}
		w.send(lane, wire.Frame{Kind: wire.Head, Flags: wire.FlagEnd, Number: f.Number, Payload: append(ok[:len(ok):len(ok)], text...)})
	})})
	a := newTaken()
	r := requestFor(t, a, "GET", "/race")
	p.Do(r, nil)
	select {
	case <-both:
	case <-time.After(20 * time.Second):
		t.Fatal("the request is not repeated")
	}
	close(first)
	if body, err := a.wait(t); body != "first" || err != nil {
		t.Errorf("got %q, %v, want the first answer", body, err)
	}
	close(second)
	for range 8 {
		b := newTaken()
		p.Do(requestFor(t, b, "GET", "/after"), nil)
		answered(t, b, "a request afterwards")
	}
}

func TestClientThatLeavesEndsARace(t *testing.T) {
	var seen calls
	p, release := standing(t, &seen, pool.Options{})
	a := newTaken()
	r := requestFor(t, a, "GET", "/stuck/a")
	p.Do(r, nil)
	time.Sleep(1100 * time.Millisecond)
	p.Cancel(r, nil)
	time.Sleep(500 * time.Millisecond)
	close(release)
	b := newTaken()
	p.Do(requestFor(t, b, "GET", "/after"), nil)
	answered(t, b, "a request afterwards")
	unanswered(t, a, "the request of a client that has left")
}

// TestDeadlineOfARaceOutlivesTheFirstWorker has the second worker go on for ever
// when the first has been replaced.
func TestDeadlineOfARaceOutlivesTheFirstWorker(t *testing.T) {
	var turn atomic.Int64
	opts := pool.Options{Size: 2, StallTimeout: 1500 * time.Millisecond, TimeoutGrace: time.Millisecond}
	opts.Start = boarded(t, 1, nil, func(w *fakeWorker, _ int, _ wire.Frame) {
		if turn.Add(1) == 1 {
			<-w.done
			return
		}
		beat := w.word(0, 1-8) // the line before the first slot
		for tick := time.NewTicker(20 * time.Millisecond); ; beat.Add(1) {
			select {
			case <-w.done:
				tick.Stop()
				return
			case <-tick.C:
			}
		}
	})
	p := run(t, opts)
	if err := p.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	a := newTaken()
	r := requestFor(t, a, "GET", "/race")
	r.Timeout = 4 * time.Second
	p.Do(r, nil)
	if _, err := a.wait(t); !errors.Is(err, pool.ErrDeadline) || turn.Load() != 2 {
		t.Errorf("ended with %v after %d calls, want %v after 2", err, turn.Load(), pool.ErrDeadline)
	}
}

// TestSecondWorkerOfARaceExtendsItsDeadline has both workers go on until they are
// let.
func TestSecondWorkerOfARaceExtendsItsDeadline(t *testing.T) {
	var turn atomic.Int64
	second, release := make(chan uint64, 1), make(chan struct{})
	p := run(t, pool.Options{Size: 2, TimeoutGrace: time.Minute, Start: boarded(t, 1, nil, func(w *fakeWorker, lane int, f wire.Frame) {
		if turn.Add(1) == 2 {
			second <- f.Number
		}
		select {
		case <-release:
		case <-w.done:
			return
		}
		answerAll(w, lane, f)
	})})
	if err := p.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	a := newTaken()
	r := requestFor(t, a, "GET", "/race")
	r.Timeout = 3 * time.Second
	p.Do(r, nil)
	began := time.Now()
	p.Extend(receive(t, second), time.Minute)
	if took := time.Since(began); took > r.Timeout {
		t.Skipf("this machine is too slow: the request was repeated after %v", took)
	}
	time.Sleep(r.Timeout - time.Since(began) + 200*time.Millisecond)
	unanswered(t, a, "the request with a longer deadline")
	close(release)
	answered(t, a, "the request with a longer deadline")
}

func TestWorkerThatMakesNoProgressIsReplaced(t *testing.T) {
	var seen calls
	p, _ := standing(t, &seen, pool.Options{StallTimeout: 2 * time.Second})
	post := newTaken()
	p.Do(requestFor(t, post, "POST", "/stuck"), nil)
	if _, err := post.wait(t); !errors.Is(err, pool.ErrDied) {
		t.Errorf("ended with %v, want %v", err, pool.ErrDied)
	}
	a := newTaken()
	p.Do(requestFor(t, a, "GET", "/after"), nil)
	answered(t, a, "a request afterwards")
}

// TestStopDoesNotWaitForAStalledWorker has one stand still when the pool stops: it
// has its stall timeout, and not the whole grace period.
func TestStopDoesNotWaitForAStalledWorker(t *testing.T) {
	begun := make(chan struct{})
	p := pool.New(pool.Options{
		Size: 1, Loops: runLoops(t, 1), Log: quiet, StallTimeout: 1500 * time.Millisecond, Grace: time.Minute,
		Start: boarded(t, 1, nil, func(w *fakeWorker, _ int, _ wire.Frame) {
			close(begun)
			<-w.done
		}),
	})
	ctx, stop := context.WithCancel(t.Context())
	ran := make(chan struct{})
	go func() {
		defer close(ran)
		_ = p.Run(ctx)
	}()
	a := newTaken()
	if err := p.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.Do(requestFor(t, a, "POST", "/stuck"), nil)
	receive(t, begun)
	stop()
	select {
	case <-ran:
	case <-time.After(30 * time.Second):
		t.Error("the stop waits for the grace period")
		<-ran
	}
	if _, err := a.wait(t); !errors.Is(err, pool.ErrDied) {
		t.Errorf("ended with %v, want %v", err, pool.ErrDied)
	}
}

// TestSlowClientIsNoStall: a worker waits for nothing but its client's reading.
func TestSlowClientIsNoStall(t *testing.T) {
	p := run(t, pool.Options{Start: boarded(t, 1, nil, func(w *fakeWorker, lane int, f wire.Frame) {
		w.send(lane, wire.Frame{Kind: wire.Head, Number: f.Number, Payload: ok})
		w.send(lane, wire.Frame{Kind: wire.Data, Flags: wire.FlagEnd, Number: f.Number, Payload: []byte("more")})
	})})
	a := &fullAnswer{taken: newTaken()}
	r := requestFor(t, a, "GET", "/")
	p.Do(r, nil)
	time.Sleep(1500 * time.Millisecond)
	if s := p.Stats(); s.Workers[0].State != "busy" {
		t.Errorf("a worker whose client does not read is %s, want busy", s.Workers[0].State)
	}
	p.Cancel(r, nil)
}

// A fullAnswer has no room for anything.
type fullAnswer struct{ *taken }

func (fullAnswer) Data([]byte, bool, *h1.Loop) bool { return false }

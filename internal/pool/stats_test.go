package pool_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"pasted/internal/h1"
	"pasted/internal/pool"
	"pasted/internal/wire"
	"pasted/internal/worker"
	"pasted/internal/wsgi"
)

// await returns the first stats that are as wanted.
func awaitStats(t *testing.T, p *pool.Pool, want func(pool.Stats) bool) pool.Stats {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		s := p.Stats()
		if want(s) {
			return s
		}
		if time.Now().After(deadline) {
			t.Fatalf("stats never come to be as wanted: %+v", s)
		}
		time.Sleep(time.Millisecond)
	}
}

// named is a request for /path.
func named(answer pool.Answer, path string) *pool.Request {
	environ := wsgi.NewConstants("Pasted", true, false, 1).AppendEnviron(nil, &wsgi.Request{
		Head: new(h1.Head), PathInfo: []byte(path), Scheme: "http", ContentLength: -1,
	})
	frame := append(wire.AppendHead(nil, wire.Request, 0, 0, 0, len(environ)), environ...)
	return &pool.Request{Frame: frame, ID: 0xabc, Answer: answer}
}

func TestStatsTellWhatAWorkerIsDoingAndWhatWaits(t *testing.T) {
	let := make(chan struct{})
	p := run(t, pool.Options{Start: fakes(t, 1, func(w *fakeWorker, lane int, f wire.Frame) {
		<-let
		answerAll(w, lane, f)
	})})
	if err := p.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	first, second := newTaken(), newTaken()
	p.Do(named(first, "/one"), nil)
	time.Sleep(20 * time.Millisecond) // so that nothing is sent ahead
	p.Do(named(second, "/two"), nil)
	s := p.Stats()
	if s.QueueLength != 1 || s.QueueOldest <= 0 || !p.Busy() {
		t.Errorf("queue: %d, oldest %v, want the second request in it", s.QueueLength, s.QueueOldest)
	}
	w := s.Workers[0]
	if w.State != "busy" || w.PID != 1 || w.Inflight != 1 || len(w.Serving) != 1 {
		t.Fatalf("worker: %+v, want it busy with one request", w)
	}
	if r := w.Serving[0]; r.Path != "/one" || r.Request != "0000000000000abc" || r.For < 20*time.Millisecond {
		t.Errorf("serving: %+v, want /one", r)
	}
	close(let)
	for _, a := range []*taken{first, second} {
		if _, err := a.wait(t); err != nil {
			t.Error(err)
		}
	}
	s = p.Stats()
	if s.Requests != 2 || s.Workers[0].Requests != 2 || s.Workers[0].State != "ready" || p.Busy() {
		t.Errorf("afterwards: %+v, want two requests answered and nothing to do", s)
	}
	if s.Service.Sum < 20*time.Millisecond || count(s.Service) != 2 || count(s.Wait) != 2 {
		t.Errorf("histograms: %+v and %+v, want two requests in each", s.Service, s.Wait)
	}
}

func count(h pool.Histogram) (n uint64) {
	for _, b := range h.Buckets {
		n += b
	}
	return n
}

func TestStatsTellOfRestartsAndTheirReasons(t *testing.T) {
	var starts atomic.Int64
	p := run(t, pool.Options{Start: func(context.Context, int) (pool.Worker, error) {
		w := newFake(t, int(starts.Add(1)), 1, func(w *fakeWorker, _ int, _ wire.Frame) { w.Kill() })
		w.exit = worker.Exit{Code: 3}
		return w, nil
	}})
	a := newTaken()
	p.Do(newRequest(a), nil)
	_, _ = a.wait(t)
	s := awaitStats(t, p, func(s pool.Stats) bool { return s.Restarts == 1 && len(s.Workers) == 1 && s.Workers[0].PID == 2 })
	if s.Lost != 1 {
		t.Errorf("lost %d requests, want 1", s.Lost)
	}
	if r := s.Last[0]; r.PID != 1 || r.Reason != "exit status 3" || r.Policy {
		t.Errorf("restart: %+v, want the first worker's exit", r)
	}
}

package pool_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pasted/internal/marshal"
	"pasted/internal/paths"
	"pasted/internal/pool"
	"pasted/internal/setting"
	"pasted/internal/wire"
)

// boarded is fakes whose workers keep a board; made, if not nil, is told of each.
func boarded(t testing.TB, lanes int, made func(*fakeWorker), serve func(*fakeWorker, int, wire.Frame)) func(context.Context, int) (pool.Worker, error) {
	var pids atomic.Int64
	return func(context.Context, int) (pool.Worker, error) {
		w := unbegun(t, int(pids.Add(1)), lanes, serve).keepBoard(t)
		if made != nil {
			made(w)
		}
		return w.begin(), nil
	}
}

// requestFor returns a request with such an environ.
func requestFor(t testing.TB, a pool.Answer, method, path string, more ...string) *pool.Request {
	t.Helper()
	environ := marshal.Dict{
		{Key: "REQUEST_METHOD", Value: method}, {Key: "SCRIPT_NAME", Value: ""},
		{Key: "PATH_INFO", Value: path}, {Key: "QUERY_STRING", Value: ""},
	}
	for i := 0; i < len(more); i += 2 {
		environ = append(environ, marshal.Pair{Key: more[i], Value: more[i+1]})
	}
	payload, err := marshal.Append(nil, environ)
	if err != nil {
		t.Fatal(err)
	}
	frame := wire.AppendHead(nil, wire.Request, 0, 0, 0, len(payload))
	return &pool.Request{Frame: append(frame, payload...), Answer: a}
}

// rules reads a section [pasted:paths].
func rules(t testing.TB, options ...setting.Option) *paths.Table {
	t.Helper()
	r := setting.NewReader("test.ini", "pasted:paths", options)
	table := paths.Read(r)
	if err := r.Err(); err != nil {
		t.Fatal(err)
	}
	return table
}

func pathOf(f wire.Frame) string {
	value, _, _ := marshal.Decode(f.Payload, marshal.Limits{})
	environ, _ := value.(marshal.Dict)
	path, _ := environ.Get("PATH_INFO")
	s, _ := path.(string)
	return s
}

// reasonOf returns why a worker's death has ended a request, "" if none has.
func reasonOf(t *testing.T, err error) string {
	t.Helper()
	var death *pool.DeathError
	if errors.As(err, &death) {
		return death.Reason
	}
	if err != nil {
		t.Errorf("answer ended with %v", err)
	}
	return ""
}

// dying serves paths that begin with /die by dying, so many times.
func dying(times int64) func(*fakeWorker, int, wire.Frame) {
	var left atomic.Int64
	left.Store(times)
	return func(w *fakeWorker, lane int, f wire.Frame) {
		if strings.HasPrefix(pathOf(f), "/die") && left.Add(-1) >= 0 {
			w.end()
			return
		}
		answerAll(w, lane, f)
	}
}

func TestWhatMayBeRepeatedIsRepeatedOnceAfterADeath(t *testing.T) {
	for _, c := range []struct {
		method, path string
		more         []string
		deaths       int64
		want         string // reason
	}{
		{"GET", "/die", nil, 1, ""},
		{"HEAD", "/die", nil, 1, ""},
		{"PUT", "/die", nil, 1, ""},
		{"DELETE", "/die", nil, 1, ""},
		{"OPTIONS", "/die", nil, 1, ""},
		{"POST", "/die", nil, 1, pool.ReasonDied},
		{"PATCH", "/die", nil, 1, pool.ReasonDied},
		{"get", "/die", nil, 1, pool.ReasonDied},
		{"POST", "/die", []string{"HTTP_IDEMPOTENCY_KEY", `"8e03"`}, 1, ""},
		{"POST", "/die", []string{"HTTP_IDEMPOTENCY_KEY", ""}, 1, pool.ReasonDied},
		{"POST", "/die/report", nil, 1, ""},
		{"GET", "/die", nil, 2, pool.ReasonTwice},
	} {
		t.Run(c.method+c.path, func(t *testing.T) {
			p := run(t, pool.Options{
				Start: boarded(t, 1, nil, dying(c.deaths)),
				Paths: rules(t, setting.Option{Name: "/die/report", Value: "idempotent=yes"}),
			})
			a := newTaken()
			p.Do(requestFor(t, a, c.method, c.path, c.more...), nil)
			_, err := a.wait(t)
			if got := reasonOf(t, err); got != c.want {
				t.Errorf("ended with reason %q, want %q", got, c.want)
			}
		})
	}
}

// onceOnly is a body that cannot be read a second time.
type onceOnly struct{ io.Reader }

func TestBodyIsRepeatedFromItsBeginning(t *testing.T) {
	const body = "a body in pieces"
	for _, again := range []bool{true, false} {
		var deaths atomic.Int64
		var mu sync.Mutex
		got := map[int]*bytes.Buffer{}
		p := run(t, pool.Options{Start: boarded(t, 1, nil, func(w *fakeWorker, lane int, f wire.Frame) {
			mu.Lock()
			defer mu.Unlock()
			if got[w.pid] == nil {
				got[w.pid] = new(bytes.Buffer)
			}
			if f.Kind == wire.Body {
				got[w.pid].Write(f.Payload)
			}
			switch {
			case got[w.pid].Len() > 8 && deaths.Add(1) == 1:
				w.end()
			case f.Flags&wire.FlagEnd != 0:
				answerAll(w, lane, f)
			default:
				w.want(lane, f.Number, 5)
			}
		})})
		a := newTaken()
		r := requestFor(t, a, "PUT", "/")
		r.Body = strings.NewReader(body)
		want := ""
		if !again {
			r.Body, want = onceOnly{r.Body}, pool.ReasonDied
		}
		p.Do(r, nil)
		_, err := a.wait(t)
		if reason := reasonOf(t, err); reason != want {
			t.Errorf("body that can be read again %v: ended with reason %q, want %q", again, reason, want)
		}
		mu.Lock()
		if again && got[2].String() != body {
			t.Errorf("the second worker got %q, want %q", got[2], body)
		}
		mu.Unlock()
	}
}

// TestNothingIsLostThatHasNotBegun has a worker that dies with requests it was
// sent and never looked at: they are repeated whatever their method.
func TestNothingIsLostThatHasNotBegun(t *testing.T) {
	workers := make(chan *fakeWorker, 8)
	p := run(t, pool.Options{Start: boarded(t, 1, func(w *fakeWorker) {
		if w.pid == 1 {
			w.gate.Lock() // stopped
		}
		workers <- w
	}, answerAll)})
	if err := p.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	a := newTaken()
	p.Do(requestFor(t, a, "POST", "/"), nil)
	first := <-workers
	first.end()
	first.gate.Unlock()
	if body, err := a.wait(t); body != "ok" || err != nil {
		t.Errorf("got %q, %v, want ok from the next worker", body, err)
	}
	if s := p.Stats(); s.Retries != 1 || s.Lost != 0 {
		t.Errorf("Stats() = %+v, want one given to another", s)
	}
}

func TestRequestOfAClientThatHasLeftIsNotRepeated(t *testing.T) {
	begun := make(chan *fakeWorker, 2)
	var calls atomic.Int64
	p := run(t, pool.Options{Start: boarded(t, 1, nil, func(w *fakeWorker, lane int, f wire.Frame) {
		calls.Add(1)
		if pathOf(f) == "/left" {
			begun <- w
			return
		}
		answerAll(w, lane, f)
	})})
	r := requestFor(t, newTaken(), "GET", "/left")
	p.Do(r, nil)
	w := <-begun
	p.Cancel(r, nil)
	w.end()
	a := newTaken()
	p.Do(requestFor(t, a, "GET", "/"), nil)
	if _, err := a.wait(t); err != nil {
		t.Fatal(err)
	}
	if n := calls.Load(); n != 2 {
		t.Errorf("the application was called %d times, want 2", n)
	}
}

// TestBegunAnswerIsNotRepeated: the client has the beginning of another one.
func TestBegunAnswerIsNotRepeated(t *testing.T) {
	p := run(t, pool.Options{Start: boarded(t, 1, nil, func(w *fakeWorker, lane int, f wire.Frame) {
		w.send(lane, wire.Frame{Kind: wire.Head, Number: f.Number, Payload: append(ok[:len(ok):len(ok)], "half"...)})
		w.end()
	})})
	a := newTaken()
	p.Do(requestFor(t, a, "GET", "/"), nil)
	if body, err := a.wait(t); body != "half" || !errors.Is(err, pool.ErrDied) {
		t.Errorf("got %q, %v, want half of an answer and %v", body, err, pool.ErrDied)
	}
}

// TestRequestThatKillsTwoWorkersIsNamedAndHeld sends it twenty times, among
// others that must not be lost.
func TestRequestThatKillsTwoWorkersIsNamedAndHeld(t *testing.T) {
	var out syncBuffer
	var deaths atomic.Int64
	p := run(t, pool.Options{
		Size: 3, Patient: true, Log: slog.New(slog.NewTextHandler(&out, nil)),
		Start: boarded(t, 4, nil, func(w *fakeWorker, lane int, f wire.Frame) {
			if pathOf(f) == "/die" {
				deaths.Add(1)
				w.end()
				return
			}
			time.Sleep(time.Millisecond)
			answerAll(w, lane, f)
		}),
	})
	stop := make(chan struct{})
	var served atomic.Int64
	var others sync.WaitGroup
	for range 8 {
		others.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				a := newTaken()
				p.Do(requestFor(t, a, "GET", "/other"), nil)
				if _, err := a.wait(t); err != nil {
					t.Errorf("another request ended with %v", err)
					return
				}
				served.Add(1)
			}
		})
	}
	await(t, "the budget", func() bool { return served.Load() >= 600 })
	for i := range 20 {
		a := newTaken()
		p.Do(requestFor(t, a, "GET", "/die"), nil)
		_, err := a.wait(t)
		want, most := pool.ReasonTwice, int64(2)
		if i > 0 {
			want, most = pool.ReasonHeld, int64(2+i)
		}
		if got := reasonOf(t, err); got != want || deaths.Load() != most {
			t.Errorf("time %d: ended with %q after %d deaths, want %q and %d", i, got, deaths.Load(), want, most)
		}
	}
	close(stop)
	others.Wait()
	s := p.Stats()
	if len(s.Quarantine) != 1 || s.Quarantine[0].Path != "/die" || s.Quarantine[0].Killed != 2 {
		t.Fatalf("Stats().Quarantine = %+v, want /die, which has killed two", s.Quarantine)
	}
	if text := out.String(); !strings.Contains(text, "method=GET path=/die fingerprint="+s.Quarantine[0].Fingerprint) {
		t.Errorf("the log does not name the request:\n%s", text)
	}
}

// syncBuffer is a buffer for several writers.
type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func TestBudgetIsAFifthOfTheTrafficAndAFewAtATime(t *testing.T) {
	take := pool.NewBudget()
	for range 20 {
		if !take(0, 3, 3) {
			t.Error("less than 20 may be repeated at first")
		}
	}
	for range 3 {
		if !take(0, 0, 3) {
			t.Error("nothing may be repeated without traffic")
		}
	}
	if take(0, 3, 3) {
		t.Error("a fourth at a time may be repeated without traffic")
	}
	number, granted := uint64(0), 0
	for range 1000 {
		number++
		if take(number, 3, 3) {
			granted++
		}
	}
	if granted < 199 || granted > 200 {
		t.Errorf("%d of 1000 may be repeated, want a fifth", granted)
	}
	number += 1e6
	for granted = 0; take(number, 3, 3); granted++ {
	}
	if granted != 100 {
		t.Errorf("%d may be repeated at once after a million, want 100", granted)
	}
}

func TestQuarantineForgets(t *testing.T) {
	at := time.Now()
	q := pool.NewQuarantine()
	for i := range 100 {
		q.Hold("GET", "/"+strings.Repeat("x", i), at)
	}
	if n := q.Len(); n != 64 {
		t.Errorf("%d held, want 64", n)
	}
	last := "/" + strings.Repeat("x", 99)
	frame := requestFor(t, nil, "GET", last).Frame
	if !q.Holds(frame, at) || q.Holds(requestFor(t, nil, "GET", "/").Frame, at) || q.Holds(requestFor(t, nil, "POST", last).Frame, at) {
		t.Error("want the newest held, the oldest and other methods not")
	}
	if q.Holds(frame, at.Add(10*time.Minute)) || q.Len() != 0 {
		t.Error("still held after ten minutes")
	}
}

package pool_test

import (
	"sync"
	"sync/atomic"
	"testing"

	"pasted/internal/h1"
	"pasted/internal/pool"
	"pasted/internal/wire"
)

// A relay does the next request, in the same memory, at the end of each.
type relay struct {
	pool    *pool.Pool
	request pool.Request
	frame   []byte
	loop    *h1.Loop
	left    int
	done    chan struct{}
}

func (x *relay) do() {
	x.request.Renew(x, 1)
	x.request.Frame = x.frame
	x.pool.Do(&x.request, x.loop)
}

func (x *relay) Head([]byte, bool, *h1.Loop)      {}
func (x *relay) Data([]byte, bool, *h1.Loop) bool { return true }
func (x *relay) End(err error, on *h1.Loop) {
	x.left--
	switch {
	case x.left == 0 || err != nil:
		close(x.done)
	case on == x.loop:
		x.do()
	default:
		x.loop.Post(x.do)
	}
}

func TestRequestIsUsedAgainInItsEnd(t *testing.T) {
	loops := runLoops(t, 2)
	p := run(t, pool.Options{Loops: loops, Size: 2, Start: fakes(t, 2, answerAll)})
	var relays []*relay
	for i := range 20 {
		x := &relay{pool: p, frame: newRequest(nil).Frame, loop: loops[i%2], left: 200, done: make(chan struct{})}
		relays = append(relays, x)
		x.loop.Post(x.do)
	}
	for _, x := range relays {
		receive(t, x.done)
		on(x.loop, func() {
			if x.left != 0 {
				t.Errorf("%d requests of a relay are left", x.left)
			}
		})
	}
}

// A canceller cancels its own request while it is told of it.
type canceller struct {
	taken
	pool    *pool.Pool
	request *pool.Request
	inTime  chan bool
}

func (a *canceller) Head(_ []byte, _ bool, on *h1.Loop) { a.inTime <- a.pool.Cancel(a.request, on) }

func TestAnswerMayCancelItsOwnRequest(t *testing.T) {
	p := run(t, pool.Options{Start: fakes(t, 1, streams)})
	a := &canceller{taken: taken{done: make(chan struct{})}, pool: p, inTime: make(chan bool, 1)}
	a.request = newRequest(a)
	p.Do(a.request, nil)
	if !receive(t, a.inTime) {
		t.Error("Cancel() = false during Head")
	}
	b := newTaken()
	p.Do(newRequest(b), nil)
	if _, err := b.wait(t); err != nil {
		t.Error(err)
	}
	select {
	case <-a.done:
		t.Error("the request was told of its end")
	default:
	}
}

func TestRequestsFromLoopsAndGoroutinesAtOnce(t *testing.T) {
	loops := runLoops(t, 2)
	// Patient: on a busy machine, so many at once look like an overload.
	p := run(t, pool.Options{Patient: true, Loops: loops, Size: 2, Start: fakes(t, 4, func(w *fakeWorker, lane int, f wire.Frame) {
		if f.Number%3 == 0 {
			streams(w, lane, f)
		} else {
			answerAll(w, lane, f)
		}
	})})
	const each = 1000
	var answers sync.WaitGroup
	var failed atomic.Int64
	one := func() *pool.Request {
		answers.Add(1)
		return newRequest(answerFunc(func(err error) {
			if err != nil {
				failed.Add(1)
			}
			answers.Done()
		}))
	}
	answers.Add(1)
	for _, l := range loops {
		for range each / 50 {
			l.Post(func() {
				for range 50 {
					p.Do(one(), l)
				}
			})
		}
		on(l, func() {})
	}
	var callers sync.WaitGroup
	for range 20 {
		callers.Go(func() {
			for range each / 20 {
				p.Do(one(), nil)
			}
		})
	}
	callers.Wait()
	answers.Done()
	answers.Wait()
	if failed.Load() > 0 {
		t.Errorf("%d requests failed", failed.Load())
	}
}

// An answerFunc hears of the end alone.
type answerFunc func(error)

func (answerFunc) Head([]byte, bool, *h1.Loop)      {}
func (answerFunc) Data([]byte, bool, *h1.Loop) bool { return true }
func (f answerFunc) End(err error, _ *h1.Loop)      { f(err) }

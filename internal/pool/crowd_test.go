package pool_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pasted/internal/h1"
	"pasted/internal/pool"
	"pasted/internal/wire"
)

// A customer asks again as soon as it has an answer, until it is told to stop.
type customer struct {
	pool *pool.Pool
	stop *atomic.Bool
	left *sync.WaitGroup
}

func (c *customer) Head([]byte, bool, *h1.Loop)      {}
func (c *customer) Data([]byte, bool, *h1.Loop) bool { return true }
func (c *customer) End(_ error, on *h1.Loop) {
	if c.stop.Load() {
		c.left.Done()
		return
	}
	c.pool.Do(newRequest(c), on)
}

// A shop is a pool of one worker with four lanes and so many customers that
// requests wait.
type shop struct {
	*pool.Pool
	served [4]atomic.Int64 // by lane
	slow   atomic.Bool     // the next request of the first lane is not answered
	yields chan bool
	empty  func() // has all customers but two leave
	leave  func() // returns when the last customer has gone
}

// open opens a shop whose worker computes all the time, or waits.
func open(t *testing.T, computes bool) *shop {
	s := &shop{yields: make(chan bool, 100)}
	began := time.Now()
	hold := make(chan struct{})
	s.Pool = run(t, pool.Options{
		Yield: func(on bool) { s.yields <- on },
		Start: func(context.Context, int) (pool.Worker, error) {
			w := newFake(t, 1, 4, func(w *fakeWorker, lane int, f wire.Frame) {
				if lane == 0 && s.slow.CompareAndSwap(true, false) {
					<-hold
				}
				s.served[lane].Add(1)
				answerAll(w, lane, f)
			})
			w.demand = func() time.Duration {
				if !computes {
					return 0
				}
				return time.Since(began)
			}
			return w, nil
		},
	})
	if err := s.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	var stop, stopMost atomic.Bool
	var left sync.WaitGroup
	left.Add(200)
	for i := range 200 {
		by := &stopMost
		if i < 2 {
			by = &stop
		}
		s.Do(newRequest(&customer{s.Pool, by, &left}), nil)
	}
	s.empty = func() { stopMost.Store(true) }
	s.leave = sync.OnceFunc(func() {
		s.empty()
		stop.Store(true)
		close(hold)
		left.Wait()
	})
	t.Cleanup(s.leave)
	return s
}

// othersServe says whether a lane but the first gets requests within so long.
func (s *shop) othersServe(within time.Duration) bool {
	count := func() int64 { return s.served[1].Load() + s.served[2].Load() + s.served[3].Load() }
	deadline := time.Now().Add(within)
	for before := count(); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if count() > before {
			return true
		}
	}
	return false
}

// next returns what Yield is called with next.
func (s *shop) next(t *testing.T) bool {
	select {
	case on := <-s.yields:
		return on
	case <-time.After(20 * time.Second):
		t.Fatal("Yield is not called")
		return false
	}
}

func TestServerYieldsWhileWorkersComputeAndNoLonger(t *testing.T) {
	s := open(t, true)
	if !s.next(t) {
		t.Error("Yield(false) comes first")
	}
	s.leave()
	if s.next(t) {
		t.Error("Yield(true) comes twice")
	}
}

// TestTwoAreNoCrowd has them wait for each other for no other reason than that
// their worker has been narrowed, which would go on for as long as they do.
func TestTwoAreNoCrowd(t *testing.T) {
	s := open(t, true)
	if !s.next(t) {
		t.Error("Yield(false) comes first")
	}
	s.Narrow()
	s.empty()
	if s.next(t) {
		t.Error("Yield(true) comes twice")
	}
}

func TestSlowRequestOnTheOnlyLaneOpensTheOthers(t *testing.T) {
	s := open(t, true)
	s.Narrow()
	s.slow.Store(true)
	for s.slow.Load() {
		time.Sleep(time.Millisecond)
	}
	if !s.othersServe(20 * time.Second) {
		t.Error("nobody is served while a request is slow")
	}
}

func TestAllLanesServeWhereRequestsWait(t *testing.T) {
	s := open(t, false)
	for range 10 {
		if !s.othersServe(20 * time.Second) {
			t.Fatal("other lanes than the first are not used")
		}
	}
	select {
	case on := <-s.yields:
		t.Errorf("Yield(%v) is called", on)
	default:
	}
}

package pool_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"pasted/internal/h1"
	"pasted/internal/pool"
)

// stopped ends the pool and returns how long that took.
func (s *sim) stopped() time.Duration {
	began := time.Now()
	s.stop()
	for time.Since(began) < time.Hour {
		select {
		case <-s.ran:
			return time.Since(began)
		default:
			s.tick()
		}
	}
	s.t.Fatalf("the pool does not end: %v", s.pool.Occupied())
	return 0
}

// TestStopWaitsForAHungRequestUntilItsDeadlineOnly has a thread that never comes
// back: the grace period of a stop is not for that.
func TestStopWaitsForAHungRequestUntilItsDeadlineOnly(t *testing.T) {
	const timeout, grace = 300 * time.Millisecond, time.Second
	for name, before := range map[string]time.Duration{
		"before its deadline":  100 * time.Millisecond,
		"past its deadline":    600 * time.Millisecond,
		"with a doomed worker": 0,
	} {
		t.Run(name, func(t *testing.T) {
			hangs := func(s *sim) { s.service = func() time.Duration { return time.Hour } }
			opts := pool.Options{Size: 1, TimeoutGrace: grace, Grace: time.Minute}
			simulate(t, opts, hangs, func(s *sim) {
				s.run(time.Second, nil)
				s.ask(timeout)
				if before == 0 { // another one keeps the worker alive, for a while
					s.ask(timeout + grace)
					before = timeout + grace + 100*time.Millisecond
				}
				s.run(before, nil)
				if took, most := s.stopped(), 2*(timeout+grace); took > most {
					t.Errorf("the stop took %v, want %v at most", took, most)
				}
				for n, a := range s.asked {
					if a.ends != 1 || !errors.Is(a.err, pool.ErrDeadline) {
						t.Errorf("request %d ended %d times, with %v, want %v", n, a.ends, a.err, pool.ErrDeadline)
					}
				}
			})
		})
	}
}

// reforked is options with which the first worker is to become the template as
// soon as it has answered one request.
func reforked(promote func(context.Context, pool.Worker) error) pool.Options {
	return pool.Options{Size: 1, Grace: time.Minute, Recycle: pool.Recycle{Reforks: 1}, Promote: promote}
}

// TestStopDoesNotWaitForATemplateThatNobodyTakes stops while a worker becomes the
// template.
func TestStopDoesNotWaitForATemplateThatNobodyTakes(t *testing.T) {
	begun := false
	opts := reforked(func(ctx context.Context, _ pool.Worker) error {
		begun = true
		<-ctx.Done()
		return ctx.Err()
	})
	simulate(t, opts, nil, func(s *sim) {
		s.run(time.Second, nil)
		s.request()
		s.run(5*time.Second, nil)
		if took := s.stopped(); !begun || took > time.Second {
			t.Errorf("the stop took %v; a worker was to become the template: %v", took, begun)
		}
	})
}

// A turnstile is a source of a loop that does something once.
type turnstile func()

func (f turnstile) Ready(h1.Events) { f() }

// TestLanesOfATemplateAreSettledWhoeverComesFirst has the pool part with a worker
// that has become the template when the loop has not yet seen the lanes' ends.
func TestLanesOfATemplateAreSettledWhoeverComesFirst(t *testing.T) {
	var template pool.Worker
	var loop *h1.Loop
	opts := reforked(func(_ context.Context, w pool.Worker) error {
		template = w
		done := make(chan struct{})
		var fds [2]int
		if err := unix.Pipe2(fds[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
			return err
		}
		_, _ = unix.Write(fds[1], []byte{0})
		loop.Post(func() {
			_ = loop.AddReader(fds[0], turnstile(func() {
				loop.Remove(fds[0])
				_, _ = unix.Close(fds[0]), unix.Close(fds[1])
				close(done)
				synctest.Wait() // the pool goes on in the middle of a turn
			}))
		})
		<-done
		return nil
	})
	simulate(t, opts, func(s *sim) { loop = s.loop }, func(s *sim) {
		s.run(time.Second, nil)
		s.request()
		s.run(5*time.Second, nil)
		if template == nil {
			t.Fatal("no worker has become the template")
		}
		template.Kill()
	})
}

package pool

import (
	"testing"
	"time"
)

// TestBurstAfterAColdRequestIsServed has few requests before a burst, which an
// application that has just been loaded takes long for.
func TestBurstAfterAColdRequestIsServed(t *testing.T) {
	for _, cold := range []int{1, 15} {
		s := simulate(t, 1, 2, 4, Options{QueueLength: 10000}, func(s *sim) {
			for range cold {
				s.ask("cold", 10*time.Millisecond, nil)
				time.Sleep(50 * time.Millisecond)
			}
			for range 3000 {
				s.ask("burst", 300*time.Microsecond, nil)
			}
		})
		if f := s.figures("", time.Time{}, time.Time{}); f.refused > 0 {
			t.Errorf("after %d cold requests %d of the burst were refused", cold, f.refused)
		}
	}
}

func TestOneSlowRequestIsNoOverload(t *testing.T) {
	var l line
	for range 100 {
		l.served(300 * time.Microsecond)
	}
	l.served(10 * time.Second)
	if l.length = 3000; l.crushed(8) {
		t.Errorf("one slow request makes the average %v", l.mean)
	}
	for range 100 {
		l.served(10 * time.Millisecond)
	}
	if !l.crushed(8) {
		t.Errorf("a hundred slower ones leave it at %v", l.mean)
	}
}

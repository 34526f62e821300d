package main

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestArrivalsAreTheSameForTheSameSeed(t *testing.T) {
	traffic := traffic{rate: 500, slow: 0.1, duration: 20 * time.Second}
	first, again, other := traffic.arrivals(1), traffic.arrivals(1), traffic.arrivals(2)
	if diff := cmp.Diff(first, again, cmp.AllowUnexported(arrival{})); diff != "" {
		t.Errorf("not the same:\n%s", diff)
	}
	if cmp.Equal(first, other, cmp.AllowUnexported(arrival{})) {
		t.Error("another seed gives the same")
	}
	slow := 0
	for i, a := range first {
		slow += a.which
		if a.at < 0 || a.at >= traffic.duration || (i > 0 && a.at < first[i-1].at) {
			t.Fatalf("arrival %d is at %v", i, a.at)
		}
	}
	if n := len(first); n < 9500 || n > 10500 || slow < n*8/100 || slow > n*12/100 {
		t.Errorf("%d arrivals, %d of them slow; want about 10,000 and a tenth", n, slow)
	}
}

func TestOneQueueTakesTheFirstFreeLane(t *testing.T) {
	arrivals := []arrival{{0, 1}, {10, 1}, {20, 0}, {30, 0}, {200, 0}}
	got := oneQueue(arrivals, 2, [2]time.Duration{5, 100})
	// The lanes are free at 100 and 110; both fast ones wait for the first.
	want := []time.Duration{100, 100, 85, 80, 5}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("oneQueue() (-want +got):\n%s", diff)
	}
}

func TestWarmUpAndSlowOnesAreLeftOut(t *testing.T) {
	arrivals := []arrival{{1, 0}, {10, 1}, {11, 0}, {12, 0}}
	got := fastest(arrivals, []time.Duration{4, 3, 2, 1}, 10)
	if diff := cmp.Diff([]time.Duration{1, 2}, got); diff != "" {
		t.Errorf("fastest() (-want +got):\n%s", diff)
	}
}

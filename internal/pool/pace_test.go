package pool

import (
	"testing"
	"time"
)

func TestFastApplicationsGetRequestsAheadAndSlowOnesNone(t *testing.T) {
	const many = 1000
	for name, test := range map[string]struct {
		service func(i int) time.Duration
		least   int
		most    int
	}{
		"hello":                    {func(int) time.Duration { return 40 * time.Microsecond }, 10, aheadMost},
		"quarter of a millisecond": {func(int) time.Duration { return 250 * time.Microsecond }, 2, 2},
		"a millisecond":            {func(int) time.Duration { return time.Millisecond }, 0, 0},
		"one in ten sleeps 100 ms": {mixed(10, 100*time.Millisecond), 0, 0},
		"one in 300 sleeps 100 ms": {mixed(300, 100*time.Millisecond), 0, 0},
		"one in 50 loses its turn": {mixed(50, 5*time.Millisecond), 1, aheadMost},
		"not measured yet":         {nil, 0, 0},
		"slow once, a long time ago": {func(i int) time.Duration {
			if i == 0 {
				return time.Second
			}
			return 40 * time.Microsecond
		}, 10, aheadMost},
	} {
		var p pace
		for i := 0; test.service != nil && i < many; i++ {
			p.add(test.service(i))
		}
		if got := p.ahead(aheadBudget); got < test.least || got > test.most {
			t.Errorf("%s: %d ahead, want %d to %d", name, got, test.least, test.most)
		}
	}
}

// mixed is a hello application of which every nth request takes as long as slow.
func mixed(n int, slow time.Duration) func(int) time.Duration {
	return func(i int) time.Duration {
		if i%n == 0 {
			return slow
		}
		return 40 * time.Microsecond
	}
}

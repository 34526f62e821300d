package pool

import (
	"testing"
	"time"
)

// TestWhoHasNotLookedHasNotSeenAStall has nobody look for longer than a stall takes,
// and then looks when the worker has not moved yet since.
func TestWhoHasNotLookedHasNotSeenAStall(t *testing.T) {
	for name, test := range map[string]struct {
		looked time.Duration // ago
		want   bool
	}{
		"held up": {2 * stallAfter, false},
		"in time": {stallTick, true},
	} {
		t.Run(name, func(t *testing.T) {
			p, l, _, _ := lost(t)
			m, now := l.member, time.Now()
			m.worker, l.back = new(simWorker), func() {}
			m.pulse.moved, p.watcher.looked = now.Add(-2*stallAfter), now.Add(-test.looked)
			if p.look(); m.stalled != test.want {
				t.Errorf("stalled: %v, want %v", m.stalled, test.want)
			}
		})
	}
}

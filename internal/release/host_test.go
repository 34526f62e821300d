package release

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"pasted/internal/pool"
)

func TestHostThatStopsBeforeItServesIsAlive(t *testing.T) {
	h := &Host{status: Status{State: Draining}}
	if !h.Alive(t.Context()) {
		t.Error("it is said to hang")
	}
}

// TestOneWorkerMoreIsMoreThanThereAre has five of two to eight workers when one
// more is asked for.
func TestOneWorkerMoreIsMoreThanThereAre(t *testing.T) {
	p := pool.New(pool.Options{
		Size: 5, Most: 8, Log: slog.New(slog.DiscardHandler),
		Start: func(ctx context.Context, _ int) (pool.Worker, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		},
	})
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = p.Run(ctx) })
	defer running.Wait()
	defer stop()
	there := func() int { _, _, now := p.Range(); return now }
	for until := time.Now().Add(20 * time.Second); there() != 5 && time.Now().Before(until); {
		time.Sleep(time.Millisecond)
	}
	p.ResizeRange(2, 8)
	h := &Host{current: &run{pool: p}}
	for _, test := range []struct{ by, want int }{{+1, 6}, {+1, 7}, {-1, 6}} {
		if n, err := h.Resize(test.by); n != test.want || err != nil {
			t.Errorf("Resize(%+d) = %d, %v, want %d", test.by, n, err, test.want)
		}
	}
}

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// An inventory is what a server holds.
type inventory struct {
	workers, processes, descriptors, files int
	memory                                 int64
}

func (r *running) inventory() inventory {
	var i inventory
	for _, p := range append(r.descendants(), process{pid: r.cmd.Process.Pid}) {
		open, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.pid))
		if r.kind.worker(p, r.cmd.Process.Pid) {
			i.workers++
		}
		i.processes++
		i.descriptors += len(open)
		i.memory += proportional(p.pid)
	}
	files, _ := filepath.Glob(filepath.Join(r.dir, "*"))
	i.files = len(files)
	return i
}

// soaked has everything happen together, and looks at what is left behind when
// it is quiet again.
func soaked(ctx context.Context, x experiment) ([]finding, error) {
	const workers = 3
	s := setting{
		processes: strconv.Itoa(workers), threads: "4", timeout: 3 * time.Second,
		workers: map[string]string{"max_requests": "5000", "max_requests_jitter": "500"},
	}
	return x.with(ctx, s, func(r *running, c *client) ([]finding, error) {
		length := x.length(x.soak, 12*time.Second)
		r.stir(ctx, c, length/6) // for caches to be filled
		before := r.settled(ctx, workers)
		results := r.stir(ctx, c, length)
		after := r.settled(ctx, workers)
		calls, err := readLedger(r.ledger())
		if err != nil {
			return nil, err
		}
		t := count(results, calls)
		return append([]finding{
			none("POST that reached the application twice", t.doubled, ""),
			none("answered and not in the ledger", t.unasked, ""),
			fact("requests, not answered", "%d, %d (%s)", t.requests, len(t.failed)+t.inside+t.outside, t.reasons()),
		}, leftBehind(before, after)...), nil
	})
}

// leftBehind are the findings of what a server at rest holds more than before.
func leftBehind(before, after inventory) []finding {
	return []finding{
		flat("processes", int64(before.processes), int64(after.processes), 0),
		flat("descriptors", int64(before.descriptors), int64(after.descriptors), 8),
		flat("files in TMPDIR", int64(before.files), int64(after.files), 0),
		flat("memory (PSS), MB", before.memory>>20, after.memory>>20, 1+before.memory>>22),
	}
}

// flat is a finding of a figure that has not grown by more than some.
func flat(what string, before, after, slack int64) finding {
	return finding{what: what, got: fmt.Sprintf("%d, then %d", before, after), want: fmt.Sprintf("at most %d more", slack), ok: after-before <= slack}
}

// settled waits until the server is at rest and returns what it holds. It is not
// while one of its workers is still to be replaced.
func (r *running) settled(ctx context.Context, workers int) inventory {
	least := r.inventory()
	for range 30 {
		if !waitUntil(ctx, time.Now().Add(200*time.Millisecond)) {
			break
		}
		now := r.inventory()
		switch {
		case now.workers < workers:
		case least.workers < workers, now.processes < least.processes,
			now.processes == least.processes && now.descriptors <= least.descriptors:
			least = now
		}
	}
	return least
}

// stir has requests of all kinds come while workers are killed and stopped.
func (r *running) stir(ctx context.Context, c *client, length time.Duration) []result {
	ctx, cancel := context.WithTimeout(ctx, length)
	defer cancel()
	next := func(random *rand.Rand) request {
		switch random.IntN(1000) {
		case 0:
			return request{method: "GET", path: "/die"}
		case 1:
			return request{method: "GET", path: "/hang"}
		case 2, 3, 4, 5, 6:
			return request{method: "GET", path: "/stream", query: "pieces=40"}
		default:
			return waiting(5, 0.2)(random)
		}
	}
	var harm sync.WaitGroup
	harm.Go(func() { r.killEvery(ctx, 2*time.Second) })
	harm.Go(func() { r.stopEvery(ctx, 5*time.Second) })
	results := traffic{rate: 300, next: next, seed: rand.Uint64()}.run(ctx, c, length)
	cancel()
	harm.Wait()
	c.close() // the connections that it has kept are none that the server leaves behind
	return results
}

// stopEvery stops a worker for a second, again and again until ctx ends.
func (r *running) stopEvery(ctx context.Context, pause time.Duration) {
	for waitUntil(ctx, time.Now().Add(pause)) {
		pids := r.workers()
		if len(pids) == 0 {
			continue
		}
		pid := pids[rand.IntN(len(pids))]
		_ = syscall.Kill(pid, syscall.SIGSTOP)
		waitUntil(ctx, time.Now().Add(time.Second))
		_ = syscall.Kill(pid, syscall.SIGCONT)
	}
}

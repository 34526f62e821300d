package main

import (
	"bufio"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// overloaded is the trial of ten times as many requests as can be answered. The
// application waits, so that lanes and not cores are what there is too little of.
func overloaded(ctx context.Context, x experiment) ([]finding, error) {
	s := setting{processes: "2", threads: "4"}
	return x.with(ctx, s, func(r *running, c *client) ([]finding, error) {
		next := waiting(10, 0)
		most := capacity(ctx, c, 16, x.length(5*time.Second, 2*time.Second), next)
		usual := traffic{rate: 0.8 * most, next: next, seed: 8}.run(ctx, c, x.length(15*time.Second, 4*time.Second))
		length := x.length(60*time.Second, 5*time.Second)
		watching, stop := context.WithCancel(ctx)
		admin := make(chan time.Duration, 1)
		if x.ours() {
			go func() { admin <- r.watchAdmin(watching) }()
		}
		// In one run: nobody waits for the flood's answers before the load is normal.
		flood := traffic{rate: most, next: next, seed: 9, steps: []step{{0, 10}, {length, 0.8}}}
		begun := monotonic()
		during, after := split(flood.run(ctx, c, length+6*time.Second), begun+length)
		stop()
		quiet, t := count(usual, nil), count(during, nil)
		shedTook := percentileOf(during, 99, func(q *result) bool { return q.status == http.StatusServiceUnavailable })
		goodput := float64(t.ok) / length.Seconds() / most
		found := []finding{
			{what: "goodput beside the peak", got: fmt.Sprintf("%.0f %% of %.0f a second", 100*goodput, most), want: "≥ 95 %", ok: goodput >= 0.95, timed: true},
			times("p99 of the accepted beside 80 % load", percentile(t.took, 99), percentile(quiet.took, 99), 2),
			atMost("refusals, p99", shedTook, 10*time.Millisecond),
			none("failed otherwise than by 503", len(t.failed), t.reasons()),
			fact("requests, refused", "%d, %d", t.requests, t.shed),
			atMost("normal again after", recovery(after, 2*percentile(quiet.took, 99)), 2*time.Second),
		}
		if x.ours() {
			found = append(found, atMost("status over the admin socket, worst", <-admin, 50*time.Millisecond))
		}
		return found, nil
	})
}

// split divides results into those that were due before a moment and those after.
func split(results []result, at time.Duration) (before, after []result) {
	for _, q := range results {
		if q.at < at {
			before = append(before, q)
		} else {
			after = append(after, q)
		}
	}
	return before, after
}

// percentileOf is over the results that which says.
func percentileOf(results []result, p float64, which func(*result) bool) time.Duration {
	var took []time.Duration
	for i := range results {
		if which(&results[i]) {
			took = append(took, results[i].took)
		}
	}
	return percentile(took, p)
}

// recovery returns how long after the first of results, in the order of their
// begin, the last was late or refused.
func recovery(results []result, late time.Duration) time.Duration {
	if len(results) == 0 {
		return 0
	}
	first, last := time.Duration(math.MaxInt64), time.Duration(0)
	for _, q := range results {
		first = min(first, q.at)
	}
	// One in a hundred is late by definition of the limit: the last of a row
	// of ten that has two.
	const window = 100 * time.Millisecond
	bad := map[time.Duration]int{}
	all := map[time.Duration]int{}
	for _, q := range results {
		slot := (q.at - first) / window
		all[slot]++
		if !q.ok() || q.took > late {
			bad[slot]++
		}
	}
	for slot, n := range bad {
		if float64(n) > 0.05*float64(all[slot]) {
			last = max(last, (slot+1)*window)
		}
	}
	return last
}

// watchAdmin asks for the status until ctx ends, and returns the longest wait.
func (r *running) watchAdmin(ctx context.Context) (worst time.Duration) {
	for waitUntil(ctx, time.Now().Add(100*time.Millisecond)) {
		began := time.Now()
		if err := r.status(); err != nil {
			return answerLimit
		}
		worst = max(worst, time.Since(began))
	}
	return worst
}

// status asks the admin socket once.
func (r *running) status() error {
	conn, err := net.Dial("unix", filepath.Join(r.dir, "admin.sock"))
	if err != nil {
		return err
	}
	defer conn.Close()
	fmt.Fprintf(conn, "GET /status HTTP/1.1\r\nHost: admin\r\nConnection: close\r\n\r\n")
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("status: %s", answer.Status)
	}
	return nil
}

// mixed is the trial of quick requests among slow ones.
func mixed(ctx context.Context, x experiment) ([]finding, error) {
	next := func(random *rand.Rand) request {
		if random.Float64() < 0.1 {
			return request{method: "GET", path: "/slow", query: "ms=100", class: 1}
		}
		return request{method: "GET", path: "/work", query: "ms=0"}
	}
	run := func(threads string, options map[string]string) (quick, slow time.Duration, failed int, err error) {
		s := setting{processes: "2", threads: threads, workers: options}
		_, err = x.with(ctx, s, func(_ *running, c *client) ([]finding, error) {
			load := traffic{rate: 500, next: next, seed: 11}
			load.run(ctx, c, 3*time.Second) // for it to know the paths
			load.seed = 12
			results := load.run(ctx, c, x.length(30*time.Second, 5*time.Second))
			quick = percentileOf(results, 99, func(q *result) bool { return q.ok() && q.class == 0 })
			slow = percentileOf(results, 99, func(q *result) bool { return q.ok() && q.class == 1 })
			failed = len(count(results, nil).failed) + count(results, nil).shed
			return nil, nil
		})
		return quick, slow, failed, err
	}
	plain, plainSlow, failed, err := run("4", map[string]string{"fast_lane": "off"})
	if err != nil {
		return nil, err
	}
	fast, fastSlow, n, err := run("4", map[string]string{"fast_lane": "auto"})
	if err != nil {
		return nil, err
	}
	failed += n
	more, _, n, err := run("4..16", map[string]string{"fast_lane": "auto"})
	if err != nil {
		return nil, err
	}
	return []finding{
		fact("one plain queue: p99 of the quick, of the slow", "%s, %s", short(plain), short(plainSlow)),
		atMost("fast_lane: p99 of the quick", fast, 10*time.Millisecond),
		times("p99 of the slow beside one plain queue", fastSlow, plainSlow, 2),
		atMost("threads = 4..16: p99 of the quick", more, 5*time.Millisecond),
		none("failed", failed+n, ""),
	}, nil
}

// scaled is the trial of load that comes and goes.
func scaled(ctx context.Context, x experiment) ([]finding, error) {
	s := setting{processes: "1..8", threads: "4", env: []string{"CHAOS_IMPORT_SECONDS=1"}}
	return x.with(ctx, s, func(r *running, c *client) ([]finding, error) {
		next := waiting(20, 0)
		// Four lanes of 20 ms: one worker answers 200 a second.
		const one, calm = 150, 4 * time.Second
		load := traffic{rate: one, next: next, seed: 13, steps: []step{{calm, 8}}}
		full := make(chan time.Duration, 1)
		watching, stop := context.WithCancel(ctx)
		defer stop()
		go func() { full <- r.reaches(watching, 8, time.Now().Add(calm)) }()
		atFirst := len(r.workers())
		results := load.run(ctx, c, calm+6*time.Second)
		stop()
		t := count(results, nil)
		changes := r.changes(ctx, c, x.length(10*time.Minute, 15*time.Second), next)
		return []finding{
			fact("workers at first", "%d", atFirst),
			atMost("from 1 to 8 workers", <-full, 2*time.Second),
			none("failed", len(t.failed)+t.shed, t.reasons()),
			{what: "changes under ± 20 % of noise", got: fmt.Sprint(changes), want: "≤ 2", ok: changes <= 2},
		}, nil
	})
}

// reaches returns how long after a moment there were n workers, or a minute.
func (r *running) reaches(ctx context.Context, n int, since time.Time) time.Duration {
	for waitUntil(ctx, time.Now().Add(20*time.Millisecond)) {
		if len(r.workers()) >= n {
			return max(0, time.Since(since))
		}
	}
	return time.Minute
}

// changes counts how often the number of workers changes under a load that varies
// by a fifth each second, once it has settled.
func (r *running) changes(ctx context.Context, c *client, duration time.Duration, next func(*rand.Rand) request) (changes int) {
	random := rand.New(rand.NewPCG(14, 14))
	load := traffic{rate: 600, next: next, seed: 14}
	settle := duration / 3
	for at := time.Duration(0); at < settle+duration; at += time.Second {
		load.steps = append(load.steps, step{at, 0.8 + 0.4*random.Float64()})
	}
	watching, stop := context.WithCancel(ctx)
	counted := make(chan int, 1)
	go func() {
		n, last := 0, 0
		from := time.Now().Add(settle)
		for waitUntil(watching, time.Now().Add(50*time.Millisecond)) {
			now := len(r.workers())
			if last != 0 && now != last && time.Now().After(from) {
				n++
			}
			last = now
		}
		counted <- n
	}()
	load.run(ctx, c, settle+duration)
	stop()
	return <-counted
}

// shared is the trial of memory that workers have in common.
func shared(ctx context.Context, x experiment) ([]finding, error) {
	measure := func(processes string, options map[string]string) (pss int64, err error) {
		s := setting{processes: processes, threads: "2", workers: options, env: []string{"CHAOS_BALLAST_MB=150"}}
		_, err = x.with(ctx, s, func(r *running, c *client) ([]finding, error) {
			closed(ctx, c, 16, 2*time.Second, waiting(1, 0))
			for _, pid := range r.below() {
				pss += proportional(pid)
			}
			return nil, nil
		})
		return pss, err
	}
	together, err := measure("8", nil)
	if err != nil {
		return nil, err
	}
	apart, err := measure("8", map[string]string{"preload": "false"})
	if err != nil {
		return nil, err
	}
	ratio := float64(together) / float64(max(apart, 1))
	return []finding{{
		what: "PSS beside 8 that import by themselves", got: fmt.Sprintf("%.2f × (%d beside %d MB)", ratio, together>>20, apart>>20),
		want: "≤ 0.7 ×", ok: ratio <= 0.7,
	}}, nil
}

// proportional returns a process's proportional set size in bytes, 0 if it has
// gone.
func proportional(pid int) int64 {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "Pss:"); ok {
			kilobytes, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return kilobytes << 10
		}
	}
	return 0
}

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// A trial is one line of what is to be shown: a server, traffic, and what is done
// to the server meanwhile.
type trial struct {
	name  string
	about string
	peers bool // others are tried beside ours
	run   func(ctx context.Context, x experiment) ([]finding, error)
}

// trials returns all of them, in the order of the table.
func trials() []trial {
	return []trial{
		{"kill", "a random worker killed every 0.5 s, at 70 % load, 10 % POST", true, killed},
		{"stop", "a worker stopped (SIGSTOP) for 6 s", false, stopped},
		{"gil", "a worker whose C call holds the interpreter's lock for 6 s", false, held},
		{"hang", "one hung request among quick ones, 4 threads, timeout 2 s", true, hung},
		{"poison", "a request that kills its worker, sent 20 times", false, poisoned},
		{"overload", "open loop at 10 × capacity", true, overloaded},
		{"crowd", "10,000 slow heads, 1,000 readers of a byte a second, 1,000 that leave, beside 500 a second", false, crowded},
		{"mixed", "500 a second on 2 × 4 threads, 10 % of it sleeping 100 ms", false, mixed},
		{"scale", "load steps from 1 × to 8 ×, import takes 1 s; then ± 20 % of noise", false, scaled},
		{"memory", "8 workers of an application that holds 150 MB after import", false, shared},
		{"recycle", "recycling every 50 requests", false, recycled},
		{"server", "the server killed (SIGKILL) every 5 s", false, serverKilled},
		{"soak", "all of it together, and what is left behind", false, soaked},
	}
}

// An experiment is one run of a trial with one server.
type experiment struct {
	lab  lab
	kind kind
	long bool // as long as the table says; else as short as still says something
	soak time.Duration
}

func (x experiment) ours() bool { return x.kind.name == "Pasted" }

// length is how long something takes.
func (x experiment) length(long, short time.Duration) time.Duration {
	if x.long {
		return long
	}
	return short
}

// with runs f with a server and a client of it, and stops them.
func (x experiment) with(ctx context.Context, s setting, f func(r *running, c *client) ([]finding, error)) (found []finding, err error) {
	r, err := x.lab.start(ctx, x.kind, s)
	if err != nil {
		return nil, err
	}
	c := newClient(r.addr, &r.numbers)
	defer func() {
		c.close()
		said := r.out.String()
		if left := r.stop(); left != nil && err == nil {
			err = left
		}
		if keep := os.Getenv("CHAOS_LOG"); keep != "" {
			_ = os.WriteFile(keep, []byte(said), 0o644)
		}
	}()
	return f(r, c)
}

// waiting returns requests that wait for ms in the application; a share of them
// are POST, of which one in twenty is large.
func waiting(ms int, posts float64) func(*rand.Rand) request {
	query := fmt.Sprintf("ms=%d", ms)
	return func(random *rand.Rand) request {
		if random.Float64() >= posts {
			return request{method: "GET", path: "/work", query: query}
		}
		size := 100 + random.IntN(2000)
		if random.IntN(20) == 0 {
			size = 100_000
		}
		return request{method: "POST", path: "/work", query: query, body: []byte(strings.Repeat("b", size))}
	}
}

// capacity measures how many requests a second the server answers at most.
func capacity(ctx context.Context, c *client, clients int, duration time.Duration, next func(*rand.Rand) request) float64 {
	ok := 0
	for _, r := range closed(ctx, c, clients, duration, next) {
		if r.ok() {
			ok++
		}
	}
	return float64(ok) / duration.Seconds()
}

// killed is the trial of workers that die.
func killed(ctx context.Context, x experiment) ([]finding, error) {
	s := setting{processes: "4", threads: "8"}
	return x.with(ctx, s, func(r *running, c *client) ([]finding, error) {
		next := waiting(10, 0.1)
		most := capacity(ctx, c, 64, x.length(5*time.Second, 2*time.Second), next)
		load := traffic{rate: 0.7 * most, next: next, seed: 1}
		before := load.run(ctx, c, x.length(20*time.Second, 3*time.Second))
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		var killing sync.WaitGroup
		kills := 0
		killing.Go(func() { kills = r.killEvery(ctx, 500*time.Millisecond) })
		load.seed = 2
		during := load.run(ctx, c, x.length(60*time.Second, 5*time.Second))
		cancel()
		killing.Wait()
		calls, err := readLedger(r.ledger())
		if err != nil {
			return nil, err
		}
		quiet, t := count(before, calls), count(during, calls)
		found := append(t.losses(), fact("requests, a second", "%d, %.0f of %.0f", t.requests, load.rate, most), fact("workers killed", "%d", kills))
		return append(found, times("p99.9 beside undisturbed", percentile(t.took, 99.9), percentile(quiet.took, 99.9), 3)), nil
	})
}

// losses are the findings of what must never be lost or done twice. How many
// requests were about to be in the ledger is chance: the longer a worker waits for
// a processor before it writes its line, the more likely it is killed there. A
// short trial has few kills, of which 3 may meet such a request.
func (t tally) losses() []finding {
	return []finding{
		none("failed, but for POST inside the application", len(t.failed), t.reasons()),
		fact("502 for a POST inside the application", "%d", t.inside),
		few("502 for a POST about to be in the ledger", t.outside, 3+t.inside/50),
		none("502 that does not say why", t.unexplained, ""),
		none("POST that reached the application twice", t.doubled, ""),
		none("answered and not in the ledger", t.unasked, ""),
		fact("GET that were repeated", "%d", t.repeated),
	}
}

// killEvery kills a random worker again and again until ctx ends, and returns
// how many it has killed.
func (r *running) killEvery(ctx context.Context, pause time.Duration) (kills int) {
	for waitUntil(ctx, time.Now().Add(pause)) {
		if pids := r.workers(); len(pids) > 0 && syscall.Kill(pids[rand.IntN(len(pids))], syscall.SIGKILL) == nil {
			kills++
		}
	}
	return kills
}

// stopped is the trial of a worker that does not run for a while.
func stopped(ctx context.Context, x experiment) ([]finding, error) {
	return x.stalled(ctx, func(r *running, _ *client, pause time.Duration) (int, error) {
		pids := r.workers()
		if len(pids) == 0 {
			return 0, fmt.Errorf("no worker is found")
		}
		if err := syscall.Kill(pids[0], syscall.SIGSTOP); err != nil {
			return 0, err
		}
		time.AfterFunc(pause, func() { _ = syscall.Kill(pids[0], syscall.SIGCONT) })
		return pids[0], nil
	})
}

// held is the trial of a worker in which no thread can run but one.
func held(ctx context.Context, x experiment) ([]finding, error) {
	return x.stalled(ctx, func(_ *running, c *client, pause time.Duration) (int, error) {
		go c.ask(request{method: "POST", path: "/hold", query: fmt.Sprintf("ms=%d", pause.Milliseconds())}, time.Now())
		return 0, nil
	})
}

// stalled has traffic go on while stall makes a worker stand still for 6 s.
// stall returns the process, or 0 if it is not known.
func (x experiment) stalled(ctx context.Context, stall func(*running, *client, time.Duration) (int, error)) ([]finding, error) {
	s := setting{processes: "2", threads: "4"}
	return x.with(ctx, s, func(r *running, c *client) ([]finding, error) {
		const warmUp, pause = 2 * time.Second, 6 * time.Second
		var pid int
		var at time.Duration
		var failed error
		trigger := time.AfterFunc(warmUp, func() {
			at = monotonic()
			pid, failed = stall(r, c, pause)
		})
		defer trigger.Stop()
		load := traffic{rate: 150, next: waiting(10, 0.3), seed: 3}
		results := load.run(ctx, c, warmUp+pause+3*time.Second)
		calls, err := readLedger(r.ledger())
		if err != nil || failed != nil {
			return nil, fmt.Errorf("%w %w", err, failed)
		}
		t := count(results, calls)
		var get, post, begun time.Duration
		for _, q := range results {
			inside := len(calls[q.number]) > 0 && calls[q.number][0].at < at+50*time.Millisecond && q.at+q.took > at &&
				(pid == 0 || calls[q.number][0].pid == pid)
			switch {
			case q.method == http.MethodGet:
				get = max(get, q.took)
			case inside:
				begun = max(begun, q.took)
			default:
				post = max(post, q.took)
			}
		}
		return append([]finding{
			atMost("worst GET", get, 1600*time.Millisecond),
			atMost("worst POST that had not begun", post, 1600*time.Millisecond),
			fact("worst POST that had begun", "%s", short(begun)),
		}, t.losses()...), nil
	})
}

// hung is the trial of a request that does not come back.
func hung(ctx context.Context, x experiment) ([]finding, error) {
	const timeout = 2 * time.Second
	s := setting{processes: "1", threads: "4", timeout: timeout}
	return x.with(ctx, s, func(r *running, c *client) ([]finding, error) {
		answer := make(chan result, 1)
		time.AfterFunc(time.Second, func() {
			answer <- c.ask(request{method: "GET", path: "/hang"}, time.Now())
		})
		load := traffic{rate: 100, next: waiting(5, 0.1), seed: 4}
		results := load.run(ctx, c, x.length(12*time.Second, 6*time.Second))
		calls, err := readLedger(r.ledger())
		if err != nil {
			return nil, err
		}
		t := count(results, calls)
		var a result
		select {
		case a = <-answer:
		case <-time.After(answerLimit):
			a = result{fate: silent, took: answerLimit}
		}
		late := max(a.took-timeout, timeout-a.took)
		return append([]finding{
			{what: "the hung request", got: fmt.Sprintf("%s %d", a.fate, a.status), want: "answered 504", ok: a.fate == answered && a.status == 504},
			atMost("its answer, from the deadline", late, 100*time.Millisecond),
		}, t.losses()...), nil
	})
}

// poisoned is the trial of a request that kills whoever serves it.
func poisoned(ctx context.Context, x experiment) ([]finding, error) {
	s := setting{processes: "2", threads: "4"}
	return x.with(ctx, s, func(r *running, c *client) ([]finding, error) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		others := make(chan []result, 1)
		go func() {
			load := traffic{rate: 100, next: waiting(2, 0), seed: 5}
			others <- load.run(ctx, c, time.Minute)
		}()
		statuses, firstDeaths := map[string]int{}, 0
		for i := range 20 {
			a := c.ask(request{method: "GET", path: "/die"}, time.Now())
			statuses[fmt.Sprintf("%s %d", a.fate, a.status)]++
			if i == 0 {
				firstDeaths = r.deaths(a.number)
			}
			if !waitUntil(ctx, time.Now().Add(300*time.Millisecond)) {
				break
			}
		}
		cancel()
		results := <-others
		calls, err := readLedger(r.ledger())
		if err != nil {
			return nil, err
		}
		t := count(results, calls)
		return []finding{
			{what: "workers that the first one killed", got: fmt.Sprint(firstDeaths), want: "≤ 2", ok: firstDeaths <= 2},
			none("other requests lost", len(t.failed)+t.shed, t.reasons()),
			fact("what it was answered", "%s", list(statuses)),
			fact("other requests", "%d", t.requests),
		}, nil
	})
}

// deaths counts the processes that a request has reached.
func (r *running) deaths(number int64) int {
	calls, err := readLedger(r.ledger())
	if err != nil {
		return -1
	}
	return len(calls[number])
}

// recycled is the trial of workers that are replaced by number of requests.
func recycled(ctx context.Context, x experiment) ([]finding, error) {
	requests := 100_000
	if !x.long {
		requests = 4000
	}
	run := func(options map[string]string) (t tally, workers int, err error) {
		s := setting{processes: "2", threads: "4", workers: options}
		_, err = x.with(ctx, s, func(r *running, c *client) ([]finding, error) {
			next := waiting(2, 0.1)
			load := traffic{rate: 800, next: next, seed: 6}
			results := load.run(ctx, c, time.Duration(requests)*time.Second/800)
			calls, err := readLedger(r.ledger())
			pids := map[int]bool{}
			for _, list := range calls {
				for _, one := range list {
					pids[one.pid] = true
				}
			}
			t, workers = count(results, calls), len(pids)
			return nil, err
		})
		return t, workers, err
	}
	without, _, err := run(nil)
	if err != nil {
		return nil, err
	}
	t, workers, err := run(map[string]string{"max_requests": "50", "max_requests_jitter": "0"})
	if err != nil {
		return nil, err
	}
	return append(t.losses(),
		none("failed POST", t.inside, ""),
		fact("requests, workers", "%d, %d", t.requests, workers),
		times("p99 beside without", percentile(t.took, 99), percentile(without.took, 99), 1.5)), nil
}

// serverKilled is the trial of the server itself dying.
func serverKilled(ctx context.Context, x experiment) ([]finding, error) {
	s := setting{processes: "2", threads: "4"}
	return x.with(ctx, s, func(r *running, c *client) ([]finding, error) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		kills := 10
		if !x.long {
			kills = 2
		}
		pause := x.length(5*time.Second, 2*time.Second)
		var killing sync.WaitGroup
		var deaths []death
		killing.Go(func() {
			for range kills {
				if !waitUntil(ctx, time.Now().Add(pause)) {
					return
				}
				for r.server() == 0 && waitUntil(ctx, time.Now().Add(20*time.Millisecond)) {
				}
				if pid := r.server(); pid != 0 {
					deaths = append(deaths, kill(pid))
				}
			}
		})
		load := traffic{rate: 200, next: waiting(10, 0), seed: 7}
		results := load.run(ctx, c, time.Duration(kills)*pause+pause)
		killing.Wait()
		refusedOnes, flying, lost := 0, 0, map[string]int{}
		for _, q := range results {
			switch {
			case q.ok():
			case q.fate == refused:
				refusedOnes++
			case inFlight(q, deaths):
				flying++
			default:
				lost[fmt.Sprintf("%s %d", q.fate, q.status)]++
			}
		}
		sum := 0
		for _, n := range lost {
			sum += n
		}
		return []finding{
			{what: "servers killed", got: fmt.Sprint(len(deaths)), want: fmt.Sprint(kills), ok: len(deaths) == kills},
			none("connections refused", refusedOnes, ""),
			none("failed that were not in flight", sum, list(lost)),
			fact("in flight at a death", "%d of %d", flying, len(results)),
		}, nil
	})
}

// A death is the time, on the clock of monotonic, in which a process dies: from
// before it is killed until its connections are closed.
type death struct{ from, until time.Duration }

// kill kills a process and waits until nothing of it runs.
func kill(pid int) death {
	d := death{from: monotonic()}
	_ = syscall.Kill(pid, syscall.SIGKILL)
	for gone := time.Now().Add(stopLimit); !dead(pid) && time.Now().Before(gone); {
		time.Sleep(time.Millisecond)
	}
	d.until = monotonic()
	return d
}

// dead says whether all threads of a process have ended: the first is a zombie
// when it has, and the files stay open until the last one has.
func dead(pid int) bool {
	dir := fmt.Sprintf("/proc/%d", pid)
	p, there := readProcess(dir)
	threads, _ := filepath.Glob(dir + "/task/*")
	return !there || len(threads) <= 1 && p.state == 'Z'
}

// inFlight says whether a request was with the server when that died. One that is
// sent meanwhile on a kept connection, which looks alive until it is closed, was, too.
func inFlight(q result, deaths []death) bool {
	const margin = 20 * time.Millisecond // for the client to hear of the connection's end
	for _, d := range deaths {
		if q.at <= d.until+margin && q.at+q.took >= d.from {
			return true
		}
	}
	return false
}

// server returns the process that serves under the keeper, 0 if there is none.
func (r *running) server() int {
	for _, p := range r.descendants() {
		if p.parent == r.cmd.Process.Pid && strings.HasPrefix(filepath.Base(strings.Fields(p.command + " x")[0]), "pasted") &&
			!strings.HasPrefix(p.command, "pasted_worker") {
			return p.pid
		}
	}
	return 0
}

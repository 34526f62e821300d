package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"time"
)

// A load is how a row is measured.
type load interface {
	// measure puts the load on a peer that serves and has answered rightly, and
	// returns what it has found. The error says in what the peer has failed.
	measure(ctx context.Context, r *running, e exchange, p pace) (sample, error)
	// lasts is how long that takes, but for what the peer itself takes.
	lasts(p pace) time.Duration
}

// A pace is how long a load goes on, and what makes a round's the same for all.
type pace struct {
	WarmUp time.Duration `json:"warm_up"`
	Closed time.Duration `json:"closed"` // of closed loops; whole seconds
	Open   time.Duration `json:"open"`   // of open loops, after the warm-up
	Idle   int           `json:"idle"`   // how many idle connections
	first  bool          // in this round is looked at what will be the same in the others
	seed   uint64
}

// A sample is what one visit of a peer has given. What a load does not measure
// is zero.
type sample struct {
	Rate     float64       `json:"rate,omitempty"` // answers a second
	Requests int           `json:"requests,omitempty"`
	P50      time.Duration `json:"p50,omitempty"`
	P99      time.Duration `json:"p99,omitempty"`
	Theory   time.Duration `json:"theory,omitempty"`   // p99 of one queue, in theory
	Before   time.Duration `json:"before,omitempty"`   // p99 without idle connections
	PerIdle  float64       `json:"per_idle,omitempty"` // bytes for each of them
	Start    time.Duration `json:"start,omitempty"`
	Import   time.Duration `json:"import,omitempty"`
	Server   []int64       `json:"server,omitempty"` // PSS of each of the server's processes, bytes; workers are not among them
	All      int64         `json:"all,omitempty"`    // PSS of all processes, bytes
	CPU      split         `json:"cpu"`
	Foreign  float64       `json:"foreign"` // share of the processor that others had, 0 to 1
	Failure  string        `json:"failure,omitempty"`
	// Served is how many of so many connections are served while all stay open;
	// Connections is 0 where all are, or where that was not looked at.
	Served      int `json:"served,omitempty"`
	Connections int `json:"connections,omitempty"`
}

// settle puts into s what has been used between two moments.
func (s *sample) settle(before, after account) {
	s.CPU = after.split.minus(before.split)
	s.Foreign = after.foreignSince(before)
}

// A closed loop: wrk.
type closed struct {
	connections int
	threads     int           // of wrk
	varies      bool          // answers differ in length
	least       time.Duration // how long is measured, even if the pace is shorter
}

func (c closed) measure(ctx context.Context, r *running, e exchange, p pace) (sample, error) {
	right, err := e.check(r.addr)
	if err != nil {
		return sample{}, err
	}
	if c.varies {
		right.size = 0
	}
	served := c.connections
	if p.first {
		if served, err = c.servesAll(ctx, r, e); err != nil {
			return sample{}, err
		}
	}
	w := wrk{addr: r.addr, exchange: e, connections: c.connections, threads: c.threads, duration: p.WarmUp}
	if _, err := w.run(ctx, r.site.dir); err != nil {
		return sample{}, err
	}
	// Some servers go on with what nobody waits for any more: until then this
	// has to wait, too.
	if _, err := e.check(r.addr); err != nil {
		return sample{}, err
	}
	w.duration = max(p.Closed, c.least)
	before := r.account()
	found, err := w.run(ctx, r.site.dir)
	if err != nil {
		return sample{}, err
	}
	s := sample{Rate: found.rate(), Requests: found.requests, P50: found.p50, P99: found.p99}
	if served < c.connections {
		s.Served, s.Connections = served, c.connections
	}
	s.settle(before, r.account())
	if err := found.judge(e, right, c.connections); err != nil {
		return s, err
	}
	_, err = e.check(r.addr)
	return s, err
}

func (c closed) lasts(p pace) time.Duration { return p.WarmUp + max(p.Closed, c.least) }

// patience is how long connections that are all open wait for one answer each:
// longer than 512 of them need for 10 ms each in two threads, and not so long that
// servers close idle ones to get at others.
const patience = 4 * time.Second

// servesAll sees whether all connections are served while all are open: wrk would
// not tell, as it counts answers, whoever gets them.
func (c closed) servesAll(ctx context.Context, r *running, e exchange) (served int, err error) {
	if c.varies || e.close || c.connections == 1 {
		return c.connections, nil
	}
	h, err := newHerd(r.addr)
	if err != nil {
		return 0, err
	}
	defer h.close()
	return h.atOnce(ctx, r.addr, e, c.connections, c.connections, patience)
}

// An open loop: requests that come whether or not those before have been answered.
type open struct {
	rate      float64 // a second
	slow      float64 // share of slow ones
	slowPath  string
	slowTakes time.Duration
}

func (o open) measure(ctx context.Context, r *running, e exchange, p pace) (sample, error) {
	if _, err := e.check(r.addr); err != nil {
		return sample{}, err
	}
	h, err := newHerd(r.addr)
	if err != nil {
		return sample{}, err
	}
	defer h.close()
	slow := e
	slow.path = o.slowPath
	arrivals := traffic{rate: o.rate, slow: o.slow, duration: p.WarmUp + p.Open}.arrivals(p.seed)
	before := r.account()
	outcomes, err := h.play(ctx, r.addr, []exchange{e, slow}, arrivals)
	if err != nil {
		return sample{}, err
	}
	took, err := tookOf(outcomes)
	fast := fastest(arrivals, took, p.WarmUp)
	inTheory := fastest(arrivals, oneQueue(arrivals, r.site.setup.lanes(), [2]time.Duration{0, o.slowTakes}), p.WarmUp)
	s := sample{
		Rate: o.rate, Requests: len(arrivals),
		P50: percentile(fast, 50), P99: percentile(fast, 99), Theory: percentile(inTheory, 99),
	}
	s.settle(before, r.account())
	return s, err
}

func (open) lasts(p pace) time.Duration { return p.WarmUp + p.Open }

// tookOf returns how long the requests have taken, or how many have failed.
func tookOf(outcomes []outcome) ([]time.Duration, error) {
	took := make([]time.Duration, len(outcomes))
	failed := 0
	var first error
	for i, o := range outcomes {
		took[i] = o.took
		if o.err != nil {
			failed++
			if first == nil {
				first = plain(o.err)
			}
		}
	}
	if failed > 0 {
		return took, fmt.Errorf("%d of %d requests failed: %w", failed, len(outcomes), first)
	}
	return took, nil
}

// idling is an open loop beside connections that do nothing.
type idling struct {
	rate float64
}

const (
	// batch is how many connections are made at the same time.
	batch = 100
	// perSecond is about how many of them are made in a second.
	perSecond = 5000
)

func (l idling) measure(ctx context.Context, r *running, e exchange, p pace) (sample, error) {
	if _, err := e.check(r.addr); err != nil {
		return sample{}, err
	}
	before := r.account()
	without, err := l.active(ctx, r, e, p)
	if err != nil {
		return sample{}, err
	}
	less := r.memory()
	h, err := newHerd(r.addr)
	if err != nil {
		return sample{}, err
	}
	defer h.close()
	n, err := h.atOnce(ctx, r.addr, e, p.Idle, batch, answerLimit)
	if err != nil || n < p.Idle {
		return sample{}, errors.Join(fmt.Errorf("%d of %d connections were served", n, p.Idle), err)
	}
	with, err := l.active(ctx, r, e, p)
	if err != nil {
		return sample{}, err
	}
	more := r.memory()
	s := sample{
		Rate: l.rate, Requests: len(with), Before: percentile(without, 99),
		P50: percentile(with, 50), P99: percentile(with, 99),
		PerIdle: per(float64(more-less), float64(p.Idle)),
	}
	s.settle(before, r.account())
	if kept := h.kept(); kept < p.Idle {
		return s, fmt.Errorf("%d of %d idle connections were still open after %v", kept, p.Idle, p.WarmUp+p.Open)
	}
	return s, nil
}

func (idling) lasts(p pace) time.Duration {
	return 2*(p.WarmUp+p.Open) + time.Duration(p.Idle)*time.Second/perSecond
}

// active returns, sorted, what the requests took that came beside.
func (l idling) active(ctx context.Context, r *running, e exchange, p pace) ([]time.Duration, error) {
	h, err := newHerd(r.addr)
	if err != nil {
		return nil, err
	}
	defer h.close()
	arrivals := traffic{rate: l.rate, duration: p.WarmUp + p.Open}.arrivals(p.seed)
	outcomes, err := h.play(ctx, r.addr, []exchange{e}, arrivals)
	if err != nil {
		return nil, err
	}
	took, err := tookOf(outcomes)
	return fastest(arrivals, took, p.WarmUp), err
}

// starting measures the start itself, which has just been.
type starting struct{}

// rest is how long a server is left alone before its memory is read.
const rest = 500 * time.Millisecond

func (starting) measure(ctx context.Context, r *running, e exchange, _ pace) (sample, error) {
	before := r.account()
	s := sample{Start: r.start}
	select {
	case <-ctx.Done():
	case <-time.After(rest):
	}
	s.Server, s.All = r.serverMemory(), r.memory()
	s.settle(before, r.account())
	s.CPU = split{} // of half a second in which nothing is done
	if _, err := e.check(r.addr); err != nil {
		return s, err
	}
	var err error
	s.Import, err = importTime(ctx, r.site)
	return s, err
}

func (starting) lasts(pace) time.Duration { return rest + 3*importTakes }

// importTakes is about how long one import takes.
const importTakes = 150 * time.Millisecond

// importTime returns how long Python takes to start, import the application and
// end: the median of three.
func importTime(ctx context.Context, at site) (time.Duration, error) {
	var took []time.Duration
	for range 3 {
		cmd := exec.CommandContext(ctx, at.setup.bin("python"), "-c", "import "+at.module)
		cmd.Dir = at.setup.here("apps")
		cmd.Env = append(os.Environ(), "PYTHONPATH="+cmd.Dir)
		began := time.Now()
		if out, err := cmd.CombinedOutput(); err != nil {
			return 0, fmt.Errorf("import %s: %w: %s", at.module, err, out)
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	return took[1], nil
}

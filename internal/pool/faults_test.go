package pool_test

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pasted/internal/pool"
)

const (
	faultTick = 25 * time.Millisecond
	faultTime = 4 * time.Second
	forever   = 1000 * time.Hour
)

// TestPoolUnderSeededFaults has workers die at any point of a request, stand
// still, break the protocol, hang, be recycled, not start, be too many and too
// few, by a thousand seeds: no request is lost, answered twice or called more
// often than it may, none waits beyond its bound, what is repeated is within the
// budget, and afterwards the pool is whole. PASTED_SEED=N plays one seed alone and
// tells what happens: again the same, but that goroutines that wake up in the same
// instant may come in another order, which in one of a hundred seeds makes a
// difference.
func TestPoolUnderSeededFaults(t *testing.T) {
	t.Parallel()
	var seen sightings
	pool.EachSeed(t, 1000, func(t *testing.T, seed uint64) { newTrial(t, seed, &seen).play() })
	if _, alone := pool.Replayed(t); !alone && !t.Failed() {
		seen.check(t)
	}
}

// A trial is what one pool lives through.
type trial struct {
	t       *testing.T
	sim     *sim
	opts    pool.Options
	seen    *sightings
	rng     *rand.Rand
	calls   *rand.Rand // the application's
	seed    uint64
	lanes   int
	boards  bool
	fast    bool    // requests are sent ahead
	limp    bool    // one worker stands still and goes on, again and again
	storm   bool    // all workers die at once, again and again
	badness float64 // how often a call goes wrong
	rate    float64 // requests a tick
	least   int
	most    int

	// Guarded by the sim's mu.
	failing bool // workers do not start
	calm    bool // nothing goes wrong any more

	ticks         int
	victim        *simWorker // that stood still last
	repeats, paid int        // see checkBudget
}

func newTrial(t *testing.T, seed uint64, seen *sightings) *trial {
	r := rand.New(rand.NewPCG(seed, 7))
	x := &trial{
		t: t, seen: seen, rng: r, calls: rand.New(rand.NewPCG(seed, 8)), seed: seed,
		lanes: 1 + r.IntN(3), boards: r.IntN(6) > 0, fast: r.IntN(3) == 0, storm: r.IntN(12) == 0,
		badness: []float64{0, 0.3, 1, 3}[r.IntN(4)], rate: 0.3, least: 1 + r.IntN(3),
	}
	if x.limp = r.IntN(8) == 0; x.limp {
		x.boards, x.lanes, x.least = true, 1, 3
	}
	x.most = x.least + r.IntN(4)
	alone := r.IntN(4) == 0
	if x.storm {
		x.lanes, x.least, x.most, x.rate, x.badness, x.fast, x.limp = 4, 8, 8, 2, 0, false, false
	}
	x.opts = pool.Options{
		Size: x.least, Most: x.most, Grace: 2 * time.Second, Patient: true, QueueLength: 1 << 20, Cores: 100,
		QueueTimeout: []time.Duration{time.Second, 5 * time.Second, time.Hour}[r.IntN(3)],
		StallTimeout: 1500*time.Millisecond + time.Duration(r.IntN(1500))*time.Millisecond,
		TimeoutGrace: 500 * time.Millisecond,
		Recycle: pool.Recycle{
			Requests: r.IntN(2) * (5 + r.IntN(20)), Jitter: 10,
			Age:   time.Duration(r.IntN(2)) * time.Second * time.Duration(1+r.IntN(3)),
			Alone: alone,
		},
	}
	if alone { // there may be no worker for as long as one drains
		x.opts.QueueTimeout = max(x.opts.QueueTimeout, 2*x.opts.Grace)
	}
	return x
}

func (x *trial) configure(s *sim) {
	x.sim = s
	s.step, s.lanes, s.boards, s.play = faultTick, x.lanes, x.boards, x.call
	if _, alone := pool.Replayed(x.t); alone {
		began := time.Now()
		s.note = func(format string, args ...any) {
			x.t.Logf("%9v %s", time.Since(began), fmt.Sprintf(format, args...))
		}
	}
	s.random = func(n int64) int64 { return int64(x.seed) % n }
	s.load = func(id, nth int) (time.Duration, error) {
		r := rand.New(rand.NewPCG(x.seed, uint64(1000*(id+1)+nth)))
		if x.failing && nth > 1 && r.IntN(2) == 0 {
			return 20 * time.Millisecond, errTest
		}
		return 10*time.Millisecond + time.Duration(r.Int64N(int64(200*time.Millisecond))), nil
	}
}

// play is all of the trial.
func (x *trial) play() {
	if _, alone := pool.Replayed(x.t); alone {
		x.opts.Log = slog.New(slog.NewTextHandler(testWriter{x.t}, nil))
	}
	simulate(x.t, x.opts, x.configure, func(s *sim) {
		time.Sleep(3700 * time.Microsecond) // so that no tick is when the pool's own timers are
		s.run(faultTime, x.tick)
		s.mu.Lock()
		x.failing, x.calm = false, true
		s.mu.Unlock()
		if err := s.settle(); err != nil {
			x.errorf("%v", err)
		}
		x.recover()
		if x.rng.IntN(4) == 0 {
			x.calm = false
			for range 1 + x.rng.IntN(30) {
				x.ask() // of which nothing is lost by the stop either
			}
			s.run(time.Duration(x.rng.IntN(3))*faultTick, nil)
		}
		x.seen.note(s)
	})
	if err := x.sim.verdicts(); err != nil {
		x.errorf("after the stop: %v", err)
	}
}

func (x *trial) errorf(format string, args ...any) {
	x.t.Helper()
	x.t.Errorf("seed %d: %s", x.seed, fmt.Sprintf(format, args...))
}

// tick has something happen, and looks at the pool.
func (x *trial) tick() {
	s := x.sim
	if x.fast {
		s.pool.SetPace(20 * time.Microsecond)
	}
	for n := x.rng.ExpFloat64() * x.rate; n > x.rng.Float64(); n-- {
		x.ask()
	}
	x.happen()
	if x.t.Failed() {
		return // all further is of the same
	}
	time.Sleep(1500 * time.Microsecond) // the pool's clock sees at once to what is due
	synctest.Wait()
	if x.ticks++; x.ticks%3 == 0 {
		if err := s.pool.Amiss(time.Now(), s.slack()); err != nil {
			x.errorf("%v", err)
		}
	}
	x.checkBudget()
	checkCrew(x.t, x.seed, s, x.opts.Recycle.Alone)
}

// ask sends a request of some kind.
func (x *trial) ask() {
	r := x.rng
	a := &asked{method: "GET", interrupt: r.IntN(4) == 0}
	a.path = fmt.Sprint("/", len(x.sim.asked))
	switch n := r.IntN(10); {
	case x.storm && n > 0:
	case n < 3:
		a.method = "POST"
	case n == 3:
		a.method, a.key = "POST", true
	case n == 4:
		a.method = "PUT"
		a.body = strings.Repeat("body ", 1+r.IntN(5))
		a.onceOnly = r.IntN(3) == 0
	}
	if r.IntN(4) == 0 {
		a.timeout = time.Duration(100+r.IntN(3000)) * time.Millisecond
	}
	switch n := r.Float64(); {
	case n < 0.01*x.badness:
		a.path = killer
	case n < 0.015*x.badness:
		a.path = sticker
	}
	x.sim.send(a)
}

// call says what the application makes of a call.
func (x *trial) call(_ *simWorker, c *simCall) {
	r := x.calls
	if !x.fast || r.IntN(3) == 0 {
		c.until = c.until.Add(time.Duration(r.IntN(150)) * time.Millisecond)
	}
	if x.storm {
		c.until = c.until.Add(400 * time.Millisecond)
	}
	if r.IntN(6) == 0 {
		c.fate, c.parts, c.each = trickles, 1+r.IntN(5), time.Duration(r.IntN(80))*time.Millisecond
	}
	if c.sticks = time.Duration(300+r.IntN(3500)) * time.Millisecond; r.IntN(4) == 0 {
		c.sticks = forever
	}
	if x.calm {
		return
	}
	if r.IntN(60) == 0 || x.limp && r.IntN(3) == 0 {
		c.until = c.until.Add(time.Duration(r.IntN(4000)) * time.Millisecond)
	}
	n := r.Float64() / max(x.badness, 1e-9)
	timed := c.asked.timeout > 0
	for _, ill := range []struct {
		fate  fate
		share float64
		may   bool
	}{
		{diesAtOnce, 0.005, true}, {dies, 0.01, true}, {diesHalf, 0.005, true}, {diesAfter, 0.005, true},
		{babbles, 0.003, true}, {sticks, 0.007, x.boards}, {raises, 0.02, true}, {hangs, 0.02, timed}, {stubborn, 0.007, timed},
	} {
		if n -= ill.share; n < 0 {
			if ill.may {
				c.fate = ill.fate
			}
			break
		}
	}
	switch {
	case c.asked.path == killer:
		c.fate = dies
	case c.asked.path == sticker && x.boards:
		c.fate = sticks
	}
	if c.fate == diesHalf {
		c.parts = 3
	}
}

// happen has something befall the workers, the pool or a client.
func (x *trial) happen() {
	s, r := x.sim, x.rng
	if x.storm && r.IntN(25) == 0 {
		for _, w := range s.all() {
			w.crash()
		}
	}
	if w := x.victim; x.limp && w.moves() && r.IntN(8) == 0 {
		w.stick(time.Duration(1000+r.IntN(1500)) * time.Millisecond)
	}
	switch r.IntN(160) {
	case 0, 1:
		if w := s.one(r); w != nil {
			w.crash()
		}
	case 2, 3:
		if !x.victim.moves() || r.IntN(2) == 0 {
			x.victim = s.one(r)
		}
		if x.victim != nil && x.boards {
			x.stop(x.victim) // perhaps again
		}
	case 4:
		s.mu.Lock()
		x.failing = !x.failing
		s.mu.Unlock()
	case 5:
		if !x.storm {
			x.rate = []float64{0.03, 0.3, 1}[r.IntN(3)]
		}
	case 6:
		x.least = 1 + r.IntN(3)
		x.most = x.least + r.IntN(4)
		s.pool.ResizeRange(x.least, x.most)
	case 7, 8, 9:
		if n := len(s.asked); n > 0 {
			s.asked[n-1-r.IntN(min(n, 8))].leave()
		}
	case 10, 11:
		x.extend()
	}
}

// stop has w do nothing for a while, perhaps for ever.
func (x *trial) stop(w *simWorker) {
	d := time.Duration(x.rng.IntN(4000)) * time.Millisecond
	if x.rng.IntN(4) == 0 {
		d = forever
	}
	holder := x.rng.IntN(x.lanes+2) - 2
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	w.stickLocked(d, holder)
}

// extend lets what a worker does take longer.
func (x *trial) extend() {
	s, d := x.sim, time.Duration(500+x.rng.IntN(2000))*time.Millisecond
	w := s.one(x.rng)
	if w == nil {
		return
	}
	s.mu.Lock()
	c := w.serving[0]
	if c.asked != nil && !c.asked.due.IsZero() && c.asked.due.Before(time.Now().Add(d)) {
		c.asked.due = time.Now().Add(d)
	}
	s.mu.Unlock()
	if c.asked != nil {
		s.note("request %d may take %v from now", c.asked.n, d)
		s.pool.Extend(c.number, d)
	}
}

// checkBudget holds that what is being repeated beyond a few at a time has been
// paid for by a fifth of the traffic, but for what has not been in the application.
func (x *trial) checkBudget() {
	free := max(pool.BudgetLeast, x.lanes)
	answers, number := x.sim.pool.Repeats()
	now := len(slices.DeleteFunc(answers, isOutside))
	x.paid += max(0, now-max(x.repeats, free))
	x.repeats = now
	if most := pool.BudgetFirst + int(number/pool.BudgetShare); x.paid > most {
		x.errorf("%d of %d requests are being repeated, so far %d beyond what is free, want %d at most", now, number, x.paid, most)
	}
}

// recover holds that the pool becomes whole when nothing goes wrong any more.
func (x *trial) recover() {
	s, fewest := x.sim, x.least
	if x.opts.Recycle.Alone {
		fewest-- // one may be being replaced
	}
	s.step = 100 * time.Millisecond
	whole := func() error {
		if _, _, now := s.pool.Range(); now < fewest || now > x.most+1 {
			return fmt.Errorf("%d workers, want %d to %d: %v", now, fewest, x.most, s.pool.Occupied())
		}
		return errors.Join(s.pool.Rests(), s.pool.Amiss(time.Now(), s.slack()))
	}
	well := false
	for rounds := x.most + 2; rounds > 0 && !well; rounds-- { // each finds one at least that stands still
		well = x.probe(whole)
	}
	if !well {
		x.errorf("when all is well again there are still requests without an answer")
	}
	s.step = faultTick
}

// probe says whether requests are answered, and the pool is whole afterwards.
func (x *trial) probe(whole func() error) bool {
	s := x.sim
	first := len(s.asked)
	if x.fast {
		s.pool.SetPace(20 * time.Microsecond)
	}
	for range 4 {
		s.request()
	}
	for end := time.Now().Add(2 * time.Minute); (s.awaits() || whole() != nil) && time.Now().Before(end); {
		s.tick()
	}
	if err := whole(); err != nil {
		x.errorf("after two minutes of calm: %v", err)
	}
	return !slices.ContainsFunc(s.asked[first:], func(a *asked) bool { return a.err != nil })
}

// all returns the workers that live.
func (s *sim) all() []*simWorker {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.workers)
}

// one returns a worker, nil if there is none.
func (s *sim) one(r *rand.Rand) *simWorker {
	all := s.all()
	if len(all) == 0 {
		return nil
	}
	return all[r.IntN(len(all))]
}

// checkCrew holds that one worker at a time is being replaced, and that none is
// beside its successor where that is not wanted.
func checkCrew(t *testing.T, seed uint64, s *sim, alone bool) {
	replacing := 0
	for id, n := range s.pool.Occupied() {
		if n[0] > 0 && n[1] > 0 {
			replacing++
		}
		if n[0]+n[1] > 2 || n[1] > 1 || alone && n[0]+n[1]+n[2] > 1 {
			t.Errorf("seed %d: worker %d starts, serves, drains %v times", seed, id, n)
		}
	}
	if replacing > 1 {
		t.Errorf("seed %d: %d workers are being replaced at once", seed, replacing)
	}
}

// sightings count what all trials have seen.
type sightings struct {
	mu    sync.Mutex
	count map[string]int
}

func (v *sightings) note(s *sim) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.count == nil {
		v.count = map[string]int{}
	}
	for _, a := range s.asked {
		v.count["requests"]++
		v.count["ended with "+howEnded(a)]++
		if a.calls > 1 && a.stood {
			v.count["repeated beside a worker that stood still"]++
		} else if a.calls > 1 {
			v.count["repeated after a death"]++
		}
		if a.once() && a.deaths > a.inside && a.err == nil {
			v.count["POST answered whose worker has died before the call"]++
		}
		if a.whole && a.of > 1 {
			v.count["answered by the second call"]++
		}
	}
	stats := s.pool.Stats()
	for what, n := range map[string]uint64{
		"revoked": stats.Revoked, "skipped": stats.Skipped, "given to another": stats.Retries,
		"restarts": stats.Restarts, "recycled": stats.Recycled, "quarantined": uint64(len(stats.Quarantine)),
	} {
		v.count[what] += int(n)
	}
}

// howEnded names a's end.
func howEnded(a *asked) string {
	var death *pool.DeathError
	switch {
	case a.left:
		return "its client gone"
	case a.err == nil:
		return "an answer"
	case errors.As(a.err, &death):
		return death.Reason
	}
	return a.err.Error()
}

// check holds that all that is to be tested has been seen.
func (v *sightings) check(t *testing.T) {
	for _, what := range slices.Sorted(maps.Keys(v.count)) {
		t.Logf("%7d %s", v.count[what], what)
	}
	if testing.Short() {
		return
	}
	for _, what := range []string{
		"ended with an answer", "ended with its client gone", "ended with " + pool.ReasonDied, "ended with " + pool.ReasonTwice,
		"ended with " + pool.ReasonHeld, "ended with " + pool.ReasonBudget, "ended with " + pool.ErrDeadline.Error(),
		"ended with " + pool.ErrFailed.Error(), "ended with " + pool.ErrBusy.Error(),
		"POST answered whose worker has died before the call", "repeated beside a worker that stood still", "repeated after a death", "answered by the second call",
		"revoked", "skipped", "given to another", "restarts", "recycled", "quarantined",
	} {
		if v.count[what] == 0 {
			t.Errorf("nothing was seen of: %s", what)
		}
	}
}

// testWriter writes lines into a test's log.
type testWriter struct{ t *testing.T }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Log(strings.TrimSpace(string(p)))
	return len(p), nil
}

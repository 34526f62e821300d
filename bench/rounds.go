package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"
)

// A bench is one run of a plan.
type bench struct {
	plan     plan
	setup    setup
	results  *results
	keep     string // file that the results are written to after every round
	progress io.Writer
	// once starts a peer, measures it in a row, and stops it.
	once func(ctx context.Context, r row, p peer, round int) sample
}

// newBench returns one that measures s.
func newBench(p plan, s setup, missing map[string]string, keep string, progress io.Writer) *bench {
	b := &bench{plan: p, setup: s, results: newResults(s, p, missing), keep: keep, progress: progress}
	b.once = b.measure
	return b
}

// run measures all rounds. In every round each row measures all of its peers, one
// after the other, in turn forwards and backwards, so that what becomes slower or
// faster with time does so for all.
func (b *bench) run(ctx context.Context) error {
	fmt.Fprintln(b.progress, b.plan.forecast(b.results))
	for round := range b.plan.Rounds {
		began := time.Now()
		for _, r := range b.plan.rows() {
			if err := b.row(ctx, r, round); err != nil {
				return err
			}
		}
		took := time.Since(began)
		text := fmt.Sprintf("round %d of %d took %v", round+1, b.plan.Rounds, took.Round(time.Second))
		if left := b.plan.Rounds - round - 1; left > 0 {
			text += fmt.Sprintf("; about %s left", plural(minutes(took*time.Duration(left)), "minute"))
		}
		fmt.Fprintln(b.progress, text)
		b.results.Plan.Rounds = round + 1
		if err := b.results.save(b.keep); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) row(ctx context.Context, r row, round int) error {
	all := b.plan.peers(r)
	if round%2 == 1 {
		slices.Reverse(all)
	}
	for _, p := range all {
		if _, failure := b.results.outcome(r, p); failure != "" {
			continue // in an earlier round, or it is not there
		}
		s := b.visit(ctx, r, p, round)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		b.results.add(r.key, p.name, s)
		fmt.Fprintf(b.progress, "%d/%d  %-11s %-26s %s\n", round+1, b.plan.Rounds, r.key, p.name, r.brief(s))
	}
	return nil
}

// brief is a sample in a few words.
func (r row) brief(s sample) string {
	text := fmt.Sprintf("%s %s", number(r.figures[0].of(s)), r.figures[0].unit)
	if s.Failure != "" {
		text = "fails: " + s.Failure
	}
	if s.Connections > 0 {
		text += fmt.Sprintf("; %d of %d connections served", s.Served, s.Connections)
	}
	return fmt.Sprintf("%s; others had %.0f %%", text, 100*s.Foreign)
}

// visit measures one peer in one row, again if it was disturbed or has failed and
// the plan has repeats left, and returns what was disturbed least.
func (b *bench) visit(ctx context.Context, r row, p peer, round int) sample {
	best := b.once(ctx, r, p, round)
	for range b.plan.Repeats {
		if ctx.Err() != nil || b.results.Repeated >= b.plan.mostRepeats(round+1) || (best.Failure == "" && best.Foreign <= b.plan.Disturbed) {
			return best
		}
		b.results.Repeated++
		again := b.once(ctx, r, p, round)
		if again.Failure == "" && (best.Failure != "" || again.Foreign < best.Foreign) {
			best = again
		} else if best.Failure != "" {
			return best // twice is not by chance
		}
	}
	return best
}

// measure is the once of real runs.
func (b *bench) measure(ctx context.Context, r row, p peer, round int) sample {
	running, err := p.start(ctx, b.setup, r.module, r.exchange)
	if err != nil {
		return sample{Failure: "does not start: " + err.Error()}
	}
	defer running.stop()
	pace := b.plan.Pace
	pace.first, pace.seed = round == 0, uint64(round)
	s, err := r.load.measure(ctx, running, r.exchange, pace)
	if err != nil {
		s.Failure = plain(err).Error()
	}
	return s
}

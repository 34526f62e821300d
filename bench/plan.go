package main

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// A plan says what is measured and for how long.
type plan struct {
	Rounds int  `json:"rounds"`
	Pace   pace `json:"pace"`
	// Disturbed is the share of the processor, from 0 to 1, above which what
	// others had of it makes a visit be done again; Repeats is how often, while
	// there are no more than mostRepeats.
	Disturbed float64  `json:"disturbed"`
	Repeats   int      `json:"repeats"`
	Rows      []string `json:"rows"`  // keys; empty: all
	Peers     []string `json:"peers"` // names; empty: all
}

func fullPlan() plan {
	return plan{
		Rounds:    5,
		Pace:      pace{WarmUp: time.Second, Closed: 2 * time.Second, Open: 6 * time.Second, Idle: 10000},
		Disturbed: 0.05,
		Repeats:   2,
	}
}

func quickPlan() plan {
	return plan{
		Rounds:    2,
		Pace:      pace{WarmUp: time.Second, Closed: time.Second, Open: 2 * time.Second, Idle: 2000},
		Disturbed: 0.1,
		Rows:      []string{"hello", "one", "flask", "json", "stream", "mixed", "idle", "start"},
		Peers:     []string{ours, "gunicorn gthread", "granian, 1 thread", "bjoern", "nginx, bjoern"},
	}
}

// check returns an error if the plan names a row or a peer that there is not.
func (p plan) check() error {
	for _, key := range p.Rows {
		if !slices.ContainsFunc(rows(), func(r row) bool { return r.key == key }) {
			return fmt.Errorf("no row %q", key)
		}
	}
	for _, name := range p.Peers {
		if !slices.ContainsFunc(peers(), func(q peer) bool { return q.name == name }) {
			return fmt.Errorf("no peer %q", name)
		}
	}
	return nil
}

// takes says whether the list names the word; an empty one names all.
func takes(list []string, word string) bool { return len(list) == 0 || slices.Contains(list, word) }

// rows returns the plan's rows in the order of the table.
func (p plan) rows() []row {
	return slices.DeleteFunc(rows(), func(r row) bool { return !takes(p.Rows, r.key) })
}

// peers returns the peers that the plan measures in a row.
func (p plan) peers(r row) []peer {
	return slices.DeleteFunc(peers(), func(q peer) bool { return !r.has(q) || !takes(p.Peers, q.name) })
}

// visitTakes is about how long a visit takes beside its load: the peer starts, is
// asked whether it answers rightly, and ends.
const visitTakes = 700 * time.Millisecond

// lasts returns how many visits the plan makes, without the parts that r lacks,
// about how long they take, and how long with as many repeats as there may be.
func (p plan) lasts(r *results) (visits int, all, most time.Duration) {
	for _, w := range p.rows() {
		for _, q := range p.peers(w) {
			if _, failure := r.outcome(w, q); failure == "" {
				all += time.Duration(p.Rounds) * (w.load.lasts(p.Pace) + visitTakes)
				visits += p.Rounds
			}
		}
	}
	most = all
	if p.Repeats > 0 && visits > 0 {
		most += all * time.Duration(p.mostRepeats(p.Rounds)) / time.Duration(visits)
	}
	return visits, all, most
}

// forecast is what lasts returns, in words.
func (p plan) forecast(r *results) string {
	visits, all, most := p.lasts(r)
	text := fmt.Sprintf("%s, about %s", plural(visits, "visit"), plural(minutes(all), "minute"))
	if minutes(most) > minutes(all) {
		text += fmt.Sprintf("; %d on a busy machine, where disturbed visits are done again", minutes(most))
	}
	return text
}

// minutes rounds to whole minutes, to one at least.
func minutes(d time.Duration) int { return max(1, int(math.Round(d.Minutes()))) }

// mostRepeats is how many visits may be repeats in the first rounds: one for six,
// so that on a busy machine a run ends nevertheless, and its last rounds have
// theirs as well.
func (p plan) mostRepeats(rounds int) int {
	visits := 0
	for _, r := range p.rows() {
		visits += len(p.peers(r))
	}
	return (visits*rounds + 5) / 6
}

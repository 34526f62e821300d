package main

import (
	"fmt"
	"slices"
	"time"
)

// A plan says what is measured and for how long.
type plan struct {
	Rounds int  `json:"rounds"`
	Pace   pace `json:"pace"`
	// Disturbed is the share of the processor, from 0 to 1, above which what
	// others had of it makes a visit be done again; Repeats is how often, while no
	// more than a quarter of all visits are repeats.
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

// mostRepeats is how many visits may be repeats, so that on a busy machine a run
// ends nevertheless.
func (p plan) mostRepeats() int {
	visits := 0
	for _, r := range p.rows() {
		visits += len(p.peers(r))
	}
	return (visits*p.Rounds + 3) / 4
}

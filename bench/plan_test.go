package main

import (
	"testing"
	"time"
)

func TestForecastAddsUpLoadsAndVisits(t *testing.T) {
	p := plan{
		Rounds: 10, Repeats: 1, Rows: []string{"one", "idle"}, Peers: []string{ours, "bjoern", "cheroot"},
		Pace: pace{WarmUp: time.Second, Closed: 2 * time.Second, Open: 6 * time.Second, Idle: 5000},
	}
	// Two peers, ten times, 3 s and 15 s of load and twice 0.7 s beside; ten repeats.
	want := "40 visits, about 6 minutes; 8 on a busy machine, where disturbed visits are done again"
	got := p.forecast(&results{Plan: p, Missing: map[string]string{"cheroot": "no network"}})
	if got != want {
		t.Errorf("forecast() = %q, want %q", got, want)
	}
}

func TestThreeRoundsFitIntoAnHourAndAQuarter(t *testing.T) {
	p := fullPlan()
	p.Rounds = 3
	if visits, all, most := p.lasts(&results{Plan: p}); visits < 600 || all < 40*time.Minute || most > 75*time.Minute {
		t.Errorf("%d visits take %v, or %v", visits, all, most)
	}
}

func TestEveryRoundHasItsRepeats(t *testing.T) {
	p := plan{Rounds: 3, Rows: []string{"one"}, Peers: []string{ours, "bjoern", "cheroot", "waitress"}}
	for rounds, want := range []int{0, 1, 2, 2} {
		if got := p.mostRepeats(rounds); got != want {
			t.Errorf("in %d rounds: %d, want %d", rounds, got, want)
		}
	}
}

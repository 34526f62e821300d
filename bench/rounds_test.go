package main

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// fakeBench returns a bench whose visits are answered by once.
func fakeBench(t *testing.T, p plan, once func(row, peer, int) sample) *bench {
	t.Helper()
	return &bench{
		plan: p, results: &results{Plan: p, Samples: map[string]map[string][]sample{}},
		keep: filepath.Join(t.TempDir(), "results.json"), progress: io.Discard,
		once: func(_ context.Context, r row, p peer, round int) sample { return once(r, p, round) },
	}
}

func TestRoundsGoForwardsAndBackwards(t *testing.T) {
	var visited []string
	b := fakeBench(t, plan{Rounds: 2, Rows: []string{"one", "hello"}, Peers: []string{ours, "bjoern", "nginx, bjoern"}},
		func(r row, p peer, _ int) sample {
			visited = append(visited, r.key+" "+p.name)
			return sample{Rate: 1}
		})
	if err := b.run(context.Background()); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"hello Pasted", "hello bjoern", "hello nginx, bjoern", "one Pasted", "one bjoern",
		"hello nginx, bjoern", "hello bjoern", "hello Pasted", "one bjoern", "one Pasted",
	}
	if diff := cmp.Diff(want, visited); diff != "" {
		t.Errorf("visits (-want +got):\n%s", diff)
	}
	kept, err := readResults(b.keep)
	if err != nil || len(kept.Samples["hello"][ours]) != 2 {
		t.Errorf("kept %+v, %v", kept, err)
	}
}

func TestWhatIsKeptSaysItsRounds(t *testing.T) {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	b := fakeBench(t, plan{Rounds: 3, Rows: []string{"one"}, Peers: []string{ours}}, func(_ row, _ peer, round int) sample {
		if round == 2 {
			stop()
		}
		return sample{Rate: 1}
	})
	if err := b.run(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("run: %v, want that it has been stopped", err)
	}
	kept, err := readResults(b.keep)
	if err != nil || kept.Plan.Rounds != 2 || len(kept.Samples["one"][ours]) != 2 {
		t.Errorf("kept %+v, %v, want two rounds", kept, err)
	}
}

func TestDisturbedVisitsAreDoneAgain(t *testing.T) {
	tests := []struct {
		name     string
		visits   []sample
		want     sample
		repeated int
	}{
		{"quiet", []sample{{Rate: 1, Foreign: 0.05}}, sample{Rate: 1, Foreign: 0.05}, 0},
		{"quiet the second time", []sample{{Rate: 1, Foreign: 0.5}, {Rate: 2}}, sample{Rate: 2}, 1},
		{"never quiet", []sample{{Rate: 1, Foreign: 0.5}, {Rate: 2, Foreign: 0.2}, {Rate: 3, Foreign: 0.3}}, sample{Rate: 2, Foreign: 0.2}, 2},
		{"failed once", []sample{{Failure: "reset"}, {Rate: 2}}, sample{Rate: 2}, 1},
		{"failed twice", []sample{{Failure: "reset"}, {Failure: "refused"}}, sample{Failure: "reset"}, 1},
		{"disturbed, then failed", []sample{{Rate: 1, Foreign: 0.5}, {Failure: "reset"}, {Rate: 3}}, sample{Rate: 3}, 2},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			n := 0
			b := fakeBench(t, plan{Rounds: 1, Disturbed: 0.1, Repeats: 2}, func(row, peer, int) sample {
				n++
				return test.visits[n-1]
			})
			got := b.visit(context.Background(), row{}, peer{}, 0)
			if diff := cmp.Diff(test.want, got); diff != "" || b.results.Repeated != test.repeated || n != len(test.visits) {
				t.Errorf("%d visits, %d repeated (-want +got):\n%s", n, b.results.Repeated, diff)
			}
		})
	}
}

func TestPeerThatHasFailedIsNotMeasuredAgain(t *testing.T) {
	visits := map[string]int{}
	b := fakeBench(t, plan{Rounds: 3, Rows: []string{"hello", "one"}, Peers: []string{ours, "bjoern", "cheroot"}},
		func(r row, p peer, _ int) sample {
			visits[r.key+" "+p.name]++
			if p.name == "bjoern" && r.key == "one" {
				return sample{Failure: "connection reset"}
			}
			return sample{Rate: 1}
		})
	b.results.Missing = map[string]string{"cheroot": "no network"}
	if err := b.run(context.Background()); err != nil {
		t.Fatal(err)
	}
	want := map[string]int{"hello Pasted": 3, "hello bjoern": 3, "one Pasted": 3, "one bjoern": 1}
	if diff := cmp.Diff(want, visits); diff != "" {
		t.Errorf("visits (-want +got):\n%s", diff)
	}
}

func TestInterruptedRunAddsNoHalfVisit(t *testing.T) {
	ctx, cancel := context.WithCancelCause(context.Background())
	interrupted := errors.New("interrupted")
	b := fakeBench(t, plan{Rounds: 3, Rows: []string{"hello"}, Peers: []string{ours}}, func(row, peer, int) sample {
		cancel(interrupted)
		return sample{Failure: "cut off"}
	})
	if err := b.run(ctx); !errors.Is(err, interrupted) || len(b.results.Samples) != 0 {
		t.Errorf("run() = %v with %v", err, b.results.Samples)
	}
}

func TestBusyMachineDoesNotMakeARunEndless(t *testing.T) {
	visits := 0
	b := fakeBench(t, plan{Rounds: 4, Rows: []string{"one"}, Peers: []string{ours, "bjoern"}, Disturbed: 0.1, Repeats: 5},
		func(row, peer, int) sample {
			visits++
			return sample{Rate: 1, Foreign: 0.9}
		})
	if err := b.run(context.Background()); err != nil || visits != 8+2 {
		t.Errorf("%d visits, %v; want eight and two more", visits, err)
	}
}

// Command bench measures Pasted beside its peers: the same applications, as
// many workers and threads, one after the other on one machine, in alternating
// rounds. It wants bin/pasted to be built and is run from the repository's root.
//
//	go run ./bench -quick   in a few minutes, on the terminal
//	go run ./bench          longer; writes docs/benchmarks.md
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"syscall"
	"time"
)

// environment is where the peers are installed, from the repository's root.
const environment = ".cache/bench"

// A plan says how long is measured.
type plan struct {
	rounds int
	warmUp time.Duration
	many   load // without an address
	one    load
}

func quickPlan() plan {
	return plan{
		rounds: 3, warmUp: 500 * time.Millisecond,
		many: load{connections: 64, duration: 1500 * time.Millisecond},
		one:  load{connections: 1, duration: time.Second},
	}
}

func fullPlan() plan {
	return plan{
		rounds: 5, warmUp: time.Second,
		many: load{connections: 64, duration: 5 * time.Second},
		one:  load{connections: 1, duration: 3 * time.Second},
	}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run measures as args say, shows progress on stderr and the tables on stdout.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	quick := flags.Bool("quick", false, "measure for a few minutes, and write no page")
	pasted := flags.String("pasted", "bin/pasted", "the program")
	page := flags.String("o", "docs/benchmarks.md", "the page that is written")
	if err := flags.Parse(args); err != nil {
		return err
	}
	p := fullPlan()
	if *quick {
		p = quickPlan()
	}
	s, err := newSetup(".", *pasted)
	if err != nil {
		return err
	}
	if err := install(ctx, stderr); err != nil {
		return err
	}
	r := report{plan: p, machine: describe(s), setup: s}
	if err := r.measure(ctx, stderr); err != nil {
		return err
	}
	if *quick {
		_, err = io.WriteString(stdout, r.String())
		return err
	}
	return os.WriteFile(*page, []byte(r.String()), 0o644)
}

// install makes the virtual environment with the peers.
func install(ctx context.Context, out io.Writer) error {
	cmd := exec.CommandContext(ctx, "tools/venv", "python3", environment, "bench/requirements.txt")
	cmd.Stdout, cmd.Stderr = out, out
	return cmd.Run()
}

// measure fills r. Every round measures all peers, in turn forwards and
// backwards, so that what becomes slower or faster with time does so for all.
func (r *report) measure(ctx context.Context, progress io.Writer) error {
	began := readUsage()
	for round := range r.plan.rounds {
		for _, app := range applications() {
			all := peers()
			if round%2 == 1 {
				slices.Reverse(all)
			}
			for _, p := range all {
				v, err := r.visit(ctx, p, app)
				if err != nil {
					return err
				}
				fmt.Fprintf(progress, "round %d/%d  %-18s %-18s %7.0f/s with 64 connections, %6.0f/s with one, first answer after %v\n",
					round+1, r.plan.rounds, app.title, p.name, v.many.rate, v.one.rate, v.start.Round(time.Millisecond))
				r.add(app, p, v)
			}
		}
	}
	r.others = began.othersUntil(readUsage())
	return nil
}

// A visit is one peer with one application in one round.
type visit struct {
	start     time.Duration // until the first answer
	many, one result
	memory    memory // after the loads
}

func (r *report) visit(ctx context.Context, p peer, app application) (visit, error) {
	port, err := freePort()
	if err != nil {
		return visit{}, err
	}
	s, err := startServer(ctx, r.setup.argv(p, app, port), r.setup.apps, port)
	if err != nil {
		return visit{}, err
	}
	defer s.stop()
	warm, many, one := r.plan.many, r.plan.many, r.plan.one
	warm.duration = r.plan.warmUp
	warm.addr, many.addr, one.addr = s.addr, s.addr, s.addr
	warm.run(ctx)
	v := visit{start: s.start, many: many.run(ctx), one: one.run(ctx), memory: s.memory()}
	return v, ctx.Err()
}

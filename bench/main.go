// Command bench measures Pasted beside its peers: the same applications, as many
// workers and threads, one after the other on one machine, in alternating rounds.
// It installs the peers, checks that each answers rightly, and says where the
// processor's time goes. It is run from the repository's root and wants
// bin/pasted to be built.
//
//	go run ./bench -quick   in a few minutes, on the terminal
//	go run ./bench          longer; writes docs/benchmarks.md and its charts
//
// What it is made of: peers (peers.go) serve, rows (row.go) say what is measured,
// loads (load.go) measure it, goals (goal.go) say what is to be reached. A new one
// of each is an entry in a table.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// An options is what the command line says.
type options struct {
	plan    plan
	quick   bool
	pasted  string
	page    string
	charts  string
	results string
	from    string
}

func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.BoolVar(&o.quick, "quick", false, "measure for a few minutes, and write no page")
	flags.StringVar(&o.pasted, "pasted", "bin/pasted", "the program")
	flags.StringVar(&o.page, "o", "docs/benchmarks.md", "the `page` that is written; empty: the terminal")
	flags.StringVar(&o.charts, "charts", "docs/img", "the `folder` of its charts")
	flags.StringVar(&o.results, "results", environment+"/results.json", "the `file` that keeps what was measured")
	flags.StringVar(&o.from, "from", "", "measure nothing: write the page from this `file` of results")
	rows := flags.String("rows", "", "only these rows, `keys` with blanks between")
	peers := flags.String("peers", "", "only these peers, `names` with a semicolon between")
	rounds := flags.Int("rounds", 0, "so many `rounds`")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	o.plan = fullPlan()
	if o.quick {
		o.plan = quickPlan()
		o.page = ""
	}
	if *rows != "" {
		o.plan.Rows = strings.Fields(*rows)
	}
	if *peers != "" {
		o.plan.Peers = strings.Split(*peers, ";")
	}
	if *rounds > 0 {
		o.plan.Rounds = *rounds
	}
	return o, o.plan.check()
}

// run measures as args say, shows progress on stderr, and writes the page.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parse(args, stderr)
	if err != nil {
		return err
	}
	found, err := o.measure(ctx, stderr)
	if err != nil {
		return err
	}
	if o.page == "" {
		_, err = io.WriteString(stdout, found.page(""))
		return err
	}
	return found.publish(o.page, o.charts)
}

// measure returns what there is to write about.
func (o options) measure(ctx context.Context, progress io.Writer) (*results, error) {
	if o.from != "" {
		return readResults(o.from)
	}
	s, err := newSetup(".", o.pasted)
	if err != nil {
		return nil, err
	}
	missing, err := s.install(ctx, progress)
	if err != nil {
		return nil, err
	}
	b := newBench(o.plan, s, missing, o.results, progress)
	return b.results, b.run(ctx)
}

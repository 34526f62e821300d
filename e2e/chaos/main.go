// Command chaos does to Pasted what happens in production, and counts what its
// clients notice: workers that are killed, stopped, hung, recycled or drowned, and
// the server itself killed, under a load that a strict client makes, which never
// asks twice, while the application keeps a ledger of its calls.
//
//	go run ./e2e/chaos            as `make chaos` does: the whole table, some 25 minutes
//	go run ./e2e/chaos -short     the same in some 3 minutes
//	go run ./e2e/chaos -only kill,stop
//	go run ./e2e/chaos -only soak -soak 1h
//
// It wants bin/pasted to be built, and, for -peers, their virtual environment to
// be there. It exits with 1 if something was to be reached and is not.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	reached, err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, "chaos:", err)
		os.Exit(2)
	case !reached:
		os.Exit(1)
	}
}

// run runs the trials that args name, and says whether all is reached.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) (reached bool, err error) {
	flags := flag.NewFlagSet("chaos", flag.ContinueOnError)
	flags.SetOutput(stderr)
	brief := flags.Bool("short", false, "as short as still says something")
	only := flags.String("only", "", "only these `trials`, with commas between")
	program := flags.String("pasted", "bin/pasted", "the `program`")
	venv := flags.String("venv", ".cache/chaos", "the peers' virtual `environment`")
	beside := flags.Bool("peers", false, "gunicorn and uWSGI, too, in the trials that they can be put to")
	soak := flags.Duration("soak", 5*time.Minute, "how long the soak is")
	page := flags.String("o", "", "the `page` that is written beside the table")
	if err := flags.Parse(args); err != nil {
		return false, err
	}
	chosen, err := choose(*only)
	if err != nil {
		return false, err
	}
	l := lab{pasted: absolute(*program), venv: absolute(*venv), app: absolute("e2e/chaos/app")}
	kinds := []kind{ours()}
	if *beside {
		kinds = append(kinds, peers()...)
	}
	var outcomes []outcome
	for i := range chosen {
		for _, k := range kinds {
			if k.name != kinds[0].name && !chosen[i].peers {
				continue
			}
			o := outcome{trial: &chosen[i], server: k.name}
			o.findings, o.err = chosen[i].run(ctx, experiment{lab: l, kind: k, long: !*brief, soak: *soak})
			o.print(stdout)
			outcomes = append(outcomes, o)
			if ctx.Err() != nil {
				return false, ctx.Err()
			}
		}
	}
	if *page != "" {
		if err := writePage(*page, l, outcomes); err != nil {
			return false, err
		}
	}
	return !slices.ContainsFunc(outcomes, func(o outcome) bool { return o.server == kinds[0].name && !o.reached(true) }), nil
}

// choose returns the trials of a list of names; an empty one names all.
func choose(names string) ([]trial, error) {
	all := trials()
	if names == "" {
		return all, nil
	}
	var chosen []trial
	for name := range strings.SplitSeq(names, ",") {
		i := slices.IndexFunc(all, func(t trial) bool { return t.name == name })
		if i < 0 {
			return nil, fmt.Errorf("no trial %q", name)
		}
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}

// absolute is path as seen from anywhere.
func absolute(path string) string {
	if full, err := filepath.Abs(path); err == nil {
		return full
	}
	return path
}

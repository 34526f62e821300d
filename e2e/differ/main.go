// Command differ makes PasteDeploy files up, asks PasteDeploy itself and Pasted
// what they mean, and tells where the answers differ: contexts, the order of
// keys, what is created and called, classes and texts of errors. Of a difference
// it prints the smallest files that still show it, as a case for
// `pasted context --calls`. `make fuzz-paste` runs it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"pasted/e2e/venvs"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "differ:", err)
		os.Exit(1)
	}
}

// errDiffer says that something differed.
var errDiffer = errors.New("want no differences but those of the table")

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("differ", flag.ContinueOnError)
	files := flags.Int("files", 200_000, "how many files to make up")
	seed := flags.Uint64("seed", 1, "the first number of every trial")
	first := flags.Uint64("first", 0, "the second number of the first trial")
	most := flags.Int("differences", 10, "after how many differences to stop")
	if err := flags.Parse(args); err != nil {
		return err
	}
	layout, err := venvs.Find()
	if err != nil {
		return err
	}
	a, remove, err := open(ctx, layout)
	if err != nil {
		return err
	}
	defer remove()
	h := hunt{asker: a, out: out, seed: *seed, next: *first, most: *most}
	err = errors.Join(h.run(ctx, *files), a.close())
	if err == nil && h.differences > 0 {
		err = errDiffer
	}
	return err
}

// open starts an asker with the environment of layout that has the library.
// remove takes away its folder.
func open(ctx context.Context, layout venvs.Layout) (a *asker, remove func(), err error) {
	venv, err := layout.Ready(environment)
	if err != nil {
		return nil, nil, err
	}
	dir, err := os.MkdirTemp("", "differ-")
	if err != nil {
		return nil, nil, err
	}
	remove = func() { os.RemoveAll(dir) }
	if dir, err = filepath.EvalSymlinks(dir); err == nil {
		here := filepath.Join(layout.Root, "e2e", "differ")
		a, err = newAsker(ctx, filepath.Join(venv, "bin", "python"), filepath.Join(here, "oracle.py"),
			filepath.Join(here, "eggs"), dir)
	}
	if err != nil {
		remove()
		return nil, nil, err
	}
	return a, remove, nil
}

// environment is the virtual environment that has PasteDeploy, Paste and plaster.
const environment = "library"

// A hunt makes trials and counts.
type hunt struct {
	asker *asker
	out   io.Writer
	seed  uint64
	next  uint64
	most  int

	trials, files, calls, refused int
	differences                   int
	accidents                     [nAccidents]int
}

// run makes trials until so many files have been asked about.
func (h *hunt) run(ctx context.Context, files int) error {
	start := time.Now()
	for h.files < files && h.differences < h.most && ctx.Err() == nil {
		number := h.next
		h.next++
		t := makeTrial(h.seed, number)
		theirs, ours, err := h.asker.ask(ctx, t)
		if err != nil {
			return fmt.Errorf("trial %d of seed %d: %w\n%s", number, h.seed, err, t)
		}
		h.trials++
		h.files += len(t.files)
		h.calls += len(t.calls)
		if h.judge(theirs, ours) {
			continue
		}
		h.differences++
		if err := h.tell(ctx, number, t); err != nil {
			return err
		}
	}
	h.report(time.Since(start))
	return nil
}

// judge counts results and says whether nothing differs but what the table names.
func (h *hunt) judge(theirs, ours []string) bool {
	same := true
	for i := range theirs {
		if isError(theirs[i]) {
			h.refused++
		}
		if theirs[i] == ours[i] {
			continue
		}
		if n := accidentOf(theirs[i], ours[i]); n >= 0 {
			h.accidents[n]++
		} else {
			same = false
		}
	}
	return same
}

// tell prints the smallest trial like t that differs.
func (h *hunt) tell(ctx context.Context, number uint64, t trial) error {
	var failed error
	smallest := shrink(t, func(t trial) bool {
		if failed != nil || len(t.calls) == 0 {
			return false
		}
		theirs, ours, err := h.asker.ask(ctx, t)
		failed = err
		return err == nil && !new(hunt).judge(theirs, ours)
	})
	theirs, ours, err := h.asker.ask(ctx, smallest)
	if err = errors.Join(failed, err); err != nil {
		return fmt.Errorf("trial %d of seed %d: %w\n%s", number, h.seed, err, t)
	}
	fmt.Fprintf(h.out, "difference %d, trial %d of seed %d\n%s", h.differences, number, h.seed, smallest)
	for i := range theirs {
		if theirs[i] != ours[i] {
			fmt.Fprintf(h.out, "-- call %d: PasteDeploy --\n%s-- call %d: Pasted --\n%s", i, theirs[i], i, ours[i])
		}
	}
	_, err = fmt.Fprintln(h.out)
	return err
}

func (h *hunt) report(took time.Duration) {
	fmt.Fprintf(h.out, "%d files in %d trials, %d calls (%d refused by PasteDeploy) in %v: %d differences\n",
		h.files, h.trials, h.calls, h.refused, took.Round(time.Second), h.differences)
	for i, n := range h.accidents {
		fmt.Fprintf(h.out, "%d by the table: %s\n", n, accidents[i].what)
	}
}

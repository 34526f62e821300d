// Command prepare makes the virtual environments and the Pythons that the
// end-to-end tests need, unless they are there already. `make test` runs it.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"pasted/e2e/venvs"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "prepare:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	layout, err := venvs.Find()
	if err != nil {
		return err
	}
	python, err := venvs.FindPython()
	if err != nil {
		return err
	}
	return errors.Join(layout.MakeAll(ctx, python, os.Stdout), layout.MakeInterpreters(ctx, os.Stdout))
}

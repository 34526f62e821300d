// Command pasted serves WSGI applications from their PasteDeploy files.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
)

// Exit codes, the same for every command.
const (
	exitDone   = 0
	exitFailed = 1 // it did not work
	exitUsage  = 2 // wrong usage, or a file that is wrong
)

// version is set by the linker.
var version = "devel"

func main() {
	os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
}

// run carries out one command line and returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr *os.File) int {
	root := newRoot(stdout, stderr)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitDone
	}
	report(stderr, err)
	var exit *exitError
	if errors.As(err, &exit) {
		return exit.code
	}
	return exitUsage // cobra's own: a command that is not there
}

func newRoot(stdout, stderr *os.File) *cobra.Command {
	root := &cobra.Command{
		Use:           "pasted",
		Short:         "Serve WSGI applications from their PasteDeploy files",
		Version:       version,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usage(err.Error(), fmt.Sprintf("`%s --help` lists the flags", cmd.CommandPath()))
	})
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.AddCommand(
		newServe(stdout, stderr), newCheck(stdout, stderr), newGraph(stdout),
		newStatus(stdout), newContext(stdout, stderr), newConfig(stdout, stderr),
	)
	return root
}

// needs wants at least one argument, which is called name.
func needs(name string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			return nil
		}
		return usage("no "+name+": want "+cmd.Parent().Name()+" "+cmd.Use, "")
	}
}

// An exitError is an error with the exit code that it calls for.
type exitError struct {
	code int
	err  error
	hint string // what the person probably meant, or empty
	more string // lines to show after the error, such as a traceback
	said bool   // standard output has it already
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

// report prints err as the command line does: itself, its details, a hint.
func report(w io.Writer, err error) {
	var exit *exitError
	if errors.As(err, &exit) && exit.said {
		return
	}
	fmt.Fprintf(w, "pasted: %v\n", err)
	if exit == nil {
		return
	}
	fmt.Fprint(w, exit.more)
	if exit.hint != "" {
		fmt.Fprintf(w, "hint: %s\n", exit.hint)
	}
}

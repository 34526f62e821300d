package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"pasted/internal/outcome"
	"pasted/internal/release"
	"pasted/internal/worker"
	"pasted/paste"
)

const contextLong = `Print what PasteDeploy resolves a URI to, as JSON: the tree of contexts, or an
object with the key "error" for what PasteDeploy refuses. No liberty is taken.

URI is config:FILE, config:FILE#NAME, egg:DISTRIBUTION#NAME, call:MODULE:FUNCTION,
or simply FILE or FILE#NAME. Eggs are those of the interpreter that serve would
use, and what they and the file name is imported there, in a process of its own.

Exit status: 0 done; 1 the code that is imported or called failed; 2 wrong usage,
or PasteDeploy refuses the file.`

// A contextCommand is pasted context.
type contextCommand struct {
	options  release.ContextOptions
	kind     string
	globals  []string
	calls    string // a case
	parse    bool
	inOneRow bool
	stdout   *os.File
	stderr   *os.File
}

func newContext(stdout, stderr *os.File) *cobra.Command {
	c := &contextCommand{stdout: stdout, stderr: stderr}
	cmd := &cobra.Command{
		Use:   "context URI [VAR=VALUE ...]",
		Short: "Print what PasteDeploy resolves a URI to",
		Long:  contextLong,
		RunE:  c.run,
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVarP(&c.options.Name, "name", "n", "", "the section or entry point (default: the URI's fragment, or main)")
	flags.StringVar(&c.kind, "type", "app", "what it is: app, filter or server")
	flags.StringVar(&c.options.RelativeTo, "relative-to", "", "the directory that a relative URI starts from (default: the working directory)")
	flags.StringArrayVar(&c.globals, "global", nil, "a variable to pass in, VAR=VALUE, as behind the URI; may be repeated")
	flags.StringVar(&c.options.Python, "python", "", "the interpreter whose eggs count")
	flags.BoolVar(&c.options.Create, "create", false, "also create it: the calls of factories, and the result or the error")
	flags.BoolVar(&c.options.Permissive, "permissive", false, "import nothing, take every egg and module for installed")
	flags.BoolVar(&c.parse, "parse", false, "print what the file says by itself; URI is FILE")
	flags.StringVar(&c.calls, "calls", "", "make the calls of a case, a JSON file, and print their results; without URI")
	flags.StringVar(&c.options.Eggs, "eggs", "", "a directory for the front of the interpreter's path")
	flags.BoolVar(&c.inOneRow, "json", false, "print the JSON on one line, for programs")
	return cmd
}

func (c *contextCommand) run(cmd *cobra.Command, args []string) error {
	c.options.Stderr, c.options.Log = c.stderr, slog.New(slog.NewTextHandler(c.stderr, nil))
	switch {
	case c.calls != "" && len(args) > 0:
		return usage("--calls and a URI: want one of them", "")
	case c.calls != "":
		return c.runCalls(cmd)
	}
	if err := needs("URI")(cmd, args); err != nil {
		return err
	}
	if c.parse {
		return c.runParse(args)
	}
	return c.runContext(cmd, args)
}

func (c *contextCommand) runContext(cmd *cobra.Command, args []string) error {
	var err error
	if c.options.Kind, err = kindOf(c.kind); err != nil {
		return err
	}
	if c.options.Vars, err = parseVars(append(c.globals, args[1:]...)); err != nil {
		return err
	}
	c.options.URI = args[0]
	tree, err := release.Context(cmd.Context(), c.options)
	if err != nil {
		return c.refused(err)
	}
	if err := c.print(tree); err != nil {
		return err
	}
	if raised, ok := tree.Get("error").(outcome.Object); ok {
		return &exitError{code: exitFailed, err: fmt.Errorf("%s: creating it raises %v: %v", args[0], raised.Get("class"), raised.Get("message"))}
	}
	return nil
}

func kindOf(text string) (paste.Kind, error) {
	switch kind := paste.Kind(text); kind {
	case paste.AppKind, paste.FilterKind, paste.ServerKind:
		return kind, nil
	}
	return "", usage(fmt.Sprintf("--type %q: want app, filter or server", text), "")
}

// refused prints what Python would raise, and returns err as the command line
// shows it.
func (c *contextCommand) refused(err error) error {
	if told, ok := outcome.Error(err); ok {
		printed := c.print(outcome.Object{{Key: "error", Value: outcome.Object{
			{Key: "type", Value: told.Get("class")}, {Key: "message", Value: told.Get("message")},
		}}})
		if printed != nil {
			return printed
		}
	}
	var raised *worker.RaisedError
	if errors.As(err, &raised) {
		return &exitError{code: exitFailed, err: err, more: raised.Traceback}
	}
	return explain(err)
}

func (c *contextCommand) runCalls(cmd *cobra.Command) error {
	results, err := release.Calls(cmd.Context(), release.CallsOptions{
		Case: c.calls, Eggs: c.options.Eggs, Python: c.options.Python, Permissive: c.options.Permissive,
		Stderr: c.options.Stderr, Log: c.options.Log,
	})
	var wrong *outcome.CaseError
	switch {
	case errors.As(err, &wrong):
		return usage(err.Error(), "")
	case err != nil:
		return explain(err)
	}
	return c.print(results)
}

func (c *contextCommand) runParse(args []string) error {
	if len(args) > 1 {
		return usage("--parse "+args[0]+" "+args[1]+": want one FILE", "")
	}
	file, _, _ := strings.Cut(strings.TrimPrefix(args[0], "config:"), "#")
	said := outcome.Parse(file)
	if err := c.print(said); err != nil {
		return err
	}
	if told, ok := said.Get("error").(outcome.Object); ok {
		_, err := paste.Open(file, paste.Options{})
		if err == nil { // it has changed since
			err = fmt.Errorf("%s: %v", file, told.Get("message"))
		}
		return explain(err)
	}
	return nil
}

func (c *contextCommand) print(value outcome.Object) error {
	return outcome.Write(c.stdout, value, c.inOneRow)
}

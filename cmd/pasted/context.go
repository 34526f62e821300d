package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"pasted/internal/release"
	"pasted/paste"
)

const contextLong = `Print what PasteDeploy resolves a URI to, as JSON: the object with the key
"context", or with the key "error" for what PasteDeploy refuses. No liberty is
taken, nothing is imported and nothing is built.

URI is config:FILE, config:FILE#NAME, egg:DISTRIBUTION#NAME, call:MODULE:FUNCTION,
or simply FILE or FILE#NAME. Eggs are those of the interpreter that serve would
use, or with --assume all that the file names.`

// A contextCommand is pasted context.
type contextCommand struct {
	options release.ContextOptions
	kind    string
	stdout  *os.File
}

func newContext(stdout *os.File) *cobra.Command {
	c := &contextCommand{stdout: stdout}
	cmd := &cobra.Command{
		Use:   "context URI [VAR=VALUE ...]",
		Short: "Print what PasteDeploy resolves a URI to",
		Long:  contextLong,
		Args:  needs("URI"),
		RunE:  c.run,
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVarP(&c.options.Name, "name", "n", "", "the section or entry point (default: the URI's fragment, or main)")
	flags.StringVar(&c.kind, "type", "app", "what it is: app, filter or server")
	flags.StringVar(&c.options.Python, "python", "", "the interpreter whose eggs count")
	flags.BoolVar(&c.options.Assume, "assume", false, "take every egg for installed")
	return cmd
}

func (c *contextCommand) run(cmd *cobra.Command, args []string) error {
	c.options.Kind = paste.Kind(c.kind)
	switch c.options.Kind {
	case paste.AppKind, paste.FilterKind, paste.ServerKind:
	default:
		return usage(fmt.Sprintf("--type %q: want app, filter or server", c.kind), "")
	}
	var err error
	if c.options.Vars, err = parseVars(args[1:]); err != nil {
		return err
	}
	c.options.URI = args[0]
	resolved, err := release.Context(cmd.Context(), c.options)
	var refused *paste.Error
	switch {
	case errors.As(err, &refused):
		printed := c.print("error", map[string]string{"class": refused.Class, "message": refused.Text})
		return errors.Join(explain(err), printed)
	case err != nil:
		return explain(err)
	}
	return c.print("context", paste.Dump(resolved))
}

// print writes an object with one key.
func (c *contextCommand) print(key string, value any) error {
	out := json.NewEncoder(c.stdout)
	out.SetEscapeHTML(false)
	out.SetIndent("", " ")
	return out.Encode(map[string]any{key: value})
}

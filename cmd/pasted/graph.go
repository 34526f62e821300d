package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"pasted/internal/graph"
	"pasted/internal/release"
)

const graphLong = `Draw a file: its servers, the application that is served, and all that this
refers to, each with its file and line, with what it is made by, and with its
placement, native or hosted in Python, and the reason. What is wrong is drawn in
its place.

Nothing is imported. Eggs are those of the interpreter that serve would use; with
--no-python, or where there is none, all are taken for installed.

Exit status: 0 drawn; 1 drawn, and something in it is wrong; 2 wrong usage, or
the file cannot be read.`

// A graphCommand is pasted graph.
type graphCommand struct {
	options release.ViewOptions
	globals []string
	all     bool
	format  string
	json    bool
	ascii   bool
	output  string
	stdout  *os.File
}

func newGraph(stdout *os.File) *cobra.Command {
	c := &graphCommand{stdout: stdout}
	cmd := &cobra.Command{
		Use:   "graph FILE[#NAME] [VAR=VALUE ...]",
		Short: "Draw a file's components and where they run",
		Long:  graphLong,
		Args:  needs("FILE"),
		RunE:  c.run,
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&c.format, "format", "", "text, svg, mermaid or json (default: what the name after -o ends with, or text)")
	flags.StringVarP(&c.output, "output", "o", "", "write it into a file")
	flags.BoolVar(&c.all, "all", false, "also draw the sections that what is served does not reach")
	flags.BoolVar(&c.ascii, "ascii", false, "draw text with ASCII alone (default: where the locale is another than UTF-8)")
	flags.BoolVar(&c.json, "json", false, "the same as --format json")
	flags.StringVarP(&c.options.AppName, "app-name", "n", "", "the application (default: NAME, or main)")
	flags.StringVar(&c.options.ServerName, "server-name", "", "the server (default: main)")
	flags.StringArrayVar(&c.globals, "global", nil, "a variable to pass in, VAR=VALUE, as behind FILE; may be repeated")
	flags.StringVar(&c.options.Python, "python", "", "the interpreter whose eggs count")
	flags.BoolVar(&c.options.NoPython, "no-python", false, "ask no interpreter, take every egg for installed")
	return cmd
}

func (c *graphCommand) run(cmd *cobra.Command, args []string) error {
	format, err := c.formatOf()
	if err != nil {
		return err
	}
	if c.options.Vars, err = parseVars(append(c.globals, args[1:]...)); err != nil {
		return err
	}
	c.options.Target = args[0]
	g, err := c.build(cmd)
	if err != nil {
		return explain(err)
	}
	drawn, err := c.draw(g, format)
	if err == nil {
		err = c.write(drawn)
	}
	if err != nil {
		return &exitError{code: exitFailed, err: err}
	}
	if g.Mistakes > 0 {
		return &exitError{code: exitFailed, err: fmt.Errorf("%s: drawn with %s", args[0], counted(g.Mistakes, "mistake"))}
	}
	return nil
}

// formatOf is the format that is asked for.
func (c *graphCommand) formatOf() (string, error) {
	switch {
	case c.json && c.format != "" && c.format != "json":
		return "", usage("--json and --format "+c.format+": want one of them", "")
	case c.json:
		return "json", nil
	case c.format == "":
		for suffix, format := range map[string]string{".svg": "svg", ".mmd": "mermaid", ".mermaid": "mermaid", ".json": "json"} {
			if strings.HasSuffix(c.output, suffix) {
				return format, nil
			}
		}
		return "text", nil
	}
	switch c.format {
	case "text", "svg", "mermaid", "json":
		return c.format, nil
	}
	return "", usage(fmt.Sprintf("--format %q: want text, svg, mermaid or json", c.format), "")
}

func (c *graphCommand) build(cmd *cobra.Command) (*graph.Graph, error) {
	view, err := release.See(cmd.Context(), c.options)
	if err != nil {
		return nil, err
	}
	return graph.Build(graph.Options{
		File: view.File, App: view.App, Server: view.Server, All: c.all,
		Resolving: view.Resolving, ServerEggs: view.ServerEggs,
		Registry: view.Registry, StandIn: view.StandIn, Address: view.Address,
		Python: view.Python, Assumed: view.Assumed,
	})
}

func (c *graphCommand) draw(g *graph.Graph, format string) ([]byte, error) {
	switch format {
	case "svg":
		return []byte(g.SVG()), nil
	case "mermaid":
		return []byte(g.Mermaid()), nil
	case "json":
		var b bytes.Buffer
		out := json.NewEncoder(&b)
		out.SetEscapeHTML(false)
		out.SetIndent("", "  ")
		err := out.Encode(g)
		return b.Bytes(), err
	}
	return []byte(g.Text(c.ascii || !isUTF8(os.Getenv))), nil
}

func (c *graphCommand) write(drawn []byte) error {
	if c.output == "" || c.output == "-" {
		_, err := c.stdout.Write(drawn)
		return err
	}
	err := os.WriteFile(c.output, drawn, 0o644)
	var path *fs.PathError
	if errors.As(err, &path) {
		return fmt.Errorf("%s: %w", path.Path, path.Err)
	}
	return err
}

// isUTF8 says whether the locale's characters are Unicode's, as they are where
// nobody has chosen one.
func isUTF8(getenv func(string) string) bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if value := strings.ToLower(getenv(name)); value != "" {
			return strings.Contains(value, "utf-8") || strings.Contains(value, "utf8")
		}
	}
	return true
}

func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

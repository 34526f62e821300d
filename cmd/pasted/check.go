package main

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"pasted/internal/check"
)

const checkLong = `Check a PasteDeploy file, all of it: what does not parse, what refers to nothing,
what has no effect, what means something else than it seems to say; and what
Python raises where the code is imported and the application is loaded, in
processes that are thrown away. Nothing is served, and no port is bound.

FILE and the variables are those of pasted serve.

Exit status: 0 no error was found (there may be warnings and notes); 1 errors;
2 wrong usage, or a file that cannot be read.`

// A checkCommand is pasted check.
type checkCommand struct {
	options check.Options
	request string
	json    bool
	sarif   bool
	strict  bool
	stdout  *os.File
	stderr  *os.File
}

func newCheck(stdout, stderr *os.File) *cobra.Command {
	c := &checkCommand{stdout: stdout, stderr: stderr}
	cmd := &cobra.Command{
		Use:   "check FILE[#NAME] [VAR=VALUE ...]",
		Short: "Find what is wrong with a PasteDeploy file",
		Long:  checkLong,
		Args:  needs("FILE"),
		RunE:  c.run,
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVarP(&c.options.AppName, "app-name", "n", "", "the application's section (default: main)")
	flags.StringVar(&c.options.ServerName, "server-name", "", "the server's section (default: main)")
	flags.BoolVar(&c.options.NoImport, "no-import", false, "import nothing and load nothing")
	flags.BoolVar(&c.options.Permissive, "permissive", false, "take every egg for installed, and ask no interpreter")
	flags.StringVar(&c.request, "request", "", "send a request through the application, /PATH or \"METHOD /PATH\"")
	flags.BoolVar(&c.strict, "strict", false, "warnings count as errors")
	flags.BoolVar(&c.json, "json", false, "print JSON")
	flags.BoolVar(&c.sarif, "sarif", false, "print SARIF 2.1.0, for annotations")
	cmd.MarkFlagsMutuallyExclusive("json", "sarif")
	return cmd
}

func (c *checkCommand) run(cmd *cobra.Command, args []string) error {
	var err error
	if c.options.Vars, err = parseVars(args[1:]); err != nil {
		return err
	}
	if c.request != "" {
		if c.options.NoImport || c.options.Permissive {
			return usage("--request with --no-import or --permissive: nothing is loaded that would answer", "")
		}
		if c.options.Request, err = check.ParseRequest(c.request); err != nil {
			return usage("--request "+err.Error(), "")
		}
	}
	ctx, done := signalled(cmd.Context())
	defer done()
	c.options.File, c.options.Version = args[0], version
	// What applications print must not stand among what programs read.
	c.options.Stdout, c.options.Stderr = c.stderr, c.stderr
	c.options.Log = slog.New(slog.NewTextHandler(c.stderr, nil))
	report, err := check.Run(ctx, c.options)
	if err != nil {
		return explain(err)
	}
	if err := c.print(report); err != nil {
		return err
	}
	return c.verdict(report)
}

// signalled returns a context that ends with the first SIGTERM or SIGINT.
func signalled(parent context.Context) (ctx context.Context, done func()) {
	ctx, _, done = watchSignals(parent, slog.New(slog.DiscardHandler), nil)
	return ctx, done
}

func (c *checkCommand) print(report *check.Report) error {
	dir, _ := os.Getwd()
	style := check.Style{Dir: dir, Colour: os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && isTerminal(c.stdout)}
	var out bytes.Buffer
	var err error
	switch {
	case c.json:
		err = report.JSON(&out)
	case c.sarif:
		err = report.SARIF(&out, style, version)
	default:
		err = report.Text(&out, style)
	}
	if err == nil {
		_, err = c.stdout.Write(out.Bytes())
	}
	return err
}

// verdict is the error that the exit code is made of, or nil.
func (c *checkCommand) verdict(report *check.Report) error {
	bad := report.Count(check.Error)
	if c.strict {
		bad += report.Count(check.Warning)
	}
	if bad == 0 {
		return nil
	}
	return &exitError{
		code: exitFailed, err: fmt.Errorf("%s: %s", report.File, report.Summary()),
		said: !c.json && !c.sarif,
	}
}

// isTerminal says whether f is a terminal.
func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && f.Name() != os.DevNull
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"pasted/internal/release"
	"pasted/paste"
)

const serveLong = `Serve the application of a PasteDeploy file.

FILE is a path or a config: URI; #NAME after it names the application's
section, main if it is left out. Variables become the file's global
configuration, as with pserve.

The server listens where [server:main] says, and runs the Python part in the
workers that [pasted:workers] describes. SIGTERM and SIGINT stop it when the
requests being served are answered; a second one stops it at once.`

// A serveCommand is pasted serve.
type serveCommand struct {
	options release.Options
	verbose int
	quiet   bool
	reload  bool
	browser bool
	stdout  *os.File
	stderr  *os.File
}

func newServe(stdout, stderr *os.File) *cobra.Command {
	s := &serveCommand{stdout: stdout, stderr: stderr}
	cmd := &cobra.Command{
		Use:   "serve FILE[#NAME] [VAR=VALUE ...]",
		Short: "Serve the application of a PasteDeploy file",
		Long:  serveLong,
		Args:  needs("FILE"),
		RunE:  s.run,
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVarP(&s.options.AppName, "app-name", "n", "", "the application's section (default: main)")
	flags.StringVar(&s.options.ServerName, "server-name", "", "the server's section (default: main)")
	flags.CountVarP(&s.verbose, "verbose", "v", "say more")
	flags.BoolVarP(&s.quiet, "quiet", "q", false, "say only what goes wrong")
	flags.BoolVar(&s.reload, "reload", false, "not there yet")
	flags.BoolVarP(&s.browser, "browser", "b", false, "not there yet")
	cmd.MarkFlagsMutuallyExclusive("verbose", "quiet")
	return cmd
}

func (s *serveCommand) run(cmd *cobra.Command, args []string) error {
	if err := s.notYet(); err != nil {
		return err
	}
	vars, err := parseVars(args[1:])
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(s.stderr, &slog.HandlerOptions{Level: s.level()}))
	s.options.File, s.options.Vars = args[0], vars
	s.options.Version = version
	s.options.Log, s.options.Stdout, s.options.Stderr = log, s.stdout, s.stderr

	ctx, kill, done := watchSignals(cmd.Context(), log)
	defer done()
	r, err := release.Load(ctx, s.options)
	if err != nil {
		return explain(err)
	}
	say := s.announcer()
	say.plan(r)
	for _, note := range r.Notes {
		log.Info("note", "text", note)
	}
	for _, warning := range r.Warnings {
		log.Warn("setting without its effect", "text", warning)
	}
	return explain(r.Serve(ctx, kill, say.serving))
}

// notYet refuses what pserve has and pasted does not have yet.
func (s *serveCommand) notYet() error {
	switch {
	case s.reload:
		return usage("--reload is not there yet", "restart pasted after a change")
	case s.browser:
		return usage("-b/--browser is not there yet", "open the address that pasted prints")
	}
	return nil
}

func (s *serveCommand) level() slog.Level {
	switch {
	case s.quiet:
		return slog.LevelWarn
	case s.verbose > 0:
		return slog.LevelDebug
	}
	return slog.LevelInfo
}

func (s *serveCommand) announcer() announcer {
	if s.quiet {
		return announcer{io.Discard}
	}
	return announcer{s.stdout}
}

func usage(text, hint string) error {
	return &exitError{code: exitUsage, err: errors.New(text), hint: hint}
}

// parseVars reads VAR=VALUE arguments. A later one wins over an earlier one.
func parseVars(args []string) (*paste.Conf, error) {
	vars := paste.NewConf()
	for _, arg := range args {
		name, value, ok := strings.Cut(arg, "=")
		if !ok {
			return nil, usage(fmt.Sprintf("variable assignment %q: want NAME=VALUE", arg), "options stand before or after FILE, and one FILE is served")
		}
		vars.Set(strings.TrimSpace(name), value)
	}
	return vars, nil
}

// watchSignals returns a context that ends with the first SIGTERM or SIGINT,
// and one that ends with the second. done gives the signals back.
func watchSignals(parent context.Context, log *slog.Logger) (stop, kill context.Context, done func()) {
	stop, cancelStop := context.WithCancel(parent)
	kill, cancelKill := context.WithCancel(parent)
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for sig := range signals {
			switch {
			case sig == syscall.SIGHUP:
				log.Warn("reload is not there yet", "signal", sig.String())
			case stop.Err() == nil:
				log.Info("stopping", "signal", sig.String())
				cancelStop()
			default:
				log.Warn("stopping at once", "signal", sig.String())
				cancelKill()
			}
		}
	}()
	return stop, kill, func() {
		signal.Stop(signals)
		close(signals)
		<-ended
		cancelStop()
		cancelKill()
	}
}

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"pasted/internal/browser"
	"pasted/internal/keeper"
	"pasted/internal/release"
	"pasted/paste"
)

const serveLong = `Serve the application of a PasteDeploy file.

FILE is a path or a config: URI; #NAME after it names the application's
section, main if it is left out. Variables become the file's global
configuration, as with pserve.

The server listens where [server:main] says, and runs the Python part in the
workers that [pasted:workers] describes. SIGTERM and SIGINT stop it when the
requests being served are answered; a second one, or SIGQUIT, stops it at once.
SIGHUP loads the file and the application anew, and moves the requests there
when that is ready; if it never is, all stays as it was.

With --reload, which is for development, it loads the file and the application
anew when one of their files changes.`

// A serveCommand is pasted serve.
type serveCommand struct {
	options  release.Options
	verbose  int
	quiet    bool
	reload   bool
	noKeeper bool
	interval float64 // of --reload, in seconds
	browser  bool
	stdout   *os.File
	stderr   *os.File
	log      *slog.Logger
	keeper   int            // the process above this one; 0: there is none
	opening  sync.WaitGroup // of browsers
}

func newServe(stdout, stderr *os.File) *cobra.Command {
	s := &serveCommand{stdout: stdout, stderr: stderr}
	cmd := &cobra.Command{
		Use:   "serve FILE[#NAME] [VAR=VALUE ...]",
		Short: "Serve the application of a PasteDeploy file",
		Long:  serveLong,
		Args: func(cmd *cobra.Command, args []string) error {
			if err := checkRefused(cmd.Flags(), args); err != nil {
				return err
			}
			return needs("FILE")(cmd, args)
		},
		RunE: s.run,
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVarP(&s.options.AppName, "app-name", "n", "", "the application's section (default: main)")
	flags.StringVar(&s.options.ServerName, "server-name", "", "the server's section (default: main)")
	flags.CountVarP(&s.verbose, "verbose", "v", "say more")
	flags.BoolVarP(&s.quiet, "quiet", "q", false, "say only what goes wrong")
	flags.BoolVar(&s.reload, "reload", false, "for development: load all anew when a file changes")
	flags.Float64Var(&s.interval, "reload-interval", 1, "seconds within which a change is noticed where the system does not tell of it")
	flags.BoolVar(&s.noKeeper, "no-keeper", false, "one process fewer: if the server dies, whoever has started it starts another")
	flags.BoolVarP(&s.browser, "browser", "b", false, "open a browser when requests are answered")
	addRefused(flags)
	cmd.MarkFlagsMutuallyExclusive("verbose", "quiet")
	return cmd
}

func (s *serveCommand) run(cmd *cobra.Command, args []string) error {
	if s.interval <= 0 {
		return usage(fmt.Sprintf("--reload-interval %v: want a number of seconds above 0", s.interval), "")
	}
	if cmd.Flags().Changed("reload-interval") && !s.reload {
		return usage("--reload-interval without --reload: nothing is looked at", "add --reload, or leave it out")
	}
	vars, err := parseVars(args[1:])
	if err != nil {
		return err
	}
	s.log = slog.New(slog.NewTextHandler(s.stderr, &slog.HandlerOptions{Level: s.level()}))
	s.options.File, s.options.Vars = args[0], vars
	s.options.Version = version
	s.options.Log, s.options.Stdout, s.options.Stderr = s.log, s.stdout, s.stderr

	ctx, end := context.WithCancel(cmd.Context())
	defer s.opening.Wait()
	defer end()
	if s.reload {
		return s.runReloading(ctx)
	}
	if !s.noKeeper && !keeper.Attached() {
		return s.keep()
	}
	return s.serveHost(ctx)
}

// tell prints what has been loaded, and logs what is to be known of it.
func (s *serveCommand) tell(say announcer, r *release.Release) {
	say.plan(r, cmp.Or(s.keeper, os.Getpid()))
	for _, note := range r.Notes {
		s.log.Info("note", "text", note)
	}
	for _, warning := range r.Warnings {
		s.log.Warn("setting without its effect", "text", warning)
	}
}

// openBrowser opens, with -b, what is served. It does not wait.
func (s *serveCommand) openBrowser(ctx context.Context, r *release.Release, serving release.Serving) {
	if !s.browser {
		return
	}
	url := pageToOpen(r.Pserve.OpenURL, serving.URLs)
	if url == "" {
		s.log.Warn("no browser is opened: nothing is served that one reaches; open_url in [pserve] says what to open")
		return
	}
	s.opening.Go(func() {
		if err := browser.Open(ctx, url, os.Getenv("BROWSER")); err != nil {
			s.log.Warn("the browser is not opened", "url", url, "err", err)
		}
	})
}

// pageToOpen returns what the file says, or else what a browser on this machine
// reaches of urls; empty if that is nothing.
func pageToOpen(said string, urls []string) string {
	if said != "" {
		return said
	}
	for _, served := range urls {
		page, err := url.Parse(served)
		if err != nil || page.Scheme != "http" && page.Scheme != "https" {
			continue
		}
		if ip, err := netip.ParseAddr(page.Hostname()); err == nil && ip.IsUnspecified() {
			page.Host = net.JoinHostPort("localhost", page.Port())
		}
		return page.String() + "/"
	}
	return ""
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

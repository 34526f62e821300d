// Package release is one load of the file and of the code: what was asked for,
// resolved and placed, and the pool that runs its Python part. It binds the
// packages below it together, and leaves printing to the command line.
//
// Load asks the interpreter what is installed, and starts nothing else but, if told
// to, the interpreter that is to be the template. Serve does the rest, and has
// undone it when it returns.
package release

import (
	"context"
	"log/slog"
	"os"

	"pasted/internal/httpd"
	"pasted/internal/interpreter"
	"pasted/internal/paths"
	"pasted/internal/placement"
	"pasted/internal/pool"
	"pasted/internal/worker"
	"pasted/paste"
)

// Options say what is to be served. File, Log, Stdout and Stderr are required.
type Options struct {
	File       string // as on the command line: a path or a config: URI, perhaps with #NAME
	AppName    string // section of the application; empty: the fragment, then main
	ServerName string // section of the server; empty: main
	Vars       *paste.Conf
	Version    string // of pasted, for SERVER_SOFTWARE
	Log        *slog.Logger
	Stdout     *os.File // of the workers
	Stderr     *os.File // of the workers, and for access logs
	// Uses, if not nil, is told of the files that the release is made of, by
	// their absolute names, which may be patterns as of Python's glob:
	// PasteDeploy files before they are read, what the workers import when
	// they have, and what may mend a failure. It is called from several
	// goroutines, until Serve has returned. Workers then write no compiled
	// modules.
	Uses func(files ...string)
	// Sockets, if not nil, are where Serve has its listeners from. They stay
	// bound after it if KeepSockets is set.
	Sockets     *httpd.Sockets
	KeepSockets bool
	// Early has Load start the template's interpreter, which waits for what it is
	// to load while the file is resolved. Who sets it calls Close.
	Early bool
}

// A Release is one load of a file. Its fields are not changed after Load.
type Release struct {
	Number      int // 1 for the first
	File        string
	App         *paste.Context
	Server      httpd.Config
	Workers     Workers
	Admin       Admin
	Pserve      Pserve
	Interpreter *interpreter.Interpreter
	// InterpreterReason says why it is this one.
	InterpreterReason string
	Plan              *placement.Plan
	// Notes are the liberties taken with the file, where PasteDeploy would
	// have failed. Warnings are options that have not the effect that they
	// have elsewhere, and what the interpreter complains about.
	Notes, Warnings []string

	options  Options
	target   target
	listenAt string                            // where the file says where to listen, see there
	logging  bool                              // the file has [loggers]
	read     func(name string) ([]byte, error) // a survey's; nil: os.ReadFile
	registry *paste.Registry
	paths    *paths.Table
	access   *accessLog
	handlers []*pool.Handler // of the roots, in their order
	pool     *pool.Pool      // nil until Serve, or without roots
	early    *worker.Early   // nil if there is none
}

// Load reads, resolves and places what options name. The error is a
// *paste.Error, or says in which file and line the mistake is.
func Load(ctx context.Context, options Options) (*Release, error) {
	t, err := parseTarget(options.File)
	if err != nil {
		return nil, err
	}
	options.Vars = pserveVars(t, options.Vars)
	r := &Release{Number: 1, File: t.file, options: options, target: t}
	for _, step := range []func(context.Context) error{
		r.readSettings, r.findInterpreter, r.resolve, r.place, r.readServer,
	} {
		if err := step(ctx); err != nil {
			r.Close()
			r.useInstalled()
			return nil, err
		}
	}
	if len(r.Plan.Roots) == 0 || !r.Workers.Preload {
		r.Close()
	}
	return r, nil
}

// Close ends what Load has started, if Serve has not taken it. It may be called
// more than once.
func (r *Release) Close() { r.early.Close() }

// warn keeps what an operator should know.
func (r *Release) warn(text string) { r.Warnings = append(r.Warnings, text) }

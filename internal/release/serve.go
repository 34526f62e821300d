package release

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"pasted/internal/h1"
	"pasted/internal/interpreter"
	"pasted/internal/marshal"
	"pasted/internal/pool"
	"pasted/internal/spool"
	"pasted/internal/worker"
	"pasted/internal/wsgi"
	"pasted/python"
)

// A run is a release's Python part, while it runs.
type run struct {
	release *Release
	pool    *pool.Pool     // nil without roots
	source  *worker.Source // nil without roots
	loading time.Duration  // until the template had loaded the application
	end     func()         // ends all of it, and returns when nothing is left
}

// start starts r's Python part, its lanes on loops, and returns when all workers
// are ready. When ctx ends before, it is given up. It draws no requests itself.
func (r *Release) start(ctx, kill context.Context, loops []*h1.Loop) (*run, error) {
	inner, stop := context.WithCancel(context.WithoutCancel(ctx))
	var running sync.WaitGroup
	running.Go(r.access.run)
	live := &run{release: r, end: func() {
		stop()
		r.access.close()
		running.Wait()
	}}
	if err := r.startWorkers(ctx, inner, kill, loops, &running, live); err != nil {
		live.end()
		return nil, r.blame(err)
	}
	return live, nil
}

// startWorkers runs the pool in running until inner ends.
func (r *Release) startWorkers(ctx, inner, kill context.Context, loops []*h1.Loop, running *sync.WaitGroup, live *run) error {
	if len(r.Plan.Roots) == 0 {
		return nil
	}
	began := time.Now()
	source := worker.NewSource(r.workerConfig(), r.Workers.Preload, r.Server.GracefulTimeout, kill.Done())
	r.pool = r.newPool(source, kill, loops) // before anything runs that may log
	if err := source.Prepare(ctx); err != nil {
		return err
	}
	running.Go(func() { _ = source.Run(inner) })
	live.source, live.loading, live.pool = source, time.Since(began), r.pool
	r.connect()
	running.Go(func() { _ = r.pool.Run(inner) })
	return r.pool.WaitReady(ctx)
}

// newPool returns the pool of source's workers, which is to be run.
func (r *Release) newPool(source *worker.Source, kill context.Context, loops []*h1.Loop) *pool.Pool {
	return pool.New(pool.Options{
		Loops: loops,
		Size:  r.Workers.Processes,
		Most:  r.Workers.ProcessesMost,
		Lanes: r.Workers.ThreadsMost,
		Paths: r.paths,
		Start: func(ctx context.Context, id int) (pool.Worker, error) {
			w, err := source.Worker(ctx, id)
			if err != nil {
				return nil, err // not a nil *Worker in a pool.Worker
			}
			return w, nil
		},
		QueueTimeout: r.Workers.QueueTimeout,
		QueueLength:  r.Workers.QueueLength,
		Patient:      r.Workers.Patient,
		FastLane:     r.Workers.FastLane,
		KeepPlace:    r.paths.Prefers(),
		LeastLanes:   r.Workers.leastLanes(),
		TimeoutGrace: r.Workers.TimeoutGrace,
		Recycle:      r.Workers.Recycle,
		Promote: func(ctx context.Context, w pool.Worker) error {
			return source.Promote(ctx, w.(*worker.Worker))
		},
		StallTimeout: r.Workers.StallTimeout,

		Grace: r.Server.GracefulTimeout,
		Kill:  kill.Done(),
		Yield: func(on bool) {
			for _, l := range loops {
				l.Yield(on)
			}
		},
		Log: r.options.Log,
	})
}

// blame says in which line of the file err stands, from the start of the
// workers, where Python could not tell.
func (r *Release) blame(err error) error {
	var load *worker.LoadError
	var died *worker.DiedError
	switch {
	case errors.As(err, &load) && load.Stage == "worker_class":
		pos := r.Workers.classAt
		load.File, load.Line, load.Section = pos.File, pos.Line, workersSection
	case errors.As(err, &load) && load.Stage == "setup":
		pos := r.Workers.setupAt
		load.File, load.Line, load.Section = pos.File, pos.Line, workersSection
	case errors.As(err, &died) && len(r.Plan.Roots) == 1:
		root := r.Plan.Roots[0].Context
		return at(fmt.Sprintf("%s: [%s]", root.Pos, root.Section), err)
	case errors.As(err, &died):
		return at(r.File+":", err)
	}
	return err
}

// at puts a place, "file:line: [section]", before err; an empty one changes
// nothing.
func at(place string, err error) error {
	if place == "" {
		return err
	}
	return fmt.Errorf("%s %w", place, err)
}

// urls returns what a client would ask listeners for.
func urls(scheme string, listeners []net.Listener) []string {
	list := make([]string, len(listeners))
	for i, l := range listeners {
		if addr := l.Addr(); addr.Network() == "unix" {
			list[i] = "unix:" + addr.String()
		} else {
			list[i] = scheme + "://" + addr.String()
		}
	}
	return list
}

// connect gives the handlers of the roots their pool.
func (r *Release) connect() {
	constants := wsgi.NewConstants("Pasted/"+r.options.Version, r.Workers.ThreadsMost > 1, r.Workers.ProcessesMost > 1, r.Number)
	if side(r.Interpreter) == python.Python2 {
		constants.ForPython2()
	}
	if r.Server.Server == "waitress#main" { // as waitress has it
		constants.WithRemoteHost()
	}
	store := spool.New(spool.Options{DiskFailed: func(err error) {
		r.options.Log.Error("answers of slow clients cannot wait on disk", "err", err)
	}})
	if r.Workers.Debug {
		r.options.Log.Warn("debug is on: clients on this machine see tracebacks of the application", "option", "["+workersSection+"] debug")
	}
	for _, h := range r.handlers {
		h.Debug = r.Workers.Debug
		h.Pool, h.Constants, h.Spool = r.pool, constants, store
		h.Scheme, h.Log = r.Server.URLScheme, r.options.Log
		h.MaxBody, h.Paths, h.Files = r.Server.MaxBodySize, r.paths, r.Workers.Files
		h.Timeout, h.CancelOnDisconnect = r.Workers.Timeout, r.Workers.CancelOnDisconnect
	}
}

// workerConfig says how the Python processes are started and what they load.
func (r *Release) workerConfig() *worker.Config {
	front, end := r.sysPath()
	roots := make([]any, len(r.Plan.Roots))
	for i, root := range r.Plan.Roots {
		roots[i] = r.Plan.Encode(root.Context)
	}
	vars := marshal.Dict{}
	for name, value := range r.options.Vars.All() {
		vars = append(vars, marshal.Pair{Key: name, Value: value})
	}
	return &worker.Config{
		Python: r.Interpreter.Path,
		Side:   side(r.Interpreter),
		Title:  r.File,
		Env:    r.environ(),
		Dir:    r.Workers.Chdir,
		Early:  r.early,
		Lanes:  r.Workers.ThreadsMost,
		Load: marshal.Dict{
			{Key: "file", Value: r.File},
			{Key: "vars", Value: vars},
			{Key: "logging", Value: r.logging},
			{Key: "path", Value: texts(front)},
			{Key: "path_end", Value: texts(end)},
			{Key: "worker_class", Value: r.Workers.Class},
			{Key: "lanes", Value: r.Workers.ThreadsMost},
			{Key: "umask", Value: r.Workers.Umask},
			{Key: "setup", Value: textOrNone(r.Workers.Setup)},
			{Key: "roots", Value: roots},
			{Key: "watch", Value: r.watched()},
		},
		Resolve:  r.Plan.Answer,
		Output:   r.output,
		Extend:   r.extend,
		Imported: r.imported(),
		Unsafe:   r.unsafe(),
		Stdout:   r.options.Stdout,
		Stderr:   r.options.Stderr,
		Log:      r.options.Log,
	}
}

// side returns the language that an interpreter speaks.
func side(i *interpreter.Interpreter) python.Side {
	if i.Version.Major == 2 {
		return python.Python2
	}
	return python.Python3
}

// watched are the assets to watch, nil where nobody does.
func (r *Release) watched() any {
	if r.options.Uses == nil {
		return nil
	}
	return texts(r.Pserve.Assets)
}

// imported is what workers tell of the files that they have imported.
func (r *Release) imported() func(files []string) {
	if r.options.Uses == nil {
		return nil
	}
	return func(files []string) { r.options.Uses(files...) }
}

// unsafe logs, once each, what a template has that does not survive a fork.
func (r *Release) unsafe() func(worker.Finding) {
	var mu sync.Mutex
	told := make(map[string]bool) // a template that was a worker knows less of names
	return func(f worker.Finding) {
		mu.Lock()
		defer mu.Unlock()
		if told[f.Kind+f.Detail] {
			return
		}
		told[f.Kind+f.Detail] = true
		r.options.Log.Warn("not safe to fork", "what", f.Kind, "name", f.Name, "detail", f.Detail,
			"hint", "have it made by a function registered with pasted.after_fork, or set preload = false in [pasted:workers]")
	}
}

func texts(list []string) []any {
	values := make([]any, len(list))
	for i, s := range list {
		values[i] = s
	}
	return values
}

func textOrNone(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// extend lets a request take longer.
func (r *Release) extend(number uint64, d time.Duration) {
	if r.pool != nil {
		r.pool.Extend(number, d)
	}
}

// output logs what the application has said: lines that it has written to
// wsgi.errors, or what it has raised.
func (r *Release) output(o worker.Output) {
	id := ""
	if r.pool != nil {
		id = r.pool.RequestID(o.Number)
	}
	// Python's levels are 10, 20, 30, 40; slog's are -4, 0, 4, 8.
	level := slog.Level((o.Level - 20) / 10 * 4)
	if o.Method == "" {
		r.options.Log.Log(context.Background(), level, "application", "request", id, "text", o.Text)
		return
	}
	r.options.Log.Log(context.Background(), level, "application failed", "request", id, "method", o.Method,
		"path", o.Path, "release", r.Number, "worker", o.PID, "text", o.Text)
}

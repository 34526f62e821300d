// Package worker knows one Python process: how it is started, or forked from a
// template, how it becomes ready, drains and is killed, and that nothing of it
// is left. It leaves to others how many there are and what they are given.
//
// A worker's life: it says Hello, loads the roots (or its template has), is
// given its lanes, says Ready, serves, is told to drain or is killed, exits,
// and is reaped together with every process of its group.
package worker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"syscall"
	"time"

	"pasted/internal/board"
	"pasted/internal/marshal"
	"pasted/internal/wire"
	"pasted/python"
)

// Config says how the Python processes of one release are started. All fields
// but Side, Env, Dir, Early and Imported are required.
type Config struct {
	Python string      // the interpreter's path
	Side   python.Side // the language that it speaks
	Title  string      // what the process list shows of a process beside its role
	Env    []string    // as in os/exec: nil is the server's own environment
	Dir    string      // working directory; empty: the server's own
	Lanes  int         // of each worker, at least 1
	// Load is what the Load frame says, but "mode", "server_pid", "title"
	// and "streams".
	Load marshal.Dict
	// Early, if not nil, becomes the first template.
	Early *Early
	// Resolve answers a Resolve frame. It is called from several goroutines.
	Resolve func(question marshal.Dict) marshal.Dict
	// Output takes a line that the application has written: for which
	// request (0: none) and at which level of Python's logging. It is called
	// from several goroutines.
	Output func(Output)
	// Extend takes what the application says of a request: that it may take so
	// much longer from now on. nil: nobody cares. It is called from several
	// goroutines.
	Extend func(number uint64, d time.Duration)
	// Imported, if not nil, is told of the files of the modules that the
	// processes have imported, once by each process: when the roots are
	// built, or could not be, and later ones within askEach. Load's "watch"
	// must be set then. It is called from several goroutines. What it is told
	// is what Python says: any text.
	Imported func(files []string)
	// Unsafe, if not nil, is told what a template has at the fork that does
	// not survive it. It is called from several goroutines, and may be told
	// the same by several templates.
	Unsafe func(Finding)
	Stdout *os.File // of the processes
	Stderr *os.File
	Log    *slog.Logger
}

// A Finding is something that does not survive a fork.
type Finding struct {
	Kind   string // "thread", "connection", "event loop"
	Name   string // of the thread, or of the class that has the connection
	Detail string // "runs poller.loop (poller.py:7)", "connected to 127.0.0.1:5432 (PostgreSQL)"
}

// A LoadError is what Python raised while it loaded the application.
type LoadError struct {
	Stage string // "logging", "setup", "import", "load", "fork"
	Class string // of the exception, with its module unless built in
	Text  string
	// Traceback is Python's own, with its lines, ending in a newline.
	Traceback string
	// CauseFile, CauseLine and CauseText say where the first cause was raised.
	CauseFile string
	CauseLine int
	CauseText string
	// File, Line and Section are those of the section that was being built;
	// Line is 0 if there was none.
	File    string
	Line    int
	Section string
}

// Error gives the exception in one line.
func (e *LoadError) Error() string {
	if e.Text == "" {
		return e.Class
	}
	return e.Class + ": " + e.Text
}

// A DiedError says that a process exited before it was ready, or, of a probe,
// before it had answered.
type DiedError struct {
	PID  int
	Exit Exit
	// Doing is what a probe had been asked for, "import app:make"; else empty.
	Doing string
}

// Error gives the process and how it ended.
func (e *DiedError) Error() string {
	if e.Doing != "" {
		return fmt.Sprintf("process %d, asked to %s, ended: %s", e.PID, e.Doing, e.Exit)
	}
	return fmt.Sprintf("process %d ended before it was ready: %s", e.PID, e.Exit)
}

// A Worker is one Python process that serves its lanes.
type Worker struct {
	proc    *process
	lanes   []*Lane
	board   *board.Board // nil if the process keeps none
	threads []string     // what lanes are served by, in their order: folders of /proc
}

// PID returns the process's number.
func (w *Worker) PID() int { return w.proc.group.pid }

// Lanes returns the worker's lanes, always the same slice.
func (w *Worker) Lanes() []*Lane { return w.lanes }

// Board returns the worker's scoreboard, nil if the process keeps none. It is the
// caller's to close, when nobody reads it any more.
func (w *Worker) Board() *board.Board { return w.board }

// Cancel tells the worker that nobody waits for the answer of the request
// with this number. It does not wait, and a worker that has gone, or does not
// listen, is no error.
func (w *Worker) Cancel(lane int, number uint64) {
	w.proc.post(wire.AppendHead(nil, wire.Cancel, 0, uint16(lane), number, 0))
}

// Expire tells the worker to stop what it does for the request with this number:
// it is past its deadline or, if gone is true, nobody waits for its answer. It
// does not wait, as Cancel.
func (w *Worker) Expire(lane int, number uint64, gone bool) {
	flags := uint8(0)
	if gone {
		flags = wire.FlagGone
	}
	w.proc.post(wire.AppendHead(nil, wire.Expire, flags, uint16(lane), number, 0))
}

// Drain tells the worker to exit once its lanes, which the caller has closed
// for writing, are served. It does not wait.
func (w *Worker) Drain() { w.proc.drain() }

// Abort has the worker write its threads' stacks to its standard error and end, as
// faulthandler does for SIGABRT without the interpreter's lock. One that is
// stopped goes on for it. It does not wait.
func (w *Worker) Abort() { w.proc.group.abort() }

// Kill ends the worker, and all that it has started, at once.
func (w *Worker) Kill() { w.proc.kill() }

// Done is closed when the process and its whole group have been reaped and
// nothing of the worker is left but what its lanes still hold.
func (w *Worker) Done() <-chan struct{} { return w.proc.done }

// Exit says how the process ended. It may be called once Done is closed.
func (w *Worker) Exit() Exit { return w.proc.group.exit }

// Start starts a process of its own for worker id, which imports the
// application itself, and returns when it is ready. When ctx ends before, the
// process is killed.
func Start(ctx context.Context, cfg *Config, id int) (*Worker, error) {
	p, err := launch(ctx, cfg, "worker", fmt.Sprintf("pasted_worker %d %s", id, cfg.Title))
	if err != nil {
		return nil, err
	}
	p.run()
	if _, err := p.await(ctx, wire.Loaded); err != nil {
		p.kill()
		<-p.done
		return nil, err
	}
	return begin(ctx, p)
}

// begin makes p, which has loaded the roots, a worker that serves, and ends it
// where that fails or when ctx ends before.
func begin(ctx context.Context, p *process) (*Worker, error) {
	w := &Worker{proc: p}
	err := w.serve(ctx)
	if err == nil {
		return w, nil
	}
	w.abort()
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return nil, err
}

// abort kills a worker that did not become ready, and waits for its end.
func (w *Worker) abort() {
	w.Kill()
	<-w.proc.done
	for _, l := range w.lanes {
		l.Close()
	}
	if w.board != nil {
		w.board.Close()
	}
}

// serve gives the worker its board and its lanes and waits until it serves them.
func (w *Worker) serve(ctx context.Context) error {
	if err := w.giveBoard(); err != nil {
		return err
	}
	if err := w.giveLanes(); err != nil {
		return err
	}
	if err := w.proc.send(wire.Serve, 0, nil); err != nil {
		return w.proc.why(err)
	}
	ready, err := w.proc.await(ctx, wire.Ready)
	w.noteThreads(ready)
	if kept, _ := ready.Get("board"); err == nil && kept != true {
		w.board.Close()
		w.board = nil
	}
	return err
}

func (w *Worker) giveBoard() error {
	b, file, err := board.New(w.proc.cfg.Lanes)
	if err != nil {
		return err
	}
	defer file.Close()
	w.board = b
	if err := w.proc.send(wire.Board, 0, nil, file); err != nil {
		return w.proc.why(err)
	}
	return nil
}

func (w *Worker) giveLanes() error {
	var theirs []*os.File
	defer func() {
		for _, f := range theirs {
			f.Close()
		}
	}()
	for range w.proc.cfg.Lanes {
		lane, file, err := laneSocket()
		if err != nil {
			return err
		}
		w.lanes = append(w.lanes, lane)
		theirs = append(theirs, file)
	}
	for rest := theirs; len(rest) > 0; {
		n := min(len(rest), wire.MaxDescriptors)
		if err := w.proc.send(wire.Lanes, 0, nil, rest[:n]...); err != nil {
			return w.proc.why(err)
		}
		rest = rest[n:]
	}
	return nil
}

// launch starts the interpreter and tells it who it is and what to load. When
// ctx ends before, the process is killed.
func launch(ctx context.Context, cfg *Config, mode, title string) (*process, error) {
	p, err := open(cfg, title, cfg.Stdout, cfg.Stderr)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, p.kill)
	defer stop()
	if err = p.teach(); err == nil {
		err = p.load(mode, false)
	}
	if err != nil {
		p.discard()
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, p.why(err)
	}
	return p, nil
}

// open starts the interpreter with these files as its standard output and error,
// and more as descriptors from 4 on. It waits for what it is to be.
func open(cfg *Config, title string, stdout, stderr *os.File, more ...*os.File) (*process, error) {
	if err := becomeSubreaper(); err != nil {
		return nil, err
	}
	control, theirs, err := socketPair()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		control.Close()
		return nil, err
	}
	defer null.Close()
	p := newProcess(cfg, control)
	argv := []string{cfg.Python, "-c", cfg.Side.Boot(), title}
	env := cfg.Env
	if env == nil {
		env = os.Environ()
	}
	p.group, err = spawn(argv, env, cfg.Dir, append([]*os.File{null, stdout, stderr, theirs}, more...))
	if err != nil {
		control.Close()
		return nil, fmt.Errorf("start %s: %w", cfg.Python, err)
	}
	return p, nil
}

// discard ends a process that does not run yet, and waits for its end.
func (p *process) discard() {
	p.kill()
	<-p.group.done
	p.control.Close()
}

// teach sends the Python side itself.
func (p *process) teach() error {
	if err := p.write([]byte(p.cfg.Side.Prelude()), nil); err != nil {
		return err
	}
	modules := p.cfg.Side.Modules()
	sources := make(map[string]any, len(modules))
	for name, source := range modules {
		sources[name] = source
	}
	return p.send(wire.Modules, 0, sources)
}

// load says what the process is to be, and to load. With streams its descriptors 4
// and 5 become its standard output and error.
func (p *process) load(mode string, streams bool) error {
	load := append(marshal.Dict{
		{Key: "mode", Value: mode},
		{Key: "server_pid", Value: os.Getpid()},
		{Key: "title", Value: p.cfg.Title},
		{Key: "streams", Value: streams},
	}, p.cfg.Load...)
	return p.send(wire.Load, 0, load)
}

// await returns the next event of the kind want. Hello events are passed over.
func (p *process) await(ctx context.Context, want wire.Kind) (marshal.Dict, error) {
	for {
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case e, ok := <-p.events:
			switch {
			case !ok:
				return nil, p.why(io.ErrUnexpectedEOF)
			case e.kind == wire.Failed:
				return nil, loadError(e.value)
			case e.kind == want:
				return e.value, nil
			case e.kind != wire.Hello:
				return nil, fmt.Errorf("frame of kind %#x where %#x was to come", e.kind, want)
			}
		}
	}
}

// why turns err, a failure to talk to the process, into the process's end
// where that is the reason.
func (p *process) why(err error) error {
	if p.group == nil || !Ended(err) && !errors.Is(err, syscall.EPIPE) {
		return err
	}
	p.kill() // it has closed its control connection, and so is about to end
	<-p.group.done
	return &DiedError{PID: p.group.pid, Exit: p.group.exit}
}

func loadError(d marshal.Dict) error {
	e := &LoadError{
		Stage: str(d, "stage"), Class: str(d, "class"), Text: str(d, "text"),
		Traceback: str(d, "traceback"),
	}
	if e.Traceback != "" && !strings.HasSuffix(e.Traceback, "\n") {
		e.Traceback += "\n"
	}
	cause, where := dict(d, "cause"), dict(d, "where")
	e.CauseFile, e.CauseLine, e.CauseText = str(cause, "file"), integer(cause, "line"), str(cause, "text")
	e.File, e.Line, e.Section = str(where, "file"), integer(where, "line"), str(where, "section")
	return e
}

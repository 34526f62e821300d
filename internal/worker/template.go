package worker

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"pasted/internal/marshal"
	"pasted/internal/wire"
)

// bornWithin is how long a fork may take to say Hello, what the application
// does after a fork included. Whatever waits longer waits for ever, mostly for
// a lock that a thread of the template held at the fork.
const bornWithin = 5 * time.Minute

var (
	errUnborn    = errors.New("the worker did not say hello within " + bornWithin.String())
	errStillborn = errors.New("the worker ended before it had said hello")
)

// A Template is a Python process that has imported the application and forks
// workers. Its end does not end them: they are children of this process.
type Template struct {
	proc *process
	fork sync.Mutex // one fork at a time
}

// StartTemplate starts a template and returns when it has loaded the roots.
// When ctx ends before, it is killed. The error is a *LoadError for what
// Python raised, or a *DiedError.
func StartTemplate(ctx context.Context, cfg *Config) (*Template, error) {
	p := cfg.Early.take(ctx, cfg)
	if p == nil {
		var err error
		if p, err = launch(ctx, cfg, "template", templateTitle(cfg)); err != nil {
			return nil, err
		}
	}
	p.run()
	if _, err := p.await(ctx, wire.Loaded); err != nil {
		p.kill()
		<-p.done
		return nil, err
	}
	return &Template{proc: p}, nil
}

func templateTitle(cfg *Config) string { return "pasted_worker template " + cfg.Title }

// PID returns the template's process number.
func (t *Template) PID() int { return t.proc.group.pid }

// Done is closed when the template has exited and been reaped. Exit then says
// how.
func (t *Template) Done() <-chan struct{} { return t.proc.done }

// Exit says how the template ended. It may be called once Done is closed.
func (t *Template) Exit() Exit { return t.proc.group.exit }

// Drain tells the template to exit. It does not wait.
func (t *Template) Drain() { t.proc.drain() }

// Kill ends the template at once.
func (t *Template) Kill() { t.proc.kill() }

// Fork makes worker id and returns when it is ready. When ctx ends before, the
// worker is killed. The error is a *DiedError with the template's own PID if
// that has gone.
func (t *Template) Fork(ctx context.Context, id int) (*Worker, error) {
	p, hello, err := t.birth(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("fork worker %d: %w", id, err)
	}
	if p.group, err = adopt(integer(hello, "pid")); err != nil {
		p.control.Close() // which ends whoever holds the other end
		return nil, err
	}
	p.run()
	return begin(ctx, p)
}

// birth has the template fork, and returns the new process with its Hello.
// The process's control connection is read by nobody yet.
func (t *Template) birth(ctx context.Context, id int) (*process, marshal.Dict, error) {
	t.fork.Lock()
	defer t.fork.Unlock()
	ctx, cancel := context.WithTimeoutCause(ctx, bornWithin, errUnborn)
	defer cancel()
	if ctx.Err() != nil {
		return nil, nil, context.Cause(ctx)
	}
	t.proc.dropEvents()
	control, theirs, err := socketPair()
	if err != nil {
		return nil, nil, err
	}
	err = t.proc.send(wire.Fork, uint64(id), nil, theirs)
	theirs.Close()
	if err != nil {
		control.Close()
		return nil, nil, t.proc.why(err)
	}
	p := newProcess(t.proc.cfg, control)
	stop := context.AfterFunc(ctx, func() { control.Close() })
	defer stop()
	hello, err := p.hello()
	if err != nil {
		control.Close()
		return nil, nil, t.unborn(ctx, err)
	}
	return p, hello, nil
}

// hello reads the first frame of a forked worker.
func (p *process) hello() (marshal.Dict, error) {
	f, err := p.frames.Next()
	if err != nil {
		return nil, err
	}
	value, err := decodeDict(f.Payload)
	switch {
	case err != nil:
		return nil, err
	case f.Kind == wire.Failed:
		return nil, loadError(value)
	case f.Kind != wire.Hello:
		return nil, fmt.Errorf("frame of kind %#x before hello", f.Kind)
	}
	return value, nil
}

// lastWords is how long a template may take to say why a worker that has gone
// was not born: it says so after the worker's connection has ended.
const lastWords = time.Second

// unborn says why a worker was not born whose connection gave err: what the
// template has said of it, or the template's end, or err.
func (t *Template) unborn(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if !Ended(err) {
		return err
	}
	wait := time.NewTimer(lastWords)
	defer wait.Stop()
	select {
	case e, ok := <-t.proc.events:
		switch {
		case !ok:
			return t.proc.why(err)
		case e.kind == wire.Failed:
			return loadError(e.value)
		}
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-wait.C:
	}
	return errStillborn
}

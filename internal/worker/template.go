package worker

import (
	"context"
	"fmt"
	"sync"

	"pasted/internal/marshal"
	"pasted/internal/wire"
)

// A Template is a Python process that has imported the application and forks
// workers. Its end does not end them: they are children of this process.
type Template struct {
	proc *process
	done chan struct{}
	wg   sync.WaitGroup
	fork sync.Mutex // one fork at a time
}

// StartTemplate starts a template and returns when it has loaded the roots.
// When ctx ends before, it is killed. The error is a *LoadError for what
// Python raised, or a *DiedError.
func StartTemplate(ctx context.Context, cfg *Config) (*Template, error) {
	p, err := launch(cfg, "template", "pasted_worker template "+cfg.Title)
	if err != nil {
		return nil, err
	}
	t := &Template{proc: p, done: make(chan struct{})}
	t.wg.Go(p.read)
	go func() {
		<-p.group.done
		p.finish()
		t.wg.Wait()
		close(t.done)
	}()
	if _, err := p.await(ctx, wire.Loaded); err != nil {
		t.Kill()
		<-t.done
		return nil, err
	}
	return t, nil
}

// PID returns the template's process number.
func (t *Template) PID() int { return t.proc.group.pid }

// Done is closed when the template has exited and been reaped. Exit then says
// how.
func (t *Template) Done() <-chan struct{} { return t.done }

// Exit says how the template ended. It may be called once Done is closed.
func (t *Template) Exit() Exit { return t.proc.group.exit }

// Drain tells the template to exit.
func (t *Template) Drain() { _ = t.proc.send(wire.Drain, 0, nil) }

// Kill ends the template at once.
func (t *Template) Kill() { t.proc.kill() }

// Fork makes worker id and returns when it is ready. When ctx ends before, the
// worker is killed.
func (t *Template) Fork(ctx context.Context, id int) (*Worker, error) {
	p, hello, err := t.birth(ctx, id)
	if err != nil {
		return nil, err
	}
	if p.group, err = adopt(integer(hello, "pid")); err != nil {
		p.control.Close() // which ends whoever holds the other end
		return nil, err
	}
	w := &Worker{proc: p}
	w.watch()
	if err := w.serve(ctx); err != nil {
		w.abort()
		return nil, err
	}
	return w, nil
}

// birth has the template fork, and returns the new process with its Hello.
// The process's control connection is read by nobody yet.
func (t *Template) birth(ctx context.Context, id int) (*process, marshal.Dict, error) {
	t.fork.Lock()
	defer t.fork.Unlock()
	control, theirs, err := socketPair()
	if err != nil {
		return nil, nil, err
	}
	err = t.proc.send(wire.Fork, uint64(id), nil, theirs)
	theirs.Close()
	if err != nil {
		control.Close()
		return nil, nil, fmt.Errorf("fork worker %d: %w", id, t.proc.why(err))
	}
	p := newProcess(t.proc.cfg, control)
	stop := context.AfterFunc(ctx, func() { control.Close() })
	defer stop()
	hello, err := p.hello()
	if err != nil {
		control.Close()
		return nil, nil, t.forkError(ctx, id, err)
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

// forkError says why worker id was not born: what the template has said of it,
// or the template's end, or err.
func (t *Template) forkError(ctx context.Context, id int, err error) error {
	select {
	case e, ok := <-t.proc.events:
		if ok && e.kind == wire.Failed {
			err = loadError(e.value)
		}
	case <-t.done:
		err = &DiedError{PID: t.PID(), Exit: t.Exit()}
	default:
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
	}
	return fmt.Errorf("fork worker %d: %w", id, err)
}

package worker

import (
	"context"
	"os"
	"sync/atomic"
)

// An Early is an interpreter that is started before it is known what it is to
// load: it starts, and compiles the Python side, while the file is read and the
// interpreter asked what it is. It is taken for a Python 3.7 or later. Its standard
// output and error lead nowhere until it is told what to load: what is another
// program, or does not start, says so to whoever asks it.
type Early struct {
	proc   atomic.Pointer[process] // nil when it has been taken or closed
	taught chan error              // what came of sending the Python side
}

// StartEarly starts an interpreter for the first template of a Config with this
// Python, Title, Env, Dir, Stdout and Stderr. It is nil, which is an Early as
// well, if none can be started: StartTemplate says why.
func StartEarly(cfg *Config) *Early {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return nil
	}
	defer null.Close()
	p, err := open(cfg, templateTitle(cfg), null, null, cfg.Stdout, cfg.Stderr)
	if err != nil {
		return nil
	}
	e := &Early{taught: make(chan error, 1)}
	e.proc.Store(p)
	go func() { e.taught <- p.teach() }()
	return e
}

// take tells the interpreter to be the template that cfg describes, and returns
// it; nil if there is none, any more, that listens. When ctx ends before, it is
// killed.
func (e *Early) take(ctx context.Context, cfg *Config) *process {
	if e == nil {
		return nil
	}
	p := e.proc.Swap(nil)
	if p == nil {
		return nil
	}
	stop := context.AfterFunc(ctx, p.kill)
	defer stop()
	err := <-e.taught
	if p.cfg = cfg; err == nil {
		err = p.load("template", true)
	}
	if err != nil {
		p.discard()
		return nil
	}
	return p
}

// Close ends the interpreter unless it is a template, and returns when nothing of
// it is left. It may be called more than once.
func (e *Early) Close() {
	if e == nil {
		return
	}
	if p := e.proc.Swap(nil); p != nil {
		p.discard()
		<-e.taught
	}
}

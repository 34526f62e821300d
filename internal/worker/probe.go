package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"pasted/internal/marshal"
	"pasted/internal/wire"
	"pasted/paste"
)

// A Probe is a Python process that is thrown away: it finds out what an
// application's objects are, and what its factories are called with, and serves
// nothing. Its questions are answered one at a time, in any order that they
// come from several goroutines. Close must be called.
type Probe struct {
	proc    *process
	timeout time.Duration

	mu     sync.Mutex // one question at a time
	number uint64
	lost   error // why there is no answer any more
}

// probeTimeout is how long a probe has for an answer unless it is told
// otherwise: a large application takes some ten seconds to import.
const probeTimeout = time.Minute

// probeGrace is how long a probe may take to exit: its exit handlers are the
// application's.
const probeGrace = 2 * time.Second

// A RaisedError is what the application's code raised in a probe.
type RaisedError struct {
	// LoadError tells stage "import", or "logging" and "setup" of
	// StartProbe's, class, text, traceback and first cause.
	LoadError
	// Bases are the names of the class's own bases, the nearest first, without
	// Exception, BaseException and object.
	Bases []string
}

// Unwrap gives the LoadError.
func (e *RaisedError) Unwrap() error { return &e.LoadError }

// A Creation is what creating a resolved tree gave, in the words of Python's
// side of it (record.py): JSON, whose order of keys counts.
type Creation struct {
	// Result describes what came out, and is nil where something was raised.
	Result json.RawMessage `json:"result"`
	// Error is what was raised, or nil.
	Error *CreationError `json:"error"`
	// Calls are those of factories, in their order.
	Calls json.RawMessage `json:"calls"`
	// Broken says why the result, though it came out, is no application.
	Broken string `json:"broken"`
	// JSON is all of it, in one object.
	JSON json.RawMessage `json:"-"`
}

// A CreationError is what a factory has raised.
type CreationError struct {
	Class   string   `json:"class"`
	Message string   `json:"message"`
	Bases   []string `json:"bases"`
}

// StartProbe starts a probe with what cfg says of a worker, but for its lanes
// and roots; cfg.Load may have "path", "path_end", "file", "logging", "vars",
// "setup" and "stand_ins", which is true for modules in the place of Paste's where
// that is missing. An answer that takes longer than timeout, zero meaning a minute,
// is none, and ends the probe; so does the start. The error is a *LoadError for
// what Python raised, a *DiedError, or ctx's cause.
func StartProbe(ctx context.Context, cfg *Config, timeout time.Duration) (*Probe, error) {
	if timeout <= 0 {
		timeout = probeTimeout
	}
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("%s has not started within %s", cfg.Python, timeout))
	defer cancel()
	bare := *cfg
	bare.Load = append(marshal.Dict{{Key: "roots", Value: []any{}}}, cfg.Load...)
	proc, err := launch(ctx, &bare, "probe", "pasted_worker probe "+cfg.Title)
	if err != nil {
		return nil, err
	}
	proc.run()
	p := &Probe{proc: proc, timeout: timeout}
	if _, err := proc.await(ctx, wire.Loaded); err != nil {
		proc.kill()
		<-proc.done
		return nil, err
	}
	return p, nil
}

// PID returns the process's number.
func (p *Probe) PID() int { return p.proc.group.pid }

// Import imports o as PasteDeploy does where it resolves o's name, and returns
// what the object calls itself: "module:qualname", or "module NAME" for a
// module. What Python raises is a *paste.Error with Class and Text as Python has
// them, which wraps a *RaisedError; the other errors are a *DiedError where the
// process has ended, a timeout, and ctx's cause, and last: every later call
// returns the same.
func (p *Probe) Import(ctx context.Context, o *paste.Object) (spec string, err error) {
	answer, err := p.ask(ctx, marshal.Dict{
		{Key: "do", Value: "import"},
		{Key: "object", Value: marshal.Dict{
			{Key: "style", Value: string(o.Style)},
			{Key: "module", Value: o.Module},
			{Key: "attr", Value: o.Attr},
		}},
	}, "import "+o.String())
	if err != nil {
		return "", err
	}
	return str(answer, "spec"), nil
}

// Create creates what tree stands for, as PasteDeploy does to the letter, an
// application's broken filter-with included, and notes each call of a factory.
// tree is a context as placement's Encode has it, with "loader", the loader's
// URI, in each of its nodes; cfg.Resolve answers what a composite's loader is
// asked, with such trees. The errors are Import's, a *paste.Error only for what
// the import of the tree's objects raises: what factories raise is part of the
// Creation.
func (p *Probe) Create(ctx context.Context, kind paste.Kind, tree marshal.Dict) (*Creation, error) {
	answer, err := p.ask(ctx, marshal.Dict{
		{Key: "do", Value: "create"},
		{Key: "kind", Value: string(kind)},
		{Key: "context", Value: tree},
	}, "create what the file says")
	if err != nil {
		return nil, err
	}
	c := &Creation{JSON: json.RawMessage(str(answer, "creation"))}
	if err := json.Unmarshal(c.JSON, c); err != nil {
		return nil, p.lose(fmt.Errorf("the probe's account of a creation: %w", err))
	}
	return c, nil
}

// Close ends the process and returns when nothing of it is left. It may be
// called more than once.
func (p *Probe) Close() {
	p.proc.drain()
	grace := time.NewTimer(probeGrace)
	defer grace.Stop()
	select {
	case <-p.proc.done:
	case <-grace.C:
	}
	p.proc.kill() // which a process that has gone does not notice
	<-p.proc.done
}

// ask puts a question, about what, and returns the answer.
func (p *Probe) ask(ctx context.Context, question marshal.Dict, what string) (marshal.Dict, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.lost != nil {
		return nil, p.lost
	}
	ctx, cancel := context.WithTimeoutCause(ctx, p.timeout, fmt.Errorf("%s: no answer within %s", what, p.timeout))
	defer cancel()
	p.number++
	err := p.proc.send(wire.Probe, p.number, question)
	var answer marshal.Dict
	if err == nil {
		answer, err = p.proc.await(ctx, wire.Found)
	} else {
		err = p.proc.why(err)
	}
	var died *DiedError
	if errors.As(err, &died) {
		died.Doing = what
	}
	if err != nil {
		return nil, p.loseLocked(err)
	}
	if told := dict(answer, "error"); told != nil {
		return nil, raisedError(told)
	}
	return answer, nil
}

// lose ends a process that cannot be relied on any more: an answer of its that
// comes later would be taken for that to the next question.
func (p *Probe) lose(err error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.loseLocked(err)
}

func (p *Probe) loseLocked(err error) error {
	p.lost = err
	p.proc.kill()
	return err
}

// raisedError makes an error of the description of an exception.
func raisedError(told marshal.Dict) error {
	e := &RaisedError{LoadError: *loadError(told).(*LoadError)}
	bases, _ := told.Get("bases")
	list, _ := bases.([]any)
	for _, base := range list {
		if name, ok := base.(string); ok {
			e.Bases = append(e.Bases, name)
		}
	}
	return &paste.Error{Class: e.Class, Text: e.Text, Message: e.LoadError.Error(), Err: e}
}

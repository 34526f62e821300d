package httpd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

const (
	// idleGrace is how long after a stop a connection without a request may
	// still bring one: it may be on its way, and would be lost.
	idleGrace = 300 * time.Millisecond
	// acceptGrace is how long after a stop connections are taken that the
	// kernel has already accepted; they would be reset. mostAccepts bounds
	// how many times that is, where they keep coming.
	acceptGrace = 20 * time.Millisecond
	mostAccepts = 50
	// cutGrace is how long handlers have to return once their clients have
	// been cut off.
	cutGrace = 5 * time.Second
)

// A CutError says that a stop has cut off requests that were being served.
type CutError struct {
	Requests int           // that had no answer yet, or half of one
	Running  int           // of them, those whose handler had not returned either
	After    time.Duration // since the stop began
}

// Error says how many requests and when.
func (e *CutError) Error() string {
	text := fmt.Sprintf("requests cut off %v after the stop: %d", e.After.Round(time.Millisecond), e.Requests)
	if e.Running > 0 {
		text += fmt.Sprintf("; %d of them still run", e.Running)
	}
	return text
}

// Serve answers requests on listeners, which it closes, until ctx ends. Then
// it takes no more connections, closes idle ones, and lets requests that are
// being served finish, for cfg.GracefulTimeout at most or until kill ends,
// when their connections are cut and their contexts end.
//
// A request's context ends when its client has gone, but not with ctx. handler
// may panic with http.ErrAbortHandler to break the connection; another panic is
// logged, and answered by 500 if nothing has been written.
//
// It returns nil after a stop that no request has noticed, a *CutError, or the
// error of a listener. All that it has started has ended then, except for
// handlers that do not return although their request's context has ended.
func Serve(ctx, kill context.Context, cfg Config, listeners []net.Listener, handler http.Handler, log *slog.Logger) error {
	base, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	e := newEngine(base, cfg.withDefaults(), handler, log)
	var accepting sync.WaitGroup
	failures := make(chan error, len(listeners))
	for _, l := range listeners {
		accepting.Go(func() { failures <- e.http.Serve(&listener{Listener: l, conns: e.conns}) })
	}
	var failure error
	select {
	case <-ctx.Done():
	case <-kill.Done():
	case failure = <-failures:
	}
	e.conns.stop()
	e.stopAccepting(listeners, kill, &accepting)
	e.conns.settle()
	if err := e.drain(kill, cancel); err != nil {
		return errors.Join(failure, err)
	}
	return failure
}

// An engine is net/http under our limits.
type engine struct {
	cfg      Config
	handler  http.Handler
	log      *slog.Logger
	refusals *refusals
	conns    *conns
	http     *http.Server
}

func newEngine(base context.Context, cfg Config, handler http.Handler, log *slog.Logger) *engine {
	e := &engine{cfg: cfg, handler: handler, log: log, refusals: &refusals{log: log}}
	e.conns = newConns(e)
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	e.http = &http.Server{
		Handler:           e,
		Protocols:         protocols,
		BaseContext:       func(net.Listener) context.Context { return base },
		ConnContext:       withConn,
		ConnState:         e.conns.setState,
		ReadHeaderTimeout: cfg.HeaderTimeout,
		IdleTimeout:       cfg.IdleTimeout,
		// Reading a head is bounded by conn, exactly; this is behind it.
		MaxHeaderBytes:               int(cfg.MaxHeaderSize) + 4<<10,
		DisableGeneralOptionsHandler: true,
		ErrorLog:                     slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	return e
}

// stopAccepting lets as few new connections come as can be, takes those that
// the kernel has already accepted, and closes the listeners. It returns when
// nobody accepts from them any more.
func (e *engine) stopAccepting(listeners []net.Listener, kill context.Context, accepting *sync.WaitGroup) {
	for _, l := range listeners {
		if u, ok := l.(*unixListener); ok {
			u.unlink()
		} else {
			_ = shorten(l) // where it cannot, a few more may be reset
		}
		last, ok := l.(interface{ SetDeadline(time.Time) error })
		if !ok || kill.Err() != nil || last.SetDeadline(time.Now().Add(acceptGrace)) != nil {
			l.Close()
		}
	}
	accepting.Wait()
	for _, l := range listeners {
		l.Close()
	}
}

// drain returns when all connections have ended, by themselves or cut; cancel
// ends the contexts of the latter's requests.
func (e *engine) drain(kill context.Context, cancel func()) error {
	began := time.Now()
	idle := time.NewTicker(idleGrace)
	defer idle.Stop()
	graceful := time.NewTimer(e.cfg.GracefulTimeout)
	defer graceful.Stop()
	for {
		select {
		case <-e.conns.empty:
			return nil
		case <-idle.C:
			e.conns.closeIdle()
			continue
		case <-graceful.C:
		case <-kill.Done():
		}
		break
	}
	cut := e.conns.cut()
	cancel()
	running := 0
	select {
	case <-e.conns.empty:
	case <-time.After(cutGrace):
		running = e.conns.len()
	}
	if cut == 0 {
		return nil
	}
	return &CutError{Requests: cut, Running: running, After: time.Since(began)}
}

package httpd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"pasted/internal/h1"
)

const (
	// idleGrace is how long after a stop a connection without a request may
	// still bring one: it may be on its way, and would be lost.
	idleGrace = 300 * time.Millisecond
	// shortIdleGrace is the same where sockets are kept: somebody waits for
	// the stop, and who is closed finds the next server there.
	shortIdleGrace = 30 * time.Millisecond
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
// when their connections are cut and their contexts end. The connections live
// on loops, which must run until Serve has returned.
//
// A request whose way to its root holds only head filters is answered on its
// loop, if handler is an h1.Short; see Config.NoShortWay. Any other is
// answered by handler.ServeHTTP on a goroutine. Its context ends when its
// client has gone, but not with ctx. handler may panic with
// http.ErrAbortHandler to break the connection; another panic is logged, and
// answered by 500 if nothing has been written.
//
// It returns nil after a stop that no request has noticed, a *CutError, or the
// error of a listener. All that it has started has ended then, except for
// handlers that do not return although their request's context has ended.
func Serve(ctx, kill context.Context, cfg Config, loops []*h1.Loop, listeners []net.Listener, handler http.Handler, log *slog.Logger) error {
	base, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	cfg = cfg.withDefaults()
	e := &engine{cfg: cfg, handler: handler, refusals: &refusals{log: log}}
	e.http2 = newHTTP2Server(e, base, log)
	e.server = h1.NewServer(e.config(base, log), loops)
	failure := e.listen(listeners)
	if failure == nil {
		select {
		case <-ctx.Done():
		case <-kill.Done():
		case failure = <-e.server.Failed():
		}
	}
	e.stop(listeners, kill)
	if err := e.drain(kill, cancel); err != nil {
		return errors.Join(failure, err)
	}
	return failure
}

// An engine is h1's server under the limits and the ways of a Config.
type engine struct {
	cfg      Config
	handler  http.Handler
	refusals *refusals
	server   *h1.Server
	http2    *http2Server
}

// config returns what h1's server is to do.
func (e *engine) config(base context.Context, log *slog.Logger) h1.Config {
	c := &e.cfg
	head := int(c.MaxHeaderSize)
	orHead := func(n int) int {
		if n > 0 {
			return min(n, head)
		}
		return head
	}
	config := h1.Config{
		Limits: h1.Limits{
			RequestLine: orHead(c.MaxRequestLine), FieldLine: orHead(c.MaxFieldSize), Fields: orHead(c.MaxFields),
			Head: head, Body: c.MaxBodySize, BrowserTargets: true,
		},
		MaxConnections: c.MaxConnections,
		HeaderTimeout:  c.HeaderTimeout,
		BodyTimeout:    c.BodyTimeout,
		MinBodyRate:    max(0, c.MinBodyRate),
		IdleTimeout:    c.IdleTimeout,
		SendTimeout:    c.SendTimeout,
		NoKeepAlive:    c.NoKeepAlive,
		Ident:          c.Ident,
		Proxies:        c.ProxyProtocol,
		Handler:        http.HandlerFunc(e.serveLong),
		BaseContext:    base,
		Refused:        e.refusals.note,
		Log:            log,
	}
	e.http2.limits = config.Limits
	if !c.NoHTTP2 {
		config.HTTP2, config.MakeRoom = e.http2.serve, e.http2.makeRoom
	}
	if short, ok := e.handler.(h1.Short); ok && !c.NoShortWay {
		config.Short = &shortWay{engine: e, next: short}
	}
	return config
}

// listen has the server accept from all listeners. It has duplicates of them:
// the listeners themselves are closed, as Go's own poller would wake up for
// each connection too.
func (e *engine) listen(listeners []net.Listener) error {
	var failure error
	for _, l := range listeners {
		if failure == nil {
			failure = e.server.Listen(l)
		}
		if u, ok := l.(*unixListener); ok {
			u.UnixListener.Close() // its file stays until the stop
		} else {
			l.Close()
		}
	}
	return failure
}

// stop lets no connection come any more but those that the kernel has accepted
// already.
func (e *engine) stop(listeners []net.Listener, kill context.Context) {
	if e.cfg.KeepSockets {
		e.server.Leave()
		e.server.Stop()
		e.http2.stop()
		e.server.Settle()
		return
	}
	e.server.Stop()
	e.http2.stop()
	for _, l := range listeners {
		if u, ok := l.(*unixListener); ok {
			u.unlink()
		}
	}
	looks := mostAccepts
	if kill.Err() != nil {
		looks = 0
	}
	e.server.Unlisten(acceptGrace, looks)
	e.server.Settle()
}

// drain returns when all connections have ended, by themselves or cut; cancel
// ends the contexts of the latter's requests.
func (e *engine) drain(kill context.Context, cancel func()) error {
	defer e.http2.wait()
	began := time.Now()
	least := idleGrace
	if e.cfg.KeepSockets {
		least = shortIdleGrace
	}
	idle := time.NewTicker(least)
	defer idle.Stop()
	graceful := time.NewTimer(e.cfg.GracefulTimeout)
	defer graceful.Stop()
	for {
		select {
		case <-e.server.Empty():
			return nil
		case <-idle.C:
			e.server.CloseIdle(least)
			e.http2.close()
			continue
		case <-graceful.C:
		case <-kill.Done():
		}
		break
	}
	cut := e.http2.running()
	cut += e.server.Cut()
	cancel()
	running := 0
	select {
	case <-e.server.Empty():
	case <-time.After(cutGrace):
		running = e.server.Open()
	}
	if cut == 0 {
		return nil
	}
	return &CutError{Requests: cut, Running: running, After: time.Since(began)}
}

package httpd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
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
	return NewEngine(ctx, cfg, loops, handler, log).Serve(ctx, kill, listeners, func() {
		if !cfg.KeepSockets {
			unlink(listeners)
		}
	})
}

// An Engine serves as the function Serve does, and goes on by another Config
// and another handler when it is told to, without losing a connection.
type Engine struct {
	base     context.Context // of requests
	cancel   func()
	log      *slog.Logger
	refusals *refusals
	server   *h1.Server
	http2    *http2Server
	now      atomic.Pointer[way]
}

// A way is what an engine serves by, until there is another.
type way struct {
	cfg     Config
	limits  h1.Limits
	handler http.Handler
	prefix  []byte // cfg.URLPrefix
	refused *refusals
	running atomic.Int64 // requests of the long way, in handler
}

// NewEngine returns an engine that does not serve yet. Requests' contexts have
// ctx's values.
func NewEngine(ctx context.Context, cfg Config, loops []*h1.Loop, handler http.Handler, log *slog.Logger) *Engine {
	e := &Engine{log: log, refusals: &refusals{log: log}}
	e.base, e.cancel = context.WithCancel(context.WithoutCancel(ctx))
	w := newWay(cfg, handler, e.refusals)
	e.now.Store(w)
	e.http2 = newHTTP2Server(e)
	e.server = h1.NewServer(e.config(w), loops)
	return e
}

func newWay(cfg Config, handler http.Handler, refused *refusals) *way {
	w := &way{cfg: cfg.withDefaults(), handler: handler, prefix: []byte(cfg.URLPrefix), refused: refused}
	head := int(w.cfg.MaxHeaderSize)
	orHead := func(n int) int {
		if n > 0 {
			return min(n, head)
		}
		return head
	}
	w.limits = h1.Limits{
		RequestLine: orHead(cfg.MaxRequestLine), FieldLine: orHead(cfg.MaxFieldSize), Fields: orHead(cfg.MaxFields),
		Head: head, Body: w.cfg.MaxBodySize, BrowserTargets: true,
	}
	return w
}

// Serve is the function Serve. At the stop closed is called, and returns when Swap
// is not called any more. Where sockets are not kept it sees to it that nobody else
// has the listeners' sockets or, of Unix sockets, their files.
func (e *Engine) Serve(ctx, kill context.Context, listeners []net.Listener, closed func()) error {
	defer e.cancel()
	failure := e.listen(listeners)
	if failure == nil {
		select {
		case <-ctx.Done():
		case <-kill.Done():
		case failure = <-e.server.Failed():
		}
	}
	e.stop(closed, kill)
	if err := e.drain(kill); err != nil {
		return errors.Join(failure, err)
	}
	return failure
}

// Swap has e, which serves, go on by cfg and handler, on listeners instead of
// those before; it closes them. Requests that have begun go on as before:
// settled says whether handlers still have any of them. Connections stay. With
// an error, nothing has changed.
func (e *Engine) Swap(cfg Config, handler http.Handler, listeners []net.Listener) (settled func() bool, err error) {
	had := e.server.Listening()
	if err := e.listen(listeners); err != nil {
		if now := e.server.Listening(); now > had {
			e.server.LeaveLast(now - had)
		}
		return nil, err
	}
	next := newWay(cfg, handler, e.refusals)
	before := e.now.Swap(next)
	e.server.Swap(e.config(next))
	e.server.LeaveFirst(had)
	return func() bool { return before.running.Load() == 0 }, nil
}

// enter returns the way that a request on the long way goes by; leave ends it.
func (e *Engine) enter() *way {
	for {
		w := e.now.Load()
		w.running.Add(1)
		if e.now.Load() == w {
			return w
		}
		w.running.Add(-1) // Swap may have looked in between
	}
}

func (w *way) leave() { w.running.Add(-1) }

// config returns what h1's server is to do.
func (e *Engine) config(w *way) h1.Config {
	c := &w.cfg
	config := h1.Config{
		Limits:         w.limits,
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
		BaseContext:    e.base,
		Refused:        e.refusals.note,
		Log:            e.log,
	}
	if !c.NoHTTP2 {
		config.HTTP2, config.MakeRoom = e.http2.serve, e.http2.makeRoom
	}
	if short, ok := w.handler.(h1.Short); ok && !c.NoShortWay {
		config.Short = &shortWay{way: w, next: short}
	}
	return config
}

// listen has the server accept from all listeners. It has duplicates of them:
// the listeners themselves are closed, as Go's own poller would wake up for
// each connection too.
func (e *Engine) listen(listeners []net.Listener) error {
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

// unlink removes the files of Unix sockets.
func unlink(listeners []net.Listener) {
	for _, l := range listeners {
		if u, ok := l.(*unixListener); ok {
			u.unlink()
		}
	}
}

// stop lets no connection come any more but those that the kernel has accepted
// already.
func (e *Engine) stop(closed func(), kill context.Context) {
	if e.now.Load().cfg.KeepSockets {
		closed()
		e.server.Leave()
		e.server.Stop()
		e.http2.stop()
		e.server.Settle()
		return
	}
	e.server.Stop()
	e.http2.stop()
	closed()
	looks := mostAccepts
	if kill.Err() != nil {
		looks = 0
	}
	e.server.Unlisten(acceptGrace, looks)
	e.server.Settle()
}

// drain returns when all connections have ended, by themselves or cut: then the
// contexts of their requests end.
func (e *Engine) drain(kill context.Context) error {
	cfg := &e.now.Load().cfg
	defer e.http2.wait()
	began := time.Now()
	least := idleGrace
	if cfg.KeepSockets {
		least = shortIdleGrace
	}
	idle := time.NewTicker(least)
	defer idle.Stop()
	graceful := time.NewTimer(cfg.GracefulTimeout)
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
	e.cancel()
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

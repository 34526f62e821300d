package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"pasted/internal/h1"
	"pasted/internal/httpd"
	"pasted/internal/release"
	"pasted/internal/watch"
)

// A reloader serves one release after another, each until a file of it changes,
// and never two at a time: what an application holds, such as a lock, is free
// when it is loaded anew.
type reloader struct {
	*serveCommand
	watcher *watch.Watcher
	sockets httpd.Sockets
	hangup  chan struct{}
	say     announcer
	said    string           // of the last plan
	opened  bool             // the browser
	last    *release.Release // that has been loaded; nil: none has
}

// runReloading serves until ctx ends or a signal comes. A file that is wrong,
// and an application that does not load, are shown, and waited for.
func (s *serveCommand) runReloading(ctx context.Context) error {
	if _, err := release.FileOf(s.options.File); err != nil {
		return explain(err) // nothing would ever change
	}
	interval := time.Duration(s.interval * float64(time.Second))
	l := &reloader{
		serveCommand: s,
		watcher:      watch.New(watch.Options{Interval: interval, Log: s.log}),
		hangup:       make(chan struct{}, 1),
		say:          s.announcer(),
	}
	defer l.sockets.Close()
	stop, kill, done := watchSignals(ctx, s.log, map[os.Signal]func(){syscall.SIGHUP: nudge(l.hangup)})
	defer done()
	watching, end := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { _ = l.watcher.Run(watching) })
	defer running.Wait()
	defer end()
	for {
		if err := l.round(stop, kill, interval); stop.Err() != nil {
			return explain(err)
		}
	}
}

// round loads and serves a release, and returns when another is to be loaded,
// or, with the error of its stop, when ctx has ended. Requests that are being
// served when something changes have grace to finish.
func (l *reloader) round(ctx, kill context.Context, grace time.Duration) error {
	select {
	case files := <-l.watcher.Changes(): // while the one before was ending
		l.say.changed(files)
	default:
	}
	inner, stop := context.WithCancel(ctx)
	defer stop()
	cut, cutOff := context.WithCancel(kill)
	defer cutOff()
	ended := make(chan error, 1)
	go func() { ended <- l.serveRelease(inner, cut) }()
	select {
	case err := <-ended:
		if ctx.Err() == nil {
			l.failed(ctx, err)
		}
		return cutError(err)
	case <-ctx.Done():
		return cutError(<-ended)
	case files := <-l.watcher.Changes():
		l.say.changed(files)
	case <-l.hangup:
		l.log.Info("loading anew", "signal", "hangup")
	}
	stop()
	defer time.AfterFunc(grace, cutOff).Stop()
	err := cutError(<-ended)
	if err != nil && ctx.Err() == nil {
		l.log.Warn("requests cut off by the change", "err", err)
	}
	return err
}

// cutError returns err if it is about requests that were cut off: any other of
// a release that is told to stop is about the stop.
func cutError(err error) error {
	var cut *httpd.CutError
	if errors.As(err, &cut) {
		return err
	}
	return nil
}

// failed shows err, to who asks for a page as well, and waits for a change.
func (l *reloader) failed(ctx context.Context, err error) {
	if err == nil {
		err = errors.New("the server has ended")
	}
	var text bytes.Buffer
	report(&text, explain(err))
	_, _ = l.stderr.Write(text.Bytes())
	l.say.line("waiting", "for a change, to load it again")
	standby, end := context.WithCancel(ctx)
	var standing sync.WaitGroup
	if l.last != nil {
		standing.Go(func() { _ = l.last.Standby(standby, failurePage(text.String())) })
	}
	defer standing.Wait()
	defer end()
	select {
	case <-ctx.Done():
	case files := <-l.watcher.Changes():
		l.say.changed(files)
	case <-l.hangup:
	}
}

// failurePage answers every request with 503. What failed it shows to this
// machine alone: a traceback may have secrets in it. A browser asks again by
// itself.
func failurePage(text string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fields := w.Header()
		fields.Set("Content-Type", "text/plain; charset=utf-8")
		fields.Set("Cache-Control", "no-store")
		fields.Set("Refresh", "1")
		fields.Set("Retry-After", "1")
		w.WriteHeader(http.StatusServiceUnavailable)
		shown := text
		if !fromHere(r) {
			shown = "Pasted's terminal says why.\n"
		}
		fmt.Fprintf(w, "The application does not load.\n\n%s\nIt is loaded again when a file changes.\n", shown)
	})
}

// fromHere says whether r comes from this machine, and from no proxy on it.
func fromHere(r *http.Request) bool {
	if h1.OriginOf(r).Proxied || r.Header.Get("Via") != "" {
		return false
	}
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && peer.Addr().Unmap().IsLoopback()
}

// serveRelease loads a release and serves it until ctx ends.
func (l *reloader) serveRelease(ctx, kill context.Context) error {
	began := time.Now()
	l.watcher.Renew()
	options := l.options
	options.Sockets, options.KeepSockets = &l.sockets, true
	options.Uses = func(files ...string) { l.watcher.Watch(began, files...) }
	r, err := release.Load(ctx, options)
	if err != nil {
		return err
	}
	l.last = r
	l.watcher.Ignore(r.Pserve.IgnoreFiles...)
	l.watcher.Watch(began, r.Pserve.WatchFiles...)
	l.tellNews(r)
	return r.Serve(ctx, kill, func(serving release.Serving) {
		l.watcher.Drop()
		l.say.serving(serving)
		if !l.opened {
			l.opened = true
			l.openBrowser(ctx, r, serving)
		}
	})
}

// tellNews is tell for what differs from the release before.
func (l *reloader) tellNews(r *release.Release) {
	var plan strings.Builder
	announcer{&plan}.plan(r, os.Getpid())
	now := fmt.Sprint(plan.String(), r.Notes, r.Warnings)
	if now == l.said {
		return
	}
	l.said = now
	l.tell(l.say, r)
}

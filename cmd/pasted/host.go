package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	"pasted/internal/release"
	"pasted/internal/systemd"
)

// A hosting is one pasted serve without --reload.
type hosting struct {
	*serveCommand
	say     announcer
	host    atomic.Pointer[release.Host] // nil until the file is loaded
	reloads chan struct{}                // has room for one
	nextOut logFiles
	above   *supervisor
}

// serveHost loads and serves until ctx ends or a signal comes.
func (s *serveCommand) serveHost(ctx context.Context) error {
	h := &hosting{serveCommand: s, say: s.announcer(), reloads: make(chan struct{}, 1)}
	h.nextOut = watchLogFiles(s.stdout, s.stderr)
	ctx, lost := context.WithCancel(ctx)
	defer lost()
	stop, kill, done := watchSignals(ctx, s.log, map[os.Signal]func(){
		syscall.SIGHUP:  nudge(h.reloads),
		syscall.SIGUSR1: h.reopen,
		syscall.SIGUSR2: func() { s.log.Warn("signal without an effect", "signal", syscall.SIGUSR2.String()) },
		syscall.SIGTTIN: func() { h.resize(+1) },
		syscall.SIGTTOU: func() { h.resize(-1) },
	})
	defer done()
	var err error
	if h.above, err = s.supervised(lost); err != nil {
		return err
	}
	defer h.above.close()
	s.options.Sockets, s.options.KeepSockets = &h.above.sockets, h.above.sockets.Passed()
	s.options.Early = true
	r, err := release.Load(stop, s.options)
	if err != nil {
		return explain(err)
	}
	defer r.Close()
	s.tell(h.say, r)
	host := release.NewHost(r)
	h.host.Store(host)
	endAdmin, err := s.serveAdmin(context.WithoutCancel(ctx), r, host)
	if err != nil {
		return explain(err)
	}
	defer endAdmin()
	return explain(h.serve(ctx, stop, kill, host, r))
}

// serve serves r, and what follows it.
func (h *hosting) serve(ctx, stop, kill context.Context, host *release.Host, r *release.Release) error {
	var running sync.WaitGroup
	defer running.Wait()
	watching, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	running.Go(func() { h.above.watch(watching, host) })
	defer context.AfterFunc(stop, func() { h.above.notify("STOPPING=1\nSTATUS=stopping") })()
	reloading, endReloads := context.WithCancel(stop)
	defer endReloads()
	return host.Serve(stop, kill, r, func(serving release.Serving) {
		h.say.serving(serving)
		h.above.notify(readyText(host.Status()))
		h.openBrowser(ctx, r, serving)
		running.Go(func() { h.reloadOnSignal(reloading) })
	})
}

// readyText says, to a service manager, that and what is served.
func readyText(s release.Status) string {
	text := fmt.Sprintf("READY=1\nSTATUS=release %d serves on %s", s.Release, strings.Join(s.URLs, ", "))
	if s.LastFailure != "" {
		text += "; the last reload has failed"
	}
	return text
}

// reloadOnSignal reloads for each SIGHUP until ctx ends; those that come during
// a reload are one more.
func (h *hosting) reloadOnSignal(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-h.reloads:
		}
		h.reload(ctx)
	}
}

// reload moves the traffic to the next release, or says why it does not.
func (h *hosting) reload(ctx context.Context) {
	h.log.Info("loading anew", "signal", syscall.SIGHUP.String())
	h.above.notify(systemd.Reloading())
	host := h.host.Load()
	err := host.Reload(ctx, func(r *release.Release) { h.tell(h.say, r) })
	status := host.Status()
	if ctx.Err() == nil {
		h.above.notify(readyText(status))
	}
	switch {
	case err == nil:
		h.log.Info("serving the next release", "release", status.Release)
	case ctx.Err() != nil:
		h.log.Warn("the reload has been given up: the server stops")
	default:
		var text bytes.Buffer
		report(&text, explain(err))
		_, _ = h.stderr.Write(text.Bytes())
		h.log.Error("the reload has failed, the release before serves on", "err", err)
	}
}

// resize has one worker more run, or one fewer.
func (h *hosting) resize(by int) {
	host := h.host.Load()
	if host == nil {
		return
	}
	switch n, err := host.Resize(by); {
	case err != nil:
		h.log.Warn("the number of workers stays", "err", err)
	default:
		h.log.Info("another number of workers is wanted", "workers", n)
	}
}

// reopen has the log files opened anew.
func (h *hosting) reopen() {
	for _, name := range h.nextOut.reopen() {
		h.log.Info("log file opened anew", "file", name)
	}
}

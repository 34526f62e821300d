package main

import (
	"bytes"
	"context"
	"os"
	"sync"
	"syscall"

	"pasted/internal/release"
)

// A hosting is one pasted serve without --reload.
type hosting struct {
	*serveCommand
	say     announcer
	host    *release.Host
	reloads chan struct{} // has room for one
	nextOut logFiles
}

// serveHost loads and serves until ctx ends or a signal comes.
func (s *serveCommand) serveHost(ctx context.Context) error {
	h := &hosting{serveCommand: s, say: s.announcer(), reloads: make(chan struct{}, 1)}
	h.nextOut = watchLogFiles(s.stdout, s.stderr)
	stop, kill, done := watchSignals(ctx, s.log, map[os.Signal]func(){
		syscall.SIGHUP:  nudge(h.reloads),
		syscall.SIGUSR1: h.reopen,
	})
	defer done()
	r, err := release.Load(stop, s.options)
	if err != nil {
		return explain(err)
	}
	s.tell(h.say, r)
	h.host = release.NewHost(r)
	endAdmin, err := s.serveAdmin(context.WithoutCancel(ctx), r, h.host)
	if err != nil {
		return explain(err)
	}
	defer endAdmin()
	var reloading sync.WaitGroup
	defer reloading.Wait()
	inner, end := context.WithCancel(stop)
	defer end()
	return explain(h.host.Serve(stop, kill, r, func(serving release.Serving) {
		h.say.serving(serving)
		s.openBrowser(ctx, r, serving)
		reloading.Go(func() { h.reloadOnSignal(inner) })
	}))
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
	err := h.host.Reload(ctx, func(r *release.Release) { h.tell(h.say, r) })
	switch {
	case err == nil:
		h.log.Info("serving the next release", "release", h.host.Status().Release)
	case ctx.Err() != nil:
		h.log.Warn("the reload has been given up: the server stops")
	default:
		var text bytes.Buffer
		report(&text, explain(err))
		_, _ = h.stderr.Write(text.Bytes())
		h.log.Error("the reload has failed, the release before serves on", "err", err)
	}
}

// reopen has the log files opened anew.
func (h *hosting) reopen() {
	for _, name := range h.nextOut.reopen() {
		h.log.Info("log file opened anew", "file", name)
	}
}

package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
)

// watchSignals returns a context that ends with the first SIGTERM or SIGINT,
// and one that ends with the second; both end with a SIGQUIT. on is called for
// the signals that it has, and does not block. done gives the signals back.
func watchSignals(parent context.Context, log *slog.Logger, on map[os.Signal]func()) (stop, kill context.Context, done func()) {
	stop, cancelStop := context.WithCancel(parent)
	kill, cancelKill := context.WithCancel(parent)
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT)
	for sig := range on {
		signal.Notify(signals, sig)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for sig := range signals {
			if call := on[sig]; call != nil {
				call()
				continue
			}
			if sig == syscall.SIGQUIT || stop.Err() != nil {
				log.Warn("stopping at once", "signal", sig.String())
				cancelKill()
			} else {
				log.Info("stopping", "signal", sig.String())
			}
			cancelStop()
		}
	}()
	return stop, kill, func() {
		signal.Stop(signals)
		close(signals)
		<-ended
		cancelStop()
		cancelKill()
	}
}

// nudge has a goroutine that waits for c, which has room for one, run once more.
func nudge(c chan struct{}) func() {
	return func() {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

// Package admin lets others look at a server that runs: over a Unix socket that
// is its owner's alone, JSON over HTTP, and, where the file asks for it, over
// addresses that have metrics and probes only. It knows where the socket is,
// for both ends, and what the answers look like; what they tell is the
// server's.
package admin

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"golang.org/x/net/netutil"

	"pasted/internal/metrics"
	"pasted/internal/release"
)

const (
	// mostConns is how many connections an address has at a time: enough for
	// some scrapers and people, too few to matter to the requests.
	mostConns = 32
	// patience is how long a client may take for its request, and answerTime
	// for its answer too.
	patience   = 5 * time.Second
	answerTime = 30 * time.Second
	mostHeader = 16 << 10
	// shutdownTime is how long answers may take when the server ends.
	shutdownTime = time.Second
)

// A Source is what is looked at. Its methods are called from several goroutines.
type Source interface {
	// Status tells all, and takes its time.
	Status() release.Status
	// State is Status's State, at once.
	State() string
}

// An Identity is what does not change of a server.
type Identity struct {
	Version string
	PID     int
	Keeper  int // 0: there is none
}

// Handler answers GET /status, /metrics, /-/ready and /-/live; without whole, it
// has no /status, for those who are not the owner.
func Handler(id Identity, source Source, whole bool) http.Handler {
	mux := http.NewServeMux()
	if whole {
		mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) {
			s := source.Status()
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(newStatus(id, &s)) // the client may have gone
		})
	}
	mux.Handle("GET /metrics", metrics.Handler(func(set *metrics.Set) {
		s := source.Status()
		figures(set, id, &s)
	}))
	mux.HandleFunc("GET /-/ready", func(w http.ResponseWriter, _ *http.Request) {
		state := source.State()
		if state != release.Ready {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_, _ = w.Write([]byte(state + "\n"))
	})
	mux.HandleFunc("GET /-/live", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("live\n")) })
	return mux
}

// Serve answers on listeners, which it closes, until ctx ends, and returns when
// nothing of it is left.
func Serve(ctx context.Context, listeners []net.Listener, handler http.Handler, log *slog.Logger) {
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: patience, ReadTimeout: patience, WriteTimeout: answerTime,
		IdleTimeout: time.Minute, MaxHeaderBytes: mostHeader, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	var serving sync.WaitGroup
	for _, l := range listeners {
		serving.Go(func() {
			if err := server.Serve(netutil.LimitListener(l, mostConns)); !errors.Is(err, http.ErrServerClosed) {
				log.Error("admin address fails", "address", l.Addr().String(), "err", err)
			}
		})
	}
	<-ctx.Done()
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
	defer cancel()
	if server.Shutdown(late) != nil {
		server.Close()
	}
	serving.Wait()
}

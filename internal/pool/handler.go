package pool

import (
	"log/slog"
	"net/http"

	"pasted/internal/paths"
	"pasted/internal/spool"
	"pasted/internal/wsgi"
)

// A Handler is a root as an http.Handler: it takes the request's body in,
// gives the request to the pool, and writes the worker's answer. A request's
// body is read wholly before a lane is taken, unless its path's rule says that
// the application reads it from the client, and an answer is taken off its
// lane as fast as the worker writes it, so that a slow client holds no lane.
// Its fields are all required, but for Paths, and are not changed once it serves.
type Handler struct {
	Pool      *Pool
	Root      uint16 // index of the root in the workers
	Constants *wsgi.Constants
	Scheme    string // wsgi.url_scheme
	Spool     *spool.Store
	MaxBody   int64        // of a request in bytes; zero: the Spool's limit
	Paths     *paths.Table // what holds for single paths; may be nil
	Log       *slog.Logger
}

// ServeHTTP implements http.Handler. It panics with http.ErrAbortHandler to
// break the client's connection when an answer ends early.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h.streams(w, r) {
		h.serveStream(w, r)
		return
	}
	x := newExchange(h)
	defer x.release()
	if err := x.takeBody(r); err != nil {
		h.refuseBody(w, r, err)
		return
	}
	x.setFrame(r)
	x.given = true
	h.Pool.Do(&x.request, nil)
	select {
	case <-x.signal:
	case <-r.Context().Done():
		if !x.begun() {
			return // the client has gone, and nobody can be told
		}
	}
	x.ended = x.out == nil
	x.write(w, r)
}

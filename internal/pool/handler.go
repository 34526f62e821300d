package pool

import (
	"log/slog"
	"net/http"
	"time"

	"pasted/internal/paths"
	"pasted/internal/spool"
	"pasted/internal/wire"
	"pasted/internal/wsgi"
)

// A Handler is a root as an http.Handler: it takes the request's body in,
// gives the request to the pool, and writes the worker's answer. A request's
// body is read wholly before a lane is taken, unless its path's rule says that
// the application reads it from the client, and an answer is taken off its
// lane as fast as the worker writes it, so that a slow client holds no lane.
// Its fields are all required, but for Paths and what follows it, and are not
// changed once it serves.
type Handler struct {
	Pool      *Pool
	Root      uint16 // index of the root in the workers
	Constants *wsgi.Constants
	Scheme    string // wsgi.url_scheme
	Spool     *spool.Store
	MaxBody   int64         // of a request in bytes; zero: the Spool's limit
	Paths     *paths.Table  // what holds for single paths; may be nil
	Timeout   time.Duration // of a request whose path has none; zero: none
	Debug     bool          // clients on this machine see what the application raises
	// CancelOnDisconnect says that what the application does for a client that
	// has gone is stopped, where the path does not say otherwise.
	CancelOnDisconnect bool
	Files              *Files // that answers may name; may be nil
	Log                *slog.Logger
}

// rule sets what holds for r's path, and returns when its deadline is, as
// Python's time.monotonic() counts, and the flag of its frame that tells; 0 for
// none.
func (h *Handler) rule(r *Request, method, script, path []byte) (deadline float64, flag uint8) {
	rule := h.Paths.Find(script, path)
	r.Key, r.Priority = PathKey(method, script, path), rule.Priority
	r.Interrupt = h.CancelOnDisconnect
	if rule.CancelOnDisconnect != nil {
		r.Interrupt = *rule.CancelOnDisconnect
	}
	if r.Timeout = rule.Timeout; r.Timeout == 0 {
		r.Timeout = h.Timeout
	}
	if r.Timeout == 0 {
		return 0, 0
	}
	return h.Pool.monotonic(time.Now().Add(r.Timeout)), wire.FlagTimed
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
	for answered := false; !answered; {
		select {
		case payload := <-x.informs:
			x.inform(w, payload)
		case <-x.signal:
			answered = true
		case <-r.Context().Done():
			if answered = x.begun(); !answered {
				return // the client has gone, and nobody can be told
			}
		}
	}
	x.ended = x.out == nil
	x.write(w, r)
}

package pool

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"

	"pasted/internal/spool"
	"pasted/internal/wsgi"
)

// refuseBody answers a request whose body could not be taken in.
func (h *Handler) refuseBody(w http.ResponseWriter, r *http.Request, err error) {
	var tooLarge *http.MaxBytesError
	var timeout net.Error
	switch {
	case errors.As(err, &tooLarge), errors.Is(err, spool.ErrTooLarge):
		refuse(w, http.StatusRequestEntityTooLarge, "the request's body is too large")
	case errors.As(err, &timeout) && timeout.Timeout(), errors.Is(err, os.ErrDeadlineExceeded):
		refuse(w, http.StatusRequestTimeout, "the request's body took too long")
	case errors.Is(err, io.ErrUnexpectedEOF) && r.Context().Err() != nil:
		panic(http.ErrAbortHandler) // the client has gone
	case errors.As(err, new(*os.PathError)), errors.As(err, new(*os.SyscallError)):
		h.Log.Error("request body not stored", "err", err)
		refuse(w, http.StatusInternalServerError, "the request's body could not be stored")
	default:
		refuse(w, http.StatusBadRequest, "the request's body is not well-formed")
	}
}

// refuse answers with a status and a reason, and closes the connection: what
// else the client has sent is not known.
func refuse(w http.ResponseWriter, code int, reason string) {
	w.Header().Set("Connection", "close")
	explain(w, code, reason)
}

// fail answers a request that has no answer of its worker, and logs why where
// the cause is not the client's or the load's.
func (h *Handler) fail(w http.ResponseWriter, id string, err error) {
	code, reason := http.StatusInternalServerError, "the application failed"
	switch {
	case errors.Is(err, ErrFailed): // its traceback is in the log
	case errors.Is(err, ErrDied):
		code, reason = http.StatusBadGateway, "the worker that served this request died"
		h.Log.Error("request lost with its worker", "request", id, "err", err)
	case errors.Is(err, ErrBusy), errors.Is(err, ErrStopped):
		code, reason = http.StatusServiceUnavailable, err.Error()
		w.Header().Set("Retry-After", "1")
	case errors.Is(err, wsgi.ErrBadAnswer):
		h.Log.Error("answer refused", "request", id, "err", err)
	default:
		h.Log.Error("request not answered", "request", id, "err", err)
	}
	explain(w, code, fmt.Sprintf("%s (request %s)", reason, id))
}

func explain(w http.ResponseWriter, code int, reason string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(code)
	fmt.Fprintf(w, "%d %s: %s\n", code, http.StatusText(code), reason)
}

package pool

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"

	"pasted/internal/h1"
	"pasted/internal/spool"
	"pasted/internal/wsgi"
)

// refuseBody answers a request whose body could not be taken in.
func (h *Handler) refuseBody(w http.ResponseWriter, r *http.Request, err error) {
	var tooLarge *http.MaxBytesError
	var timeout net.Error
	var refusal *h1.Refusal
	switch {
	case errors.As(err, &tooLarge), errors.Is(err, spool.ErrTooLarge):
		refuse(w, http.StatusRequestEntityTooLarge, "the request's body is too large")
	case errors.As(err, &timeout) && timeout.Timeout(), errors.Is(err, os.ErrDeadlineExceeded):
		refuse(w, http.StatusRequestTimeout, "the request's body took too long")
	case errors.As(err, &refusal):
		refuse(w, refusal.Code, refusal.Reason)
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
	explain(w, failure{code: code, reason: reason})
}

// A failure is the answer to a request that has none of its worker.
type failure struct {
	code   int
	reason string
	retry  bool   // it may go well in a second
	why    string // Pasted-Reason's value; empty: there is none
}

// text is the answer's body.
func (f failure) text() string {
	return fmt.Sprintf("%d %s: %s\n", f.code, http.StatusText(f.code), f.reason)
}

const retryAfter = "1" // seconds

// reasonField tells programs why a request was lost, and which: one of the
// Reason constants and the request's name.
const reasonField = "Pasted-Reason"

// failureOf returns what the client of a request hears of err, and logs it
// where the cause is not the client's or the load's.
func (h *Handler) failureOf(id uint64, err error) failure {
	name := idText(id)
	f := failure{code: http.StatusInternalServerError, reason: "the application failed"}
	switch {
	case errors.Is(err, ErrFailed): // its traceback is in the log
	case errors.Is(err, ErrDied):
		f.code, f.reason = http.StatusBadGateway, "the worker that served this request died"
		var death *DeathError
		if errors.As(err, &death) {
			f.why = death.Reason + "; request=" + name
			if death.Reason == ReasonTwice {
				f.reason = "two workers died while they served this request"
			}
		}
		h.Log.Error("request lost with its worker", "request", name, "err", err)
	case errors.Is(err, ErrDeadline):
		f.code, f.reason = http.StatusGatewayTimeout, err.Error()
	case errors.Is(err, ErrBusy), errors.Is(err, ErrFull), errors.Is(err, ErrOverload), errors.Is(err, ErrStopped):
		f = failure{code: http.StatusServiceUnavailable, reason: err.Error(), retry: true}
	case errors.Is(err, wsgi.ErrBadAnswer):
		h.Log.Error("answer refused", "request", name, "err", err)
	default:
		h.Log.Error("request not answered", "request", name, "err", err)
	}
	f.reason = fmt.Sprintf("%s (request %s)", f.reason, name)
	return f
}

// noteInform logs that what an application has said before its answer is not
// valid.
func (h *Handler) noteInform(id uint64, err error) {
	h.Log.Error("interim answer refused", "request", idText(id), "err", err)
}

// noteShort logs that an application has given fewer bytes than it has promised:
// its client's connection is broken, and nothing else says why.
func (h *Handler) noteShort(id uint64, missing int64) {
	h.Log.Error("answer is shorter than its Content-Length", "request", idText(id), "missing", missing)
}

// fail answers a request that has no answer of its worker.
func (h *Handler) fail(w http.ResponseWriter, id uint64, err error) {
	f := h.failureOf(id, err)
	if f.retry {
		w.Header().Set("Retry-After", retryAfter)
	}
	if f.why != "" {
		w.Header().Set(reasonField, f.why)
	}
	explain(w, f)
}

func explain(w http.ResponseWriter, f failure) {
	text := f.text()
	w.Header().Set("Content-Type", h1.RefusalType)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(f.code)
	_, _ = io.WriteString(w, text)
}

package httpd

import (
	"errors"
	"io"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"

	"pasted/internal/h1"
)

const (
	// answerBuffer is how many bytes of an answer gather before they are sent.
	answerBuffer = 8 << 10
	// sendSlices is how often in a send time-out it is looked whether a stream
	// is stuck.
	sendSlices = 4
)

// An http2Answer is the http.ResponseWriter of a request in HTTP/2. What it
// sends for a handler is what HTTP/1.1 would have, without what is about the
// connection. The library's writer is touched by the handler's goroutine, and
// by timers under mu.
type http2Answer struct {
	conn    *http2Conn
	request *http.Request
	body    *http2Body
	inner   http.ResponseWriter
	control *http.ResponseController // of inner
	header  http.Header              // the handler's

	wrote   bool // WriteHeader has been called
	begun   bool // the head has been sent
	code    int
	length  int64  // that the handler has promised; -1: none
	written int64  // that the handler has written
	buf     []byte // that has not been sent
	err     error  // of the first write that failed

	mu    sync.Mutex
	over  bool  // the handler has returned
	stuck int   // slices of the send time-out without any answer taken
	taken int64 // of the connection's answers, at the last look
	timer *time.Timer
}

func newHTTP2Answer(c *http2Conn, w http.ResponseWriter, r *http.Request) *http2Answer {
	a := &http2Answer{
		conn: c, request: r, inner: w, control: http.NewResponseController(w),
		header: make(http.Header), length: -1,
	}
	a.body = &http2Body{answer: a, body: r.Body}
	return a
}

// Header implements http.ResponseWriter.
func (a *http2Answer) Header() http.Header { return a.header }

// WriteHeader implements http.ResponseWriter. Codes from 100 to 199 are sent at
// once, and the answer follows; HTTP/2 has no 101 (RFC 9113, 8.6).
func (a *http2Answer) WriteHeader(code int) {
	switch {
	case a.wrote:
		return
	case code == http.StatusSwitchingProtocols:
		code = http.StatusInternalServerError
	case code >= 100 && code < 200:
		a.copyFields()
		a.inner.WriteHeader(code)
		clear(a.inner.Header())
		return
	}
	a.wrote, a.code = true, code
	a.copyFields()
	if values := a.header["Content-Length"]; len(values) > 0 {
		if n, err := strconv.ParseUint(strings.TrimSpace(values[0]), 10, 63); err == nil {
			a.length = int64(n)
		}
	}
}

// copyFields gives the library the fields that the handler has set, but for
// what is about the connection (RFC 9113, 8.2.2) and for Content-Length.
func (a *http2Answer) copyFields() {
	fields := a.inner.Header()
	for name, values := range a.header {
		switch http.CanonicalHeaderKey(name) {
		case "Connection", "Content-Length", "Keep-Alive", "Proxy-Connection", "Te", "Trailer",
			"Transfer-Encoding", "Upgrade":
			continue
		}
		for _, value := range values {
			fields[name] = append(fields[name], fieldValue(value))
		}
	}
}

// fieldValue returns value with a space for each byte that no field has, and
// without white space around it: HTTP/1.1's readers do not see that either.
func fieldValue(value string) string {
	clean := strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' || r == 0x7f {
			return ' '
		}
		return r
	}, value)
	return strings.Trim(clean, " \t")
}

// Write implements io.Writer.
func (a *http2Answer) Write(p []byte) (int, error) {
	if !a.wrote {
		a.WriteHeader(http.StatusOK)
	}
	if !a.hasBody() {
		return 0, http.ErrBodyNotAllowed
	}
	var long error
	if a.length >= 0 && a.written+int64(len(p)) > a.length {
		p, long = p[:a.length-a.written], http.ErrContentLength
	}
	a.written += int64(len(p))
	switch {
	case a.request.Method == http.MethodHead:
	case len(a.buf)+len(p) > answerBuffer:
		a.send(p)
	default:
		a.buf = append(a.buf, p...)
	}
	if a.err != nil {
		return 0, a.err
	}
	return len(p), long
}

// WriteString implements io.StringWriter.
func (a *http2Answer) WriteString(s string) (int, error) { return a.Write([]byte(s)) }

// hasBody says whether an answer with this code may have one (RFC 9110, 6.4.1).
func (a *http2Answer) hasBody() bool {
	return a.code != http.StatusNoContent && a.code != http.StatusNotModified
}

// FlushError sends what has been written, for http.ResponseController.
func (a *http2Answer) FlushError() error {
	if !a.wrote {
		a.WriteHeader(http.StatusOK)
	}
	a.send(nil)
	return a.err
}

// Flush implements http.Flusher.
func (a *http2Answer) Flush() { _ = a.FlushError() }

// send sends the head, if it has not been, what has gathered, and p.
func (a *http2Answer) send(p []byte) {
	if !a.begun {
		a.begin()
	}
	if a.err != nil {
		return
	}
	a.watch()
	defer a.unwatch()
	for _, part := range [][]byte{a.buf, p} {
		if len(part) > 0 && a.err == nil {
			_, a.err = a.inner.Write(part)
		}
	}
	a.buf = a.buf[:0]
	if a.err == nil {
		a.err = a.control.Flush()
	}
}

// begin completes the fields of the head, which the library sends with what is
// written next.
func (a *http2Answer) begin() {
	a.begun = true
	fields := a.inner.Header()
	if _, ok := fields["Content-Type"]; !ok {
		fields["Content-Type"] = nil // else one is guessed
	}
	if _, ok := fields["Server"]; !ok && a.conn.server.cfg().Ident != "" {
		fields["Server"] = []string{a.conn.server.cfg().Ident}
	}
	if a.length >= 0 && a.code != http.StatusNoContent { // RFC 9110, 8.6
		fields["Content-Length"] = []string{strconv.FormatInt(a.length, 10)}
	}
	a.inner.WriteHeader(a.code)
}

// watch begins to look whether the client takes what is written next.
func (a *http2Answer) watch() {
	slice := a.conn.server.cfg().SendTimeout / sendSlices
	a.mu.Lock()
	defer a.mu.Unlock()
	a.stuck, a.taken = 0, a.conn.taken.Load()
	if a.timer == nil {
		a.timer = time.AfterFunc(slice, a.look)
	} else {
		a.timer.Reset(slice)
	}
}

func (a *http2Answer) unwatch() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.timer.Stop()
	a.stuck = -1
}

// look resets a stream whose client has opened no window, for this or another
// one, for the send time-out. A connection that is being written to has its own
// watch, which knows whether the client takes any of it.
func (a *http2Answer) look() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.over || a.stuck < 0 {
		return
	}
	taken := a.conn.taken.Load()
	if a.stuck++; taken != a.taken || a.conn.writing() {
		a.stuck, a.taken = 0, taken
	}
	if a.stuck < sendSlices {
		a.timer.Reset(a.conn.server.cfg().SendTimeout / sendSlices)
		return
	}
	a.conn.server.refusals.note(0, "the client takes nothing of its answer", a.conn.client)
	_ = a.control.SetWriteDeadline(past())
}

// endBody has the reader of the request's body see the end of its time.
func (a *http2Answer) endBody() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.over {
		_ = a.control.SetReadDeadline(past())
	}
}

// EnableFullDuplex is for http.ResponseController: HTTP/2 is so.
func (a *http2Answer) EnableFullDuplex() error { return nil }

// SetReadDeadline is for http.ResponseController. A deadline that has passed has
// whoever waits for the request's body give up; there are no others.
func (a *http2Answer) SetReadDeadline(t time.Time) error {
	if t.IsZero() || time.Until(t) > 0 {
		return http.ErrNotSupported
	}
	a.endBody()
	return nil
}

func past() time.Time { return time.Unix(1, 0) }

// refuse answers a request that is not served.
func (a *http2Answer) refuse(code int, reason string) {
	a.conn.server.refusals.note(code, reason, a.conn.client)
	a.explain(code, reason)
}

// explain answers instead of the handler, of whose answer nothing has been
// sent.
func (a *http2Answer) explain(code int, reason string) {
	clear(a.header)
	clear(a.inner.Header())
	a.buf, a.wrote, a.written, a.length = a.buf[:0], false, 0, -1
	a.header.Set("Content-Type", h1.RefusalType)
	a.header.Set("X-Content-Type-Options", "nosniff")
	if code == http.StatusServiceUnavailable {
		a.header.Set("Retry-After", "1")
	}
	a.WriteHeader(code)
	_, _ = io.WriteString(a, h1.RefusalText(code, reason))
}

// end completes the answer when its handler has returned, or has panicked. An
// answer that is not whole is broken off, so that it does not look as if it
// were.
func (a *http2Answer) end(panicked any) {
	defer a.stop()
	switch err, ok := panicked.(error); {
	case ok && errors.Is(err, http.ErrAbortHandler):
		panic(http.ErrAbortHandler)
	case panicked != nil:
		a.conn.server.log.Error("handler panicked", "panic", panicked,
			"method", a.request.Method, "path", a.request.URL.Path, "stack", string(debug.Stack()))
		if a.begun {
			panic(http.ErrAbortHandler)
		}
		a.explain(http.StatusInternalServerError, "the server failed")
	case !a.wrote:
		a.endUnwritten()
	}
	isHead := a.request.Method == http.MethodHead
	if a.length > a.written && a.hasBody() && !isHead {
		panic(http.ErrAbortHandler) // shorter than it says
	}
	if a.length < 0 && !a.begun && (a.written > 0 || !isHead) && a.hasBody() {
		a.length = a.written
	}
	switch {
	case len(a.buf) > 0:
		a.send(nil) // here, where it is watched
	case !a.begun:
		a.begin()
	}
}

// endUnwritten answers where the handler has not.
func (a *http2Answer) endUnwritten() {
	code, reason := a.body.refused()
	switch {
	case code != 0:
		a.explain(code, reason)
	case a.request.Context().Err() != nil:
		panic(http.ErrAbortHandler) // the handler has given up, for want of a client
	default:
		a.WriteHeader(http.StatusOK)
	}
}

// stop has no timer touch the answer any more: the library's memory of it is
// another request's soon.
func (a *http2Answer) stop() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.over = true
	if a.timer != nil {
		a.timer.Stop()
	}
}

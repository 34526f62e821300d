package httpd

import (
	"errors"
	"io"
	"net/http"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"pasted/internal/wsgi"
)

const (
	// drainMost is how much of a body that the handler has left is read
	// before its answer is sent: a client may write all of a request before
	// it reads.
	drainMost = 256 << 10
	// drainTime is how long the end of a body is waited for when its answer
	// has been sent.
	drainTime = time.Second
)

// proxyFields are the fields by which proxies say whom they speak for.
var proxyFields = []string{
	"Forwarded", "X-Forwarded-By", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Proto",
}

// ServeHTTP implements http.Handler, for net/http: it puts limits around the
// engine's handler.
func (e *engine) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c, _ := r.Context().Value(connKey{}).(*conn)
	if c == nil || !e.conns.serve(c) {
		panic(http.ErrAbortHandler) // the connection has been closed
	}
	c.handled = true
	out := &response{ResponseWriter: w, engine: e}
	if code, reason := e.check(r); code != 0 {
		e.refusals.note(code, reason, c.RemoteAddr())
		c.SetReadDeadline(time.Now().Add(drainTime))
		refuse(w, code, reason)
		return
	}
	if r.Body != nil && r.Body != http.NoBody && r.ContentLength != 0 {
		out.body = newBody(c, w, r)
		// A copy, as net/http looks at its own request's body later.
		copied := *r
		copied.Body = out.body
		r = &copied
	}
	if e.cfg.ClearProxyFields {
		for _, name := range proxyFields {
			delete(r.Header, name)
		}
	}
	if e.cfg.URLPrefix != "" {
		r = e.underPrefix(r)
	}
	defer e.recover(out, r)
	e.handler.ServeHTTP(out, r)
	out.finish()
}

// check returns the status and the reason of refusing r by its head, or 0.
func (e *engine) check(r *http.Request) (int, string) {
	line := len(r.Method) + len(r.RequestURI) + len(r.Proto) + 2
	switch {
	case r.ProtoMajor != 1:
		return http.StatusHTTPVersionNotSupported, "this is HTTP/1.1"
	case r.Method == http.MethodConnect:
		return http.StatusNotImplemented, "this is not a proxy"
	case e.cfg.MaxRequestLine > 0 && line > e.cfg.MaxRequestLine:
		return http.StatusRequestURITooLong, "the request line is too long"
	case e.tooManyFields(r.Header):
		return http.StatusRequestHeaderFieldsTooLarge, "the request has too many fields, or one too large"
	case r.ContentLength > e.cfg.MaxBodySize:
		return http.StatusRequestEntityTooLarge, "the request's body is too large"
	}
	return 0, ""
}

// tooManyFields counts Host, which net/http has taken out, as a field.
func (e *engine) tooManyFields(h http.Header) bool {
	if e.cfg.MaxFields == 0 && e.cfg.MaxFieldSize == 0 {
		return false
	}
	n := 1
	for name, values := range h {
		n += len(values)
		for _, value := range values {
			if e.cfg.MaxFieldSize > 0 && len(name)+len(": ")+len(value) > e.cfg.MaxFieldSize {
				return true
			}
		}
	}
	return e.cfg.MaxFields > 0 && n > e.cfg.MaxFields
}

// underPrefix takes the prefix off a path that has it. All requests are
// mounted there, as waitress has it.
func (e *engine) underPrefix(r *http.Request) *http.Request {
	prefix, path := e.cfg.URLPrefix, r.URL.Path
	if rest, ok := strings.CutPrefix(path, prefix); ok && (rest == "" || rest[0] == '/') {
		path = rest
	}
	return wsgi.Mount(r, prefix, path)
}

// recover ends a request whose handler has panicked. net/http itself would
// break the connection without an answer.
func (e *engine) recover(out *response, r *http.Request) {
	panicked := recover()
	if panicked == nil {
		return
	}
	if err, ok := panicked.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(http.ErrAbortHandler)
	}
	e.log.Error("handler panicked", "panic", panicked, "method", r.Method, "path", r.URL.Path, "stack", string(debug.Stack()))
	if out.wrote {
		panic(http.ErrAbortHandler) // nothing may look complete that is not
	}
	refuse(out, http.StatusInternalServerError, "the server failed")
	out.finish()
}

// A response is what the handler writes to. It looks after the body of the
// request when the answer begins, and after fields that are the server's.
type response struct {
	http.ResponseWriter
	engine *engine
	body   *body // nil: the request has none
	wrote  bool
}

// Unwrap is for http.ResponseController.
func (w *response) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader implements http.ResponseWriter.
func (w *response) WriteHeader(code int) {
	if !w.wrote && code >= 200 {
		w.wrote = true
		w.begin()
	}
	w.ResponseWriter.WriteHeader(code)
}

// Write implements io.Writer.
func (w *response) Write(p []byte) (int, error) {
	if !w.wrote {
		w.WriteHeader(http.StatusOK)
	}
	return w.ResponseWriter.Write(p)
}

// FlushError is Flush for http.ResponseController.
func (w *response) FlushError() error {
	if !w.wrote {
		w.WriteHeader(http.StatusOK)
	}
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// Flush implements http.Flusher.
func (w *response) Flush() { _ = w.FlushError() }

// begin completes the head of an answer.
func (w *response) begin() {
	h := w.Header()
	if _, ok := h["Content-Type"]; !ok {
		h["Content-Type"] = nil // net/http would guess one
	}
	if _, ok := h["Server"]; !ok && w.engine.cfg.Ident != "" {
		h["Server"] = []string{w.engine.cfg.Ident}
	}
	last := w.engine.cfg.NoKeepAlive || w.engine.conns.isStopping()
	if w.body != nil && !w.body.drain() {
		last = true
	}
	if last {
		h["Connection"] = []string{"close"}
	}
}

// finish ends an answer when the handler has returned.
func (w *response) finish() {
	if !w.wrote {
		if w.body != nil && w.body.code != 0 {
			refuse(w, w.body.code, w.body.reason)
		} else {
			w.WriteHeader(http.StatusOK)
		}
	}
	if w.body != nil {
		w.body.leave()
	}
}

// A body is a request's body, bounded in size and in time.
type body struct {
	inner  io.ReadCloser
	conn   *conn
	expect bool // the client waits for 100 (Continue) before it sends any

	read   int64
	waited time.Duration // in all reads
	end    error         // what the last read returned, io.EOF included
	code   int           // the status of a refusal that the body has earned
	reason string
}

func newBody(c *conn, w http.ResponseWriter, r *http.Request) *body {
	return &body{
		inner:  http.MaxBytesReader(w, r.Body, c.engine.cfg.MaxBodySize),
		conn:   c,
		expect: r.Header.Get("Expect") != "",
	}
}

// Read implements io.Reader. Its errors are io.EOF, an *http.MaxBytesError, one
// that is os.ErrDeadlineExceeded, and others if the client has gone or what it
// has sent is not well-formed.
func (b *body) Read(p []byte) (int, error) {
	if b.end != nil {
		return 0, b.end
	}
	began := time.Now()
	b.conn.SetReadDeadline(began.Add(b.conn.engine.cfg.BodyTimeout))
	n, err := b.inner.Read(p)
	b.waited += time.Since(began)
	b.read += int64(n)
	if err == nil && b.tooSlow() {
		err = os.ErrDeadlineExceeded
	}
	if err != nil {
		b.ended(err)
	}
	return n, err
}

// Close implements io.Closer. What is left of the body is the engine's.
func (b *body) Close() error { return nil }

// tooSlow says whether the client sends less than it must. Only the time that
// has been waited for it counts.
func (b *body) tooSlow() bool {
	cfg := &b.conn.engine.cfg
	least := float64(cfg.MinBodyRate) * b.waited.Seconds()
	return b.waited > cfg.BodyTimeout && float64(b.read) < least
}

// ended notes how the body has ended.
func (b *body) ended(err error) {
	b.end = err
	var tooLarge *http.MaxBytesError
	switch {
	case err == io.EOF:
		// From here on net/http waits for the client to go, for as long as
		// the answer takes.
		b.conn.SetReadDeadline(time.Time{})
		return
	case errors.As(err, &tooLarge):
		b.code, b.reason = http.StatusRequestEntityTooLarge, "the request's body is too large"
	case errors.Is(err, os.ErrDeadlineExceeded):
		b.code, b.reason = http.StatusRequestTimeout, "the request's body took too long"
	default:
		b.code, b.reason = http.StatusBadRequest, "the request's body is not well-formed"
	}
	b.conn.engine.refusals.note(b.code, b.reason, b.conn.RemoteAddr())
}

// drain reads what the handler has left of the body, if it is little, and says
// whether the connection can be used again.
func (b *body) drain() bool {
	if b.end == nil && !(b.expect && b.read == 0) {
		_, _ = io.CopyN(io.Discard, onlyReader{b}, drainMost+1)
	}
	return b.end == io.EOF
}

// leave bounds how long net/http goes on with a body that has not ended.
func (b *body) leave() {
	if b.end != io.EOF {
		b.conn.SetReadDeadline(time.Now().Add(drainTime))
	}
}

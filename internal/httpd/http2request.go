package httpd

import (
	"errors"
	"io"
	"net/http"
	"os"
	"sync"
	"time"

	"pasted/internal/h1"
)

// check returns why a request is not served, and the status for it; 0: it is.
// The request is written as HTTP/1.1 would have it, and read by the reader of
// that: the same rules and limits hold for both.
func (s *http2Server) check(r *http.Request) (code int, reason string) {
	if r.Method == http.MethodConnect {
		return http.StatusNotImplemented, "this is not a proxy"
	}
	text, fields := appendHead(make([]byte, 0, 1<<10), r)
	var head h1.Head
	n, refusal := head.Read(text, &s.engine.now.Load().limits)
	switch {
	case refusal != nil:
		return refusal.Code, refusal.Reason
	case n != len(text) || len(head.Fields) != fields ||
		string(head.Text(head.Method)) != r.Method || string(head.Text(head.Target)) != r.RequestURI:
		return http.StatusBadRequest, "the request cannot be understood"
	case head.Length >= 0 && head.Length != r.ContentLength:
		// The stream has ended with its head (RFC 9113, 8.1.1).
		return http.StatusBadRequest, "the body is not as long as its Content-Length"
	}
	return 0, ""
}

// appendHead appends the head that r had in HTTP/1.1, and returns how many
// fields it has.
func appendHead(dst []byte, r *http.Request) (head []byte, fields int) {
	dst = append(dst, r.Method...)
	dst = append(dst, ' ')
	dst = append(dst, r.RequestURI...)
	dst = append(dst, " HTTP/1.1\r\n"...)
	field := func(name, value string) {
		dst = append(dst, name...)
		dst = append(dst, ": "...)
		dst = append(dst, value...)
		dst = append(dst, "\r\n"...)
		fields++
	}
	if r.Host != "" {
		field("Host", r.Host)
	}
	if r.ContentLength < 0 {
		field("Transfer-Encoding", "chunked")
	}
	for name, values := range r.Header {
		for _, value := range values {
			field(name, value)
		}
	}
	return append(dst, "\r\n"...), fields
}

// An http2Body is the body of a request, bounded in size and in time. Its
// errors are those of HTTP/1.1's: io.EOF, an *http.MaxBytesError, one that is
// os.ErrDeadlineExceeded, and others if the client has gone or what it has sent
// is not well-formed.
type http2Body struct {
	answer *http2Answer
	body   io.ReadCloser

	mu     sync.Mutex
	timer  *time.Timer
	read   int64
	waited time.Duration
	err    error // what ended it
	code   int   // the status of a refusal that the body has earned
	reason string
}

// Close implements io.Closer.
func (b *http2Body) Close() error { return b.body.Close() }

// Read implements io.Reader.
func (b *http2Body) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(p) == 0 || b.err != nil {
		return 0, b.err
	}
	cfg := b.answer.conn.server.cfg()
	n, err := b.receiveLocked(p)
	b.read += int64(n)
	switch {
	case b.read > cfg.MaxBodySize:
		n -= int(b.read - cfg.MaxBodySize)
		b.endLocked(http.StatusRequestEntityTooLarge, "the body is too large", &http.MaxBytesError{Limit: cfg.MaxBodySize})
	case errors.Is(err, os.ErrDeadlineExceeded), err == nil && b.slowLocked():
		b.endLocked(http.StatusRequestTimeout, "the request's body took too long", os.ErrDeadlineExceeded)
	default:
		b.err = err
	}
	return n, b.err
}

// receiveLocked reads what the client sends next, and waits for it no longer
// than the body time-out.
func (b *http2Body) receiveLocked(p []byte) (int, error) {
	limit := b.answer.conn.server.cfg().BodyTimeout
	if b.timer == nil {
		b.timer = time.AfterFunc(limit, b.answer.endBody)
	} else {
		b.timer.Reset(limit)
	}
	began := time.Now()
	n, err := b.body.Read(p)
	b.timer.Stop()
	b.waited += time.Since(began)
	return n, err
}

// slowLocked says whether the body comes too slowly, on the whole.
func (b *http2Body) slowLocked() bool {
	cfg := b.answer.conn.server.cfg()
	return b.waited > cfg.BodyTimeout && float64(b.read) < float64(cfg.MinBodyRate)*b.waited.Seconds()
}

func (b *http2Body) endLocked(code int, reason string, err error) {
	b.code, b.reason, b.err = code, reason, err
	b.answer.conn.server.refusals.note(code, reason, b.answer.conn.client)
}

// refused returns the refusal that the body has earned; 0: none.
func (b *http2Body) refused() (code int, reason string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.code, b.reason
}

package h1

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"net/url"
	"runtime/debug"
	"strings"
	"time"
)

// serve answers one request by the server's Handler.
func (h *held) serve() (end fate) {
	w := newResponse(h)
	r, err := h.request(w.body)
	if err != nil {
		h.c.front.server.config().Refused(http.StatusBadRequest, err.Error(), h.RemoteAddr())
		w.refuse(http.StatusBadRequest, err.Error())
		return w.fate()
	}
	w.request = r
	defer func() {
		if panicked := recover(); panicked != nil {
			end = w.panicked(panicked)
		}
		w.body.closed.Store(true)
	}()
	h.c.front.server.config().Handler.ServeHTTP(w, r)
	w.end()
	return w.fate()
}

// panicked ends an answer whose handler has panicked.
func (w *response) panicked(value any) fate {
	if err, ok := value.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		return w.abort()
	}
	w.h.c.front.server.config().Log.Error("handler panicked", "panic", value,
		"method", w.request.Method, "path", w.request.URL.Path, "stack", string(debug.Stack()))
	if w.begun || w.hijacked {
		return w.abort() // nothing may look complete that is not
	}
	w.refuse(http.StatusInternalServerError, "the server failed")
	return w.fate()
}

// request makes net/http's request of the head, as its own server does.
func (h *held) request(body *requestBody) (*http.Request, error) {
	head := &h.x.Head
	text := string(head.Bytes) // one copy, of which all else is made
	part := func(s Span) string { return text[s.Start:s.End] }
	target := part(head.Target)
	u, err := parseTarget(head, target)
	if err != nil {
		return nil, err
	}
	r := &http.Request{
		Method: part(head.Method), URL: u,
		Proto: part(head.Proto), ProtoMajor: 1, ProtoMinor: int(head.Minor),
		Header: make(http.Header, len(head.Fields)), Host: part(head.Host),
		ContentLength: head.Length, RequestURI: target,
		RemoteAddr: h.RemoteAddr().String(),
		Body:       http.NoBody, Close: !head.KeepAlive,
	}
	if _, ok := addrPort(h.c.peer); !ok {
		r.RemoteAddr = "@"
	}
	for i, f := range head.Fields {
		if i == head.HostField {
			continue
		}
		name := textproto.CanonicalMIMEHeaderKey(part(f.Name))
		r.Header[name] = append(r.Header[name], part(f.Value))
	}
	if head.Length != 0 {
		r.Body = body
	}
	if head.Length < 0 {
		r.TransferEncoding = []string{"chunked"}
		delete(r.Header, "Transfer-Encoding")
	}
	ctx := context.WithValue(h.ctx, http.LocalAddrContextKey, h.LocalAddr())
	return r.WithContext(ctx), nil
}

// parseTarget makes a URL of a target, which Head has found good.
func parseTarget(head *Head, target string) (*url.URL, error) {
	if head.Form == AsteriskForm {
		return &url.URL{Path: "*"}, nil
	}
	path := string(head.Text(head.Path))
	switch {
	case path == "" && head.options && head.Query.Empty():
		path = "*"
	case path == "":
		path = "/"
	}
	u := &url.URL{RawQuery: string(head.Text(head.Query))}
	if head.Form == AbsoluteForm {
		u.Scheme, _, _ = strings.Cut(target, ":")
		u.Host = string(head.Text(head.Host))
	}
	var err error
	if u.Path, err = url.PathUnescape(path); err != nil {
		return nil, errors.New("the request target cannot be understood")
	}
	if u.EscapedPath() != path {
		u.RawPath = path
	}
	return u, nil
}

const (
	// answerBuffer is how many bytes of an answer gather before they are sent.
	answerBuffer = 8 << 10
	// drainMost is how much of a body that the handler has left is read
	// before its answer is sent: a client may write all of a request before
	// it reads.
	drainMost = 256 << 10
)

// A response is the http.ResponseWriter of the long way. It is an
// http.Flusher, an http.Hijacker, and what http.ResponseController asks for.
type response struct {
	h       *held
	request *http.Request
	body    *requestBody
	header  http.Header

	wrote    bool // WriteHeader has been called
	begun    bool // the head has been sent
	hijacked bool
	aborted  bool
	duplex   bool // the request's body may be read after the head has been sent
	answer   Answer
	reason   []byte // nil: the code's usual one
	length   int64  // that the handler has promised; -1: none
	written  int64  // that the handler has written
	buf      []byte // that has not been sent
	out      []byte // memory for what is sent
	err      error  // of the first write that failed
}

func newResponse(h *held) *response {
	return &response{h: h, header: make(http.Header), length: -1, body: newRequestBody(h)}
}

// Header implements http.ResponseWriter.
func (w *response) Header() http.Header { return w.header }

// SetReason sets what stands behind the status in the answer that WriteHeader
// begins later. w is the long way's ResponseWriter, or wraps it as
// http.ResponseController wants; anything else is left alone.
func SetReason(w http.ResponseWriter, reason []byte) {
	for {
		switch inner := w.(type) {
		case *response:
			inner.reason = append([]byte{}, reason...)
			return
		case interface{ Unwrap() http.ResponseWriter }:
			w = inner.Unwrap()
		default:
			return
		}
	}
}

// WriteHeader implements http.ResponseWriter. Codes from 100 to 199, but 101,
// are sent at once, and the answer follows.
func (w *response) WriteHeader(code int) {
	switch {
	case w.wrote || w.hijacked:
		return
	case code >= 100 && code < 200 && code != http.StatusSwitchingProtocols:
		w.inform(code)
		return
	}
	w.wrote = true
	w.answer.Reset(code)
	if w.reason != nil {
		w.answer.Reason = w.reason
	}
	w.takeFields()
	w.length = w.answer.Length
}

// inform sends an interim answer (RFC 9110, 15.2). Whoever reads the body may be
// about to send 100 (Continue), which must not stand in the middle of it.
func (w *response) inform(code int) {
	if w.h.x.Head.Minor == 0 {
		return
	}
	if code == http.StatusContinue {
		_ = w.body.ask()
		return
	}
	var a Answer
	a.Reset(code)
	addFields(&a, w.header)
	w.body.asking.Lock()
	defer w.body.asking.Unlock()
	_, _ = w.h.Write(a.appendTo(nil, framing{frameNone, -1}, connectionUnsaid, "", nil))
}

// takeFields makes the answer's fields of the header.
func (w *response) takeFields() {
	addFields(&w.answer, w.header)
	if values := w.header["Content-Length"]; len(values) > 0 {
		w.answer.Length = parseLength(values[0])
	}
	for _, value := range w.header["Connection"] {
		w.answer.Close = w.answer.Close || hasToken(value, "close")
	}
}

// addFields adds the fields of header in the order of their names. What cannot
// be sent is left out.
func addFields(a *Answer, header http.Header) {
	for _, name := range sortedNames(header) {
		switch name {
		case "Content-Length", "Transfer-Encoding", "Connection", "Keep-Alive", "Trailer", "Te", "Upgrade":
			continue
		}
		if skipClass([]byte(name), 0, inToken) != len(name) || name == "" {
			continue
		}
		for _, value := range header[name] {
			a.Add(name, fieldValue(value))
		}
	}
}

// fieldValue returns value with a space for each byte that would end the field
// or hide another.
func fieldValue(value string) string {
	if control([]byte(value)) < 0 {
		return value
	}
	clean := []byte(value)
	for at := control(clean); at >= 0; at = control(clean) {
		clean[at] = ' '
	}
	return string(clean)
}

// Write implements io.Writer.
func (w *response) Write(p []byte) (int, error) {
	if w.hijacked {
		return 0, http.ErrHijacked
	}
	if !w.wrote {
		w.WriteHeader(http.StatusOK)
	}
	if w.answer.Code == http.StatusNoContent || w.answer.Code == http.StatusNotModified {
		return 0, http.ErrBodyNotAllowed
	}
	var long error
	if w.length >= 0 && w.written+int64(len(p)) > w.length {
		p, long = p[:w.length-w.written], http.ErrContentLength
	}
	w.written += int64(len(p))
	if !w.h.x.isHead {
		if len(w.buf)+len(p) > answerBuffer {
			w.send(p, false)
		} else {
			w.buf = append(w.buf, p...)
		}
	}
	if w.err != nil {
		return 0, w.err
	}
	return len(p), long
}

// WriteString implements io.StringWriter.
func (w *response) WriteString(s string) (int, error) { return w.Write([]byte(s)) }

// FlushError sends what has been written, for http.ResponseController.
func (w *response) FlushError() error {
	if w.hijacked {
		return http.ErrHijacked
	}
	if !w.wrote {
		w.WriteHeader(http.StatusOK)
	}
	w.send(nil, false)
	return w.err
}

// Flush implements http.Flusher.
func (w *response) Flush() { _ = w.FlushError() }

// send writes the head, if it has not been, what has gathered, and p.
func (w *response) send(p []byte, last bool) {
	if w.err != nil {
		return
	}
	out := w.out[:0]
	if !w.begun {
		out = w.begin(out, last)
	}
	switch size := len(w.buf) + len(p); {
	case w.h.x.framing.mode == frameNone:
	case w.h.x.framing.mode == frameChunked && size > 0:
		out = appendChunkHead(out, size)
		out = append(append(out, w.buf...), p...)
		out = append(out, "\r\n"...)
	default:
		out = append(append(out, w.buf...), p...)
	}
	if last && w.h.x.framing.mode == frameChunked {
		out = append(out, lastChunk...)
	}
	w.buf = w.buf[:0]
	if len(out) > 0 {
		_, w.err = w.h.Write(out)
	}
	w.out = out[:0]
}

// begin appends the answer's head. What is left of the request's body is read
// first, if it is little: else the connection cannot be used again.
func (w *response) begin(dst []byte, last bool) []byte {
	w.begun = true
	x := w.h.x
	if w.duplex {
		w.answer.Close = w.answer.Close || w.body.forgo()
	} else if !w.body.drain() {
		w.answer.Close = true
	}
	size := int64(-1)
	if last {
		size = int64(len(w.buf))
		if x.isHead && w.written > 0 {
			size = w.written
		} else if x.isHead {
			size = -1
		}
	}
	f := w.answer.frame(x.isHead, x.Head.Minor, size)
	s := w.h.c.front.server
	x.framing, x.toEnd = f, f.mode == frameToEnd
	x.last = x.toEnd || w.answer.Close || !x.Head.KeepAlive || s.config().NoKeepAlive || s.stopping.Load()
	connection := connectionUnsaid
	switch {
	case x.last:
		connection = connectionClose
	case x.Head.Minor == 0:
		connection = connectionKeep
	}
	var date dateField
	return w.answer.appendTo(dst, f, connection, s.config().Ident, date.at(time.Now()))
}

// end completes the answer when the handler has returned.
func (w *response) end() {
	if w.hijacked {
		return
	}
	if !w.wrote {
		code, reason := w.body.refused()
		switch {
		case code != 0:
			w.refuse(code, reason)
			return
		case w.h.ctx.Err() != nil:
			w.aborted = true // the handler has given up, for want of a client
			return
		}
		w.WriteHeader(http.StatusOK)
	}
	w.send(nil, true)
	if w.duplex && w.err == nil && !w.body.drain() {
		w.h.x.last = true
	}
	if w.length > w.written && !w.h.x.isHead && w.h.x.framing.mode == frameLength {
		w.aborted = true // shorter than it says
	}
}

// refuse answers instead of the handler, and ends the connection.
func (w *response) refuse(code int, reason string) {
	clear(w.header)
	w.buf, w.wrote, w.written, w.reason = w.buf[:0], false, 0, nil
	w.header.Set("Content-Type", RefusalType)
	w.header.Set("X-Content-Type-Options", "nosniff")
	w.header.Set("Connection", "close")
	w.WriteHeader(code)
	_, _ = io.WriteString(w, RefusalText(code, reason))
	w.send(nil, true)
}

// abort ends an answer that is not whole.
func (w *response) abort() fate {
	if w.h.x.toEnd {
		w.h.c.reset()
	}
	return fateClose
}

// fate says what becomes of the connection after the answer.
func (w *response) fate() fate {
	switch {
	case w.hijacked:
		<-w.h.over // whoever has it closes it
		return fateClose
	case w.err != nil || w.aborted:
		return w.abort()
	case w.h.x.last:
		return fateLinger
	}
	return fateKeep
}

// EnableFullDuplex is for http.ResponseController: the request's body can be read
// after the answer has begun, by another goroutine than who writes.
func (w *response) EnableFullDuplex() error {
	w.duplex = true
	return nil
}

// SetReadDeadline is for http.ResponseController. A deadline that has passed has
// whoever waits for the request's body give up, for good; there are no others.
func (w *response) SetReadDeadline(t time.Time) error {
	if t.IsZero() || time.Until(t) > 0 {
		return http.ErrNotSupported
	}
	w.body.giveUp()
	return nil
}

// Hijack implements http.Hijacker. Whoever has the connection closes it.
func (w *response) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	if w.hijacked {
		return nil, nil, http.ErrHijacked
	}
	if w.begun {
		return nil, nil, errors.New("the answer has begun")
	}
	w.hijacked = true
	w.body.leave()
	return w.h, bufio.NewReadWriter(bufio.NewReader(w.h), bufio.NewWriter(w.h)), nil
}

func hasToken(list, token string) bool {
	for member := range strings.SplitSeq(list, ",") {
		if strings.EqualFold(strings.TrimSpace(member), token) {
			return true
		}
	}
	return false
}

func parseLength(text string) int64 {
	length := int64(0)
	for _, c := range []byte(strings.TrimSpace(text)) {
		if !isDigit(c) || length > mostBody/10-1 {
			return -1
		}
		length = length*10 + int64(c-'0')
	}
	return length
}

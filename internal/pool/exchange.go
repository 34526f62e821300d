package pool

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"

	"pasted/internal/spool"
	"pasted/internal/wire"
	"pasted/internal/wsgi"
)

const (
	// inlineMost is the largest body that rides in the Request frame.
	inlineMost = 32 << 10
	// copyPiece is how much of a streamed answer is written at a time.
	copyPiece = 32 << 10
)

// An exchange is one request and its answer, of which it is the Answer. One
// that has ended is used again.
type exchange struct {
	handler *Handler
	request Request
	head    wsgi.Head
	frame   []byte
	length  int64       // of the request's body; -1: there is none
	small   []byte      // the body, if inline
	body    *spool.Body // otherwise

	signal  chan struct{} // has room for one: the answer has begun, or ended
	payload []byte        // of the Head frame; empty: there was none
	whole   bool          // payload holds the whole answer
	out     *spool.PipeReader
	in      *spool.PipeWriter // of the rest of the answer's body
	err     error             // how the answer ended

	parsed wsgi.Answer
}

// exchanges are those that may be used again.
var exchanges = sync.Pool{New: func() any { return &exchange{signal: make(chan struct{}, 1)} }}

func newExchange(h *Handler) *exchange {
	x := exchanges.Get().(*exchange)
	x.handler = h
	x.request.renew(x, h.Pool.newID())
	x.length, x.whole, x.err = -1, false, nil
	x.small, x.payload = x.small[:0], x.payload[:0]
	return x
}

// release gives x back. The pool has ended its request or never had it.
func (x *exchange) release() {
	x.request.detach() // waits until the pool has returned from End
	x.discard()
	x.begun()
	exchanges.Put(x)
}

// discard gives back what x holds outside of memory. The pool may still count
// x's request as one of its lane's, and so that stays as it is.
func (x *exchange) discard() {
	if x.body != nil {
		x.body.Close()
	}
	if x.out != nil {
		x.out.Close()
	}
	x.handler, x.body, x.out, x.in = nil, nil, nil, nil
}

// takeBody reads r's body wholly. Errors are those of r.Body and of the spool.
func (x *exchange) takeBody(r *http.Request) error {
	switch {
	case r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0:
		if _, ok := r.Header["Content-Length"]; ok {
			x.length = 0
		}
		return nil
	case 0 < r.ContentLength && r.ContentLength <= inlineMost:
		x.length = r.ContentLength
		x.small = append(x.small, make([]byte, r.ContentLength)...)
		_, err := io.ReadFull(r.Body, x.small)
		return err
	}
	x.body = x.handler.Spool.Body(x.handler.MaxBody)
	if _, err := x.body.ReadFrom(r.Body); err != nil {
		return err
	}
	x.length = x.body.Size()
	if small, ok := x.body.Bytes(); ok && len(small) <= inlineMost {
		x.small = append(x.small, small...)
		x.body.Close()
		x.body = nil
		return nil
	}
	x.request.Body = x.body.Reader()
	return nil
}

// setFrame writes the Request frame of r.
func (x *exchange) setFrame(r *http.Request) {
	x.head.SetRequest(r)
	environ := wsgi.Request{
		Head:          &x.head,
		ScriptName:    wsgi.ScriptName(r),
		PathInfo:      r.URL.Path,
		Scheme:        x.handler.Scheme,
		ID:            x.request.ID,
		ContentLength: x.length,
		Body:          x.small,
		Inline:        x.body == nil,
	}
	environ.RemoteAddr, environ.RemotePort = splitAddr(r.RemoteAddr)
	if local, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr); ok {
		environ.ServerName, environ.ServerPort = local.IP.String(), strconv.Itoa(local.Port)
	}
	flags := uint8(0)
	if !environ.Inline {
		flags = wire.FlagBody
	}
	x.frame = wire.AppendHead(x.frame[:0], wire.Request, flags, x.handler.Root, 0, 0)
	x.frame = x.handler.Constants.AppendEnviron(x.frame, &environ)
	wire.SetLength(x.frame)
	x.request.Frame = x.frame
}

// splitAddr takes "host:port" apart. The peer of a Unix socket has neither.
func splitAddr(addr string) (host, port string) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "", ""
	}
	return host, port
}

// Head implements Answer.
func (x *exchange) Head(payload []byte, last bool) error {
	x.payload = append(x.payload[:0], payload...)
	x.whole = last
	if !last {
		x.out, x.in = x.handler.Spool.Pipe()
		x.signal <- struct{}{}
	}
	return nil
}

// Data implements Answer. It blocks while the spool is full.
func (x *exchange) Data(p []byte, _ bool) error {
	if x.in == nil {
		return ErrProtocol
	}
	_, err := x.in.Write(p)
	return err
}

// End implements Answer.
func (x *exchange) End(err error) {
	if x.in != nil {
		x.in.CloseWithError(err) // the signal was given with the head
		return
	}
	x.err = err
	x.signal <- struct{}{}
}

// begun says, once, whether the signal has been given.
func (x *exchange) begun() bool {
	select {
	case <-x.signal:
		return true
	default:
		return false
	}
}

// write writes the answer that has begun or ended, and releases x.
func (x *exchange) write(w http.ResponseWriter, r *http.Request) {
	if len(x.payload) == 0 {
		x.handler.fail(w, x.request.ID, x.err)
		x.release()
		return
	}
	first, err := x.parsed.SetPayload(x.payload)
	if err != nil {
		x.handler.fail(w, x.request.ID, err)
		x.drop()
		return
	}
	x.parsed.SetHeader(w.Header())
	body := bodyWriter{w: w, left: x.parsed.ContentLength}
	switch {
	case !x.parsed.BodyAllowed(r.Method):
		body.left = 0
	case x.whole && body.left < 0:
		w.Header()["Content-Length"] = []string{strconv.Itoa(len(first))}
	}
	w.WriteHeader(x.parsed.Code)
	err = body.write(first)
	if x.whole {
		x.release()
		return
	}
	if err == nil {
		err = x.copyRest(&body, r)
	}
	if err != nil {
		x.drop()
		panic(http.ErrAbortHandler)
	}
	x.release()
}

// A bodyWriter writes an answer's body up to its Content-Length: what the
// application gives beyond is dropped, for the client would take it for the
// next answer.
type bodyWriter struct {
	w    http.ResponseWriter
	left int64 // bytes that may still be written; negative: any number
}

func (b *bodyWriter) write(p []byte) error {
	if b.left >= 0 {
		p = p[:min(int64(len(p)), b.left)]
		b.left -= int64(len(p))
	}
	if len(p) == 0 {
		return nil
	}
	_, err := b.w.Write(p)
	return err
}

// drop gives up an answer that is still being made, or was refused.
func (x *exchange) drop() {
	pool := x.handler.Pool
	if x.out != nil {
		x.out.Close() // releases Data
	}
	pool.Cancel(&x.request)
	x.discard()
}

// copyRest writes the rest of a streamed answer, flushing whenever nothing
// more has come yet. An error is the worker's or the client's.
func (x *exchange) copyRest(body *bodyWriter, r *http.Request) error {
	out := x.out // x may be in other hands when the function runs
	stop := context.AfterFunc(r.Context(), func() { out.CloseWithError(context.Canceled) })
	defer stop()
	controller := http.NewResponseController(body.w)
	buf := make([]byte, copyPiece)
	for {
		if out.Buffered() == 0 {
			if err := controller.Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
				return err
			}
		}
		n, err := out.Read(buf)
		if err := body.write(buf[:n]); err != nil {
			return err
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}

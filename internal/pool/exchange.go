package pool

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"pasted/internal/h1"
	"pasted/internal/spool"
	"pasted/internal/wire"
	"pasted/internal/wsgi"
)

const (
	// inlineMost is the largest body that rides in the Request frame.
	inlineMost = 32 << 10
	// smallMost is the largest that is read without a spool, into memory that
	// is held from the moment its length is known.
	smallMost = 2 << 10
	// keptFields is how many fields an exchange may have had room for and be
	// used again.
	keptFields = 256
	// keptInforms is how many answers before the answer wait for their client.
	// Whatever is beyond is left out.
	keptInforms = 8
	// copyPiece is how much of a streamed answer is written at a time.
	copyPiece = 32 << 10
)

// An exchange is one request and its answer, of which it is the Answer. One
// that has ended is used again.
type exchange struct {
	handler *Handler
	request Request
	head    h1.Head
	frame   []byte
	length  int64       // of the request's body; -1: there is none
	small   []byte      // the body, unless it is in body
	body    *spool.Body // nil once the frame holds it all
	inline  bool        // the frame holds it all

	signal  chan struct{}     // has room for one: the answer has begun, or ended
	informs chan []byte       // payloads of Inform frames
	payload []byte            // of the Head frame; empty: there was none
	whole   bool              // payload holds the whole answer
	in      *spool.PipeWriter // of the rest of the answer's body
	out     *spool.PipeReader
	part    *h1.FilePart // instead of the answer's body
	err     error        // how the answer ended
	resume  func()       // request.Resume, made once
	headed  atomic.Bool  // Head has been called
	// written, unless nil, is closed when the client has the answer's head, or when
	// nothing but the application's end is waited for before it is given.
	written chan struct{}

	given  bool // the pool has been given request
	ended  bool // … and is done with it, as has been seen
	gone   bool // … or has been told that nobody waits
	parsed wsgi.Answer
}

// exchanges are those that may be used again.
var exchanges = sync.Pool{New: func() any {
	x := &exchange{signal: make(chan struct{}, 1), informs: make(chan []byte, keptInforms)}
	x.resume = x.request.Resume
	return x
}}

func newExchange(h *Handler) *exchange {
	x := exchanges.Get().(*exchange)
	x.handler = h
	x.request.renew(x, h.Pool.newID())
	x.length, x.inline, x.whole, x.err = -1, true, false, nil
	x.given, x.ended, x.gone = false, false, false
	x.written = nil
	x.headed.Store(false)
	x.small, x.payload = x.small[:0], x.payload[:0]
	return x
}

// release gives x up, at whatever point its request is. An answer that is still
// being made is thrown away, and its worker told.
func (x *exchange) release() {
	x.cancel()
	x.discard()
	for len(x.informs) > 0 {
		<-x.informs
	}
	if x.gone {
		return // its end may be on its way, or come, to these very fields
	}
	x.handler, x.body, x.out, x.in, x.part = nil, nil, nil, nil, nil
	x.trim()
	exchanges.Put(x)
}

// cancel tells the pool that nobody waits for an answer that is still being made.
func (x *exchange) cancel() {
	if x.given && !x.ended && !x.gone {
		x.gone = true
		x.handler.Pool.Cancel(&x.request, nil)
	}
}

// discard gives back what x, whose answer's body nobody reads any more, holds
// outside of memory.
func (x *exchange) discard() {
	if x.body != nil {
		x.body.Close()
	}
	if x.out != nil {
		x.out.Close()
	}
	if x.part != nil {
		x.part.Close()
	}
}

// trim lets go of memory that only an unusual request needs.
func (x *exchange) trim() {
	x.request.Frame = nil
	if cap(x.frame) > keptBuffer {
		x.frame = nil
	}
	if cap(x.payload) > keptBuffer {
		x.payload = nil
	}
	if cap(x.head.Bytes) > keptBuffer || cap(x.head.Fields) > keptFields {
		x.head = h1.Head{}
	}
	if cap(x.parsed.Fields) > keptFields {
		x.parsed = wsgi.Answer{}
	}
}

// takeBody reads r's body wholly. Errors are those of r.Body and of the spool.
func (x *exchange) takeBody(r *http.Request) error {
	limit := x.handler.MaxBody
	switch {
	case r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0:
		if _, ok := r.Header["Content-Length"]; ok {
			x.length = 0
		}
		return nil
	case limit > 0 && r.ContentLength > limit:
		return spool.ErrTooLarge
	case 0 < r.ContentLength && r.ContentLength <= smallMost:
		x.length = r.ContentLength
		x.small = slices.Grow(x.small, smallMost)[:x.length]
		_, err := io.ReadFull(r.Body, x.small)
		return err
	}
	x.body = x.handler.Spool.Body(limit)
	if _, err := x.body.ReadFrom(r.Body); err != nil {
		return err
	}
	x.length = x.body.Size()
	_, x.inline = x.body.Bytes()
	x.inline = x.inline && x.length <= inlineMost
	if !x.inline {
		x.request.Body = x.body.Reader()
	}
	return nil
}

// setFrame writes the Request frame of r.
func (x *exchange) setFrame(r *http.Request) {
	h1.SetHead(&x.head, r)
	environ := wsgi.Request{
		Head:          &x.head,
		ScriptName:    []byte(h1.ScriptName(r)),
		PathInfo:      []byte(r.URL.Path),
		Scheme:        cmp.Or(h1.OriginOf(r).Scheme, x.handler.Scheme),
		ID:            x.request.ID,
		ContentLength: x.length,
		Body:          x.small,
		Inline:        x.inline,
	}
	if x.inline && x.body != nil {
		environ.Body, _ = x.body.Bytes()
	}
	environ.RemoteAddr, environ.RemotePort = splitAddr(r.RemoteAddr)
	environ.ServerName, environ.ServerPort = h1.LocalOf(r)
	var flags uint8
	environ.Deadline, flags = x.handler.rule(&x.request, []byte(r.Method), environ.ScriptName, environ.PathInfo)
	environ.Came = x.handler.Pool.monotonic(time.Now())
	if x.handler.Debug && h1.FromHere(r) {
		flags |= wire.FlagLocal
	}
	if !environ.Inline {
		flags |= wire.FlagBody
	}
	x.frame = wire.AppendHead(x.frame[:0], wire.Request, flags, x.handler.Root, 0, 0)
	x.frame = x.handler.Constants.AppendEnviron(x.frame, &environ)
	wire.SetLength(x.frame)
	x.request.Frame = x.frame
	if x.inline && x.body != nil {
		x.body.Close()
		x.body = nil
	}
}

// splitAddr takes "host:port" apart. The peer of a Unix socket has neither.
func splitAddr(addr string) (host, port []byte) {
	name, number, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, nil
	}
	return []byte(name), []byte(number)
}

// Head implements Answer.
func (x *exchange) Head(payload []byte, last bool, _ *h1.Loop) {
	x.payload = append(x.payload[:0], payload...)
	x.whole = last
	x.headed.Store(true)
	if !last {
		x.out, x.in = x.handler.Spool.Pipe()
		x.signal <- struct{}{}
	}
}

// Inform implements Informer.
func (x *exchange) Inform(payload []byte, _ *h1.Loop) {
	select {
	case x.informs <- bytes.Clone(payload):
	default:
	}
}

// inform sends an answer before the answer.
func (x *exchange) inform(w http.ResponseWriter, payload []byte) {
	if err := x.parsed.SetInform(payload); err != nil {
		x.handler.noteInform(x.request.ID, err)
		return
	}
	header := w.Header()
	kept := maps.Clone(header)
	clear(header)
	x.parsed.SetHeader(header)
	delete(header, "Content-Type")
	w.WriteHeader(x.parsed.Code)
	clear(header)
	maps.Copy(header, kept)
}

// informAll sends the answers that have come before the answer.
func (x *exchange) informAll(w http.ResponseWriter) {
	for {
		select {
		case payload := <-x.informs:
			x.inform(w, payload)
		default:
			return
		}
	}
}

// File implements FileAnswer.
func (x *exchange) File(payload []byte, part *h1.FilePart, _ *h1.Loop) {
	x.payload = append(x.payload[:0], payload...)
	x.whole, x.part = true, part // the end comes next, and with it the signal
}

// Data implements Answer. What a client that has gone would have got is thrown
// away: soon the request will be cancelled.
func (x *exchange) Data(p []byte, _ bool, _ *h1.Loop) (ok bool) {
	ok, err := x.in.Offer(p, x.resume)
	return ok || err != nil
}

// End implements Answer. What it does last lets x be another request's.
func (x *exchange) End(err error, _ *h1.Loop) {
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

// write writes the answer that has begun or ended.
func (x *exchange) write(w http.ResponseWriter, r *http.Request) {
	x.informAll(w)
	if len(x.payload) == 0 {
		x.handler.fail(w, x.request.ID, x.err)
		return
	}
	first, err := x.parsed.SetPayload(x.payload)
	if err != nil {
		x.handler.fail(w, x.request.ID, err)
		return
	}
	if n, ok := x.handler.Files.take(&x.parsed); ok && x.part == nil {
		first = x.nameFile(r.Context(), n)
	}
	x.parsed.SetHeader(w.Header())
	h1.SetReason(w, x.parsed.Reason)
	body := bodyWriter{w: w, left: x.parsed.Length}
	switch {
	case x.part != nil:
		x.writeFile(w, r.Method == http.MethodHead)
		return
	case !x.parsed.HasBody():
		body.left = 0
	case x.whole && body.left < 0 && (len(first) > 0 || r.Method != http.MethodHead):
		w.Header()["Content-Length"] = []string{strconv.Itoa(len(first))}
	}
	w.WriteHeader(x.parsed.Code)
	x.letRead()
	err = body.write(first)
	if x.whole {
		x.checkLength(&body, r)
		return // a client that does not take it gets no other
	}
	if err == nil {
		err = x.copyRest(&body, r)
	}
	if err != nil {
		panic(http.ErrAbortHandler)
	}
}

// letRead lets a feeder read the client's body that has waited for the head.
func (x *exchange) letRead() {
	if x.written != nil {
		close(x.written)
		x.written = nil
	}
}

// nameFile makes the answer in parsed one with the file n, or instead of it, and
// returns its body if that is no file. What the application gives is thrown away.
func (x *exchange) nameFile(ctx context.Context, n named) (text []byte) {
	if out := x.out; out != nil {
		x.letRead()
		stop := context.AfterFunc(ctx, func() { out.CloseWithError(context.Canceled) })
		_, err := io.Copy(io.Discard, out)
		if stop(); err != nil && ctx.Err() != nil {
			panic(http.ErrAbortHandler)
		}
		x.whole, x.ended = true, true
	}
	reply := x.handler.answerFile(n, questionOf(&x.head), x.request.ID, &x.parsed.Answer)
	reply.fill(&x.parsed)
	x.part = reply.part
	return reply.text
}

// writeFile writes an answer, whose fields are in w, that is a file.
func (x *exchange) writeFile(w http.ResponseWriter, isHead bool) {
	switch {
	case !x.parsed.HasBody():
	case x.parsed.Length < 0:
		w.Header()["Content-Length"] = []string{strconv.FormatInt(x.part.Length, 10)}
	default:
		x.part.Length = min(x.part.Length, x.parsed.Length)
	}
	w.WriteHeader(x.parsed.Code)
	if !x.parsed.HasBody() || isHead {
		return
	}
	if err := h1.SendFile(w, x.part); err != nil {
		panic(http.ErrAbortHandler)
	}
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

// checkLength logs that a whole answer has fewer bytes than it has promised.
func (x *exchange) checkLength(body *bodyWriter, r *http.Request) {
	if body.left > 0 && r.Method != http.MethodHead {
		x.handler.noteShort(x.request.ID, body.left)
	}
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
			x.ended = true
			x.checkLength(body, r)
			return nil
		case err != nil:
			return err
		}
	}
}

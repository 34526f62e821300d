package pool

import (
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"pasted/internal/h1"
	"pasted/internal/wire"
)

// Feed answers the worker's question that r.Wants has given, with piece of r's
// body; end says that the body ends with it, broken that it breaks off: then the
// application's read raises. It may be called by any goroutine but a loop's, also
// after Cancel, until r is used again.
func (p *Pool) Feed(r *Request, piece []byte, end, broken bool) {
	p.mu.Lock()
	l, number := r.lane.Load(), r.number
	if l != nil {
		l.held, l.asked = false, false
	}
	p.mu.Unlock()
	if l == nil {
		return // its worker has gone
	}
	flags := uint8(0)
	if end {
		flags = wire.FlagEnd
	}
	if broken {
		piece, flags = nil, bodyBroken
	}
	l.sendBody(number, piece, flags, nil)
	l.flush()
}

// A feeder reads a request's body from the client when the worker asks for it.
type feeder struct {
	pool    *Pool
	request *Request
	body    io.Reader
	failed  chan error   // has room for one: why the body cannot be read
	headed  *atomic.Bool // the answer's head has come
	written <-chan struct{}
	stopped chan struct{}
	reading atomic.Bool
	running sync.WaitGroup
}

// feed starts the feeding of x's request with body. Who calls it calls end,
// when the pool has ended the request or x has been given up.
func (x *exchange) feed(body io.Reader) *feeder {
	f := &feeder{
		pool: x.handler.Pool, request: &x.request, body: body,
		failed: make(chan error, 1), stopped: make(chan struct{}),
	}
	x.written = make(chan struct{})
	f.headed, f.written = &x.headed, x.written
	x.request.Wants = make(chan int, 1)
	f.running.Go(f.run)
	return f
}

// run answers each question until end. After a body's end or its failure every
// further one is answered the same.
func (f *feeder) run() {
	piece := f.pool.lendPiece()
	defer f.pool.pieces.Put(piece)
	var end, broken bool
	for {
		select {
		case n := <-f.request.Wants:
			got := 0
			if !end && !broken {
				got, end, broken = f.read(piece[:min(n, bodyPiece)])
			}
			f.pool.Feed(f.request, piece[:got], end, broken)
		case <-f.stopped:
			return
		}
	}
}

// read reads one byte at least, to the body's end or to its failure. What the
// application asks for after its answer's head is read after the head has been
// written: the client must have no 100 (Continue) then (RFC 9110, 10.1.1).
func (f *feeder) read(p []byte) (n int, end, broken bool) {
	if f.headed.Load() {
		select {
		case <-f.written:
		case <-f.stopped:
		}
	}
	f.reading.Store(true)
	defer f.reading.Store(false)
	select {
	case <-f.stopped: // which has not seen reading, perhaps
		return 0, false, true
	default:
	}
	var err error
	for n == 0 && err == nil { // a reader may give none
		n, err = f.body.Read(p)
	}
	switch {
	case err == nil:
		return n, false, false
	case err == io.EOF:
		return n, true, false
	}
	f.failed <- err
	return 0, false, true
}

// end has a read that waits for the client give up, through w, and returns when
// nothing reads the body any more. The request has ended, or been cancelled.
func (f *feeder) end(w http.ResponseWriter) {
	close(f.stopped)
	if f.reading.Load() {
		_ = http.NewResponseController(w).SetReadDeadline(time.Unix(1, 0))
	}
	f.running.Wait()
	select {
	case <-f.request.Wants:
		f.pool.Feed(f.request, nil, false, true)
	default:
	}
}

// streams says whether r's body is to be read while it comes, and w allows it:
// in HTTP/1.1 an answer must not wait for the body's end then.
func (h *Handler) streams(w http.ResponseWriter, r *http.Request) bool {
	if r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0 {
		return false
	}
	if h.Paths == nil || h.Paths.Find([]byte(h1.ScriptName(r)), []byte(r.URL.Path)).BodyBuffer {
		return false
	}
	return http.NewResponseController(w).EnableFullDuplex() == nil || r.ProtoMajor > 1
}

// serveStream answers a request whose body the application reads from the
// client: a lane is taken at once.
func (h *Handler) serveStream(w http.ResponseWriter, r *http.Request) {
	if h.MaxBody > 0 && r.ContentLength > h.MaxBody {
		refuse(w, http.StatusRequestEntityTooLarge, "the request's body is too large")
		return
	}
	x := newExchange(h)
	feeder := x.feed(r.Body)
	defer func() {
		x.cancel()
		feeder.end(w)
		x.release()
	}()
	x.length, x.inline = r.ContentLength, false
	x.setFrame(r)
	x.given = true
	h.Pool.Do(&x.request, nil)
	for answered := false; !answered; {
		select {
		case payload := <-x.informs:
			x.inform(w, payload)
		case <-x.signal:
			answered = true
		case err := <-feeder.failed:
			h.refuseBody(w, r, err)
			return
		case <-r.Context().Done():
			if answered = x.begun(); !answered {
				return
			}
		}
	}
	x.ended = x.out == nil
	select {
	case err := <-feeder.failed: // of which the application has just heard
		h.refuseBody(w, r, err)
	default:
		x.write(w, r)
	}
}

package h1

import (
	"errors"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// readPiece is how many bytes of a body are asked for at a time.
const readPiece = 32 << 10

// A requestBody is the body of a request on the long way, bounded in size and
// in time. Its errors are io.EOF, an *http.MaxBytesError, one that is
// os.ErrDeadlineExceeded, and others if the client has gone or what it has sent
// is not well-formed.
type requestBody struct {
	h      *held
	body   Body
	part   []byte // of the content, in h.x.buf
	closed atomic.Bool
	left   atomic.Bool // nobody waits for the client any more

	asking sync.Mutex // guards expect, and is held while an interim answer is sent
	expect bool       // the client waits for 100 (Continue) before it sends any
	// forgone: the answer has begun while it waited.
	forgone bool

	mu     sync.Mutex
	read   int64
	waited time.Duration
	err    error // what ended it, io.EOF included
	code   int   // the status of a refusal that the body has earned
	reason string
}

func newRequestBody(h *held) *requestBody {
	b := &requestBody{h: h, expect: h.x.Head.Continue}
	b.body.Start(&h.x.Head, &h.c.front.server.config().Limits)
	if b.body.Done() {
		b.err = io.EOF
	}
	return b
}

// Close implements io.Closer. What is left of the body is the server's.
func (b *requestBody) Close() error { return nil }

// Read implements io.Reader.
func (b *requestBody) Read(p []byte) (int, error) {
	if b.closed.Load() {
		return 0, http.ErrBodyReadAfterClose
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.readLocked(p)
}

func (b *requestBody) readLocked(p []byte) (int, error) {
	if len(p) == 0 || b.err != nil {
		return 0, b.err
	}
	if b.err = b.ask(); b.err != nil {
		return 0, b.err
	}
	for len(b.part) == 0 {
		if n := b.directLocked(p); n > 0 || b.err != nil {
			return n, b.err
		}
		if b.nextLocked(); len(b.part) > 0 {
			break
		}
		if b.err != nil {
			return 0, b.err
		}
		b.fillLocked()
		if b.err != nil {
			return 0, b.err
		}
	}
	n := copy(p, b.part)
	b.part = b.part[n:]
	b.read += int64(n)
	return n, nil
}

// nextLocked takes the next stretch of content out of the buffer.
func (b *requestBody) nextLocked() {
	x := b.h.x
	data := x.buf[b.h.off:]
	n, part, refusal := b.body.Next(data)
	if refusal != nil {
		b.refuseLocked(refusal)
		return
	}
	b.h.off += n
	b.part = data[part.Start:part.End]
	if b.body.Done() && len(b.part) == 0 {
		b.err = io.EOF
	}
}

// directLocked reads content of a known length straight into p, if none is in
// the buffer.
func (b *requestBody) directLocked(p []byte) int {
	x := b.h.x
	if x.Head.Length < 0 || b.h.off < len(x.buf) || b.body.Done() {
		return 0
	}
	p = p[:min(int64(len(p)), x.Head.Length-b.read)]
	n := b.receiveLocked(p)
	if n == 0 {
		return 0
	}
	_, _, _ = b.body.Next(p[:n])
	b.read += int64(n)
	return n
}

// fillLocked reads more into the buffer.
func (b *requestBody) fillLocked() {
	x, h := b.h.x, b.h
	if h.off == len(x.buf) {
		x.buf, h.off = x.buf[:0], 0
	} else if h.off > 0 && cap(x.buf)-len(x.buf) < readPiece/2 {
		x.buf = x.buf[:copy(x.buf[:cap(x.buf)], x.buf[h.off:])]
		h.off = 0
	}
	x.buf = slices.Grow(x.buf, readPiece)
	n := b.receiveLocked(x.buf[len(x.buf):cap(x.buf)])
	x.buf = x.buf[:len(x.buf)+n]
}

// receiveLocked reads what the client sends next, and waits for it within the
// limits of time.
func (b *requestBody) receiveLocked(p []byte) int {
	h, cfg := b.h, b.h.c.front.server.config()
	n, err := h.tryRead(p)
	if err == unix.EAGAIN {
		began := time.Now()
		h.readBy.set(began.Add(cfg.BodyTimeout))
		if b.left.Load() {
			b.err = errGivenUp
			return 0
		}
		n, err = h.wait(p)
		h.readBy.set(time.Time{})
		b.waited += time.Since(began)
		if err == nil && b.waited > cfg.BodyTimeout &&
			float64(b.read+int64(n)) < float64(cfg.MinBodyRate)*b.waited.Seconds() {
			n, err = 0, os.ErrDeadlineExceeded
		}
	}
	switch {
	case err == nil:
	case b.left.Load():
		b.err = errGivenUp
	case errors.Is(err, os.ErrDeadlineExceeded):
		b.endLocked(http.StatusRequestTimeout, "the request's body took too long", err)
	case errors.Is(err, io.EOF):
		b.err = io.ErrUnexpectedEOF
	default:
		b.err = err
	}
	return n
}

func (b *requestBody) refuseLocked(r *Refusal) {
	var err error = r
	if r.Code == http.StatusRequestEntityTooLarge {
		err = &http.MaxBytesError{Limit: b.h.c.front.server.config().Limits.body()}
	}
	b.endLocked(r.Code, r.Reason, err)
}

func (b *requestBody) endLocked(code int, reason string, err error) {
	b.code, b.reason, b.err = code, reason, err
	b.h.c.front.server.config().Refused(code, reason, b.h.RemoteAddr())
}

// refused returns the refusal that the body has earned; 0: none.
func (b *requestBody) refused() (code int, reason string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.code, b.reason
}

// Why a body cannot be read that is still to come.
var (
	errGivenUp = errors.New("nobody waits for the request's body any more")
	errForgone = errors.New("the answer has begun without the request's body")
)

// ask tells a client that waits for it to go on.
func (b *requestBody) ask() error {
	b.asking.Lock()
	defer b.asking.Unlock()
	if !b.expect {
		if b.forgone {
			return errForgone
		}
		return nil
	}
	b.expect = false
	_, err := b.h.Write([]byte("HTTP/1.1 100 Continue\r\n\r\n"))
	return err
}

// forgo says, as the answer begins, that a client that still waits is not told
// to go on: it sees from the answer that its body is not wanted, and may send it
// all the same (RFC 9110, 10.1.1). It says whether there is such a client.
func (b *requestBody) forgo() bool {
	b.asking.Lock()
	defer b.asking.Unlock()
	b.forgone = b.forgone || b.expect
	b.expect = false
	return b.forgone
}

// giveUp has whoever waits for the client return, and whoever would wait.
func (b *requestBody) giveUp() {
	b.left.Store(true)
	b.h.readBy.set(time.Unix(1, 0))
}

// drain reads what the handler has left, if it is little, and says whether the
// next request can be told from this one's body.
func (b *requestBody) drain() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.waits() {
		return b.err == io.EOF
	}
	var scratch [4 << 10]byte
	for total := 0; b.err == nil && total <= drainMost; {
		n, _ := b.readLocked(scratch[:])
		total += n
	}
	return b.err == io.EOF
}

// waits says whether the client waits to be told to go on.
func (b *requestBody) waits() bool {
	b.asking.Lock()
	defer b.asking.Unlock()
	return b.expect
}

// leave hands the connection on with what has been read of it: no more of it
// is a body's.
func (b *requestBody) leave() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err == nil {
		b.err = http.ErrHijacked
	}
}

func sortedNames(header http.Header) []string { return slices.Sorted(maps.Keys(header)) }

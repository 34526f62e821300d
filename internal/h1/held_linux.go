package h1

import (
	"context"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// A fate is what becomes of a connection that a goroutine gives back.
type fate uint8

const (
	fateClose  fate = iota // nothing of it may look whole that is not
	fateLinger             // the last answer has been written
	fateKeep               // the next request may come
)

// A held is a connection that a goroutine has taken off its loop: a net.Conn
// on which one may read and one may write at a time. The loop tells it when
// the descriptor is ready, and closes it when the goroutine gives it back.
type held struct {
	c   *conn
	x   *Exchange
	ctx context.Context // ends when the client has left
	end context.CancelFunc
	off int // in x.buf, of what has not been read yet

	readReady, writeReady chan struct{} // each has room for one
	over                  chan struct{} // the connection has been cut, or closed by its goroutine
	overOnce              sync.Once
	readBy, writeBy       deadline
	hasRead               bool         // from the socket
	http2                 bool         // it has any number of requests; the loop's
	wrote                 atomic.Int64 // bytes that the kernel has taken
}

// hold takes c off its loop until f returns.
func (c *conn) hold(f func(*held) fate) {
	base := c.front.server.config().BaseContext
	h := &held{
		c: c, x: c.x, off: c.x.size,
		readReady: make(chan struct{}, 1), writeReady: make(chan struct{}, 1), over: make(chan struct{}),
	}
	h.ctx, h.end = context.WithCancel(base)
	c.front.idle.remove(c)
	c.state, c.held = stateHeld, h
	c.setDeadline(time.Time{})
	if c.fin {
		c.setDeadline(c.front.loop.now.Add(halfCloseGrace))
	}
	loop := c.front.loop
	c.front.server.handlers.Go(func() {
		end := f(h)
		h.end()
		loop.Post(func() { c.takeBack(end) })
	})
}

// takeBack ends what hold began. It runs on the loop.
func (c *conn) takeBack(end fate) {
	h, x := c.held, c.x
	c.held = nil
	c.state = stateServing
	c.setDeadline(time.Time{})
	c.readable = c.readable || h.hasRead
	owner := x.owner
	x.owner = nil
	switch end {
	case fateClose:
		if owner != nil { // a write has failed before the loop has heard of it
			owner.Gone(x)
		}
		c.close()
	case fateLinger:
		c.linger()
	case fateKeep:
		c.rest(h.off)
	}
}

// ready is what the loop knows of the descriptor.
func (h *held) ready(e Events) {
	if e.Readable() {
		wake(h.readReady)
	}
	if e.Writable() {
		wake(h.writeReady)
	}
}

func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default: // it has been told
	}
}

// leave is called on the loop when the client has left.
func (h *held) leave() {
	h.end()
	if owner := h.x.owner; owner != nil {
		h.x.owner = nil
		owner.Gone(h.x)
	}
}

// cut ends the connection under its goroutine. It is called on the loop.
func (h *held) cut() {
	h.finish() // first, so that nothing is answered because its client has left
	h.leave()
}

func (h *held) finish() {
	h.overOnce.Do(func() {
		close(h.over)
		_ = unix.Shutdown(h.c.fd, unix.SHUT_RDWR)
	})
}

// Close implements net.Conn. The descriptor lives on until the goroutine gives
// it back.
func (h *held) Close() error {
	h.finish()
	return nil
}

// Read implements net.Conn.
func (h *held) Read(p []byte) (int, error) {
	if h.off < len(h.x.buf) {
		n := copy(p, h.x.buf[h.off:])
		h.off += n
		return n, nil
	}
	return h.wait(p)
}

// wait reads from the socket, and blocks until there is something.
func (h *held) wait(p []byte) (int, error) {
	for {
		n, err := h.tryRead(p)
		if err != unix.EAGAIN {
			return n, err
		}
		select {
		case <-h.readReady:
		case <-h.over:
			return 0, net.ErrClosed
		case <-h.readBy.passed():
			return 0, os.ErrDeadlineExceeded
		}
	}
}

// tryRead reads what there is from the socket; unix.EAGAIN: nothing.
func (h *held) tryRead(p []byte) (int, error) {
	select {
	case <-h.over:
		return 0, net.ErrClosed
	case <-h.readBy.passed():
		return 0, os.ErrDeadlineExceeded
	default:
	}
	h.hasRead = true
	n, err := readFD(h.c.fd, p)
	if n == 0 && err == nil && len(p) > 0 {
		return 0, io.EOF
	}
	return n, err
}

// Write implements net.Conn. It fails when the client has taken nothing for
// the send timeout, however much there is to write.
func (h *held) Write(p []byte) (int, error) {
	written := 0
	var room roomWait
	defer room.end()
	for {
		n, err := writeFD(h.c.fd, p[written:])
		written += n
		h.wrote.Add(int64(n))
		switch {
		case written == len(p) && err == nil:
			return written, nil
		case err != nil && err != unix.EAGAIN:
			return written, err
		}
		if err := room.wait(h, n > 0); err != nil {
			return written, err
		}
	}
}

// A roomWait waits until a client that takes nothing at the moment takes more.
// The zero value has not waited.
type roomWait struct {
	slow  *time.Ticker
	state stall
}

// progress notes that the client has taken something.
func (r *roomWait) progress() { r.state = stall{queued: -1} }

// wait returns when there may be room, or the reason why there will be none.
// progressed says that the client has taken something since the last call.
func (r *roomWait) wait(h *held, progressed bool) error {
	if progressed || r.slow == nil {
		r.progress()
	}
	if r.slow == nil {
		r.slow = time.NewTicker(h.c.front.server.config().SendTimeout / sendSlices)
	}
	select {
	case <-h.writeReady:
	case <-h.over:
		return net.ErrClosed
	case <-h.writeBy.passed():
		return os.ErrDeadlineExceeded
	case <-r.slow.C: // as good a time as any to try again
		if r.state.over(h.c.fd) {
			h.c.front.server.config().Refused(0, "the client takes nothing of its answer", h.RemoteAddr())
			return os.ErrDeadlineExceeded
		}
	}
	return nil
}

func (r *roomWait) end() {
	if r.slow != nil {
		r.slow.Stop()
	}
}

// LocalAddr implements net.Conn.
func (h *held) LocalAddr() net.Addr { return h.c.localAddr() }

// RemoteAddr implements net.Conn.
func (h *held) RemoteAddr() net.Addr { return h.c.remoteAddr() }

// SetDeadline implements net.Conn.
func (h *held) SetDeadline(t time.Time) error {
	h.readBy.set(t)
	h.writeBy.set(t)
	return nil
}

// SetReadDeadline implements net.Conn.
func (h *held) SetReadDeadline(t time.Time) error {
	h.readBy.set(t)
	return nil
}

// SetWriteDeadline implements net.Conn.
func (h *held) SetWriteDeadline(t time.Time) error {
	h.writeBy.set(t)
	return nil
}

// serveHTTP2 gives the connection to HTTP/2.
func (h *held) serveHTTP2() fate {
	h.c.front.server.config().HTTP2(h)
	h.finish()
	return fateClose
}

// holdRest gives the rest of an answer to a goroutine.
func (c *conn) holdRest(f func(io.Writer) error) {
	waiting, x := c.pending, c.x
	c.pending = nil
	owner := x.owner
	c.hold(func(h *held) fate {
		h.off = x.size + int(max(0, x.Head.Length))
		w := &restWriter{h: h}
		_, err := h.Write(waiting)
		if err == nil {
			err = f(w)
		}
		if err == nil && x.framing.mode == frameChunked {
			_, err = h.Write(lastChunkBytes)
		}
		switch {
		case err != nil || x.framing.mode == frameLength && x.left > 0:
			if x.toEnd {
				h.c.reset()
			}
			return fateClose
		case x.last:
			return fateLinger
		}
		return fateKeep
	})
	x.owner = owner
}

// reset has the connection's close look like a failure to the client, where the
// connection's end is all that tells it of the answer's.
func (c *conn) reset() {
	_ = unix.SetsockoptLinger(c.fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
}

// A restWriter writes an answer's body in its framing.
type restWriter struct {
	h   *held
	buf []byte
}

// Write implements io.Writer.
func (w *restWriter) Write(p []byte) (int, error) {
	n := len(p)
	x := w.h.x
	p = x.cutToLength(p)
	if len(p) == 0 || x.framing.mode == frameNone {
		return n, nil
	}
	if x.framing.mode == frameChunked {
		w.buf = appendChunk(w.buf[:0], p)
		p = w.buf
	}
	if _, err := w.h.Write(p); err != nil {
		return 0, err
	}
	return n, nil
}

// A deadline is a time after which a channel is closed. The zero value has
// none set.
type deadline struct {
	mu    sync.Mutex
	timer *time.Timer
	done  chan struct{}
	gone  bool // done is closed
}

// passed returns a channel that is closed once the deadline has passed that is
// set now; another one follows a later set.
func (d *deadline) passed() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.done == nil {
		d.done = make(chan struct{})
	}
	return d.done
}

func (d *deadline) set(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	if d.done == nil || d.gone {
		d.done, d.gone = make(chan struct{}), false
	}
	if t.IsZero() {
		return
	}
	done := d.done
	expire := func() {
		if d.done == done && !d.gone {
			d.gone = true
			close(done)
		}
	}
	wait := time.Until(t)
	if wait <= 0 {
		expire()
		return
	}
	var timer *time.Timer
	timer = time.AfterFunc(wait, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.timer == timer {
			expire()
		}
	})
	d.timer = timer
}

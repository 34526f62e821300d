package h1

import (
	"net/http"
	"time"

	"golang.org/x/sys/unix"
)

// A state is what a connection is at.
type state uint8

// The states. From stateHead on a client is owed an answer.
const (
	stateNew     state = iota // nothing has been read
	stateIdle                 // between two requests
	stateHead                 // some of a head has been read
	stateBody                 // a head has been read, and its small body is awaited
	stateServing              // the short way has the request
	stateHeld                 // a goroutine has the connection
	stateLinger               // the last answer is written, what still comes is thrown away
	stateClosed
)

// A conn is a client's connection. It is its loop's, but for what a held
// goroutine has.
type conn struct {
	front     *front
	listening *listening
	fd        int
	index     int // in front.conns
	state     state
	readable  bool // the kernel has not said EAGAIN since it said there is something
	fin       bool // the client has ended its sending
	listed    bool // in front.idle
	queued    bool // for Flush
	broken    bool // writing has failed
	proxy     bool // a PROXY header has to come first
	requests  int
	x         *Exchange // in stateHead to stateHeld, and where bytes wait
	held      *held     // in stateHeld
	peer      unix.Sockaddr
	peerText  [2][]byte // host and port, once asked for
	localText [2][]byte

	deadline   time.Time
	idleSince  time.Time
	prev, next *conn // in front.idle

	pending     []byte // that the kernel has not taken
	wrote       int64  // bytes that it has taken, on the loop
	wroteBefore int64  // that, or held.wrote, when a half-closed client was looked at
	stall       stall

	waited    time.Duration // for the body that is read
	bodyBegan time.Time
}

// Ready implements Source.
func (c *conn) Ready(e Events) {
	c.fin = c.fin || e.Ended()
	c.readable = c.readable || e.Readable()
	switch c.state {
	case stateHeld:
		c.held.ready(e)
		if e.Ended() {
			c.leaving(e)
		}
		return
	case stateServing:
		if e.Writable() && len(c.pending) > 0 {
			c.flushPending()
		}
		if c.state == stateServing && e.Ended() {
			c.leaving(e)
		}
		return
	}
	if e.Readable() {
		c.advance()
	}
}

// leaving notes that the client sends nothing more, and perhaps has gone.
func (c *conn) leaving(e Events) {
	owner := c.x.owner
	if e.Gone() || c.state == stateServing && owner != nil && owner.Unbegun(c.x) {
		c.leave()
		return
	}
	if len(c.pending) == 0 {
		c.setDeadline(c.front.loop.now.Add(halfCloseGrace))
	}
}

// leave ends a request whose client has gone.
func (c *conn) leave() {
	if c.state == stateHeld {
		c.held.leave()
		return
	}
	c.abort()
}

// Flush implements Flusher: it writes what has gathered during the turn, and
// goes on with what the client has sent meanwhile.
func (c *conn) Flush() {
	c.queued = false
	if len(c.pending) > 0 && c.state == stateServing {
		c.flushPending()
	}
	c.advance()
}

// later has Flush called at the end of the turn.
func (c *conn) later() {
	if !c.queued {
		c.queued = true
		c.front.loop.AtEnd(c)
	}
}

func (c *conn) setDeadline(t time.Time) {
	c.deadline = t
	if !t.IsZero() {
		c.front.loop.setAlarm(t)
	}
}

// advance goes on with what the client has sent, as far as that goes.
func (c *conn) advance() {
	for {
		more := false
		switch c.state {
		case stateNew, stateIdle, stateHead:
			more = c.readHead()
		case stateBody:
			more = c.readBody()
		case stateLinger:
			c.discard()
		}
		if !more {
			return
		}
	}
}

// readHead reads until a head is there, and begins its request. It says whether
// there may be more to do.
func (c *conn) readHead() bool {
	if c.x == nil {
		c.x = c.front.lend()
		c.x.conn = c
	}
	if c.proxy {
		return c.readProxy()
	}
	x, cfg := c.x, c.front.server.config()
	for {
		if len(x.buf) > x.parsed {
			if c.state != stateHead {
				c.state = stateHead
				c.front.idle.remove(c)
				c.setDeadline(c.front.loop.now.Add(cfg.HeaderTimeout))
			}
			n, refusal := x.Head.Read(x.buf, &cfg.Limits)
			if refusal != nil {
				c.refuse(refusal.Code, refusal.Reason)
				return true
			}
			if n > 0 {
				x.size = n
				c.begin()
				return true
			}
			x.parsed = len(x.buf)
		}
		if !c.fill() {
			return c.starved()
		}
	}
}

// starved is called where a head is not whole and nothing more is there. It
// says whether there may be more to do.
func (c *conn) starved() bool {
	switch {
	case c.state == stateClosed:
	case c.x.eof:
		c.close() // a request that has not been finished wants no answer
	case c.state != stateHead:
		c.front.takeBack(c.x) // an idle connection needs none
		c.x = nil
	}
	return false
}

// fill reads once from the client into its exchange's buffer, and says whether
// it got anything. If it is false and the connection is not closed, x.eof
// tells whether there will be more.
func (c *conn) fill() bool {
	x := c.x
	if !c.readable {
		return false
	}
	if len(x.buf) == cap(x.buf) {
		grown := make([]byte, len(x.buf), 2*cap(x.buf))
		copy(grown, x.buf)
		x.buf = grown
	}
	room := cap(x.buf) - len(x.buf)
	n, err := readFD(c.fd, x.buf[len(x.buf):cap(x.buf)])
	switch {
	case n > 0:
		x.buf = x.buf[:len(x.buf)+n]
		c.readable = n == room || c.fin // a short read leaves nothing behind it
		return true
	case err == unix.EAGAIN:
		c.readable = false
	case err == nil:
		x.eof, c.readable, c.fin = true, false, true
	default:
		c.close()
	}
	return false
}

// begin looks at a head that is whole and decides who serves it.
func (c *conn) begin() {
	x, h, cfg := c.x, &c.x.Head, c.front.server.config()
	switch {
	case h.Preface && c.requests == 0 && cfg.HTTP2 != nil:
		x.size = 0 // the preface is for HTTP2 to read
		c.hold((*held).serveHTTP2)
		c.held.http2 = true
		return
	case h.Preface:
		c.refuse(http.StatusHTTPVersionNotSupported, "this is HTTP/1.1")
		return
	case h.connect:
		c.refuse(http.StatusNotImplemented, "this is not a proxy")
		return
	}
	c.requests++
	x.isHead = string(h.Text(h.Method)) == "HEAD"
	switch {
	case h.Length == 0:
		c.dispatch()
	case 0 < h.Length && h.Length <= SmallBody && !h.Continue:
		c.state = stateBody
		if need := x.size + int(h.Length); cap(x.buf) < need {
			x.buf = append(make([]byte, 0, need), x.buf...)
		}
		c.waited, c.bodyBegan = 0, c.front.loop.now
		c.setDeadline(c.front.loop.now.Add(cfg.BodyTimeout))
	default:
		c.hold((*held).serve)
	}
}

// readBody reads a small body, and has its request served when it is whole.
func (c *conn) readBody() bool {
	x, cfg := c.x, c.front.server.config()
	need := x.size + int(x.Head.Length)
	for len(x.buf) < need {
		if !c.fill() {
			switch {
			case c.state == stateClosed:
			case x.eof:
				c.close() // in the middle of its request
			}
			return false
		}
		now := c.front.loop.now
		if took := now.Sub(c.bodyBegan); took > cfg.BodyTimeout &&
			float64(len(x.buf)-x.size) < float64(cfg.MinBodyRate)*took.Seconds() {
			c.refuse(http.StatusRequestTimeout, "the request's body took too long")
			return true
		}
		c.setDeadline(now.Add(cfg.BodyTimeout))
	}
	c.dispatch()
	return true
}

// dispatch has a request served whose body is there.
func (c *conn) dispatch() {
	x := c.x
	c.state = stateServing
	c.setDeadline(time.Time{})
	x.begin()
	if short := c.front.server.config().Short; short != nil && short.ServeHead(x) {
		if c.fin && c.state == stateServing {
			c.leaving(0)
		}
		return
	}
	if c.state == stateServing {
		x.filters = x.filters[:0]
		if x.Head.changed {
			x.Head.Reset() // what the short way has changed, the long way changes itself
			_, _ = x.Head.Read(x.buf, &c.front.server.config().Limits)
		}
		c.hold((*held).serve)
	}
}

// answered is called when all of an answer has been written.
func (c *conn) answered() {
	x := c.x
	if x.last {
		if x.Head.KeepAlive {
			c.linger() // it may be sending a further request
		} else {
			c.close()
		}
		return
	}
	c.rest(x.size + int(max(0, x.Head.Length)))
}

// rest waits for the next request, which begins at from in the buffer.
func (c *conn) rest(from int) {
	x := c.x
	c.state = stateIdle
	c.idleSince = c.front.loop.now
	c.front.idle.push(c)
	c.setDeadline(c.idleSince.Add(c.front.server.config().IdleTimeout))
	if c.front.waits.Load() {
		c.front.loop.setAlarm(c.idleSince.Add(leastIdle))
	}
	left := copy(x.buf, x.buf[from:])
	x.buf, x.parsed = x.buf[:left], 0
	x.reset()
	switch {
	case left > 0 || c.readable:
		c.later()
	default:
		c.front.takeBack(x)
		c.x = nil
	}
}

// expire is called when the deadline has come.
func (c *conn) expire(now time.Time) {
	c.deadline = time.Time{}
	switch c.state {
	case stateNew, stateIdle:
		c.retire()
	case stateLinger:
		c.close()
	case stateHead:
		if c.proxy {
			c.refuseProxy("the PROXY header took too long")
			return
		}
		c.refuse(http.StatusRequestTimeout, "the request's head took too long")
	case stateBody:
		c.refuse(http.StatusRequestTimeout, "the request's body took too long")
	case stateServing:
		switch {
		case len(c.pending) == 0:
			c.expireHalfClosed(now, c.wrote)
		case c.stall.over(c.fd):
			c.front.server.config().Refused(0, "the client takes nothing of its answer", c.remoteAddr())
			c.abort()
		default:
			c.setDeadline(now.Add(c.front.server.config().SendTimeout / sendSlices))
		}
	case stateHeld:
		c.expireHalfClosed(now, c.held.wrote.Load())
	}
}

// expireHalfClosed takes a client that has ended its sending for one that has
// left, unless some of its answer has been written in the last while.
func (c *conn) expireHalfClosed(now time.Time, wrote int64) {
	if wrote == c.wroteBefore {
		c.leave()
		return
	}
	c.wroteBefore = wrote
	c.setDeadline(now.Add(halfCloseGrace))
}

// refuse answers a request that is not served, and ends the connection.
func (c *conn) refuse(code int, reason string) {
	c.front.server.config().Refused(code, reason, c.remoteAddr())
	x := c.x
	m := x.Head.Method
	head := string(x.buf[m.Start:m.End]) == "HEAD"
	x.reset()
	x.last = true
	text := RefusalText(code, reason)
	a := &x.answer
	a.Reset(code)
	a.Add("Content-Type", RefusalType)
	a.Add("X-Content-Type-Options", "nosniff")
	a.Length, a.Close = int64(len(text)), true
	f := framing{frameLength, a.Length}
	if head {
		f = framing{frameNone, -1} // its end is the connection's, however it is read
		text = ""
	}
	out := x.appendHead(c.front.scratch[:0], a, f)
	out = append(out, text...)
	c.front.scratch = out[:0]
	_, _ = writeFD(c.fd, out) // best effort: such a client gets no more
	c.linger()
}

// linger closes after what the client is still sending, or soon.
func (c *conn) linger() {
	if unix.Shutdown(c.fd, unix.SHUT_WR) != nil {
		c.close()
		return
	}
	c.front.idle.remove(c)
	c.state = stateLinger
	c.setDeadline(c.front.loop.now.Add(lingerTime))
	c.readable = true
	c.later()
}

// discard reads what nobody wants, until the client has closed too.
func (c *conn) discard() {
	scratch := c.front.scratch[:cap(c.front.scratch)]
	if len(scratch) < firstBuffer {
		scratch = make([]byte, firstBuffer)
		c.front.scratch = scratch[:0]
	}
	for range 64 {
		n, err := readFD(c.fd, scratch)
		switch {
		case n > 0:
		case err == unix.EAGAIN:
			c.readable = false
			return
		default:
			c.close()
			return
		}
	}
	c.later()
}

// abort closes the connection at once, such that what has been written of an
// answer cannot look whole, and tells whoever serves its request.
func (c *conn) abort() {
	switch c.state {
	case stateHeld:
		c.held.cut()
		return
	case stateServing:
		x := c.x
		if x.toEnd {
			_ = unix.SetsockoptLinger(c.fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
		}
		if owner := x.owner; owner != nil {
			x.owner = nil
			owner.Gone(x)
		}
	}
	c.close()
}

// retire closes the connection, of which nothing is owed to its client, unless a
// request has come since it was last looked at.
func (c *conn) retire() {
	c.readable = true
	c.advance()
	if c.state == stateNew || c.state == stateIdle {
		c.close()
	}
}

// close ends the connection.
func (c *conn) close() {
	if c.state == stateClosed {
		return
	}
	c.state = stateClosed
	c.deadline = time.Time{}
	if c.index >= 0 {
		c.front.loop.Remove(c.fd)
	}
	c.front.remove(c)
	unix.Close(c.fd)
	if x := c.x; x != nil {
		c.x = nil
		x.conn, x.owner = nil, nil
		c.front.takeBack(x)
	}
	c.pending = nil
	c.front.server.leave()
}

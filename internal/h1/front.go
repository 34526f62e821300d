package h1

import (
	"sync/atomic"
	"time"
)

const (
	// sweepPause is the least time between two looks at all deadlines.
	sweepPause = 10 * time.Millisecond
	// keptExchanges is how many exchanges a loop keeps for the next requests,
	// and keptBuffer the greatest read buffer among them in bytes.
	keptExchanges = 512
	keptBuffer    = 16 << 10
	// firstBuffer is how many bytes a read buffer has at first.
	firstBuffer = 4 << 10
)

// A front is what a server has on one loop. All is the loop's alone but waits.
type front struct {
	server     *Server
	loop       *Loop
	listenings []*listening
	conns      []*conn // in any order
	idle       idleList
	free       []*Exchange
	scratch    []byte // heads of answers are written into it
	date       dateField
	acceptAt   time.Time   // accepting is tried again then
	waits      atomic.Bool // connections wait in the kernel for want of room
}

// admit takes c in, which has just been accepted.
func (f *front) admit(c *conn) {
	if err := f.loop.Add(c.fd, c); err != nil {
		f.server.config().Log.Error("a connection cannot be waited for", "err", err)
		c.index = -1
		c.close()
		return
	}
	c.index = len(f.conns)
	f.conns = append(f.conns, c)
	c.setDeadline(f.loop.now.Add(f.server.config().HeaderTimeout))
}

// remove takes c out of the list.
func (f *front) remove(c *conn) {
	f.idle.remove(c)
	if c.index < 0 {
		return
	}
	last := len(f.conns) - 1
	f.conns[c.index] = f.conns[last]
	f.conns[c.index].index = c.index
	f.conns[last] = nil
	f.conns = f.conns[:last]
	c.index = -1
}

// sweep ends what has waited for too long, and returns when to look again.
func (f *front) sweep(now time.Time) time.Time {
	for i := len(f.conns) - 1; i >= 0; i-- {
		if i < len(f.conns) { // one that expires may take others with it
			c := f.conns[i]
			if !c.deadline.IsZero() && !now.Before(c.deadline) {
				c.expire(now)
			}
		}
	}
	if !now.Before(f.acceptAt) {
		f.acceptAt = time.Time{}
		f.accept()
	}
	next := f.acceptAt
	if f.waits.Load() && f.idle.first != nil {
		next = earlier(next, f.idle.first.idleSince.Add(leastIdle))
	}
	for _, c := range f.conns {
		next = earlier(next, c.deadline)
	}
	if soonest := now.Add(sweepPause); !next.IsZero() && next.Before(soonest) {
		return soonest
	}
	return next
}

// earlier returns the earlier of two times, of which a zero one is never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// closeIdle closes the connections whose clients are owed nothing.
func (f *front) closeIdle(least time.Duration) {
	for i := len(f.conns) - 1; i >= 0; i-- {
		c := f.conns[i]
		if c.state == stateNew || c.state == stateIdle && f.loop.now.Sub(c.idleSince) >= least {
			c.retire()
		}
	}
}

// cut closes all connections, and returns how many requests that has cut off,
// but those of HTTP/2.
// A connection that a goroutine has is closed when that gives it back.
func (f *front) cut() int {
	requests := 0
	for i := len(f.conns) - 1; i >= 0; i-- {
		c := f.conns[i]
		switch c.state {
		case stateHead, stateBody, stateServing:
			requests++
		case stateHeld:
			if !c.held.http2 {
				requests++
			}
		}
		c.abort()
	}
	return requests
}

// lend returns an exchange with an empty buffer.
func (f *front) lend() *Exchange {
	if n := len(f.free); n > 0 {
		x := f.free[n-1]
		f.free[n-1] = nil
		f.free = f.free[:n-1]
		return x
	}
	return &Exchange{buf: make([]byte, 0, firstBuffer)}
}

// takeBack keeps x for another request, or lets go of it.
func (f *front) takeBack(x *Exchange) {
	x.conn = nil
	if len(f.free) < keptExchanges && cap(x.buf) <= keptBuffer {
		x.reset()
		x.buf, x.parsed, x.eof = x.buf[:0], 0, false
		f.free = append(f.free, x)
	}
}

// An idleList has the idle connections in the order in which they became so.
type idleList struct{ first, last *conn }

func (l *idleList) push(c *conn) {
	c.prev, c.next = l.last, nil
	if l.last == nil {
		l.first = c
	} else {
		l.last.next = c
	}
	l.last = c
	c.listed = true
}

func (l *idleList) remove(c *conn) {
	if !c.listed {
		return
	}
	if c.prev == nil {
		l.first = c.next
	} else {
		c.prev.next = c.next
	}
	if c.next == nil {
		l.last = c.prev
	} else {
		c.next.prev = c.prev
	}
	c.prev, c.next, c.listed = nil, nil, false
}

// A dateField is a Date field's line, made once a second.
type dateField struct {
	second int64
	line   []byte
}

func (d *dateField) at(now time.Time) []byte {
	if second := now.Unix(); second != d.second || d.line == nil {
		d.second = second
		d.line = append(d.line[:0], "Date: "...)
		d.line = now.UTC().AppendFormat(d.line, "Mon, 02 Jan 2006 15:04:05 GMT")
		d.line = append(d.line, "\r\n"...)
	}
	return d.line
}

package httpd

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

const (
	// lingerTime is how long, after an answer to a request that has not been
	// read wholly, what still comes is thrown away: a connection closed upon
	// unread bytes is reset, and the answer may be lost with it.
	lingerTime = time.Second
	// refusalTime is how long a client may take for a short refusal.
	refusalTime = time.Second
	// sendSlices is how often in a send timeout it is looked whether the
	// client has taken anything.
	sendSlices = 4
)

// errRefused ends a connection whose head has been refused.
var errRefused = errors.New("request refused")

// A conn is a client's connection. Under net/http, it bounds heads in size and
// answers those that are too large or too slow, and it bounds the time that a
// client takes nothing in, where net/http only knows a time for all of it.
type conn struct {
	net.Conn
	engine *engine
	conns  *conns

	// Guarded by conns.mu.
	state     state
	place     *list.Element // in conns.idle
	idleSince time.Time

	// The goroutine that serves the connection has these alone.
	head    int64 // bytes of the head that is being read
	refused bool  // we have written a refusal: nothing else is read or written
	lingers bool  // net/http has written one
	handled bool  // the engine has the request; what is written is its answer
}

type connKey struct{}

func withConn(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, c)
}

// Read implements net.Conn. While a request is served, net/http waits in it for
// the client to go; otherwise it reads a head.
func (c *conn) Read(p []byte) (int, error) {
	s := c.conns.stateOf(c)
	switch {
	case c.refused:
		return 0, errRefused
	case s == stateServing:
		return c.Conn.Read(p)
	}
	left := c.engine.cfg.MaxHeaderSize - c.head
	if left <= 0 {
		c.refuse(http.StatusRequestHeaderFieldsTooLarge, "the request's head is too large")
		return 0, errRefused
	}
	n, err := c.Conn.Read(p[:min(int64(len(p)), left)])
	switch {
	case c.conns.stateOf(c) == stateServing: // its request came with the one before
	case n > 0:
		if s == stateIdle {
			c.Conn.SetReadDeadline(time.Now().Add(c.engine.cfg.HeaderTimeout))
		}
		c.head += int64(n)
		c.conns.move(c, stateReading)
	case c.head > 0 && errors.Is(err, os.ErrDeadlineExceeded):
		c.refuse(http.StatusRequestTimeout, "the request's head took too long")
		return 0, errRefused
	}
	return n, err
}

// Write implements net.Conn. It fails when the client has taken nothing for
// the send timeout, however much there is to write.
func (c *conn) Write(p []byte) (int, error) {
	switch {
	case c.refused:
		return 0, errRefused // net/http takes half a line for one, and may find that bad
	case !c.handled:
		c.noteRefusal(p)
	}
	slice := c.engine.cfg.SendTimeout / sendSlices
	written, stalled, queued := 0, 0, -1
	for {
		c.Conn.SetWriteDeadline(time.Now().Add(slice))
		n, err := c.Conn.Write(p[written:])
		written += n
		if err == nil || !errors.Is(err, os.ErrDeadlineExceeded) {
			return written, err
		}
		before := queued
		queued = unsent(c.Conn)
		if n > 0 || queued < before {
			stalled = 0
		} else if stalled++; stalled >= sendSlices {
			c.engine.refusals.note(0, "the client takes nothing of its answer", c.RemoteAddr())
			return written, err
		}
	}
}

// noteRefusal logs what net/http writes by itself, to a bad request, and
// remembers that what still comes is not read.
func (c *conn) noteRefusal(p []byte) {
	code, reason := 0, "not well-formed"
	if _, err := fmt.Sscanf(string(p[:min(len(p), len("HTTP/1.1 400"))]), "HTTP/1.1 %d", &code); err != nil || code < 400 {
		return
	}
	if _, text, ok := strings.Cut(string(p), "\r\n\r\n"); ok && text != "" {
		reason = text
	}
	c.lingers = true
	c.engine.refusals.note(code, reason, c.RemoteAddr())
}

// refuse answers a head that net/http will not see the end of.
func (c *conn) refuse(code int, reason string) {
	c.refused = true
	c.engine.refusals.note(code, reason, c.RemoteAddr())
	text := refusalText(code, reason)
	c.Conn.SetWriteDeadline(time.Now().Add(refusalTime))
	fmt.Fprintf(c.Conn, "HTTP/1.1 %d %s\r\nDate: %s\r\nContent-Type: %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s",
		code, http.StatusText(code), time.Now().UTC().Format(http.TimeFormat), refusalType, len(text), text)
	c.linger()
}

// Close implements net.Conn for net/http, which does not wait for a client to
// have read its refusal.
func (c *conn) Close() error {
	if c.lingers {
		c.linger()
	}
	return c.Conn.Close()
}

// CloseWrite is called by net/http after an answer to a request whose body has
// not been read wholly.
func (c *conn) CloseWrite() error {
	c.linger()
	return nil
}

// linger says that nothing more will be written, and throws away what still
// comes, for a while.
func (c *conn) linger() {
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	c.Conn.SetReadDeadline(time.Now().Add(lingerTime))
	_, _ = io.Copy(io.Discard, onlyReader{c.Conn})
}

// onlyReader hides everything else, so that no socket is spliced.
type onlyReader struct{ io.Reader }

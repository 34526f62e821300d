package h1

import (
	"time"

	"golang.org/x/sys/unix"
)

// send writes what there is of p, after what waits, and keeps the rest.
func (c *conn) send(p []byte) {
	if len(c.pending) > 0 || c.broken {
		c.pending = append(c.pending, p...)
		return
	}
	n, err := writeFD(c.fd, p)
	c.sent(n, err)
	if n < len(p) && !c.broken {
		c.pending = append(c.pending, p[n:]...)
		c.startStall()
	}
}

// flushPending writes what waits, as much as the kernel takes.
func (c *conn) flushPending() {
	n, err := writeFD(c.fd, c.pending)
	c.sent(n, err)
	switch {
	case c.broken:
		c.abort()
	case n == len(c.pending):
		if cap(c.pending) > keptBuffer {
			c.pending = nil
		}
		c.pending = c.pending[:0]
		c.setDeadline(time.Time{})
		if c.x.done {
			c.answered()
		} else if c.fin {
			c.setDeadline(c.front.loop.now.Add(halfCloseGrace))
		}
	default:
		c.pending = c.pending[:copy(c.pending, c.pending[n:])]
		if n > 0 || c.deadline.IsZero() {
			c.startStall()
		}
	}
}

func (c *conn) startStall() {
	c.stall = stall{queued: -1}
	c.setDeadline(c.front.loop.now.Add(c.front.server.config().SendTimeout / sendSlices))
}

func (c *conn) sent(n int, err error) {
	c.wrote += int64(n)
	if err != nil && err != unix.EAGAIN {
		c.broken = true
	}
}

// A stall tells a client that takes nothing from one that is slow: a socket
// takes nothing new before much of its buffer is free, but what is in it gets
// less.
type stall struct {
	queued int // in the socket when it was last looked at; -1: not known
	times  int // that it has not got less
}

// over is called once a slice of the send timeout in which nothing could be
// written, and says whether the client has taken nothing for all of them.
func (s *stall) over(fd int) bool {
	before := s.queued
	s.queued = unsent(fd)
	if s.queued < before {
		s.times = 0
		return false
	}
	s.times++
	return s.times >= sendSlices
}

// unsent returns how many bytes the client's side has not confirmed yet, or -1.
func unsent(fd int) int {
	n, err := unix.IoctlGetInt(fd, unix.TIOCOUTQ)
	if err != nil {
		return -1
	}
	return n
}

package main

import (
	"errors"
	"net"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// A herd is many connections to one server, driven by one thread. A goroutine
// for each would wake up later than answers come, and measure that. Its methods
// are for one goroutine.
type herd struct {
	to    unix.SockaddrInet4
	epoll int
	timer int // descriptor of the timer that wakes the loop for the next arrival
	conns map[int]*conn
	idle  []*conn // kept alive, the one used last at the end
	buf   []byte
}

// A conn is one connection of a herd.
type conn struct {
	fd   int
	out  []byte // what is not sent yet
	in   []byte // of the answer, as far as it has come
	want *exchange
	tag  int // what the caller calls the request
}

// newHerd returns one without connections. The caller closes it.
func newHerd(addr string) (*herd, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	h := &herd{conns: map[int]*conn{}, buf: make([]byte, 64<<10)}
	copy(h.to.Addr[:], net.ParseIP(host).To4())
	if h.to.Port, err = strconv.Atoi(port); err != nil {
		return nil, err
	}
	if h.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, err
	}
	if h.timer, err = unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK); err != nil {
		_ = unix.Close(h.epoll)
		return nil, err
	}
	return h, h.watch(h.timer, unix.EPOLL_CTL_ADD, unix.EPOLLIN)
}

func (h *herd) close() {
	for fd := range h.conns {
		_ = unix.Close(fd)
	}
	_ = unix.Close(h.timer)
	_ = unix.Close(h.epoll)
}

func (h *herd) watch(fd, op int, events uint32) error {
	return unix.EpollCtl(h.epoll, op, fd, &unix.EpollEvent{Events: events, Fd: int32(fd)})
}

// send sends a request on a kept connection, or on a new one. What is not sent
// at once the loop sends.
func (h *herd) send(request []byte, want *exchange, tag int) error {
	for len(h.idle) > 0 {
		c := h.idle[len(h.idle)-1]
		h.idle = h.idle[:len(h.idle)-1]
		c.out, c.want, c.tag = request, want, tag
		if h.flush(c) == nil {
			return nil
		}
		h.drop(c) // the server has closed it, and had not seen the request
	}
	c, err := h.dial()
	if err != nil {
		return err
	}
	c.out, c.want, c.tag = request, want, tag
	return nil
}

func (h *herd) dial() (*conn, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	if err := unix.Connect(fd, &h.to); err != nil && !errors.Is(err, unix.EINPROGRESS) {
		_ = unix.Close(fd)
		return nil, err
	}
	c := &conn{fd: fd}
	h.conns[fd] = c
	return c, h.watch(fd, unix.EPOLL_CTL_ADD, unix.EPOLLIN|unix.EPOLLOUT|unix.EPOLLET)
}

// flush sends what the socket takes.
func (h *herd) flush(c *conn) error {
	for len(c.out) > 0 {
		n, err := unix.Write(c.fd, c.out)
		if err != nil {
			if errors.Is(err, unix.EAGAIN) {
				return nil
			}
			return err
		}
		c.out = c.out[n:]
	}
	return nil
}

// drop closes a connection.
func (h *herd) drop(c *conn) {
	delete(h.conns, c.fd)
	_ = unix.Close(c.fd)
	for i, other := range h.idle {
		if other == c {
			h.idle = append(h.idle[:i], h.idle[i+1:]...)
			return
		}
	}
}

// alarm wakes the loop in d; at once if that is not positive.
func (h *herd) alarm(d time.Duration) error {
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(int64(max(1, d)))}
	return unix.TimerfdSettime(h.timer, 0, &spec, nil)
}

// A handler is told how a request has ended.
type handler func(tag int, err error)

// turn waits for events, for limit at most, and deals with them. It returns the
// number of events.
func (h *herd) turn(limit time.Duration, done handler) (int, error) {
	var events [256]unix.EpollEvent
	n, err := unix.EpollWait(h.epoll, events[:], int(limit/time.Millisecond))
	if err != nil && !errors.Is(err, unix.EINTR) {
		return 0, err
	}
	for _, e := range events[:max(0, n)] {
		if int(e.Fd) == h.timer {
			_, _ = unix.Read(h.timer, h.buf[:8])
			continue
		}
		if c := h.conns[int(e.Fd)]; c != nil {
			h.serve(c, done)
		}
	}
	return n, nil
}

// serve sends and reads what a connection is ready for.
func (h *herd) serve(c *conn, done handler) {
	err := h.flush(c)
	if errors.Is(err, unix.ENOTCONN) {
		return
	}
	for err == nil {
		var n int
		n, err = unix.Read(c.fd, h.buf)
		if n > 0 {
			c.in = append(c.in, h.buf[:n]...)
			err = nil
			continue
		}
		if err == nil {
			err = errClosed
		}
	}
	h.settle(c, err, done)
}

var errClosed = errors.New("connection closed")

// settle says how c's request has ended, if it has; err is why nothing more can
// be read now.
func (h *herd) settle(c *conn, err error, done handler) {
	waiting := errors.Is(err, unix.EAGAIN)
	if c.want == nil {
		if !waiting {
			h.drop(c)
		}
		return
	}
	whole, last, wrong := c.want.complete(c.in)
	switch {
	case wrong != nil:
		err = wrong
	case whole:
		err = nil
	case waiting:
		return
	}
	c.want, c.in = nil, c.in[:0]
	if err != nil || last || !waiting {
		h.drop(c)
	} else {
		h.idle = append(h.idle, c)
	}
	done(c.tag, err)
}

// kept returns how many connections the server has not closed.
func (h *herd) kept() int {
	for {
		if n, err := h.turn(0, func(int, error) {}); err != nil || n == 0 {
			return len(h.conns)
		}
	}
}

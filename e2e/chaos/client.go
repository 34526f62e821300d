package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// answerLimit is how long a client waits for one answer.
const answerLimit = 40 * time.Second

// A request is what a client asks.
type request struct {
	method string
	path   string // /work
	query  string // ms=10; the number is added
	body   []byte
	class  int // for whoever counts
}

// A fate is how a request has ended for its client.
type fate int

const (
	answered fate = iota // with a status, all bytes right
	refused              // no connection
	reset                // the connection ended before the answer had begun
	cut                  // … in the middle of the answer
	wrong                // an answer of 200 with other bytes than it should have
	silent               // no answer in time
)

func (f fate) String() string {
	return [...]string{"answered", "connection refused", "reset", "cut", "wrong bytes", "no answer"}[f]
}

// A result is what has become of one request.
type result struct {
	number int64
	method string
	class  int
	fate   fate
	status int
	text   string        // of an answer that is none of the application's
	why    string        // its Pasted-Reason, without the request's name
	at     time.Duration // when it was due, on the clock that the application has
	took   time.Duration // since then
	err    error
}

// ok says whether the application has answered, and rightly.
func (r *result) ok() bool { return r.fate == answered && r.status == http.StatusOK }

// A client asks over kept connections and never asks twice: what goes wrong is
// the server's fault, and counted. Its methods may be called by many goroutines.
type client struct {
	addr    string
	numbers *atomic.Int64 // of the requests, over all clients of a trial

	mu   sync.Mutex
	idle []*kept
}

// A kept is a connection.
type kept struct {
	net.Conn
	in *bufio.Reader
}

func newClient(addr string, numbers *atomic.Int64) *client {
	return &client{addr: addr, numbers: numbers}
}

// close closes the connections that are not in use.
func (c *client) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, conn := range c.idle {
		conn.Close()
	}
	c.idle = nil
}

// ask sends q, which was due at the given moment, and takes its answer.
func (c *client) ask(q request, due time.Time) result {
	r := result{number: c.numbers.Add(1), method: q.method, class: q.class}
	r.at = monotonic() - time.Since(due)
	conn, err := c.take()
	if err != nil {
		r.fate, r.err = refused, err
	} else {
		c.exchange(conn, q, &r)
	}
	r.took = time.Since(due)
	return r
}

func (c *client) take() (*kept, error) {
	for conn := c.pop(); conn != nil; conn = c.pop() {
		if !conn.ended() {
			return conn, nil
		}
		conn.Close()
	}
	conn, err := net.DialTimeout("tcp", c.addr, answerLimit)
	if err != nil {
		return nil, err
	}
	return &kept{conn, bufio.NewReader(conn)}, nil
}

// pop takes the connection that was used last off the idle ones; nil: there is
// none.
func (c *client) pop() *kept {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := len(c.idle)
	if n == 0 {
		return nil
	}
	conn := c.idle[n-1]
	c.idle = c.idle[:n-1]
	return conn
}

// ended says whether the server has closed a connection that nothing is asked
// on, as it may at any time (RFC 9112, 9.3.1), and this side has heard of it: no
// client asks on such a one, whether it tries again or not.
func (k *kept) ended() bool {
	raw, err := k.Conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		return true
	}
	var n int
	var peek error
	err = raw.Control(func(fd uintptr) {
		n, _, peek = unix.Recvfrom(int(fd), make([]byte, 1), unix.MSG_PEEK|unix.MSG_DONTWAIT)
	})
	return err != nil || n == 0 && peek == nil || peek != nil && peek != unix.EAGAIN
}

// exchange sends q on conn and reads its answer into r.
func (c *client) exchange(conn *kept, q request, r *result) {
	_ = conn.SetDeadline(time.Now().Add(answerLimit))
	sent := make(chan error, 1)
	head := fmt.Sprintf("%s %s?n=%d&%s HTTP/1.1\r\nHost: %s\r\n", q.method, q.path, r.number, q.query, c.addr)
	if q.body != nil {
		head += "Content-Length: " + strconv.Itoa(len(q.body)) + "\r\n"
	}
	message := append([]byte(head+"\r\n"), q.body...)
	if len(message) > 64<<10 {
		go func() { _, err := conn.Write(message); sent <- err }()
	} else {
		_, err := conn.Write(message)
		sent <- err
	}
	reusable := c.read(conn, q, r)
	if !reusable {
		conn.Close()
	}
	<-sent
	if !reusable {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.idle = append(c.idle, conn)
}

// read takes the answer off conn and says whether that can be used again.
func (c *client) read(conn *kept, q request, r *result) (reusable bool) {
	if _, err := conn.in.Peek(1); err != nil {
		r.fate, r.err = reset, err
		if errors.Is(err, context.DeadlineExceeded) || isTimeout(err) {
			r.fate = silent
		}
		return false
	}
	answer, err := http.ReadResponse(conn.in, &http.Request{Method: q.method})
	if err != nil {
		r.fate, r.err = cut, err
		return false
	}
	body, err := io.ReadAll(answer.Body)
	answer.Body.Close()
	r.status = answer.StatusCode
	switch {
	case err != nil:
		r.fate, r.err = cut, err
		return false
	case r.status != http.StatusOK:
		r.text = strings.TrimSpace(string(body))
		r.why, _, _ = strings.Cut(answer.Header.Get("Pasted-Reason"), ";")
	case q.path == "/work" && !bytes.Equal(body, expected(r.number, q.body)):
		r.fate, r.err = wrong, fmt.Errorf("%q", body)
	}
	return !answer.Close
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

// expected is what /work answers.
func expected(number int64, body []byte) []byte {
	return fmt.Appendf(nil, "%d %d %08x\n", number, len(body), crc32.ChecksumIEEE(body))
}

// monotonic is the clock of Python's time.monotonic(), which all processes share.
func monotonic() time.Duration {
	var now unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &now) // it cannot fail
	return time.Duration(now.Nano())
}

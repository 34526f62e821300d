package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	answerLimit = 10 * time.Second // how long one answer may take
	closeLimit  = 2 * time.Second  // and after it the end of a connection that is to be closed
)

// An exchange is a request and what has to come back.
type exchange struct {
	method      string // empty: GET
	path        string
	contentType string // of the request's body
	body        string
	close       bool // a connection for each request

	status int    // of the answer
	want   string // its body; empty: whatever the peer says there
}

// verb returns the method.
func (e exchange) verb() string {
	if e.method == "" {
		return http.MethodGet
	}
	return e.method
}

// fields returns the request's fields but Host, in the order they are sent.
func (e exchange) fields() [][2]string {
	var fields [][2]string
	if e.contentType != "" {
		fields = append(fields, [2]string{"Content-Type", e.contentType})
	}
	if e.close {
		fields = append(fields, [2]string{"Connection", "close"})
	}
	return fields
}

// bytes returns the request as it is sent to addr.
func (e exchange) bytes(addr string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\n", e.verb(), e.path, addr)
	for _, f := range e.fields() {
		fmt.Fprintf(&b, "%s: %s\r\n", f[0], f[1])
	}
	if e.body != "" {
		b.WriteString("Content-Length: " + strconv.Itoa(len(e.body)) + "\r\n")
	}
	b.WriteString("\r\n" + e.body)
	return b.Bytes()
}

// A shape is what right answers look like on the wire.
type shape struct {
	size  int  // in bytes, head and all
	close bool // the connection's end is the answer's
	last  bool // no other follows on the connection
}

// check sends the request twice and compares the answers: the second on the same
// connection where the first lets it.
func (e exchange) check(addr string) (s shape, err error) {
	var c checker
	defer c.close()
	for range 2 {
		if s, err = c.exchange(addr, e); err != nil {
			return shape{}, fmt.Errorf("%s %s: %w", e.verb(), e.path, plain(err))
		}
	}
	return s, nil
}

// plain leaves out of an error addresses, which are different every time.
func plain(err error) error {
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("no answer within %v", answerLimit)
	case errors.Is(err, syscall.ECONNREFUSED):
		return errors.New("connection refused")
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return errors.New("connection reset")
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return errors.New("connection closed in mid-answer")
	}
	return err
}

// A checker has at most one connection, and reads answers with care.
type checker struct {
	conn net.Conn
	read counter
	in   *bufio.Reader
}

// A counter counts what is read through it.
type counter struct {
	io.Reader
	n int
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += n
	return n, err
}

func (c *checker) close() {
	if c.conn != nil {
		c.conn.Close()
	}
	c.conn = nil
}

// exchange sends e's request, on a new connection if there is none, and returns
// the answer's shape, or what is wrong with it.
func (c *checker) exchange(addr string, e exchange) (s shape, err error) {
	if c.conn == nil {
		if c.conn, err = net.DialTimeout("tcp", addr, answerLimit); err != nil {
			return s, err
		}
		c.read = counter{Reader: c.conn}
		c.in = bufio.NewReader(&c.read)
	}
	if err := c.conn.SetDeadline(time.Now().Add(answerLimit)); err != nil {
		return s, err
	}
	before := c.read.n
	if _, err := c.conn.Write(e.bytes(addr)); err != nil {
		return s, err
	}
	s, err = e.judge(c.in)
	s.size = c.read.n - before
	if n := c.in.Buffered(); err == nil && n > 0 {
		err = fmt.Errorf("%d bytes after the answer's end", n)
	}
	if err == nil && e.close {
		err = c.ended()
	}
	if s.last || err != nil {
		c.close()
	}
	return s, err
}

// ended wants the peer to close the connection, as it has been asked to (RFC 9112,
// 9.6): otherwise the load would not be what the row says.
func (c *checker) ended() error {
	if err := c.conn.SetReadDeadline(time.Now().Add(closeLimit)); err != nil {
		return err
	}
	switch _, err := c.in.ReadByte(); {
	case err == io.EOF:
		return nil
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("the connection is open %v after the answer, though the request had Connection: close", closeLimit)
	case err != nil:
		return err
	}
	return errors.New("bytes after the answer's end, though the request had Connection: close")
}

// judge reads one answer and returns its shape but for the size.
func (e exchange) judge(in *bufio.Reader) (shape, error) {
	failed := shape{last: true}
	answer, err := http.ReadResponse(in, &http.Request{Method: e.verb()})
	if err != nil {
		return failed, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	switch {
	case err != nil:
		return failed, err
	case answer.StatusCode != e.status:
		return failed, fmt.Errorf("answer %s, not %d", answer.Status, e.status)
	case e.want != "" && string(body) != e.want:
		return failed, fmt.Errorf("wrong bytes: %s", difference(string(body), e.want))
	}
	ends := answer.ContentLength < 0 && len(answer.TransferEncoding) == 0
	return shape{close: ends, last: answer.Close || e.close}, nil
}

// complete says of the beginning of an answer whether all of it is there,
// whether it is the connection's last, and what is wrong with it. It knows
// answers with a Content-Length alone.
func (e *exchange) complete(in []byte) (whole, last bool, wrong error) {
	head, body, ended := bytes.Cut(in, []byte("\r\n\r\n"))
	if !ended {
		return false, false, nil
	}
	lines := bytes.Split(head, []byte("\r\n"))
	if len(lines[0]) < 12 || string(lines[0][9:12]) != strconv.Itoa(e.status) {
		return true, true, fmt.Errorf("answer %q, not %d", lines[0], e.status)
	}
	length := -1
	for _, line := range lines[1:] {
		name, value, _ := bytes.Cut(line, []byte(":"))
		switch value = bytes.TrimSpace(value); {
		case bytes.EqualFold(name, []byte("Content-Length")):
			if n, err := strconv.Atoi(string(value)); err == nil {
				length = n
			}
		case bytes.EqualFold(name, []byte("Connection")):
			last = bytes.EqualFold(value, []byte("close"))
		}
	}
	switch {
	case length < 0:
		return true, true, errors.New("answer without Content-Length")
	case len(body) < length:
		return false, last, nil
	case string(body) != e.want:
		return true, true, fmt.Errorf("wrong bytes: %s", difference(string(body), e.want))
	}
	return true, last, nil
}

// difference says in a few words where got is not want.
func difference(got, want string) string {
	at := 0
	for at < min(len(got), len(want)) && got[at] == want[at] {
		at++
	}
	if strings.HasPrefix(want, got) {
		return fmt.Sprintf("%d of %d", len(got), len(want))
	}
	return fmt.Sprintf("%d for %d, the first wrong one at %d", len(got), len(want), at)
}

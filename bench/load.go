package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"
)

// answerLimit is how long one answer may take.
const answerLimit = 10 * time.Second

// A load is a closed loop: so many connections, each of which sends its next
// request when it has the answer to the one before.
type load struct {
	addr        string
	connections int
	duration    time.Duration
}

// A result is what one load has measured.
type result struct {
	rate     float64 // answers a second
	p50, p99 time.Duration
	failed   int // requests that have no whole answer with status 200
}

// run measures until the load's time is over or ctx ends.
func (l load) run(ctx context.Context) result {
	ctx, cancel := context.WithTimeout(ctx, l.duration)
	defer cancel()
	clients := make([]client, l.connections)
	began := time.Now()
	var wg sync.WaitGroup
	for i := range clients {
		wg.Go(func() { clients[i].loop(ctx, l.addr) })
	}
	wg.Wait()
	elapsed := time.Since(began)
	var taken []time.Duration
	var r result
	for _, c := range clients {
		taken = append(taken, c.taken...)
		r.failed += c.failed
	}
	slices.Sort(taken)
	r.rate = float64(len(taken)) / elapsed.Seconds()
	r.p50, r.p99 = percentile(taken, 50), percentile(taken, 99)
	return r
}

// percentile returns the value that p percent of the sorted values are not
// above, by nearest rank; 0 if there are none.
func percentile(sorted []time.Duration, p int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[max(0, (len(sorted)*p+99)/100-1)]
}

// A client is one connection of a load, made anew when the server closes it.
type client struct {
	conn   net.Conn
	in     *bufio.Reader
	taken  []time.Duration
	failed int
}

// loop sends requests until ctx ends. The last one is counted only if it is
// answered by then.
func (c *client) loop(ctx context.Context, addr string) {
	defer c.close()
	request := []byte("GET / HTTP/1.1\r\nHost: " + addr + "\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n")
	for ctx.Err() == nil {
		began := time.Now()
		err := c.exchange(addr, request)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			c.failed++
			c.close()
			continue
		}
		c.taken = append(c.taken, time.Since(began))
	}
}

func (c *client) close() {
	if c.conn != nil {
		c.conn.Close()
	}
	c.conn = nil
}

// exchange sends the request and reads its answer, on a new connection if there
// is none.
func (c *client) exchange(addr string, request []byte) error {
	if c.conn == nil {
		conn, err := net.DialTimeout("tcp", addr, answerLimit)
		if err != nil {
			return err
		}
		c.conn, c.in = conn, bufio.NewReaderSize(conn, 4<<10)
	}
	if err := c.conn.SetDeadline(time.Now().Add(answerLimit)); err != nil {
		return err
	}
	if _, err := c.conn.Write(request); err != nil {
		return err
	}
	last, err := readAnswer(c.in)
	if last {
		c.close()
	}
	return err
}

var errNoLength = errors.New("answer without Content-Length")

// readAnswer reads one answer, and says whether it is the connection's last. It
// knows as much of HTTP as the answers of the measured applications need.
func readAnswer(in *bufio.Reader) (last bool, err error) {
	line, err := in.ReadSlice('\n')
	if err != nil {
		return true, err
	}
	if len(line) < 12 || string(line[9:12]) != "200" {
		return true, fmt.Errorf("answer %q", line)
	}
	length := -1
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return true, err
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			break
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		switch value = bytes.TrimSpace(value); {
		case bytes.EqualFold(name, []byte("Content-Length")):
			if length, err = strconv.Atoi(string(value)); err != nil {
				return true, err
			}
		case bytes.EqualFold(name, []byte("Connection")):
			last = bytes.EqualFold(value, []byte("close"))
		}
	}
	if length < 0 {
		return true, errNoLength
	}
	_, err = in.Discard(length)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return last || err != nil, err
}

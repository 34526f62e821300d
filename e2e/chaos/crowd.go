package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

// A crowd is many clients that do not behave as one would like.
type crowd struct {
	what    string
	clients int
	// come has one of them do what it does first.
	come  func(c *net.TCPConn, random *rand.Rand) error
	apart time.Duration // from one that comes to the next: what they ask for is not to be the crowd
	// stay has it go on, every pause; nil: it leaves at once, and the clients come
	// one after the other.
	stay  func(c *net.TCPConn) error
	pause time.Duration
}

// crowds returns them, share times as many as the trial says.
func crowds(share float64) []crowd {
	many := func(n int) int { return int(float64(n) * share) }
	return []crowd{
		{
			what: "slow heads", clients: many(10_000), pause: 5 * time.Second,
			come: func(c *net.TCPConn, _ *rand.Rand) error {
				return write(c, "GET /work?n=0 HTTP/1.1\r\nHost: a\r\nX-Slow: ")
			},
			stay: func(c *net.TCPConn) error { return write(c, "x") },
		},
		{
			what: "readers of a byte a second", clients: many(1000), pause: time.Second, apart: 5 * time.Millisecond,
			come: func(c *net.TCPConn, _ *rand.Rand) error {
				if err := c.SetReadBuffer(4 << 10); err != nil {
					return err
				}
				return write(c, "GET /stream?n=0&pieces=16 HTTP/1.1\r\nHost: a\r\n\r\n")
			},
			stay: func(c *net.TCPConn) error {
				_, err := c.Read(make([]byte, 1))
				return err
			},
		},
		{
			what: "leaving in mid-request", clients: many(1000),
			come: func(c *net.TCPConn, random *rand.Rand) error {
				all := "POST /work?n=0&ms=10 HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n0123456789"
				if random.IntN(2) == 0 {
					if err := c.SetLinger(0); err != nil { // with a reset
						return err
					}
				}
				return write(c, all[:min(len(all), 1+random.IntN(2*len(all)))]) // half of them the whole of it
			},
		},
	}
}

func write(c *net.TCPConn, text string) error {
	_, err := c.Write([]byte(text))
	return err
}

// crowded is the trial of crowds beside clients that behave.
func crowded(ctx context.Context, x experiment) ([]finding, error) {
	const workers = 2
	s := setting{
		processes: fmt.Sprint(workers), threads: "4",
		server: map[string]string{"max_connections": "20000", "header_timeout": "60s"},
	}
	share := 1.0
	if !x.long {
		share = 0.1
	}
	length := x.length(10*time.Second, 2*time.Second)
	return x.with(ctx, s, func(r *running, c *client) ([]finding, error) {
		load := traffic{rate: 500, next: waiting(0, 0), seed: 11}
		for _, w := range crowds(share) { // for caches to be filled
			if err := w.visit(ctx, r.addr, 0, func() {}); err != nil {
				return nil, err
			}
		}
		quiet := count(load.run(ctx, c, length), nil)
		c.close() // the connections that it has kept are none that the server leaves behind
		before := r.settled(ctx, workers)
		var found []finding
		for _, w := range crowds(share) {
			var results []result
			var there inventory
			err := w.visit(ctx, r.addr, length, func() {
				results = load.run(ctx, c, length)
				there = r.inventory()
			})
			if err != nil {
				return nil, fmt.Errorf("%s: %w", w.what, err)
			}
			t := count(results, nil)
			found = append(found,
				times(fmt.Sprintf("p99 beside %d %s", w.clients, w.what), percentile(t.took, 99), percentile(quiet.took, 99), 1.2),
				none("failed meanwhile", t.requests-t.ok, t.reasons()),
				fact("memory (PSS) for each of them, KB", "%d", max(0, there.memory-before.memory)>>10/int64(w.clients)))
		}
		c.close()
		after := r.settled(ctx, workers)
		return append(found, leftBehind(before, after)...), nil
	})
}

// visit has the crowd be there while f runs, which takes about length.
func (w crowd) visit(ctx context.Context, addr string, length time.Duration, f func()) error {
	if w.stay == nil {
		var running sync.WaitGroup
		running.Go(f)
		defer running.Wait()
		return w.gather(ctx, addr, length/time.Duration(w.clients), func(c *net.TCPConn) { c.Close() })
	}
	var conns []*net.TCPConn
	defer func() {
		for _, c := range conns {
			c.Close()
		}
	}()
	if err := w.gather(ctx, addr, w.apart, func(c *net.TCPConn) { conns = append(conns, c) }); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	var failed error
	var staying sync.WaitGroup
	staying.Go(func() { failed = w.remain(ctx, conns) })
	f()
	cancel()
	staying.Wait()
	return failed
}

// gather has all clients come, so far apart, and hands over their connections.
func (w crowd) gather(ctx context.Context, addr string, apart time.Duration, take func(*net.TCPConn)) error {
	random, next := rand.New(rand.NewPCG(12, 7)), time.Now()
	for range w.clients {
		c, err := w.one(ctx, addr, random)
		if c != nil {
			take(c)
		}
		if err != nil {
			return err
		}
		if next = next.Add(apart); !waitUntil(ctx, next) {
			return ctx.Err()
		}
	}
	return nil
}

// one has one client come. The caller closes the connection, if there is one.
func (w crowd) one(ctx context.Context, addr string, random *rand.Rand) (*net.TCPConn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	c := conn.(*net.TCPConn)
	return c, errors.Join(c.SetDeadline(time.Now().Add(answerLimit)), w.come(c, random))
}

// remain has each client go on every pause, evenly, until ctx ends.
func (w crowd) remain(ctx context.Context, conns []*net.TCPConn) error {
	next := time.Now()
	for {
		for _, c := range conns {
			if next = next.Add(w.pause / time.Duration(len(conns))); !waitUntil(ctx, next) {
				return nil
			}
			if err := w.stay(c); err != nil {
				return err
			}
		}
	}
}

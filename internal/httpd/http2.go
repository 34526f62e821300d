package httpd

import (
	"context"
	"io"
	stdlog "log"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/http2"
)

//lint:file-ignore SA1019 net/http, which is to be used instead, starts the goroutines and has the listeners itself.

const (
	// mostStreams is how many requests a connection may have open at a time
	// (RFC 9113, 6.5.2 wants no fewer than 100). As many handlers run for it
	// at most, also of requests that have been cancelled.
	mostStreams = 128
	// streamBuffer and connBuffer are how many bytes of bodies that no handler
	// has read yet a client may send, in a stream and in all of a connection.
	streamBuffer = 256 << 10
	connBuffer   = 512 << 10
	// readFrame is the longest frame that a client may send, the least that
	// there is: the memory for it is the connection's as long as that lives.
	readFrame = 16 << 10
	// fieldTable is the size of the table that a client may use to compress
	// fields.
	fieldTable = 4 << 10
	// cancelledSlack is how many requests a client may cancel before their
	// answers have begun, beside as many as it does not. A cancelled request
	// costs the client nothing, and its handler has perhaps begun.
	cancelledSlack = 200
)

// An http2Server serves the connections whose clients have begun them with
// HTTP/2's preface. Frames, streams, flow control and field compression are
// the library's, which also ends connections that reset streams, send
// CONTINUATION or ask for answers without an end. What a request may be, and
// what its answer is, is the same as in HTTP/1.1.
type http2Server struct {
	engine   *Engine
	handler  http.Handler
	refusals *refusals
	log      *slog.Logger
	streams  atomic.Int64 // requests that are being served

	mu       sync.Mutex
	conns    map[*http2Conn]bool
	stopping bool
	crowded  bool // the next connection that is idle is to end
	stops    sync.WaitGroup
}

// An http2Conn is one connection. It follows the frames: some that come are
// changed, a frame of its own goes between two of the library's, and resets are
// counted.
type http2Conn struct {
	net.Conn
	server  *http2Server
	control *http.Server // its Shutdown sends GOAWAY and ends the connection after its streams
	client  net.Addr

	reading sync.Mutex
	in      *inFrames     // by reading
	turn    chan struct{} // has room for one: who writes
	frames  outFrames     // by whose turn it is
	taken   atomic.Int64  // frames.data
	closed  atomic.Bool   // nothing is read or written any more

	mu        sync.Mutex
	announce  bool // that the connection ends, when it is possible
	ended     bool // no handler begins any more
	requests  int
	cancelled int // of them, by the client, before an answer
	refused   bool
	running   int
	idle      *sync.Cond // running is 0
	idleSince time.Time  // zero: running is not 0, or the connection is to end
}

func newHTTP2Server(e *Engine) *http2Server {
	return &http2Server{
		engine: e, handler: http.HandlerFunc(e.serveLong), refusals: e.refusals, log: e.log,
		conns: make(map[*http2Conn]bool),
	}
}

// cfg is what holds now.
func (s *http2Server) cfg() *Config { return &s.engine.now.Load().cfg }

// serve serves a connection until it and the handlers of its requests have
// ended. It is h1.Config.HTTP2.
func (s *http2Server) serve(conn net.Conn) {
	cfg := s.cfg()
	c := &http2Conn{
		Conn: conn, server: s, client: conn.RemoteAddr(), turn: make(chan struct{}, 1), idleSince: time.Now(),
	}
	c.idle = sync.NewCond(&c.mu)
	c.in = newInFrames(conn, int(2*cfg.MaxHeaderSize))
	c.control = &http.Server{
		Handler: http.HandlerFunc(c.serveRequest),
		// An entry counts for 32 bytes more than its text; check is exact.
		MaxHeaderBytes: int(2 * cfg.MaxHeaderSize),
		IdleTimeout:    cfg.IdleTimeout,
		ErrorLog:       stdlog.New(io.Discard, "", 0), // the frames that follow are counted
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams:          mostStreams,
			MaxDecoderHeaderTableSize:     fieldTable,
			MaxReadFrameSize:              readFrame,
			MaxReceiveBufferPerConnection: connBuffer,
			MaxReceiveBufferPerStream:     streamBuffer,
			SendPingTimeout:               cfg.SendTimeout,
		},
	}
	library := new(http2.Server)
	if err := http2.ConfigureServer(c.control, library); err != nil {
		s.log.Error("HTTP/2 cannot be served", "err", err)
		return
	}
	s.enter(c)
	defer s.leave(c)
	unused := time.AfterFunc(cfg.HeaderTimeout, c.endUnused)
	defer unused.Stop()
	library.ServeConn(c, &http2.ServeConnOpts{Context: s.engine.base, BaseConfig: c.control})
	c.end()
}

func (s *http2Server) enter(c *http2Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns[c] = true
}

func (s *http2Server) leave(c *http2Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
}

// each calls f for all connections, each on a goroutine: what f writes may wait
// for the client. It does not wait for them; wait does.
func (s *http2Server) each(f func(*http2Conn)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		s.stops.Go(func() { f(c) })
	}
}

// stop tells the clients to make no more requests on their connections. Those
// that are on their way are still served (RFC 9113, 6.8).
func (s *http2Server) stop() {
	s.mu.Lock()
	s.stopping = true
	s.mu.Unlock()
	s.each((*http2Conn).sayLast)
}

// close ends the connections after the requests that have come. It is called
// a while after stop, and again, for connections that have begun since.
func (s *http2Server) close() { s.each((*http2Conn).shutDown) }

// makeRoom ends the connection that has been idle longest, or the next one that
// will be. It is h1.Config.MakeRoom.
func (s *http2Server) makeRoom() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.crowded = true
	s.stops.Go(s.endOldest)
}

func (s *http2Server) endOldest() {
	s.mu.Lock()
	defer s.mu.Unlock()
	var oldest *http2Conn
	var since time.Time
	for c := range s.conns {
		if at := c.isIdleSince(); !at.IsZero() && (oldest == nil || at.Before(since)) {
			oldest, since = c, at
		}
	}
	if oldest != nil && s.crowded {
		s.crowded = false
		oldest.leaveSoon()
	}
}

// isIdleSince returns the zero time if c is not idle.
func (c *http2Conn) isIdleSince() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.idleSince
}

// leaveSoon ends a connection that is idle.
func (c *http2Conn) leaveSoon() {
	c.mu.Lock()
	c.idleSince = time.Time{}
	c.mu.Unlock()
	c.shutDown()
}

// wait returns when nothing runs any more that stop or close have started.
func (s *http2Server) wait() { s.stops.Wait() }

func (s *http2Server) isStopping() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stopping
}

// running returns how many requests are being served.
func (s *http2Server) running() int { return int(s.streams.Load()) }

// shutDown says which request was the last one that is served, and ends the
// connection after it.
func (c *http2Conn) shutDown() {
	_ = c.control.Shutdown(context.Background()) // it has no listener, nor other connections
}

// endUnused ends a connection that nobody has asked anything on.
func (c *http2Conn) endUnused() {
	c.mu.Lock()
	unused := c.requests == 0
	c.mu.Unlock()
	if unused {
		c.shutDown()
	}
}

// begin counts a request in; not if the connection has ended.
func (c *http2Conn) begin() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return false
	}
	c.requests++
	c.running++
	c.idleSince = time.Time{}
	return true
}

// finish counts a request out, which the client has cancelled or not.
func (c *http2Conn) finish(cancelled bool) {
	idle := c.countOut(cancelled)
	s := c.server
	s.mu.Lock()
	crowded := s.crowded
	s.mu.Unlock()
	if idle && crowded {
		s.endOldest()
	}
}

// countOut says whether the connection is idle now.
func (c *http2Conn) countOut(cancelled bool) (idle bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running--; c.running == 0 {
		c.idleSince = time.Now()
		c.idle.Broadcast()
	}
	if cancelled {
		c.cancelled++
	}
	if 2*c.cancelled > c.requests+cancelledSlack && !c.refused {
		c.refused = true
		c.server.refusals.note(0, "the client cancels too many requests", c.client)
		c.Close()
	}
	return c.running == 0
}

// end returns when nothing uses the connection any more, and no handler runs.
// The library does not wait for all of its goroutines.
func (c *http2Conn) end() {
	c.Close()
	c.reading.Lock()
	c.closed.Store(true)
	c.reading.Unlock()
	c.turn <- struct{}{}
	<-c.turn
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
	for c.running > 0 {
		c.idle.Wait()
	}
}

// serveRequest serves one request, which the library has found well-formed.
func (c *http2Conn) serveRequest(w http.ResponseWriter, r *http.Request) {
	if !c.begin() {
		return
	}
	a := newHTTP2Answer(c, w, r)
	defer func() { c.finish(!a.begun && r.Context().Err() != nil) }()
	s := c.server
	all := s.streams.Add(1)
	defer s.streams.Add(-1)
	if s.cfg().NoKeepAlive || s.isStopping() {
		c.shutDown()
	}
	defer func() { a.end(recover()) }()
	if all > int64(s.cfg().MaxConnections) {
		a.refuse(http.StatusServiceUnavailable, "too many requests at a time")
		return
	}
	if code, reason := s.check(r); code != 0 {
		a.refuse(code, reason)
		return
	}
	if r.RemoteAddr == "" {
		r.RemoteAddr = "@" // a Unix socket's
	}
	if r.Body != nil && r.ContentLength != 0 {
		r.Body = a.body
	}
	s.handler.ServeHTTP(a, r)
}

// goAwayLater is the frame by which a client hears that the connection will
// end, before it is said which request is the last (RFC 9113, 6.8).
var goAwayLater = []byte{0, 0, 8, byte(http2.FrameGoAway), 0, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0}

// sayLast sends goAwayLater as soon as no other frame is half written.
func (c *http2Conn) sayLast() {
	c.mu.Lock()
	c.announce = true
	c.mu.Unlock()
	select {
	case c.turn <- struct{}{}:
		c.release()
	default: // whoever writes does it
	}
}

// RemoteAddr implements net.Conn.
func (c *http2Conn) RemoteAddr() net.Addr { return c.client }

// Read implements net.Conn.
func (c *http2Conn) Read(p []byte) (int, error) {
	c.reading.Lock()
	defer c.reading.Unlock()
	if c.closed.Load() {
		return 0, net.ErrClosed
	}
	return c.in.Read(p)
}

// Write implements net.Conn.
func (c *http2Conn) Write(p []byte) (int, error) {
	c.turn <- struct{}{}
	if c.closed.Load() {
		<-c.turn
		return 0, net.ErrClosed
	}
	n, err := c.Conn.Write(p)
	c.frames.pass(p[:n], c.passed)
	c.taken.Store(c.frames.data)
	c.release()
	return n, err
}

// release ends a turn, after what is to be announced.
func (c *http2Conn) release() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.announce && c.frames.between() && c.frames.begun && !c.closed.Load() {
		c.announce = false
		c.mu.Unlock()
		_, _ = c.Conn.Write(goAwayLater)
		c.mu.Lock()
	}
	<-c.turn
}

// writing says whether the client is being written to.
func (c *http2Conn) writing() bool { return len(c.turn) > 0 }

// passed counts the streams and connections that are ended for what the client
// has sent.
func (c *http2Conn) passed(kind http2.FrameType, code http2.ErrCode) {
	switch code {
	case http2.ErrCodeNo, http2.ErrCodeInternal: // the answer was whole, or was broken off
	default:
		what := "a stream: "
		if kind == http2.FrameGoAway {
			what = "the connection: "
		}
		c.server.refusals.note(0, "HTTP/2 ends "+what+code.String(), c.client)
	}
}

package h1

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// A Config says how a Server treats its clients. Every field but Short, Proxies,
// HTTP2, MakeRoom, Ident, MinBodyRate and NoKeepAlive must be set.
type Config struct {
	// Limits bounds what a request may consist of.
	Limits Limits
	// MaxConnections bounds the connections that are open at a time. At the
	// limit the one that has been idle longest is closed for a new one; if
	// none is idle, new ones wait in the kernel. So they do when few descriptors
	// are left (RLIMIT_NOFILE).
	MaxConnections int

	// HeaderTimeout is for the whole head, from its first byte, and for the
	// first byte of a new connection.
	HeaderTimeout time.Duration
	// BodyTimeout is for the next piece of a body, and how long a body may
	// take before MinBodyRate, in bytes a second, holds; 0: no rate.
	BodyTimeout time.Duration
	MinBodyRate int
	// IdleTimeout is for the next request on a connection that has had one.
	IdleTimeout time.Duration
	// SendTimeout is how long a client may take none of what is written.
	SendTimeout time.Duration
	// NoKeepAlive closes each connection after its first answer.
	NoKeepAlive bool

	// Ident is the Server field of answers that have none; empty: none.
	Ident string
	// Short answers on the loop what it can, nil: nothing; Handler answers
	// the rest, each request on a goroutine of its own.
	Short   Short
	Handler http.Handler
	// BaseContext is the parent of the contexts of the long way's requests.
	BaseContext context.Context
	// Proxies begin their connections with a header of the PROXY protocol,
	// within HeaderTimeout; else these are closed without an answer. The
	// client that it names is the connection's peer from then on.
	Proxies Proxies
	// HTTP2 serves a connection whose client has begun it with HTTP/2's
	// preface, which can still be read from it, until it ends, and closes it;
	// nil: such a client is refused. Its goroutine is waited for.
	HTTP2 func(conn net.Conn)
	// MakeRoom has a connection of HTTP/2's end that nobody asks anything on,
	// soon, or the first that there is: another waits for its place. It must
	// not block. nil: there are none.
	MakeRoom func()
	// Refused hears of every request that is refused: the status, or 0 if
	// the client gets none, the reason and the client. It must not block.
	Refused func(code int, reason string, client net.Addr)
	// Log takes panics of handlers, and what fails in the server itself.
	Log *slog.Logger
}

// A Short answers requests on a loop.
type Short interface {
	// ServeHead answers x, now or later, and returns true; or it does nothing
	// that lasts and returns false: then Config.Handler answers. It is called
	// on x's loop and must not block. The request's body, at most SmallBody
	// bytes, is there.
	ServeHead(x *Exchange) bool
}

// SmallBody is the longest body in bytes that is read before its request is
// handed on. A longer one, and one of unknown length, take the long way.
const SmallBody = 32 << 10

const (
	// halfCloseGrace is how long a client that has ended its sending is
	// waited with for: it may still want the answer, though most have left.
	halfCloseGrace = 5 * time.Second
	// lingerTime is how long, after the last answer, what still comes is
	// thrown away: a connection closed upon unread bytes is reset, and the
	// answer may be lost with it.
	lingerTime = time.Second
	// leastIdle is how long a connection must have been idle before it is
	// closed to make room: its next request may be on its way.
	leastIdle = time.Second
	// sendSlices is how often in a send timeout it is looked whether the
	// client has taken anything.
	sendSlices = 4
)

// A Server answers HTTP/1.1 on the connections of its listeners. Its methods
// may be called by everyone.
type Server struct {
	cfg      atomic.Pointer[Config]
	fronts   []*front
	stopping atomic.Bool // every answer is its connection's last one
	open     atomic.Int64
	accepted atomic.Int64
	handlers sync.WaitGroup // goroutines of the long way
	reserve  int            // the number of the first descriptor that is kept for others
	scarce   atomic.Bool    // descriptors were, when one was last had
	warned   atomic.Bool    // … which has been logged

	mu      sync.Mutex
	settled bool // no connection comes any more
	ended   bool
	empty   chan struct{}
	failed  chan error
}

// NewServer returns a server whose connections live on loops, which run until
// the server has no connection any more.
func NewServer(cfg Config, loops []*Loop) *Server {
	s := &Server{empty: make(chan struct{}), failed: make(chan error, 1), reserve: firstReserved()}
	s.cfg.Store(&cfg)
	for _, l := range loops {
		f := &front{server: s, loop: l}
		s.fronts = append(s.fronts, f)
		l.Post(func() { l.alarm = f.sweep })
	}
	return s
}

// config returns what holds now. A request goes on by what held when it began,
// as far as it has looked.
func (s *Server) config() *Config { return s.cfg.Load() }

// Swap has s go on by cfg, whose BaseContext and HTTP2 are as before. When it
// returns, no request is given to the Short of before any more; Handler may
// still be called, by whoever was about to.
func (s *Server) Swap(cfg Config) {
	s.cfg.Store(&cfg)
	s.each(func(*front) {})
}

// each calls f on every loop, and waits until it has run there.
func (s *Server) each(f func(*front)) {
	var called sync.WaitGroup
	for _, front := range s.fronts {
		called.Add(1)
		front.loop.Post(func() {
			defer called.Done()
			f(front)
		})
	}
	called.Wait()
}

// Failed gets the error of a listener that takes no connections any more.
func (s *Server) Failed() <-chan error { return s.failed }

// Stop makes every answer from now on its connection's last one.
func (s *Server) Stop() {
	s.stopping.Store(true)
	s.each((*front).accept)
}

// Settle says that no connection comes any more: Unlisten has been called.
func (s *Server) Settle() {
	s.mu.Lock()
	s.settled = true
	s.mu.Unlock()
	s.checkEmpty()
}

// Empty is closed when, after Settle, the last connection has ended and the
// last handler has returned.
func (s *Server) Empty() <-chan struct{} { return s.empty }

// Open returns how many connections there are.
func (s *Server) Open() int { return int(s.open.Load()) }

// CloseIdle closes the connections whose clients are owed nothing and have not
// asked for anything for least, or never.
func (s *Server) CloseIdle(least time.Duration) {
	s.each(func(f *front) { f.closeIdle(least) })
}

// Cut closes all connections and ends the contexts of their requests. It
// returns how many requests that has cut off, not counting those of HTTP/2.
// Handlers may go on for a while.
func (s *Server) Cut() int {
	var requests atomic.Int64
	s.each(func(f *front) { requests.Add(int64(f.cut())) })
	return int(requests.Load())
}

// leave counts a connection out.
func (s *Server) leave() {
	s.open.Add(-1)
	s.checkEmpty()
	for _, f := range s.fronts {
		if f.waits.Load() {
			f.loop.Post(f.accept)
		}
	}
}

func (s *Server) checkEmpty() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.settled && !s.ended && s.open.Load() == 0 {
		s.ended = true
		close(s.empty)
	}
}

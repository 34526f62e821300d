// Package httpd is the server: it reads what a [server:…] section says, in the
// words of the servers that people already have, binds the addresses, and
// serves an http.Handler on them within limits of size, number and time. It is
// the only package that binds.
//
// It knows nothing of applications, workers or releases: what answers a
// request is the handler's business. Connections and requests are h1's.
package httpd

import (
	"time"

	"pasted/internal/forwarding"
	"pasted/internal/h1"
	"pasted/internal/setting"
	"pasted/paste"
)

// An Address is where to listen: a host and a port, of which 0 lets the system
// choose, or the path of a Unix socket, which begins with "@" for one without
// a file.
type Address = setting.Address

// A Config says how to listen and what is bounded. ParseServer and Defaults
// fill in every field that has a default; of one made by hand, Serve and Listen
// take a zero limit or time-out as its default.
type Config struct {
	// Server is the egg that the section names, such as "waitress#main".
	Server string
	// Listen is where to listen: at least one address.
	Listen []Address
	// NoIPv4 and NoIPv6 leave out addresses of one family that a host name,
	// or no host, stands for. Not both.
	NoIPv4, NoIPv6 bool
	// V6Only keeps IPv4 clients off the address [::], which takes them along
	// otherwise, unless 0.0.0.0 with that port is listened on as well.
	V6Only bool
	// UnixPerms are the permissions of Unix sockets.
	UnixPerms int
	// Backlog is how many connections wait in the kernel to be accepted;
	// zero: as many as it allows.
	Backlog int

	// KeepSockets leaves the sockets of the listeners to whoever else has them:
	// a stop takes no connection that waits there, and closes idle ones at
	// once. See Sockets.
	KeepSockets bool

	// Threads and Workers are what the section says of the processes behind
	// the server; zero: nothing.
	Threads, Workers int
	// WorkerClass is "gevent" where the section asks for greenlets; Threads is
	// then how many; empty: threads.
	WorkerClass string
	// Timeout is what the section says of how long a request may take in
	// Python; zero: nothing.
	Timeout time.Duration
	// URLScheme is wsgi.url_scheme, "http" or "https".
	URLScheme string
	// URLPrefix is the SCRIPT_NAME of all requests, taken off the front of
	// the paths that have it; empty, or beginning with a slash.
	URLPrefix string
	// Ident is the Server field of answers that have none; empty: none.
	Ident string
	// Forwarding says who is trusted to say for whom requests are, and which
	// fields of others are taken off. LogUntrusted has that logged.
	Forwarding   forwarding.Trust
	LogUntrusted bool

	// MaxConnections bounds the connections that are open at a time. At the
	// limit the one that has been idle longest is closed for a new one; if
	// none is idle, new ones wait.
	MaxConnections int
	// MaxHeaderSize and MaxBodySize bound a request's head and body in bytes.
	MaxHeaderSize, MaxBodySize int64
	// MaxRequestLine bounds method, target and version in bytes, MaxFields
	// the number of fields, MaxFieldSize name and value of one in bytes;
	// zero: only MaxHeaderSize does.
	MaxRequestLine, MaxFields, MaxFieldSize int

	// HeaderTimeout is for the whole head, from its first byte, and for the
	// first byte of a new connection.
	HeaderTimeout time.Duration
	// BodyTimeout is for the next piece of a body, and how long a body may
	// take before MinBodyRate, in bytes a second, holds; negative: no rate.
	BodyTimeout time.Duration
	MinBodyRate int
	// IdleTimeout is for the next request on a connection that has had one.
	IdleTimeout time.Duration
	// NoShortWay has every request take the long way.
	NoShortWay bool
	// ProxyProtocol are the peers whose connections begin with a header of
	// the PROXY protocol, which names the client.
	ProxyProtocol h1.Proxies
	// NoHTTP2 refuses HTTP/2, which clients may begin with prior knowledge.
	NoHTTP2 bool
	// MaxRequests is after how many answers a worker is replaced, zero: never;
	// MaxRequestsJitter is how many more it may be. Where MaxRequestsThreads is
	// 1, and not 0, the number is that of each thread.
	MaxRequests, MaxRequestsJitter, MaxRequestsThreads int
	// NoKeepAlive closes each connection after its first answer.
	NoKeepAlive bool
	// SendTimeout is how long a client may take none of what is written.
	SendTimeout time.Duration
	// GracefulTimeout is how long requests being served may go on after a
	// stop.
	GracefulTimeout time.Duration
	// DrainDelay is how long requests are still taken after a stop has begun,
	// while whoever asks is told that the server is not ready any more.
	DrainDelay time.Duration
}

// The defaults of egg:pasted#http, and of what other servers do not say.
const (
	defaultHost        = "127.0.0.1"
	defaultPort        = 8080
	defaultUnixPerms   = 0o600
	defaultConnections = 10_000
	defaultHeaderSize  = 64 << 10
	defaultBodySize    = 1 << 30
	defaultHeader      = 10 * time.Second
	defaultBody        = 30 * time.Second
	defaultBodyRate    = 256
	defaultIdle        = 75 * time.Second
	defaultSend        = 60 * time.Second
	defaultGraceful    = 30 * time.Second
)

// Defaults returns what egg:pasted#http is without options.
func Defaults() Config {
	c := Config{
		Server:    ownServer,
		Listen:    []Address{{Host: defaultHost, Port: defaultPort}},
		UnixPerms: defaultUnixPerms,
		URLScheme: "http",
	}
	c.Forwarding.Clear = forwarding.All
	return c.withDefaults()
}

// withDefaults returns c with every limit and time-out that is zero set.
func (c Config) withDefaults() Config {
	setIfZero(&c.MaxConnections, defaultConnections)
	setIfZero(&c.MaxHeaderSize, defaultHeaderSize)
	setIfZero(&c.MaxBodySize, defaultBodySize)
	setIfZero(&c.HeaderTimeout, defaultHeader)
	setIfZero(&c.BodyTimeout, defaultBody)
	setIfZero(&c.MinBodyRate, defaultBodyRate)
	setIfZero(&c.IdleTimeout, defaultIdle)
	setIfZero(&c.SendTimeout, defaultSend)
	setIfZero(&c.GracefulTimeout, defaultGraceful)
	return c
}

func setIfZero[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// A Note is what an operator should know of an option: that it has no effect
// here, or another one.
type Note struct {
	File    string
	Line    int // 0 where no line is to blame
	Section string
	Option  string // empty where the note is not about one
	Text    string
}

// String returns "file:line: [section] option: text" without the parts that
// are not known.
func (n Note) String() string {
	text := n.Text
	if n.Option != "" {
		text = n.Option + ": " + text
	}
	return paste.Note{
		Pos: paste.Position{File: n.File, Line: n.Line}, Section: n.Section, Text: text,
	}.String()
}

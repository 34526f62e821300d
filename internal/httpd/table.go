package httpd

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// ownServer is the server that is named after the program.
const ownServer = "pasted#http"

// A server is what a [server:…] section may name, and all that is known of it.
type server struct {
	// egg is its name in messages; more are other names of the same thing.
	egg  string
	more []string
	// objects are the Python objects, "module:attribute", behind the names.
	objects []string
	// refused, if not empty, says why it cannot be stood in for.
	refused string

	// host, port and threads are its defaults. Port 0 is one that it has not.
	host     string
	port     int
	hostList bool // host may be several, with commas between
	threads  int
	workers  int
	unix     int // permissions of a Unix socket; 0: those of pasted#http

	options []option
	// lenient says that it takes no notice of options that it does not know.
	lenient bool
	// dashes says that options may be spelled with dashes for underscores.
	dashes bool
	// finish, if not nil, is called when all options have been read.
	finish func(d *draft)
}

// An option is one row of a server's table: what some of its options mean.
type option struct {
	names string // with blanks between
	// read takes the value in. Without it the option has no effect, and note
	// says why: an operator is told, so that nothing is ignored in silence.
	read reader
	note string
}

// A reader takes the value of an option into d; it is called whether the
// option is there or not.
type reader func(d *draft, name string)

// Bounds of options. A time-out is at most a day, so that none is forever.
const (
	shortest = time.Millisecond
	longest  = 24 * time.Hour
	mostSize = 1 << 50
)

// The readers that are the same in all servers.

func readHost(d *draft, name string) {
	if d.Has(name) {
		d.host, d.hostText = name, d.Text(name, "")
	}
}

func readPort(d *draft, name string) {
	if o, ok := d.Lookup(name); ok && strings.TrimSpace(o.Value) != "" {
		d.port, d.portNumber = name, d.Int(name, 0, 0, math.MaxUint16)
	}
}

func readListen(d *draft, name string) {
	if d.Has(name) {
		d.list = name
		d.listen = append(make([]Address, 0, 1), d.Addresses(name, d.server.port)...)
	}
}

func readUnixSocket(d *draft, name string) {
	path := d.Text(name, "")
	switch {
	case !d.Has(name):
	case path == "" || strings.ContainsRune(path, 0):
		d.Refuse(name, "the path of a socket")
	default:
		d.list = name
		d.unix = strings.TrimPrefix(path, "unix:")
	}
}

func readUnixPerms(d *draft, name string) { d.UnixPerms = d.Mode(name, d.UnixPerms) }

func readScheme(d *draft, name string) {
	d.URLScheme = d.OneOf(name, d.URLScheme, "http", "https")
}

// readIdent takes a Server field; it goes to every client as it stands.
func readIdent(d *draft, name string) {
	d.Ident = d.Text(name, d.Ident)
	if strings.ContainsFunc(d.Ident, func(r rune) bool { return r < ' ' || r > '~' }) {
		d.Refuse(name, "visible ASCII characters")
	}
}

// readCount makes a reader of a whole number, of at least least.
func readCount(field func(*Config) *int, least int) reader {
	return func(d *draft, name string) {
		p := field(&d.Config)
		*p = d.Int(name, *p, least, math.MaxInt32)
	}
}

// mostCrew is how many workers there may be, and lanes in each: as much as
// [pasted:workers] takes.
const mostCrew = 1024

// readCrew makes a reader of a number of workers, or of what each serves at a
// time. Other servers have no limit for it.
func readCrew(field func(*Config) *int) reader {
	return func(d *draft, name string) {
		p := field(&d.Config)
		*p = d.Int(name, *p, 1, math.MaxInt32)
		if *p > mostCrew {
			*p = mostCrew
			d.note(name, fmt.Sprintf("%d, which are the most", mostCrew))
		}
	}
}

// readSize makes a reader of a number of bytes, of at least least.
func readSize(field func(*Config) *int64, least int64) reader {
	return func(d *draft, name string) {
		p := field(&d.Config)
		*p = d.Size(name, *p, least, mostSize)
	}
}

// readTime makes a reader of a time-out for all of fields.
func readTime(fields ...func(*Config) *time.Duration) reader {
	return func(d *draft, name string) {
		for i, field := range fields {
			p := field(&d.Config)
			if i == 0 {
				*p = d.Duration(name, *p, shortest, longest)
			} else if d.Has(name) {
				*p = *fields[0](&d.Config)
			}
		}
	}
}

// mustNot makes a reader of an option whose being ignored would make the server
// less safe than the one that the file was written for.
func mustNot(want string) reader {
	return func(d *draft, name string) {
		if o, ok := d.Lookup(name); ok && strings.TrimSpace(o.Value) != "" {
			d.Refuse(name, want)
		}
	}
}

// Fields of a Config, for the readers above.

func threads(c *Config) *int              { return &c.Threads }
func workers(c *Config) *int              { return &c.Workers }
func maxRequests(c *Config) *int          { return &c.MaxRequests }
func maxRequestsJitter(c *Config) *int    { return &c.MaxRequestsJitter }
func backlog(c *Config) *int              { return &c.Backlog }
func maxConnections(c *Config) *int       { return &c.MaxConnections }
func maxRequestLine(c *Config) *int       { return &c.MaxRequestLine }
func maxFields(c *Config) *int            { return &c.MaxFields }
func maxFieldSize(c *Config) *int         { return &c.MaxFieldSize }
func maxHeaderSize(c *Config) *int64      { return &c.MaxHeaderSize }
func maxBodySize(c *Config) *int64        { return &c.MaxBodySize }
func headerTime(c *Config) *time.Duration { return &c.HeaderTimeout }
func bodyTime(c *Config) *time.Duration   { return &c.BodyTimeout }
func idleTime(c *Config) *time.Duration   { return &c.IdleTimeout }
func sendTime(c *Config) *time.Duration   { return &c.SendTimeout }
func gracefulTime(c *Config) *time.Duration {
	return &c.GracefulTimeout
}

// Why options have no effect, where several share a reason.
const (
	noTLS      = "TLS is not there yet: let a proxy in front speak it (url_scheme = https of egg:pasted#http)"
	wantNoTLS  = "this option taken out; " + noTLS
	noLoop     = "no effect: it is about how the original server's loop works"
	noLogs     = "no effect: the server logs to standard error; the application's logging is its own"
	noProtocol = "no effect: HTTP/1.1 is spoken, and HTTP/1.0 and HTTP/2 to clients that do"
	noKill     = "no effect: timeout of [pasted:workers] says how long a request may take"
	noMail     = "no effect: no mail is sent"
	noPython   = "no effect: there is no such Python object here"
	inWorkers  = "no effect: [pasted:workers] has a place for it"
)

// readBodyRate takes a rate of 0 for none.
func readBodyRate(d *draft, name string) {
	if d.MinBodyRate = d.Int(name, d.MinBodyRate, 0, math.MaxInt32); d.MinBodyRate == 0 {
		d.MinBodyRate = -1
	}
}

func readDrainDelay(d *draft, name string) { d.DrainDelay = d.Duration(name, d.DrainDelay, 0, longest) }

func readHTTP2(d *draft, name string) { d.NoHTTP2 = !d.Bool(name, !d.NoHTTP2) }

func readShortWay(d *draft, name string) { d.NoShortWay = !d.Bool(name, !d.NoShortWay) }

// own is egg:pasted#http.
func own() server {
	return server{
		egg: ownServer, host: defaultHost, port: defaultPort,
		options: []option{
			{names: "host", read: readHost},
			{names: "port", read: readPort},
			{names: "listen", read: readListen},
			{names: "unix_socket", read: readUnixSocket},
			{names: "unix_socket_perms", read: readUnixPerms},
			{names: "backlog", read: readCount(backlog, 0)},
			{names: "threads", read: readCrew(threads)},
			{names: "workers", read: readCrew(workers)},
			{names: "url_scheme", read: readScheme},
			{names: "ident", read: readIdent},
			{names: "max_connections", read: readCount(maxConnections, 1)},
			{names: "max_request_header_size", read: readSize(maxHeaderSize, 256)},
			{names: "max_request_body_size", read: readSize(maxBodySize, 1)},
			{names: "header_timeout", read: readTime(headerTime)},
			{names: "body_timeout", read: readTime(bodyTime)},
			{names: "min_body_rate", read: readBodyRate},
			{names: "idle_timeout", read: readTime(idleTime)},
			{names: "send_timeout", read: readTime(sendTime)},
			{names: "graceful_timeout", read: readTime(gracefulTime)},
			{names: "drain_delay", read: readDrainDelay},
			{names: "http2", read: readHTTP2},
			{names: "proxy_protocol", read: readProxyProtocol},
			{names: "short_way", read: readShortWay},
			{names: "ssl_pem certfile keyfile", read: mustNot(wantNoTLS)},
			{names: "trusted_proxies", read: readTrusted},
			{names: "trusted_proxy_fields", read: readTrustedFields},
			{names: "untrusted_proxy_fields", read: readUntrusted},
		},
	}
}

// servers returns the table of all servers.
func servers() []server {
	return append([]server{
		own(), pasteHTTP(), waitress(), gunicorn(),
	}, others()...)
}

// find returns the server that a section names by an egg, "Distribution#name",
// or else by a Python object, "module:attribute".
func find(egg, object string) (server, bool) {
	dist, name, _ := strings.Cut(egg, "#")
	egg = fold(dist) + "#" + name
	for _, s := range servers() {
		for _, known := range append(s.more, s.egg) {
			dist, name, _ := strings.Cut(known, "#")
			if egg == fold(dist)+"#"+name {
				return s, true
			}
		}
		for _, known := range s.objects {
			if object == known {
				return s, true
			}
		}
	}
	return server{}, false
}

// fold makes a distribution's name comparable, as Python's packaging does, and
// takes off what it was asked for with ("PasteScript[flup]").
func fold(distribution string) string {
	distribution, _, _ = strings.Cut(distribution, "[")
	distribution = strings.ToLower(strings.TrimSpace(distribution))
	return strings.Join(strings.FieldsFunc(distribution, func(r rune) bool {
		return r == '-' || r == '_' || r == '.'
	}), "-")
}

// quoted is the egg: URI of a name, in quotes.
func quoted(egg string) string { return strconv.Quote("egg:" + egg) }

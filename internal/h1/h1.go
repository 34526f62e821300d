// Package h1 is the strict HTTP/1.1 of Pasted: a parser, and a server on event
// loops. It knows how a request is laid out (RFC 9112, and RFC 9110 and 3986
// where that leans on them), where it ends and the next one begins, and what
// must be refused, with which status and by which rule; and how an answer is
// laid out. It leaves what a request means, and what is answered, to others.
//
// A [Head] reads the request line and the fields; a [Body] reads what follows
// it, of a known length or in chunks. Both are functions over bytes: they read
// no connection, wait for nothing, start nothing, and take offsets, never
// copies. Both stop at any byte and go on there, look at no byte twice for the
// end of its line, and come to the same end however the bytes were split. They
// allocate only to grow the list of fields, which the next request has again.
//
// A [Loop] waits for descriptors, and a [Server]'s connections live on a few of
// them. A request goes to a [Short], on the loop, or else to an http.Handler, on
// a goroutine that has the connection meanwhile. [Filter] puts a [HeadFilter]
// before either.
//
// # Strictness
//
// Where a rule lets a recipient choose between repairing and refusing, it is
// refused here: a line that ends in a bare LF, a bare CR, a folded field,
// white space before a colon, a Content-Length that is a list or comes twice
// (RFC 9110, 8.6), Content-Type twice (5.3), Transfer-Encoding beside Content-Length (RFC 9112, 6.1).
// Where a recipient must read what a sender must not send, it is read: one
// empty line before a request (RFC 9112, 2.2), white space around ";" and "="
// in chunk extensions (7.1.1), empty members of a Connection field (RFC 9110,
// 5.6.1.2), minor versions over 1 (RFC 9110, 2.5).
//
// # A connection
//
//	n, refusal := head.Read(data, &limits) // until n > 0
//	body.Start(&head, &limits)
//	n, part, refusal := body.Next(data)    // until body.Done()
//
// The byte after that is the first of the next request. After a refusal, or
// when Head.KeepAlive is not set, there is none: whatever else has been sent is
// not to be read as a request.
package h1

// A Span is a stretch of bytes, from Start up to but not including End, as
// offsets into what a Head or a Body was given, which is less than 4 GiB. The
// zero Span is empty.
type Span struct{ Start, End uint32 }

// Empty says whether s has no bytes.
func (s Span) Empty() bool { return s.Start == s.End }

// A Field is one field line: its name in the case that it came in, and its
// value without the white space around it.
type Field struct{ Name, Value Span }

// Limits bounds what a client may send. A number that is not positive stands
// for its default. The zero value is whole; a Limits is only read, and may
// serve many connections at a time.
type Limits struct {
	// Method is the longest method in bytes; 0: 32. A longer one is none
	// that anybody implements: 501.
	Method int
	// RequestLine is the longest request line in bytes, without its CRLF; 0:
	// 16 KiB. RFC 9112, 3 recommends at least 8000. Over it: 414.
	RequestLine int
	// FieldLine is the longest line of a field or a trailer in bytes, without
	// its CRLF; 0: 32 KiB. Over it, or over Fields, Head or Trailers: 431.
	FieldLine int
	// Fields is how many fields a head, and how many a trailer section, has at
	// most; 0: 200.
	Fields int
	// Head is the longest head in bytes, from its first to its empty line;
	// 0: 64 KiB. Who calls Head.Read must be able to hold as many.
	Head int
	// Trailers is the longest trailer section in bytes, its empty line
	// included; 0: 8 KiB. Who calls Body.Next must be able to hold as many.
	Trailers int
	// Extensions is how many bytes of chunk extensions a body has at most, in
	// all its chunks; 0: 16 KiB. Over it: 413.
	Extensions int
	// Body is the longest body in bytes; 0: any that an int64 can count. Over
	// it: 413.
	Body int64
	// BrowserTargets takes characters in a target that RFC 3986 does not have
	// and that browsers leave as they are (URL Standard, the path and the
	// query percent-encode set): "[", "]" and "|" in a path, these and "{",
	// "}", "^", "`" and "\" in a query.
	BrowserTargets bool
}

const (
	defaultMethod      = 32
	defaultRequestLine = 16 << 10
	defaultFieldLine   = 32 << 10
	defaultFields      = 200
	defaultHead        = 64 << 10
	defaultTrailers    = 8 << 10
	defaultExtensions  = 16 << 10
	mostBody           = 1<<63 - 1
)

func (l *Limits) method() int      { return orDefault(l.Method, defaultMethod) }
func (l *Limits) requestLine() int { return orDefault(l.RequestLine, defaultRequestLine) }
func (l *Limits) fieldLine() int   { return orDefault(l.FieldLine, defaultFieldLine) }
func (l *Limits) fields() int      { return orDefault(l.Fields, defaultFields) }
func (l *Limits) head() int        { return orDefault(l.Head, defaultHead) }
func (l *Limits) trailers() int    { return orDefault(l.Trailers, defaultTrailers) }
func (l *Limits) extensions() int  { return orDefault(l.Extensions, defaultExtensions) }
func (l *Limits) body() int64      { return orDefault(l.Body, mostBody) }

func orDefault[T int | int64](limit, fallback T) T {
	if limit > 0 {
		return limit
	}
	return fallback
}

package h1

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/netip"
)

// An Exchange is one request and its answer, on its loop. Everything in it and
// every method is for that loop's goroutine alone. One that a HeadFilter is
// given on the long way has no loop: there it is that goroutine's, and has
// neither Loop nor SetOwner, Hold and Data.
//
// Whoever has taken it in Short.ServeHead calls Begin once, Write as often as
// there is more, and End once; or is told by its Owner that the client has
// gone, and then calls nothing any more. After End, too, the exchange is the
// next request's.
type Exchange struct {
	// Head is the request's head. Its bytes lie in the connection's buffer,
	// and hold until End.
	Head Head
	// Body is the whole body; nil: the request has none.
	Body []byte
	// ScriptName and Path are the parts of the target's path that have been
	// and have not been consumed on the way to the handler, percent-decoded.
	// They are replaced, not written into.
	ScriptName, Path []byte
	// Origin is what trusted proxies say of the request in the place of the
	// connection.
	Origin Origin
	// Data is the handler's: the next exchange that has this memory has it
	// again. nil at first.
	Data any

	conn    *conn
	view    *view // instead of conn, on the long way
	owner   Owner
	filters []pushed
	answer  Answer // for refusals, and for whoever wants it

	buf    []byte // what has been read, from the head's first byte
	size   int    // of the head
	parsed int    // bytes that have been looked at for a head
	path   []byte // memory of a decoded path

	framing framing
	left    int64 // of Content-Length
	isHead  bool  // the method is HEAD
	eof     bool  // the client has ended its sending
	begun   bool  // Begin has been called
	done    bool  // End has been called, and all is written or waits to be
	last    bool  // the connection ends with this answer
	toEnd   bool  // … and its end is the answer's
}

// An Owner is told what becomes of an exchange that it has.
type Owner interface {
	// Gone says that the client has left, or that its connection has broken
	// during a Hold. It is called on the exchange's
	// loop, at most once, and never after End.
	Gone(x *Exchange)
	// Unbegun says whether the exchange still waits for its turn. If so, a
	// client that has ended its sending is not waited with: most have left,
	// and the few that want their answer all the same have it soon where
	// nothing waits. It is called on the exchange's loop.
	Unbegun(x *Exchange) bool
}

// reset forgets the request and its answer, and keeps the memory and the bytes.
func (x *Exchange) reset() {
	x.Head.Reset()
	x.Body, x.ScriptName, x.Path, x.Origin = nil, nil, nil, Origin{}
	clear(x.filters)
	x.filters = x.filters[:0]
	x.owner = nil
	x.framing, x.left = framing{}, 0
	x.isHead, x.begun, x.done, x.last, x.toEnd = false, false, false, false, false
}

// begin readies x, whose head and small body are there, for its handler.
func (x *Exchange) begin() {
	x.Body, x.ScriptName, x.Origin = nil, nil, Origin{}
	if x.Head.Length > 0 {
		x.Body = x.buf[x.size : x.size+int(x.Head.Length)]
	}
	x.Path, x.path = x.Head.decodedPath(x.path)
}

// decodedPath returns the target's path percent-decoded, in room if it must be
// decoded, and room as it is then.
func (h *Head) decodedPath(room []byte) (path, newRoom []byte) {
	path = h.Text(h.Path)
	switch {
	case h.Form == AsteriskForm:
		path = h.Text(h.Target)
	case len(path) == 0 && h.Form == AbsoluteForm && h.options && h.Query.Empty():
		path = asterisk
	case len(path) == 0:
		path = slash
	}
	first := bytes.IndexByte(path, '%')
	if first < 0 {
		return path, room
	}
	room = append(room[:0], path[:first]...)
	for i := first; i < len(path); i++ {
		c := path[i]
		if c == '%' && i+2 < len(path) {
			c = unhex(path[i+1])<<4 | unhex(path[i+2])
			i += 2
		}
		room = append(room, c)
	}
	return room, room
}

var slash, asterisk = []byte("/"), []byte("*")

func unhex(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c&0xf + 9 // a letter of either case
}

// Loop returns the loop that x lives on.
func (x *Exchange) Loop() *Loop { return x.conn.front.loop }

// SetOwner makes o the one who is told that the client has gone.
func (x *Exchange) SetOwner(o Owner) { x.owner = o }

// Peer returns the host and the port of the client, as trusted proxies name it,
// or else of the connection's other end; both empty for a Unix socket. They
// belong to x.
func (x *Exchange) Peer() (host, port []byte) {
	switch {
	case x.Origin.HasClient:
		return x.Origin.Client, x.Origin.ClientPort
	case x.view != nil:
		return x.view.peer()
	}
	return x.conn.peerName()
}

// Local returns the host and the port that the client has asked, as trusted
// proxies say, or else of the server's end of the connection; both empty for a
// Unix socket. They belong to x.
func (x *Exchange) Local() (host, port []byte) {
	switch {
	case x.Origin.ServerName != nil:
		return x.Origin.ServerName, x.Origin.ServerPort
	case x.view != nil:
		host, port = x.view.local()
	default:
		host, port = x.conn.localName()
	}
	if x.Origin.ServerPort != nil {
		port = x.Origin.ServerPort
	}
	return host, port
}

// PeerIP returns the address of the connection's other end, which may be a
// proxy's; not valid for a Unix socket's. It is not for the long way.
func (x *Exchange) PeerIP() netip.Addr {
	ap, _ := addrPort(x.conn.peer)
	return ap.Addr()
}

// PeerAddr returns the client's address.
func (x *Exchange) PeerAddr() net.Addr { return x.conn.remoteAddr() }

// Answer returns an answer to fill in and to give to Begin: always the same.
func (x *Exchange) Answer() *Answer { return &x.answer }

// Begin begins the answer with its head and the first bytes of its body; last
// says that these are all. a is used, and body is, only until Begin returns.
func (x *Exchange) Begin(a *Answer, body []byte, last bool) {
	if x.view != nil {
		x.view.answer(a, body, last)
		return
	}
	for i := len(x.filters) - 1; i >= 0; i-- {
		x.filters[i].filter.AnswerHead(x, a, x.filters[i].state)
	}
	size := int64(-1)
	if last && (len(body) > 0 || !x.isHead) { // what HEAD left out is not known
		size = int64(len(body))
	}
	f := a.frame(x.isHead, x.Head.Minor, size)
	out := x.appendHead(x.conn.front.scratch[:0], a, f)
	body = x.cutToLength(body)
	switch {
	case f.mode == frameNone:
	case f.mode == frameChunked:
		out = appendChunk(out, body)
	default:
		out = append(out, body...)
	}
	x.conn.front.scratch = trimmed(out)
	if last {
		x.conn.send(out)
	} else {
		x.gather(out)
	}
}

// Inform sends an answer before the answer (RFC 9110, 15.2), soon; not to a
// client of HTTP/1.0, which knows none. It is called before Begin. a is used only
// until it returns.
func (x *Exchange) Inform(a *Answer) {
	if x.Head.Minor == 0 {
		return
	}
	out := a.appendTo(x.conn.front.scratch[:0], framing{frameNone, -1}, connectionUnsaid, "", nil)
	x.conn.front.scratch = trimmed(out)
	x.gather(out)
}

// FromHere says whether the client is on this machine, as far as can be told:
// its address, and that by which it calls the server, are loopback's, and no
// field tells of a proxy.
func (x *Exchange) FromHere() bool {
	return !x.Origin.Proxied && x.Head.Get("Via") == nil && x.PeerIP().IsLoopback() &&
		isLoopback(x.Head.Text(x.Head.Host))
}

// scratchMost is the greatest memory in bytes that a loop keeps for writing.
const scratchMost = 256 << 10

func trimmed(scratch []byte) []byte {
	if cap(scratch) > scratchMost {
		return nil
	}
	return scratch[:0]
}

// appendHead appends the answer's head and notes what follows from it.
func (x *Exchange) appendHead(dst []byte, a *Answer, f framing) []byte {
	s := x.conn.front.server
	x.begun, x.framing, x.left = true, f, f.length
	x.toEnd = f.mode == frameToEnd
	x.last = x.last || x.toEnd || a.Close || !x.Head.KeepAlive || s.config().NoKeepAlive || s.stopping.Load()
	connection := connectionUnsaid
	switch {
	case x.last:
		connection = connectionClose
	case x.Head.Minor == 0:
		connection = connectionKeep
	}
	return a.appendTo(dst, f, connection, s.config().Ident, x.conn.front.date.at(x.conn.front.loop.now))
}

// cutToLength returns as much of p as the answer may still have: what is beyond
// its Content-Length the client would take for the next answer.
func (x *Exchange) cutToLength(p []byte) []byte {
	if x.framing.mode != frameLength {
		return p
	}
	p = p[:min(int64(len(p)), x.left)]
	x.left -= int64(len(p))
	return p
}

// gatherMost is how many bytes of an answer gather before they are written in
// mid-turn.
const gatherMost = 64 << 10

// chunkJoined is how many bytes of a chunk are joined with what frames them before
// they gather.
const chunkJoined = 8 << 10

// gather has p written at the end of the turn, with what else comes until then.
func (x *Exchange) gather(p []byte) {
	c := x.conn
	if c.broken {
		return
	}
	if before := len(c.pending); before+len(p) > gatherMost {
		n, err := writeBothFD(c.fd, c.pending, p)
		c.sent(n, err)
		c.pending = c.pending[:copy(c.pending, c.pending[min(n, before):])]
		p = p[max(n-before, 0):]
	}
	c.pending = append(c.pending, p...)
	c.later()
}

// Write sends more of the answer's body, soon. It takes all, whatever the
// client does: see Backlog.
func (x *Exchange) Write(p []byte) {
	if x.view != nil {
		x.view.add(p)
		return
	}
	p = x.cutToLength(p)
	if len(p) == 0 || x.framing.mode == frameNone {
		return
	}
	switch {
	case x.framing.mode != frameChunked:
		x.gather(p)
	case len(p) > chunkJoined:
		var room [16]byte
		x.gather(appendChunkHead(room[:0], len(p)))
		x.gather(p)
		x.gather(lineEnd)
	default:
		out := appendChunk(x.conn.front.scratch[:0], p)
		x.conn.front.scratch = trimmed(out)
		x.gather(out)
	}
}

// Missing returns how many bytes of the body the answer's Content-Length still
// promises.
func (x *Exchange) Missing() int64 {
	if x.framing.mode != frameLength {
		return 0
	}
	return x.left
}

// Backlog returns how many bytes the client has not taken yet.
func (x *Exchange) Backlog() int { return len(x.conn.pending) }

// End ends the answer. If it is not complete, or has fewer bytes than its
// Content-Length, the connection is broken, so that it does not look as if it
// were.
func (x *Exchange) End(complete bool) {
	if x.view != nil {
		if !complete {
			panic(http.ErrAbortHandler)
		}
		return
	}
	c := x.conn
	x.owner = nil
	if !complete || !x.begun || x.framing.mode == frameLength && x.left > 0 {
		_, _ = writeFD(c.fd, c.pending) // what there is the client may see
		c.abort()
		return
	}
	x.done = true
	if x.framing.mode == frameChunked && x.left < 0 {
		// Written with the chunks before it, if they wait.
		x.left = 0
		if len(c.pending) > 0 {
			c.pending = append(c.pending, lastChunk...)
		} else {
			c.send(lastChunkBytes)
		}
	}
	switch {
	case c.broken:
		c.abort()
	case len(c.pending) == 0:
		c.answered()
	default:
		c.later()
	}
}

var lastChunkBytes, lineEnd = []byte(lastChunk), []byte("\r\n")

// Hold takes x off its loop: f is called on a goroutine of its own, with a
// writer that blocks while the client takes nothing, and writes the rest of the
// answer's body. An error of f's breaks the connection; with nil the answer is
// complete. Begin has been called; nothing else is after Hold, and the Owner
// is told if the client goes, or the connection breaks.
func (x *Exchange) Hold(f func(w io.Writer) error) { x.conn.holdRest(f) }

// Aside calls work on a goroutine of its own, for what x's loop must not wait
// for, and then, on that loop, then. The client may have gone meanwhile, and x be
// another request's: the Owner is told.
func (x *Exchange) Aside(work, then func()) {
	front := x.conn.front
	front.server.handlers.Go(func() {
		work()
		front.loop.Post(then)
	})
}

// Refuse answers with a refusal's status and reason, and ends the connection.
// It is instead of Begin, and End is not called.
func (x *Exchange) Refuse(code int, reason string) {
	if x.view == nil {
		x.conn.refuse(code, reason)
		return
	}
	a := &x.answer
	a.Reset(code)
	a.Add("Content-Type", RefusalType)
	a.Add("X-Content-Type-Options", "nosniff")
	a.Close = true
	x.view.answer(a, []byte(RefusalText(code, reason)), true)
}

package h1

// A Head is a request's head: the bytes it was read from, where its parts lie
// in them, and what follows from it. The zero value is ready to read into. What
// is exported holds once Read has returned a length, for as long as the bytes
// that it was given then are left alone, until Read is called again. Between
// two requests it knows nothing: an idle connection needs none. It is not safe
// for concurrent use.
type Head struct {
	// Bytes is the head, from the first byte that was given to its empty line.
	Bytes []byte

	Method Span
	// Target is the request target as it came. Path and Query are its parts
	// in OriginForm and AbsoluteForm: Query without its "?", and Path, which
	// is empty where an AbsoluteForm has none: that means "/", or, with
	// OPTIONS and no query, the server as AsteriskForm does (RFC 9112, 3.2.4).
	Target, Path, Query Span
	Proto               Span // "HTTP/1.1", "HTTP/1.0", or another minor version
	// Fields are in the order that they came in. In AbsoluteForm the Host
	// field's value is Host, so that nobody asks another (RFC 9112, 3.2.2).
	Fields []Field

	// Host is the authority that is asked, with its port if it has one: that
	// of the target in AbsoluteForm and AuthorityForm, whatever the Host field
	// says (RFC 9112, 3.2.2), and else the Host field's. It is empty where the
	// field is, and in HTTP/1.0 where there is none.
	Host Span
	// HostField is the place of the Host field in Fields; -1: there is none.
	HostField int

	// Length is how many bytes of body follow the head; -1: it is chunked.
	Length int64

	Form Form
	// Minor is the minor version that applies: 0, or 1 for 1 and all over it
	// (RFC 9110, 2.5).
	Minor uint8
	// KeepAlive says that the client takes further answers on the connection,
	// and that what follows the body is a request (RFC 9112, 9.3). It is not
	// set for CONNECT.
	KeepAlive bool
	// Continue says that the client waits for a 100 (Continue) before it sends
	// the body, which it has (RFC 9110, 10.1.1).
	Continue bool
	// Upgrade says that the client asks for another protocol: an Upgrade field
	// that Connection names, in HTTP/1.1 (RFC 9110, 7.8).
	Upgrade bool
	// Preface says that this is no request but the beginning of HTTP/2 with
	// prior knowledge (RFC 9113, 3.4): all of Bytes, 24 of them. Nothing else
	// is set. It means something only at the start of a connection.
	Preface bool

	phase   phase
	lines   lines
	refusal *Refusal
	at      int // where the refusal is

	connect, options, trace        bool
	sized, chunked, otherCoding    bool // has Content-Length; codings of Transfer-Encoding
	coded                          bool // has Transfer-Encoding
	closes, keeps, names, upgrades bool // members of Connection; has Upgrade
	expects, typed                 bool // has an expectation; has Content-Type
	changed                        bool // by Set or Delete
}

type phase uint8

const (
	phaseStart phase = iota
	phaseRequestLine
	phaseFields
	phasePreface
	phaseDone
	phaseRefused
)

const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// Text returns the bytes of s. They belong to h.
func (h *Head) Text(s Span) []byte { return h.Bytes[s.Start:s.End] }

// Reset forgets what h has read, and keeps its memory.
func (h *Head) Reset() {
	*h = Head{Fields: h.Fields[:0], HostField: -1}
}

// Read reads a head from data. It returns its length when all of it is there:
// the body's first byte, or the next request's, is data[n]. It returns 0 and no
// refusal when more is needed: then it wants to be called again with the same
// bytes, wherever they lie now, and more behind them. With a refusal n is the
// offset in data of what is wrong, or of what it was missed at; until Reset
// every further call returns the same.
//
// The next call after a length begins the next head, at data[0].
func (h *Head) Read(data []byte, l *Limits) (n int, refusal *Refusal) {
	if h.phase == phaseStart || h.phase == phaseDone {
		if !h.start(data) {
			return h.at, h.refusal
		}
	}
	if h.phase == phaseRequestLine && !h.readRequestLine(data, l) {
		return h.at, h.refusal
	}
	switch h.phase {
	case phaseFields:
		return h.readFields(data, l)
	case phasePreface:
		return h.readPreface(data)
	}
	return h.at, h.refusal
}

// refuse ends the head for good.
func (h *Head) refuse(at int, refusal *Refusal) {
	h.phase, h.at, h.refusal = phaseRefused, at, refusal
}

// start leaves out one empty line (RFC 9112, 2.2) and looks at the first byte,
// so that a client that speaks another protocol need not end a line to hear of
// it. It says whether there is a line to go on with.
func (h *Head) start(data []byte) bool {
	h.Reset()
	i := 0
	if len(data) > 0 && data[0] == '\r' {
		if len(data) > 1 && data[1] != '\n' {
			h.refuse(0, refuseBareCR)
			return false
		}
		i = 2
	}
	if i >= len(data) {
		return false
	}
	if c := data[i]; chars[c]&inToken == 0 {
		h.refuse(i, refuseFirstByte(c, i > 0))
		return false
	}
	h.lines.advance(i)
	h.phase = phaseRequestLine
	return true
}

func refuseFirstByte(c byte, emptyLine bool) *Refusal {
	const handshake = 0x16 // RFC 8446, 5.1: the first record of a TLS client
	switch {
	case c == handshake && !emptyLine:
		return refuseTLS
	case c == '\n':
		return refuseBareLF
	case c == '\r':
		return refuseEmptyLines
	}
	return refuseStart
}

// readRequestLine reads the request line if all of it is there, and says
// whether it is and is good.
func (h *Head) readRequestLine(data []byte, l *Limits) bool {
	start := h.lines.start
	end := h.lines.next(data, l.requestLine(), l.head())
	switch {
	case end == lineShort:
		return false
	case end == lineLong:
		h.refuse(start, refuseLineLong)
		return false
	case data[end-1] != '\r':
		h.refuse(end, refuseBareLF)
		return false
	}
	if at, refusal := h.requestLine(data[start:end-1], start, l); refusal != nil {
		h.refuse(start+at, refusal)
		return false
	}
	h.lines.advance(end + 1)
	return true
}

// requestLine reads line, which lies at start of the head, or returns a refusal
// and its offset in line (RFC 9112, 3).
func (h *Head) requestLine(line []byte, start int, l *Limits) (int, *Refusal) {
	base := uint32(start)
	end := skipClass(line, 0, inToken)
	if end == len(line) || line[end] != ' ' {
		return end, refuseMethod
	}
	if end > l.method() {
		return 0, refuseMethodLong
	}
	h.setMethod(line[:end])
	h.Method = Span{base, base + uint32(end)}
	if start == 0 && string(line) == preface[:len("PRI * HTTP/2.0")] {
		h.phase = phasePreface
		return 0, nil
	}
	from := end + 1
	end, refusal := h.target(line, from, base, l)
	if refusal != nil {
		return end, refusal
	}
	if end < len(line) && line[end] != ' ' {
		return end, refuseTarget
	}
	h.Target = Span{base + uint32(from), base + uint32(end)}
	from = min(end+1, len(line))
	h.Proto = Span{base + uint32(from), base + uint32(len(line))}
	h.phase = phaseFields
	return from, h.version(line[from:])
}

func (h *Head) setMethod(method []byte) {
	switch string(method) {
	case "OPTIONS":
		h.options = true
	case "CONNECT":
		h.connect = true
	case "TRACE":
		h.trace = true
	}
}

// version reads the version (RFC 9112, 2.3).
func (h *Head) version(proto []byte) *Refusal {
	const name = "HTTP/"
	switch string(proto) {
	case "HTTP/1.1":
		h.Minor = 1
		return nil
	case "HTTP/1.0":
		return nil
	}
	if len(proto) != len("HTTP/1.1") || string(proto[:len(name)]) != name ||
		!isDigit(proto[5]) || proto[6] != '.' || !isDigit(proto[7]) {
		return refuseVersion
	}
	if proto[5] != '1' {
		return refuseMajorVersion
	}
	h.Minor = 1
	return nil
}

// readPreface reads what follows the first line of HTTP/2's preface. If it is
// anything else, that line is a request of a version that is not ours.
func (h *Head) readPreface(data []byte) (int, *Refusal) {
	n := min(len(data), len(preface))
	switch {
	case string(data[:n]) != preface[:n]:
		h.refuse(len("PRI * "), refuseMajorVersion)
		return h.at, h.refusal
	case n < len(preface):
		return 0, nil
	}
	h.Reset()
	h.Preface = true
	return h.done(data, n)
}

func (h *Head) done(data []byte, n int) (int, *Refusal) {
	h.phase = phaseDone
	h.Bytes = data[:n:n]
	return n, nil
}

// readFields reads as many field lines as are there, and ends the head at the
// empty one.
func (h *Head) readFields(data []byte, l *Limits) (int, *Refusal) {
	most, total, count := l.fieldLine(), l.head(), l.fields()
	for {
		start := h.lines.start
		at, refusal := h.lines.section(data, most, total, refuseHeadLong)
		switch {
		case refusal != nil:
		case at == lineShort:
			return 0, nil
		case at == lineEmpty:
			end := start + len("\r\n")
			if refusal = h.conclude(); refusal == nil {
				return h.done(data, end)
			}
			at = end
		case len(h.Fields) >= count:
			at, refusal = start, refuseFields
		default:
			h.lines.advance(at + 1)
			at, refusal = h.field(data, start, at-1, l)
		}
		if refusal != nil {
			if refusal == refuseFold && len(h.Fields) == 0 {
				refusal = refuseFirstFold
			}
			h.refuse(at, refusal)
			return at, refusal
		}
	}
}

// field reads one field line and notes what it says.
func (h *Head) field(data []byte, start, end int, l *Limits) (int, *Refusal) {
	f, at, refusal := readField(data, start, end)
	if refusal != nil {
		return at, refusal
	}
	h.Fields = append(h.Fields, f)
	name, value := data[f.Name.Start:f.Name.End], data[f.Value.Start:f.Value.End]
	return int(f.Value.Start), h.note(name, value, l)
}

// note keeps what a field says of the message itself.
func (h *Head) note(name, value []byte, l *Limits) *Refusal {
	switch len(name) {
	case len("host"):
		if isToken(name, "host") {
			return h.host(value)
		}
	case len("expect"):
		if isToken(name, "expect") {
			return h.expect(value)
		}
	case len("upgrade"): // and trailer
		if isToken(name, "upgrade") {
			h.upgrades = true
		} else if isToken(name, "trailer") {
			return announced(value)
		}
	case len("connection"):
		if isToken(name, "connection") {
			return h.connection(value)
		}
	case len("content-type"):
		if isToken(name, "content-type") {
			return h.contentType()
		}
	case len("content-length"):
		if isToken(name, "content-length") {
			return h.contentLength(value, l)
		}
	case len("transfer-encoding"):
		if isToken(name, "transfer-encoding") {
			return h.transferEncoding(value)
		}
	}
	return nil
}

// host notes the Host field, which is the one just read.
func (h *Head) host(value []byte) *Refusal {
	if h.HostField >= 0 {
		return refuseHostTwice
	}
	if _, ok := splitHost(value); !ok {
		return refuseHost
	}
	h.HostField = len(h.Fields) - 1
	if h.Host.Empty() {
		h.Host = h.Fields[h.HostField].Value
	}
	return nil
}

// contentType notes a Content-Type field. There is one at most, since its value
// is no list (RFC 9110, 5.3 and 8.3): of two, one server takes the first and the
// next the last.
func (h *Head) contentType() *Refusal {
	if h.typed {
		return refuseTypeTwice
	}
	h.typed = true
	return nil
}

// conclude draws the conclusions from all fields together.
func (h *Head) conclude() *Refusal {
	if h.HostField < 0 && h.Minor > 0 {
		return refuseHostMissing
	}
	if h.Form == AbsoluteForm && h.HostField >= 0 {
		h.Fields[h.HostField].Value = h.Host
	}
	if refusal := h.framing(); refusal != nil {
		return refusal
	}
	if h.trace && h.Length != 0 {
		return refuseTrace
	}
	h.KeepAlive = !h.closes && !h.connect && (h.Minor > 0 || h.keeps)
	h.Continue = h.expects && h.Length != 0 && h.Minor > 0
	h.Upgrade = h.upgrades && h.names && h.Minor > 0
	return nil
}

// Get returns the value of the first field of that name, in any case; nil where
// there is none. It belongs to h.
func (h *Head) Get(name string) []byte {
	for _, f := range h.Fields {
		if equalFold(h.Text(f.Name), name) {
			return h.Text(f.Value)
		}
	}
	return nil
}

// Delete takes every field of that name, in any case, out of Fields.
func (h *Head) Delete(name string) {
	kept := h.Fields[:0]
	for i, f := range h.Fields {
		if equalFold(h.Text(f.Name), name) {
			h.changed = true
			continue
		}
		if i == h.HostField {
			h.HostField = len(kept)
		}
		kept = append(kept, f)
	}
	h.Fields = kept
}

// Set makes value the only field of that name, which is a token. Whoever calls
// it has seen to it that value is one that a field may have (RFC 9110, 5.5).
func (h *Head) Set(name, value string) {
	h.Delete(name)
	h.Add(name, value)
}

// Keep takes every field out of Fields whose name keep does not want.
func (h *Head) Keep(keep func(name []byte) bool) {
	kept := h.Fields[:0]
	for i, f := range h.Fields {
		if !keep(h.Text(f.Name)) {
			h.changed = true
			continue
		}
		if i == h.HostField {
			h.HostField = len(kept)
		}
		kept = append(kept, f)
	}
	h.Fields = kept
}

// Trim makes value, a part of the i-th field's, all of it.
func (h *Head) Trim(i int, value Span) {
	h.changed = true
	h.Fields[i].Value = value
}

// SetHost makes authority, a stretch of Bytes, the one that is asked, and the
// Host field's value.
func (h *Head) SetHost(authority Span) {
	if h.HostField < 0 {
		h.Set("Host", string(h.Text(authority)))
		h.HostField = len(h.Fields) - 1
		authority = h.Fields[h.HostField].Value
	}
	h.changed = true
	h.Host, h.Fields[h.HostField].Value = authority, authority
}

// Add appends a field; name and value are as Set's.
func (h *Head) Add(name, value string) Span {
	h.changed = true
	at := uint32(len(h.Bytes))
	h.Bytes = append(append(h.Bytes, name...), value...)
	end := at + uint32(len(name))
	f := Field{Name: Span{at, end}, Value: Span{end, end + uint32(len(value))}}
	h.Fields = append(h.Fields, f)
	return f.Value
}

// equalFold compares as names are compared: without regard to ASCII's case.
func equalFold(a []byte, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

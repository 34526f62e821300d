package wsgi

import (
	"bytes"
	"strconv"

	"pasted/internal/h1"
	"pasted/internal/marshal"
)

// Constants are the entries of an environ that are the same for all requests
// to one pool, written once. The zero value is not usable; see NewConstants.
type Constants struct {
	entries    []byte
	python2    bool
	remoteHost bool
}

// WithRemoteHost has environs written with a REMOTE_HOST, which is the client's
// address, too, and returns c.
func (c *Constants) WithRemoteHost() *Constants {
	c.remoteHost = true
	return c
}

// ForPython2 has environs written as Python 2.7 reads them, and returns c: their
// native strings are the bytes as they came.
func (c *Constants) ForPython2() *Constants {
	c.python2 = true
	return c
}

// NewConstants returns the constant entries for workers with several threads
// (wsgi.multithread) and of several processes (wsgi.multiprocess). software is
// SERVER_SOFTWARE, and release the number of the load of file and code that serves
// (pasted.release).
func NewConstants(software string, multithread, multiprocess bool, release int) *Constants {
	b := marshal.AppendKey(nil, "wsgi.version")
	b = marshal.AppendTupleHead(b, 2)
	b = marshal.AppendInt(b, 1)
	b = marshal.AppendInt(b, 0)
	for _, entry := range []struct {
		key   string
		value bool
	}{
		{"wsgi.multithread", multithread},
		{"wsgi.multiprocess", multiprocess},
		{"wsgi.run_once", false},
		// The Go side has taken the chunks apart; reading to the end is safe.
		{"wsgi.input_terminated", true},
	} {
		b = marshal.AppendKey(b, entry.key)
		b = marshal.AppendBool(b, entry.value)
	}
	b = appendEntry(b, "SERVER_SOFTWARE", software)
	b = marshal.AppendKey(b, "pasted.release")
	b = marshal.AppendInt(b, int64(release))
	return &Constants{entries: b}
}

// A Request is what the environ says of one request beside the Constants.
type Request struct {
	Head *h1.Head
	// ScriptName and PathInfo are percent-decoded.
	ScriptName, PathInfo   []byte
	Scheme                 string // wsgi.url_scheme: "http" or "https"
	ServerName, ServerPort []byte // empty: from the Host field, else localhost and the scheme's
	RemoteAddr, RemotePort []byte // RemotePort may be empty: it is left out
	// Came is when the request was there, as Python's time.monotonic() counts,
	// for pasted.queue_time: the worker makes it of the difference to its own
	// time. 0: it is left out.
	Came float64
	ID   uint64 // pasted.request_id is its 16 hexadecimal digits
	// ContentLength is the size of the body in bytes; -1: there is none, and
	// CONTENT_LENGTH is left out.
	ContentLength int64
	// Body is the whole body when Inline is set; it stands under wsgi.input.
	Body   []byte
	Inline bool
	// Deadline is when the answer is to be there, as Python's time.monotonic()
	// counts; 0: it is left out.
	Deadline float64
}

// AppendEnviron appends the environ of r as PEP 3333 has it, a marshal
// dictionary without its Python objects. Text is Latin-1 as the bytes came. A
// field whose name has an underscore is left out: it could not be told from
// one with a hyphen.
func (c *Constants) AppendEnviron(dst []byte, r *Request) []byte {
	h, start := r.Head, len(dst)
	dst = marshal.AppendDictHead(dst)
	dst = append(dst, c.entries...)
	dst = appendEntry(dst, "REQUEST_METHOD", h.Text(h.Method))
	dst = appendEntry(dst, "SCRIPT_NAME", r.ScriptName)
	dst = appendEntry(dst, "PATH_INFO", r.PathInfo)
	dst = appendEntry(dst, "QUERY_STRING", h.Text(h.Query))
	dst = appendEntry(dst, "REQUEST_URI", h.Text(h.Target))
	dst = appendEntry(dst, "RAW_URI", h.Text(h.Target)) // as gunicorn has it
	dst = appendEntry(dst, "SERVER_PROTOCOL", h.Text(h.Proto))
	dst = appendEntry(dst, "wsgi.url_scheme", r.Scheme)
	dst = r.appendServer(dst)
	dst = appendEntry(dst, "REMOTE_ADDR", r.RemoteAddr)
	if c.remoteHost {
		dst = appendEntry(dst, "REMOTE_HOST", r.RemoteAddr)
	}
	if len(r.RemotePort) > 0 {
		dst = appendEntry(dst, "REMOTE_PORT", r.RemotePort)
	}
	if r.Came != 0 {
		dst = marshal.AppendKey(dst, "pasted.queue_time")
		dst = marshal.AppendFloat(dst, r.Came)
	}
	var id [16]byte
	dst = appendEntry(dst, "pasted.request_id", AppendID(id[:0], r.ID))
	if r.ContentLength >= 0 {
		var digits [20]byte
		dst = appendEntry(dst, "CONTENT_LENGTH", strconv.AppendInt(digits[:0], r.ContentLength, 10))
	}
	if r.Deadline != 0 {
		dst = marshal.AppendKey(dst, "pasted.deadline")
		dst = marshal.AppendFloat(dst, r.Deadline)
	}
	dst = appendFields(dst, h)
	if r.Inline {
		dst = marshal.AppendKey(dst, "wsgi.input")
		dst = marshal.AppendBytes(dst, r.Body)
	}
	dst = marshal.AppendDictEnd(dst)
	if c.python2 {
		return python2(dst, start)
	}
	return dst
}

// python2 puts the environ that begins at start into what Python 2.7 reads.
func python2(dst []byte, start int) []byte {
	end := len(dst)
	dst, err := marshal.AppendPython2(dst, dst[start:], marshal.Latin1)
	if err != nil {
		panic(err) // we have written it ourselves
	}
	return append(dst[:start], dst[end:]...)
}

// AppendID appends the name that a request has in the environ and in the log.
func AppendID(dst []byte, id uint64) []byte {
	const digits = "0123456789abcdef"
	for shift := 60; shift >= 0; shift -= 4 {
		dst = append(dst, digits[id>>shift&0xf])
	}
	return dst
}

var localhost, port80, port443 = []byte("localhost"), []byte("80"), []byte("443")

// appendServer appends SERVER_NAME and SERVER_PORT, which are never empty. An
// IPv6 address has its brackets (RFC 3875, 4.1.14).
func (r *Request) appendServer(dst []byte) []byte {
	name, port := r.ServerName, r.ServerPort
	if len(name) == 0 {
		name, port, _ = h1.ParseHost(r.Head.Text(r.Head.Host))
	}
	if len(name) == 0 {
		name = localhost
	}
	if len(port) == 0 {
		port = port80
		if r.Scheme == "https" {
			port = port443
		}
	}
	if name[0] != '[' && bytes.IndexByte(name, ':') >= 0 {
		var room [64]byte
		name = append(append(append(room[:0], '['), name...), ']')
	}
	dst = appendEntry(dst, "SERVER_NAME", name)
	return appendEntry(dst, "SERVER_PORT", port)
}

func appendEntry[T []byte | string](dst []byte, key string, value T) []byte {
	dst = marshal.AppendKey(dst, key)
	return marshal.AppendLatin1(dst, value)
}

// appendFields appends CONTENT_TYPE and the HTTP_… entries. Fields of one name
// are joined into the first of them.
func appendFields(dst []byte, h *h1.Head) []byte {
	for i, f := range h.Fields {
		name := h.Text(f.Name)
		if skipField(name) || seen(h, i) {
			continue
		}
		if equalFold(name, "content-type") {
			dst = marshal.AppendKey(dst, "CONTENT_TYPE")
		} else {
			var room [64]byte
			dst = appendFieldKey(dst, appendKeyName(room[:0], name))
		}
		dst = appendValue(dst, h, i)
	}
	return dst
}

// wellKnown are the keys of fields that most requests have. Only they are
// interned: what a client makes up must not stay in the interpreter, which
// from Python 3.12 on never forgets an interned str.
var wellKnown = map[string]bool{
	"HTTP_ACCEPT": true, "HTTP_ACCEPT_CHARSET": true, "HTTP_ACCEPT_ENCODING": true, "HTTP_ACCEPT_LANGUAGE": true,
	"HTTP_AUTHORIZATION": true, "HTTP_CACHE_CONTROL": true, "HTTP_CONNECTION": true, "HTTP_COOKIE": true,
	"HTTP_HOST": true, "HTTP_IF_MATCH": true, "HTTP_IF_MODIFIED_SINCE": true, "HTTP_IF_NONE_MATCH": true,
	"HTTP_ORIGIN": true, "HTTP_RANGE": true, "HTTP_REFERER": true, "HTTP_SEC_FETCH_DEST": true,
	"HTTP_SEC_FETCH_MODE": true, "HTTP_SEC_FETCH_SITE": true, "HTTP_SEC_FETCH_USER": true, "HTTP_USER_AGENT": true,
	"HTTP_X_FORWARDED_FOR": true, "HTTP_X_FORWARDED_HOST": true, "HTTP_X_FORWARDED_PROTO": true, "HTTP_X_REQUESTED_WITH": true,
}

func appendFieldKey(dst, key []byte) []byte {
	if wellKnown[string(key)] {
		return marshal.AppendKey(dst, string(key))
	}
	return marshal.AppendLatin1(dst, key)
}

// skipField says that a field does not become an entry of its own: its name
// has an underscore or is no token, or it is about the framing that has been
// undone.
func skipField(name []byte) bool {
	return !validName(name) || bytes.IndexByte(name, '_') >= 0 ||
		equalFold(name, "content-length") || equalFold(name, "transfer-encoding")
}

// seen says whether a field before the i-th has its name.
func seen(h *h1.Head, i int) bool {
	name := h.Text(h.Fields[i].Name)
	for _, f := range h.Fields[:i] {
		if equalFold(h.Text(f.Name), name) {
			return true
		}
	}
	return false
}

// appendValue appends the value of the i-th field together with those of later
// fields of its name.
func appendValue(dst []byte, h *h1.Head, i int) []byte {
	name, value := h.Text(h.Fields[i].Name), h.Text(h.Fields[i].Value)
	separator := ", "
	if equalFold(name, "cookie") {
		separator = "; "
	}
	joined := false
	for _, f := range h.Fields[i+1:] {
		if !equalFold(h.Text(f.Name), name) {
			continue
		}
		if !joined {
			value, joined = append([]byte(nil), value...), true
		}
		value = append(value, separator...)
		value = append(value, h.Text(f.Value)...)
	}
	return marshal.AppendLatin1(dst, value)
}

// appendKeyName appends the environ's key for the field name.
func appendKeyName(dst, name []byte) []byte {
	dst = append(dst, "HTTP_"...)
	for _, c := range name {
		switch {
		case c == '-':
			c = '_'
		case 'a' <= c && c <= 'z':
			c -= 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst
}

// equalFold compares without regard to the case of ASCII letters, as field
// names are compared.
func equalFold[T []byte | string](a []byte, b T) bool {
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

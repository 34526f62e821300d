package paste

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"pasted/internal/ini"
	"pasted/internal/wsgi"
	"pasted/paste"
)

// A transLogger is Paste's TransLogger: it writes a line for every request when
// the head of its answer is written.
type transLogger struct {
	next       http.Handler
	lines      *lineWriter
	format     []part
	remoteUser func(*http.Request) string
	offset     string // of the local time, as Paste writes it
}

// newTransLogger is Paste's make_filter. There is no Python logger here: the
// lines go to lines, whatever logger_name and setup_console_handler say. The
// two options on which Paste itself fails in Python 3 are errors.
func newTransLogger(o *Options, lines *lineWriter, next http.Handler, local *paste.Conf) (*transLogger, error) {
	format := combined
	for key, value := range local.All() {
		var mistake *paste.Error
		switch key {
		case "logger_name":
		case "format":
			if value != "" {
				format = value
			}
		case "setup_console_handler":
			_, mistake = asBool(value)
		case "logging_level", "set_logger_level":
			mistake = mistakef("AttributeError", "module 'logging' has no attribute '_levelNames'")
			mistake.Message = key + ": Paste's translogger fails on it in Python 3: want it left out"
		default:
			mistake = mistakef("TypeError", "make_filter() got an unexpected keyword argument %s", ini.Repr(key))
		}
		if mistake != nil {
			return nil, placed(mistake, local, key)
		}
	}
	parts, mistake := parseFormat(format)
	if mistake != nil {
		return nil, placed(mistake, local, "format")
	}
	return &transLogger{
		next: next, lines: lines, format: parts,
		remoteUser: o.RemoteUser, offset: zoneOffset(time.Now()),
	}, nil
}

// zoneOffset is the offset that Paste writes: that of summer all year where the
// zone has one, and in hundredths of an hour.
func zoneOffset(now time.Time) string {
	greatest := -24 * 60 * 60
	for _, month := range []time.Month{time.January, time.July} {
		_, seconds := time.Date(now.Year(), month, 1, 0, 0, 0, 0, now.Location()).Zone()
		greatest = max(greatest, seconds)
	}
	digits := strconv.Itoa(max(greatest, -greatest) / 36)
	digits = strings.Repeat("0", max(0, 4-len(digits))) + digits
	if greatest < 0 {
		return "-" + digits
	}
	return "+" + digits
}

// ServeHTTP serves the request and writes its line.
func (t *transLogger) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	lw := &logged{ResponseWriter: w, log: t, request: r, entry: entry{
		method: r.Method,
		uri:    requestURI(r),
		start:  time.Now(),
	}}
	t.next.ServeHTTP(lw, r)
	// net/http answers 200 for a handler that has written nothing.
	lw.head(http.StatusOK)
}

// An entry is what the line needs from before the application was called.
type entry struct {
	method, uri string
	start       time.Time
}

// requestURI is the path as Python's quote makes it of a WSGI string, each byte
// above 0x7f as the UTF-8 of its Latin-1 character, and the query as it came.
func requestURI(r *http.Request) string {
	var b strings.Builder
	for _, c := range []byte(wsgi.ScriptName(r) + r.URL.Path) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("/_.-~", c) >= 0:
			b.WriteByte(c)
		case c < utf8.RuneSelf:
			writeQuoted(&b, c)
		default:
			writeQuoted(&b, 0xc0|c>>6)
			writeQuoted(&b, 0x80|c&0x3f)
		}
	}
	if r.URL.RawQuery != "" {
		b.WriteByte('?')
		b.WriteString(r.URL.RawQuery)
	}
	return b.String()
}

func writeQuoted(b *strings.Builder, c byte) {
	const digits = "0123456789ABCDEF"
	b.WriteByte('%')
	b.WriteByte(digits[c>>4])
	b.WriteByte(digits[c&0xf])
}

// write writes the line of an answer with that status.
func (t *transLogger) write(e *entry, r *http.Request, status int, header http.Header) {
	t.lines.write(func(dst []byte) []byte {
		for i := range t.format {
			p := &t.format[i]
			value := ""
			if p.key != "" {
				value = clean(t.value(p.key, e, r, status, header))
			}
			dst = p.appendTo(dst, value)
		}
		return dst
	})
}

// formatKeys are the names that a format may use, in the order of the
// combined format.
func formatKeys() []string {
	return []string{
		"REMOTE_ADDR", "REMOTE_USER", "time", "REQUEST_METHOD", "REQUEST_URI",
		"HTTP_VERSION", "status", "bytes", "HTTP_REFERER", "HTTP_USER_AGENT",
	}
}

func (t *transLogger) value(key string, e *entry, r *http.Request, status int, header http.Header) string {
	switch key {
	case "REMOTE_ADDR":
		return remoteAddr(r)
	case "REMOTE_USER":
		if user := t.remoteUser(r); user != "" {
			return user
		}
		return "-"
	case "time":
		return e.start.Format("02/Jan/2006:15:04:05 ") + t.offset
	case "REQUEST_METHOD":
		return e.method
	case "REQUEST_URI":
		return e.uri
	case "HTTP_VERSION":
		return r.Proto
	case "status":
		return strconv.Itoa(status)
	case "bytes":
		return first(header, "Content-Length")
	case "HTTP_REFERER":
		return first(r.Header, "Referer")
	case "HTTP_USER_AGENT":
		return first(r.Header, "User-Agent")
	}
	return ""
}

// remoteAddr is X-Forwarded-For as it came, else the connection's other end.
func remoteAddr(r *http.Request) string {
	if forwarded := strings.Join(r.Header.Values("X-Forwarded-For"), ", "); forwarded != "" {
		return forwarded
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	if host == "" || host == "@" { // a Unix socket
		return "-"
	}
	return host
}

// first is the field's value, "-" for none.
func first(header http.Header, name string) string {
	if values := header[name]; len(values) > 0 {
		return strings.Join(values, ", ")
	}
	return "-"
}

// clean keeps what a client has sent from breaking the line, or the log's
// encoding.
func clean(s string) string {
	if utf8.ValidString(s) && strings.IndexFunc(s, isControl) < 0 {
		return s
	}
	if !utf8.ValidString(s) {
		s = widen(s)
	}
	var b strings.Builder
	for _, r := range s {
		if isControl(r) {
			b.WriteString(`\x`)
			b.WriteString(strconv.FormatInt(0x100|int64(r), 16)[1:])
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func isControl(r rune) bool { return r < 0x20 || r >= 0x7f && r < 0xa0 }

// A logged is a ResponseWriter that has its line written with its head.
type logged struct {
	http.ResponseWriter
	log     *transLogger
	request *http.Request
	entry   entry
	done    bool
}

// head writes the line, once. A status below 200 is not the answer's, but for
// 101, after which there is no other.
func (w *logged) head(status int) {
	if w.done || status < 200 && status != http.StatusSwitchingProtocols {
		return
	}
	w.done = true
	w.log.write(&w.entry, w.request, status, w.Header())
}

// WriteHeader writes the line and the head.
func (w *logged) WriteHeader(status int) {
	w.head(status)
	w.ResponseWriter.WriteHeader(status)
}

// Write writes the line, if the head is to be written with p.
func (w *logged) Write(p []byte) (int, error) {
	w.head(http.StatusOK)
	return w.ResponseWriter.Write(p)
}

// ReadFrom is Write from src, so that a file still goes out by sendfile(2).
func (w *logged) ReadFrom(src io.Reader) (int64, error) {
	w.head(http.StatusOK)
	return io.Copy(w.ResponseWriter, src)
}

// Flush writes the line, if the head is to be written now.
func (w *logged) Flush() { _ = w.FlushError() }

// FlushError is Flush for http.ResponseController.
func (w *logged) FlushError() error {
	w.head(http.StatusOK)
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// Hijack gives the connection away: no line is written then.
func (w *logged) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err == nil {
		w.done = true
	}
	return conn, rw, err
}

// Unwrap is for http.ResponseController.
func (w *logged) Unwrap() http.ResponseWriter { return w.ResponseWriter }

package paste

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"pasted/internal/h1"
	"pasted/internal/ini"
	"pasted/paste"
)

// A transLogger is Paste's TransLogger: a head filter that writes a line for
// every request when the head of its answer is written.
type transLogger struct {
	lines      *lineWriter
	format     []part
	remoteUser func(*h1.Exchange) string
	offset     string // of the local time, as Paste writes it
}

// newTransLogger is Paste's make_filter. There is no Python logger here: the
// lines go to lines, whatever logger_name and setup_console_handler say. The
// two options on which Paste itself fails in Python 3 are errors.
func newTransLogger(o *Options, lines *lineWriter, local *paste.Conf) (*transLogger, error) {
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
		lines: lines, format: parts,
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

// RequestHead implements h1.HeadFilter. What it keeps is the time; whatever
// part of the path is consumed behind it, the whole stays the same.
func (t *transLogger) RequestHead(*h1.Exchange) (state int64, ok bool) {
	return time.Now().UnixNano(), true
}

// AnswerHead implements h1.HeadFilter: it writes the line.
func (t *transLogger) AnswerHead(x *h1.Exchange, a *h1.Answer, state int64) {
	t.lines.write(func(dst []byte) []byte {
		for i := range t.format {
			p := &t.format[i]
			value := ""
			if p.key != "" {
				value = clean(t.value(p.key, x, a, state))
			}
			dst = p.appendTo(dst, value)
		}
		return dst
	})
}

// appendRequestURI appends the path as Python's quote makes it of a WSGI string,
// each byte above 0x7f as the UTF-8 of its Latin-1 character, and the query as
// it came.
func appendRequestURI(dst []byte, x *h1.Exchange) []byte {
	for _, path := range [][]byte{x.ScriptName, x.Path} {
		for _, c := range path {
			switch {
			case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("/_.-~", c) >= 0:
				dst = append(dst, c)
			case c < utf8.RuneSelf:
				dst = appendQuoted(dst, c)
			default:
				dst = appendQuoted(dst, 0xc0|c>>6)
				dst = appendQuoted(dst, 0x80|c&0x3f)
			}
		}
	}
	if query := x.Head.Text(x.Head.Query); len(query) > 0 {
		dst = append(dst, '?')
		dst = append(dst, query...)
	}
	return dst
}

func appendQuoted(dst []byte, c byte) []byte {
	const digits = "0123456789ABCDEF"
	return append(dst, '%', digits[c>>4], digits[c&0xf])
}

// formatKeys are the names that a format may use, in the order of the
// combined format.
func formatKeys() []string {
	return []string{
		"REMOTE_ADDR", "REMOTE_USER", "time", "REQUEST_METHOD", "REQUEST_URI",
		"HTTP_VERSION", "status", "bytes", "HTTP_REFERER", "HTTP_USER_AGENT",
	}
}

func (t *transLogger) value(key string, x *h1.Exchange, a *h1.Answer, start int64) string {
	h := &x.Head
	switch key {
	case "REMOTE_ADDR":
		return remoteAddr(x)
	case "REMOTE_USER":
		if user := t.remoteUser(x); user != "" {
			return user
		}
	case "time":
		return time.Unix(0, start).Format("02/Jan/2006:15:04:05 ") + t.offset
	case "REQUEST_METHOD":
		return string(h.Text(h.Method))
	case "REQUEST_URI":
		return string(appendRequestURI(nil, x))
	case "HTTP_VERSION":
		return string(h.Text(h.Proto))
	case "status":
		return strconv.Itoa(a.Code)
	case "bytes":
		if a.Length >= 0 {
			return strconv.FormatInt(a.Length, 10)
		}
	case "HTTP_REFERER":
		return joined(h, "Referer")
	case "HTTP_USER_AGENT":
		return joined(h, "User-Agent")
	}
	return "-"
}

// remoteAddr is X-Forwarded-For as it came, else the connection's other end.
func remoteAddr(x *h1.Exchange) string {
	if forwarded := joined(&x.Head, "X-Forwarded-For"); forwarded != "-" && forwarded != "" {
		return forwarded
	}
	if host, _ := x.Peer(); len(host) > 0 {
		return string(host)
	}
	return "-" // a Unix socket
}

// joined is the value of the fields of that name, "-" for none.
func joined(h *h1.Head, name string) string {
	value, found := "", false
	for _, f := range h.Fields {
		if !strings.EqualFold(string(h.Text(f.Name)), name) {
			continue
		}
		if found {
			value += ", "
		}
		value, found = value+string(h.Text(f.Value)), true
	}
	if !found {
		return "-"
	}
	return value
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

package h1_test

import (
	"fmt"
	"strings"

	"pasted/internal/h1"
)

// A stream reads all that a client sends on one connection and writes down
// what it was, as an engine would have to: pieces come, requests are made of
// them, and what has been read is thrown away.
type stream struct {
	limits h1.Limits
	head   h1.Head
	body   h1.Body

	buf      []byte
	consumed int // bytes thrown away before buf
	inBody   bool
	closed   bool // nothing more is read
	content  []byte
	record   strings.Builder
}

// outcome returns what the pieces are, one after the other.
func outcome(limits h1.Limits, pieces ...[]byte) string {
	s := &stream{limits: limits}
	for _, piece := range pieces {
		// A new array each time: nothing may hold on to the old one.
		s.buf = append(s.buf[:len(s.buf):len(s.buf)], piece...)
		for !s.closed && s.advance() {
		}
	}
	s.finish()
	return s.record.String()
}

func (s *stream) printf(format string, args ...any) { fmt.Fprintf(&s.record, format, args...) }

// advance reads one head, or one stretch of a body, and says whether it could.
func (s *stream) advance() bool {
	if s.inBody {
		return s.advanceBody()
	}
	n, refusal := s.head.Read(s.buf, &s.limits)
	if refusal != nil {
		s.refused(n, refusal)
		return false
	}
	if n == 0 {
		return false
	}
	s.describeHead()
	s.body.Start(&s.head, &s.limits)
	s.inBody, s.content = !s.head.Preface, s.content[:0]
	s.closed = s.head.Preface
	s.discard(n)
	return true
}

func (s *stream) advanceBody() bool {
	n, part, refusal := s.body.Next(s.buf)
	if refusal != nil {
		s.refused(n, refusal)
		return false
	}
	s.content = append(s.content, s.buf[part.Start:part.End]...)
	if s.body.Done() {
		s.describeBody()
		s.inBody = false
		s.closed = !s.head.KeepAlive
	}
	s.discard(n)
	return s.body.Done() || !part.Empty()
}

func (s *stream) discard(n int) {
	s.buf = s.buf[n:]
	s.consumed += n
}

func (s *stream) refused(at int, r *h1.Refusal) {
	s.closed = true
	if s.inBody && len(s.content) > 0 {
		s.printf("  body %s\n", quote(s.content))
	}
	s.printf("refused %d %s at %d\n", r.Code, r.Name, s.consumed+at)
}

func (s *stream) describeHead() {
	h := &s.head
	if h.Preface {
		s.printf("HTTP/2\n")
		return
	}
	text := func(span h1.Span) string { return quote(h.Text(span)) }
	s.printf("%s %s %s", h.Text(h.Method), text(h.Target), h.Text(h.Proto))
	if form := [...]string{"", "absolute", "authority", "asterisk"}[h.Form]; form != "" {
		s.printf(" %s", form)
	}
	s.printf(" path %s query %s host %s", text(h.Path), text(h.Query), text(h.Host))
	for _, fact := range []struct {
		name string
		set  bool
	}{
		{"keep-alive", h.KeepAlive}, {"continue", h.Continue}, {"upgrade", h.Upgrade}, {"chunked", h.Length < 0},
	} {
		if fact.set {
			s.printf(" %s", fact.name)
		}
	}
	s.printf("\n")
	for i, f := range h.Fields {
		mark := ""
		if i == h.HostField {
			mark = " (host)"
		}
		s.printf("  %s: %s%s\n", h.Text(f.Name), text(f.Value), mark)
	}
}

func (s *stream) describeBody() {
	if len(s.content) > 0 {
		s.printf("  body %s\n", quote(s.content))
	}
	for _, f := range s.body.Trailers {
		s.printf("  trailer %s: %s\n", s.buf[f.Name.Start:f.Name.End], quote(s.buf[f.Value.Start:f.Value.End]))
	}
}

// finish says what stands at the end of what has come.
func (s *stream) finish() {
	switch {
	case strings.HasPrefix(lastLine(s.record.String()), "refused"):
	case s.closed:
		s.printf("closed, %d bytes unread\n", len(s.buf))
	case s.inBody:
		s.printf("waits for more of the body %s\n", quote(s.content))
	case len(s.buf) > 0:
		s.printf("waits for more of the head\n")
	}
}

func lastLine(text string) string {
	text = strings.TrimSuffix(text, "\n")
	return text[strings.LastIndexByte(text, '\n')+1:]
}

// quote is for Latin-1: a character for each byte.
func quote(b []byte) string {
	var out strings.Builder
	out.WriteByte('"')
	for _, c := range b {
		switch {
		case c == '\r':
			out.WriteString(`\r`)
		case c == '\n':
			out.WriteString(`\n`)
		case c == '\t':
			out.WriteString(`\t`)
		case c == '"' || c == '\\':
			out.WriteByte('\\')
			out.WriteByte(c)
		case c < ' ' || c > '~':
			fmt.Fprintf(&out, `\x%02x`, c)
		default:
			out.WriteByte(c)
		}
	}
	out.WriteByte('"')
	return out.String()
}

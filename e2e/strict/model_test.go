package strict_test

import (
	"fmt"
	"net/http"
	"strings"

	"pasted/internal/h1"
)

// limits are those of the server under test, which sets none itself.
func limits() *h1.Limits {
	const head = 64 << 10
	return &h1.Limits{
		RequestLine: head, FieldLine: head, Fields: head, Head: head, Body: 1 << 30, BrowserTargets: true,
	}
}

// A model is what the parser, without a server, reads a client's bytes as.
type model struct {
	served []served
	code   int // of the refusal; 0: there is none
	reason string
	inBody bool // the refusal, or the end of the bytes, is in a body
	http2  bool // the bytes begin with HTTP/2's preface
}

// modelOf reads data as a connection does.
func modelOf(data []byte) (m model) {
	var head h1.Head
	var body h1.Body
	l := limits()
	for {
		n, refusal := head.Read(data, l)
		switch {
		case refusal != nil:
			m.code, m.reason = refusal.Code, refusal.Reason
			return m
		case n == 0:
			return m
		case head.Preface:
			m.http2 = len(m.served) == 0
			m.code = http.StatusHTTPVersionNotSupported
			return m
		case head.Form == h1.AuthorityForm:
			m.code = http.StatusNotImplemented // it is not a proxy
			return m
		}
		request := requestOf(&head)
		data = data[n:]
		body.Start(&head, l)
		for !body.Done() {
			n, part, refusal := body.Next(data)
			m.inBody = true
			if refusal != nil {
				m.code, m.reason = refusal.Code, refusal.Reason
				return m
			}
			request.body += string(data[part.Start:part.End])
			data = data[n:]
			if part.Empty() && !body.Done() {
				return m // there is no more
			}
		}
		m.inBody = false
		m.served = append(m.served, request)
		if !head.KeepAlive {
			return m
		}
	}
}

// requestOf is the request as an application of PEP 3333 sees it.
func requestOf(head *h1.Head) served {
	path := decoded(string(head.Text(head.Path)))
	switch {
	case head.Form == h1.AsteriskForm:
		path = "*"
	case path == "" && string(head.Text(head.Method)) == http.MethodOptions && head.Query.Empty():
		path = "*"
	case path == "":
		path = "/"
	}
	return served{
		method: string(head.Text(head.Method)), path: path,
		query: string(head.Text(head.Query)), host: string(head.Text(head.Host)),
	}
}

// decoded decodes a path whose percent signs are known to be good.
func decoded(path string) string {
	var out strings.Builder
	for i := 0; i < len(path); i++ {
		var c byte
		if path[i] != '%' {
			out.WriteByte(path[i])
			continue
		}
		fmt.Sscanf(path[i+1:i+3], "%02x", &c)
		out.WriteByte(c)
		i += 2
	}
	return out.String()
}

// differs says how a reading is not what the model is; empty: it is. The
// answer to HEAD has no body to compare. To a request whose body ends early the
// server may answer 400 (RFC 9112, 8), or nothing.
func (m model) differs(r reading) string {
	if len(m.served) != len(r.served) {
		return fmt.Sprintf("%d requests served, want %d", len(r.served), len(m.served))
	}
	for i, want := range m.served {
		if want.method == http.MethodHead {
			want.body = ""
		}
		if got := r.served[i]; got != want {
			return fmt.Sprintf("request %d is %q, want %q", i+1, got, want)
		}
	}
	switch {
	case m.code != r.code && (m.code != 0 || !m.inBody || r.code != http.StatusBadRequest):
		return fmt.Sprintf("refused with %d %s, want %d %s", r.code, r.reason, m.code, m.reason)
	case m.reason != "" && !m.inBody && m.reason != r.reason:
		return fmt.Sprintf("refused because %q, want %q", r.reason, m.reason)
	}
	return ""
}

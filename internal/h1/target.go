package h1

import "bytes"

// A Form is one of the four forms of a request target (RFC 9112, 3.2).
type Form uint8

// The forms. Only OPTIONS has AsteriskForm, and only CONNECT, which has no
// other, AuthorityForm.
const (
	OriginForm    Form = iota // "/path?query"
	AbsoluteForm              // "http://host:port/path?query"
	AuthorityForm             // "host:port"
	AsteriskForm              // "*"
)

// target reads the target that begins at start of line, whose offset in the
// head is base, and returns the offset after it; or a refusal and where.
func (h *Head) target(line []byte, start int, base uint32, l *Limits) (int, *Refusal) {
	switch rest := line[start:]; {
	case len(rest) == 0 || rest[0] == ' ':
		return start, refuseTargetEmpty
	case h.connect:
		return h.authorityForm(line, start, base)
	case rest[0] == '/':
		return h.pathAndQuery(line, start, base, l)
	case rest[0] != '*':
		return h.absoluteForm(line, start, base, l)
	case len(rest) > 1 && rest[1] != ' ' || !h.options:
		return start, refuseTargetForm
	}
	h.Form = AsteriskForm
	return start + 1, nil
}

// pathAndQuery reads a path, which may be empty, and a query.
func (h *Head) pathAndQuery(line []byte, start int, base uint32, l *Limits) (int, *Refusal) {
	path, query := uint8(inPath), uint8(inQuery)
	if l.BrowserTargets {
		path, query = inBrowserPath, inBrowserQuery
	}
	end := skipEncoded(line, start, path)
	h.Path = Span{base + uint32(start), base + uint32(end)}
	if end < len(line) && line[end] == '?' {
		start = end + 1
		end = skipEncoded(line, start, query)
		h.Query = Span{base + uint32(start), base + uint32(end)}
	}
	return end, endOfTarget(line, end)
}

// endOfTarget returns why a target cannot go on at i, where it has to end.
func endOfTarget(line []byte, i int) *Refusal {
	switch {
	case i == len(line) || line[i] == ' ':
		return nil
	case line[i] == '%':
		return refusePercent
	}
	return refuseTarget
}

// absoluteForm reads what proxies are sent, and servers must take: a whole URI
// (RFC 9112, 3.2.2).
func (h *Head) absoluteForm(line []byte, start int, base uint32, l *Limits) (int, *Refusal) {
	end := start
	if line[start]|0x20 >= 'a' && line[start]|0x20 <= 'z' {
		end = skipClass(line, start, inScheme)
	}
	if !bytes.HasPrefix(line[end:], []byte("://")) || end == start {
		return start, notAbsolute(line, start)
	}
	if scheme := line[start:end]; !isToken(scheme, "http") && !isToken(scheme, "https") {
		return start, refuseScheme
	}
	host := end + len("://")
	end = host
	for end < len(line) && line[end] != '/' && line[end] != '?' && line[end] != ' ' {
		end++
	}
	authority := line[host:end]
	if bytes.IndexByte(authority, '@') >= 0 {
		return host, refuseUserinfo
	}
	if _, ok := splitHost(authority); !ok || len(authority) == 0 {
		return host, refuseAuthority
	}
	h.Form = AbsoluteForm
	h.Host = Span{base + uint32(host), base + uint32(end)}
	return h.pathAndQuery(line, end, base, l)
}

// notAbsolute returns why a target that should have been a URI is none: because
// of a character that no target has, or else of its form.
func notAbsolute(line []byte, start int) *Refusal {
	if refusal := endOfTarget(line, skipEncoded(line, start, inQuery)); refusal != nil {
		return refusal
	}
	return refuseTargetForm
}

// authorityForm reads the target of CONNECT, whose port must be there.
func (h *Head) authorityForm(line []byte, start int, base uint32) (int, *Refusal) {
	end := start
	for end < len(line) && line[end] != ' ' {
		end++
	}
	authority := line[start:end]
	colon, ok := splitHost(authority)
	if !ok || len(authority)-colon < 2 || len(bytes.TrimLeft(authority[colon+1:], "0")) == 0 {
		return start, refuseConnectPort
	}
	h.Form = AuthorityForm
	h.Host = Span{base + uint32(start), base + uint32(end)}
	return end, nil
}

package forwarding

import (
	"pasted/internal/h1"
)

// mostElements is how many proxies a Forwarded field may tell of.
const mostElements = 64

// An element is what one proxy says in Forwarded: of whom it has got the
// request, by which scheme, and what it has been asked for.
type element struct {
	start                 uint32 // where it begins
	line                  int    // in which field
	client, by, host, via h1.Span
}

// readForwarded reads Forwarded. All of it must be well-formed: in what is not,
// nobody can tell one proxy's word from another's.
func (t *Trust) readForwarded(h *h1.Head, o *h1.Origin) *h1.Refusal {
	var room [mostElements]element
	elements := room[:0]
	for i, f := range h.Fields {
		if classify(h.Text(f.Name)) != Forwarded {
			continue
		}
		var ok bool
		if elements, ok = parseForwarded(h, i, f.Value, elements); !ok {
			return refuseForwarded
		}
	}
	if len(elements) == 0 {
		return nil
	}
	w := walk{trust: t}
	first := len(elements) - 1
	for ; ; first-- {
		e := elements[first]
		if e.client.Empty() {
			break // of no use, nor what stands before it
		}
		n, ok := parseNode(h.Text(e.client))
		if !ok {
			return refuseNode
		}
		if !w.step(n) || first == 0 {
			break
		}
	}
	w.setClient(o)
	return sayAll(h, o, elements[first:])
}

// sayAll notes what proxies say beside who the client is: the first to say it is
// the one that has met the client, or is nearest to it.
func sayAll(h *h1.Head, o *h1.Origin, elements []element) *h1.Refusal {
	var host, scheme h1.Span
	for i := len(elements) - 1; i >= 0; i-- {
		if e := elements[i]; !e.host.Empty() {
			host = e.host
		}
		if e := elements[i]; !e.via.Empty() {
			scheme = e.via
		}
	}
	first := elements[0]
	h.Trim(first.line, h1.Span{Start: first.start, End: h.Fields[first.line].Value.End})
	if !scheme.Empty() {
		if refusal := setScheme(o, h.Text(scheme)); refusal != nil {
			return refusal
		}
	}
	refusal := setServer(h, o, host, nil)
	dropBefore(h, first.line, Forwarded)
	return refusal
}

// parseForwarded appends the elements of the i-th field's value (RFC 7239, 4).
func parseForwarded(h *h1.Head, i int, value h1.Span, elements []element) ([]element, bool) {
	p := parser{h: h, at: value.Start, end: value.End}
	for {
		p.space()
		if p.at == p.end {
			return elements, true
		}
		if p.is(',') {
			continue // an empty member of the list (RFC 9110, 5.6.1.2)
		}
		if len(elements) == mostElements {
			return elements, false
		}
		e := element{start: p.at, line: i}
		if !p.element(&e) {
			return elements, false
		}
		elements = append(elements, e)
	}
}

// A parser reads a Forwarded field from at to end.
type parser struct {
	h       *h1.Head
	at, end uint32
}

func (p *parser) space() {
	for p.at < p.end && isSpace(p.h.Bytes[p.at]) {
		p.at++
	}
}

// is takes c off, if it is the next byte.
func (p *parser) is(c byte) bool {
	if p.at < p.end && p.h.Bytes[p.at] == c {
		p.at++
		return true
	}
	return false
}

// element reads pairs up to a comma or the end.
func (p *parser) element(e *element) bool {
	for {
		p.space()
		if p.at < p.end && p.h.Bytes[p.at] != ';' && p.h.Bytes[p.at] != ',' && !p.pair(e) {
			return false
		}
		p.space()
		switch {
		case p.at == p.end, p.is(','):
			return true
		case !p.is(';'):
			return false
		}
	}
}

// pair reads a name, "=" and a value, and notes it. None comes twice.
func (p *parser) pair(e *element) bool {
	start := p.at
	for p.at < p.end && isToken(p.h.Bytes[p.at]) {
		p.at++
	}
	name := p.h.Bytes[start:p.at]
	if len(name) == 0 || !p.is('=') {
		return false
	}
	value, ok := p.value()
	if !ok {
		return false
	}
	var part *h1.Span
	switch {
	case equalFold(name, "for"):
		part = &e.client
	case equalFold(name, "by"):
		part = &e.by
	case equalFold(name, "host"):
		part = &e.host
	case equalFold(name, "proto"):
		part = &e.via
	default:
		return true // an extension
	}
	if !part.Empty() || value.Empty() {
		return false
	}
	*part = value
	return true
}

// value reads a token, or what stands in quotes; an address may do without them,
// as many proxies write it. No value of use has a character that wants a
// backslash, so there is none.
func (p *parser) value() (value h1.Span, ok bool) {
	if p.is('"') {
		value.Start = p.at
		for p.at < p.end && p.h.Bytes[p.at] != '"' && p.h.Bytes[p.at] != '\\' {
			p.at++
		}
		value.End = p.at
		return value, p.is('"')
	}
	value.Start = p.at
	for p.at < p.end && (isToken(p.h.Bytes[p.at]) || isAddress(p.h.Bytes[p.at])) {
		p.at++
	}
	value.End = p.at
	return value, !value.Empty()
}

func isAddress(c byte) bool { return c == ':' || c == '[' || c == ']' }

// isToken says whether a token may have c (RFC 9110, 5.6.2).
func isToken(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	switch c {
	case '!', '#', '$', '%', '&', '\'', '*', '+', '-', '.', '^', '_', '`', '|', '~':
		return true
	}
	return false
}

package forwarding

import (
	"bytes"
	"net/netip"

	"pasted/internal/h1"
)

// A node is a client, or a proxy, as the next proxy names it.
type node struct {
	addr       netip.Addr // not valid: its address is not told
	host, port []byte
}

// parseNode reads a node: an address, with brackets or without, a port perhaps,
// or a word that hides it (RFC 7239, 6).
func parseNode(text []byte) (node, bool) {
	if equalFold(text, "unknown") || len(text) > 1 && text[0] == '_' && isObfuscated(text[1:]) {
		return node{}, true
	}
	if addr, ok := h1.ParseIP(text); ok {
		return node{addr: addr, host: text}, true
	}
	host, port := text, []byte(nil)
	if i := bytes.LastIndexByte(text, ':'); i > bytes.LastIndexByte(text, ']') {
		host, port = text[:i], text[i+1:]
	}
	if len(host) > 2 && host[0] == '[' && host[len(host)-1] == ']' {
		host = host[1 : len(host)-1]
	} else if bytes.IndexByte(host, ':') >= 0 {
		return node{}, false
	}
	addr, ok := h1.ParseIP(host)
	switch {
	case !ok && !equalFold(host, "unknown"):
		return node{}, false
	case len(port) > 1 && port[0] == '_' && isObfuscated(port[1:]):
		port = nil
	case port != nil && !isPort(port):
		return node{}, false
	}
	if !ok {
		return node{}, true
	}
	return node{addr: addr, host: host, port: port}, true
}

// isObfuscated says whether text may stand behind the "_" of a hidden name.
func isObfuscated(text []byte) bool {
	for _, c := range text {
		if c|0x20 < 'a' || c|0x20 > 'z' {
			if (c < '0' || c > '9') && c != '.' && c != '_' && c != '-' {
				return false
			}
		}
	}
	return true
}

// isPort says whether text is a port of TCP, without leading zeros.
func isPort(text []byte) bool {
	number := 0
	for _, c := range text {
		if c < '0' || c > '9' {
			return false
		}
		if number = number*10 + int(c-'0'); number == 0 || number > 1<<16-1 {
			return false
		}
	}
	return number > 0
}

// A walk goes from the proxy that is nearest to the one that has met the client,
// by what each says of who has come to it.
type walk struct {
	trust *Trust
	depth int  // proxies passed; 1: the client is the one that the nearest names
	found bool // some proxy has named somebody
	last  node
}

// step takes what the next proxy says, and returns whether the one before it is
// a proxy too, to be listened to.
func (w *walk) step(n node) (more bool) {
	w.depth++
	w.found, w.last = true, n
	if w.trust.Hops > 0 {
		return w.depth < w.trust.Hops
	}
	return n.addr.IsValid() && w.trust.Peers.Has(n.addr)
}

// setClient notes who the client is, if anybody has said so.
func (w *walk) setClient(o *h1.Origin) {
	if w.found {
		o.HasClient, o.Client, o.ClientPort = true, w.last.host, w.last.port
	}
}

// setScheme notes the scheme that a proxy has been asked by.
func setScheme(o *h1.Origin, text []byte) *h1.Refusal {
	scheme := ""
	switch {
	case equalFold(text, "https"), equalFold(text, "wss"):
		scheme = "https"
	case equalFold(text, "http"), equalFold(text, "ws"):
		scheme = "http"
	default:
		return refuseProto
	}
	if o.Scheme != "" && o.Scheme != scheme {
		return refuseScheme // of gunicorn's further fields
	}
	o.Scheme = scheme
	return nil
}

// ports are the schemes' own.
var ports = map[string][]byte{"http": []byte("80"), "https": []byte("443")}

// setServer notes what a proxy has been asked for: host, empty for nothing, is
// the Host field's value that it has got, with its port if it had one; port,
// which a host's own goes before, is its own or nil.
func setServer(h *h1.Head, o *h1.Origin, host h1.Span, port []byte) *h1.Refusal {
	if port != nil && !isPort(port) {
		return refusePort
	}
	if host.Empty() {
		if port == nil && o.Scheme != "" {
			port = ports[o.Scheme]
		}
		o.ServerPort = port
		return nil
	}
	name, own, ok := h1.ParseHost(h.Text(host))
	if !ok {
		return refuseHost
	}
	usual := ports["http"]
	if o.Scheme != "" {
		usual = ports[o.Scheme]
	}
	switch {
	case len(own) > 0:
		port = own
	case port == nil:
		port = usual
	case string(port) != string(usual):
		// Whoever makes a URL of the Host field needs it.
		whole := append(append(append([]byte(nil), h.Text(host)...), ':'), port...)
		host = h.Add("X-Forwarded-Host", string(whole))
		h.Fields = h.Fields[:len(h.Fields)-1]
	}
	h.SetHost(host)
	o.ServerName, o.ServerPort = name, port
	return nil
}

// setPrefix notes the path that a proxy has taken off.
func setPrefix(o *h1.Origin, text []byte) *h1.Refusal {
	path := bytes.TrimRight(text, "/")
	if len(path) == 0 {
		return nil
	}
	for _, c := range path {
		if c <= ' ' || c >= 0x7f || c == '?' || c == '#' || c == '\\' || c == '%' {
			return refusePrefix
		}
	}
	if path[0] != '/' || bytes.Contains(path, []byte("//")) || bytes.Contains(path, []byte("/.")) {
		return refusePrefix
	}
	o.Prefix = path
	return nil
}

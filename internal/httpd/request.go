package httpd

import (
	"bytes"
	"net"
	"net/http"
	"net/netip"

	"pasted/internal/forwarding"
	"pasted/internal/h1"
)

// serveLong does on the long way what is the server's to do with a request
// before its handler sees it.
func (e *Engine) serveLong(w http.ResponseWriter, r *http.Request) {
	way := e.enter()
	defer way.leave()
	r, refusal := way.believe(r)
	if refusal != nil {
		way.refuseLong(w, r, refusal)
		return
	}
	o := h1.OriginOf(r)
	if script, path := way.mount(&o, []byte(r.URL.Path)); len(script) > 0 {
		r = h1.Mount(r, string(script), string(path))
	}
	way.handler.ServeHTTP(w, r)
}

// believe returns r as the proxies that are trusted say that it is.
func (w *way) believe(r *http.Request) (*http.Request, *h1.Refusal) {
	var h h1.Head
	h.Reset()
	if r.Host != "" {
		h.Add("Host", r.Host)
		h.HostField = 0
		h.Host = h.Fields[0].Value
	}
	told := w.cfg.Forwarding.Fields | w.cfg.Forwarding.Clear | forwarding.All
	told.Each(func(name string) { addFields(&h, r, name) })
	for _, f := range w.cfg.Forwarding.Secure {
		if forwarding.Named(f.Name) == 0 {
			addFields(&h, r, f.Name)
		}
	}
	var o h1.Origin
	cleared, refusal := w.cfg.Forwarding.Apply(&h, peerOf(r), &o)
	if refusal != nil {
		return r, refusal
	}
	w.noteCleared(cleared, r.RemoteAddr)
	if !o.Proxied && o.Scheme == "" {
		return r, nil
	}
	r = h1.WithOrigin(r, o)
	told.Each(func(name string) { delete(r.Header, http.CanonicalHeaderKey(name)) })
	for i, f := range h.Fields {
		name := http.CanonicalHeaderKey(string(h.Text(f.Name)))
		if i != h.HostField && forwarding.Named(lower(name))&told != 0 {
			r.Header.Add(name, string(h.Text(f.Value)))
		}
	}
	r.Host = string(h.Text(h.Host))
	return r, nil
}

// addFields adds the fields of that name that r has, as they came.
func addFields(h *h1.Head, r *http.Request, name string) {
	for _, value := range r.Header[http.CanonicalHeaderKey(name)] {
		h.Add(name, value)
	}
}

// peerOf returns the other end of r's connection, not valid for a Unix socket.
func peerOf(r *http.Request) netip.Addr {
	ap, _ := netip.ParseAddrPort(r.RemoteAddr)
	return ap.Addr().Unmap()
}

// noteCleared logs that fields have been taken off, if that is wanted.
func (w *way) noteCleared(cleared forwarding.Fields, client string) {
	if cleared != 0 && w.cfg.LogUntrusted {
		w.refused.noteCleared(cleared, client)
	}
}

// refuseLong answers a request whose proxies contradict themselves.
func (w *way) refuseLong(rw http.ResponseWriter, r *http.Request, refusal *h1.Refusal) {
	var client net.Addr
	if peer := peerOf(r); peer.IsValid() {
		client = &net.TCPAddr{IP: peer.AsSlice()}
	}
	w.refused.note(refusal.Code, refusal.Reason, client)
	h := rw.Header()
	h.Set("Content-Type", h1.RefusalType)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Connection", "close")
	rw.WriteHeader(refusal.Code)
	_, _ = rw.Write([]byte(h1.RefusalText(refusal.Code, refusal.Reason)))
}

// mount returns what is consumed of a path and what is left. A prefix that
// proxies name comes first. That of the server is taken off a path that has it;
// all requests are mounted there, as waitress has it.
func (w *way) mount(o *h1.Origin, path []byte) (script, rest []byte) {
	script = o.Prefix
	if o.PrefixInPath {
		path = cutPrefix(path, o.Prefix)
	}
	switch {
	case len(w.prefix) == 0:
		return script, path
	case len(script) == 0:
		script = w.prefix
	default:
		script = append(bytes.Clone(script), w.prefix...)
	}
	return script, cutPrefix(path, w.prefix)
}

// cutPrefix takes whole segments off a path that begins with them.
func cutPrefix(path, prefix []byte) []byte {
	if rest, ok := bytes.CutPrefix(path, prefix); ok && (len(rest) == 0 || rest[0] == '/') {
		return rest
	}
	return path
}

// A shortWay does the same on the short way.
type shortWay struct {
	way  *way
	next h1.Short
}

// ServeHead implements h1.Short.
func (s *shortWay) ServeHead(x *h1.Exchange) bool {
	w := s.way
	cleared, refusal := w.cfg.Forwarding.Apply(&x.Head, x.PeerIP(), &x.Origin)
	if refusal != nil {
		x.Refuse(refusal.Code, refusal.Reason)
		return true
	}
	if cleared != 0 && w.cfg.LogUntrusted {
		w.refused.noteCleared(cleared, x.PeerAddr().String())
	}
	x.ScriptName, x.Path = w.mount(&x.Origin, x.Path)
	return s.next.ServeHead(x)
}

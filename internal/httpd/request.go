package httpd

import (
	"bytes"
	"net/http"
	"strings"

	"pasted/internal/h1"
)

// proxyFields are the fields by which proxies say whom they speak for.
var proxyFields = []string{
	"Forwarded", "X-Forwarded-By", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Proto",
}

// serveLong does on the long way what is the server's to do with a request
// before its handler sees it.
func (e *Engine) serveLong(w http.ResponseWriter, r *http.Request) {
	way := e.enter()
	defer way.leave()
	if way.cfg.ClearProxyFields {
		for _, name := range proxyFields {
			delete(r.Header, name)
		}
	}
	if way.cfg.URLPrefix != "" {
		script, path := way.mount(r.URL.Path)
		r = h1.Mount(r, script, path)
	}
	way.handler.ServeHTTP(w, r)
}

// mount returns what is consumed of a path and what is left. The prefix is
// taken off a path that has it; all requests are mounted there, as waitress has
// it.
func (w *way) mount(path string) (script, rest string) {
	prefix := w.cfg.URLPrefix
	if rest, ok := strings.CutPrefix(path, prefix); ok && (rest == "" || rest[0] == '/') {
		path = rest
	}
	return prefix, path
}

// A shortWay does the same on the short way.
type shortWay struct {
	cfg  *Config
	next h1.Short
}

// ServeHead implements h1.Short.
func (s *shortWay) ServeHead(x *h1.Exchange) bool {
	cfg := s.cfg
	if cfg.ClearProxyFields {
		for _, name := range proxyFields {
			x.Head.Delete(name)
		}
	}
	if prefix := cfg.URLPrefix; prefix != "" {
		if rest, ok := bytes.CutPrefix(x.Path, []byte(prefix)); ok && (len(rest) == 0 || rest[0] == '/') {
			x.Path = rest
		}
		x.ScriptName = []byte(prefix)
	}
	return s.next.ServeHead(x)
}

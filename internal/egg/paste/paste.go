// Package paste holds the counterparts in Go of Paste's components whose
// behaviour is HTTP alone: urlmap and translogger. They behave as Paste's own
// do, oddities included, unless a comment says otherwise. It knows nothing of
// Python or of where a component is placed.
package paste

import (
	"io"
	"net/http"
	"os"
	"sync"

	"pasted/internal/h1"
	"pasted/paste"
)

// Options are what the components share. The zero value works.
type Options struct {
	// AccessLog takes translogger's lines, each in one Write, never two at a
	// time; nil: os.Stderr.
	AccessLog io.Writer
	// Scheme is wsgi.url_scheme; nil: "http".
	Scheme func() string
	// RemoteUser is a request's REMOTE_USER, empty for none; nil: none.
	RemoteUser func(*h1.Exchange) string
}

// Register sets the components in r under Paste's names.
func Register(r *paste.Registry, o Options) {
	if o.AccessLog == nil {
		o.AccessLog = os.Stderr
	}
	if o.Scheme == nil {
		o.Scheme = func() string { return "http" }
	}
	if o.RemoteUser == nil {
		o.RemoteUser = func(*h1.Exchange) string { return "" }
	}
	r.SetComposite("egg:Paste#urlmap", func(loader *paste.CompositeLoader, global, local *paste.Conf) (http.Handler, error) {
		return newURLMap(&o, loader, global, local)
	})
	lines := &lineWriter{w: o.AccessLog}
	r.SetFilterApp("egg:Paste#translogger", func(next http.Handler, global, local *paste.Conf) (http.Handler, error) {
		t, err := newTransLogger(&o, lines, local)
		if err != nil {
			return nil, err
		}
		return h1.Filter(t, next), nil
	})
}

// A lineWriter writes one line at a time.
type lineWriter struct {
	mu  sync.Mutex
	w   io.Writer
	buf []byte
}

// write writes the line that line appends. What the log says to that does not
// concern the request.
func (l *lineWriter) write(line func(dst []byte) []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.buf = append(line(l.buf[:0]), '\n')
	_, _ = l.w.Write(l.buf)
}

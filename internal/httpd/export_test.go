package httpd

import (
	"io"
	"net"
	"strings"
)

// IdleGrace is idleGrace.
const IdleGrace = idleGrace

// Table returns the options of each server that is served, by its egg, in the
// order of the table.
func Table() (eggs []string, options map[string][]string) {
	options = make(map[string][]string)
	for _, s := range servers() {
		eggs = append(eggs, s.egg)
		options[s.egg] = []string{}
		for _, o := range s.options {
			options[s.egg] = append(options[s.egg], strings.Fields(o.names)...)
		}
	}
	return eggs, options
}

// PassFrames returns what the library gets of HTTP/2's frames in r.
func PassFrames(r io.Reader) io.Reader { return newInFrames(r, 1<<16) }

// ServeHTTP2 serves a connection that its client begins with HTTP/2's preface.
func (e *Engine) ServeHTTP2(conn net.Conn) { e.http2.serve(conn) }

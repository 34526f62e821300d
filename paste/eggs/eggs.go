// Package eggs has counterparts in Go of components that PasteDeploy files use
// by name, for a paste.Registry:
//
//	egg:Paste#urlmap       a composite: applications by path and host
//	egg:Paste#translogger  a filter: a line for each request
//
// They are those that `pasted serve` uses, with Paste's options and behaviour.
// What a Registry is for is left to the package paste.
package eggs

import (
	"io"
	"net/http"

	"pasted/internal/egg/paste"
	"pasted/internal/h1"
	public "pasted/paste"
)

// Options are what the components share. The zero value works.
type Options struct {
	// AccessLog takes translogger's lines, each in one Write, never two at a
	// time; nil: os.Stderr.
	AccessLog io.Writer
	// HTTPS says that clients come over TLS: a Host without a port means 443
	// to urlmap then, not 80.
	HTTPS bool
}

// Register sets the components in r. The handlers that they make are for any
// server of net/http.
func Register(r *public.Registry, o Options) {
	scheme := "http"
	if o.HTTPS {
		scheme = "https"
	}
	paste.Register(r, paste.Options{
		AccessLog: o.AccessLog,
		Scheme:    func() string { return scheme },
	})
}

// ScriptName returns the beginning of r's path that urlmaps have taken off, what
// PEP 3333 calls SCRIPT_NAME: empty or beginning with a slash. r.URL.Path is what
// is left, which may be empty.
func ScriptName(r *http.Request) string { return h1.ScriptName(r) }

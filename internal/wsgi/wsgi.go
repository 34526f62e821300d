// Package wsgi stands between HTTP and PEP 3333: it makes the environ of a
// request, in marshal's format, and reads the head of a worker's answer. It
// knows both vocabularies and nothing of queues, processes or sockets.
package wsgi

import (
	"context"
	"net/http"
)

type mountKey struct{}

// ScriptName returns the part of r's path that composites have consumed, what
// PEP 3333 calls SCRIPT_NAME: empty or beginning with a slash, percent-decoded.
func ScriptName(r *http.Request) string {
	name, _ := r.Context().Value(mountKey{}).(string)
	return name
}

// Mount returns a copy of r for an application that is mounted at scriptName
// and sees pathInfo, both percent-decoded. The copy shares everything else
// with r; r itself is not changed.
func Mount(r *http.Request, scriptName, pathInfo string) *http.Request {
	mounted := r.WithContext(context.WithValue(r.Context(), mountKey{}, scriptName))
	url := *r.URL
	url.Path = pathInfo
	url.RawPath = ""
	mounted.URL = &url
	return mounted
}

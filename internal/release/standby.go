package release

import (
	"context"
	"net/http"

	"pasted/internal/httpd"
)

// Standby has handler answer in r's place, which does not serve, on the sockets
// of Options.Sockets until ctx ends; requests that it is answering then are cut
// off. Nothing of it is left when it returns.
func (r *Release) Standby(ctx context.Context, handler http.Handler) error {
	loops, endLoops, err := startLoops()
	if err != nil {
		return err
	}
	defer endLoops()
	listeners, err := NewHost(r).listenFirst(r)
	if err != nil {
		return at(r.listenAt, err)
	}
	return httpd.Serve(ctx, ctx, r.Server, loops, listeners, handler, r.options.Log)
}

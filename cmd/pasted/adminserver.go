package main

import (
	"cmp"
	"context"
	"log/slog"
	"net"
	"os"
	"sync"

	"pasted/internal/admin"
	"pasted/internal/httpd"
	"pasted/internal/release"
)

// An adminServer serves the admin socket and the addresses of metrics.
type adminServer struct {
	id      admin.Identity
	source  admin.Source
	log     *slog.Logger
	place   admin.Place
	end     func()
	serving sync.WaitGroup
}

// start binds what r's file asks for, and serves it until ctx ends or stop. A
// socket that nobody has asked for, and that cannot be, is logged.
func (a *adminServer) start(ctx context.Context, r *release.Release) error {
	ctx, a.end = context.WithCancel(ctx)
	if len(r.Admin.Metrics) > 0 {
		listeners, err := httpd.Listen(httpd.Config{Listen: r.Admin.Metrics})
		if err != nil {
			return r.Admin.Blame(err, true)
		}
		a.serve(ctx, listeners, false)
	}
	if r.Admin.Off {
		return nil
	}
	var err error
	if r.Admin.Socket != "" {
		a.place = admin.Place{Path: r.Admin.Socket}
	} else {
		a.place, err = admin.Choose(r.File, cmp.Or(a.id.Keeper, a.id.PID))
	}
	var listeners []net.Listener
	if err == nil {
		listeners, err = a.place.Listen()
	}
	switch {
	case err == nil:
		a.serve(ctx, listeners, true)
	case r.Admin.Socket != "":
		return r.Admin.Blame(err, false)
	default:
		a.log.Warn("no admin socket: pasted status will not find this server", "err", err)
	}
	return nil
}

func (a *adminServer) serve(ctx context.Context, listeners []net.Listener, whole bool) {
	handler := admin.Handler(a.id, a.source, whole)
	a.serving.Go(func() { admin.Serve(ctx, listeners, handler, a.log) })
}

// stop ends what start has begun.
func (a *adminServer) stop() {
	a.end()
	a.serving.Wait()
	a.place.Leave()
}

// serveAdmin serves the admin socket and addresses of r, about source, until
// ctx ends or end, which waits. The error is that of an address that the file
// names.
func (s *serveCommand) serveAdmin(ctx context.Context, r *release.Release, source admin.Source) (end func(), err error) {
	a := &adminServer{
		id:     admin.Identity{Version: version, PID: os.Getpid(), Keeper: s.keeper},
		source: source, log: s.log,
	}
	if err := a.start(ctx, r); err != nil {
		a.stop()
		return nil, err
	}
	return a.stop, nil
}

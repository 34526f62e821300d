package main

import (
	"context"
	"sync"
	"time"

	"pasted/internal/httpd"
	"pasted/internal/keeper"
	"pasted/internal/release"
	"pasted/internal/systemd"
)

// A supervisor is who is above the server: a keeper, a service manager without
// one, or nobody.
type supervisor struct {
	keeper   *keeper.Server // nil: there is none
	notify   func(state string)
	watchdog time.Duration
	sockets  httpd.Sockets // with what it has kept, or given
	running  sync.WaitGroup
	end      func()
}

// supervised finds out who is above this process, and takes what that has for
// it. When a keeper goes, lost is called. close must be called.
func (s *serveCommand) supervised(lost func()) (*supervisor, error) {
	ctx, cancel := context.WithCancel(context.Background())
	v := &supervisor{end: cancel}
	k, err := keeper.Attach()
	switch {
	case err != nil:
		cancel()
		return nil, &exitError{code: exitFailed, err: err}
	case k == nil:
		return v, s.managed(v)
	}
	v.keeper, s.keeper = k, k.Keeper
	v.notify, v.watchdog = func(state string) { k.Notify(state) }, k.Watchdog
	if len(k.Given) > 0 {
		v.sockets.Give(groupsOf(k.Given))
	}
	v.sockets.Adopt(groupsOf(k.Kept))
	v.sockets.Share = func(list []httpd.Group) error {
		shared := make([]keeper.Group, len(list))
		for i, g := range list {
			shared[i] = keeper.Group(g)
		}
		return k.Hold(shared)
	}
	v.running.Go(k.Run)
	v.running.Go(func() {
		select {
		case <-ctx.Done():
		case <-k.Gone():
			lost()
		}
	})
	return v, nil
}

func groupsOf(list []keeper.Group) []httpd.Group {
	groups := make([]httpd.Group, len(list))
	for i, g := range list {
		groups[i] = httpd.Group(g)
	}
	return groups
}

// managed fills in v for a process that a service manager may have started.
func (s *serveCommand) managed(v *supervisor) error {
	service := systemd.Service()
	v.notify, v.watchdog = func(state string) { s.notify(service, state) }, service.Watchdog
	sockets, err := systemd.Sockets()
	if err != nil {
		return &exitError{code: exitFailed, err: err}
	}
	var given []httpd.Group
	for _, socket := range sockets {
		given = append(given, httpd.Group{Key: socket.Name, FDs: []int{socket.FD}})
	}
	if given != nil {
		v.sockets.Give(given)
	}
	return nil
}

// watch says twice in each watchdog's time that host is alive, as long as it is
// and ctx runs.
func (v *supervisor) watch(ctx context.Context, host *release.Host) {
	if v.watchdog == 0 {
		return
	}
	tick := time.NewTicker(v.watchdog / 2)
	defer tick.Stop()
	for {
		alive, cancel := context.WithTimeout(ctx, v.watchdog/2)
		if host.Alive(alive) {
			v.notify("WATCHDOG=1")
		}
		cancel()
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// close says that this process ends on purpose.
func (v *supervisor) close() {
	v.end()
	if v.keeper != nil {
		v.keeper.Bye()
		v.keeper.Close()
	}
	v.running.Wait()
	v.sockets.Close()
}

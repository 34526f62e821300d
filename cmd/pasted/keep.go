package main

import (
	"errors"
	"os"
	"runtime"
	"runtime/debug"

	"pasted/internal/keeper"
	"pasted/internal/systemd"
)

// keep runs as the keeper, with the server below it.
func (s *serveCommand) keep() error {
	// It sleeps nearly always: memory counts, and time does not.
	runtime.GOMAXPROCS(1)
	debug.SetGCPercent(20)
	given, err := systemd.Sockets()
	if err != nil {
		return &exitError{code: exitFailed, err: err}
	}
	files, service := watchLogFiles(s.stdout, s.stderr), systemd.Service()
	options := keeper.Options{
		Path: "/proc/self/exe", Args: os.Args, Env: os.Environ(),
		Files: [3]*os.File{os.Stdin, s.stdout, s.stderr}, Log: s.log,
		Watchdog: service.Watchdog, Reopen: func() { files.reopen() },
		Notify: func(state string) { s.notify(service, state) },
	}
	for _, socket := range given {
		options.Given = append(options.Given, keeper.Group{Key: socket.Name, FDs: []int{socket.FD}})
	}
	code, err := keeper.Run(options)
	switch {
	case err != nil:
		return &exitError{code: max(code, exitFailed), err: err}
	case code != 0:
		return &exitError{code: code, err: errors.New("the server has said why"), said: true}
	}
	return nil
}

func (s *serveCommand) notify(service systemd.Manager, state string) {
	if err := service.Notify(state); err != nil {
		s.log.Warn("the service manager is not told", "err", err)
	}
}

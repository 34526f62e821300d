package httpd

import (
	"fmt"
	"net"
	"os"
)

// Sockets are bound addresses that stay bound from one Serve to the next, so
// that a client who comes in between waits and is not refused. The zero value
// has none. Its methods are called one at a time.
type Sockets struct {
	key  string
	kept []keptSocket
}

// A keptSocket is a listening socket that nobody accepts from.
type keptSocket struct {
	file  *os.File
	close func() error // of the listener that it was made of
}

// Listen is the function Listen, but that the addresses of the last call stay
// bound if cfg has the same ones; else they are given back first. The listeners
// are for one Serve, with KeepSockets.
func (s *Sockets) Listen(cfg Config) ([]net.Listener, error) {
	if key := fmt.Sprint(cfg.Listen, cfg.NoIPv4, cfg.NoIPv6, cfg.V6Only, cfg.UnixPerms, cfg.Backlog); key != s.key {
		s.Close()
		if err := s.bind(cfg); err != nil {
			s.Close()
			return nil, err
		}
		s.key = key
	}
	var listeners []net.Listener
	for _, k := range s.kept {
		l, err := net.FileListener(k.file)
		if err != nil {
			for _, l := range listeners {
				l.Close()
			}
			return nil, err
		}
		listeners = append(listeners, l)
	}
	return listeners, nil
}

// bind binds the addresses of cfg and keeps the sockets, with an error those
// that it has come to.
func (s *Sockets) bind(cfg Config) error {
	listeners, err := Listen(cfg)
	if err != nil {
		return err
	}
	for i, l := range listeners {
		file, err := l.(interface{ File() (*os.File, error) }).File()
		if err != nil {
			for _, l := range listeners[i:] {
				l.Close()
			}
			return err
		}
		k := keptSocket{file: file, close: func() error { return nil }}
		if u, ok := l.(*unixListener); ok {
			u.UnixListener.Close()
			k.close = u.Close // which removes its file
		} else {
			l.Close()
		}
		s.kept = append(s.kept, k)
	}
	return nil
}

// Close gives the addresses back. Whoever waits to be accepted is reset.
func (s *Sockets) Close() {
	for _, k := range s.kept {
		k.file.Close()
		_ = k.close()
	}
	s.key, s.kept = "", nil
}

package httpd

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Sockets are bound addresses that stay bound from one Serve to the next, so
// that a client who comes in between waits and is not refused. The zero value
// has none. Its methods are called one at a time.
type Sockets struct {
	// Share, if not nil, is told of what is kept whenever that changes, an
	// empty list when nothing is to be kept by anybody any more; the descriptors
	// are for the call alone. An error of its is Listen's.
	Share func([]Group) error

	kept  []keptSockets
	given []Group // bound by somebody else, each for itself; nil: nothing is given
}

// A Group is the sockets of one address: those of a host name may be several.
// They are plain descriptors, close-on-exec: on files, Go would wait for
// connections.
type Group struct {
	Key string // the address, and how it was bound; of one that was given, its name
	FDs []int
}

// keptSockets are listening sockets that nobody accepts from.
type keptSockets struct {
	key     string
	address Address
	fds     []int
	unlink  func() // removes the file of a Unix socket; nil: there is none
	unused  bool   // by the last Listen
	was     bool   // unused before it
	fresh   bool   // bound by it
}

// Adopt takes over the groups that Share has been told of in another process.
func (s *Sockets) Adopt(groups []Group) {
	for _, g := range groups {
		k := keptSockets{key: g.Key, fds: g.FDs}
		if strings.HasPrefix(g.Key, passedKey) {
			s.given = []Group{} // and all others were bound by somebody else too
		} else if addr, err := localAddr(g.FDs[0]); err == nil && addr.Network() == "unix" && !isAbstract(addr.String()) {
			k.unlink = (&unixListener{path: addr.String(), file: statOf(addr.String())}).unlink
		}
		s.kept = append(s.kept, k)
	}
}

func statOf(path string) os.FileInfo {
	info, _ := os.Lstat(path) // os.SameFile takes a nil one for another file
	return info
}

// passedKey begins the keys of sockets that somebody else has bound.
const passedKey = "passed "

// Passed says whether the sockets are somebody else's, who keeps them after the
// stop: Config.KeepSockets is to be set then.
func (s *Sockets) Passed() bool { return s.given != nil }

// Give has Listen take its sockets from list, which somebody else has bound and
// named, one in each group, and bind none itself: an address that is none of
// theirs is an error, and so is one of theirs that is not listened on.
func (s *Sockets) Give(list []Group) { s.given = list }

// Listen is the function Listen, but that addresses which are bound already are
// not bound again, and stay bound. Addresses of the last call that are not
// among those of cfg are given back by Trim. With an error, all is as before.
// The listeners are for one Serve, with KeepSockets, or one Engine.
func (s *Sockets) Listen(cfg Config) ([]net.Listener, error) {
	var found, bound []keptSockets
	given := s.given
	undo := func() {
		if s.given = given; given == nil { // else bound are of those
			closeAll(bound)
		}
	}
	for _, address := range cfg.Listen {
		key := cfg.key(address)
		i := slices.IndexFunc(s.kept, func(k keptSockets) bool {
			return strings.TrimPrefix(k.key, passedKey) == key && !slices.ContainsFunc(found, func(f keptSockets) bool { return f.fds[0] == k.fds[0] })
		})
		if i >= 0 {
			found = append(found, s.kept[i])
			continue
		}
		k, err := s.bind(cfg, address)
		if err != nil {
			undo()
			return nil, fmt.Errorf("listen on %s: %w", address, s.explain(err, address))
		}
		found, bound = append(found, k), append(bound, k)
	}
	listeners, err := listenersOf(found)
	if err == nil {
		err = s.checkGiven()
	}
	if err != nil {
		undo()
		return nil, err
	}
	had := len(s.kept)
	for i := range s.kept {
		s.kept[i].was, s.kept[i].fresh = s.kept[i].unused, false
	}
	for i := range bound {
		bound[i].fresh = given == nil
	}
	s.kept = append(s.kept, bound...)
	if err := s.share(); err != nil {
		s.kept = s.kept[:had]
		for _, l := range listeners {
			l.Close()
		}
		undo()
		return nil, err
	}
	for i := range s.kept {
		k := &s.kept[i]
		k.unused = !slices.ContainsFunc(found, func(f keptSockets) bool { return f.fds[0] == k.fds[0] })
	}
	return listeners, nil
}

// key names an address and how it is bound.
func (c *Config) key(address Address) string {
	return fmt.Sprint(address, c.NoIPv4, c.NoIPv6, c.v6Only(address.Port), c.UnixPerms, c.Backlog)
}

// explain says that the address that could not be bound is ours, in another way.
func (s *Sockets) explain(err error, address Address) error {
	ours := slices.ContainsFunc(s.kept, func(k keptSockets) bool {
		return k.address.Path == address.Path && k.address.Port == address.Port
	})
	if errors.Is(err, syscall.EADDRINUSE) && ours {
		return fmt.Errorf("%w, in another way: this change needs a restart", err)
	}
	return err
}

// bind binds the sockets of one address, or takes them from what was given.
func (s *Sockets) bind(cfg Config, address Address) (keptSockets, error) {
	k := keptSockets{key: cfg.key(address), address: address}
	if s.given != nil {
		return s.take(k, cfg)
	}
	one := cfg
	one.V6Only = cfg.v6Only(address.Port)
	listeners, err := listenAt(one, address)
	if err != nil {
		for _, l := range listeners {
			l.Close()
		}
		return k, err
	}
	for _, l := range listeners {
		fd, dupErr := duplicate(l)
		err = errors.Join(err, dupErr)
		if dupErr == nil {
			k.fds = append(k.fds, fd)
		}
		if u, ok := l.(*unixListener); ok {
			u.UnixListener.Close()
			k.unlink = u.unlink
		} else {
			l.Close()
		}
	}
	if err != nil {
		closeAll([]keptSockets{k})
	}
	return k, err
}

// duplicate returns a descriptor of l's socket that nobody waits on.
func duplicate(l net.Listener) (fd int, err error) {
	raw, err := l.(syscall.Conn).SyscallConn()
	if err != nil {
		return -1, err
	}
	var dup error
	err = raw.Control(func(original uintptr) { fd, dup = unix.FcntlInt(original, unix.F_DUPFD_CLOEXEC, 0) })
	return fd, errors.Join(err, dup)
}

// take takes the sockets of k's address out of those that were given.
func (s *Sockets) take(k keptSockets, cfg Config) (keptSockets, error) {
	others := []Group{}
	var names []string
	for _, g := range s.given {
		addr, err := localAddr(g.FDs[0])
		if err != nil {
			return k, fmt.Errorf("the socket %s that has been passed: %w", g.Key, err)
		}
		if isFor(k.address, addr, cfg) {
			k.fds = append(k.fds, g.FDs[0])
			continue
		}
		others = append(others, g)
		names = append(names, addr.String())
	}
	if len(k.fds) == 0 {
		if len(names) == 0 {
			names = append(names, "no further one")
		}
		return k, fmt.Errorf("no socket for it has been passed (there is %s): want ListenStream= for it in the socket unit", strings.Join(names, ", "))
	}
	s.given, k.key = others, passedKey+k.key
	return k, nil
}

// isFor says whether a socket that somebody has bound to addr serves address.
func isFor(address Address, addr net.Addr, cfg Config) bool {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok || address.Path != "" {
		return !ok && address.Path == addr.String()
	}
	if tcp.Port != address.Port && address.Port != 0 {
		return false
	}
	ips, err := resolve(cfg, address.Host)
	return err == nil && slices.ContainsFunc(ips, func(ip netip.Addr) bool {
		bound := tcp.AddrPort().Addr().Unmap()
		return ip == bound || !ip.IsValid() && bound.IsUnspecified()
	})
}

// checkGiven refuses sockets that nobody listens on: whoever connects there
// would wait for ever.
func (s *Sockets) checkGiven() error {
	if len(s.given) == 0 {
		return nil
	}
	addr, err := localAddr(s.given[0].FDs[0])
	if err != nil {
		return err
	}
	return fmt.Errorf("a socket on %s has been passed (%s), which is none of the addresses to listen on", addr, s.given[0].Key)
}

// localAddr returns what a listening socket is bound to.
func localAddr(fd int) (net.Addr, error) {
	l, err := listenerOn(fd)
	if err != nil {
		return nil, err
	}
	defer l.Close()
	return l.Addr(), nil
}

// listenerOn returns a listener on a duplicate of fd. Its Close removes no file.
func listenerOn(fd int) (net.Listener, error) {
	dup, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	file := os.NewFile(uintptr(dup), "listener")
	defer file.Close()
	return net.FileListener(file)
}

// listenersOf returns listeners on duplicates of the sockets.
func listenersOf(list []keptSockets) ([]net.Listener, error) {
	var listeners []net.Listener
	for _, k := range list {
		for _, fd := range k.fds {
			l, err := listenerOn(fd)
			if err != nil {
				for _, l := range listeners {
					l.Close()
				}
				return nil, err
			}
			listeners = append(listeners, l)
		}
	}
	if len(listeners) == 0 {
		return nil, errors.New("no address to listen on")
	}
	return listeners, nil
}

// Trim gives the addresses back that the last Listen has not asked for.
func (s *Sockets) Trim() {
	unused := slices.DeleteFunc(slices.Clone(s.kept), func(k keptSockets) bool { return !k.unused })
	if len(unused) == 0 {
		return
	}
	s.kept = slices.DeleteFunc(s.kept, func(k keptSockets) bool { return k.unused })
	_ = s.share() // whoever keeps them keeps a few more
	closeAll(unused)
}

// Undo takes the last Listen back, whose listeners nobody accepts from: what it
// has bound is given back, and Trim keeps what it would have kept before. It
// needs no descriptor.
func (s *Sockets) Undo() {
	fresh := slices.DeleteFunc(slices.Clone(s.kept), func(k keptSockets) bool { return !k.fresh })
	s.kept = slices.DeleteFunc(s.kept, func(k keptSockets) bool { return k.fresh })
	for i := range s.kept {
		s.kept[i].unused = s.kept[i].was
	}
	if len(fresh) > 0 {
		_ = s.share() // whoever keeps them keeps a few more
		closeAll(fresh)
	}
}

// Close gives the addresses back. Whoever waits to be accepted is reset, unless
// an Engine still takes them.
func (s *Sockets) Close() {
	kept := s.kept
	s.kept = nil
	if kept != nil {
		_ = s.share()
	}
	closeAll(kept)
	for _, g := range s.given {
		closeAll([]keptSockets{{fds: g.FDs}})
	}
	s.given = nil
}

func (s *Sockets) share() error {
	if s.Share == nil {
		return nil
	}
	groups := make([]Group, 0, len(s.kept))
	for _, k := range s.kept {
		groups = append(groups, Group{Key: k.key, FDs: k.fds})
	}
	return s.Share(groups)
}

func closeAll(list []keptSockets) {
	for _, k := range list {
		if k.unlink != nil {
			k.unlink()
		}
		for _, fd := range k.fds {
			unix.Close(fd)
		}
	}
}

package httpd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// lookupTimeout bounds the look-up of a host's name.
const lookupTimeout = 10 * time.Second

// Listen binds all addresses of cfg, in their order; of a host name, all that
// it stands for. Whoever has the listeners gives them to Serve or closes them.
// With an error, which names the address, nothing stays bound.
func Listen(cfg Config) ([]net.Listener, error) {
	var listeners []net.Listener
	for _, address := range cfg.Listen {
		more, err := listenAt(cfg, address)
		listeners = append(listeners, more...)
		if err != nil {
			for _, l := range listeners {
				l.Close()
			}
			return nil, fmt.Errorf("listen on %s: %w", address, err)
		}
	}
	if len(listeners) == 0 {
		return nil, errors.New("no address to listen on")
	}
	return listeners, nil
}

// listenAt binds one address, which may become several listeners, also with an
// error.
func listenAt(cfg Config, address Address) ([]net.Listener, error) {
	if address.Path != "" {
		l, err := listenUnix(cfg, address.Path)
		if err != nil {
			return nil, err
		}
		return []net.Listener{l}, nil
	}
	ips, err := resolve(cfg, address.Host)
	if err != nil {
		return nil, err
	}
	var listeners []net.Listener
	var missing error
	for _, ip := range ips {
		l, err := listenTCP(cfg, ip, address.Port)
		switch {
		case err == nil:
			listeners = append(listeners, l)
		case len(ips) > 1 && notHere(err):
			missing = err // "localhost" has ::1 also where IPv6 is off
		default:
			return listeners, err
		}
	}
	if len(listeners) == 0 {
		return nil, missing
	}
	return listeners, nil
}

// notHere says that an address is not one of this machine's.
func notHere(err error) bool {
	return errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.EAFNOSUPPORT)
}

// resolve returns the addresses of host. The zero Addr stands for every
// address of this machine, of both families.
func resolve(cfg Config, host string) ([]netip.Addr, error) {
	switch {
	case host == "" && cfg.NoIPv6:
		return []netip.Addr{netip.IPv4Unspecified()}, nil
	case host == "" && cfg.NoIPv4:
		return []netip.Addr{netip.IPv6Unspecified()}, nil
	case host == "":
		return []netip.Addr{{}}, nil
	}
	ips := []netip.Addr{}
	if ip, err := netip.ParseAddr(host); err == nil {
		ips = append(ips, ip)
	} else {
		ctx, cancel := context.WithTimeout(context.Background(), lookupTimeout)
		defer cancel()
		if ips, err = net.DefaultResolver.LookupNetIP(ctx, "ip", host); err != nil {
			return nil, err
		}
	}
	ips = wanted(cfg, ips)
	if len(ips) == 0 {
		return nil, fmt.Errorf("%s has no address of the families that are on", host)
	}
	return ips, nil
}

// wanted returns each of ips once, of the families that are on.
func wanted(cfg Config, ips []netip.Addr) []netip.Addr {
	var kept []netip.Addr
	seen := make(map[netip.Addr]bool)
	for _, ip := range ips {
		ip = ip.Unmap()
		if seen[ip] || ip.Is4() && cfg.NoIPv4 || ip.Is6() && cfg.NoIPv6 {
			continue
		}
		seen[ip] = true
		kept = append(kept, ip)
	}
	return kept
}

// listenTCP binds one address, for its own family alone but for [::].
func listenTCP(cfg Config, ip netip.Addr, port int) (net.Listener, error) {
	network, host := "tcp", ""
	switch {
	case ip.Is4():
		network, host = "tcp4", ip.String()
	case ip == netip.IPv6Unspecified() && !cfg.v6Only(port):
		host = ip.String()
	case ip.Is6():
		network, host = "tcp6", ip.String()
	}
	l, err := net.Listen(network, net.JoinHostPort(host, strconv.Itoa(port)))
	if err != nil {
		return nil, explainBind(err, ip, port)
	}
	if err := setBacklog(l, cfg.Backlog); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// v6Only says whether [::] with that port is for IPv6 alone.
func (c Config) v6Only(port int) bool {
	both := slices.ContainsFunc(c.Listen, func(a Address) bool {
		return a.Path == "" && a.Host == "0.0.0.0" && a.Port == port && port != 0
	})
	return c.V6Only || c.NoIPv4 || both
}

// explainBind returns the cause of a failure to bind without net's words
// around it, and who or what is to blame if that can be seen.
func explainBind(err error, ip netip.Addr, port int) error {
	var op *net.OpError
	if errors.As(err, &op) {
		err = op.Err
	}
	var number syscall.Errno
	if errors.As(err, &number) {
		err = number // without the name of the system call
	}
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		if holder := portHolder(ip, port); holder != "" {
			return fmt.Errorf("%w by %s", err, holder)
		}
	case errors.Is(err, syscall.EACCES) && port < 1024:
		return fmt.Errorf("%w: a port below 1024 needs the capability CAP_NET_BIND_SERVICE", err)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("%w: no interface of this machine has it", err)
	}
	return err
}

// setBacklog sets the length of l's queue; zero leaves it at the system's most.
// Go asks for that; a second listen(2) changes it.
func setBacklog(l net.Listener, backlog int) error {
	if backlog == 0 {
		return nil
	}
	return relisten(l, backlog)
}

func relisten(l net.Listener, backlog int) error {
	sc, ok := l.(syscall.Conn)
	if !ok {
		return errors.ErrUnsupported
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return err
	}
	var listenErr error
	if err := raw.Control(func(fd uintptr) { listenErr = syscall.Listen(int(fd), backlog) }); err != nil {
		return err
	}
	return listenErr
}

// isAbstract says that a Unix socket's name is one without a file.
func isAbstract(path string) bool { return strings.HasPrefix(path, "@") }

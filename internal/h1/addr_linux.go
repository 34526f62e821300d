package h1

import (
	"net"
	"net/netip"
	"strconv"

	"golang.org/x/sys/unix"
)

// addrPort returns a TCP address; false for a Unix socket's.
func addrPort(sa unix.Sockaddr) (netip.AddrPort, bool) {
	switch a := sa.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port)), true
	case *unix.SockaddrInet6:
		ip := netip.AddrFrom16(a.Addr).Unmap()
		if a.ZoneId != 0 && ip.Is6() {
			ip = ip.WithZone(strconv.Itoa(int(a.ZoneId)))
		}
		return netip.AddrPortFrom(ip, uint16(a.Port)), true
	}
	return netip.AddrPort{}, false
}

func netAddr(sa unix.Sockaddr) net.Addr {
	if ap, ok := addrPort(sa); ok {
		return net.TCPAddrFromAddrPort(ap)
	}
	name := ""
	if u, ok := sa.(*unix.SockaddrUnix); ok {
		name = u.Name
	}
	return &net.UnixAddr{Name: name, Net: "unix"}
}

func names(sa unix.Sockaddr) [2][]byte {
	if ap, ok := addrPort(sa); ok {
		return [2][]byte{ap.Addr().AppendTo(nil), strconv.AppendUint(nil, uint64(ap.Port()), 10)}
	}
	return [2][]byte{}
}

func (c *conn) remoteAddr() net.Addr { return netAddr(c.peer) }

func (c *conn) localAddr() net.Addr {
	if c.listening.unix {
		return c.listening.addr
	}
	sa, err := unix.Getsockname(c.fd)
	if err != nil {
		return c.listening.addr
	}
	return netAddr(sa)
}

// peerName returns the host and the port of the client; empty for a Unix
// socket's.
func (c *conn) peerName() (host, port []byte) {
	if c.peerText[0] == nil {
		c.peerText = names(c.peer)
	}
	return c.peerText[0], c.peerText[1]
}

// localName returns the host and the port of the server's end.
func (c *conn) localName() (host, port []byte) {
	switch {
	case c.listening.unix:
		return nil, nil
	case c.listening.host != nil:
		return c.listening.host, c.listening.port
	case c.localText[0] == nil:
		if sa, err := unix.Getsockname(c.fd); err == nil {
			c.localText = names(sa)
		}
	}
	return c.localText[0], c.localText[1]
}

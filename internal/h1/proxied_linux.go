package h1

import (
	"net/netip"

	"golang.org/x/sys/unix"
)

// Proxies are the peers that pass on the connections of others, and say whose
// by a header of the PROXY protocol at the beginning of each. Who is not one of
// them is not listened to. The zero value is nobody.
type Proxies struct {
	Networks []netip.Prefix
	Unix     bool // whoever connects to a Unix socket
}

// has says whether peer is one of p. An address of IPv4 in IPv6 is IPv4's.
func (p *Proxies) has(peer unix.Sockaddr) bool {
	ap, ok := addrPort(peer)
	if !ok {
		return p.Unix
	}
	return p.Has(ap.Addr())
}

// Has says whether addr is one of p. An address of IPv4 in IPv6 is IPv4's; one
// that is not valid stands for whoever connects to a Unix socket.
func (p *Proxies) Has(addr netip.Addr) bool {
	if !addr.IsValid() {
		return p.Unix
	}
	addr = addr.Unmap().WithZone("")
	for _, network := range p.Networks {
		if network.Contains(addr) {
			return true
		}
	}
	return false
}

// readProxy reads until a PROXY header is there, which must come before all
// else, and takes it off. It says whether there may be more to do.
func (c *conn) readProxy() bool {
	x := c.x
	for {
		if len(x.buf) > 0 {
			c.state = stateHead // the deadline is still that of a new connection
			n, header, refusal := ReadProxy(x.buf)
			switch {
			case refusal != nil:
				c.refuseProxy(refusal.Reason)
				return false
			case n > 0:
				c.state, c.proxy = stateNew, false
				c.setPeer(header)
				x.buf = x.buf[:copy(x.buf, x.buf[n:])]
				c.setDeadline(c.front.loop.now.Add(c.front.server.config().HeaderTimeout))
				return true
			}
		}
		if !c.fill() {
			return c.starved()
		}
	}
}

// refuseProxy closes the connection of a proxy that does not say whose it is.
func (c *conn) refuseProxy(reason string) {
	c.front.server.config().Refused(0, reason, c.remoteAddr())
	c.close()
}

// setPeer makes the client that a proxy names the connection's peer.
func (c *conn) setPeer(h ProxyHeader) {
	switch source := h.Source.Addr(); {
	case h.Kind == ProxyUnix:
		c.peer = new(unix.SockaddrUnix)
	case h.Kind == ProxyNone:
	case source.Is4():
		c.peer = &unix.SockaddrInet4{Port: int(h.Source.Port()), Addr: source.As4()}
	default:
		c.peer = &unix.SockaddrInet6{Port: int(h.Source.Port()), Addr: source.As16()}
	}
}

package httpd

import (
	"errors"
	"net/netip"
	"strings"

	"pasted/internal/h1"
)

// everyone is every address of TCP.
var everyone = []netip.Prefix{
	netip.PrefixFrom(netip.IPv4Unspecified(), 0),
	netip.PrefixFrom(netip.IPv6Unspecified(), 0),
}

// errProxies says what a list of proxies is made of.
var errProxies = errors.New("addresses of proxies, such as 10.0.0.7, 10.1.0.0/16 or 2001:db8::/32, unix, or * for every address")

// parseProxies reads a list of addresses and networks, with blanks or commas
// between, among which unix stands for every peer on a Unix socket.
func parseProxies(text string) (h1.Proxies, error) {
	var proxies h1.Proxies
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' || r == '\n' }) {
		switch {
		case word == "unix":
			proxies.Unix = true
		case word == "*":
			proxies.Networks = append(proxies.Networks, everyone...)
		default:
			network, err := parseNetwork(word)
			if err != nil {
				return h1.Proxies{}, err
			}
			proxies.Networks = append(proxies.Networks, network)
		}
	}
	return proxies, nil
}

// parseNetwork reads an address, or a network that has no bit set behind its
// length: whoever writes 10.0.0.7/8 means one of two things.
func parseNetwork(word string) (netip.Prefix, error) {
	if ip, err := netip.ParseAddr(word); err == nil && ip.Zone() == "" {
		ip = ip.Unmap()
		return netip.PrefixFrom(ip, ip.BitLen()), nil
	}
	network, err := netip.ParsePrefix(word)
	switch {
	case err != nil || network.Addr().Is4In6():
		return network, errProxies
	case network != network.Masked():
		return network, errors.New("the network " + network.Masked().String() + ", or the address " + network.Addr().String())
	}
	return network, nil
}

// readProxyProtocol reads whose connections begin with a PROXY header.
func readProxyProtocol(d *draft, name string) {
	proxies, err := parseProxies(d.Text(name, ""))
	if err != nil {
		d.Refuse(name, err.Error())
		return
	}
	d.ProxyProtocol = proxies
}

// readGunicornProxies reads whether there may be PROXY headers. gunicorn takes
// them from every peer on a Unix socket.
func readGunicornProxies(d *draft, name string) {
	switch lower(d.Text(name, "off")) {
	case "off", "false", "0", "none":
		return
	case "auto", "true", "1", "v1", "v2":
	default:
		d.Refuse(name, "off, v1, v2 or auto")
		return
	}
	d.ProxyProtocol.Unix = true
	d.note(name, "both versions are read; a connection from one of proxy_allow_ips, or on a Unix socket, must begin with a header of it")
}

// readProxyAllowIPs reads who else may send PROXY headers.
func readProxyAllowIPs(d *draft, name string) {
	if !d.ProxyProtocol.Unix {
		if d.Has(name) {
			d.note(name, "no effect without proxy_protocol")
		}
		return
	}
	proxies, err := parseProxies(d.Text(name, "127.0.0.1,::1"))
	switch {
	case err != nil:
		d.Refuse(name, err.Error())
	default:
		d.ProxyProtocol.Networks = proxies.Networks
	}
}

package h1

import (
	"bytes"
	"net/netip"
)

// mostPort is the greatest port of TCP.
const mostPort = 1<<16 - 1

// splitHost returns where the colon and the port of b begin, len(b) where there
// are none. It is not ok where b is not uri-host [ ":" port ] (RFC 9110, 7.2).
// An empty host is one, an empty host with a port is not: http has none (RFC
// 9110, 4.2.1), but a client that has no authority to name sends an empty Host
// field (RFC 9112, 3.2).
func splitHost(b []byte) (port int, ok bool) {
	if len(b) > 0 && b[0] == '[' {
		port = bytes.IndexByte(b, ']') + 1
		ok = port > 0 && isAddress(b[1:port-1])
	} else {
		port = skipEncoded(b, 0, inName)
		ok = port > 0 && labelsOk(b[:port]) || len(b) == 0
	}
	return port, ok && (port == len(b) || b[port] == ':' && isPort(b[port+1:]))
}

// ParseHost returns the host and the port of authority, which is empty where it
// has none; not ok where authority is not uri-host [ ":" port ] (RFC 9110, 7.2),
// or is empty.
func ParseHost(authority []byte) (host, port []byte, ok bool) {
	at, ok := splitHost(authority)
	if !ok || len(authority) == 0 {
		return nil, nil, false
	}
	return authority[:at], authority[min(at+1, len(authority)):], true
}

// ParseIP reads an IP address without a zone; one of IPv4 in IPv6 is IPv4's.
func ParseIP(text []byte) (netip.Addr, bool) {
	switch {
	case isIPv4(text):
		return netip.AddrFrom4(parseIPv4(text)), true
	case isIPv6(text):
		return netip.AddrFrom16(parseIPv6(text)).Unmap(), true
	}
	return netip.Addr{}, false
}

// labelsOk says whether no label of a name is empty but the last, which is the
// root of the DNS (RFC 3986, 3.2.2).
func labelsOk(name []byte) bool {
	dot := true
	for _, c := range name {
		if c == '.' && dot {
			return false
		}
		dot = c == '.'
	}
	return true
}

// isPort says whether b is digits, or nothing, and no more than a port can be.
func isPort(b []byte) bool {
	port := 0
	for _, c := range b {
		if !isDigit(c) {
			return false
		}
		if port = port*10 + int(c-'0'); port > mostPort {
			return false
		}
	}
	return true
}

// isAddress says whether b may stand in brackets: an IPv6 address or one of a
// version to come (RFC 3986, 3.2.2). A zone means nothing to anybody else and
// is none (RFC 6874 has not become part of http).
func isAddress(b []byte) bool {
	if len(b) > 0 && b[0]|0x20 == 'v' {
		dot := skipClass(b, 1, inHex)
		if dot == 1 || dot+1 >= len(b) || b[dot] != '.' {
			return false
		}
		for _, c := range b[dot+1:] {
			if chars[c]&inName == 0 && c != ':' {
				return false
			}
		}
		return true
	}
	return isIPv6(b)
}

// isIPv6 says whether b is an IPv6 address: eight groups of one to four digits,
// or fewer and one "::", where an IPv4 address may stand for the last two.
func isIPv6(b []byte) bool {
	groups, gap := 0, false
	i := 0
	if bytes.HasPrefix(b, []byte("::")) {
		gap, i = true, 2
	}
	for i < len(b) {
		end := skipClass(b, i, inHex)
		if end < len(b) && b[end] == '.' {
			if !isIPv4(b[i:]) {
				return false
			}
			groups += 2
			break
		}
		if end == i || end-i > 4 {
			return false
		}
		groups++
		if end == len(b) {
			break
		}
		if b[end] != ':' || end+1 == len(b) {
			return false
		}
		i = end + 1
		if b[i] == ':' {
			if gap {
				return false
			}
			gap, i = true, i+1
		}
	}
	return groups == 8 && !gap || groups < 8 && gap
}

// isIPv4 says whether b is four numbers up to 255 without leading zeros.
func isIPv4(b []byte) bool {
	for part := range 4 {
		number, digits := 0, 0
		for digits < len(b) && isDigit(b[digits]) && digits < 3 {
			number = number*10 + int(b[digits]-'0')
			digits++
		}
		if digits == 0 || number > 255 || digits > 1 && b[0] == '0' {
			return false
		}
		b = b[digits:]
		if part == 3 {
			break
		}
		if len(b) == 0 || b[0] != '.' {
			return false
		}
		b = b[1:]
	}
	return len(b) == 0
}

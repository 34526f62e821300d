package h1

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"net/netip"
)

// A ProxyKind is what the header of the PROXY protocol says whose connection
// it stands on.
type ProxyKind uint8

// The kinds. Only ProxyTCP names addresses.
const (
	// ProxyNone is the peer's own connection, as for its health checks, or one
	// that it does not know more of: the addresses are the connection's.
	ProxyNone ProxyKind = iota
	ProxyTCP            // a client's, over TCP or UDP
	ProxyUnix           // a client's of a Unix socket, which has no address
)

// A ProxyHeader is what a proxy says of the connection that it passes on, before
// the first byte of it (HAProxy's proxy-protocol.txt, versions 1 and 2).
type ProxyHeader struct {
	Kind ProxyKind
	// Source is the client, Destination what it has connected to, in ProxyTCP.
	// Addresses of IPv4 written as IPv6 are IPv4's.
	Source, Destination netip.AddrPort
}

// The refusals of a PROXY header. Nothing is answered to them: it is not known
// whom, and what the peer speaks is not HTTP yet.
var (
	refuseProxyMissing   = &Refusal{"proxy_missing", 0, "no PROXY header before the first request", "proxy-protocol.txt, 2"}
	refuseProxyLine      = &Refusal{"proxy_line", 0, "the PROXY line is not as its version 1 has it", "proxy-protocol.txt, 2.1"}
	refuseProxyAddress   = &Refusal{"proxy_address", 0, "an address or a port in the PROXY line is none of its family", "proxy-protocol.txt, 2.1"}
	refuseProxyVersion   = &Refusal{"proxy_version", 0, "a version or command that the PROXY protocol does not have", "proxy-protocol.txt, 2.2"}
	refuseProxyFamily    = &Refusal{"proxy_family", 0, "an address family that the PROXY protocol does not have", "proxy-protocol.txt, 2.2"}
	refuseProxyLength    = &Refusal{"proxy_length", 0, "the PROXY header is shorter than its addresses, or too long", "proxy-protocol.txt, 2.2"}
	refuseProxyExtension = &Refusal{"proxy_extension", 0, "an extension of the PROXY header does not end where that does", "proxy-protocol.txt, 2.2"}
	refuseProxyChecksum  = &Refusal{"proxy_checksum", 0, "the PROXY header's checksum is another", "proxy-protocol.txt, 2.2.4"}
)

const (
	// proxyLine is the longest line of version 1 in bytes, with its CRLF.
	proxyLine = 107
	// proxyMost is the longest header of version 2 in bytes that is read, of
	// 64 KiB that the protocol allows: extensions are a few hundred.
	proxyMost = 4 << 10

	proxyWord      = "PROXY "
	proxySignature = "\r\n\r\n\x00\r\nQUIT\n"
	proxyFixed     = 16 // bytes before the addresses
)

// ReadProxy reads the header of the PROXY protocol, of either version, at the
// beginning of data. It returns its length when all of it is there; 0 and no
// refusal: more is needed, and all is to be given again with more behind it;
// or a refusal. What it keeps is a copy. It allocates nothing.
func ReadProxy(data []byte) (n int, h ProxyHeader, refusal *Refusal) {
	switch {
	case startsAs(data, proxyWord):
		return readProxyLine(data)
	case startsAs(data, proxySignature):
		return readProxyBinary(data)
	}
	return 0, h, refuseProxyMissing
}

// startsAs says whether data begins with word, or may when there is more of it.
func startsAs(data []byte, word string) bool {
	n := min(len(data), len(word))
	return string(data[:n]) == word[:n]
}

// readProxyLine reads version 1:
// "PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n".
func readProxyLine(data []byte) (int, ProxyHeader, *Refusal) {
	var h ProxyHeader
	end := bytes.IndexByte(data[:min(len(data), proxyLine)], '\n')
	if end < 0 {
		if len(data) >= proxyLine {
			return 0, h, refuseProxyLine
		}
		return 0, h, nil
	}
	if end <= len(proxyWord) || data[end-1] != '\r' {
		return 0, h, refuseProxyLine
	}
	family, rest, _ := bytes.Cut(data[len(proxyWord):end-1], []byte(" "))
	v6 := string(family) == "TCP6"
	switch string(family) {
	case "UNKNOWN":
		return end + 1, h, nil // what follows it is not to be looked at
	case "TCP4", "TCP6":
	default:
		return 0, h, refuseProxyLine
	}
	var texts [4][]byte
	for i := range texts {
		var more bool
		texts[i], rest, more = bytes.Cut(rest, []byte(" "))
		if more != (i < len(texts)-1) {
			return 0, h, refuseProxyLine
		}
	}
	h.Kind = ProxyTCP
	var ok, ok2 bool
	h.Source, ok = proxyAddress(texts[0], texts[2], v6)
	h.Destination, ok2 = proxyAddress(texts[1], texts[3], v6)
	if !ok || !ok2 {
		return 0, ProxyHeader{}, refuseProxyAddress
	}
	return end + 1, h, nil
}

// proxyAddress reads an address of the family and a port without leading zeros.
func proxyAddress(host, port []byte, v6 bool) (netip.AddrPort, bool) {
	if len(port) == 0 || len(port) > 1 && port[0] == '0' || !isPort(port) {
		return netip.AddrPort{}, false
	}
	number := 0
	for _, c := range port {
		number = number*10 + int(c-'0')
	}
	var addr netip.Addr
	switch {
	case v6 && isIPv6(host):
		addr = netip.AddrFrom16(parseIPv6(host)).Unmap()
	case !v6 && isIPv4(host):
		addr = netip.AddrFrom4(parseIPv4(host))
	default:
		return netip.AddrPort{}, false
	}
	return netip.AddrPortFrom(addr, uint16(number)), true
}

// parseIPv4 reads what isIPv4 has found good.
func parseIPv4(b []byte) (ip [4]byte) {
	part := 0
	for _, c := range b {
		if c == '.' {
			part++
		} else {
			ip[part] = ip[part]*10 + c - '0'
		}
	}
	return ip
}

// parseIPv6 reads what isIPv6 has found good.
func parseIPv6(b []byte) (ip [16]byte) {
	at, gap := 0, -1
	for i := 0; i < len(b); {
		if b[i] == ':' {
			if i+1 < len(b) && b[i+1] == ':' {
				gap = at
				i++
			}
			i++
			continue
		}
		end := skipClass(b, i, inHex)
		if end < len(b) && b[end] == '.' {
			v4 := parseIPv4(b[i:])
			copy(ip[at:], v4[:])
			at += len(v4)
			break
		}
		group := uint16(0)
		for ; i < end; i++ {
			group = group<<4 | uint16(unhex(b[i]))
		}
		binary.BigEndian.PutUint16(ip[at:], group)
		at += 2
	}
	if gap >= 0 {
		behind := at - gap
		copy(ip[len(ip)-behind:], ip[gap:at])
		clear(ip[gap : len(ip)-behind])
	}
	return ip
}

// The address families of version 2, and the bytes of their addresses.
const (
	proxyUnspecified = 0x0
	proxyIPv4        = 0x1
	proxyIPv6        = 0x2
	proxyUnix        = 0x3

	proxyIPv4Size = 2 * (4 + 2)
	proxyIPv6Size = 2 * (16 + 2)
	proxyUnixSize = 2 * 108
)

// readProxyBinary reads version 2.
func readProxyBinary(data []byte) (int, ProxyHeader, *Refusal) {
	var h ProxyHeader
	if len(data) > 12 && data[12] != 0x20 && data[12] != 0x21 {
		return 0, h, refuseProxyVersion
	}
	if len(data) < proxyFixed {
		return 0, h, nil
	}
	size := proxyFixed + int(binary.BigEndian.Uint16(data[14:]))
	if size > proxyMost {
		return 0, h, refuseProxyLength
	}
	local, family, transport := data[12]&0xf == 0, data[13]>>4, data[13]&0xf
	if !local && (family > proxyUnix || transport > 2) {
		return 0, h, refuseProxyFamily
	}
	if len(data) < size {
		return 0, h, nil
	}
	extensions := proxyFixed
	if !local {
		// Of a transport that is not known nothing is known.
		if transport == 0 {
			family = proxyUnspecified
		}
		var ok bool
		if extensions, ok = h.setAddresses(data[:size], family); !ok {
			return 0, ProxyHeader{}, refuseProxyLength
		}
		if family != proxyUnspecified {
			if refusal := checkExtensions(data[:size], extensions); refusal != nil {
				return 0, ProxyHeader{}, refusal
			}
		}
	}
	return size, h, nil
}

// setAddresses reads the addresses of a whole header, and returns where they
// end.
func (h *ProxyHeader) setAddresses(data []byte, family byte) (end int, ok bool) {
	b := data[proxyFixed:]
	switch {
	case family == proxyIPv4 && len(b) >= proxyIPv4Size:
		h.Kind = ProxyTCP
		h.Source = netip.AddrPortFrom(netip.AddrFrom4([4]byte(b)), binary.BigEndian.Uint16(b[8:]))
		h.Destination = netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[4:])), binary.BigEndian.Uint16(b[10:]))
		return proxyFixed + proxyIPv4Size, true
	case family == proxyIPv6 && len(b) >= proxyIPv6Size:
		h.Kind = ProxyTCP
		h.Source = netip.AddrPortFrom(netip.AddrFrom16([16]byte(b)).Unmap(), binary.BigEndian.Uint16(b[32:]))
		h.Destination = netip.AddrPortFrom(netip.AddrFrom16([16]byte(b[16:])).Unmap(), binary.BigEndian.Uint16(b[34:]))
		return proxyFixed + proxyIPv6Size, true
	case family == proxyUnix && len(b) >= proxyUnixSize:
		h.Kind = ProxyUnix
		return proxyFixed + proxyUnixSize, true
	}
	return len(data), family == proxyUnspecified
}

// proxyCRC32C is the type of the extension that has the header's checksum.
const proxyCRC32C = 0x03

// checkExtensions looks that the extensions from at on, each a type, a length
// of two bytes and as many bytes, fill the header, and that its checksum, if it
// has one, is right.
func checkExtensions(data []byte, at int) *Refusal {
	sum := -1 // where it lies
	for at < len(data) {
		if len(data)-at < 3 {
			return refuseProxyExtension
		}
		kind, value := data[at], at+3
		at = value + int(binary.BigEndian.Uint16(data[at+1:]))
		if at > len(data) {
			return refuseProxyExtension
		}
		if kind != proxyCRC32C {
			continue
		}
		if sum >= 0 || at-value != 4 {
			return refuseProxyChecksum
		}
		sum = value
	}
	if sum >= 0 && proxyChecksum(data, sum) != binary.BigEndian.Uint32(data[sum:]) {
		return refuseProxyChecksum
	}
	return nil
}

// castagnoli is the table of CRC32c.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// proxyChecksum is that of data with zeros for the checksum, which lies at sum.
func proxyChecksum(data []byte, sum int) uint32 {
	crc := crc32.Update(0, castagnoli, data[:sum])
	crc = crc32.Update(crc, castagnoli, proxyZeros)
	return crc32.Update(crc, castagnoli, data[sum+4:])
}

var proxyZeros = make([]byte, 4)

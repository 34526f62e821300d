package setting

import (
	"errors"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// An Address is where to listen or to connect: a host and a port of TCP, or
// the path of a Unix socket.
type Address struct {
	Host string // empty: every address of this machine
	Port int    // 0 to 65535; 0 lets the system choose where one listens
	Path string // of a Unix socket; not empty, Host and Port mean nothing
}

// errAddress says what an address looks like.
var errAddress = errors.New("want host:port, *:port, [v6]:port, :port or unix:/path")

// ParseAddress reads "host:port", "*:port" and ":port" (every address of this
// machine), "[v6]:port", a port alone, and "unix:/path". A host without a port
// gets the given one; 0 makes that a mistake. Hosts are not looked up.
func ParseAddress(text string, port int) (Address, error) {
	text = trim(text)
	if path, ok := strings.CutPrefix(text, "unix:"); ok {
		return unixAddress(path)
	}
	text = strings.TrimPrefix(text, "tcp://")
	if text != "" && strings.Trim(text, "0123456789") == "" {
		text = ":" + text
	}
	host, number, err := splitAddress(text, port)
	if err != nil {
		return Address{}, err
	}
	n, err := strconv.ParseUint(number, 10, 16)
	if err != nil {
		return Address{}, errors.New(errAddress.Error() + ", a port from 0 to 65535")
	}
	if host == "*" {
		host = ""
	}
	if host == "unix" { // the path was forgotten
		return unixAddress("")
	}
	if host != "" && !isHost(host) {
		return Address{}, errAddress
	}
	return Address{Host: host, Port: int(n)}, nil
}

// unixAddress takes the path after "unix:", also of the form "unix:///path".
func unixAddress(path string) (Address, error) {
	path = strings.TrimPrefix(path, "//")
	if strings.HasPrefix(path, "//") {
		path = "/" + strings.TrimLeft(path, "/")
	}
	if path == "" || path == "@" || strings.ContainsRune(path, 0) {
		return Address{}, errors.New("want a path behind unix:, such as unix:/run/app.sock")
	}
	return Address{Path: path}, nil
}

// splitAddress splits a host off its port; a host without one has the default.
func splitAddress(text string, port int) (host, number string, err error) {
	unbracketed, bracketed := strings.CutPrefix(text, "[")
	switch {
	case bracketed && strings.HasSuffix(text, "]") && port > 0:
		host = strings.TrimSuffix(unbracketed, "]")
		number = strconv.Itoa(port)
	case !strings.Contains(text, ":") && text != "" && port > 0:
		return text, strconv.Itoa(port), nil
	default:
		if host, number, err = net.SplitHostPort(text); err != nil {
			if _, v6 := netip.ParseAddr(text); v6 == nil {
				return "", "", errors.New("want brackets around an IPv6 address: [" + text + "]:port")
			}
			return "", "", errAddress
		}
	}
	if bracketed {
		if ip, err := netip.ParseAddr(host); err != nil || !ip.Is6() {
			return "", "", errors.New("want an IPv6 address between the brackets")
		}
	}
	return host, number, nil
}

// isHost says whether host is an IP address or may be a name (RFC 1123, and
// the underscores that people use all the same; its last label is no number).
func isHost(host string) bool {
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	labels := strings.Split(strings.TrimSuffix(host, "."), ".")
	for _, label := range labels {
		if label == "" || len(label) > 63 || label[0] == '-' || strings.ContainsFunc(label, notInName) {
			return false
		}
	}
	return len(host) <= 253 && strings.Trim(labels[len(labels)-1], "0123456789") != ""
}

func notInName(r rune) bool {
	return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '-' || r == '_')
}

// parseAddresses reads a list of at least one address.
func parseAddresses(text string, port int) ([]Address, error) {
	words := strings.FieldsFunc(text, func(r rune) bool { return r == ',' || isSpace(r) })
	if len(words) == 0 {
		return nil, errAddress
	}
	addresses := make([]Address, len(words))
	for i, word := range words {
		var err error
		if addresses[i], err = ParseAddress(word, port); err != nil {
			if len(words) > 1 {
				err = errors.New(strconv.Quote(word) + ": " + err.Error())
			}
			return nil, err
		}
	}
	return addresses, nil
}

// Network returns what net.Listen and net.Dial take: "tcp" or "unix", and the
// address in their form.
func (a Address) Network() (network, address string) {
	if a.Path != "" {
		return "unix", a.Path
	}
	return "tcp", net.JoinHostPort(a.Host, strconv.Itoa(a.Port))
}

// String returns the address as ParseAddress reads it.
func (a Address) String() string {
	switch {
	case a.Path != "":
		return "unix:" + a.Path
	case a.Host == "":
		return "*:" + strconv.Itoa(a.Port)
	}
	return net.JoinHostPort(a.Host, strconv.Itoa(a.Port))
}

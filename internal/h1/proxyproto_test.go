package h1_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"pasted/internal/h1"
)

const signature = "\r\n\r\n\x00\r\nQUIT\n"

// binaryProxy is a header of version 2 with that much in it.
func binaryProxy(command, family byte, inside string) string {
	head := append([]byte(signature), command, family)
	return string(binary.BigEndian.AppendUint16(head, uint16(len(inside)))) + inside
}

// extension is one of version 2.
func extension(kind byte, value string) string {
	return string(binary.BigEndian.AppendUint16([]byte{kind}, uint16(len(value)))) + value
}

// withChecksum puts the right checksum where four zeros stand for it.
func withChecksum(header string) string {
	sum := crc32.Checksum([]byte(header), crc32.MakeTable(crc32.Castagnoli))
	at := strings.LastIndex(header, "\x03\x00\x04\x00\x00\x00\x00") + 3
	return header[:at] + string(binary.BigEndian.AppendUint32(nil, sum)) + header[at+4:]
}

const (
	inet4 = "\xc0\x00\x02\x01" + "\xc6\x33\x64\x02" + "\xdc\x04" + "\x01\xbb" // 192.0.2.1:56324 to 198.51.100.2:443
	zero4 = "\x03\x00\x04\x00\x00\x00\x00"
)

var inet6 = "\x20\x01\x0d\xb8" + strings.Repeat("\x00", 11) + "\x01" + strings.Repeat("\x00", 15) + "\x01" + "\xdc\x04" + "\x01\xbb"

// proxyCases are headers, and what is read; a refusal's name begins with "!".
var proxyCases = []struct{ name, header, want string }{
	{"TCP4", "PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n", "192.0.2.1:56324 198.51.100.2:443"},
	{"TCP6", "PROXY TCP6 2001:db8::1 ::1 0 65535\r\n", "[2001:db8::1]:0 [::1]:65535"},
	{"TCP6 in full", "PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
		"[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535 [ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535"},
	{"TCP6 with a gap at its end", "PROXY TCP6 2001:DB8:: 1:2:3:4:5:6:7:: 1 2\r\n", "[2001:db8::]:1 [1:2:3:4:5:6:7:0]:2"},
	{"TCP6 of nothing", "PROXY TCP6 :: 1::2:3 1 2\r\n", "[::]:1 [1::2:3]:2"},
	{"TCP6 of IPv4", "PROXY TCP6 ::ffff:192.0.2.1 ::ffff:c633:6402 1 2\r\n", "192.0.2.1:1 198.51.100.2:2"},
	{"UNKNOWN", "PROXY UNKNOWN\r\n", "none"},
	{"UNKNOWN with more", "PROXY UNKNOWN ffff::1 whatever it is\r\n", "none"},
	{"nothing", "", "more"},
	{"half a word", "PROX", "more"},
	{"no line end", "PROXY TCP4 192.0.2.1", "more"},
	{"HTTP", "GET / HTTP/1.1\r\n", "!proxy_missing"},
	{"HTTP that looks like it", "PROXY-TCP4", "!proxy_missing"},
	{"small letters", "proxy TCP4", "!proxy_missing"},
	{"no family", "PROXY \r\n", "!proxy_line"},
	{"other family", "PROXY UDP4 192.0.2.1 198.51.100.2 1 2\r\n", "!proxy_line"},
	{"bare LF", "PROXY UNKNOWN\n", "!proxy_line"},
	{"long line", "PROXY UNKNOWN " + strings.Repeat("a", 92) + "\r\n", "!proxy_line"},
	{"longest line", "PROXY UNKNOWN " + strings.Repeat("a", 91) + "\r\n", "none"},
	{"endless line", "PROXY UNKNOWN " + strings.Repeat("a", 93), "!proxy_line"},
	{"one address", "PROXY TCP4 192.0.2.1\r\n", "!proxy_line"},
	{"no port", "PROXY TCP4 192.0.2.1 198.51.100.2 1\r\n", "!proxy_line"},
	{"three ports", "PROXY TCP4 192.0.2.1 198.51.100.2 1 2 3\r\n", "!proxy_line"},
	{"space at the end", "PROXY TCP4 192.0.2.1 198.51.100.2 1 2 \r\n", "!proxy_line"},
	{"two spaces", "PROXY TCP4 192.0.2.1  198.51.100.2 1 2\r\n", "!proxy_line"},
	{"two spaces before the family", "PROXY  TCP4 192.0.2.1 198.51.100.2 1 2\r\n", "!proxy_line"},
	{"tab", "PROXY TCP4 192.0.2.1\t198.51.100.2 1 2\r\n", "!proxy_line"},
	{"IPv6 in TCP4", "PROXY TCP4 ::1 ::1 1 2\r\n", "!proxy_address"},
	{"IPv4 in TCP6", "PROXY TCP6 192.0.2.1 198.51.100.2 1 2\r\n", "!proxy_address"},
	{"zone", "PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n", "!proxy_address"},
	{"leading zero", "PROXY TCP4 192.0.02.1 198.51.100.2 1 2\r\n", "!proxy_address"},
	{"name", "PROXY TCP4 a b 1 2\r\n", "!proxy_address"},
	{"second address", "PROXY TCP4 192.0.2.1 198.51.100 1 2\r\n", "!proxy_address"},
	{"port with a leading zero", "PROXY TCP4 192.0.2.1 198.51.100.2 01 2\r\n", "!proxy_address"},
	{"large port", "PROXY TCP4 192.0.2.1 198.51.100.2 1 65536\r\n", "!proxy_address"},
	{"port that is none", "PROXY TCP4 192.0.2.1 198.51.100.2 -1 2\r\n", "!proxy_address"},
	{"empty port", "PROXY TCP4 192.0.2.1 198.51.100.2  2\r\n", "!proxy_address"},
	{"bare CR", "PROXY TCP4 192.0.2.1 198.51.100.2 1 2\r\r\n", "!proxy_address"},

	{"v2 TCP4", binaryProxy(0x21, 0x11, inet4), "192.0.2.1:56324 198.51.100.2:443"},
	{"v2 UDP4", binaryProxy(0x21, 0x12, inet4), "192.0.2.1:56324 198.51.100.2:443"},
	{"v2 TCP6", binaryProxy(0x21, 0x21, inet6), "[2001:db8::1]:56324 [::1]:443"},
	{"v2 Unix", binaryProxy(0x21, 0x31, strings.Repeat("/", 216)), "unix"},
	{"v2 LOCAL", binaryProxy(0x20, 0x00, ""), "none"},
	{"v2 LOCAL with addresses", binaryProxy(0x20, 0x11, inet4), "none"},
	{"v2 LOCAL with anything", binaryProxy(0x20, 0xff, "any"), "none"},
	{"v2 unspecified", binaryProxy(0x21, 0x00, "any"), "none"},
	{"v2 unspecified transport", binaryProxy(0x21, 0x10, inet4), "none"},
	{"v2 extensions", binaryProxy(0x21, 0x11, inet4+extension(1, "h2")+extension(4, "")+extension(0xea, "x")), "192.0.2.1:56324 198.51.100.2:443"},
	{"v2 checksum", withChecksum(binaryProxy(0x21, 0x11, inet4+zero4)), "192.0.2.1:56324 198.51.100.2:443"},
	{"v2 checksum among others", withChecksum(binaryProxy(0x21, 0x21, inet6+extension(1, "h2")+zero4+extension(2, "a"))), "[2001:db8::1]:56324 [::1]:443"},
	{"v2 wrong checksum", binaryProxy(0x21, 0x11, inet4+zero4), "!proxy_checksum"},
	{"v2 short checksum", binaryProxy(0x21, 0x11, inet4+extension(3, "abc")), "!proxy_checksum"},
	{"v2 two checksums", binaryProxy(0x21, 0x11, inet4+zero4+zero4), "!proxy_checksum"},
	{"v2 half a signature", signature[:7], "more"},
	{"v2 half a header", binaryProxy(0x21, 0x11, inet4)[:20], "more"},
	{"v2 no length", signature + "\x21\x11\x00", "more"},
	{"v2 wrong signature", "\r\n\r\n\x00\r\nQUIP", "!proxy_missing"},
	{"v2 of version 1", signature + "\x11", "!proxy_version"},
	{"v2 of version 3", signature + "\x31", "!proxy_version"},
	{"v2 unknown command", signature + "\x22", "!proxy_version"},
	{"v2 unknown family", binaryProxy(0x21, 0x41, inet4), "!proxy_family"},
	{"v2 unknown transport", binaryProxy(0x21, 0x13, inet4), "!proxy_family"},
	{"v2 short TCP4", binaryProxy(0x21, 0x11, inet4[:11]), "!proxy_length"},
	{"v2 short TCP6", binaryProxy(0x21, 0x21, inet6[:35]), "!proxy_length"},
	{"v2 short Unix", binaryProxy(0x21, 0x31, strings.Repeat("/", 215)), "!proxy_length"},
	{"v2 longest", binaryProxy(0x21, 0x11, inet4+extension(4, strings.Repeat("a", 4096-16-12-3))), "192.0.2.1:56324 198.51.100.2:443"},
	{"v2 too long", binaryProxy(0x21, 0x11, inet4+extension(4, strings.Repeat("a", 4096-16-12-2))), "!proxy_length"},
	{"v2 extension without a length", binaryProxy(0x21, 0x11, inet4+"\x01\x00"), "!proxy_extension"},
	{"v2 extension beyond the end", binaryProxy(0x21, 0x11, inet4+"\x01\x00\x02a"), "!proxy_extension"},
}

// outcomeOfProxy says what ReadProxy has made of data.
func outcomeOfProxy(data []byte) (n int, text string) {
	n, h, refusal := h1.ReadProxy(data)
	switch {
	case refusal != nil:
		return n, "!" + refusal.Name
	case n == 0:
		return 0, "more"
	case h.Kind == h1.ProxyUnix:
		return n, "unix"
	case h.Kind == h1.ProxyNone:
		return n, "none"
	}
	return n, fmt.Sprint(h.Source, " ", h.Destination)
}

func TestProxyHeadersAreRead(t *testing.T) {
	for _, c := range proxyCases {
		t.Run(c.name, func(t *testing.T) {
			for _, behind := range []string{"", "GET / HTTP/1.1\r\n\r\n", "\x00"} {
				if c.want == "more" && behind != "" {
					continue
				}
				n, got := outcomeOfProxy([]byte(c.header + behind))
				length := len(c.header)
				if c.want == "more" || c.want[0] == '!' {
					length = 0
				}
				if got != c.want || n != length {
					t.Errorf("read %d bytes as %s, want %d as %s", n, got, length, c.want)
				}
			}
		})
	}
}

func TestProxyHeadersAreReadFromAnyPiece(t *testing.T) {
	for _, c := range proxyCases {
		checkProxyPieces(t, []byte(c.header))
	}
}

// checkProxyPieces holds what is read of the beginnings of data to what is read
// of all of it.
func checkProxyPieces(t *testing.T, data []byte) {
	t.Helper()
	n, whole := outcomeOfProxy(data)
	if n > len(data) || n > 4096 {
		t.Fatalf("%q: %d bytes read", data, n)
	}
	for i := range data {
		m, got := outcomeOfProxy(data[:i])
		switch {
		case got == "more":
			if n > 0 && i >= n {
				t.Fatalf("%q: more wanted after %d bytes, want none", data, i)
			}
		case got != whole || m != n:
			t.Fatalf("%q: %d bytes are %s, all are %s", data, i, got, whole)
		}
	}
}

func TestProxyHeadersCostNoMemory(t *testing.T) {
	for _, c := range proxyCases {
		data := []byte(c.header)
		if n := testing.AllocsPerRun(10, func() { h1.ReadProxy(data) }); n != 0 {
			t.Errorf("%s: %v allocations", c.name, n)
		}
	}
}

// FuzzProxy: whatever comes, in whatever pieces, is read as one thing, and
// addresses as net/netip reads them.
func FuzzProxy(f *testing.F) {
	for _, c := range proxyCases {
		f.Add([]byte(c.header))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		checkProxyPieces(t, data)
		n, h, _ := h1.ReadProxy(data)
		if n == 0 || !bytes.HasPrefix(data, []byte("PROXY TCP")) {
			return
		}
		words := strings.Fields(string(data[:n]))
		for i, ap := range []netip.AddrPort{h.Source, h.Destination} {
			addr, err := netip.ParseAddr(words[2+i])
			if err != nil || addr.Unmap() != ap.Addr() || fmt.Sprint(ap.Port()) != words[4+i] {
				t.Errorf("%q: %v is read as %v", data, words, ap)
			}
		}
	})
}

// serveProxied serves an application that says who asks, to proxies on loopback
// or elsewhere.
func serveProxied(t *testing.T, network string) *serving {
	return serve(t, peerNamer{}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "long %s", r.RemoteAddr)
	}), trusting(network))
}

// trusting has a server trust the proxies of a network.
func trusting(network string) func(*h1.Config) {
	return func(c *h1.Config) { c.Proxies.Networks = []netip.Prefix{netip.MustParsePrefix(network)} }
}

// A peerNamer answers GET on the short way with who asks.
type peerNamer struct{}

func (peerNamer) ServeHead(x *h1.Exchange) bool {
	if string(x.Head.Text(x.Head.Method)) != "GET" {
		return false
	}
	a := x.Answer()
	a.Reset(200)
	host, port := x.Peer()
	x.Begin(a, fmt.Appendf(nil, "short %s|%s|%v", host, port, x.PeerAddr()), true)
	x.End(true)
	return true
}

func bodyOf(answer string) string {
	_, body, _ := strings.Cut(answer, "\n\n")
	return body
}

const getAndPut = "GET / HTTP/1.1\r\nHost: a\r\n\r\nPUT / HTTP/1.1\r\nHost: a\r\n\r\n"

func TestATrustedProxyNamesTheClient(t *testing.T) {
	s := serveProxied(t, "127.0.0.0/8")
	cases := map[string]struct{ header, short, long string }{
		"v1":   {"PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n", "192.0.2.1|56324|192.0.2.1:56324", "192.0.2.1:56324"},
		"v2":   {binaryProxy(0x21, 0x21, inet6), "2001:db8::1|56324|[2001:db8::1]:56324", "[2001:db8::1]:56324"},
		"unix": {binaryProxy(0x21, 0x31, strings.Repeat("/", 216)), "||", "@"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			for _, split := range []int{0, 1, len(c.header) - 1, len(c.header), len(c.header) + 5} {
				all := c.header + getAndPut
				p := s.dial()
				p.send(all[:split])
				p.send(all[split:])
				if got := bodyOf(p.answer("GET")); got != "short "+c.short {
					t.Errorf("split at %d: %q, want %q", split, got, "short "+c.short)
				}
				if got := bodyOf(p.answer("PUT")); got != "long "+c.long {
					t.Errorf("split at %d: %q, want %q", split, got, "long "+c.long)
				}
			}
		})
	}
	t.Run("not another's", func(t *testing.T) {
		p := s.dial()
		p.send("PROXY UNKNOWN\r\n" + getAndPut)
		if got, want := bodyOf(p.answer("GET")), "short 127.0.0.1|"; !strings.HasPrefix(got, want) {
			t.Errorf("got %q, want %q…", got, want)
		}
	})
}

func TestATrustedProxyMustNameTheClient(t *testing.T) {
	s := serveProxied(t, "127.0.0.1/32")
	cases := map[string]struct{ text, reason string }{
		"HTTP":          {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "0 no PROXY header before the first request"},
		"malformed":     {"PROXY TCP4 1 2 3\r\n", "0 the PROXY line is not as its version 1 has it"},
		"two of them":   {"PROXY UNKNOWN\r\nPROXY UNKNOWN\r\n", ""},
		"half and gone": {"", ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			p := s.dial()
			p.send(c.text)
			switch {
			case c.text == "":
				p.CloseWrite()
				p.ended()
			case c.reason == "": // then it is read as HTTP
				if got := p.answer("GET"); !strings.HasPrefix(got, "HTTP/1.1 400 ") {
					t.Errorf("got %q, want 400", got)
				}
				await(t, s.refused, "the refusal")
			default:
				buf := make([]byte, 1)
				if n, err := p.Read(buf); n > 0 || err == nil {
					t.Errorf("got %q, want nothing", buf)
				}
				if got := await(t, s.refused, "the refusal"); got != c.reason {
					t.Errorf("refused because of %q, want %q", got, c.reason)
				}
			}
		})
	}
}

// TestATrustedProxyMustNameTheClientInTime has half a header there when the time
// for it begins.
func TestATrustedProxyMustNameTheClientInTime(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "PROXY TCP4 192.0")
	s := serveOn(t, l, 2, peerNamer{}, http.NotFoundHandler(), func(c *h1.Config) {
		trusting("127.0.0.1/32")(c)
		c.HeaderTimeout = 100 * time.Millisecond
	})
	if got, want := await(t, s.refused, "the refusal"), "0 the PROXY header took too long"; got != want {
		t.Errorf("refused because of %q, want %q", got, want)
	}
	conn.SetDeadline(time.Now().Add(time.Minute))
	if rest, err := io.ReadAll(conn); len(rest) > 0 || err != nil {
		t.Errorf("got %q, %v, want nothing", rest, err)
	}
}

func TestOthersAreNotListenedTo(t *testing.T) {
	s := serveProxied(t, "192.0.2.0/24")
	for _, header := range []string{"PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n", binaryProxy(0x21, 0x11, inet4)} {
		p := s.dial()
		p.send(header + "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		if got := p.answer("GET"); !strings.HasPrefix(got, "HTTP/1.1 400 ") {
			t.Errorf("got %q, want 400", got)
		}
	}
}

func TestAUnixSocketsPeersAreTrustedIfAsked(t *testing.T) {
	for _, trusted := range []bool{true, false} {
		path := t.TempDir() + "/socket"
		l, err := net.Listen("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		s := serve(t, peerNamer{}, http.NotFoundHandler(), func(c *h1.Config) { c.Proxies.Unix = trusted })
		if err := s.server.Listen(l); err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		conn, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(time.Minute))
		fmt.Fprintf(conn, "PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\nGET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
		var got bytes.Buffer
		got.ReadFrom(conn)
		if strings.HasSuffix(got.String(), "short 192.0.2.1|56324|192.0.2.1:56324") != trusted {
			t.Errorf("trusted %v: %q", trusted, got.String())
		}
	}
}

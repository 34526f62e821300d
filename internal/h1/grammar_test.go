package h1_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"pasted/internal/h1"

	"github.com/google/go-cmp/cmp"
)

// FuzzGrammar: what RFC 9112's grammar makes, with all that it leaves open
// chosen at random, is read, and as what it was made from.
func FuzzGrammar(f *testing.F) {
	for seed := range uint64(300) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		g := &grammar{random: rand.New(rand.NewPCG(seed, 2))}
		var want strings.Builder
		for range 1 + g.random.IntN(3) {
			g.request(&want)
		}
		got := madeOf(outcome(h1.Limits{}, g.out))
		if diff := cmp.Diff(want.String(), got); diff != "" {
			t.Errorf("%q\n(-made +read)\n%s", g.out, diff)
		}
	})
}

// madeOf is what request says of an outcome: the method, the target, what it is
// made of, and the body and the trailers.
func madeOf(text string) string {
	var out strings.Builder
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "  ") {
			line, _, _ = strings.Cut(line, " host ")
			line = strings.TrimSuffix(line, "\n") + "\n"
		}
		out.WriteString(line)
	}
	return out.String()
}

// A grammar writes what is derived from RFC 9112's rules.
type grammar struct {
	random *rand.Rand
	out    []byte
}

const (
	alpha      = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digits     = "0123456789"
	hex        = digits + "abcdefABCDEF"
	tchar      = "!#$%&'*+-.^_`|~" + digits + alpha
	regName    = alpha + digits + "-_~!$&'()*+,;="
	pchar      = regName + ".:@"
	vchar      = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~" + digits + alpha
	mostEscape = 20 // of that many characters one is percent-encoded
)

func (g *grammar) oneOf(choices ...string) string { return choices[g.random.IntN(len(choices))] }

// some returns least to most characters of set.
func (g *grammar) some(set string, least, most int) string {
	out := make([]byte, least+g.random.IntN(most-least+1))
	for i := range out {
		out[i] = set[g.random.IntN(len(set))]
	}
	return string(out)
}

// escaped is some, with percent-encoded octets among them.
func (g *grammar) escaped(set string, least, most int) string {
	var out strings.Builder
	for range least + g.random.IntN(most-least+1) {
		if g.random.IntN(mostEscape) == 0 {
			out.WriteString("%" + g.some(hex, 2, 2))
			continue
		}
		out.WriteString(g.some(set, 1, 1))
	}
	return out.String()
}

func (g *grammar) token() string { return g.some(tchar, 1, 12) }

func (g *grammar) ows() string { return g.some(" \t", 0, g.random.IntN(3)) }

// value is a field-value without the white space around it.
func (g *grammar) value() string {
	const obsText = "\x80\xa0\xc3\xff"
	if g.random.IntN(5) == 0 {
		return ""
	}
	return g.some(vchar+obsText, 1, 1) + g.some(vchar+obsText+" \t  ", 0, 30) + g.some(vchar+obsText, 1, 1)
}

// host is uri-host [ ":" port ].
func (g *grammar) host() string {
	var address [16]byte
	for i := range address {
		address[i] = byte(g.random.IntN(256)) & -byte(g.random.IntN(2)) // with gaps
	}
	ipv6 := netip.AddrFrom16(address)
	host := g.oneOf(
		g.label(), g.label()+"."+g.label(), g.label()+"."+g.label()+".",
		fmt.Sprintf("%d.%d.%d.%d", address[0], address[1], address[2], address[3]),
		"["+ipv6.String()+"]", "["+ipv6.StringExpanded()+"]", "["+strings.ToUpper(ipv6.String())+"]",
		"[v"+g.some(hex, 1, 3)+"."+g.some(regName+".:", 1, 10)+"]",
	)
	return host + g.oneOf("", "", ":", fmt.Sprintf(":%d", g.random.IntN(65536)), fmt.Sprintf(":%08d", g.random.IntN(65536)))
}

func (g *grammar) label() string { return g.escaped(regName, 1, 10) }

// pathAndQuery returns a path of least segments or more, and a query with its
// question mark, or none.
func (g *grammar) pathAndQuery(least int) (path, query string) {
	for range least + g.random.IntN(4) {
		path += "/" + g.escaped(pchar, 0, 12)
	}
	if g.random.IntN(2) == 0 {
		query = "?" + g.escaped(pchar+"/?", 0, 20)
	}
	return path, query
}

// request appends a request, and to want what it is.
func (g *grammar) request(want *strings.Builder) {
	if g.random.IntN(4) == 0 {
		g.out = append(g.out, "\r\n"...)
	}
	method := g.token()
	proto := g.oneOf("HTTP/1.1", "HTTP/1.1", "HTTP/1.2", "HTTP/1.9")
	target, form := "", ""
	path, query := g.pathAndQuery(1)
	switch g.random.IntN(6) {
	case 0:
		method, target, path, query, form = "OPTIONS", "*", "", "", " asterisk"
	case 1:
		path, query = g.pathAndQuery(0)
		target = g.oneOf("http", "https", "HTTP", "hTTps") + "://" + g.host() + path + query
		form = " absolute"
	default:
		target = path + query
	}
	fmt.Fprintf(want, "%s %s %s%s path %s query %s\n", method, quote([]byte(target)), proto, form,
		quote([]byte(path)), quote([]byte(strings.TrimPrefix(query, "?"))))
	g.out = fmt.Appendf(g.out, "%s %s %s\r\n", method, target, proto)
	g.fields(want, form == " absolute", target)
}

// fields appends the fields, one of which is Host, and the body that one of
// them may announce.
func (g *grammar) fields(want *strings.Builder, absolute bool, target string) {
	lines := make([][2]string, g.random.IntN(6))
	for i := range lines {
		lines[i] = [2]string{"x-" + g.token(), g.value()}
	}
	host := g.oneOf(g.host(), g.host(), "")
	lines = append(lines, [2]string{g.oneOf("Host", "host", "HOST", "hOsT"), host})
	if g.random.IntN(3) == 0 {
		lines = append(lines, [2]string{"Connection", g.list("keep-alive", "x-a", "TE", "upgrade")})
	}
	content := g.some(vchar+"\r\n", 0, 40)
	framing := g.random.IntN(3)
	switch framing {
	case 0:
		content = ""
	case 1:
		lines = append(lines, [2]string{"content-Length", fmt.Sprintf("%0*d", g.random.IntN(20), len(content))})
	case 2:
		lines = append(lines, [2]string{"Transfer-encoding", g.oneOf("chunked", "Chunked", "CHUNKED")})
	}
	g.random.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
	for _, line := range lines {
		g.out = fmt.Appendf(g.out, "%s:%s%s%s\r\n", line[0], g.ows(), line[1], g.ows())
		g.describe(want, line, absolute, target)
	}
	g.out = append(g.out, "\r\n"...)
	if content != "" {
		fmt.Fprintf(want, "  body %s\n", quote([]byte(content)))
	}
	if framing == 1 {
		g.out = append(g.out, content...)
	}
	if framing == 2 {
		g.chunks(want, content)
	}
}

func (g *grammar) describe(want *strings.Builder, line [2]string, absolute bool, target string) {
	value, mark := line[1], ""
	if strings.EqualFold(line[0], "host") {
		mark = " (host)"
		if absolute { // whose authority is the value
			_, value, _ = strings.Cut(target, "://")
			if end := strings.IndexAny(value, "/?"); end >= 0 {
				value = value[:end]
			}
		}
	}
	fmt.Fprintf(want, "  %s: %s%s\n", line[0], quote([]byte(value)), mark)
}

// list is a list of some of the members, with empty ones and white space, that
// begins and ends in neither.
func (g *grammar) list(members ...string) string {
	list := g.oneOf(members...)
	for range g.random.IntN(4) {
		list += g.ows() + "," + g.ows() + g.oneOf("", ",", g.oneOf(members...)+g.ows()+",") + g.ows() + g.oneOf(members...)
	}
	return list
}

// chunks appends content in chunks with extensions, and trailers.
func (g *grammar) chunks(want *strings.Builder, content string) {
	for len(content) > 0 {
		n := 1 + g.random.IntN(len(content))
		size := fmt.Sprintf(g.oneOf("%x", "%X", "%04x", "%020X"), n)
		g.out = fmt.Appendf(g.out, "%s%s\r\n%s\r\n", size, g.extensions(), content[:n])
		content = content[n:]
	}
	g.out = fmt.Appendf(g.out, "%s%s\r\n", g.some("0", 1, 5), g.extensions())
	for range g.random.IntN(3) {
		name, value := "x-"+g.token(), g.value()
		g.out = fmt.Appendf(g.out, "%s:%s%s%s\r\n", name, g.ows(), value, g.ows())
		fmt.Fprintf(want, "  trailer %s: %s\n", name, quote([]byte(value)))
	}
	g.out = append(g.out, "\r\n"...)
}

// extensions are chunk extensions, with white space where it may be.
func (g *grammar) extensions() (all string) {
	for range g.random.IntN(3) {
		all += g.ows() + ";" + g.ows() + g.token()
		switch g.random.IntN(3) {
		case 0:
			all += g.ows() + "=" + g.ows() + g.token()
		case 1:
			all += g.ows() + "=" + g.ows() + `"` + g.quoted() + `"`
		}
	}
	return all
}

// quoted is what stands between the quotation marks of a quoted-string.
func (g *grammar) quoted() string {
	var out strings.Builder
	for range g.random.IntN(10) {
		out.WriteString(g.oneOf(g.some(tchar+" \t(),/:;<=>?@[]{}\x80\xff", 1, 1), `\"`, `\\`, `\`+g.some(vchar+" \t\xe4", 1, 1)))
	}
	return out.String()
}

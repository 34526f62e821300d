package h1_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"net/textproto"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pasted/internal/h1"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/rogpeppe/go-internal/txtar"
)

// tight are limits that short inputs reach.
var tight = h1.Limits{
	Method: 5, RequestLine: 24, FieldLine: 40, Fields: 4, Head: 120, Trailers: 30, Extensions: 10, Body: 50,
	BrowserTargets: true,
}

// addCases seeds a fuzz test with the inputs of all cases.
func addCases(f *testing.F, add func(input []byte)) {
	for _, file := range caseFiles(f) {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for i := 0; i+1 < len(archive.Files); i += 2 {
			add(unescape(f, archive.Files[i].Data))
		}
	}
	add([]byte(browserHead))
}

// FuzzSplits: how the bytes were split makes no difference.
func FuzzSplits(f *testing.F) {
	addCases(f, func(input []byte) { f.Add(input, uint64(7), false); f.Add(input, uint64(40), true) })
	f.Fuzz(func(t *testing.T, input []byte, seed uint64, tightly bool) {
		var limits h1.Limits
		if tightly {
			limits = tight
		}
		whole := outcome(limits, input)
		random := rand.New(rand.NewPCG(seed, 0))
		most := 1 + random.IntN(64)
		for name, size := range map[string]func() int{
			"byte by byte": func() int { return 1 },
			"in pieces":    func() int { return 1 + random.IntN(most) },
		} {
			if got := outcome(limits, split(input, size)...); got != whole {
				t.Errorf("%s (-whole +%s)\n%s", name, name, cmp.Diff(whole, got))
			}
		}
	})
}

// FuzzFollowers: what ends one message begins the next, whatever it was.
func FuzzFollowers(f *testing.F) {
	addCases(f, func(input []byte) { f.Add(input, []byte("GET /next HTTP/1.1\r\nHost: b\r\n\r\n")) })
	f.Fuzz(func(t *testing.T, first, second []byte) {
		s := &stream{}
		s.buf = slices.Clone(first)
		for !s.closed && s.advance() {
		}
		if s.closed || s.inBody || len(s.buf) > 0 {
			return // first is not a number of whole messages
		}
		want := s.record.String() + offsetsBy(outcome(h1.Limits{}, second), len(first))
		if isPrefaceFirst(second) && len(first) > 0 {
			return // means HTTP/2 only at the start of a connection, which is the engine's to know
		}
		if got := outcome(h1.Limits{}, first, second); got != want {
			t.Errorf("in one call each (-want +got)\n%s", cmp.Diff(want, got))
		}
		if got := outcome(h1.Limits{}, slices.Concat(first, second)); got != want {
			t.Errorf("in one call (-want +got)\n%s", cmp.Diff(want, got))
		}
	})
}

func isPrefaceFirst(b []byte) bool { return bytes.HasPrefix(b, []byte("PRI * HTTP/2.0\r\n")) }

var refusedAt = regexp.MustCompile(`(?m)^(refused .* at )(\d+)$`)

// offsetsBy moves the offset of the refusal in an outcome.
func offsetsBy(text string, by int) string {
	m := refusedAt.FindStringSubmatch(text)
	if m == nil {
		return text
	}
	at, _ := strconv.Atoi(m[2])
	return strings.TrimSuffix(text, m[0]+"\n") + m[1] + strconv.Itoa(at+by) + "\n"
}

// FuzzMeaning: what is accepted here means the same to net/http, where that
// accepts it: the head, the body, and the trailers.
func FuzzMeaning(f *testing.F) {
	addCases(f, func(input []byte) { f.Add(input) })
	f.Fuzz(func(t *testing.T, input []byte) {
		var h h1.Head
		var limits h1.Limits
		n, refusal := h.Read(input, &limits)
		if refusal != nil || n == 0 || h.Preface {
			return
		}
		request, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(bytes.TrimPrefix(input, []byte("\r\n")))))
		if err != nil {
			if h.Form == h1.OriginForm {
				t.Errorf("net/http has %v", err)
			}
			return // it parses URLs in its own way
		}
		compareHeads(t, &h, request)
		ours, trailers, ended := readBody(&h, input[n:])
		theirs, err := io.ReadAll(request.Body)
		if !ended || err != nil {
			return
		}
		if !bytes.Equal(ours, theirs) {
			t.Errorf("body %q, net/http has %q", ours, theirs)
		}
		for name, values := range request.Trailer {
			if values == nil {
				delete(request.Trailer, name) // announced, and not sent
			}
		}
		if diff := cmp.Diff(request.Trailer, trailers, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("trailers (-net/http +ours)\n%s", diff)
		}
	})
}

func compareHeads(t *testing.T, h *h1.Head, r *http.Request) {
	t.Helper()
	fields := make(http.Header)
	for i, field := range h.Fields {
		name := textproto.CanonicalMIMEHeaderKey(string(h.Text(field.Name)))
		if i != h.HostField && name != "Transfer-Encoding" && name != "Trailer" {
			fields[name] = append(fields[name], string(h.Text(field.Value)))
		}
	}
	if fields.Get("Pragma") == "no-cache" && fields["Cache-Control"] == nil {
		fields["Cache-Control"] = []string{"no-cache"} // net/http makes it up
	}
	r.Header.Del("Trailer")
	type meaning struct {
		Method, Target, Proto, Host string
		Path, Query                 string
		Fields                      http.Header
		Length                      int64
		Close                       bool
	}
	ours := meaning{
		string(h.Text(h.Method)), string(h.Text(h.Target)), string(h.Text(h.Proto)), string(h.Text(h.Host)),
		string(h.Text(h.Path)), string(h.Text(h.Query)), fields, h.Length, !h.KeepAlive,
	}
	theirs := meaning{
		r.Method, r.RequestURI, r.Proto, r.Host, pathOf(r.URL), r.URL.RawQuery, r.Header, r.ContentLength, r.Close,
	}
	if h.Form == h1.AsteriskForm {
		theirs.Path = "" // the asterisk
	}
	if h.Form == h1.AuthorityForm {
		theirs.Close = true
	}
	if diff := cmp.Diff(theirs, ours); diff != "" {
		t.Errorf("(-net/http +ours)\n%s", diff)
	}
}

// pathOf returns u's path as it came.
func pathOf(u *url.URL) string {
	if u.RawPath != "" {
		return u.RawPath
	}
	return u.EscapedPath()
}

// readBody returns the body behind h and its trailers, and whether it ends in
// data.
func readBody(h *h1.Head, data []byte) (content []byte, trailers http.Header, ended bool) {
	var body h1.Body
	var limits h1.Limits
	body.Start(h, &limits)
	for {
		n, part, refusal := body.Next(data)
		content = append(content, data[part.Start:part.End]...)
		if refusal != nil || !body.Done() && part.Empty() {
			return content, nil, false
		}
		if body.Done() {
			trailers = make(http.Header)
			for _, f := range body.Trailers {
				trailers.Add(string(data[f.Name.Start:f.Name.End]), string(data[f.Value.Start:f.Value.End]))
			}
			return content, trailers, true
		}
		data = data[n:]
	}
}

// FuzzPipelines: a stream of good requests, made up at random, is read as those
// requests and no others, with the bodies they were given.
func FuzzPipelines(f *testing.F) {
	for seed := range uint64(20) {
		f.Add(seed, []byte("0\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"))
	}
	f.Fuzz(func(t *testing.T, seed uint64, material []byte) {
		random := rand.New(rand.NewPCG(seed, 1))
		var input []byte
		var want strings.Builder
		for i := range 1 + random.IntN(4) {
			var content []byte
			if len(material) > 0 {
				from := random.IntN(len(material))
				content = material[from : from+random.IntN(len(material)-from)+1]
			}
			input = appendRequest(input, &want, random, i, content)
		}
		if got := summary(outcome(h1.Limits{}, input)); got != want.String() {
			t.Errorf("%q\n(-want +got)\n%s", input, cmp.Diff(want.String(), got))
		}
		size := func() int { return 1 + random.IntN(9) }
		if got := summary(outcome(h1.Limits{}, split(input, size)...)); got != want.String() {
			t.Errorf("%q in pieces\n(-want +got)\n%s", input, cmp.Diff(want.String(), got))
		}
	})
}

// appendRequest appends the i'th request, with this content, and what it is.
func appendRequest(dst []byte, want *strings.Builder, random *rand.Rand, i int, content []byte) []byte {
	if random.IntN(3) == 0 {
		dst = append(dst, "\r\n"...)
	}
	dst = fmt.Appendf(dst, "POST /%d HTTP/1.1\r\nHost: a\r\n", i)
	fmt.Fprintf(want, "POST /%d\n", i)
	chunks := random.IntN(2) == 0
	if !chunks {
		dst = fmt.Appendf(dst, "content-length:%d\r\n\r\n", len(content))
		dst = append(dst, content...)
	}
	if len(content) > 0 {
		fmt.Fprintf(want, "body %s\n", quote(content))
	}
	if chunks {
		dst = append(dst, "transfer-encoding:\tChunked \r\n\r\n"...)
		for len(content) > 0 {
			n := 1 + random.IntN(len(content))
			dst = fmt.Appendf(dst, "%0*x", random.IntN(8), n)
			dst = append(dst, []string{"", ";a", " ; a = \"\\\"\"", ";a=b;c"}[random.IntN(4)]...)
			dst = append(append(dst, "\r\n"...), content[:n]...)
			dst = append(dst, "\r\n"...)
			content = content[n:]
		}
		dst = append(dst, []string{"0\r\n\r\n", "000;a\r\na: b\r\n\r\n"}[random.IntN(2)]...)
	}
	return dst
}

// summary is what appendRequest says of an outcome.
func summary(text string) string {
	var out strings.Builder
	for line := range strings.Lines(text) {
		switch method, rest, _ := strings.Cut(line, " "); {
		case method == "POST":
			target, _, _ := strings.Cut(rest, " ")
			fmt.Fprintf(&out, "POST %s\n", strings.Trim(target, `"`))
		case strings.HasPrefix(line, "  body"):
			out.WriteString(strings.TrimSpace(line) + "\n")
		case !strings.HasPrefix(line, "  "):
			out.WriteString(line)
		}
	}
	return out.String()
}

const (
	unreserved = `A-Za-z0-9._~\-`
	subDelims  = `!$&'()*+,;=`
	encoded    = `%[0-9A-Fa-f]{2}`
)

var (
	nameHost   = regexp.MustCompile(`^((?:[` + unreserved + subDelims + `]|` + encoded + `)*)(?::([0-9]*))?$`)
	addressed  = regexp.MustCompile(`^\[([0-9A-Fa-f:.]*)\](?::([0-9]*))?$`)
	future     = regexp.MustCompile(`^\[[vV][0-9A-Fa-f]+\.[` + unreserved + subDelims + `:]+\](?::([0-9]*))?$`)
	emptyLabel = regexp.MustCompile(`^\.|\.\.`)
	origin     = regexp.MustCompile(`^(/(?:[` + unreserved + subDelims + `:@/]|` + encoded + `)*)` +
		`(?:\?((?:[` + unreserved + subDelims + `:@/?]|` + encoded + `)*))?$`)
)

// FuzzHost: a Host field is what the grammar, written down in another way, says.
func FuzzHost(f *testing.F) {
	for _, host := range []string{"a:80", "[::1]:80", "[1:2:3:4:5:6:1.2.3.4]", "[v1.a]", "a..b", ":1", "a%41"} {
		f.Add(host)
	}
	f.Fuzz(func(t *testing.T, host string) {
		if strings.ContainsAny(host, "\r\n") {
			return
		}
		var h h1.Head
		var limits h1.Limits
		n, refusal := h.Read([]byte("GET / HTTP/1.1\r\nHost: "+host+"\r\n\r\n"), &limits)
		want := hostOk(strings.Trim(host, " \t")) && len(host) < 1000
		if len(host) < 1000 && (n > 0 && refusal == nil) != want {
			t.Errorf("Host %q: taken %t, want %t", host, refusal == nil, want)
		}
	})
}

func hostOk(host string) bool {
	if m := addressed.FindStringSubmatch(host); m != nil {
		address, err := netip.ParseAddr(m[1])
		return err == nil && address.Is6() && portOk(m[2])
	}
	if m := future.FindStringSubmatch(host); m != nil {
		return portOk(m[1])
	}
	m := nameHost.FindStringSubmatch(host)
	return m != nil && !emptyLabel.MatchString(m[1]) && portOk(m[2]) && (m[1] != "" || host == "")
}

func portOk(port string) bool {
	number, err := strconv.ParseUint("0"+port, 10, 64)
	return err == nil && number <= 65535
}

// FuzzTarget: a target in origin form is what the grammar says, and so are its
// path and its query.
func FuzzTarget(f *testing.F) {
	for _, target := range []string{"/", "/a?b", "/%41?%42", "/%4", "/?%", "/a#b", "/?[]"} {
		f.Add(target)
	}
	f.Fuzz(func(t *testing.T, target string) {
		if !strings.HasPrefix(target, "/") || strings.Contains(target, "\n") || len(target) > 1000 {
			return
		}
		var h h1.Head
		var limits h1.Limits
		_, refusal := h.Read([]byte("GET "+target+" HTTP/1.1\r\nHost: a\r\n\r\n"), &limits)
		want := origin.FindStringSubmatch(target)
		switch {
		case (refusal == nil) != (want != nil):
			t.Errorf("target %q: taken %t, want %t", target, refusal == nil, want != nil)
		case want != nil && (string(h.Text(h.Path)) != want[1] || string(h.Text(h.Query)) != want[2]):
			t.Errorf("target %q: path %q and query %q", target, h.Text(h.Path), h.Text(h.Query))
		}
	})
}

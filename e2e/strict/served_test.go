package strict_test

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"
)

// head is a request's head of these lines.
func head(lines ...string) string { return strings.Join(lines, "\r\n") + "\r\n\r\n" }

// mustServe are messages that must be served: how many requests each is.
var mustServe = []struct {
	name     string
	message  string
	requests int
}{
	{"a browser's navigation", head("GET /search?q=a%20b&hl=de HTTP/1.1", "Host: localhost:8080", "Connection: keep-alive",
		`sec-ch-ua: "Chromium";v="140", "Not=A?Brand";v="24"`, "sec-ch-ua-mobile: ?0", `sec-ch-ua-platform: "Linux"`,
		"Upgrade-Insecure-Requests: 1", "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
		"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8", "Sec-Fetch-Site: none",
		"Sec-Fetch-Mode: navigate", "Sec-Fetch-User: ?1", "Sec-Fetch-Dest: document", "Accept-Encoding: gzip, deflate, br, zstd",
		"Accept-Language: de-DE,de;q=0.9,en;q=0.8", "Cookie: a=b; __Host-c=d%3De; f=\"g h\"; =; i"), 1},
	{"a browser's form", head("POST /form HTTP/1.1", "Host: localhost", "Content-Type: application/x-www-form-urlencoded",
		"Content-Length: 7", "Origin: null", "Referer: http://localhost/form?x#", "Cache-Control: max-age=0") + "a=b&c=d", 1},
	{"a browser's upload", head("POST /upload HTTP/1.1", "Host: localhost", "Content-Type: multipart/form-data; boundary=--b",
		"Content-Length: 66") + "----b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n\x00\xff\r\n\r\n----b--\r\n", 1},
	{"a browser's path", head("GET /a|b[c]/d?e={f}^`g\\h[i]|j HTTP/1.1", "Host: localhost"), 1},
	{"a preflight", head("OPTIONS /api HTTP/1.1", "Host: localhost", "Access-Control-Request-Method: DELETE",
		"Access-Control-Request-Headers: x-a,content-type", "Origin: http://localhost:3000"), 1},
	{"a WebSocket's handshake that nobody takes", head("GET /chat HTTP/1.1", "Host: localhost", "Upgrade: websocket", "Connection: keep-alive, Upgrade",
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"), 1},
	{"an upgrade to HTTP/2 that nobody takes", head("GET / HTTP/1.1", "Host: localhost", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__"), 1},
	{"curl", head("GET / HTTP/1.1", "Host: 127.0.0.1:8080", "User-Agent: curl/8.5.0", "Accept: */*"), 1},
	{"curl, with a body after 100", head("PUT / HTTP/1.1", "Host: 127.0.0.1:8080", "User-Agent: curl/8.5.0", "Accept: */*",
		"Content-Length: 5", "Content-Type: application/x-www-form-urlencoded", "Expect: 100-continue") + "hello", 1},
	{"curl, chunked after 100", head("POST / HTTP/1.1", "Host: 127.0.0.1:8080", "Transfer-Encoding: chunked", "Expect: 100-continue") + "5\r\nhello\r\n0\r\n\r\n", 1},
	{"curl, expecting 100 without a body", head("GET / HTTP/1.1", "Host: a", "Expect: 100-continue"), 1},
	{"Wget", head("GET / HTTP/1.1", "User-Agent: Wget/1.21", "Accept: */*", "Accept-Encoding: identity", "Host: localhost", "Connection: Keep-Alive"), 1},
	{"ab", head("GET / HTTP/1.0", "Connection: Keep-Alive", "Host: localhost", "User-Agent: ApacheBench/2.3", "Accept: */*"), 1},
	{"Java", head("GET / HTTP/1.1", "User-Agent: Java/17.0.1", "Host: localhost", "Accept: text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2", "Connection: keep-alive"), 1},
	{"Go", head("POST / HTTP/1.1", "Host: localhost", "User-Agent: Go-http-client/1.1", "Transfer-Encoding: chunked", "Trailer: X-Sum", "Accept-Encoding: gzip") + "3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n", 1},
	{"HTTP/1.0 alone", "GET / HTTP/1.0\r\n\r\n", 1},
	{"HTTP/1.0 with a body", head("POST / HTTP/1.0", "Content-Length: 3") + "abc", 1},
	{"HTTP/1.0 without a length", head("POST / HTTP/1.0", "User-Agent: a"), 1},
	{"HTTP/1.0, kept twice", head("GET /1 HTTP/1.0", "Connection: keep-alive") + head("GET /2 HTTP/1.0", "Connection: keep-alive"), 2},
	{"a health check of HAProxy", "OPTIONS / HTTP/1.0\r\n\r\n", 1},
	{"a health check of Kubernetes", head("GET /healthz HTTP/1.1", "Host: 10.0.0.1:8080", "User-Agent: kube-probe/1.30", "Accept: */*", "Connection: close"), 1},
	{"a proxy's request", head("GET / HTTP/1.1", "Host: a.example", "X-Real-IP: 10.0.0.1", "X-Forwarded-For: 10.0.0.1, 10.0.0.2", "Via: 1.1 b", "Forwarded: for=\"[::1]:80\""), 1},
	{"no body where one might be", head("POST / HTTP/1.1", "Host: a"), 1},
	{"a body where none is usual", head("GET / HTTP/1.1", "Host: a", "Content-Length: 3") + "abc", 1},
	{"an empty body", head("PUT / HTTP/1.1", "Host: a", "Content-Length: 0"), 1},
	{"a length with zeros before it", head("PUT / HTTP/1.1", "Host: a", "Content-Length: 0003") + "abc", 1},
	{"HEAD", head("HEAD / HTTP/1.1", "Host: a"), 1},
	{"HEAD with a body", head("HEAD / HTTP/1.1", "Host: a", "Content-Length: 3") + "abc", 1},
	{"methods of WebDAV", head("PROPFIND / HTTP/1.1", "Host: a", "Depth: 1") + head("MKCOL /b HTTP/1.1", "Host: a") + head("VERSION-CONTROL /c HTTP/1.1", "Host: a"), 3},
	{"methods of nobody", head("QUERY / HTTP/1.1", "Host: a") + head("get / HTTP/1.1", "Host: a") + head("!#$%&'*+-.^_`|~0 / HTTP/1.1", "Host: a"), 3},
	{"a later minor version", head("GET / HTTP/1.2", "Host: a") + head("GET / HTTP/1.9", "Host: a"), 2},
	{"absolute targets", head("GET http://a/ HTTP/1.1", "Host: a") + head("GET HTTP://a.example:80/b?c HTTP/1.1", "Host: d") +
		head("GET https://[::1]:443/ HTTP/1.1", "Host: [::1]:443") + head("GET http://a HTTP/1.1", "Host: a") + head("GET http://a?b HTTP/1.1", "Host: a"), 5},
	{"OPTIONS for the server", head("OPTIONS * HTTP/1.1", "Host: a") + head("OPTIONS http://a HTTP/1.1", "Host: a") + head("OPTIONS http://a:80 HTTP/1.1", "Host: a:80"), 3},
	{"hosts", hosts("", "a", "A.example", "a.example.", "a:80", "a:", "127.0.0.1", "[::1]", "[::1]:8080", "[2001:db8::a:1.2.3.4]", "[v1.a:b]", "xn--mnchen-3ya.example", "a_b", "a%41", "0.0.0.0=5000", "a:65535", "a:0"), 17},
	{"paths", paths("/", "//", "/a/../b", "/./", "/%00", "/%2F%2f", "/%C3%A4", "/~a/", "/a;b=c;d", "/:@!$&'()*+,;=-._~", "/a//b", "/*", "/http://b"), 13},
	{"queries", paths("/?", "/??", "/?a=b&&c", "/?/?:@", "/?%20+", "/?a=http://b/?c", "/?=&="), 7},
	{"field values", head("GET / HTTP/1.1", "Host: a", "Empty:", "Blank: \t ", "Padded: \t b \t", "Latin-1: \xe4\xff", "UTF-8: \xc3\xa4", "Tab: b\tc",
		"Quotes: \"b\\\"c\"", "Colons: b:c:d", "X-Punctuation: !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", "No-Space:b"), 1},
	{"field names", head("GET / HTTP/1.1", "Host: a", "!#$%&'*+-.^_`|~09azAZ: b", "1: 2", "X_Y: z", "Content_Length: 5", strings.Repeat("n", 200)+": v"), 1},
	{"fields that come twice", head("GET / HTTP/1.1", "Host: a", "Accept: b", "Accept: c", "Cookie: d", "Cookie: e", "X-Forwarded-For: f", "X-Forwarded-For: g"), 1},
	{"connection options", head("GET / HTTP/1.1", "Host: a", "Connection: ,, keep-alive ,\tX-A,", "Connection:", "X-A: b", "Keep-Alive: timeout=5, max=100", "TE: trailers, deflate;q=0.5", "Proxy-Connection: keep-alive"), 1},
	{"chunks", head("POST / HTTP/1.1", "Host: a", "Transfer-Encoding:chunKed\t") + "1\r\na\r\n00000002\r\nbc\r\nA\r\n0123456789\r\nf\r\n0123456789abcde\r\n000\r\n\r\n" + head("GET /after HTTP/1.1", "Host: a"), 2},
	{"chunk extensions", head("POST / HTTP/1.1", "Host: a", "Transfer-Encoding: chunked") + "1;a\r\na\r\n1;a=b;c=\"d;\\\"e\"\r\nb\r\n1 ; a = b ; c\r\nc\r\n0;d=\"\"\r\n\r\n", 1},
	{"trailers", head("POST / HTTP/1.1", "Host: a", "Transfer-Encoding: chunked", "Trailer: Digest, X-A") + "1\r\na\r\n0\r\nContent-Digest: sha-256=:AA==:\r\nX-A:\r\nServer-Timing: b\r\nVary: *\r\n\r\n", 1},
	{"an empty line before and behind", "\r\n" + head("POST / HTTP/1.1", "Host: a", "Content-Length: 1") + "a\r\n" + head("GET / HTTP/1.1", "Host: a"), 2},
	{"a long request line", head("GET /"+strings.Repeat("a", 8000-len("GET / HTTP/1.1"))+" HTTP/1.1", "Host: a"), 1},
	{"long cookies", head("GET / HTTP/1.1", "Host: a", "Cookie: a="+strings.Repeat("b", 16000)), 1},
	{"many fields", head("GET / HTTP/1.1", "Host: a", strings.Repeat("X-A: b\r\n", 99)+"X-B: c"), 1},
	{"a pipeline", strings.Repeat(head("GET /a HTTP/1.1", "Host: a")+head("POST /b HTTP/1.1", "Host: a", "Content-Length: 2")+"bc"+
		head("POST /d HTTP/1.1", "Host: a", "Transfer-Encoding: chunked")+"1\r\ne\r\n0\r\n\r\n"+head("HEAD /f HTTP/1.1", "Host: a"), 25), 100},
	{"a pipeline that ends", head("GET /1 HTTP/1.1", "Host: a") + head("GET /2 HTTP/1.1", "Host: a", "Connection: Close"), 2},
	{"a large body", head("POST / HTTP/1.1", "Host: a", "Content-Length: 300000") + strings.Repeat("0123456789", 30000) + head("GET /after HTTP/1.1", "Host: a"), 2},
	{"large chunks", head("POST / HTTP/1.1", "Host: a", "Transfer-Encoding: chunked") + "186A0\r\n" + strings.Repeat("0123456789", 10000) + "\r\n186a0\r\n" + strings.Repeat("0123456789", 10000) + "\r\n0\r\n\r\n", 1},
}

// hosts is a request for each Host field.
func hosts(values ...string) (all string) {
	for _, value := range values {
		all += head("GET / HTTP/1.1", "Host: "+value)
	}
	return all
}

// paths is a request for each target.
func paths(targets ...string) (all string) {
	for _, target := range targets {
		all += head("GET "+target+" HTTP/1.1", "Host: a")
	}
	return all
}

// TestValidMessagesAreServed sends what must be served in every manner, by
// clients that end their sending with it and by clients that go on.
func TestValidMessagesAreServed(t *testing.T) {
	for _, file := range []string{short, long} {
		t.Run(file, func(t *testing.T) {
			server := start(t, file)
			for i, test := range mustServe {
				want := modelOf([]byte(test.message))
				if len(want.served) != test.requests || want.code != 0 {
					t.Errorf("%s: the parser has %d requests, want %d; %d %s", test.name, len(want.served), test.requests, want.code, want.reason)
					continue
				}
				for _, m := range manners(uint64(i)) {
					got := converse(t, server.Addr, []byte(test.message), m)
					if difference := want.differs(got); difference != "" {
						t.Errorf("%s, sent %s and no more: %s", test.name, m.name, difference)
					}
					if difference := goOn(t, server.Addr, test.message, m, want); difference != "" {
						t.Errorf("%s, sent %s and another: %s", test.name, m.name, difference)
					}
				}
			}
		})
	}
}

// goOn sends the message, reads as many answers as it has requests, and then
// asks for another one, or wants the connection's end where the last answer
// says so. It returns what is wrong.
func goOn(t *testing.T, addr, message string, m manner, want model) string {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(answerLimit)); err != nil {
		t.Fatal(err)
	}
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		send(conn, []byte(message), m)
	}()
	r := bufio.NewReaderSize(conn, 1<<20)
	var got reading
	for len(got.served) < len(want.served) && got.code == 0 {
		if err := got.next(r); err != nil {
			return fmt.Sprintf("%v after %d answers", err, len(got.served))
		}
	}
	<-sent
	if difference := want.differs(got); difference != "" {
		return difference
	}
	if got.close {
		if n, err := r.Read(make([]byte, 1)); n != 0 || err == nil {
			return "more after the last answer"
		}
		return ""
	}
	send(conn, []byte(head("GET /another HTTP/1.1", "Host: a", "Connection: close")), m)
	if err := got.next(r); err != nil {
		return fmt.Sprintf("%v instead of another answer", err)
	}
	if last := got.served[len(got.served)-1]; last.path != "/another" {
		return fmt.Sprintf("another is %q", last)
	}
	return ""
}

// next reads one answer that is not an interim one.
func (r *reading) next(from *bufio.Reader) error {
	for before := *r; len(r.served) == len(before.served) && r.code == before.code; {
		resp, body, err := readAnswer(from)
		if err != nil {
			return err
		}
		r.add(resp, body)
	}
	return nil
}

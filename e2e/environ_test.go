package e2e_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"pasted/e2e/harness"
)

// serveWSGI serves testdata/wsgi with the interpreter.
func serveWSGI(t *testing.T, python string) *harness.Server {
	t.Helper()
	return serve(t, site{file: filepath.Join("testdata", "wsgi", "wsgi.ini"), python: python})
}

// systemPython is the interpreter of tests that need no package.
func systemPython(t *testing.T) string { return python(t, "peers") }

// environTests are requests, as their bytes, and what the application must find
// in its environ. {addr} stands for the server's address and {port} for its
// port; the answer's connection closes by itself. rule is the paragraph, if one
// asks for it.
var environTests = []struct {
	rule    string
	name    string
	request string
	want    map[string]any
	without []string
}{
	{
		rule:    "PEP 3333, environ Variables",
		name:    "plain",
		request: "GET /environ HTTP/1.1\r\nHost: {addr}\r\nConnection: close\r\n\r\n",
		want: map[string]any{
			"REQUEST_METHOD": "GET", "SCRIPT_NAME": "", "PATH_INFO": "/environ", "QUERY_STRING": "",
			"SERVER_PROTOCOL": "HTTP/1.1", "SERVER_PORT": "{port}", "REMOTE_ADDR": "127.0.0.1",
			"HTTP_HOST": "{addr}", "wsgi.url_scheme": "http", "wsgi.multithread": true,
			"wsgi.multiprocess": false, "wsgi.run_once": false, "wsgi.input_terminated": true,
		},
		without: []string{"CONTENT_LENGTH", "HTTP_CONTENT_LENGTH", "HTTP_CONTENT_TYPE"},
	},
	{
		name:    "below a mount",
		request: "GET /mount/environ HTTP/1.1\r\nHost: {addr}\r\nConnection: close\r\n\r\n",
		want:    map[string]any{"SCRIPT_NAME": "/mount", "PATH_INFO": "/environ"},
	},
	{
		name:    "the longest mount counts",
		request: "GET /mount/deep/environ/ HTTP/1.1\r\nHost: {addr}\r\nConnection: close\r\n\r\n",
		want:    map[string]any{"SCRIPT_NAME": "/mount/deep", "PATH_INFO": "/environ/"},
	},
	{
		name:    "a mount without its slash",
		request: "GET /mount?page=environ HTTP/1.1\r\nHost: {addr}\r\nConnection: close\r\n\r\n",
		want:    map[string]any{"SCRIPT_NAME": "/mount", "PATH_INFO": "", "QUERY_STRING": "page=environ"},
	},
	{
		name:    "a mount's name with more after it is no mount",
		request: "GET /mountain?page=environ HTTP/1.1\r\nHost: {addr}\r\nConnection: close\r\n\r\n",
		want:    map[string]any{"SCRIPT_NAME": "", "PATH_INFO": "/mountain"},
	},
	{
		rule:    "PEP 3333, Unicode Issues",
		name:    "path decoded to Latin-1, query as it came",
		request: "GET /environ/caf%C3%A9%2Fx%20%25?q=%C3%A9+%26&b HTTP/1.1\r\nHost: {addr}\r\nConnection: close\r\n\r\n",
		want: map[string]any{
			"PATH_INFO":    "/environ/caf\u00c3\u00a9/x %",
			"QUERY_STRING": "q=%C3%A9+%26&b",
			"REQUEST_URI":  "/environ/caf%C3%A9%2Fx%20%25?q=%C3%A9+%26&b",
		},
	},
	{
		rule:    "PEP 3333, Unicode Issues",
		name:    "path that is no UTF-8",
		request: "GET /environ/%FF%00%80 HTTP/1.1\r\nHost: {addr}\r\nConnection: close\r\n\r\n",
		want:    map[string]any{"PATH_INFO": "/environ/\u00ff\u0000\u0080"},
	},
	{
		name:    "empty query is empty",
		request: "GET /environ? HTTP/1.1\r\nHost: {addr}\r\nConnection: close\r\n\r\n",
		want:    map[string]any{"QUERY_STRING": ""},
	},
	{
		name:    "HTTP/1.0 without Host",
		request: "GET /environ HTTP/1.0\r\n\r\n",
		want:    map[string]any{"SERVER_PROTOCOL": "HTTP/1.0", "SERVER_PORT": "{port}"},
		without: []string{"HTTP_HOST"},
	},
	{
		name:    "absolute form, whose host wins",
		request: "GET http://example.org:81/environ?a HTTP/1.1\r\nHost: example.org:81\r\nConnection: close\r\n\r\n",
		want: map[string]any{
			"PATH_INFO": "/environ", "QUERY_STRING": "a", "HTTP_HOST": "example.org:81", "SCRIPT_NAME": "",
		},
	},
	{
		rule: "PEP 3333, environ Variables, and RFC 3875, 4.1.18: repeated fields are one",
		name: "fields",
		request: "POST /environ HTTP/1.1\r\nHost: {addr}\r\nX-Dup: one\r\nx-dup: two\r\nX-Empty:\r\n" +
			"X-Space: \t padded \t\r\nX-Latin: caf\xe9\r\nCookie: a=1\r\nCookie: b=2\r\n" +
			"Content-Type: text/x-odd; a=b\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
		want: map[string]any{
			"HTTP_X_DUP": "one, two", "HTTP_X_EMPTY": "", "HTTP_X_SPACE": "padded", "HTTP_X_LATIN": "caf\u00e9",
			"HTTP_COOKIE": "a=1; b=2", "CONTENT_TYPE": "text/x-odd; a=b", "CONTENT_LENGTH": "3",
			"REQUEST_METHOD": "POST",
		},
		without: []string{"HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH"},
	},
	{
		rule: "PEP 3333, environ Variables",
		name: "underscores never reach the environ",
		request: "GET /environ HTTP/1.1\r\nHost: {addr}\r\nX_User: forged\r\nX-User: true\r\nRemote_User: forged\r\n" +
			"Content_Length: 7\r\nX_Only: forged\r\nConnection: close\r\n\r\n",
		want:    map[string]any{"HTTP_X_USER": "true"},
		without: []string{"HTTP_X_ONLY", "HTTP_REMOTE_USER", "REMOTE_USER", "HTTP_CONTENT_LENGTH", "CONTENT_LENGTH"},
	},
	{
		rule: "PEP 3333, Input and Error Streams: wsgi.input_terminated, the extension, holds",
		name: "chunks are taken apart",
		request: "PUT /environ HTTP/1.1\r\nHost: {addr}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n" +
			"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n",
		want:    map[string]any{"CONTENT_LENGTH": "5", "wsgi.input_terminated": true},
		without: []string{"HTTP_TRANSFER_ENCODING", "HTTP_CONTENT_LENGTH"},
	},
	{
		name:    "method of one's own",
		request: "MKCALENDAR /environ HTTP/1.1\r\nHost: {addr}\r\nConnection: close\r\n\r\n",
		want:    map[string]any{"REQUEST_METHOD": "MKCALENDAR"},
	},
}

func TestEnvironIsThatOfThePEP(t *testing.T) {
	t.Parallel()
	server := serveWSGI(t, systemPython(t))
	fill := strings.NewReplacer("{addr}", server.Addr, "{port}", strings.Split(server.Addr, ":")[1])
	for _, test := range environTests {
		t.Run(ruled(test.rule, test.name), func(t *testing.T) {
			conn := dial(t, server)
			conn.send(fill.Replace(test.request))
			page := conn.answer("GET")
			if page.StatusCode != http.StatusOK {
				t.Fatalf("%s\n%s", page.Status, page)
			}
			var got struct {
				Environ  map[string]any
				Problems []string
			}
			if err := decodeJSON(page.body, &got); err != nil {
				t.Fatal(err)
			}
			checkEnviron(t, got.Environ, test.want, test.without, fill)
			for _, problem := range got.Problems {
				t.Error(problem)
			}
		})
	}
}

// ruled is the name of a subtest that holds the server to a paragraph.
func ruled(rule, name string) string {
	if rule == "" {
		return name
	}
	return rule + ": " + name
}

func checkEnviron(t *testing.T, got, want map[string]any, without []string, fill *strings.Replacer) {
	t.Helper()
	for key, value := range want {
		if text, ok := value.(string); ok {
			value = fill.Replace(text)
		}
		if have, ok := got[key]; !ok || have != value {
			t.Errorf("%s = %#v (there: %v), want %#v", key, have, ok, value)
		}
	}
	for _, key := range without {
		if value, ok := got[key]; ok && value != "" {
			t.Errorf("%s = %q, want none", key, value)
		}
	}
	for _, key := range []string{"SERVER_NAME", "SERVER_PORT", "SERVER_PROTOCOL", "REQUEST_METHOD", "REMOTE_ADDR"} {
		if value, _ := got[key].(string); value == "" {
			t.Errorf("%s is missing or empty", key)
		}
	}
}

// inputTests are the ways to read wsgi.input that testdata/wsgi knows, with
// what each leaves out of a body. rule is the paragraph that has a say in more
// than which methods there are.
var inputTests = []struct {
	rule string
	how  string
	// below names the mount: the validator allows no read() without a size
	// and no read of a length that it would have to wait for.
	below string
	most  int // how many bytes it reads, 0: all
}{
	{how: "read", below: "/mount"},
	{how: "read", below: "/plain"},
	{how: "small", below: "/plain"},
	{how: "exactly", below: "/mount"},
	{rule: "PEP 3333, Input and Error Streams: a size is optional", how: "all", below: "/plain"},
	{how: "minus", below: "/plain"},
	{rule: "PEP 3333, Input and Error Streams: nothing asked for is not the end", how: "zero", below: "/plain"},
	{how: "readline", below: "/mount"},
	{rule: "PEP 3333, Input and Error Streams: readline takes a size", how: "limited", below: "/plain"},
	{how: "readlines", below: "/mount"},
	{how: "iterate", below: "/mount"},
	{how: "mixed", below: "/plain"},
	{rule: "PEP 3333, Input and Error Streams: behind the end there is nothing, again and again", how: "beyond", below: "/mount"},
	{rule: "PEP 3333, Input and Error Streams: an application need not read it all", how: "part", below: "/mount", most: 3},
}

func TestInputReadsTheSameInEveryWay(t *testing.T) {
	t.Parallel()
	server := serveWSGI(t, systemPython(t))
	client := newClient(t)
	bodies := map[string]string{
		"empty":     "",
		"one byte":  "x",
		"lines":     "one\ntwo three\n\nfour without an end",
		"long line": strings.Repeat("long line ", 20000) + "\n" + strings.Repeat("z", 70000),
		"binary":    string(binaryBody(300 << 10)),
	}
	for name, body := range bodies {
		for _, test := range inputTests {
			if test.how == "small" && len(body) > 1<<10 {
				continue // tens of thousands of reads prove nothing more
			}
			for _, chunked := range []bool{false, true} {
				what := fmt.Sprintf("%s by %s below %s, chunked %v", name, test.how, test.below, chunked)
				t.Run(ruled(test.rule, what), func(t *testing.T) {
					checkInput(t, client, server.URL+test.below+"/echo?how="+test.how, body, test.most, chunked)
				})
			}
		}
	}
}

func checkInput(t *testing.T, client *http.Client, url, body string, most int, chunked bool) {
	t.Helper()
	var reader io.Reader = strings.NewReader(body)
	if chunked {
		reader = io.MultiReader(reader)
	}
	page := want(t, client, http.StatusOK, call{method: "POST", url: url, body: reader})
	var got struct {
		Length        int
		SHA256        string
		ContentLength string `json:"content_length"`
	}
	page.decode(t, &got)
	read := body
	if most > 0 {
		read = body[:min(most, len(body))]
	}
	if sum := sha256.Sum256([]byte(read)); got.Length != len(read) || got.SHA256 != hex.EncodeToString(sum[:]) {
		t.Errorf("read %d bytes %s, want %d of %x", got.Length, got.SHA256, len(read), sum)
	}
	if body != "" && got.ContentLength != strconv.Itoa(len(body)) {
		t.Errorf("CONTENT_LENGTH = %q, want %d", got.ContentLength, len(body))
	}
}

// binaryBody returns n bytes of all values, among them line ends.
func binaryBody(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i * 7 >> 3)
	}
	return b
}

func TestUnreadBodyDoesNotSpoilTheConnection(t *testing.T) {
	t.Parallel()
	server := serveWSGI(t, systemPython(t))
	conn := dial(t, server)
	body := strings.Repeat("GET /smuggled HTTP/1.1\r\n\r\n", 1000)
	for range 3 {
		conn.send(fmt.Sprintf("POST /echo?how=part HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(body), body))
		if page := conn.answer("POST"); page.StatusCode != http.StatusOK || !strings.Contains(page.String(), `"length": 3`) {
			t.Fatalf("%s\n%s", page.Status, page)
		}
	}
}

func TestPipelinedRequestsAreAnsweredInOrder(t *testing.T) {
	t.Parallel()
	server := serveWSGI(t, systemPython(t))
	conn := dial(t, server)
	const count = 20
	var requests strings.Builder
	for i := range count {
		fmt.Fprintf(&requests, "POST /status?is=%d%%20Odd HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab", 240+i)
	}
	conn.send(requests.String())
	for i := range count {
		if page := conn.answer("POST"); page.StatusCode != 240+i {
			t.Fatalf("answer %d: %s", i, page.Status)
		}
	}
}

func TestConnectionServesManyRequests(t *testing.T) {
	t.Parallel()
	server := serveWSGI(t, systemPython(t))
	for range 4 {
		conn := dial(t, server)
		for n := range 300 {
			conn.send("GET /mount/lazy HTTP/1.1\r\nHost: x\r\n\r\n")
			if page := conn.answer("GET"); page.StatusCode != http.StatusCreated || page.String() != "lazily\n" {
				t.Fatalf("request %d: %s %q", n, page.Status, page)
			}
		}
	}
}

func TestExpectIsAnsweredBeforeTheBody(t *testing.T) {
	t.Parallel()
	server := serveWSGI(t, systemPython(t))
	conn := dial(t, server)
	conn.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
	if page := conn.answer("POST"); page.StatusCode != http.StatusContinue {
		t.Fatalf("before the body: %s", page.Status)
	}
	conn.send("hello")
	if page := conn.answer("POST"); page.StatusCode != http.StatusOK || !strings.Contains(page.String(), `"length": 5`) {
		t.Errorf("%s\n%s", page.Status, page)
	}
}

// TestSlowBodyHoldsNoLane begins more uploads than there are lanes, and then
// asks for something else.
func TestSlowBodyHoldsNoLane(t *testing.T) {
	t.Parallel()
	server := serveWSGI(t, systemPython(t))
	var uploads []*rawConn
	for range 12 {
		conn := dial(t, server)
		conn.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf ")
		uploads = append(uploads, conn)
	}
	began := time.Now()
	get(t, newClient(t), server.URL+"/environ")
	if elapsed := time.Since(began); elapsed > 5*time.Second {
		t.Errorf("answered after %v", elapsed)
	}
	for _, conn := range uploads {
		conn.send("done.")
		if page := conn.answer("POST"); page.StatusCode != http.StatusOK {
			t.Errorf("%s\n%s", page.Status, page)
		}
	}
}

package wsgi_test

import (
	"bufio"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pasted/internal/h1"
	"pasted/internal/marshal"
	"pasted/internal/wsgi"
)

// environ returns what Python would see of the request with this head.
func environ(t *testing.T, raw string, change func(*wsgi.Request)) map[string]any {
	t.Helper()
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(raw)))
	if err != nil {
		t.Fatal(err)
	}
	var head h1.Head
	h1.SetHead(&head, r)
	request := wsgi.Request{
		Head: &head, ScriptName: []byte(h1.ScriptName(r)), PathInfo: []byte(r.URL.Path), Scheme: "http",
		ServerName: []byte("127.0.0.1"), ServerPort: []byte("8080"), RemoteAddr: []byte("127.0.0.9"), ID: 0xabc, ContentLength: -1,
	}
	if change != nil {
		change(&request)
	}
	return decode(t, wsgi.NewConstants("Pasted", true, false, 1).AppendEnviron(nil, &request))
}

func decode(t *testing.T, data []byte) map[string]any {
	t.Helper()
	value, rest, err := marshal.Decode(data, marshal.Limits{})
	if err != nil || len(rest) > 0 {
		t.Fatalf("environ does not decode: %v, %d bytes left", err, len(rest))
	}
	environ := map[string]any{}
	for _, pair := range value.(marshal.Dict) {
		key := pair.Key.(string)
		if _, twice := environ[key]; twice {
			t.Errorf("key %s stands twice", key)
		}
		environ[key] = pair.Value
	}
	return environ
}

func TestEnvironIsPEP3333s(t *testing.T) {
	got := environ(t, "GET /a%20b/c%2Fd?x=%20&y HTTP/1.1\r\nHost: example.com:81\r\nAccept: */*\r\n"+
		"X-Many: 1\r\nx-many: 2\r\nCookie: a=1\r\nCookie: b=2\r\nContent-Type: text/plain\r\n\r\n", nil)
	want := map[string]any{
		"wsgi.version": marshal.Tuple{int64(1), int64(0)}, "wsgi.multithread": true,
		"wsgi.multiprocess": false, "wsgi.run_once": false, "wsgi.input_terminated": true,
		"wsgi.url_scheme": "http", "wsgi.input": []byte(nil),
		"REQUEST_METHOD": "GET", "SCRIPT_NAME": "", "PATH_INFO": "/a b/c/d",
		"QUERY_STRING": "x=%20&y", "REQUEST_URI": "/a%20b/c%2Fd?x=%20&y", "RAW_URI": "/a%20b/c%2Fd?x=%20&y",
		"SERVER_PROTOCOL": "HTTP/1.1", "SERVER_NAME": "127.0.0.1", "SERVER_PORT": "8080",
		"SERVER_SOFTWARE": "Pasted", "pasted.release": int64(1), "REMOTE_ADDR": "127.0.0.9", "pasted.request_id": "0000000000000abc",
		"HTTP_HOST": "example.com:81", "HTTP_ACCEPT": "*/*", "HTTP_X_MANY": "1, 2",
		"HTTP_COOKIE": "a=1; b=2", "CONTENT_TYPE": "text/plain",
	}
	delete(want, "wsgi.input")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestTextIsLatin1(t *testing.T) {
	got := environ(t, "GET /caf%C3%A9/%ff HTTP/1.1\r\nHost: h\r\nX-Name: \xe9\r\n\r\n", nil)
	// One character for each byte: "é" in UTF-8 is two.
	if want := "/cafÃ©/ÿ"; got["PATH_INFO"] != want {
		t.Errorf("PATH_INFO = %q, want %q", got["PATH_INFO"], want)
	}
	if want := "é"; got["HTTP_X_NAME"] != want {
		t.Errorf("HTTP_X_NAME = %q, want %q", got["HTTP_X_NAME"], want)
	}
}

func TestFieldWithUnderscoreStaysOut(t *testing.T) {
	got := environ(t, "GET / HTTP/1.1\r\nHost: h\r\nX_Forwarded_For: evil\r\nX-Forwarded-For: good\r\n\r\n", nil)
	if got["HTTP_X_FORWARDED_FOR"] != "good" {
		t.Errorf("HTTP_X_FORWARDED_FOR = %q, want good", got["HTTP_X_FORWARDED_FOR"])
	}
}

func TestFieldsCannotForgeOtherKeys(t *testing.T) {
	got := environ(t, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nwsgi.input: x\r\nRemote-User: root\r\nProxy: p\r\n\r\nabc",
		func(r *wsgi.Request) { r.ContentLength, r.Body, r.Inline = 3, []byte("abc"), true })
	for _, key := range []string{"REMOTE_USER", "HTTP_CONTENT_LENGTH", "PROXY"} {
		if v, ok := got[key]; ok {
			t.Errorf("%s = %q, want it absent", key, v)
		}
	}
	if string(got["wsgi.input"].([]byte)) != "abc" || got["CONTENT_LENGTH"] != "3" {
		t.Errorf("wsgi.input, CONTENT_LENGTH = %q, %q", got["wsgi.input"], got["CONTENT_LENGTH"])
	}
	if got["HTTP_REMOTE_USER"] != "root" {
		t.Errorf("HTTP_REMOTE_USER = %q, want root", got["HTTP_REMOTE_USER"])
	}
}

func TestServerNameAndPortAreNeverEmpty(t *testing.T) {
	for scheme, port := range map[string]string{"http": "80", "https": "443"} {
		got := environ(t, "GET / HTTP/1.0\r\n\r\n", func(r *wsgi.Request) {
			r.ServerName, r.ServerPort, r.Scheme = nil, nil, scheme
		})
		if got["SERVER_NAME"] != "localhost" || got["SERVER_PORT"] != port {
			t.Errorf("%s: SERVER_NAME, SERVER_PORT = %q, %q, want localhost, %s", scheme, got["SERVER_NAME"], got["SERVER_PORT"], port)
		}
	}
}

func TestMountChangesOnlyTheCopy(t *testing.T) {
	r, _ := http.NewRequest("GET", "/blog/a%2Fb?q", nil)
	m := h1.Mount(r, "/blog", "/a/b")
	if h1.ScriptName(m) != "/blog" || m.URL.Path != "/a/b" {
		t.Errorf("mounted: %q %q", h1.ScriptName(m), m.URL.Path)
	}
	if h1.ScriptName(r) != "" || r.URL.Path != "/blog/a/b" {
		t.Errorf("the original became %q %q", h1.ScriptName(r), r.URL.Path)
	}
}

// A request of a parser that keeps repeated fields apart reads like one of
// net/http's, which does not.
func TestRepeatedFieldsAreJoinedOnce(t *testing.T) {
	raw := []byte("GET / HTTP/1.1\r\nA: 1\r\nB: 2\r\na: 3\r\n")
	span := func(text string, from int) h1.Span {
		i := from + strings.Index(string(raw[from:]), text)
		return h1.Span{Start: uint32(i), End: uint32(i + len(text))}
	}
	head := h1.Head{Bytes: raw, Method: span("GET", 0), Target: span("/", 0), Proto: span("HTTP/1.1", 0), Fields: []h1.Field{
		{Name: span("A", 10), Value: span("1", 18)},
		{Name: span("B", 10), Value: span("2", 20)},
		{Name: span("a", 10), Value: span("3", 20)},
	}}
	r := wsgi.Request{Head: &head, ContentLength: -1}
	got := decode(t, wsgi.NewConstants("Pasted", false, false, 1).AppendEnviron(nil, &r))
	if got["HTTP_A"] != "1, 3" || got["HTTP_B"] != "2" {
		t.Errorf("HTTP_A, HTTP_B = %q, %q, want \"1, 3\", \"2\"", got["HTTP_A"], got["HTTP_B"])
	}
}

func payload(t *testing.T, status string, fields ...string) []byte {
	t.Helper()
	list := []any{}
	for i := 0; i < len(fields); i += 2 {
		list = append(list, marshal.Tuple{fields[i], fields[i+1]})
	}
	b, err := marshal.Append(nil, marshal.Tuple{status, list})
	if err != nil {
		t.Fatal(err)
	}
	return append(b, "body"...)
}

func TestAnswerHead(t *testing.T) {
	var a wsgi.Answer
	body, err := a.SetPayload(payload(t, "404 Not here", "content-type", "text/x", "Set-Cookie", "a", "Set-Cookie", "b",
		"Content-Length", "4", "Transfer-Encoding", "chunked", "Connection", "close"))
	if err != nil || string(body) != "body" {
		t.Fatalf("SetPayload() = %q, %v", body, err)
	}
	if a.Code != 404 || string(a.Reason) != "Not here" || a.Length != 4 || !a.Close {
		t.Errorf("answer = %d %q, length %d, close %v", a.Code, a.Reason, a.Length, a.Close)
	}
	header := http.Header{}
	a.SetHeader(header)
	want := http.Header{"Content-Type": {"text/x"}, "Set-Cookie": {"a", "b"}, "Content-Length": {"4"}, "Connection": {"close"}}
	if diff := cmp.Diff(want, header); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestAnswerWithoutContentTypeGetsNone(t *testing.T) {
	var a wsgi.Answer
	if _, err := a.SetPayload(payload(t, "200 OK")); err != nil {
		t.Fatal(err)
	}
	header := http.Header{}
	a.SetHeader(header)
	if v, ok := header["Content-Type"]; !ok || v != nil {
		t.Errorf("Content-Type = %v, %v, want nil so that net/http does not guess", v, ok)
	}
}

func TestBadAnswersAreRefused(t *testing.T) {
	for name, data := range map[string][]byte{
		"no marshal":          []byte("HTTP/1.1 200 OK"),
		"empty":               nil,
		"status in words":     payload(t, "OK"),
		"informational":       payload(t, "100 Continue"),
		"code with a sign":    payload(t, "+20 OK"),
		"four digits":         payload(t, "2000 OK"),
		"line break in it":    payload(t, "200 OK\r\nX: y"),
		"line break in value": payload(t, "200 OK", "X", "a\r\nSet-Cookie: evil"),
		"line break in name":  payload(t, "200 OK", "X\r\nY", "a"),
		"NUL in value":        payload(t, "200 OK", "X", "a\x00"),
		"space in name":       payload(t, "200 OK", "X Y", "a"),
		"empty name":          payload(t, "200 OK", "", "a"),
		"two lengths":         payload(t, "200 OK", "Content-Length", "1", "Content-Length", "2"),
		"length in words":     payload(t, "200 OK", "Content-Length", "four"),
		"negative length":     payload(t, "200 OK", "Content-Length", "-4"),
	} {
		var a wsgi.Answer
		if _, err := a.SetPayload(data); !errors.Is(err, wsgi.ErrBadAnswer) {
			t.Errorf("%s: error = %v, want %v", name, err, wsgi.ErrBadAnswer)
		}
	}
}

// No field makes an environ that does not decode, or a key beyond HTTP_… and
// CONTENT_TYPE.
func FuzzFieldsForgeNoKey(f *testing.F) {
	f.Add("X-Name", "value", "/path?query")
	f.Add("wsgi.input", "\x80", "/%00")
	f.Add("CONTENT_LENGTH", "9", "*")
	plain := wsgi.Request{Head: &h1.Head{}, ContentLength: -1}
	f.Fuzz(func(t *testing.T, name, value, target string) {
		known := decode(t, wsgi.NewConstants("Pasted", true, true, 1).AppendEnviron(nil, &plain))
		r := &http.Request{Method: "GET", RequestURI: target, Proto: "HTTP/1.1", Header: http.Header{name: {value}}}
		var head h1.Head
		h1.SetHead(&head, r)
		got := decode(t, wsgi.NewConstants("Pasted", true, true, 1).AppendEnviron(nil, &wsgi.Request{Head: &head, ContentLength: -1}))
		for key := range got {
			if _, ok := known[key]; !ok && key != "CONTENT_TYPE" && !strings.HasPrefix(key, "HTTP_") {
				t.Errorf("field %q made the key %q", name, key)
			}
		}
	})
}

func TestInterimAnswers(t *testing.T) {
	strip := func(data []byte) []byte { return data[:len(data)-len("body")] }
	var a wsgi.Answer
	if err := a.SetInform(strip(payload(t, "103 Early Hints", "Link", "</a>", "Connection", "x"))); err != nil || a.Code != 103 || len(a.Fields) != 1 {
		t.Errorf("SetInform() = %v, code %d, fields %v", err, a.Code, a.Fields)
	}
	for name, data := range map[string][]byte{
		"with a body":         payload(t, "103 Early Hints"),
		"a final one":         strip(payload(t, "200 OK")),
		"100":                 strip(payload(t, "100 Continue")),
		"101":                 strip(payload(t, "101 Switching Protocols")),
		"line break":          strip(payload(t, "103 Early\r\nHints")),
		"no reason":           strip(payload(t, "103")),
		"line break in field": strip(payload(t, "103 Early Hints", "Link", "a\nb")),
		"nothing":             nil,
	} {
		if err := a.SetInform(data); !errors.Is(err, wsgi.ErrBadAnswer) {
			t.Errorf("%s: error = %v, want %v", name, err, wsgi.ErrBadAnswer)
		}
	}
}

// RFC 3875, 4.1.14 and 4.1.15.
func TestServerNameOfEveryKindOfHost(t *testing.T) {
	for host, want := range map[string][2]string{
		"example.org": {"example.org", "80"}, "example.org:81": {"example.org", "81"},
		"[::1]": {"[::1]", "80"}, "[::1]:82": {"[::1]", "82"}, "10.0.0.1:83": {"10.0.0.1", "83"},
	} {
		got := environ(t, "GET / HTTP/1.1\r\nHost: "+host+"\r\n\r\n", func(r *wsgi.Request) {
			r.ServerName, r.ServerPort = nil, nil // of a Unix socket
			r.Head.Host = r.Head.Fields[0].Value
		})
		if got["SERVER_NAME"] != want[0] || got["SERVER_PORT"] != want[1] {
			t.Errorf("%s: SERVER_NAME, SERVER_PORT = %q, %q, want %q", host, got["SERVER_NAME"], got["SERVER_PORT"], want)
		}
	}
	got := environ(t, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", func(r *wsgi.Request) { r.ServerName = []byte("2001:db8::1") })
	if got["SERVER_NAME"] != "[2001:db8::1]" {
		t.Errorf("SERVER_NAME = %q, want brackets", got["SERVER_NAME"])
	}
}

func TestRemoteHostIsTheAddressWhereItIsWanted(t *testing.T) {
	request := wsgi.Request{Head: &h1.Head{}, ContentLength: -1, RemoteAddr: []byte("192.0.2.7")}
	c := wsgi.NewConstants("Pasted", false, false, 1)
	if got, there := decode(t, c.AppendEnviron(nil, &request))["REMOTE_HOST"]; there {
		t.Errorf("REMOTE_HOST = %q, want none", got)
	}
	if got := decode(t, c.WithRemoteHost().AppendEnviron(nil, &request))["REMOTE_HOST"]; got != "192.0.2.7" {
		t.Errorf("REMOTE_HOST = %v, want the address", got)
	}
}

func TestQueueTimeBeginsWhenTheRequestCame(t *testing.T) {
	c := wsgi.NewConstants("Pasted", false, false, 3)
	got := decode(t, c.AppendEnviron(nil, &wsgi.Request{Head: &h1.Head{}, ContentLength: -1, Came: 4711.5}))
	if got["pasted.queue_time"] != 4711.5 || got["pasted.release"] != int64(3) {
		t.Errorf("pasted.queue_time, pasted.release = %v, %v", got["pasted.queue_time"], got["pasted.release"])
	}
}

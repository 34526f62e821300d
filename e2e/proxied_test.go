package e2e_test

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pasted/e2e/harness"
)

// proxiedTests are requests of a proxy, and what the application must find. The
// first field is the proxy's; body says that one goes along, whose length is
// not known: such a request takes the long way.
var proxiedTests = []struct {
	name    string
	query   string
	header  []string
	want    map[string]any
	without []string
	refused bool
}{
	{
		name:   "RFC 7239, 5.2: the client is whom the first trusted proxy names",
		header: []string{"X-Forwarded-For", "127.0.0.1, 192.0.2.7", "X-Forwarded-Proto", "https", "X-Forwarded-Host", "public.example"},
		want: map[string]any{
			"REMOTE_ADDR": "192.0.2.7", "wsgi.url_scheme": "https", "HTTP_HOST": "public.example",
			"SERVER_NAME": "public.example", "SERVER_PORT": "443", "SCRIPT_NAME": "",
			"HTTP_X_FORWARDED_FOR": "192.0.2.7",
		},
		without: []string{"REMOTE_PORT"},
	},
	{
		name:   "PEP 3333, environ variables: the port is the client's",
		header: []string{"X-Forwarded-For", "[2001:db8::1]:4711", "X-Forwarded-Host", "public.example", "X-Forwarded-Port", "8443", "X-Forwarded-Proto", "https"},
		want: map[string]any{
			"REMOTE_ADDR": "2001:db8::1", "REMOTE_PORT": "4711", "SERVER_PORT": "8443", "HTTP_HOST": "public.example:8443",
		},
	},
	{
		name:   "the host is urlmap's too",
		query:  "?page=environ",
		header: []string{"X-Forwarded-Host", "plain.example", "X-Forwarded-Proto", "http"},
		want:   map[string]any{"HTTP_HOST": "plain.example", "SERVER_PORT": "80", "REMOTE_ADDR": "127.0.0.1", "SCRIPT_NAME": "/environ"},
	},
	{
		name:   "PEP 3333, environ variables: a prefix is a part of SCRIPT_NAME",
		header: []string{"X-Forwarded-Prefix", "/shop"},
		want:   map[string]any{"SCRIPT_NAME": "/shop", "PATH_INFO": "/environ"},
	},
	{
		name:    "a field that is not the proxy's is taken off",
		header:  []string{"Forwarded", "for=192.0.2.66;proto=https", "X-Forwarded-By", "x"},
		want:    map[string]any{"REMOTE_ADDR": "127.0.0.1", "wsgi.url_scheme": "http"},
		without: []string{"HTTP_FORWARDED", "HTTP_X_FORWARDED_BY"},
	},
	{name: "no address", header: []string{"X-Forwarded-For", "192.0.2.7, localhost"}, refused: true},
	{name: "no scheme", header: []string{"X-Forwarded-Proto", "file"}, refused: true},
	{name: "no host", header: []string{"X-Forwarded-Host", "a b"}, refused: true},
}

func serveProxied(t *testing.T, trusted, fields string) *harness.Server {
	t.Helper()
	return serve(t, site{
		file: filepath.Join("testdata", "wsgi", "proxied.ini"), python: systemPython(t),
		vars: []string{"e2e_trusted=" + trusted, "e2e_fields=" + fields},
	})
}

// http2Client returns a client that begins with HTTP/2.
func http2Client(t *testing.T) *http.Client {
	client := newClient(t)
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	client.Transport.(*http.Transport).Protocols = protocols
	return client
}

func TestTrustedProxiesAreBelievedOnEveryWay(t *testing.T) {
	t.Parallel()
	server := serveProxied(t, "127.0.0.1", "x-forwarded-for x-forwarded-proto x-forwarded-host x-forwarded-port x-forwarded-prefix")
	for _, way := range []struct {
		name, method string
		client       *http.Client
		body         bool
	}{
		{"short", "GET", newClient(t), false},
		{"long", "POST", newClient(t), true},
		{"HTTP2", "GET", http2Client(t), false},
	} {
		for _, test := range proxiedTests {
			t.Run(way.name+" "+test.name, func(t *testing.T) {
				c := call{method: way.method, url: server.URL + "/environ" + test.query, header: test.header}
				if way.body {
					c.body = struct{ *strings.Reader }{strings.NewReader("body")}
				}
				page, err := do(t, way.client, c)
				if err != nil {
					t.Fatal(err)
				}
				if test.refused {
					if page.StatusCode != http.StatusBadRequest {
						t.Errorf("%s, want 400", page.Status)
					}
					return
				}
				var got struct{ Environ map[string]any }
				page.decode(t, &got)
				checkEnviron(t, got.Environ, test.want, test.without, strings.NewReplacer())
			})
		}
	}
	server.Logged(20*time.Second, "logged 192.0.2.7")
	if server.Stderr.Has("logged 127.0.0.1, ") {
		t.Error("the access log has what the client has made up")
	}
}

func TestStrangersAreNotBelieved(t *testing.T) {
	t.Parallel()
	server := serveProxied(t, "10.0.0.0/8", "forwarded")
	for name, client := range map[string]*http.Client{"HTTP/1.1": newClient(t), "HTTP/2": http2Client(t)} {
		page := want(t, client, http.StatusOK, call{url: server.URL + "/environ", header: []string{
			"Forwarded", "for=192.0.2.66;host=public.example;proto=https", "X-Forwarded-For", "192.0.2.66",
		}})
		var got struct{ Environ map[string]any }
		page.decode(t, &got)
		checkEnviron(t, got.Environ, map[string]any{
			"REMOTE_ADDR": "127.0.0.1", "wsgi.url_scheme": "http", "HTTP_HOST": server.Addr,
		}, []string{"HTTP_FORWARDED", "HTTP_X_FORWARDED_FOR"}, strings.NewReplacer())
		if t.Failed() {
			t.Log(name)
		}
	}
}

package eggs_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"pasted/paste"
	"pasted/paste/eggs"
)

// load builds the application of a file whose egg:test says where it is asked.
func load(t *testing.T, text string, o eggs.Options) http.Handler {
	t.Helper()
	var r paste.Registry
	eggs.Register(&r, o)
	r.SetApp("egg:test", func(_, local *paste.Conf) (http.Handler, error) {
		name, _ := local.Get("name")
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, "%s at %q %q", name, eggs.ScriptName(r), r.URL.Path)
		}), nil
	})
	app, err := paste.LoadApp("config:main.ini", &r, paste.Options{
		RelativeTo: t.TempDir(),
		ReadFile: func(name string) ([]byte, error) {
			if filepath.Base(name) != "main.ini" {
				t.Errorf("%s is read", name)
			}
			return []byte(text), nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return app
}

const site = `
[pipeline:main]
pipeline = log site
[filter:log]
use = egg:Paste#translogger
format = %%(REMOTE_ADDR)s %%(REQUEST_METHOD)s %%(REQUEST_URI)s %%(status)s %%(bytes)s
[composite:site]
use = egg:Paste#urlmap
/ = root
/blog = blog
domain example.org port 443 /blog = secure
[app:root]
use = egg:test
name = root
[app:blog]
use = egg:test
name = blog
[app:secure]
use = egg:test
name = secure
`

func TestComponentsServeUnderNetHTTP(t *testing.T) {
	for _, c := range []struct {
		https     bool
		url, want string
		logged    string
	}{
		{false, "http://example.org/blog/1?x=%20", `blog at "/blog" "/1"`, "GET /blog/1?x=%20 200"},
		{false, "http://example.org/blogs", `root at "" "/blogs"`, "GET /blogs 200"},
		{false, "http://example.org/blog", `blog at "/blog" ""`, "GET /blog 200"},
		{true, "http://example.org/blog", `secure at "/blog" ""`, "GET /blog 200"},
	} {
		var log strings.Builder
		app := load(t, site, eggs.Options{AccessLog: &log, HTTPS: c.https})
		w := httptest.NewRecorder()
		app.ServeHTTP(w, httptest.NewRequest("GET", c.url, nil))
		if got := w.Body.String(); got != c.want || !strings.Contains(log.String(), c.logged) {
			t.Errorf("%s: %s, logged as %q; want %s, %q", c.url, got, log.String(), c.want, c.logged)
		}
	}
}

func TestComponentsServeOverAConnection(t *testing.T) {
	var log strings.Builder
	server := httptest.NewServer(load(t, site, eggs.Options{AccessLog: &log}))
	answer, err := http.Get(server.URL + "/blog/x")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	server.Close()
	if err != nil || string(text) != `blog at "/blog" "/x"` || log.String() != "127.0.0.1 GET /blog/x 200 -\n" {
		t.Errorf("%s, %v, logged as %q", text, err, log.String())
	}
}

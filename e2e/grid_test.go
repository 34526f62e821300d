package e2e_test

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestGridOfFrameworks asks each framework of testdata/grid for the same six
// pages. Each stands below a prefix of its own and behind wsgiref's validator,
// whose complaints would be a 500.
func TestGridOfFrameworks(t *testing.T) {
	t.Parallel()
	server := serve(t, site{file: filepath.Join("testdata", "grid", "grid.ini"), python: python(t, "grid")})
	client := newClient(t)
	for _, name := range []string{"bottle", "cherrypy", "falcon", "turbogears", "webob", "webpy", "werkzeug"} {
		t.Run(name, func(t *testing.T) {
			f := framework{name: name, server: server, client: client}
			for _, page := range []struct {
				name string
				test func(*testing.T, framework)
			}{
				{"hello", gridHello}, {"form", gridForm}, {"upload", gridUpload},
				{"stream", gridStream}, {"error", gridError}, {"cookies", gridCookies},
			} {
				t.Run(page.name, func(t *testing.T) { page.test(t, f) })
			}
		})
	}
}

func (f framework) below(path string) string { return f.at("/" + f.name + path) }

func gridHello(t *testing.T, f framework) {
	page := get(t, f.client, f.below("/hello?name=Zo%C3%AB+%26+co"))
	if got, want := page.String(), "hello Zoë & co from "+f.name; got != want {
		t.Errorf("page = %q, want %q", got, want)
	}
	head := want(t, f.client, http.StatusOK, call{method: "HEAD", url: f.below("/hello?name=x")})
	if len(head.body) > 0 {
		t.Errorf("the answer to HEAD has %d bytes", len(head.body))
	}
}

func gridForm(t *testing.T, f framework) {
	page := want(t, f.client, http.StatusOK, call{
		method: "POST", url: f.below("/form"), body: strings.NewReader(url.Values{"name": {"Zoë & <b>"}}.Encode()),
		header: []string{"Content-Type", "application/x-www-form-urlencoded"},
	})
	if got, want := page.String(), "name is Zoë & <b>"; got != want {
		t.Errorf("page = %q, want %q", got, want)
	}
}

func gridUpload(t *testing.T, f framework) {
	body, contentType := multipartFile(t, "two.bin", bytes.Repeat([]byte{0, 255}, 100_000))
	for _, body := range []io.Reader{bytes.NewReader(body), io.MultiReader(bytes.NewReader(body))} { // the second in chunks
		page := want(t, f.client, http.StatusOK, call{
			method: "POST", url: f.below("/upload"), body: body, header: []string{"Content-Type", contentType},
		})
		if got, want := page.String(), "two.bin 200000"; got != want {
			t.Errorf("page = %q, want %q", got, want)
		}
	}
}

func gridStream(t *testing.T, f framework) {
	page := get(t, f.client, f.below("/stream"))
	if got, want := page.String(), "line 0\nline 1\nline 2\n"; got != want {
		t.Errorf("page = %q, want %q", got, want)
	}
}

func gridError(t *testing.T, f framework) {
	page := want(t, f.client, http.StatusInternalServerError, call{url: f.below("/error")})
	if strings.Contains(page.String(), "boom") {
		t.Errorf("the client is told of the exception: %q", clip(page.body))
	}
	raised := "boom " + f.name
	f.server.Logged(20*time.Second, raised)
}

func gridCookies(t *testing.T, f framework) {
	page := want(t, f.client, http.StatusOK, call{
		url: f.below("/cookies"), header: []string{"Cookie", "first=1", "Cookie", "have=both"},
	})
	if page.String() != "both" {
		t.Errorf("cookie have = %q, want %q", page, "both")
	}
	set := map[string]string{}
	for _, cookie := range page.Cookies() {
		set[cookie.Name] = cookie.Value + " " + cookie.Path
	}
	if !strings.HasPrefix(set["one"], "1") || set["two"] != "2 /two" {
		t.Errorf("Set-Cookie: %q", page.Header.Values("Set-Cookie"))
	}
}

package paste_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pasted/internal/egg/paste"
	api "pasted/paste"
)

// mapOf is a file with a urlmap of these keys, each with an echo of its name.
func mapOf(keys ...string) string {
	var b strings.Builder
	b.WriteString("[composite:main]\nuse = egg:Paste#urlmap\n")
	for i, key := range keys {
		fmt.Fprintf(&b, "%s = app%d\n", key, i)
	}
	for i, key := range keys {
		fmt.Fprintf(&b, "[app:app%d]\nuse = egg:T#echo\nname = %s\n", i, strings.ReplaceAll(key, "%", "%%"))
	}
	return b.String()
}

func TestURLMapAsPastesVectors(t *testing.T) {
	var vectors []struct {
		Map     string
		Keys    []string
		Path    string `json:"PATH_INFO"`
		Environ map[string]string
		Result  map[string]string
	}
	corpus(t, "urlmap.json", &vectors)
	for _, v := range vectors {
		if _, ok := v.Environ["SERVER_NAME"]; ok {
			continue // a name there comes from Python servers alone
		}
		scheme := v.Environ["wsgi.url_scheme"]
		if scheme == "" {
			scheme = "http"
		}
		h := mustLoad(t, paste.Options{Scheme: func() string { return scheme }}, mapOf(v.Keys...))
		r := request(v.Environ["SCRIPT_NAME"], v.Path)
		r.Host = v.Environ["HTTP_HOST"]
		w := serve(h, r)
		if app, ok := v.Result["app"]; ok {
			want := fmt.Sprintf("%s %q %q", app, bytes(v.Result["SCRIPT_NAME"]), bytes(v.Result["PATH_INFO"]))
			if got := w.Body.String(); got != want {
				t.Errorf("%s, %q %v: %s, want %s", v.Map, v.Path, v.Environ, got, want)
			}
		} else if w.Code != 404 {
			t.Errorf("%s, %q %v: %d, want 404", v.Map, v.Path, v.Environ, w.Code)
		}
	}
}

func TestURLMapKeysAsPastesVectors(t *testing.T) {
	var vectors []struct {
		Key, Parsed string
		Normalized  json.RawMessage
		ValueError  string
	}
	corpus(t, "urlmap-keys.json", &vectors)
	for _, v := range vectors {
		url, mounted, mistake := paste.ParseKey(v.Key)
		if v.ValueError != "" {
			if mistake == nil || mistake.Class != "ValueError" || mistake.Text != v.ValueError {
				t.Errorf("%q: %v, want %s", v.Key, mistake, v.ValueError)
			}
			continue
		}
		var wrong struct{ AssertionError string }
		if json.Unmarshal(v.Normalized, &wrong) == nil {
			if mistake == nil || mistake.Class != "AssertionError" || mistake.Text != wrong.AssertionError {
				t.Errorf("%q: %v, want %s", v.Key, mistake, wrong.AssertionError)
			}
			continue
		}
		var want []*string
		if err := json.Unmarshal(v.Normalized, &want); err != nil {
			t.Fatal(err)
		}
		domain := "None"
		if want[0] != nil {
			domain = "'" + *want[0] + "'"
		}
		if tuple := "(" + domain + ", '" + *want[1] + "')"; url != v.Parsed || mounted != tuple || mistake != nil {
			t.Errorf("%q: %q, %s, %v; want %q, %s", v.Key, url, mounted, mistake, v.Parsed, tuple)
		}
	}
}

func TestURLMapGivesTheRequestToTheLongestPath(t *testing.T) {
	h := mustLoad(t, paste.Options{}, mapOf("/", "/foo", "/foo/bar/", "domain Upper.example /", "domain example.com /x", "domain example.com port 8080 /y", "/é", "/€"))
	for _, c := range []struct{ script, host, path, want string }{
		{"", "", "/foo", `/foo "/foo" ""`},
		{"", "", "/foo/", `/foo "/foo" "/"`},
		{"", "", "/foobar", `/ "" "/foobar"`},
		{"", "", "//foo///bar//x", `/foo/bar/ "/foo/bar" "/x"`},
		{"/pre", "", "/foo/x", `/foo "/pre/foo" "/x"`},
		{"", "", "", `/ "" ""`},
		{"", "EXAMPLE.com:80", "/x/1", `domain example.com /x "/x" "/1"`},
		{"", "example.com", "/foo", `/foo "/foo" ""`},
		{"", "example.com:8080", "/y", `domain example.com port 8080 /y "/y" ""`},
		{"", "example.com:81", "/y", `/ "" "/y"`},
		{"", "upper.example", "/", `/ "" "/"`},
		{"", "", "/\u00e9/x", `/é "/\xe9" "/x"`},
		{"", "", "/\u00c3\u00a9", `/ "" "/é"`},
	} {
		r := request(c.script, c.path)
		r.Host = c.host
		if got := body(h, r); got != c.want {
			t.Errorf("%q at %q after %q: %s, want %s", c.path, c.host, c.script, got, c.want)
		}
	}
}

func TestURLMapTakesThePortFromTheScheme(t *testing.T) {
	for scheme, want := range map[string]string{"http": "80", "https": "443"} {
		h := mustLoad(t, paste.Options{Scheme: func() string { return scheme }}, mapOf("/", "domain h port 443 /", "domain h port 80 /"))
		r := request("", "/x")
		r.Host = "h"
		if got := body(h, r); got != `domain h port `+want+` / "" "/x"` {
			t.Errorf("%s: %s", scheme, got)
		}
	}
}

func TestURLMapsLaterKeyReplacesTheEarlier(t *testing.T) {
	h := mustLoad(t, paste.Options{}, mapOf("/a", "/a/", "//a//"))
	if got := body(h, request("", "/a")); got != `//a// "/a" ""` {
		t.Errorf("/a: %s", got)
	}
}

func TestNestedURLMapsAddUp(t *testing.T) {
	h := mustLoad(t, paste.Options{}, `
[composite:main]
use = egg:Paste#urlmap
/v1 = inner
[composite:inner]
use = egg:Paste#urlmap
/users = users
[app:users]
use = egg:T#echo
name = users
`)
	if got := body(h, request("", "/v1/users/7")); got != `users "/v1/users" "/7"` {
		t.Errorf("nested: %s", got)
	}
}

func TestURLMapNotFoundAppIsServed(t *testing.T) {
	const rest = "[app:a]\nuse = egg:T#echo\nname = a\n[app:nf]\nuse = egg:T#echo\nname = nf\n"
	for name, text := range map[string]string{
		"local":  "[composite:main]\nuse = egg:Paste#urlmap\n/a = a\nnot_found_app = nf\n",
		"global": "[DEFAULT]\nnot_found_app = nf\n[composite:main]\nuse = egg:Paste#urlmap\n/a = a\n",
	} {
		h := mustLoad(t, paste.Options{}, text+rest)
		if got := body(h, request("/s", "/b")); got != `nf "/s" "/b"` {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestURLMapsMistakesNameTheirLine(t *testing.T) {
	for key, want := range map[string]struct{ class, text string }{
		"domain":         {"ValueError", "'domain' must be followed with a domain name"},
		"domain a /x /y": {"ValueError", "more than one path given (have '/x', got '/y')"},
		"foo":            {"AssertionError", "URL fragments must start with / or http:// (you gave 'foo')"},
		"port 1":         {"ValueError", "If you give a port, you must also give a domain"},
	} {
		_, err := load(t, paste.Options{}, mapOf("/a", key))
		var e *api.Error
		if !errors.As(err, &e) || e.Class != want.class || e.Text != want.text {
			t.Errorf("%q: %#v", key, err)
			continue
		}
		if full := "/test.ini:4: [composite:main] " + want.text; err.Error() != full {
			t.Errorf("%q: %s, want %s", key, err, full)
		}
	}
	_, err := load(t, paste.Options{}, "[composite:main]\nuse = egg:Paste#urlmap\nfoo = missing\n")
	if err == nil || !strings.Contains(err.Error(), "missing") {
		t.Errorf("a missing application before a bad path: %v", err)
	}
}

func TestNotFoundPageIsPastes(t *testing.T) {
	h := mustLoad(t, paste.Options{}, mapOf("/foo", "/foo/bar", "domain a.b /x'y&<b>", "domain EXAMPLE.org /"))
	r := request("/pre", `/nope<script>--></b>&"'`)
	r.Host = "h.example"
	r.Header.Set("Accept", "text/html")
	w := serve(h, r)
	want := "<html>\r\n  <head><title>Not Found</title></head>\r\n  <body>\r\n    <h1>Not Found</h1>\r\n" +
		"    <p>The resource could not be found.\r\n<br/>/nope&lt;script&gt;--&gt;&lt;/b&gt;&amp;&quot;&#x27;\r\n" +
		"<!-- defined apps: (&#x27;EXAMPLE.org&#x27;, &#x27;&#x27;),\n  (&#x27;a.b&#x27;, &quot;/x&#x27;y&amp;&lt;b&gt;&quot;),\n" +
		"  (None, &#x27;/foo/bar&#x27;),\n  (None, &#x27;/foo&#x27;)\nSCRIPT_NAME: &#x27;/pre&#x27;\n" +
		"PATH_INFO: &#x27;/nope&amp;lt;script&amp;gt;--&amp;gt;&amp;lt;/b&amp;gt;&amp;amp;&amp;quot;&amp;#x27;&#x27;\n" +
		"HTTP_HOST: &#x27;h.example&#x27; --></p>\r\n    <hr noshade>\r\n    <div align=\"right\">WSGI Server</div>\r\n  </body>\r\n</html>\r\n"
	if diff := cmp.Diff(want, w.Body.String()); diff != "" || w.Code != 404 || w.Header().Get("Content-Type") != "text/html; charset=utf8" {
		t.Errorf("%d %v -want +got\n%s", w.Code, w.Header(), diff)
	}
}

func TestNotFoundPageIsPlainForWhoDoesNotTakeHTML(t *testing.T) {
	h := mustLoad(t, paste.Options{}, mapOf("/foo"))
	w := serve(h, request("", "/caf\u00e9"))
	want := "404 Not Found\r\nThe resource could not be found.\r\n/café\r\n\r\n"
	if w.Body.String() != want || w.Header().Get("Content-Type") != "text/plain; charset=utf8" {
		t.Errorf("%q %v, want %q", w.Body, w.Header(), want)
	}
}

func TestNotFoundPageWithoutHostIsServed(t *testing.T) {
	h := mustLoad(t, paste.Options{}, mapOf("/foo"))
	r := request("", "*")
	r.Header.Set("Accept", "*/*")
	if w := serve(h, r); w.Code != 404 || !strings.Contains(w.Body.String(), "HTTP_HOST: &#x27;&#x27;") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestURLMapLoadsAsInTheCorpus(t *testing.T) {
	dir := corpusDir(t)
	cases, _ := filepath.Glob(filepath.Join(dir, "synthetic/paste-urlmap-*/main.ini"))
	if len(cases) == 0 {
		t.Error("no cases")
	}
	for _, path := range cases {
		name := filepath.Base(filepath.Dir(path))
		data, err := os.ReadFile(filepath.Join(dir, "expected-synthetic", name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		var expected struct {
			Results []struct {
				Create struct {
					Error *struct{ Class, Message string }
				}
			}
		}
		if err := json.Unmarshal(data, &expected); err != nil {
			t.Fatal(err)
		}
		var r api.Registry
		paste.Register(&r, paste.Options{})
		for _, egg := range []string{"FakeApp", "FakeApp#other"} {
			r.SetApp(egg, func(_, _ *api.Conf) (http.Handler, error) { return http.NotFoundHandler(), nil })
		}
		_, err = api.LoadApp("config:"+path, &r, api.Options{})
		want := expected.Results[0].Create.Error
		var e *api.Error
		switch {
		case want == nil && err != nil:
			t.Errorf("%s: %v", name, err)
		case want != nil && (!errors.As(err, &e) || e.Class != want.Class || e.Text != want.Message):
			t.Errorf("%s: %#v, want %v", name, err, want)
		}
	}
}

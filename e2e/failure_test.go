package e2e_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pasted/e2e/harness"
)

// TestEarlyHintsGoAhead is RFC 8297, on every way.
func TestEarlyHintsGoAhead(t *testing.T) {
	t.Parallel()
	server := serveWSGI(t, systemPython(t))
	for name, test := range map[string]struct {
		client *http.Client
		body   io.Reader
	}{
		"short":  {client: newClient(t)},
		"long":   {client: newClient(t), body: io.MultiReader(strings.NewReader("body"))},
		"HTTP/2": {client: http2Client(t)},
	} {
		for _, mount := range []string{"", "/plain"} {
			t.Run(name+mount, func(t *testing.T) {
				var links []string
				trace := &httptrace.ClientTrace{Got1xxResponse: func(code int, header textproto.MIMEHeader) error {
					if code != http.StatusEarlyHints || header.Get("Date") != "" || header.Get("Content-Length") != "" {
						return errors.New("not as it should be")
					}
					links = append(links, header.Get("Link"))
					return nil
				}}
				r, err := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), trace), "POST", server.URL+mount+"/hints", test.body)
				if err != nil {
					t.Fatal(err)
				}
				resp, err := test.client.Do(r)
				if err != nil {
					t.Fatal(err)
				}
				body, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				want := []string{"</style.css>; rel=preload; as=style", "</script.js>; rel=preload; as=script"}
				if err != nil || string(body) != "hinted\n" || resp.Header.Get("Link") != "" || !slices.Equal(links, want) {
					t.Errorf("%v, %s %q %v, hints %q", err, resp.Status, body, resp.Header, links)
				}
			})
		}
	}
}

// RFC 9110, 15.2: a client of HTTP/1.0 gets no interim answer.
func TestEarlyHintsAreNotForOldClients(t *testing.T) {
	t.Parallel()
	server := serveWSGI(t, systemPython(t))
	conn := dial(t, server)
	conn.send("GET /hints HTTP/1.0\r\n\r\n")
	if text, _ := conn.closed(); !strings.HasPrefix(string(text), "HTTP/1.1 200 OK\r\n") {
		t.Errorf("%q", text)
	}
}

// PEP 3333, Other HTTP Features.
func TestFieldsAboutTheConnectionAreRefused(t *testing.T) {
	t.Parallel()
	server := serveWSGI(t, systemPython(t))
	for _, field := range []string{"name=Connection&value=close", "name=transfer-encoding&value=chunked", "name=Upgrade&value=x", "name=X-A&value=%E2%82%AC", "name=X-A&value=%00"} {
		want(t, newClient(t), http.StatusInternalServerError, call{url: server.URL + "/plain/hop-by-hop?" + field})
	}
	harness.Await(t, 20*time.Second, "the reason in the log", func() bool {
		return server.Stderr.Has("ValueError: field 'Connection': it is about the connection")
	})
}

// A failure is one record, which names the request.
func TestAFailureIsOneRecord(t *testing.T) {
	t.Parallel()
	server := serveWSGI(t, systemPython(t))
	for _, body := range []io.Reader{nil, io.MultiReader(strings.NewReader("body"))} {
		page := want(t, newClient(t), http.StatusInternalServerError, call{method: "POST", url: server.URL + "/plain/fail?when=at+once&key=unique", body: body})
		if text := page.String(); strings.Contains(text, "unique") || strings.Contains(text, "Traceback") || strings.Contains(text, ".py") {
			t.Errorf("the client is told %q", text)
		}
	}
	harness.Await(t, 20*time.Second, "two records", func() bool { return len(server.Stderr.Lines("failed as asked, unique")) == 2 })
	for _, line := range server.Stderr.Lines("failed as asked, unique") {
		for _, part := range []string{"level=ERROR", `msg="application failed"`, "request=", "method=POST", "path=/plain/fail ", "release=1", "worker=", `text="Traceback (most recent call last):\n`} {
			if !strings.Contains(line, part) {
				t.Errorf("%q has no %q", line, part)
			}
		}
	}
}

func TestDebugShowsTracebacksOnThisMachineAlone(t *testing.T) {
	t.Parallel()
	server := serve(t, site{
		file: filepath.Join("testdata", "wsgi", "debug.ini"), python: systemPython(t),
	})
	server.Logged(5*time.Second, "debug is on")
	url := server.URL + "/plain/fail?when=at+once&key=%3Cb%3E"
	ask := func(client *http.Client, body io.Reader, header ...string) answer {
		r, err := http.NewRequest("POST", url, body)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
			if header[i] == "Host" {
				r.Host = header[i+1]
			}
		}
		resp, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, _ := io.ReadAll(resp.Body)
		if resp.StatusCode != http.StatusInternalServerError {
			t.Fatal(resp.Status)
		}
		return answer{resp, text}
	}
	for name, client := range map[string]*http.Client{"HTTP/1.1": newClient(t), "HTTP/2": http2Client(t)} {
		for _, long := range []bool{false, true} {
			var body io.Reader
			if long {
				body = io.MultiReader(strings.NewReader("body"))
			}
			page := ask(client, body)
			if text := page.String(); !strings.Contains(text, "failed as asked, &lt;b&gt;") || strings.Contains(text, "<b>") || !strings.Contains(text, "conformance.py") ||
				page.Header.Get("Content-Type") != "text/html; charset=utf-8" {
				t.Errorf("%s, long %v: %v %s", name, long, page.Header, text)
			}
		}
		for _, header := range [][]string{
			{"X-Forwarded-For", "127.0.0.1"}, {"Forwarded", "for=127.0.0.1"}, {"Via", "1.1 proxy"}, {"Host", "attacker.example"},
		} {
			if text := ask(client, nil, header...).String(); strings.Contains(text, "conformance.py") {
				t.Errorf("%s: with %q: %s", name, header, text)
			}
		}
	}
}

// PEP 3333, environ variables: server-defined ones.
func TestQueueTimeAndRelease(t *testing.T) {
	t.Parallel()
	server := serveWSGI(t, systemPython(t))
	for _, body := range []io.Reader{nil, io.MultiReader(strings.NewReader("body"))} {
		var got struct {
			Time    float64
			Release int
		}
		want(t, newClient(t), http.StatusOK, call{method: "POST", url: server.URL + "/queued", body: body}).decode(t, &got)
		if got.Time <= 0 || got.Time > 10 || got.Release != 1 {
			t.Errorf("%+v", got)
		}
	}
}

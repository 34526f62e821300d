package httpd_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"pasted/internal/httpd"
)

// http2Client returns a client that speaks HTTP/2 from the first byte on.
func http2Client(t *testing.T) *http.Client {
	t.Helper()
	transport := new(http.Transport)
	transport.Protocols = new(http.Protocols)
	transport.Protocols.SetUnencryptedHTTP2(true)
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 20 * time.Second}
}

// ask returns the answer to a request, and its body.
func ask(t *testing.T, client *http.Client, r *http.Request) (*http.Response, string) {
	t.Helper()
	answer, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, string(body)
}

func request(t *testing.T, method, url string, body io.Reader) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestHTTP2IsServedOnTheSamePort(t *testing.T) {
	s := serve(t, httpd.Config{Ident: "Example"}, http.HandlerFunc(echo))
	client := http2Client(t)
	url := "http://" + s.addr() + "/a%20b?c"
	answer, body := ask(t, client, request(t, "POST", url, strings.NewReader("text")))
	if answer.ProtoMajor != 2 || answer.StatusCode != 200 || body != "POST /a b text" {
		t.Errorf("got %s %s %q", answer.Proto, answer.Status, body)
	}
	for name, want := range map[string]string{"Server": "Example", "Content-Length": "14", "Content-Type": "text/plain"} {
		if got := answer.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if answer.Header.Get("Date") == "" {
		t.Error("no Date")
	}
	if answer, body := ask(t, client, request(t, "HEAD", url, nil)); answer.ContentLength != 10 || body != "" {
		t.Errorf("HEAD: length %d, body %q; want 10 and none", answer.ContentLength, body)
	}
	if r, err := http.Get(url); err != nil || r.ProtoMajor != 1 {
		t.Errorf("HTTP/1.1 beside it: %v, %v", r, err)
	} else {
		r.Body.Close()
	}
	http.DefaultClient.CloseIdleConnections()
}

func TestHTTP2CanBeSwitchedOff(t *testing.T) {
	s := serve(t, httpd.Config{NoHTTP2: true}, http.HandlerFunc(echo))
	if r, err := http2Client(t).Get("http://" + s.addr()); err == nil {
		t.Errorf("got %s", r.Status)
	}
}

func TestHTTP2AnswersAreThoseOfHTTP1(t *testing.T) {
	cases := map[string]struct {
		handler http.HandlerFunc
		status  int // 0: the answer is broken off
		fields  string
		body    string
	}{
		"nothing": {func(http.ResponseWriter, *http.Request) {}, 200, "Content-Length=0", ""},
		"no type": {func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html>") }, 200, "Content-Length=6", "<html>"},
		"204": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "0")
			w.WriteHeader(204)
		}, 204, "", ""},
		"connection": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Connection", "close")
			w.WriteHeader(404)
		}, 404, "Content-Length=0", ""},
		"upgrade": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(101) }, 500, "Content-Length=0", ""},
		"bad field": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["X"] = []string{"a\r\nb "}
			w.WriteHeader(200)
		}, 200, "Content-Length=0 X=a  b", ""},
		"late field": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(200); w.Header().Set("X", "y") }, 200, "Content-Length=0", ""},
		"flushed": {func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, "a")
			w.(http.Flusher).Flush()
			io.WriteString(w, "b")
		}, 200, "", "ab"},
		"too long": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "2")
			io.WriteString(w, "abc")
		}, 200, "Content-Length=2", "ab"},
		"too short": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "4")
			io.WriteString(w, "abc")
		}, 0, "", ""},
		"abort":          {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, 0, "", ""},
		"panic":          {func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "abc"); panic("no") }, 500, "Content-Length=45 X-Content-Type-Options=nosniff", "500 Internal Server Error: the server failed\n"},
		"panic later on": {func(w http.ResponseWriter, _ *http.Request) { w.(http.Flusher).Flush(); panic("no") }, 0, "", ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := serve(t, httpd.Config{}, c.handler)
			answer, err := http2Client(t).Get("http://" + s.addr())
			if err != nil {
				if c.status != 0 {
					t.Fatal(err)
				}
				return
			}
			defer answer.Body.Close()
			body, err := io.ReadAll(answer.Body)
			if c.status == 0 {
				if err == nil {
					t.Errorf("got %s %q, want it broken off", answer.Status, body)
				}
				return
			}
			answer.Header.Del("Date")
			answer.Header.Del("Content-Type")
			var fields []string
			for _, name := range []string{"Connection", "Content-Length", "X", "X-Content-Type-Options"} {
				if values, ok := answer.Header[name]; ok {
					fields = append(fields, name+"="+strings.Join(values, "|"))
				}
			}
			if got := strings.Join(fields, " "); answer.StatusCode != c.status || got != c.fields || string(body) != c.body || err != nil {
				t.Errorf("got %s %q %q, %v; want %d %q %q", answer.Status, got, body, err, c.status, c.fields, c.body)
			}
		})
	}
}

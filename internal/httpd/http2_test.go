package httpd_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

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

// A raw is a client of HTTP/2 that writes what it wants.
type raw struct {
	*http2.Framer
	t     *testing.T
	conn  net.Conn
	block bytes.Buffer
	hpack *hpack.Encoder
	last  *hpack.Decoder
}

// dialRaw connects, and has said hello.
func (s *serving) dialRaw(t *testing.T) *raw {
	t.Helper()
	conn, err := net.Dial("tcp", s.addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	c := &raw{Framer: http2.NewFramer(conn, conn), t: t, conn: conn, last: hpack.NewDecoder(4096, nil)}
	c.hpack = hpack.NewEncoder(&c.block)
	io.WriteString(conn, http2.ClientPreface)
	c.WriteSettings()
	return c
}

// get begins a stream with these fields, pairs of name and value.
func (c *raw) ask(stream uint32, end bool, fields ...string) {
	c.t.Helper()
	c.block.Reset()
	for i := 0; i < len(fields); i += 2 {
		c.hpack.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]})
	}
	err := c.WriteHeaders(http2.HeadersFrameParam{
		StreamID: stream, BlockFragment: c.block.Bytes(), EndStream: end, EndHeaders: true,
	})
	if err != nil {
		c.t.Fatal(err)
	}
}

// next returns what the server does next: "stream 1: 400", "reset 1: CODE",
// "goaway 1: CODE" or "closed". Other frames are passed over.
func (c *raw) next() string {
	c.t.Helper()
	for {
		f, err := c.ReadFrame()
		if err != nil {
			var timeout net.Error
			if errors.As(err, &timeout) && timeout.Timeout() {
				c.t.Fatal("the server does nothing")
			}
			return "closed"
		}
		switch f := f.(type) {
		case *http2.HeadersFrame:
			list, err := c.last.DecodeFull(f.HeaderBlockFragment())
			if err != nil {
				c.t.Fatal(err)
			}
			return fmt.Sprintf("stream %d: %s", f.StreamID, list[0].Value)
		case *http2.RSTStreamFrame:
			return fmt.Sprintf("reset %d: %v", f.StreamID, f.ErrCode)
		case *http2.GoAwayFrame:
			return fmt.Sprintf("goaway %d: %v", f.LastStreamID, f.ErrCode)
		}
	}
}

func TestHTTP2RequestsAreCheckedAsHTTP1s(t *testing.T) {
	long := strings.Repeat("a", 200)
	cases := []struct {
		name   string
		want   string
		fields string // "|" between them; the pseudo-fields of GET / come first unless it begins with one
		body   string
	}{
		{"plain", "stream 1: 200", "x|y", ""},
		{"trailers wanted", "stream 1: 200", "te|trailers", ""},
		{"Host that agrees", "stream 1: 200", "host|a", ""},
		{"Host that does not", "reset 1: PROTOCOL_ERROR", "host|b", ""},
		{"two Hosts", "reset 1: PROTOCOL_ERROR", "host|a|host|a", ""},
		{"Host alone", "stream 1: 200", ":method|GET|:scheme|http|:path|/|host|a", ""},
		{"no host", "stream 1: 400", ":method|GET|:scheme|http|:path|/", ""},
		{"user information", "reset 1: PROTOCOL_ERROR", ":method|GET|:scheme|http|:path|/|:authority|u@a", ""},
		{"bad host", "stream 1: 400", ":method|GET|:scheme|http|:path|/|:authority|a..b", ""},
		{"bad port", "stream 1: 400", ":method|GET|:scheme|http|:path|/|:authority|a:99999", ""},
		{"no path", "reset 1: PROTOCOL_ERROR", ":method|GET|:scheme|http|:authority|a", ""},
		{"empty path", "reset 1: PROTOCOL_ERROR", ":method|GET|:scheme|http|:path||:authority|a", ""},
		{"whole URI", "reset 1: PROTOCOL_ERROR", ":method|GET|:scheme|http|:path|http://a/|:authority|a", ""},
		{"asterisk", "stream 1: 400", ":method|GET|:scheme|http|:path|*|:authority|a", ""},
		{"OPTIONS *", "stream 1: 200", ":method|OPTIONS|:scheme|http|:path|*|:authority|a", ""},
		{"space in the path", "stream 1: 400", ":method|GET|:scheme|http|:path|/a b|:authority|a", ""},
		{"HTTP/1.1 in the path", "stream 1: 400", ":method|GET|:scheme|http|:path|/ HTTP/1.1|:authority|a", ""},
		{"fragment", "stream 1: 400", ":method|GET|:scheme|http|:path|/#a|:authority|a", ""},
		{"space in the method", "stream 1: 400", ":method|GET /|:scheme|http|:path|/|:authority|a", ""},
		{"long method", "stream 1: 501", ":method|" + long[:40] + "|:scheme|http|:path|/|:authority|a", ""},
		{"CONNECT", "stream 1: 501", ":method|CONNECT|:authority|a:80", ""},
		{"other scheme", "reset 1: PROTOCOL_ERROR", ":method|GET|:scheme|ftp|:path|/|:authority|a", ""},
		{"Connection", "stream 1: 400", "connection|close", ""},
		{"Transfer-Encoding", "stream 1: 400", "transfer-encoding|chunked", "a"},
		{"Upgrade", "stream 1: 400", "upgrade|x", ""},
		{"TE", "stream 1: 400", "te|gzip", ""},
		{"capital", "reset 1: PROTOCOL_ERROR", "X|y", ""},
		{"space in a name", "reset 1: PROTOCOL_ERROR", "x y|z", ""},
		{"line end in a value", "reset 1: PROTOCOL_ERROR", "x|y\r\nz", ""},
		{"pseudo-field of none", "reset 1: PROTOCOL_ERROR", ":x|y", ""},
		{"pseudo-field after others", "reset 1: PROTOCOL_ERROR", "x|y|:path|/", ""},
		{"unknown expectation", "stream 1: 417", "expect|tea", ""},
		{"two types", "stream 1: 400", "content-type|a/b|content-type|a/c", ""},
		{"long line", "stream 1: 414", ":method|GET|:scheme|http|:path|/" + long + "|:authority|a", ""},
		{"long field", "stream 1: 431", "x|" + long, ""},
		{"many fields", "stream 1: 431", strings.Repeat("x|y|", 9) + "x|y", ""},
		{"length", "stream 1: 200", "content-length|3", "abc"},
		{"length without a body", "stream 1: 400", "content-length|3", ""},
		{"two lengths", "stream 1: 400", "content-length|3|content-length|3", "abc"},
		{"length that is none", "stream 1: 400", "content-length|+3", ""},
		{"body that is longer", "reset 1: PROTOCOL_ERROR", "content-length|3", "abcd"},
		{"body that is shorter", "stream 1: 400", "content-length|5", "abcd"},
		{"large body", "stream 1: 413", "content-length|1001", long},
		{"large body of no length", "stream 1: 413", "", strings.Repeat(long, 6)},
		{"TRACE with a body", "stream 1: 400", ":method|TRACE|:scheme|http|:path|/|:authority|a", "abc"},
	}
	s := serve(t, httpd.Config{
		MaxHeaderSize: 1000, MaxBodySize: 1000, MaxRequestLine: 100, MaxFields: 8, MaxFieldSize: 100,
	}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadAll(r.Body); err != nil && r.ContentLength == 5 {
			w.WriteHeader(400) // as a handler does that reads bodies
		}
	}))
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			fields := strings.Split(c.fields, "|")
			if !strings.HasPrefix(c.fields, ":method") {
				usual := []string{":method", "GET", ":scheme", "http", ":path", "/", ":authority", "a"}
				fields = append(usual, fields...)
				if c.fields == "" {
					fields = usual
				}
			}
			client := s.dialRaw(t)
			client.ask(1, c.body == "", fields...)
			if c.body != "" {
				client.WriteData(1, true, []byte(c.body))
			}
			if got := client.next(); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
	t.Cleanup(func() {
		if text := s.log.String(); !strings.Contains(text, "PROTOCOL_ERROR") && !strings.Contains(text, "unlogged") {
			t.Errorf("resets are not counted: %s", text)
		}
	})
}

func TestHTTP2ConnectionEndsAfterItsStreams(t *testing.T) {
	release := make(chan struct{})
	entered := make(chan struct{}, 2)
	s := serve(t, httpd.Config{}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		entered <- struct{}{}
		<-release
	}))
	client := s.dialRaw(t)
	usual := []string{":method", "GET", ":scheme", "http", ":path", "/", ":authority", "a"}
	client.ask(1, true, usual...)
	<-entered
	s.stop()
	if got, want := client.next(), "goaway 2147483647: NO_ERROR"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	client.ask(3, true, usual...) // on its way, before the client has heard of it
	<-entered
	if got, want := client.next(), "goaway 3: NO_ERROR"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	close(release)
	for range 2 {
		if got := client.next(); !strings.HasSuffix(got, ": 200") {
			t.Errorf("got %q, want 200", got)
		}
	}
	if got := client.next(); got != "closed" {
		t.Errorf("got %q, want the connection closed", got)
	}
	if err := s.wait(); err != nil {
		t.Error(err)
	}
}

func TestHTTP2RequestsAreCutAndCounted(t *testing.T) {
	entered := make(chan struct{}, 2)
	s := serve(t, httpd.Config{GracefulTimeout: 50 * time.Millisecond}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		entered <- struct{}{}
		<-r.Context().Done()
	}))
	client := s.dialRaw(t)
	for stream := range uint32(2) {
		client.ask(2*stream+1, true, ":method", "GET", ":scheme", "http", ":path", "/", ":authority", "a")
		<-entered
	}
	s.stop()
	var cut *httpd.CutError
	if err := s.wait(); !errors.As(err, &cut) || cut.Requests != 2 || cut.Running != 0 {
		t.Errorf("Serve() = %v, want two requests cut", err)
	}
}

func TestHTTP2RequestEndsWithItsStream(t *testing.T) {
	entered, left := make(chan struct{}), make(chan error)
	s := serve(t, httpd.Config{}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		entered <- struct{}{}
		<-r.Context().Done()
		left <- r.Context().Err()
	}))
	client := s.dialRaw(t)
	ask := func(stream uint32) {
		client.ask(stream, true, ":method", "GET", ":scheme", "http", ":path", "/", ":authority", "a")
		<-entered
	}
	ask(1)
	client.WriteRSTStream(1, http2.ErrCodeCancel)
	if err := <-left; err != context.Canceled {
		t.Errorf("after the reset: %v", err)
	}
	ask(3)
	client.conn.Close()
	if err := <-left; err != context.Canceled {
		t.Errorf("after the client has gone: %v", err)
	}
}

func TestHTTP2WaitsForNobodyForEver(t *testing.T) {
	large := strings.Repeat("a", 1<<20)
	ended := make(chan error, 1)
	s := serve(t, httpd.Config{
		HeaderTimeout: 200 * time.Millisecond, BodyTimeout: 200 * time.Millisecond,
		SendTimeout: 200 * time.Millisecond, IdleTimeout: 200 * time.Millisecond,
	}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadAll(r.Body); err != nil {
			return // the server says why
		}
		if r.URL.Path == "/large" {
			_, err := io.WriteString(w, large)
			ended <- err
		}
	}))
	usual := func(path string) []string {
		return []string{":method", "POST", ":scheme", "http", ":path", path, ":authority", "a"}
	}
	t.Run("for a request", func(t *testing.T) {
		if got := s.dialRaw(t).next(); !strings.HasPrefix(got, "goaway 0") {
			t.Errorf("got %q, want goaway", got)
		}
	})
	t.Run("for the next one", func(t *testing.T) {
		client := s.dialRaw(t)
		client.ask(1, true, usual("/")...)
		if got := client.next() + ", " + client.next(); got != "stream 1: 200, goaway 1: NO_ERROR" {
			t.Errorf("got %q", got)
		}
	})
	t.Run("for a body", func(t *testing.T) {
		client := s.dialRaw(t)
		client.ask(1, false, usual("/")...)
		client.WriteData(1, false, []byte("a"))
		if got := client.next(); got != "stream 1: 408" {
			t.Errorf("got %q, want 408", got)
		}
	})
	t.Run("for a window", func(t *testing.T) {
		client := s.dialRaw(t)
		client.ask(1, true, usual("/large")...)
		if got := client.next(); got != "stream 1: 200" {
			t.Errorf("got %q, want 200", got)
		}
		stop := make(chan struct{})
		var pings sync.WaitGroup
		pings.Go(func() { // the connection itself is alive
			for {
				select {
				case <-stop:
					return
				case <-time.After(20 * time.Millisecond):
					client.WritePing(false, [8]byte{})
				}
			}
		})
		if got := client.next(); got != "reset 1: INTERNAL_ERROR" {
			t.Errorf("got %q, want a reset", got)
		}
		close(stop)
		pings.Wait()
		if err := <-ended; err == nil {
			t.Error("the handler has written everything")
		}
	})
}

func TestHTTP2StreamsAreBounded(t *testing.T) {
	release := make(chan struct{})
	s := serve(t, httpd.Config{MaxConnections: 3}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { <-release }))
	client := s.dialRaw(t)
	for stream := range uint32(4) {
		client.ask(2*stream+1, true, ":method", "GET", ":scheme", "http", ":path", "/", ":authority", "a")
	}
	if got := client.next(); !strings.HasSuffix(got, ": 503") {
		t.Errorf("got %q, want 503", got)
	}
	close(release)
}

func TestHTTP2FloodsEndTheConnection(t *testing.T) {
	s := serve(t, httpd.Config{}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
	}))
	usual := []string{":method", "GET", ":scheme", "http", ":path", "/", ":authority", "a"}
	floods := map[string]func(c *raw){
		"resets": func(c *raw) {
			for stream := uint32(1); c.conn != nil; stream += 2 {
				c.block.Reset()
				for i := 0; i < len(usual); i += 2 {
					c.hpack.WriteField(hpack.HeaderField{Name: usual[i], Value: usual[i+1]})
				}
				err := c.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: c.block.Bytes(), EndStream: true, EndHeaders: true})
				if err != nil || c.WriteRSTStream(stream, http2.ErrCodeCancel) != nil {
					return
				}
			}
		},
		"continuations": func(c *raw) {
			c.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, EndStream: true})
			block := bytes.Repeat([]byte("\x00\x01x\x01y"), 1000)
			for c.WriteContinuation(1, false, block) == nil {
			}
		},
	}
	for name, flood := range floods {
		t.Run(name, func(t *testing.T) {
			client := s.dialRaw(t)
			var flooding sync.WaitGroup
			flooding.Go(func() { flood(client) })
			for got := ""; got != "closed"; {
				got = client.next()
			}
			client.conn.Close()
			flooding.Wait()
		})
	}
}

func TestIdleHTTP2ConnectionsMakeRoom(t *testing.T) {
	release := make(chan struct{})
	entered := make(chan struct{}, 1)
	s := serve(t, httpd.Config{MaxConnections: 2}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/busy" {
			entered <- struct{}{}
			<-release
		}
	}))
	usual := func(path string) []string {
		return []string{":method", "GET", ":scheme", "http", ":path", path, ":authority", "a"}
	}
	idle, busy := s.dialRaw(t), s.dialRaw(t)
	busy.ask(1, true, usual("/busy")...)
	<-entered
	idle.ask(1, true, usual("/")...)
	if got := idle.next(); got != "stream 1: 200" {
		t.Fatalf("got %q, want 200", got)
	}
	next := s.dial(t)
	next.send("GET / HTTP/1.1\nHost: a\nConnection: close\n\n")
	if got := idle.next(); got != "goaway 1: NO_ERROR" {
		t.Errorf("got %q, want goaway", got)
	}
	if r, _ := next.answer("GET"); r.StatusCode != 200 {
		t.Errorf("got %s", r.Status)
	}
	next.closed()
	third := s.dialRaw(t)
	third.ask(1, true, usual("/busy")...)
	<-entered
	fourth := s.dial(t) // which nobody makes room for, until
	fourth.send("GET / HTTP/1.1\nHost: a\n\n")
	close(release)
	if r, _ := fourth.answer("GET"); r.StatusCode != 200 {
		t.Errorf("got %s", r.Status)
	}
}

func TestASlowReaderOfHTTP2IsNotCut(t *testing.T) {
	const window = 65535
	const most = window + 30*1024
	s := serve(t, httpd.Config{SendTimeout: 200 * time.Millisecond}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, strings.Repeat("a", most))
	}))
	client := s.dialRaw(t)
	client.ask(1, true, ":method", "GET", ":scheme", "http", ":path", "/", ":authority", "a")
	for got, ended := 0, false; !ended; {
		f, err := client.ReadFrame()
		if err != nil {
			t.Fatal(err)
		}
		switch f := f.(type) {
		case *http2.RSTStreamFrame:
			t.Fatalf("cut with %v after %d bytes", f.ErrCode, got)
		case *http2.DataFrame:
			got += len(f.Data())
			if ended = f.StreamEnded(); ended && got != most {
				t.Errorf("%d bytes, want %d", got, most)
			}
			if got >= window && !ended {
				<-time.After(30 * time.Millisecond) // it is slow
				client.WriteWindowUpdate(0, 1024)
				client.WriteWindowUpdate(1, 1024)
			}
		}
	}
}

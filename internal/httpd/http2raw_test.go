package httpd_test

import (
	"bytes"
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
	return hello(t, connect(t, s.listeners[0].Addr()))
}

// pipeRaw is a client of a server that knows only that connection, both without
// the system: in a bubble of testing/synctest the time of both is the bubble's.
func pipeRaw(t *testing.T, cfg httpd.Config, handler http.Handler) *raw {
	t.Helper()
	engine := httpd.NewEngine(t.Context(), cfg, nil, handler, discard())
	ours, theirs := net.Pipe()
	ours.SetDeadline(time.Now().Add(time.Hour)) // the test fails rather than to hang
	var serving sync.WaitGroup
	serving.Go(func() { engine.ServeHTTP2(theirs) })
	t.Cleanup(func() {
		ours.Close()
		serving.Wait()
	})
	return hello(t, ours)
}

func hello(t *testing.T, conn net.Conn) *raw {
	c := &raw{Framer: http2.NewFramer(conn, conn), t: t, conn: conn, last: hpack.NewDecoder(4096, nil)}
	c.hpack = hpack.NewEncoder(&c.block)
	io.WriteString(conn, http2.ClientPreface)
	c.WriteSettings()
	return c
}

// ask begins a stream with these fields, pairs of name and value.
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
		{"Connection", "reset 1: PROTOCOL_ERROR", "connection|close", ""},
		// Without a body: for the library the stream has not begun, and DATA on it
		// ends the connection, which RFC 9113, 5.4.2 leaves to a server.
		{"Transfer-Encoding", "reset 1: PROTOCOL_ERROR", "transfer-encoding|chunked", ""},
		{"Upgrade", "reset 1: PROTOCOL_ERROR", "upgrade|x", ""},
		{"TE", "reset 1: PROTOCOL_ERROR", "te|gzip", ""},
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
}

package httpd_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"pasted/internal/httpd"
)

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

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
	"testing/synctest"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"pasted/internal/httpd"
)

func TestHTTP2ConnectionEndsAfterItsStreams(t *testing.T) {
	release := make(chan struct{})
	entered := make(chan struct{}, 2)
	e := runEngine(t, httpd.Config{Listen: []httpd.Address{{Host: "127.0.0.1"}}}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		entered <- struct{}{}
		<-release
	}))
	asked := make(chan struct{})
	goOn := sync.OnceFunc(func() { close(asked) })
	defer goOn()
	e.stopping = func() { <-asked } // a request that comes too late is not served
	client := hello(t, e.dial(t))
	usual := []string{":method", "GET", ":scheme", "http", ":path", "/", ":authority", "a"}
	client.ask(1, true, usual...)
	<-entered
	e.stop()
	if got, want := client.next(), "goaway 2147483647: NO_ERROR"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	client.ask(3, true, usual...) // on its way, before the client has heard of it
	<-entered
	goOn()
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
	<-e.done
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

// TestHTTP2WaitsForNobodyForEver has each time-out come at its time, and none of
// the others before it.
func TestHTTP2WaitsForNobodyForEver(t *testing.T) {
	cfg := httpd.Config{
		HeaderTimeout: time.Minute, IdleTimeout: 2 * time.Minute, BodyTimeout: 3 * time.Minute, SendTimeout: 4 * time.Minute,
	}
	const answer = 1 << 20
	written := 0
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadAll(r.Body); err != nil {
			return // the server says why
		}
		if r.URL.Path == "/large" {
			written, _ = io.WriteString(w, strings.Repeat("a", answer))
		}
	})
	ask := func(c *raw, end bool, path string) {
		c.ask(1, end, ":method", "POST", ":scheme", "http", ":path", path, ":authority", "a")
	}
	cases := []struct {
		name        string
		begin       func(c *raw)
		want        []string
		least, most time.Duration
	}{
		{"for a request", func(*raw) {}, []string{"goaway 0: NO_ERROR"}, cfg.HeaderTimeout, cfg.HeaderTimeout},
		{"for the next one", func(c *raw) { ask(c, true, "/") },
			[]string{"stream 1: 200", "goaway 1: NO_ERROR"}, cfg.IdleTimeout, cfg.IdleTimeout},
		{"for a body", func(c *raw) { ask(c, false, "/"); c.WriteData(1, false, []byte("a")) },
			[]string{"stream 1: 408"}, cfg.BodyTimeout, cfg.BodyTimeout},
		{"for a window", func(c *raw) { ask(c, true, "/large") },
			[]string{"stream 1: 200", "reset 1: INTERNAL_ERROR"}, cfg.SendTimeout, cfg.SendTimeout * 3 / 2},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client := pipeRaw(t, cfg, handler)
				began := time.Now()
				c.begin(client)
				var pings sync.WaitGroup
				defer pings.Wait()
				stop := make(chan struct{})
				defer close(stop)
				pings.Go(func() { // the connection itself is alive, and not written to when it is looked
					for {
						select {
						case <-stop:
							return
						case <-time.After(37 * time.Second):
							if client.WritePing(false, [8]byte{}) != nil {
								return
							}
						}
					}
				})
				for _, want := range c.want {
					if got := client.next(); got != want {
						t.Errorf("got %q, want %q", got, want)
					}
				}
				if took := time.Since(began); took < c.least || took > c.most {
					t.Errorf("after %v, want %v to %v", took, c.least, c.most)
				}
			})
		})
	}
	if written == answer {
		t.Error("the handler has written everything")
	}
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
	t.Parallel() // it takes its time
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
	synctest.Test(t, func(t *testing.T) {
		const window = 65535
		const most = window + 30*1024
		client := pipeRaw(t, httpd.Config{SendTimeout: time.Minute}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, strings.Repeat("a", most))
		}))
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
					time.Sleep(30 * time.Second) // it is slow
					client.WriteWindowUpdate(0, 1024)
					client.WriteWindowUpdate(1, 1024)
				}
			}
		}
	})
}

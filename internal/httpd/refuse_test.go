package httpd_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"pasted/internal/httpd"
)

func TestBadRequestsAreRefused(t *testing.T) {
	long := strings.Repeat("x", 3000)
	cases := []struct {
		name, request string
		code          int
	}{
		{"no HTTP", "hello\n\n", 400},
		{"no version", "GET /\n\n", 400},
		{"HTTP/2", "GET / HTTP/2.0\nHost: a\n\n", 505},
		{"HTTP/2 preface", "PRI * HTTP/2.0\n\nSM\n\n", 505},
		{"length beside coding", "POST / HTTP/1.1\nHost: a\nContent-Length: 3\nTransfer-Encoding: chunked\n\n0\n\n", 400},
		{"bare LF", "GET / HTTP/1.1\r\nHost: a\x0a\n", 400},
		{"no Host", "GET / HTTP/1.1\n\n", 400},
		{"two Hosts", "GET / HTTP/1.1\nHost: a\nHost: b\n\n", 400},
		{"space before the colon", "GET / HTTP/1.1\nHost : a\n\n", 400},
		{"folded field", "GET / HTTP/1.1\n Host: a\n\n", 400},
		{"NUL in a value", "GET / HTTP/1.1\nHost: a\nX: a\x00b\n\n", 400},
		{"length of minus one", "POST / HTTP/1.1\nHost: a\nContent-Length: -1\n\n", 400},
		{"two lengths", "POST / HTTP/1.1\nHost: a\nContent-Length: 1\nContent-Length: 2\n\nab", 400},
		{"unknown coding", "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: gzip\n\n", 400},
		{"unknown expectation", "POST / HTTP/1.1\nHost: a\nExpect: tea\nContent-Length: 1\n\nx", 417},
		{"CONNECT", "CONNECT a:80 HTTP/1.1\nHost: a:80\n\n", 501},
		{"long line", "GET /" + long[:200] + " HTTP/1.1\nHost: a\n\n", 414},
		{"long field", "GET / HTTP/1.1\nHost: a\nX: " + long[:200] + "\n\n", 431},
		{"many fields", "GET / HTTP/1.1\nHost: a\n" + strings.Repeat("X: y\n", 10) + "\n", 431},
		{"large head", "GET / HTTP/1.1\nHost: a\nX: " + long + "\n\n", 431},
		{"endless line", "GET /" + long, 414},
		{"large body", "POST / HTTP/1.1\nHost: a\nContent-Length: 1001\n\n", 413},
		{"large body sent at once", "POST / HTTP/1.1\nHost: a\nContent-Length: 3000\n\n" + long, 413},
		{"large body that waits", "POST / HTTP/1.1\nHost: a\nExpect: 100-continue\nContent-Length: 1001\n\n", 413},
		{"large chunked body", "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\nbb8\n" + long + "\n0\n\n", 413},
		{"bad chunk", "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\nzz\n", 400},
	}
	s := serve(t, httpd.Config{
		MaxHeaderSize: 1000, MaxBodySize: 1000, MaxRequestLine: 100, MaxFields: 8, MaxFieldSize: 100, NoHTTP2: true,
	}, http.HandlerFunc(echo))
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			client := s.dial(t)
			client.send(c.request)
			r, _ := client.answer("POST")
			if r.StatusCode != c.code || !r.Close {
				t.Errorf("got %s, Connection: close is %v; want %d and a closed connection", r.Status, r.Close, c.code)
			}
			client.closed()
		})
	}
}

func TestRefusalsAreLogged(t *testing.T) {
	s := serve(t, httpd.Config{MaxBodySize: 1}, http.HandlerFunc(echo))
	client := s.dial(t)
	client.send("POST / HTTP/1.1\nHost: a\nContent-Length: 5\n\n")
	client.answer("POST")
	for _, want := range []string{"level=INFO", `msg="request refused"`, "status=413", "client=127.0.0.1:", "too large"} {
		if !strings.Contains(s.log.String(), want) {
			t.Errorf("no %s in the log:\n%s", want, s.log)
		}
	}
}

func TestAFloodOfRefusalsIsLoggedInParts(t *testing.T) {
	s := serve(t, httpd.Config{}, http.HandlerFunc(echo))
	refuse := func() {
		client := s.dial(t)
		client.send("nonsense\n\n")
		client.answer("GET")
		client.Close()
	}
	began := time.Now()
	for range 500 {
		refuse()
	}
	seconds := 1 + int(time.Since(began).Seconds())
	if n := strings.Count(s.log.String(), "request refused"); n < 10 || n > 10*seconds {
		t.Errorf("%d refusals logged of 500 within %d s, want 10 a second", n, seconds)
	}
	for deadline := time.Now().Add(20 * time.Second); !strings.Contains(s.log.String(), "unlogged="); {
		if time.Now().After(deadline) {
			t.Fatalf("no word of those that were not:\n%s", s.log)
		}
		time.Sleep(100 * time.Millisecond)
		refuse()
	}
}

func TestLimitsAreExact(t *testing.T) {
	s := serve(t, httpd.Config{MaxHeaderSize: 300, MaxBodySize: 10}, http.HandlerFunc(echo))
	head := "GET / HTTP/1.1\nHost: a\nX: "
	fill := 300 - len(head) - strings.Count(head, "\n") - len("\r\n\r\n")
	for extra, want := range []int{200, 431} {
		client := s.dial(t)
		client.send(head + strings.Repeat("x", fill+extra) + "\n\n")
		if r, _ := client.answer("GET"); r.StatusCode != want {
			t.Errorf("head of %d bytes: %s, want %d", 300+extra, r.Status, want)
		}
	}
	for body, want := range map[string]int{"0123456789": 200, "0123456789a": 413} {
		client := s.dial(t)
		client.send("POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n")
		client.send(string("0123456789ab"[len(body)]) + "\n" + body + "\n0\n\n")
		if r, _ := client.answer("POST"); r.StatusCode != want {
			t.Errorf("body of %d bytes: %s, want %d", len(body), r.Status, want)
		}
	}
}

func TestALaterRequestIsBoundedAsTheFirst(t *testing.T) {
	s := serve(t, httpd.Config{MaxHeaderSize: 500}, http.HandlerFunc(echo))
	client := s.dial(t)
	for range 3 {
		client.send("GET / HTTP/1.1\nHost: a\nX: " + strings.Repeat("x", 400) + "\n\n")
		if r, _ := client.answer("GET"); r.StatusCode != 200 {
			t.Fatal(r.Status)
		}
	}
	client.send("GET / HTTP/1.1\nHost: a\nX: " + strings.Repeat("x", 600) + "\n\n")
	if r, _ := client.answer("GET"); r.StatusCode != 431 {
		t.Errorf("%s, want 431", r.Status)
	}
}

// drip sends text a byte at a time with a pause after each, until the server
// does not want more.
func drip(c *client, text string, pause time.Duration) {
	for i := range len(text) {
		if _, err := c.Write([]byte{text[i]}); err != nil {
			return
		}
		time.Sleep(pause)
	}
}

// near is a time-out that a test waits for, far one that none lives to see.
const (
	near = 50 * time.Millisecond
	far  = time.Hour
)

func TestSlowClientsGet408(t *testing.T) {
	head := "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n"
	small := strings.Replace(head, "100000", "1000", 1)
	chunked := "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
	const drop = 10 * time.Millisecond
	heads := httpd.Config{HeaderTimeout: 2 * near, BodyTimeout: far}
	bodies := httpd.Config{HeaderTimeout: far, BodyTimeout: 2 * near, MinBodyRate: 10_000}
	cases := []struct {
		name       string
		cfg        httpd.Config
		fast, slow string
	}{
		{"head that drips", heads, "x", strings.Repeat("x", 500)},
		{"head that stops", heads, "GET / HT", ""},
		{"body that never comes", bodies, head, ""},
		{"body that stops", bodies, head + "abc", ""},
		{"body that drips", bodies, head, strings.Repeat("x", 90000)},
		{"small body that stops", bodies, small + "abc", ""},
		{"small body that drips", bodies, small, strings.Repeat("x", 900)},
		{"chunks that stop", bodies, chunked + "3\r\nabc\r\n", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l := mustListen(t, httpd.Config{}, httpd.Address{Host: "127.0.0.1"})
			client := connect(t, l.Addr())
			io.WriteString(client.Conn, c.fast)
			s := serveOn(t, c.cfg, http.HandlerFunc(echo), l)
			var sending sync.WaitGroup
			sending.Go(func() { drip(client, c.slow, drop) })
			r, _ := client.answer("POST")
			if r.StatusCode != 408 || !r.Close {
				t.Errorf("got %s, close %v; want 408 and a closed connection", r.Status, r.Close)
			}
			client.Close()
			sending.Wait()
			if !strings.Contains(s.log.String(), "status=408") {
				t.Errorf("not logged:\n%s", s.log)
			}
		})
	}
}

func TestALaterSlowHeadGets408(t *testing.T) {
	l := mustListen(t, httpd.Config{}, httpd.Address{Host: "127.0.0.1"})
	client := connect(t, l.Addr())
	client.send("GET / HTTP/1.1\nHost: a\n\n")
	s := serveOn(t, httpd.Config{HeaderTimeout: near, IdleTimeout: far}, http.HandlerFunc(echo), l)
	client.answer("GET")
	time.Sleep(2 * near) // more than a head may take: it has not begun
	s.turn()
	began := time.Now()
	client.send("GET / HTTP/1.1\nHo")
	if r, _ := client.answer("GET"); r.StatusCode != 408 {
		t.Error(r.Status)
	}
	if took := time.Since(began); took < near {
		t.Errorf("after %v, want at least %v", took, near)
	}
}

func TestANewSilentConnectionIsClosedWithoutAWord(t *testing.T) {
	s := serve(t, httpd.Config{HeaderTimeout: near, IdleTimeout: far}, http.HandlerFunc(echo))
	began := time.Now()
	s.dial(t).closed()
	if took := time.Since(began); took < near {
		t.Errorf("closed after %v, want %v", took, near)
	}
}

func TestAnIdleConnectionIsClosedWithoutAWord(t *testing.T) {
	s := serve(t, httpd.Config{HeaderTimeout: far, IdleTimeout: near}, http.HandlerFunc(echo))
	client := s.dial(t)
	began := time.Now() // not after the answer: the connection is idle before it is read
	client.send("GET / HTTP/1.1\nHost: a\n\n")
	client.answer("GET")
	client.closed()
	if took := time.Since(began); took < near {
		t.Errorf("closed after %v, want %v", took, near)
	}
}

// TestASlowBodyAtALeisurelyPaceIsTaken sends for longer than a piece may take,
// which is so long that the test may be held up between two of them.
func TestASlowBodyAtALeisurelyPaceIsTaken(t *testing.T) {
	t.Parallel()
	const piece = 3 * time.Second
	s := serve(t, httpd.Config{BodyTimeout: piece, MinBodyRate: 100}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		if n != 40*1000 || err != nil {
			t.Errorf("handler got %d bytes, %v", n, err)
		}
	}))
	client := s.dial(t)
	client.send("POST / HTTP/1.1\nHost: a\nContent-Length: 40000\n\n")
	for range 40 {
		time.Sleep(piece / 30)
		client.send(strings.Repeat("x", 1000))
	}
	if r, _ := client.answer("POST"); r.StatusCode != 200 {
		t.Error(r.Status)
	}
}

// TestAHandlerMayTakeItsTimeBetweenReads has a body that is all there before it
// is read: the longer one does not come with its head, and is little enough for
// the kernel to take.
func TestAHandlerMayTakeItsTimeBetweenReads(t *testing.T) {
	for _, length := range []int{10, 40_000} {
		sent := make(chan struct{})
		s := serve(t, httpd.Config{BodyTimeout: near}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			<-sent
			for range 5 {
				time.Sleep(2 * near)
				if _, err := io.ReadFull(r.Body, make([]byte, length/5)); err != nil {
					t.Error(err)
				}
			}
			if err := r.Context().Err(); err != nil {
				t.Errorf("the request's context has ended although its client is there: %v", err)
			}
		}))
		client := s.dial(t)
		client.send(fmt.Sprintf("POST / HTTP/1.1\nHost: a\nContent-Length: %d\n\n", length) + strings.Repeat("x", length))
		close(sent)
		if r, _ := client.answer("POST"); r.StatusCode != 200 {
			t.Error(r.Status)
		}
	}
}

package h2_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"pasted/e2e/harness"
)

//lint:file-ignore SA1019 this is what other programs have that speak it.

// newClient returns a client that speaks nothing but HTTP/2, and counts its
// connections.
func newClient(t *testing.T, dialed *int) *http.Client {
	t.Helper()
	var mu sync.Mutex
	transport := &http2.Transport{
		AllowHTTP: true,
		DialTLSContext: func(ctx context.Context, network, addr string, _ *tls.Config) (net.Conn, error) {
			mu.Lock()
			*dialed++
			mu.Unlock()
			return new(net.Dialer).DialContext(ctx, network, addr)
		},
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 30 * time.Second}
}

// do returns the answer to a request, and its body.
func do(t *testing.T, client *http.Client, method, url string, body io.Reader, fields ...string) (*http.Response, []byte) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(fields); i += 2 {
		r.Header.Add(fields[i], fields[i+1])
	}
	answer, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode != 200 || answer.Header.Get("X-Application") == "" && !strings.HasSuffix(url, "/stream") {
		t.Fatalf("%s %s: %s %q", method, url, answer.Status, data)
	}
	return answer, data
}

func TestApplicationsAreServedInHTTP2(t *testing.T) {
	s := start(t, "h2.ini")
	dialed := 0
	client := newClient(t, &dialed)
	t.Run("the environ", func(t *testing.T) { checkEnviron(t, s, client) })
	t.Run("HEAD", func(t *testing.T) {
		answer, body := do(t, client, "HEAD", s.URL+"/", nil)
		if len(body) != 0 || answer.ContentLength <= 0 {
			t.Errorf("length %d, body of %d bytes; want one and none", answer.ContentLength, len(body))
		}
	})
	t.Run("a body of 1 MB", func(t *testing.T) {
		large := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
		for _, body := range []io.Reader{bytes.NewReader(large), io.MultiReader(bytes.NewReader(large))} {
			if _, got := do(t, client, "POST", s.URL+"/echo", body); !bytes.Equal(got, large) {
				t.Errorf("got %d bytes back, want the %d that were sent", len(got), len(large))
			}
		}
	})
	t.Run("a stream", func(t *testing.T) { checkStream(t, s, client) })
	t.Run("100 streams at a time", func(t *testing.T) {
		var streams sync.WaitGroup
		for i := range 100 {
			streams.Go(func() {
				body := fmt.Sprintf("request %d", i)
				r, _ := http.NewRequestWithContext(t.Context(), "POST", s.URL+"/echo", strings.NewReader(body))
				answer, err := client.Do(r)
				if err != nil {
					t.Error(err)
					return
				}
				defer answer.Body.Close()
				if got, err := io.ReadAll(answer.Body); string(got) != body || err != nil {
					t.Errorf("got %q, %v; want %q", got, err, body)
				}
			})
		}
		streams.Wait()
	})
	t.Run("a request that is cancelled", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		r, _ := http.NewRequestWithContext(ctx, "GET", s.URL+"/slow", nil)
		if answer, err := client.Do(r); err == nil {
			t.Errorf("got %s", answer.Status)
		}
		do(t, client, "GET", s.URL+"/", nil)
	})
	if dialed != 1 {
		t.Errorf("%d connections were made, want 1", dialed)
	}
}

func checkEnviron(t *testing.T, s *harness.Server, client *http.Client) {
	_, body := do(t, client, "POST", s.URL+"/a%20b%E9?c=%20d", strings.NewReader("12345"),
		"Cookie", "a=1", "Cookie", "b=2", "X-Field", "1", "X-Field", "2", "X_Field", "forged", "Content-Type", "text/x")
	var told map[string]any
	if err := json.Unmarshal(body, &told); err != nil {
		t.Fatal(err)
	}
	host, port, _ := net.SplitHostPort(s.Addr)
	for name, want := range map[string]any{
		"SERVER_PROTOCOL": "HTTP/2.0", "REQUEST_METHOD": "POST", "SCRIPT_NAME": "", "PATH_INFO": "/a bé",
		"QUERY_STRING": "c=%20d", "REQUEST_URI": "/a%20b%E9?c=%20d", "wsgi.url_scheme": "http",
		"HTTP_HOST": s.Addr, "SERVER_NAME": host, "SERVER_PORT": port, "REMOTE_ADDR": host,
		"HTTP_COOKIE": "a=1; b=2", "HTTP_X_FIELD": "1, 2", "CONTENT_LENGTH": "5", "CONTENT_TYPE": "text/x",
		"length": float64(5), "wsgi.input_terminated": true,
	} {
		if told[name] != want {
			t.Errorf("%s is %q, want %q", name, told[name], want)
		}
	}
	for name := range told {
		if strings.HasPrefix(name, "HTTP_:") || name == "HTTP_CONTENT_LENGTH" || name == "HTTP_TRANSFER_ENCODING" {
			t.Errorf("the environ has %s", name)
		}
	}
}

// checkStream looks that an answer comes piece by piece.
func checkStream(t *testing.T, s *harness.Server, client *http.Client) {
	answer, err := client.Get(s.URL + "/stream")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	pieces, whole, buf := 0, "", make([]byte, 100)
	for err == nil {
		var n int
		n, err = answer.Body.Read(buf)
		if n > 0 {
			pieces++
			whole += string(buf[:n])
		}
	}
	if want := "0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n"; err != io.EOF || whole != want || pieces < 3 {
		t.Errorf("got %q in %d pieces, %v; want %q in ten", whole, pieces, err, want)
	}
}

func TestCurlIsAnswered(t *testing.T) {
	curl, err := exec.LookPath("curl")
	if err != nil {
		t.Skip("curl is not installed")
	}
	if out, err := exec.Command(curl, "--version").Output(); err != nil || !strings.Contains(string(out), "HTTP2") {
		t.Skip("curl does not speak HTTP/2")
	}
	s := start(t, "h2.ini")
	out, err := exec.Command(curl, "-sS", "--http2-prior-knowledge", "--data", "hello",
		"-w", " %{http_version} %{response_code}", s.URL+"/echo").Output()
	if got := string(out); err != nil || got != "hello 2 200" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestStopLosesNoRequestOfHTTP2(t *testing.T) {
	s := start(t, "h2.ini")
	dialed := 0
	client := newClient(t, &dialed)
	do(t, client, "GET", s.URL+"/", nil)
	begun := make(chan struct{})
	answered := make(chan error)
	go func() {
		r, _ := http.NewRequestWithContext(t.Context(), "POST", s.URL+"/slow", signalling{strings.NewReader("x"), begun})
		answer, err := client.Do(r)
		if err == nil {
			_, err = io.ReadAll(answer.Body)
			answer.Body.Close()
		}
		answered <- err
	}()
	<-begun
	s.Stop()
	if err := <-answered; err != nil {
		t.Errorf("the request that was being served: %v", err)
	}
}

// A signalling reader closes a channel when it is first read.
type signalling struct {
	io.Reader
	begun chan struct{}
}

func (s signalling) Read(p []byte) (int, error) {
	select {
	case <-s.begun:
	default:
		close(s.begun)
	}
	return s.Reader.Read(p)
}

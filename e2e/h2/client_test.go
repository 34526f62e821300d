package h2_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
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
	if answer.StatusCode != 200 || answer.Header.Get("X-Application") == "" {
		t.Fatalf("%s %s: %s %q", method, url, answer.Status, data)
	}
	return answer, data
}

func TestApplicationsAreServedInHTTP2(t *testing.T) {
	folder := t.TempDir() // there until the server has ended
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
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		told := filepath.Join(folder, "told")
		ended := make(chan error, 1)
		go func() {
			r, _ := http.NewRequestWithContext(ctx, "GET", s.URL+"/held?told="+told, nil)
			_, err := client.Do(r)
			ended <- err
		}()
		awaitHeld(t, told)
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("it ends with %v", err)
		}
		do(t, client, "GET", s.URL+"/", nil)
		tell(t, told, 1)
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

// awaitHeld waits until the application has a request for /held?told=FILE.
func awaitHeld(t *testing.T, told string) {
	t.Helper()
	harness.Await(t, 15*time.Second, "the application to have the request", func() bool {
		_, err := os.Stat(told + ".held")
		return err == nil
	})
}

// tell writes so many bytes into a file that the application looks at.
func tell(t *testing.T, told string, size int) {
	t.Helper()
	if err := os.WriteFile(told, make([]byte, size), 0o644); err != nil {
		t.Fatal(err)
	}
}

// checkStream looks that an answer comes piece by piece: the application makes the
// next one only when this one is here.
func checkStream(t *testing.T, s *harness.Server, client *http.Client) {
	told := filepath.Join(t.TempDir(), "told")
	tell(t, told, 0)
	answer, err := client.Get(s.URL + "/stream?told=" + told)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	lines := bufio.NewReader(answer.Body)
	for number := range 10 {
		if line, err := lines.ReadString('\n'); err != nil || line != fmt.Sprintln(number) {
			t.Fatalf("got %q, %v; want the line of %d", line, err, number)
		}
		tell(t, told, number+1)
	}
	if rest, err := io.ReadAll(lines); err != nil || len(rest) > 0 {
		t.Errorf("behind the last line: %q, %v", rest, err)
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
	told := filepath.Join(t.TempDir(), "told")
	s := start(t, "h2.ini")
	dialed := 0
	client := newClient(t, &dialed)
	do(t, client, "GET", s.URL+"/", nil)
	answered := make(chan error, 1)
	go func() {
		r, _ := http.NewRequestWithContext(t.Context(), "POST", s.URL+"/held?told="+told, strings.NewReader("x"))
		answer, err := client.Do(r)
		if err == nil {
			_, err = io.ReadAll(answer.Body)
			answer.Body.Close()
		}
		answered <- err
	}()
	awaitHeld(t, told)
	s.Signal(syscall.SIGTERM)
	s.Logged(10*time.Second, "stopping")
	tell(t, told, 1)
	if err := <-answered; err != nil {
		t.Errorf("the request that was being served: %v", err)
	}
	if code := s.Exit(20 * time.Second); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
}

package h2_test

import (
	"bytes"
	"context"
	"encoding/json"
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
	"text/template"
	"time"

	"pasted/e2e/harness"
)

// haproxyConfig has a front for each way to pass connections on.
var haproxyConfig = template.Must(template.New("haproxy").Parse(`
global
    maxconn 100
defaults
    timeout connect 5s
    timeout client 30s
    timeout server 30s
{{range .Fronts}}
listen {{.Name}}
    mode {{.Mode}}
    bind 127.0.0.1:{{.Port}}
    server pasted {{.Server}} check inter 100ms fall 100
{{end}}
`))

type front struct {
	Name, Mode, Server string
	Port               int
}

// startHAProxy runs it with these fronts until the test ends.
func startHAProxy(t *testing.T, fronts []front) {
	t.Helper()
	haproxy, err := exec.LookPath("haproxy")
	if err != nil {
		if haproxy, err = exec.LookPath("/usr/sbin/haproxy"); err != nil {
			t.Skip("haproxy is not installed")
		}
	}
	file := filepath.Join(t.TempDir(), "haproxy.cfg")
	var text bytes.Buffer
	if err := haproxyConfig.Execute(&text, map[string]any{"Fronts": fronts}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, text.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	cmd := exec.Command(haproxy, "-db", "-f", file)
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("haproxy:\n%s", log.String())
		}
	})
	for _, f := range fronts {
		harness.Await(t, 10*time.Second, "haproxy to serve", func() bool {
			c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", f.Port))
			if err == nil {
				c.Close()
			}
			return err == nil
		})
	}
}

func TestHAProxyNamesTheClients(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "pasted.sock")
	s := start(t, "proxied.ini", "e2e_socket="+socket)
	server := map[string]string{
		"version1":       s.Addr + " send-proxy check-send-proxy",
		"version2":       s.Addr + " send-proxy-v2 check-send-proxy",
		"extended":       s.Addr + " send-proxy-v2 check-send-proxy proxy-v2-options crc32c,unique-id,authority,ssl",
		"http2":          s.Addr + " send-proxy-v2 check-send-proxy proto h2",
		"unix1":          "unix@" + socket + " send-proxy check-send-proxy",
		"unix2":          "unix@" + socket + " send-proxy-v2 check-send-proxy",
		"http2_in_http2": s.Addr + " send-proxy-v2 check-send-proxy",
	}
	var fronts []front
	for name, line := range server {
		mode := "http"
		if name == "version1" || name == "http2_in_http2" {
			mode = "tcp"
		}
		fronts = append(fronts, front{Name: name, Mode: mode, Server: line, Port: harness.Port(t)})
	}
	startHAProxy(t, fronts)
	for _, f := range fronts {
		t.Run(f.Name, func(t *testing.T) {
			protocol := "HTTP/1.1"
			transport := new(http.Transport)
			if strings.HasPrefix(f.Name, "http2") {
				protocol = "HTTP/2.0"
			}
			if f.Name == "http2_in_http2" { // in HTTP/2 through and through
				transport.Protocols = new(http.Protocols)
				transport.Protocols.SetUnencryptedHTTP2(true)
			}
			checkClient(t, transport, f.Port, protocol)
		})
	}
	s.Logged(5*time.Second, "127.0.0.7 - ") // the client's address, in the access log
	if log := s.Stderr.String(); strings.Contains(log, "refused") {
		t.Errorf("something is refused:\n%s", log)
	}
}

// checkClient asks over a front, from an address that only the client has.
func checkClient(t *testing.T, transport *http.Transport, port int, protocol string) {
	// A transport may dial once more and then take the connection that it has.
	var mu sync.Mutex
	locals := map[string]bool{}
	transport.DialContext = (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 7)}}).DialContext
	defer transport.CloseIdleConnections()
	dial := transport.DialContext
	transport.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := dial(ctx, network, addr)
		if err == nil {
			mu.Lock()
			defer mu.Unlock()
			locals[c.LocalAddr().String()] = true
		}
		return c, err
	}
	client := &http.Client{Transport: transport, Timeout: 30 * time.Second}
	for _, method := range []string{"GET", "POST"} {
		r, _ := http.NewRequestWithContext(t.Context(), method, fmt.Sprintf("http://127.0.0.1:%d/", port), strings.NewReader("x"))
		answer, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		var told map[string]any
		if err != nil || json.Unmarshal(body, &told) != nil {
			t.Fatalf("%s: %q, %v", answer.Status, body, err)
		}
		mu.Lock()
		if got := fmt.Sprint(told["REMOTE_ADDR"], ":", told["REMOTE_PORT"]); !locals[got] || told["SERVER_PROTOCOL"] != protocol {
			t.Errorf("%s: the client is %v in %v, want one of %v in %s", method, got, told["SERVER_PROTOCOL"], locals, protocol)
		}
		mu.Unlock()
	}
}

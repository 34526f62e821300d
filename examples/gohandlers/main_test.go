package main

import (
	"bufio"
	"bytes"
	"context"
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
)

// TestMain is the program itself where a test has started it.
func TestMain(m *testing.M) {
	if os.Getenv("GOHANDLERS_MAIN") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// A program is the running program.
type program struct {
	*exec.Cmd
	log     *bufio.Reader
	address string
}

// start starts the program on a free port, by a file that takes site.ini over.
func start(t *testing.T) *program {
	t.Helper()
	site, err := filepath.Abs("site.ini")
	if err != nil {
		t.Fatal(err)
	}
	file := write(t, "[server:main]\nuse = config:"+site+"\nlisten = 127.0.0.1:0\n[app:main]\nuse = config:"+site+"\n")
	p := &program{Cmd: exec.Command(os.Args[0], file)}
	p.Env = append(os.Environ(), "GOHANDLERS_MAIN=1")
	stderr, err := p.StderrPipe()
	if err == nil {
		err = p.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if p.ProcessState == nil {
			_ = p.Process.Kill()
			_ = p.Wait()
		}
	})
	p.log = bufio.NewReader(stderr)
	line, _ := p.log.ReadString('\n')
	address, ok := strings.CutPrefix(strings.TrimSpace(line), "serving on http://")
	if !ok {
		t.Fatalf("it says %q", line)
	}
	p.address = address
	return p
}

func write(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "test.ini")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

// ask makes a request with a body, or none, and returns code and text.
func (p *program) ask(t *testing.T, method, path, body string) (int, string, http.Header) {
	t.Helper()
	request, err := http.NewRequest(method, "http://"+p.address+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(text), answer.Header
}

// stop asks the program to stop and returns what it has logged.
func (p *program) stop(t *testing.T) string {
	t.Helper()
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	return p.end(t)
}

// end waits for the program's end and returns what it has logged.
func (p *program) end(t *testing.T) string {
	t.Helper()
	log, err := io.ReadAll(p.log)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Wait(); err != nil {
		t.Errorf("it ends with %v, and %s", err, log)
	}
	return string(log)
}

func TestEachPathHasItsHandler(t *testing.T) {
	p := start(t)
	for _, c := range []struct {
		method, path, body string
		code               int
		text               string
	}{
		{"GET", "/", "", 200, "Handlers in Go, composed by a file\nPost a line to /notes; read what is under /files.\n"},
		{"GET", "/notes", "", 200, ""},
		{"POST", "/notes", " one\nnote ", 201, ""},
		{"POST", "/notes", strings.Repeat("x", 5000), 413, "http: request body too large\n"},
		{"GET", "/notes", "", 200, "1 one note\n"},
		{"DELETE", "/notes", "", 405, "GET or POST\n"},
		{"GET", "/files/hello.txt", "", 200, "A file, served by net/http's FileServer.\n"},
		{"GET", "/files/none", "", 404, "404 page not found\n"},
		{"GET", "/notesx", "", 404, "404 page not found\n"},
	} {
		code, text, header := p.ask(t, c.method, c.path, c.body)
		if code != c.code || text != c.text || header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s %s: %d %q, %v; want %d %q", c.method, c.path, code, text, header, c.code, c.text)
		}
	}
	if log := p.stop(t); !strings.Contains(log, `"POST /notes HTTP/1.1" 201`) || strings.Count(log, "\n") != 9 {
		t.Errorf("nine requests are logged as\n%s", log)
	}
}

// A slow body says when it is read first, and goes on when it is told to.
type slow struct {
	read, more chan struct{}
	once       sync.Once
	text       io.Reader
}

func (s *slow) Read(b []byte) (int, error) {
	s.once.Do(func() {
		close(s.read)
		<-s.more
	})
	return s.text.Read(b)
}

func TestStopLetsRequestsFinish(t *testing.T) {
	p := start(t)
	body := &slow{read: make(chan struct{}), more: make(chan struct{}), text: strings.NewReader("late")}
	request, err := http.NewRequest("POST", "http://"+p.address+"/notes", body)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Expect", "100-continue") // the body is read when the handler wants it
	answered := make(chan error, 1)
	code := 0
	go func() {
		transport := &http.Transport{ExpectContinueTimeout: time.Minute}
		defer transport.CloseIdleConnections()
		answer, err := transport.RoundTrip(request)
		if err == nil {
			code = answer.StatusCode
			err = answer.Body.Close()
		}
		answered <- err
	}()
	<-body.read
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	awaitRefusal(t, p.address)
	close(body.more)
	if err := <-answered; err != nil || code != http.StatusCreated {
		t.Errorf("the request gets %d, %v", code, err)
	}
	p.end(t)
}

// awaitRefusal returns when nothing listens at an address any more.
func awaitRefusal(t *testing.T, address string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for ctx.Err() == nil {
		c, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		if err != nil {
			return
		}
		c.Close()
	}
	t.Fatal("it goes on listening")
}

func TestAWrongFileIsToldWithItsPlaces(t *testing.T) {
	const server = "[server:main]\nuse = egg:gohandlers#http\n"
	for text, want := range map[string]string{
		server + "[app:main]\nuse = egg:gohandler#home\n": `FILE:4: [app:main] use = "egg:gohandler#home": distribution "gohandler" is not in the registry: want one that is
hint: did you mean egg:gohandlers?
`,
		server + "[app:main]\nuse = egg:gohandlers#note\n": `FILE:4: [app:main] use = "egg:gohandlers#note": distribution "gohandlers" has no entry point "note": want one in paste.app_factory, paste.composite_factory, paste.composit_factory
hint: did you mean egg:gohandlers#notes?
`,
		server + "[app:main]\nuse = egg:gohandlers#notes\nmost = 0\nleast = 1\n": `FILE:5: [app:main] most = "0": want a whole number from 1 to 1000
FILE:6: [app:main] least = "1": unknown option: want one of most
`,
		server + "[app:main]\nuse = egg:gohandlers#files\nroot = /none\n": `FILE:5: [app:main] root = "/none": want a directory that is there
`,
		server + "listen = 127.0.0.1:99999\n[app:main]\nuse = egg:gohandlers#notes\n": `FILE:3: [server:main] listen = "127.0.0.1:99999": want host:port, *:port, [v6]:port, :port or unix:/path, a port from 0 to 65535
`,
	} {
		file := write(t, text)
		err := run(t.Context(), []string{file}, io.Discard)
		if err == nil {
			t.Fatalf("served:\n%s", text)
		}
		var said bytes.Buffer
		report(&said, err)
		if got := strings.ReplaceAll(said.String(), file, "FILE"); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	if err := run(t.Context(), nil, io.Discard); err == nil || err.Error() != "usage: gohandlers FILE.ini" {
		t.Errorf("without a file: %v", err)
	}
}

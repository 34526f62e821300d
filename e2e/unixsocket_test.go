package e2e_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pasted/e2e/harness"
)

// unixFileTests are answers that are files, which bodies.py gives in its two ways.
var unixFileTests = []struct {
	name   string
	query  string
	header []string // of the request
	status int
	from   int64 // what of the file is the body
	to     int64
	answer []string // fields of the answer
}{
	{"wsgi.file_wrapper, whole", "give?name=noise&kind=buffered", nil, 200, 0, fileSize, nil},
	{"wsgi.file_wrapper, a range", "give?name=noise&kind=buffered&status=206+Partial+Content&seek=1000&length=200000", nil,
		206, 1000, 201_000, nil},
	{"wsgi.file_wrapper, to its end", "give?name=noise&kind=raw&skip=77", nil, 200, 77, fileSize, nil},
	{"X-Sendfile, whole", "named?fields=X-Sendfile:%20noise", nil, 200, 0, fileSize, []string{"Accept-Ranges", "bytes"}},
	{"X-Sendfile, a range", "named?fields=X-Sendfile:%20noise", []string{"Range", "bytes=1000-200999"},
		206, 1000, 201_000, []string{"Content-Range", "bytes 1000-200999/300000"}},
}

// serveUnix serves testdata/bodies on a Unix socket.
func serveUnix(t *testing.T) (server *harness.Server, socket, files string) {
	t.Helper()
	folder, err := os.MkdirTemp("", "pasted-e2e-unix-") // shorter than the test's own
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	socket, files = filepath.Join(folder, "s"), t.TempDir()
	return serve(t, site{
		file: filepath.Join("testdata", "bodies", "unix.ini"), python: systemPython(t), vars: []string{"files=" + files, "socket=" + socket},
	}), socket, files
}

// through has a client's connections go to the Unix socket.
func through(client *http.Client, socket string) *http.Client {
	client.Transport.(*http.Transport).DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}
	return client
}

// PEP 3333, "Optional Platform-Specific File Handling", to a client on a Unix
// socket.
func TestFilesGoThroughUnixSockets(t *testing.T) {
	t.Parallel()
	_, socket, files := serveUnix(t)
	data := writeNoise(t, files, "noise", fileSize)
	for _, p := range protocols {
		client := through(clientOf(t, p.major), socket)
		for _, method := range []string{"GET", "HEAD"} {
			for _, test := range unixFileTests {
				t.Run(p.name+" "+method+" "+test.name, func(t *testing.T) {
					for range 2 { // the connection is in step
						a := want(t, client, test.status, call{method: method, url: "http://x/" + test.query, header: test.header})
						body := data[test.from:test.to]
						if a.ContentLength != int64(len(body)) {
							t.Errorf("Content-Length %d, want %d", a.ContentLength, len(body))
						}
						if method == "HEAD" {
							body = nil
						}
						if !bytes.Equal(a.body, body) {
							t.Errorf("%d bytes, want %d", len(a.body), len(body))
						}
						for i := 0; i < len(test.answer); i += 2 {
							if got := a.Header.Get(test.answer[i]); got != test.answer[i+1] {
								t.Errorf("%s = %q, want %q", test.answer[i], got, test.answer[i+1])
							}
						}
					}
				})
			}
		}
	}
}

// The kernel sends the file there too: a client that takes nothing holds the
// server's descriptor of it, and no lane of the two.
func TestSlowClientOfAFileOnAUnixSocket(t *testing.T) {
	t.Parallel()
	server, socket, files := serveUnix(t)
	data := writeNoise(t, files, "noise", 8<<20)
	path, err := filepath.EvalSymlinks(filepath.Join(files, "noise"))
	if err != nil {
		t.Fatal(err)
	}
	client := through(clientOf(t, 1), socket)
	var slow []*http.Response
	for range 4 {
		resp, err := client.Get("http://x/give?name=noise&kind=buffered")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		slow = append(slow, resp)
	}
	harness.Await(t, answerLimit, "4 files in the server's hands", func() bool { return filesOpen(t, server.ServerPID(), path) == 4 })
	if a := get(t, client, "http://x/hold"); !strings.Contains(a.String(), "here") {
		t.Errorf("%q", a)
	}
	slow[0].Body.Close()
	harness.Await(t, answerLimit, "the file of a client that has gone closed", func() bool { return filesOpen(t, server.ServerPID(), path) == 3 })
	for _, resp := range slow[1:] {
		if got, err := io.ReadAll(resp.Body); err != nil || !bytes.Equal(got, data) {
			t.Errorf("a slow client gets %d bytes, %v", len(got), err)
		}
	}
	harness.Await(t, answerLimit, "all files closed", func() bool { return filesOpen(t, server.ServerPID(), path) == 0 })
}

package e2e_test

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pasted/e2e/harness"
)

// serveBodies serves testdata/bodies, whose application has its files in the
// folder that is returned.
func serveBodies(t *testing.T, vars ...string) (server *harness.Server, files string) {
	t.Helper()
	files = t.TempDir()
	return serve(t, site{
		file: filepath.Join("testdata", "bodies", "bodies.ini"), python: systemPython(t), vars: append(vars, "files="+files),
	}), files
}

// protocols are the two that carry bodies, each with a client that speaks it
// alone.
var protocols = []struct {
	name  string
	major int
}{{"HTTP/1.1", 1}, {"HTTP/2", 2}}

func clientOf(t *testing.T, major int) *http.Client {
	t.Helper()
	transport := &http.Transport{Protocols: new(http.Protocols), DisableCompression: true}
	transport.Protocols.SetHTTP1(major == 1)
	transport.Protocols.SetUnencryptedHTTP2(major == 2)
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: answerLimit}
}

// PEP 3333, "Input and Error Streams": the application reads what is there, and
// with body_buffer = off that is what has come so far. Each line is answered
// before the next is sent.
func TestInputStreamsWhileTheAnswerDoes(t *testing.T) {
	t.Parallel()
	server, _ := serveBodies(t)
	for _, p := range protocols {
		for _, way := range []string{"chunked", "with a length"} {
			t.Run(p.name+" "+way, func(t *testing.T) {
				in, out := io.Pipe()
				req, err := http.NewRequest("POST", server.URL+"/stream/lines", in)
				if err != nil {
					t.Fatal(err)
				}
				filler := strings.Repeat("x", 40_000) + "\n"
				if way != "chunked" {
					req.ContentLength = int64(3 * len(filler))
				}
				answers := make(chan *http.Response, 1)
				go func() {
					resp, err := clientOf(t, p.major).Do(req)
					if err != nil {
						t.Error(err)
						out.CloseWithError(err)
						close(answers)
						return
					}
					answers <- resp
				}()
				var read *bufio.Reader
				for i := range 3 {
					if _, err := io.WriteString(out, filler); err != nil {
						t.Fatal(err)
					}
					if i == 2 {
						out.Close() // some clients keep the last bytes until they know that they are
					}
					if read == nil {
						resp := <-answers
						if resp == nil {
							t.FailNow()
						}
						defer resp.Body.Close()
						if resp.ProtoMajor != p.major {
							t.Errorf("the answer is in %s", resp.Proto)
						}
						read = bufio.NewReader(resp.Body)
					}
					if line, err := read.ReadString('\n'); err != nil || line != "got "+filler {
						t.Fatalf("line %d: %d bytes, %v", i, len(line), err)
					}
				}
				if rest, err := io.ReadAll(read); err != nil || len(rest) > 0 {
					t.Errorf("behind the last line: %q, %v", rest, err)
				}
			})
		}
	}
}

// A connection is used again after a streamed body, read wholly or not.
func TestConnectionLivesAfterStreamedBody(t *testing.T) {
	t.Parallel()
	server, _ := serveBodies(t)
	conn := dial(t, server)
	for range 3 {
		conn.send("POST /stream/take HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
		got := conn.answer("POST")
		if sum := sha256.Sum256([]byte("hello")); !strings.Contains(got.String(), hex.EncodeToString(sum[:])) ||
			!strings.Contains(got.String(), `"said": null`) {
			t.Fatalf("%s %s", got.Status, got)
		}
		conn.send("POST /stream/ignore HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
		if got := conn.answer("POST"); got.String() != "ignored\n" {
			t.Fatalf("%s %s", got.Status, got)
		}
	}
}

// PEP 3333, "HTTP 1.1 Expect/Continue": 100 is sent when the application first
// reads, and not to a client whose body nobody reads.
func TestContinueIsSentWhenTheApplicationReads(t *testing.T) {
	t.Parallel()
	server, _ := serveBodies(t)
	const expecting = " HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\nExpect: 100-continue\r\n\r\n"
	conn := dial(t, server)
	conn.send("POST /stream/lines" + expecting)
	if line, err := conn.r.ReadString('\n'); err != nil || line != "HTTP/1.1 100 Continue\r\n" {
		t.Fatalf("%q, %v", line, err)
	}
	_, _ = conn.r.ReadString('\n')
	conn.send("hello\n")
	if got := conn.answer("POST"); got.String() != "got hello\n" {
		t.Errorf("%s %s", got.Status, got)
	}
	for _, page := range []string{"ignore", "late"} {
		conn := dial(t, server)
		conn.send("POST /stream/" + page + expecting)
		resp, err := http.ReadResponse(conn.r, nil)
		if err != nil || resp.StatusCode != 200 || !resp.Close {
			t.Errorf("%s: %v, %v; want 200 at once, and the connection's end", page, resp, err)
		}
	}
}

// A client that stops half-way never leaves a body that looks whole: the
// application gets an OSError, and again if it goes on reading.
func TestBrokenBodyRaises(t *testing.T) {
	t.Parallel()
	server, files := serveBodies(t)
	const chunked = "Transfer-Encoding: chunked\r\n\r\n"
	for i, test := range []struct {
		name, body string
		status     int // 0: the client leaves
	}{
		{"client leaves a body with a length", "Content-Length: 100000\r\n\r\nhello\n", 0},
		{"client leaves a chunk", chunked + "a\r\nhello\n", 0},
		{"client leaves between chunks", chunked + "6\r\nhello\n\r\n", 0},
		{"a chunk is malformed", chunked + "6\r\nhello\n\r\nx\r\n", 400},
	} {
		for _, way := range []string{"read", "sized", "line", "lines", "each"} {
			name := fmt.Sprintf("told-%d-%s", i, way)
			conn := dial(t, server)
			conn.send("POST /stream/tell?way=" + way + "&to=" + name + " HTTP/1.1\r\nHost: x\r\n" + test.body)
			if test.status == 0 {
				conn.Close()
			} else if got := conn.answer("POST"); got.StatusCode != test.status {
				t.Errorf("%s, %s: %s, want %d", test.name, way, got.Status, test.status)
			}
			path := filepath.Join(files, name)
			harness.Await(t, answerLimit, test.name, func() bool { _, err := os.Stat(path); return err == nil })
			if told, _ := os.ReadFile(path); string(told) != "OSError, then OSError" {
				t.Errorf("%s, %s: %s", test.name, way, told)
			}
		}
	}
	conn := dial(t, server)
	conn.send("POST /stream/tell?raise=1&way=read&to=raised HTTP/1.1\r\nHost: x\r\n" + chunked + "z\r\n")
	if got := conn.answer("POST"); got.StatusCode != 400 {
		t.Errorf("an application that raises it: %s", got.Status)
	}
	want(t, newClient(t), 200, call{url: server.URL + "/hold"}) // a lane is free
	if log := server.Stderr.String(); strings.Contains(log, "Traceback") {
		t.Errorf("a client that leaves is no error of the application's:\n%s", log)
	}
}

package e2e_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"pasted/e2e/harness"
)

// serveBodies serves testdata/bodies, whose application has its files in the
// folder that is returned.
func serveBodies(t *testing.T) (server *harness.Server, files string) {
	t.Helper()
	files = t.TempDir()
	return serveBodiesOf(t, "bodies.ini", files), files
}

func serveBodiesOf(t *testing.T, file, files string) *harness.Server {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(files, "inner"), 0o755); err != nil {
		t.Fatal(err)
	}
	return serve(t, site{
		file: filepath.Join("testdata", "bodies", file), python: systemPython(t), vars: []string{"files=" + files},
	})
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

// fileSize is more than what a worker reads itself.
const fileSize = 300_000

// writeNoise writes a file of n bytes into a folder and returns its bytes.
func writeNoise(t *testing.T, folder, name string, n int64) []byte {
	t.Helper()
	data, err := io.ReadAll(newNoise(n))
	if err == nil {
		err = os.WriteFile(filepath.Join(folder, name), data, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// PEP 3333, "Optional Platform-Specific File Handling": what is sent is what
// iterating over the wrapper would have given, from the file's own position on,
// and not beyond Content-Length.
func TestFileWrapperGivesWhatReadingWould(t *testing.T) {
	t.Parallel()
	server, files := serveBodies(t)
	data := writeNoise(t, files, "noise", fileSize)
	small := writeNoise(t, files, "small", 70)
	text := []byte(strings.Repeat("only ascii\n", 30_000))
	if err := os.WriteFile(filepath.Join(files, "text"), text, 0o644); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		query string
		want  []byte
	}{
		{"name=noise&kind=buffered", data},
		{"name=noise&kind=buffered&seek=1000", data[1000:]},
		{"name=noise&kind=buffered&skip=10", data[10:]},
		{"name=noise&kind=buffered&skip=10&length=100000", data[10:100_010]},
		{"name=noise&kind=buffered&seek=299990", data[299_990:]},
		{"name=noise&kind=buffered&seek=300001", nil},
		{"name=noise&kind=buffered&status=206+Partial+Content&seek=5&length=200000", data[5:200_005]},
		{"name=noise&kind=buffered&write=before", append([]byte("before"), data...)},
		{"name=noise&kind=raw&skip=77", data[77:]},
		{"name=noise&kind=both&skip=77", data[77:]},
		{"name=noise&kind=memory&skip=77", data[77:]},
		{"name=noise&kind=temporary", data},
		{"name=noise&kind=pipe", data[:1000]},
		{"name=text&kind=odd", bytes.ToUpper(text)},
		{"name=small&kind=buffered", small},
		{"name=small&kind=buffered&length=7", small[:7]},
		{"name=noise&kind=buffered&status=204+No+Content", nil},
		{"name=noise&kind=buffered&status=304+Not+Modified", nil},
	}
	for _, p := range protocols {
		client := clientOf(t, p.major)
		for _, method := range []string{"GET", "HEAD"} {
			for _, way := range []string{"/", "/stream/"} { // with a body that is streamed: the long way
				for _, test := range tests {
					a, err := do(t, client, call{method: method, url: server.URL + way + "give?" + test.query})
					if err != nil {
						t.Errorf("%s %s %s: %v", p.name, method, test.query, err)
						continue
					}
					wanted := test.want
					if method == "HEAD" {
						wanted = nil
					}
					if !bytes.Equal(a.body, wanted) {
						t.Errorf("%s %s %s: %s, %d bytes, want %d of %x", p.name, method, test.query, a.Status, len(a.body), len(wanted), sha256.Sum256(wanted))
					}
				}
			}
		}
	}
	resp := get(t, newClient(t), server.URL+"/give?name=noise&kind=buffered&seek=5")
	if resp.ContentLength != fileSize-5 {
		t.Errorf("Content-Length %d of a file whose size is known", resp.ContentLength)
	}
}

// PEP 3333, "Optional Platform-Specific File Handling": close() is called, once,
// also when a file has been handed over.
func TestFileWrapperIsClosedOnce(t *testing.T) {
	t.Parallel()
	server, files := serveBodies(t)
	writeNoise(t, files, "noise", fileSize)
	client := newClient(t)
	for i := range 3 {
		get(t, client, server.URL+"/give?count=1&name=noise&kind=buffered")
		harness.Await(t, answerLimit, "close", func() bool {
			log, _ := os.ReadFile(filepath.Join(files, "closed"))
			return len(log) > 0 && strings.Count(string(log), "closed\n") == i+1
		})
	}
}

// A file that becomes shorter while it is sent ends with the connection: nothing
// is put in the place of what is missing.
func TestTruncatedFileBreaksTheConnection(t *testing.T) {
	t.Parallel()
	server, files := serveBodies(t)
	for _, p := range protocols {
		data := writeNoise(t, files, "noise", 64<<20)
		resp, err := clientOf(t, p.major).Get(server.URL + "/give?name=noise&kind=buffered&truncate=33554432")
		if err != nil {
			t.Fatal(err)
		}
		// The server can send no more than buffers hold until the body is read.
		harness.Await(t, answerLimit, "the file to be truncated", func() bool {
			info, err := os.Stat(filepath.Join(files, "noise"))
			return err == nil && info.Size() == 32<<20
		})
		got, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err == nil {
			t.Errorf("%s: the answer looks whole", p.name)
		}
		if !bytes.HasPrefix(data, got) {
			t.Errorf("%s: %d bytes that are not the file's", p.name, len(got))
		}
	}
	// More than there is: the same.
	writeNoise(t, files, "noise", fileSize)
	resp, err := newClient(t).Get(server.URL + "/give?name=noise&kind=buffered&length=300001")
	if err == nil {
		_, err = io.ReadAll(resp.Body)
		resp.Body.Close()
	}
	if err == nil {
		t.Error("an answer shorter than its Content-Length looks whole")
	}
}

// filesOpen counts a process's descriptors of a file.
func filesOpen(t *testing.T, pid int, path string) (n int) {
	t.Helper()
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		t.Skip("no /proc to count descriptors in")
	}
	for _, e := range entries {
		if to, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%s", pid, e.Name())); err == nil && to == path {
			n++
		}
	}
	return n
}

// A client that takes nothing of a file holds a descriptor of the server's, and
// neither lane nor loop; when it has gone, nothing is left.
func TestSlowClientOfAFileHoldsADescriptorAlone(t *testing.T) {
	t.Parallel()
	server, files := serveBodies(t)
	writeNoise(t, files, "noise", 32<<20)
	path, err := filepath.EvalSymlinks(filepath.Join(files, "noise"))
	if err != nil {
		t.Fatal(err)
	}
	var slow []*rawConn
	for range 8 {
		conn := dial(t, server)
		conn.send("GET /give?name=noise&kind=buffered HTTP/1.1\r\nHost: x\r\n\r\n")
		slow = append(slow, conn)
	}
	harness.Await(t, answerLimit, "8 files in the server's hands", func() bool { return filesOpen(t, server.ServerPID(), path) == 8 })
	for range 4 { // with two lanes
		get(t, newClient(t), server.URL+"/hold")
	}
	for _, conn := range slow[:4] {
		conn.Close()
	}
	harness.Await(t, answerLimit, "the files of clients that have gone closed", func() bool { return filesOpen(t, server.ServerPID(), path) == 4 })
	for _, conn := range slow[4:] {
		if n, err := io.Copy(io.Discard, io.LimitReader(conn.r, 32<<20)); err != nil || n != 32<<20 {
			t.Errorf("a slow client gets %d bytes, %v", n, err)
		}
	}
	harness.Await(t, answerLimit, "all files closed", func() bool { return filesOpen(t, server.ServerPID(), path) == 0 })
}

// fieldTests are answers that name a file, with the fields of the request.
var fieldTests = []struct {
	fields  string // of the application's answer
	request []string
	status  int
	body    string
	answer  []string // fields of the answer to the client
}{
	{"X-Sendfile: FILES/letters", nil, 200, letters, []string{"Accept-Ranges", "bytes", "X-Sendfile", ""}},
	{"x-sendfile: letters|Content-Type: text/x-mine|Content-Length: 3|X-Other: kept", nil, 200, letters,
		[]string{"Content-Type", "text/x-mine", "X-Other", "kept"}},
	{"X-Sendfile: FILES/inner/spaced name", nil, 200, "spaced\n", nil},
	{"X-Sendfile: FILES/inner/link", nil, 200, letters, nil},
	{"X-Sendfile: FILES/letters", []string{"Range", "bytes=2-4"}, 206, "cde", []string{"Content-Range", "bytes 2-4/26"}},
	{"X-Sendfile: FILES/letters", []string{"Range", "bytes=-3"}, 206, "xyz", []string{"Content-Range", "bytes 23-25/26"}},
	{"X-Sendfile: FILES/letters", []string{"Range", "bytes=0-1,4-5"}, 200, letters, nil},
	{"X-Sendfile: FILES/letters", []string{"Range", "lines=1"}, 416, "invalid range\n", nil},
	{"X-Sendfile: FILES/letters", []string{"Range", "bytes=26-"}, 416, "invalid range: failed to overlap\n",
		[]string{"Content-Range", "bytes */26"}},
	{"X-Sendfile: FILES/letters|ETag: \"one\"", []string{"Range", "bytes=2-4", "If-Range", "\"two\""}, 200, letters, nil},
	{"X-Sendfile: FILES/letters|ETag: \"one\"", []string{"Range", "bytes=2-4", "If-Range", "\"one\""}, 206, "cde",
		[]string{"Etag", "\"one\""}},
	{"X-Sendfile: FILES/letters|ETag: \"one\"", []string{"If-None-Match", "\"one\""}, 304, "", []string{"Etag", "\"one\""}},
	{"X-Sendfile: FILES/letters|Last-Modified: Sat, 01 Jan 2000 00:00:00 GMT", []string{"If-Modified-Since", "Sat, 01 Jan 2000 00:00:00 GMT"},
		304, "", []string{"Last-Modified", "Sat, 01 Jan 2000 00:00:00 GMT"}},
	{"X-Sendfile: FILES/missing", nil, 404, "404 Not Found: there is no such file\n", nil},
	{"X-Sendfile: FILES", nil, 404, "404 Not Found: there is no such file\n", nil},
	{"X-Sendfile: FILES/inner", nil, 404, "404 Not Found: there is no such file\n", nil},
	{"X-Sendfile: FILES/pipe", nil, 404, "404 Not Found: there is no such file\n", nil},
	{"X-Sendfile: FILES/out", nil, 404, "404 Not Found: there is no such file\n", nil},
	{"X-Sendfile: FILES/../other", nil, 404, "404 Not Found: there is no such file\n", nil},
	{"X-Sendfile: ../other", nil, 404, "404 Not Found: there is no such file\n", nil},
	{"X-Sendfile: /etc/passwd", nil, 404, "404 Not Found: there is no such file\n", nil},
	{"X-Accel-Redirect: /protected/spaced%20name?v=1|Set-Cookie: a=1|Set-Cookie: b=2", nil, 200, "spaced\n",
		[]string{"Set-Cookie", "a=1", "X-Accel-Redirect", ""}},
	{"X-Accel-Redirect: /protected/../letters", nil, 404, "404 Not Found: there is no such file\n", nil},
	{"X-Accel-Redirect: /protected/%2e%2e/letters", nil, 404, "404 Not Found: there is no such file\n", nil},
	{"X-Accel-Redirect: /elsewhere/spaced", nil, 404, "404 Not Found: there is no such file\n", nil},
}

const letters = "abcdefghijklmnopqrstuvwxyz"

// writeNamed makes the files of fieldTests.
func writeNamed(t *testing.T, files string) {
	t.Helper()
	outside := filepath.Join(t.TempDir(), "outside")
	for _, err := range []error{
		os.WriteFile(filepath.Join(files, "letters"), []byte(letters), 0o644),
		os.WriteFile(filepath.Join(files, "inner", "spaced name"), []byte("spaced\n"), 0o644),
		os.WriteFile(outside, []byte("not yours\n"), 0o644),
		os.Symlink(outside, filepath.Join(files, "out")),
		os.Symlink("../letters", filepath.Join(files, "inner", "link")),
		syscall.Mkfifo(filepath.Join(files, "pipe"), 0o644),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestFieldsNameFilesBelowTheirRoots(t *testing.T) {
	t.Parallel()
	server, files := serveBodies(t)
	writeNamed(t, files)
	for _, p := range protocols {
		client := clientOf(t, p.major)
		for _, method := range []string{"GET", "HEAD"} {
			for _, more := range []string{"", "&body=1"} {
				for _, test := range fieldTests {
					fields := strings.ReplaceAll(test.fields, "FILES", files)
					a, err := do(t, client, call{
						method: method, url: server.URL + "/named?fields=" + url.QueryEscape(fields) + more, header: test.request,
					})
					if err != nil {
						t.Errorf("%s %s %s: %v", p.name, method, test.fields, err)
						continue
					}
					body := test.body
					if method == "HEAD" {
						body = ""
					}
					if a.StatusCode != test.status || a.String() != body {
						t.Errorf("%s %s %s, %q: %s, %q; want %d, %q", p.name, method, test.fields, test.request, a.Status, a, test.status, body)
					}
					for i := 0; i < len(test.answer); i += 2 {
						if got := a.Header.Get(test.answer[i]); got != test.answer[i+1] {
							t.Errorf("%s %s %s, %q: %s = %q", p.name, method, test.fields, test.request, test.answer[i], got)
						}
					}
				}
			}
		}
	}
	a := want(t, clientOf(t, 1), 403, call{url: server.URL + "/named?status=403+Forbidden&fields=" + url.QueryEscape("X-Sendfile: letters")})
	if a.String() != letters {
		t.Errorf("with a status of the application's: %s, %q", a.Status, a)
	}
}

// Without the options the fields are the client's: a proxy in front may be meant.
func TestFieldsThatNameFilesArePassedOnWithoutARoot(t *testing.T) {
	t.Parallel()
	files := t.TempDir()
	server := serveBodiesOf(t, "bare.ini", files)
	writeNamed(t, files)
	for _, field := range []string{"X-Sendfile", "X-Accel-Redirect"} {
		a := get(t, newClient(t), server.URL+"/named?body=1&fields="+url.QueryEscape(field+": /protected/letters"))
		if a.Header.Get(field) != "/protected/letters" || a.String() != "not this" {
			t.Errorf("%s: %q, %q", field, a.Header.Get(field), a)
		}
	}
}

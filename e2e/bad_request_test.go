package e2e_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pasted/e2e/harness"
)

// badRequests are requests, as their bytes, that must be refused with the
// status, or one of them where there is more than one way to see it. What a
// request lacks at its end the client never sends.
var badRequests = []struct {
	name    string
	request string
	want    []int
}{
	{"no HTTP at all", "hello\r\n\r\n", []int{400}},
	{"no version", "GET /environ\r\nHost: x\r\n\r\n", []int{400}},
	{"version of the future", "GET /environ HTTP/9.1\r\nHost: x\r\n\r\n", []int{400, 505}},
	{"version that is none", "GET /environ HTTP/x\r\nHost: x\r\n\r\n", []int{400}},
	{"no Host", "GET /environ HTTP/1.1\r\n\r\n", []int{400}},
	{"two Hosts", "GET /environ HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", []int{400}},
	{"Host that is none", "GET /environ HTTP/1.1\r\nHost: a b\r\n\r\n", []int{400}},
	{"method that is no token", "G@T /environ HTTP/1.1\r\nHost: x\r\n\r\n", []int{400}},
	{"target without a slash", "GET environ HTTP/1.1\r\nHost: x\r\n\r\n", []int{400}},
	{"percent without digits", "GET /environ/%zz HTTP/1.1\r\nHost: x\r\n\r\n", []int{400}},
	{"field without a colon", "GET /environ HTTP/1.1\r\nHost: x\r\nnonsense\r\n\r\n", []int{400}},
	{"blank before the colon", "GET /environ HTTP/1.1\r\nHost: x\r\nX-A : b\r\n\r\n", []int{400}},
	{"blank in a name", "GET /environ HTTP/1.1\r\nHost: x\r\nX A: b\r\n\r\n", []int{400}},
	{"empty name", "GET /environ HTTP/1.1\r\nHost: x\r\n: b\r\n\r\n", []int{400}},
	{"NUL in a value", "GET /environ HTTP/1.1\r\nHost: x\r\nX-A: a\x00b\r\n\r\n", []int{400}},
	{"length that is none", "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: ten\r\n\r\n", []int{400}},
	{"length below zero", "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", []int{400}},
	{"length with a sign", "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: +1\r\n\r\na", []int{400}},
	{"two lengths", "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", []int{400}},
	{"coding that nobody knows", "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: rot13\r\n\r\n", []int{400, 501}},
	{"chunked twice", "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", []int{400, 501}},
	{"chunk size that is none", "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", []int{400}},
	{"chunk longer than it says", "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcdef\r\n0\r\n\r\n", []int{400}},
	{"chunk size without end", "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + strings.Repeat("1", 100), []int{400, 408}},
	{"head too large", "GET /environ HTTP/1.1\r\nHost: x\r\nX-A: " + strings.Repeat("a", 70000) + "\r\n\r\n", []int{431}},
	{"too many fields", "GET /environ HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("X-A: b\r\n", 9000) + "\r\n", []int{431}},
	{"target too long", "GET /" + strings.Repeat("a", 70000) + " HTTP/1.1\r\nHost: x\r\n\r\n", []int{414, 431}},
	{"body too large", "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1000001\r\n\r\n", []int{413}},
	{"body too large by far", "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n", []int{400, 413}},
	{"chunks too large", "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + strings.Repeat("10000\r\n"+strings.Repeat("x", 0x10000)+"\r\n", 20) + "0\r\n\r\n", []int{413}},
	{"head too slow", "GET /environ HTTP/1.1\r\nHost: x\r\n", []int{408}},
	{"request line too slow", "GET /env", []int{408}},
	{"body too slow", "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf", []int{408}},
	{"chunk too slow", "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", []int{408}},
	{"TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", []int{400, 408, 0}},
	{"nothing", "", []int{408, 0}},
}

// serveStrict serves strict.ini with a time limit of heads and of bodies.
func serveStrict(t *testing.T, limit string) *harness.Server {
	t.Helper()
	return serve(t, site{
		file: filepath.Join("testdata", "wsgi", "strict.ini"), python: systemPython(t), vars: []string{"e2e_limit=" + limit},
	})
}

// TestBadRequestsAreRefused wants an answer and the connection's end for each,
// well before the limit of the tests, and the server as it was.
func TestBadRequestsAreRefused(t *testing.T) {
	t.Parallel()
	near, far := serveStrict(t, "1s"), serveStrict(t, "20s")
	client := newClient(t)
	for _, test := range badRequests {
		t.Run(test.name, func(t *testing.T) {
			server := far
			if slices.Contains(test.want, http.StatusRequestTimeout) {
				server = near // a time limit is what ends it
			}
			conn := dial(t, server)
			began := time.Now()
			// The server may refuse before it has read everything.
			_, _ = io.WriteString(conn.Conn, test.request)
			text, closed := conn.closed()
			if status := statusOf(text); !slices.Contains(test.want, status) {
				t.Errorf("status %d, want %d: %q", status, test.want, clip(text))
			}
			if elapsed := time.Since(began); !closed || elapsed > 10*time.Second {
				t.Errorf("closed: %v, after %v", closed, elapsed)
			}
		})
	}
	get(t, client, near.URL+"/environ")
	get(t, client, far.URL+"/environ")
}

// statusOf returns the status of the first answer in text, and 0 if there is
// none.
func statusOf(text []byte) int {
	resp, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(text)), nil)
	if err != nil {
		return 0
	}
	resp.Body.Close()
	return resp.StatusCode
}

// TestBadRequestsTakeNothingFromOthers holds connections open in every bad way
// and asks for something else meanwhile.
func TestBadRequestsTakeNothingFromOthers(t *testing.T) {
	t.Parallel()
	server := serveStrict(t, "20s")
	for i := range 200 {
		conn := dial(t, server)
		_, _ = io.WriteString(conn.Conn, fmt.Sprintf("POST /echo HTTP/1.1\r\nHost: x\r\nX-A: %d\r\nContent-Length: 100\r\n\r\nx", i))
	}
	began := time.Now()
	get(t, newClient(t), server.URL+"/environ")
	if elapsed := time.Since(began); elapsed > 5*time.Second {
		t.Errorf("answered after %v", elapsed)
	}
}

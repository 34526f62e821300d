package e2e_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"pasted/e2e/harness"
)

// answerLimit is how long an answer may take. No request of these tests waits
// for more than a worker's start.
const answerLimit = 30 * time.Second

// newClient returns a client that follows no redirect. Its connections end
// with the test.
func newClient(t *testing.T) *http.Client {
	transport := &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 16}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{
		Transport:     transport,
		Timeout:       answerLimit,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// An answer is a response that has been read to its end.
type answer struct {
	*http.Response
	body []byte
}

func (a answer) String() string { return string(a.body) }

// decode reads the body as JSON into v.
func (a answer) decode(t *testing.T, v any) {
	t.Helper()
	if err := decodeJSON(a.body, v); err != nil {
		t.Fatalf("%s %s: %v", a.Request.Method, a.Request.URL, err)
	}
}

// decodeJSON reads text into v.
func decodeJSON(text []byte, v any) error {
	if err := json.Unmarshal(text, v); err != nil {
		return fmt.Errorf("%w in %q", err, clip(text))
	}
	return nil
}

// A call is one request to be made. The zero method is GET.
type call struct {
	method string
	url    string
	body   io.Reader
	header []string // names and values
}

// do makes the request and reads the answer to its end.
func do(t *testing.T, client *http.Client, c call) (answer, error) {
	t.Helper()
	req, err := http.NewRequest(c.method, c.url, c.body)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(c.header); i += 2 {
		req.Header.Add(c.header[i], c.header[i+1])
	}
	resp, err := client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return answer{resp, body}, err
}

// want makes the request and holds the answer to the status.
func want(t *testing.T, client *http.Client, status int, c call) answer {
	t.Helper()
	a, err := do(t, client, c)
	if err != nil {
		t.Fatal(err)
	}
	if a.StatusCode != status {
		t.Fatalf("%s %s: %s, want %d\n%s", a.Request.Method, c.url, a.Status, status, clip(a.body))
	}
	return a
}

// get makes a GET and wants 200.
func get(t *testing.T, client *http.Client, url string) answer {
	t.Helper()
	return want(t, client, http.StatusOK, call{url: url})
}

func clip(body []byte) []byte { return body[:min(len(body), 2000)] }

// A rawConn is a connection on which a test writes its own bytes.
type rawConn struct {
	net.Conn
	t *testing.T
	r *bufio.Reader
}

// dial connects to the server. The connection ends with the test, and no read
// or write on it takes longer than answerLimit.
func dial(t *testing.T, s *harness.Server) *rawConn {
	t.Helper()
	conn, err := net.Dial("tcp", s.Addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(answerLimit)); err != nil {
		t.Fatal(err)
	}
	return &rawConn{Conn: conn, t: t, r: bufio.NewReader(conn)}
}

// send writes the text as it stands.
func (c *rawConn) send(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c.Conn, text); err != nil {
		c.t.Fatal(err)
	}
}

// answer reads the next response, which answers the method.
func (c *rawConn) answer(method string) answer {
	c.t.Helper()
	resp, err := http.ReadResponse(c.r, &http.Request{Method: method})
	if err != nil {
		c.t.Fatalf("no answer: %v", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatalf("answer %s: %v", resp.Status, err)
	}
	return answer{resp, body}
}

// closed says whether the server has closed the connection, or closes it
// within answerLimit, and gives the bytes that came before.
func (c *rawConn) closed() ([]byte, bool) {
	var rest bytes.Buffer
	_, err := io.Copy(&rest, c.r)
	if timeout, ok := err.(net.Error); ok && timeout.Timeout() {
		return rest.Bytes(), false
	}
	return rest.Bytes(), true
}

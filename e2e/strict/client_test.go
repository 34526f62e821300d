package strict_test

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// answerLimit is how long a connection may take, from its first byte to its
// end. Nothing here waits for anything but the server.
const answerLimit = 30 * time.Second

// A manner is how a client writes its bytes: it returns the size of the next
// piece.
type manner struct {
	name string
	next func() int
}

// manners returns the manners in which every message is sent.
func manners(seed uint64) []manner {
	random := rand.New(rand.NewPCG(seed, 0))
	return []manner{
		{"whole", func() int { return 1 << 30 }},
		{"byte by byte", func() int { return 1 }},
		{"in pieces", func() int { return 1 + random.IntN(20) }},
	}
}

// mostPieces is how many pieces a message is sent in at most: the rest follows
// in one. What is special lies at the beginning, or the message is large for
// the sake of a limit.
const mostPieces = 4000

// A reading is what the server has made of all that a client has sent.
type reading struct {
	served  []served
	code    int    // of the refusal; 0: there was none
	reason  string // of the refusal
	close   bool   // the last answer says that the connection ends
	interim int    // answers with a status below 200
}

// A served is a request as the application has seen it.
type served struct{ method, path, query, host, body string }

// verdict is the reading in a few words: "served 2", "served 1, refused 400",
// "waits" where there was nothing to answer.
func (r reading) verdict() string {
	var parts []string
	if len(r.served) > 0 {
		parts = append(parts, fmt.Sprintf("served %d", len(r.served)))
	}
	if r.code != 0 {
		parts = append(parts, fmt.Sprintf("refused %d", r.code))
	}
	if len(parts) == 0 {
		return "waits"
	}
	return strings.Join(parts, ", ")
}

// answersLimit is how long the answers that must come are waited for before the
// sending ends.
const answersLimit = 10 * time.Second

// converse sends data in its manner on a connection of its own, ends its
// sending, and reads all answers. It ends its sending when the requests in data
// have been answered: one that still waits for its turn is dropped when its
// client seems to have left.
func converse(t testing.TB, addr string, data []byte, m manner) reading {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(answerLimit)); err != nil {
		t.Fatal(err)
	}
	answers := newCollector(len(modelOf(data).served))
	go answers.collect(conn)
	send(conn, data, m)
	select {
	case <-answers.enough:
	case <-answers.ended:
	case <-time.After(answersLimit):
	}
	_ = conn.(*net.TCPConn).CloseWrite() // the server may have closed already
	<-answers.ended
	return read(t, answers.got)
}

// A collector reads a connection to its end.
type collector struct {
	wanted int
	enough chan struct{} // is closed when so many answers have begun, or seem to have
	ended  chan struct{} // is closed at the end
	got    []byte        // all, once ended is closed
}

func newCollector(wanted int) *collector {
	c := &collector{wanted: wanted, enough: make(chan struct{}), ended: make(chan struct{})}
	if wanted == 0 {
		close(c.enough)
	}
	return c
}

func (c *collector) collect(conn net.Conn) {
	defer close(c.ended)
	piece := make([]byte, 64<<10)
	for {
		n, err := conn.Read(piece)
		c.got = append(c.got, piece[:n]...)
		if c.wanted > 0 && c.begun() >= c.wanted {
			c.wanted = 0
			close(c.enough)
		}
		if err == nil {
			continue
		}
		// A server that has refused may reset what it did not read.
		if timeout, ok := err.(net.Error); ok && timeout.Timeout() {
			c.got = append(c.got, "\x00no end of the connection"...)
		}
		return
	}
}

// begun returns how many final answers there are in got, what looks like one in
// an answer's body included.
func (c *collector) begun() int {
	return bytes.Count(c.got, []byte("HTTP/1.")) - bytes.Count(c.got, []byte("HTTP/1.1 1"))
}

// send writes as much of data as the server takes.
func send(w io.Writer, data []byte, m manner) {
	for pieces := 0; len(data) > 0; pieces++ {
		n := min(m.next(), len(data))
		if pieces == mostPieces {
			n = len(data)
		}
		if _, err := w.Write(data[:n]); err != nil {
			return
		}
		data = data[n:]
	}
}

// read takes the answers apart.
func read(t testing.TB, answers []byte) (r reading) {
	t.Helper()
	rest := bufio.NewReaderSize(bytes.NewReader(answers), len(answers)+1)
	for {
		if _, err := rest.Peek(1); err != nil {
			return r
		}
		if r.close || r.code != 0 {
			t.Errorf("more after the last answer: %q", answers)
			return r
		}
		resp, body, err := readAnswer(rest)
		if err != nil {
			t.Errorf("%v in %q", err, answers)
			return r
		}
		r.add(resp, body)
	}
}

func (r *reading) add(resp *http.Response, body []byte) {
	switch {
	case resp.StatusCode < 200:
		r.interim++
		return
	case resp.StatusCode == http.StatusOK:
		r.served = append(r.served, served{
			resp.Header.Get("X-Method"), unhex(resp, "X-Path"), unhex(resp, "X-Query"), unhex(resp, "X-Host"), string(body),
		})
	default:
		r.code, r.reason = resp.StatusCode, reasonOf(body)
	}
	r.close = resp.Close
}

// readAnswer reads one answer. Whether it is one to HEAD, which has no body,
// the application says in it.
func readAnswer(rest *bufio.Reader) (*http.Response, []byte, error) {
	head := append(peekHead(rest), "\r\n"...)
	method := http.MethodGet
	if bytes.Contains(head, []byte("\r\nX-Method: HEAD\r\n")) {
		method = http.MethodHead
	}
	resp, err := http.ReadResponse(rest, &http.Request{Method: method})
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp, body, err
}

// peekHead returns the next answer's head without taking it.
func peekHead(from *bufio.Reader) []byte {
	for n := 1; ; n = from.Buffered() + 1 {
		if _, err := from.Peek(n); err != nil {
			head, _ := from.Peek(from.Buffered())
			return head
		}
		buffered, _ := from.Peek(from.Buffered())
		if head, _, whole := bytes.Cut(buffered, []byte("\r\n\r\n")); whole {
			return head
		}
	}
}

func unhex(resp *http.Response, name string) string {
	text, err := hex.DecodeString(resp.Header.Get(name))
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// reasonOf returns the reason in the body of a refusal, "400 Bad Request:
// reason".
func reasonOf(body []byte) string {
	_, reason, _ := strings.Cut(strings.TrimSpace(string(body)), ": ")
	return reason
}

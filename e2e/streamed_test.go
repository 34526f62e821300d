package e2e_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pasted/e2e/harness"
)

const chunkedHead = " HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"

// aChunk is a line of 1000 bytes, as a chunk and as the application reads it.
var (
	aLine  = strings.Repeat("x", 999) + "\n"
	aChunk = "3e8\r\n" + aLine + "\r\n"
)

// overTests are bodies that come while the application reads them, and go over a
// limit of near.ini: 100,000 bytes, three seconds, in which a busy machine comes to
// what is to be done before, and 1000 bytes a second.
var overTests = []struct {
	name   string
	send   func(send func(text string) bool) // until send says that the server has had enough
	status int
	reason string
}{
	{"max_request_body_size", func(send func(string) bool) {
		for range 150 {
			if !send(aChunk) {
				return
			}
		}
	}, http.StatusRequestEntityTooLarge, "the body is too large"},
	{"max_request_body_size, in one chunk", func(send func(string) bool) {
		_ = send("30000\r\n" + strings.Repeat("x", 0x30000) + "\r\n")
	}, http.StatusRequestEntityTooLarge, "the body is too large"},
	{"body_timeout", func(send func(string) bool) {
		_ = send(aChunk)
	}, http.StatusRequestTimeout, "the request's body took too long"},
	{"min_body_rate", func(send func(string) bool) {
		for send("1\r\nx\r\n") {
			time.Sleep(50 * time.Millisecond)
		}
	}, http.StatusRequestTimeout, "the request's body took too long"},
}

// sendUntilRefused sends as test does, as long as the server takes it, and returns
// what it says to that.
func sendUntilRefused(conn *rawConn, send func(func(string) bool)) (text []byte, closed bool) {
	enough := make(chan struct{})
	go func() {
		text, closed = conn.closed()
		close(enough)
	}()
	send(func(text string) bool {
		select {
		case <-enough:
			return false
		default:
		}
		_, err := io.WriteString(conn.Conn, text)
		return err == nil
	})
	<-enough
	return text, closed
}

// A body that goes over a limit while the application reads it is refused, and the
// application's read raises, as often as it reads.
func TestStreamedBodyKeepsToTheLimits(t *testing.T) {
	t.Parallel()
	files := t.TempDir()
	server := serveBodiesOf(t, "near.ini", files)
	for i, test := range overTests {
		for _, way := range []string{"read", "each"} {
			t.Run(test.name+", by "+way, func(t *testing.T) {
				to := fmt.Sprintf("over-%d-%s", i, way)
				conn := dial(t, server)
				conn.send("POST /stream/tell?way=" + way + "&to=" + to + chunkedHead)
				text, closed := sendUntilRefused(conn, test.send)
				if status := statusOf(text); status != test.status || !closed || !bytes.Contains(text, []byte("\r\nConnection: close\r\n")) {
					t.Errorf("closed %v, %q; want %d and the connection's end", closed, clip(text), test.status)
				}
				path := filepath.Join(files, to)
				harness.Await(t, answerLimit, "the application's word", func() bool { _, err := os.Stat(path); return err == nil })
				if told, _ := os.ReadFile(path); string(told) != "OSError, then OSError" {
					t.Errorf("the application has read %s", told)
				}
			})
		}
		says := fmt.Sprintf(`msg="request refused" reason="%s" status=%d client=127.0.0.1:`, test.reason, test.status)
		server.Logged(answerLimit, says)
	}
	get(t, newClient(t), server.URL+"/hold") // the one lane is free
	if log := server.Stderr.String(); strings.Contains(log, "Traceback") {
		t.Errorf("a client's fault is no error of the application's:\n%s", log)
	}
}

// An answer that has begun when its request's body goes over a limit breaks off.
func TestAnswerBreaksOffWithItsBody(t *testing.T) {
	t.Parallel()
	server := serveBodiesOf(t, "near.ini", t.TempDir())
	for _, test := range overTests {
		t.Run(test.name, func(t *testing.T) {
			conn := dial(t, server)
			conn.send("POST /stream/lines" + chunkedHead + aChunk)
			_, _ = conn.r.Peek(1) // the answer has begun
			text, closed := sendUntilRefused(conn, test.send)
			if status := statusOf(text); status != http.StatusOK || !closed {
				t.Errorf("closed %v, status %d", closed, status)
			}
			if !bytes.Contains(text, []byte("got "+aLine)) || bytes.HasSuffix(text, []byte("0\r\n\r\n")) {
				t.Errorf("%d bytes, ending with %q: want what was read, and no end", len(text), text[max(0, len(text)-20):])
			}
		})
	}
	get(t, newClient(t), server.URL+"/hold")
}

// What is said to be too long is refused before the application is called.
func TestStreamedBodyOfAGreatLengthIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	files := t.TempDir()
	server := serveBodiesOf(t, "near.ini", files)
	conn := dial(t, server)
	conn.send("POST /stream/tell?way=read&to=told HTTP/1.1\r\nHost: x\r\nContent-Length: 100001\r\n\r\n")
	if text, closed := conn.closed(); statusOf(text) != http.StatusRequestEntityTooLarge || !closed {
		t.Errorf("closed %v, %q", closed, text)
	}
	get(t, newClient(t), server.URL+"/hold") // with the one lane, so the application has had its turn
	if _, err := os.Stat(filepath.Join(files, "told")); err == nil {
		t.Error("the application has been called")
	}
}

// The same in HTTP/2, whose streams end where HTTP/1.1's connections do.
func TestStreamedBodyKeepsToTheLimitsInHTTP2(t *testing.T) {
	t.Parallel()
	files := t.TempDir()
	server := serveBodiesOf(t, "near.ini", files)
	client := clientOf(t, 2)
	for _, test := range []struct {
		to     string
		pieces int // that are sent before nothing more is
		status int
	}{
		{"long", 150, http.StatusRequestEntityTooLarge},
		{"stalled", 1, http.StatusRequestTimeout},
	} {
		in, out := io.Pipe()
		go func() { // ends when the client has closed in
			for range test.pieces {
				if _, err := io.WriteString(out, aLine); err != nil {
					return
				}
			}
		}()
		want(t, client, test.status, call{method: "POST", url: server.URL + "/stream/tell?way=read&to=" + test.to, body: in})
		in.Close()
		path := filepath.Join(files, test.to)
		harness.Await(t, answerLimit, "the application's word", func() bool { _, err := os.Stat(path); return err == nil })
		if told, _ := os.ReadFile(path); string(told) != "OSError, then OSError" {
			t.Errorf("%s: the application has read %s", test.to, told)
		}
		get(t, client, server.URL+"/hold")
	}
}

// PEP 3333, Input and Error Streams: a read gives as much as it is asked for, however
// slowly that comes, less at the end alone, and nothing behind that.
func TestReadsAreShortAtTheEndAlone(t *testing.T) {
	t.Parallel()
	server, _ := serveBodies(t)
	for _, framing := range []struct {
		name, head string
		piece      func(text string) string
		end        string
	}{
		{"chunked", chunkedHead, func(text string) string { return fmt.Sprintf("%x\r\n%s\r\n", len(text), text) }, "0\r\n\r\n"},
		{"with a length", " HTTP/1.1\r\nHost: x\r\nContent-Length: 40000\r\n\r\n", func(text string) string { return text }, ""},
	} {
		conn := dial(t, server)
		conn.send("POST /stream/sizes" + framing.head + framing.piece("four+half"))
		if page := conn.answer("POST"); page.StatusCode != http.StatusEarlyHints {
			t.Fatalf("%s: %s", framing.name, page.Status)
		}
		conn.send(framing.piece("...")) // read(10) has 5 bytes so far
		conn.send(framing.piece("ab"))
		conn.send(framing.piece("a line") + framing.piece(" of 12\n"))
		rest := 40_000 - len("four+half...aba line of 12\n")
		conn.send(framing.piece(strings.Repeat("x", 50)) + framing.piece(strings.Repeat("x", rest-50)) + framing.end)
		if page, want := conn.answer("POST").String(), fmt.Sprintf("[4, 10, 13, 100, %d, 0, 0, 0]", rest-100); page != want {
			t.Errorf("%s: the reads give %s, want %s", framing.name, page, want)
		}
	}
}

// RFC 8297: hints go ahead of the answer, also while the body still comes.
func TestEarlyHintsGoAheadOfAStreamedBody(t *testing.T) {
	t.Parallel()
	server, _ := serveBodies(t)
	for _, p := range protocols {
		for _, expect := range []string{"", "100-continue"} {
			if expect != "" && p.major == 2 {
				continue // net/http's HTTP/2 sends no 100 (Continue) after a 103
			}
			t.Run(p.name+" "+expect, func(t *testing.T) {
				hints := make(chan string, 10)
				trace := &httptrace.ClientTrace{Got1xxResponse: func(code int, header textproto.MIMEHeader) error {
					if code == http.StatusEarlyHints {
						hints <- header.Get("Link")
					} else if code != http.StatusContinue {
						return errors.New("not as it should be")
					}
					return nil
				}}
				in, out := io.Pipe()
				req, err := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), trace), "POST", server.URL+"/stream/hint", in)
				if err != nil {
					t.Fatal(err)
				}
				if expect != "" {
					req.Header.Set("Expect", expect)
				}
				client := clientOf(t, p.major)
				client.Transport.(*http.Transport).ExpectContinueTimeout = answerLimit // it waits for 100
				answers := make(chan *http.Response, 1)
				go func() {
					defer close(answers)
					resp, err := client.Do(req)
					if err != nil {
						t.Error(err)
						in.CloseWithError(err)
						return
					}
					answers <- resp
				}()
				for _, line := range []string{"begun", "one", "two"} {
					if line != "begun" {
						if _, err := io.WriteString(out, line+"\n"); err != nil {
							t.Fatal(err)
						}
					}
					select {
					case hint := <-hints:
						if hint != "<"+line+">; rel=preload" {
							t.Errorf("hint %q after %q", hint, line)
						}
					case <-time.After(answerLimit):
						t.Fatalf("no hint after %q", line)
					}
				}
				out.Close()
				resp := <-answers
				if resp == nil {
					t.FailNow()
				}
				defer resp.Body.Close()
				if body, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != 200 || string(body) != "hinted\n" || resp.Header.Get("Link") != "" {
					t.Errorf("%s %v %q, %v", resp.Status, resp.Header, body, err)
				}
			})
		}
	}
}

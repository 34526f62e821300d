package main

import (
	"bufio"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestAnswersAreComparedWithWhatIsRight(t *testing.T) {
	tests := []struct {
		name, answer string
		shape        shape
		want         string // part of the error; empty: none
	}{
		{"right", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", shape{}, ""},
		{"in pieces", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nh\r\n1\r\ni\r\n0\r\n\r\n", shape{}, ""},
		{"until the end", "HTTP/1.1 200 OK\r\n\r\nhi", shape{last: true, close: true}, ""},
		{"the last one", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi", shape{last: true}, ""},
		{"an error", "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n", shape{last: true}, "answer 502 Bad Gateway, not 200"},
		{"half of one", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi", shape{last: true}, "closed in mid-answer"},
		{"too short", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nh", shape{last: true}, "wrong bytes: 1 of 2"},
		{"something else", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nha", shape{last: true}, "wrong bytes: 2 for 2, the first wrong one at 1"},
		{"nothing", "", shape{last: true}, "closed in mid-answer"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := exchange{status: 200, want: "hi"}.judge(bufio.NewReader(strings.NewReader(test.answer)))
			if err != nil {
				err = plain(err)
			}
			if got != test.shape || (err == nil) != (test.want == "") || (err != nil && !strings.Contains(err.Error(), test.want)) {
				t.Errorf("judge() = %+v, %v; want %+v, %q", got, err, test.shape, test.want)
			}
		})
	}
}

func TestCheckCountsAnAnswersBytes(t *testing.T) {
	e := exchange{method: "POST", path: "/a", contentType: "text/plain", body: "12345", status: 200, want: "POST /a text/plain 5"}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Date"] = nil
		w.Header().Set("Content-Type", "text/plain")
		fmt.Fprintf(w, "%s %s %s %d", r.Method, r.URL.Path, r.Header.Get("Content-Type"), r.ContentLength)
	}))
	defer s.Close()
	got, err := e.check(s.Listener.Addr().String())
	want := len("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 20\r\n\r\n") + len(e.want)
	if err != nil || got.size != want {
		t.Errorf("check() = %+v, %v; want %d bytes", got, err, want)
	}
}

func TestCheckSaysWhatIsWrong(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			_, _ = conn.Write([]byte("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi there"))
			conn.Close()
		}
	}))
	addr := s.Listener.Addr().String()
	e := exchange{path: "/", status: 200, want: "hi"}
	if _, err := e.check(addr); err == nil || err.Error() != "GET /: 6 bytes after the answer's end" {
		t.Errorf("check() = %v", err)
	}
	s.Close()
	if _, err := e.check(addr); err == nil || err.Error() != "GET /: connection refused" {
		t.Errorf("check() = %v", err)
	}
}

func TestCheckWantsConnectionsClosedWhereItAsksForIt(t *testing.T) {
	for _, closes := range []bool{true, false} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			_, _ = conn.Write([]byte("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"))
			if closes {
				conn.Close()
			} else {
				t.Cleanup(func() { conn.Close() })
			}
		}))
		_, err := exchange{path: "/", close: true, status: 200, want: "hi"}.check(s.Listener.Addr().String())
		if closes && err != nil || !closes && (err == nil || !strings.Contains(err.Error(), "is open")) {
			t.Errorf("closes = %v: check() = %v", closes, err)
		}
		s.Close()
	}
}

func TestTheLoopKnowsWhenAnAnswerIsComplete(t *testing.T) {
	e := exchange{status: 200, want: "hi"}
	tests := []struct {
		name, in          string
		whole, last, fine bool
	}{
		{"nothing yet", "", false, false, true},
		{"half a head", "HTTP/1.1 200 OK\r\nContent-Le", false, false, true},
		{"half a body", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nh", false, false, true},
		{"all of it", "HTTP/1.1 200 OK\r\ncontent-length:2\r\n\r\nhi", true, false, true},
		{"the last", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: Close\r\n\r\nhi", true, true, true},
		{"too much", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi!", true, true, false},
		{"wrong", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nha", true, true, false},
		{"an error", "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", true, true, false},
		{"no length", "HTTP/1.1 200 OK\r\n\r\nhi", true, true, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			whole, last, err := e.complete([]byte(test.in))
			if whole != test.whole || last != test.last || (err == nil) != test.fine {
				t.Errorf("complete() = %v, %v, %v; want %v, %v, fine %v", whole, last, err, test.whole, test.last, test.fine)
			}
		})
	}
}

package h1_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// RFC 9110, 15.2: interim answers come one after the other. 103 (Early Hints) is
// more here than a client that does not read has room for, and 100 (Continue) is
// asked for meanwhile.
func TestContinueStandsInNoOtherInterimAnswer(t *testing.T) {
	link := strings.Repeat("x", 16<<20)
	asked := make(chan struct{})
	s := serve(t, nil, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).EnableFullDuplex()
		read := make(chan struct{})
		go func() {
			defer close(read)
			asked <- struct{}{}
			_, _ = io.Copy(io.Discard, r.Body)
		}()
		w.Header().Set("Link", link)
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Del("Link")
		<-read
		_, _ = io.WriteString(w, "done")
	}), nil)
	for range 10 {
		p := s.dial()
		p.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
		<-asked
		seen := 0
		for seen < 2 {
			line, err := p.r.ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			switch {
			case line == "HTTP/1.1 100 Continue\r\n", line == "HTTP/1.1 103 Early Hints\r\n":
			case line == "\r\n":
				seen++
			case line == "Link: "+link+"\r\n", strings.HasPrefix(line, "Date: "):
			default:
				t.Fatalf("a line of %d bytes that ends with %q: want those of one answer, then those of the other", len(line), line[max(0, len(line)-60):])
			}
		}
		p.send("body")
		if got := p.answer("POST"); !strings.HasSuffix(got, "\n\ndone") {
			t.Fatalf("%q", got)
		}
	}
}

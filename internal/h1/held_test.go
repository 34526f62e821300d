package h1_test

import (
	"bytes"
	"io"
	"net/http"
	"testing"

	"pasted/internal/h1"
)

// The goroutine that has an answer may see a write fail before the loop hears that
// the client has left. Whoever makes the answer is told all the same.
func TestAnAnswerThatBreaksIsToldOf(t *testing.T) {
	app := newPages()
	s := serve(t, shortFunc(func(x *h1.Exchange) bool {
		x.SetOwner(app)
		a := x.Answer()
		a.Reset(http.StatusOK)
		x.Begin(a, nil, false)
		x.Hold(func(io.Writer) error { return io.ErrClosedPipe })
		return true
	}), http.NotFoundHandler(), nil)
	p := s.dial()
	p.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	await(t, app.gone, "word of it")
	if rest, _ := io.ReadAll(p.r); bytes.HasSuffix(rest, []byte("0\r\n\r\n")) {
		t.Errorf("the answer looks complete: %q", rest)
	}
}

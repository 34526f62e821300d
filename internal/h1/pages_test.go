package h1_test

import (
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"pasted/internal/h1"
)

// large is 10 MB of which no two parts are the same.
var large = func() (b []byte) {
	for i := range uint32(10 << 18) {
		b = binary.BigEndian.AppendUint32(b, i)
	}
	return b
}()

// A pages is an application on both ways.
type pages struct {
	waits chan struct{} // a request for /wait is being served
	gone  chan struct{} // an exchange's client has left
}

func newPages() *pages {
	return &pages{waits: make(chan struct{}, 10), gone: make(chan struct{}, 10)}
}

// ServeHead answers at once, or in later turns of the loop.
func (p *pages) ServeHead(x *h1.Exchange) bool {
	a := x.Answer()
	a.Reset(200)
	a.Add("X-Method", string(x.Head.Text(x.Head.Method)))
	switch string(x.Path) {
	case "/":
		x.Begin(a, []byte("root"), true)
		x.End(true)
	case "/echo":
		x.Begin(a, x.Body, true)
		x.End(true)
	case "/later":
		x.Loop().Post(func() {
			x.Begin(x.Answer(), []byte("late"), true)
			x.End(true)
		})
	case "/stream", "/length":
		if string(x.Path) == "/length" {
			a.Length = 30
		}
		x.Begin(a, []byte("0123456789"), false)
		x.Loop().Post(func() {
			x.Write([]byte("0123456789"))
			x.Loop().Post(func() {
				x.Write([]byte("0123456789"))
				x.End(true)
			})
		})
	case "/large":
		a.Length = int64(len(large))
		x.Begin(a, large[:10], false)
		x.Write(large[10 : 4<<20])
		x.Write(large[4<<20 : 5<<20])
		x.Hold(func(w io.Writer) error {
			_, err := w.Write(large[5<<20:])
			return err
		})
	case "/nothing":
		a.Reset(204)
		a.Add("X-Method", "GET")
		x.Begin(a, []byte("none"), true)
		x.End(true)
	case "/short":
		a.Length = 10
		x.Begin(a, []byte("short"), true)
		x.End(true)
	case "/broken":
		x.Begin(a, []byte("half"), false)
		x.End(false)
	case "/wait":
		x.SetOwner(p)
		p.waits <- struct{}{}
	default:
		return false
	}
	return true
}

func (p *pages) Gone(*h1.Exchange) { p.gone <- struct{}{} }

func (p *pages) Unbegun(*h1.Exchange) bool { return false }

// ServeHTTP gives the same answers.
func (p *pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	w.Header().Set("X-Method", r.Method)
	write := func(n int) {
		for range n {
			io.WriteString(w, "0123456789")
			w.(http.Flusher).Flush()
		}
	}
	switch r.URL.Path {
	case "/":
		io.WriteString(w, "root")
	case "/echo":
		w.Write(body)
	case "/later":
		io.WriteString(w, "late")
	case "/stream":
		write(3)
	case "/length":
		w.Header().Set("Content-Length", "30")
		write(3)
	case "/large":
		w.Header().Set("Content-Length", fmt.Sprint(len(large)))
		w.Write(large)
	case "/nothing":
		w.WriteHeader(204)
	case "/short":
		w.Header().Set("Content-Length", "10")
		io.WriteString(w, "short")
	case "/broken":
		io.WriteString(w, "half")
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	case "/wait":
		p.waits <- struct{}{}
		<-r.Context().Done()
		p.gone <- struct{}{}
	case "/long":
		io.WriteString(w, "long")
	case "/trickle": // for longer than a client that has ended its sending is waited for
		for range 12 {
			time.Sleep(500 * time.Millisecond)
			if r.Context().Err() != nil {
				panic(http.ErrAbortHandler)
			}
			write(1)
		}
	}
}

// ways runs a test against both.
func ways(t *testing.T, change func(*h1.Config), test func(*testing.T, *serving, *pages)) {
	t.Run("short", func(t *testing.T) {
		p := newPages()
		test(t, serve(t, p, p, change), p)
	})
	t.Run("long", func(t *testing.T) {
		p := newPages()
		test(t, serve(t, nil, p, change), p)
	})
}

package h1_test

import (
	"net"
	"testing"
	"time"

	"pasted/internal/h1"
)

// hold has the loop of s wait until release is called, which is soon.
func (s *serving) hold() (release func()) {
	held, let := make(chan struct{}), make(chan struct{})
	s.loops[0].Post(func() {
		close(held)
		<-let
	})
	<-held
	return func() { close(let) }
}

// TestRequestThatHasComeIsServedBeforeItsConnectionIsClosed has a request come on an
// idle connection when the loop has looked what there is to read, and is about to
// close it.
func TestRequestThatHasComeIsServedBeforeItsConnectionIsClosed(t *testing.T) {
	const idle = 1100 * time.Millisecond // after which it may make room for another
	for name, test := range map[string]struct {
		change func(*h1.Config)
		begin  func(s *serving, ask func()) // has the client ask, and then the loop close
	}{
		"at a stop": {begin: func(s *serving, ask func()) {
			s.loops[0].Post(ask)
			go s.server.CloseIdle(0)
			time.Sleep(20 * time.Millisecond)
		}},
		"for another": {
			func(c *h1.Config) { c.MaxConnections = 1 },
			func(s *serving, ask func()) {
				s.dial() // which the loop hears of first
				ask()
			},
		},
		"in time": {
			func(c *h1.Config) { c.IdleTimeout = idle },
			func(s *serving, ask func()) { s.loops[0].Post(ask) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			s := serveOn(t, l, 1, nil, newPages(), test.change)
			client := s.dial()
			ask := func() { client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n") }
			ask()
			client.answer("GET")
			release := s.hold()
			time.Sleep(idle)
			test.begin(s, ask)
			release()
			client.answer("GET")
		})
	}
}

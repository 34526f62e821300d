package httpd_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pasted/internal/httpd"
)

func TestAGracefulStopLosesNoRequest(t *testing.T) {
	var served, answered atomic.Int64
	s := serve(t, httpd.Config{}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		served.Add(1)
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		w.Write(body)
	}))
	var warm, running sync.WaitGroup
	payload := bytes.Repeat([]byte("x"), 10000)
	for range 16 {
		warm.Add(1)
		running.Go(func() { answered.Add(load(t, s.addr(), payload, sync.OnceFunc(warm.Done))) })
	}
	warm.Wait()
	s.stop()
	running.Wait()
	if err := s.wait(); err != nil {
		t.Error(err)
	}
	if s, a := served.Load(), answered.Load(); s != a {
		t.Errorf("%d requests have been answered of %d served", a, s)
	}
}

// load sends requests on one connection, until it is told that it was the last,
// and returns how many have been answered; it calls warm after some. A request
// that has been sent must be answered, unless it has come too late after the one
// before.
func load(t *testing.T, addr string, payload []byte, warm func()) (answered int64) {
	defer warm()
	asked := time.Now()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Error(err)
		return 0
	}
	c := newClient(t, conn)
	request := append([]byte("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 10000\r\n\r\n"), payload...)
	for last := false; !last; answered++ {
		before := asked
		asked = time.Now()
		_, err := conn.Write(request)
		if err == nil {
			_, err = c.reader.Peek(1)
		}
		if err != nil {
			// The connection cannot have been idle for longer than this.
			if idle := time.Since(before); answered == 0 || idle < httpd.IdleGrace {
				t.Errorf("request lost %v after the one before: %v", idle, err)
			}
			return answered
		}
		r, err := http.ReadResponse(c.reader, nil)
		if err != nil {
			t.Errorf("half an answer: %v", err)
			return answered
		}
		got, err := io.ReadAll(r.Body)
		if r.StatusCode != 200 || len(got) != len(payload) || err != nil {
			t.Errorf("%s, %d bytes, %v", r.Status, len(got), err)
		}
		if answered == 10 {
			warm()
		}
		last = r.Close
	}
	return answered
}

func TestConnectionsThatWaitToBeAcceptedAreServedAfterAStop(t *testing.T) {
	held, release := make(chan struct{}, 20), make(chan struct{})
	s := serve(t, httpd.Config{MaxConnections: 1}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		held <- struct{}{}
		<-release
	}))
	var clients []*client
	for range 10 { // one is served, one waits for its place, the others in the kernel
		c := s.dial(t)
		c.send("GET / HTTP/1.1\nHost: a\n\n")
		clients = append(clients, c)
	}
	<-held
	s.stop()
	close(release)
	for _, c := range clients {
		if r, _ := c.answer("GET"); r.StatusCode != 200 {
			t.Error(r.Status)
		}
	}
	if err := s.wait(); err != nil {
		t.Error(err)
	}
}

func TestAStopDuringAFullHouseIsNotHeldUp(t *testing.T) {
	entered, release := make(chan struct{}, 2), make(chan struct{})
	s := serve(t, httpd.Config{MaxConnections: 1}, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		entered <- struct{}{}
		<-release
	}))
	first, second := s.dial(t), s.dial(t)
	first.send("GET / HTTP/1.1\nHost: a\n\n")
	second.send("GET / HTTP/1.1\nHost: a\n\n")
	<-entered
	s.stop()
	<-entered // the stop has made room
	close(release)
	for _, c := range []*client{first, second} {
		if r, _ := c.answer("GET"); r.StatusCode != 200 {
			t.Error(r.Status)
		}
		c.Close()
	}
	if err := s.wait(); err != nil {
		t.Error(err)
	}
}

func TestAStopLetsRequestsFinish(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	s := serve(t, httpd.Config{}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(entered)
		<-release
		if r.Context().Err() != nil {
			t.Error("the request's context ended with the server's")
		}
		io.WriteString(w, "done")
	}))
	busy, silent := s.dial(t), s.dial(t)
	busy.send("GET / HTTP/1.1\nHost: a\n\n")
	<-entered
	s.stop()
	silent.closed()
	close(release)
	if r, body := busy.answer("GET"); body != "done" || !r.Close {
		t.Errorf("%q, close %v", body, r.Close)
	}
	busy.Close()
	if err := s.wait(); err != nil {
		t.Errorf("Serve() = %v, want nil", err)
	}
}

func TestWhatDoesNotFinishInTimeIsCut(t *testing.T) {
	for name, kill := range map[string]bool{"graceful timeout": false, "told to": true} {
		t.Run(name, func(t *testing.T) {
			entered := make(chan struct{}, 3)
			grace := time.Hour
			if !kill {
				grace = 50 * time.Millisecond
			}
			s := serve(t, httpd.Config{GracefulTimeout: grace}, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				entered <- struct{}{}
				<-r.Context().Done()
			}))
			for range 3 {
				s.dial(t).send("GET / HTTP/1.1\nHost: a\n\n")
				<-entered
			}
			began := time.Now()
			s.stop()
			if kill {
				s.kill()
			}
			var cut *httpd.CutError
			if err := s.wait(); !errors.As(err, &cut) || cut.Requests != 3 || cut.Running != 0 {
				t.Errorf("Serve() = %v, want 3 requests cut", err)
			}
			if took := time.Since(began); !kill && took < grace {
				t.Errorf("after %v, want at least %v", took, grace)
			}
		})
	}
}

func TestAHandlerThatNeverReturnsHoldsUpTheStopForAWhileOnly(t *testing.T) {
	t.Parallel() // it takes its time
	entered, release := make(chan struct{}), make(chan struct{})
	s := serve(t, httpd.Config{GracefulTimeout: 10 * time.Millisecond}, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(entered)
		<-release
	}))
	s.dial(t).send("GET / HTTP/1.1\nHost: a\n\n")
	<-entered
	s.stop()
	var cut *httpd.CutError
	if err := s.wait(); !errors.As(err, &cut) || cut.Running != 1 {
		t.Errorf("Serve() = %v, want one that still runs", err)
	}
	close(release)
}

func TestAnAnswerThatHadBegunDoesNotHoldUpTheStop(t *testing.T) {
	release := make(chan struct{})
	s := serve(t, httpd.Config{}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "4")
		http.NewResponseController(w).Flush()
		<-release
		io.WriteString(w, "done")
	}))
	client := s.dial(t)
	client.send("GET / HTTP/1.1\nHost: a\n\n")
	r, err := http.ReadResponse(client.reader, nil)
	if err != nil {
		t.Fatal(err)
	}
	s.stop()
	close(release)
	if body, err := io.ReadAll(r.Body); string(body) != "done" || err != nil {
		t.Errorf("%q, %v", body, err)
	}
	client.closed()
	if err := s.wait(); err != nil {
		t.Errorf("Serve() = %v", err)
	}
}

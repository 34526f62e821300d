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
	"testing/synctest"
	"time"

	"pasted/internal/httpd"
)

func TestAStopDuringAFullHouseIsNotHeldUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		s := serveOn(t, httpd.Config{MaxConnections: 1}, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }), newPipes())
		first, second := s.dial(t), s.dial(t)
		go first.send("GET / HTTP/1.1\nHost: a\n\n")
		go second.send("GET / HTTP/1.1\nHost: a\n\n")
		synctest.Wait()
		s.stop()
		synctest.Wait()
		close(release)
		for _, c := range []*client{first, second} {
			if r, _ := c.answer("GET"); r.StatusCode != 200 {
				t.Error(r.Status)
			}
		}
		if err := s.wait(); err != nil {
			t.Error(err)
		}
	})
}

func TestAGracefulStopLosesNoRequest(t *testing.T) {
	const clients = 16
	var served atomic.Int64
	warm := make(chan struct{})
	s := serve(t, httpd.Config{}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if served.Add(1) == 200 {
			close(warm)
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		w.Write(body)
	}))
	var running sync.WaitGroup
	payload := bytes.Repeat([]byte("x"), 10000)
	for range clients {
		running.Go(func() { load(t, s.addr(), payload) })
	}
	<-warm
	s.stop()
	running.Wait()
	if err := s.wait(); err != nil {
		t.Error(err)
	}
}

// load sends requests on one connection, until it is told that it was the last.
// A request that has been sent must be answered.
func load(t *testing.T, addr string, payload []byte) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Error(err)
		return
	}
	c := newClient(t, conn)
	head := "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 10000\r\n\r\n"
	for last := false; !last; {
		if _, err := conn.Write(append([]byte(head), payload...)); err != nil {
			t.Errorf("request not sent: %v", err)
			return
		}
		r, err := http.ReadResponse(c.reader, nil)
		if err != nil {
			t.Errorf("request lost: %v", err)
			return
		}
		got, err := io.ReadAll(r.Body)
		if r.StatusCode != 200 || len(got) != len(payload) || err != nil {
			t.Errorf("%s, %d bytes, %v", r.Status, len(got), err)
		}
		last = r.Close
	}
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

func TestAStopLetsRequestsFinish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serveOn(t, httpd.Config{}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(20 * time.Second)
			if r.Context().Err() != nil {
				t.Error("the request's context ended with the server's")
			}
			io.WriteString(w, "done")
		}), newPipes())
		busy, silent := s.dial(t), s.dial(t)
		go busy.send("GET / HTTP/1.1\nHost: a\n\n")
		synctest.Wait()
		began := time.Now()
		s.stop()
		silent.closed()
		if took := time.Since(began); took > time.Second {
			t.Errorf("a connection without a request is closed after %v", took)
		}
		if r, body := busy.answer("GET"); body != "done" || !r.Close {
			t.Errorf("%q, close %v", body, r.Close)
		}
		if err := s.wait(); err != nil || time.Since(began) != 20*time.Second {
			t.Errorf("Serve() = %v after %v, want nil after 20s", err, time.Since(began))
		}
	})
}

func TestWhatDoesNotFinishInTimeIsCut(t *testing.T) {
	for name, kill := range map[string]bool{"graceful timeout": false, "told to": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := serveOn(t, httpd.Config{}, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
					<-r.Context().Done()
				}), newPipes())
				for range 3 {
					go s.dial(t).send("GET / HTTP/1.1\nHost: a\n\n")
				}
				synctest.Wait()
				began, want := time.Now(), 30*time.Second
				s.stop()
				if kill {
					time.Sleep(5 * time.Second)
					s.kill()
					want = 5 * time.Second
				}
				var cut *httpd.CutError
				if err := s.wait(); !errors.As(err, &cut) || cut.Requests != 3 || cut.Running != 0 {
					t.Errorf("Serve() = %v, want 3 requests cut", err)
				}
				if took := time.Since(began); took != want {
					t.Errorf("after %v, want %v", took, want)
				}
			})
		})
	}
}

func TestAHandlerThatNeverReturnsHoldsUpTheStopForAWhileOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		s := serveOn(t, httpd.Config{GracefulTimeout: time.Second}, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }), newPipes())
		go s.dial(t).send("GET / HTTP/1.1\nHost: a\n\n")
		synctest.Wait()
		s.stop()
		var cut *httpd.CutError
		if err := s.wait(); !errors.As(err, &cut) || cut.Running != 1 {
			t.Errorf("Serve() = %v, want one that still runs", err)
		}
		close(release)
		synctest.Wait()
	})
}

func TestAnAnswerThatHadBegunDoesNotHoldUpTheStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serveOn(t, httpd.Config{}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "4")
			http.NewResponseController(w).Flush()
			time.Sleep(5 * time.Second)
			io.WriteString(w, "done")
		}), newPipes())
		client := s.dial(t)
		go client.send("GET / HTTP/1.1\nHost: a\n\n")
		r, err := http.ReadResponse(client.reader, nil)
		if err != nil {
			t.Fatal(err)
		}
		s.stop()
		began := time.Now()
		if body, err := io.ReadAll(r.Body); string(body) != "done" || err != nil {
			t.Errorf("%q, %v", body, err)
		}
		client.closed()
		if err := s.wait(); err != nil || time.Since(began) > 6*time.Second {
			t.Errorf("Serve() = %v after %v", err, time.Since(began))
		}
	})
}

package e2e_test

import (
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pasted/e2e/harness"
)

func serveDeadline(t *testing.T) *harness.Server {
	t.Helper()
	return serve(t, site{file: filepath.Join("testdata", "deadline", "deadline.ini"), python: systemPython(t)})
}

func TestDeadlineIsKeptWhateverTheThreadDoes(t *testing.T) {
	s := serveDeadline(t)
	client := newClient(t)
	var over atomic.Bool
	var quick atomic.Int64
	var beside sync.WaitGroup
	beside.Go(func() { // requests beside the hung one
		for !over.Load() {
			if a, err := do(t, client, call{url: s.URL + "/quick"}); err != nil || a.StatusCode != http.StatusOK {
				t.Errorf("a request beside the hung one: %v, %v", a.Response, err)
				return
			}
			quick.Add(1)
		}
	})
	for _, page := range []string{"/naps", "/loop", "/receive", "/catch", "/stuck"} {
		limit := time.Second
		if page == "/catch" || page == "/stuck" { // which have to begin in time
			limit = 3 * time.Second
		}
		began := time.Now()
		a := want(t, client, http.StatusGatewayTimeout, call{url: s.URL + page})
		took := time.Since(began)
		t.Logf("%s: 504 after %v", page, took)
		// This machine may be busy; the bound that is promised is 100 ms. It is
		// less than the grace period, after which the worker's end would answer.
		if took < limit || took > limit+8*time.Second {
			t.Errorf("%s took %v: %s, want %v", page, took, a, limit)
		}
	}
	over.Store(true)
	beside.Wait()
	t.Logf("%d requests beside them", quick.Load())
	harness.Await(t, 20*time.Second, "the threads to come back", func() bool {
		told := get(t, client, s.URL+"/tell").String()
		if strings.Contains(told, "not stopped") {
			t.Fatalf("a thread went on: %s", told)
		}
		return told == "caught back"
	})
	if pids := get(t, client, s.URL+"/quick").String(); s.Stderr.Has("replacing its worker") {
		t.Errorf("a worker was replaced (now %s)", pids)
	}
	for _, text := range []string{"request past its deadline", "path=/stuck", "time.sleep(6)"} {
		s.Logged(20*time.Second, text)
	}
	if s.Stderr.Has("Traceback") {
		t.Error("the log has a traceback of the exception")
	}
}

func TestDeadlineIsExtendedByTheApplication(t *testing.T) {
	whateverTheWay(t)
	s := serveDeadline(t)
	if a := get(t, newClient(t), s.URL+"/more"); a.String() != "extended" {
		t.Errorf("%s: %s", a.Status, a)
	}
}

func TestAnswerBreaksOffAtItsDeadline(t *testing.T) {
	s := serveDeadline(t)
	a, err := do(t, newClient(t), call{url: s.URL + "/stream"})
	if err == nil || a.Response != nil && a.StatusCode != http.StatusOK {
		t.Errorf("%v with %v: want an answer that breaks off", a.Response, err)
	}
	if a := get(t, newClient(t), s.URL+"/quick"); a.StatusCode != http.StatusOK {
		t.Errorf("afterwards: %s", a.Status)
	}
}

func TestWorkerWhoseThreadIsLostIsReplaced(t *testing.T) {
	whateverTheWay(t)
	s := serveDeadline(t)
	client := newClient(t)
	before := get(t, client, s.URL+"/quick").String()
	want(t, client, http.StatusGatewayTimeout, call{url: s.URL + "/lost"})
	harness.Await(t, 40*time.Second, "another worker", func() bool {
		return get(t, client, s.URL+"/quick").String() != before // never an error
	})
	s.Logged(5*time.Second, "replacing its worker")
}

func TestClientThatHasGoneStopsItsRequest(t *testing.T) {
	s := serveDeadline(t)
	client := newClient(t)
	conn := dial(t, s)
	conn.send("GET /kept HTTP/1.1\r\nHost: a\r\n\r\n")
	tells := func(text string) {
		t.Helper()
		harness.Await(t, 20*time.Second, text, func() bool {
			return strings.Contains(get(t, client, s.URL+"/tell").String(), text)
		})
	}
	tells("begun")
	conn.Close()
	tells("disconnected")
}

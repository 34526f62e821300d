package e2e_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// repeatLimit is how long a GET may take whose worker stands still: 1.6 s, and
// what a loaded machine takes beyond that.
const repeatLimit = 5 * time.Second

// TestRequestThatHoldsTheGILKeepsNoOthersWaiting has GETs that hold the
// interpreter's lock for 8 s, which is well beyond repeatLimit, in one worker of two.
func TestRequestThatHoldsTheGILKeepsNoOthersWaiting(t *testing.T) {
	t.Parallel()
	c := serveCrash(t, crew{processes: 2, threads: 4, preload: true})
	c.workers(2)
	stop := make(chan struct{})
	var worst [4]time.Duration // by client
	var count atomic.Int64
	var asking sync.WaitGroup
	for client := range worst {
		asking.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				began := time.Now()
				r := c.ask(fmt.Sprintf("/count?key=%d-%d", client, n))
				worst[client] = max(worst[client], time.Since(began))
				count.Add(1)
				if r.err != nil || r.StatusCode != http.StatusOK {
					t.Errorf("a request beside one that holds the GIL: %v", orStatus(r.err, r.answer))
				}
				time.Sleep(5 * time.Millisecond) // the machine has others to run
			}
		})
	}
	for range 2 {
		began := time.Now()
		if code := c.status(c.begin("/deaf?seconds=8")); code != http.StatusOK {
			t.Errorf("the request that holds the GIL: %d, want 200", code)
		}
		if took := time.Since(began); took > 12*time.Second {
			t.Errorf("the request that holds the GIL took %v, want 8 s", took)
		}
	}
	close(stop)
	asking.Wait()
	d := slices.Max(worst[:])
	t.Logf("%d others, the worst in %v", count.Load(), d)
	if d > repeatLimit {
		t.Errorf("the worst of the others took %v, want %v at most", d, repeatLimit)
	}
}

// TestStoppedWorkerAndItsRequests stops a worker that has a GET and a POST in the
// application, and others are sent.
func TestStoppedWorkerAndItsRequests(t *testing.T) {
	t.Parallel()
	c := serveCrash(t, crew{processes: 2, threads: 4, preload: true})
	c.workers(2)
	post := c.holdWith(http.MethodPost, "post")
	stopped := c.holder("post")
	var gets []<-chan result
	inside := 0 // the worker that is stopped
	for i := range 4 {
		key := fmt.Sprint("get", i)
		gets = append(gets, c.hold(key))
		if c.holder(key) == stopped {
			inside++
		}
	}
	if inside == 0 {
		t.Fatal("the worker that is to be stopped has no GET")
	}
	if err := syscall.Kill(stopped, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	for i := range gets {
		c.release(fmt.Sprint("get", i))
	}
	var behind []<-chan result
	for i := range 40 {
		behind = append(behind, c.beginWith([]string{http.MethodPost, http.MethodGet}[i%2], fmt.Sprintf("/count?key=%d", i)))
	}
	for i, done := range append(behind, gets...) {
		if code := c.status(done); code != http.StatusOK {
			t.Errorf("request %d: %d, want 200", i, code)
		}
	}
	took := time.Since(began)
	t.Logf("the last of the others took %v", took)
	if took > repeatLimit {
		t.Errorf("the last of the others took %v, want %v at most", took, repeatLimit)
	}
	c.release("post")
	if err := syscall.Kill(stopped, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if code := c.status(post); code != http.StatusOK {
		t.Errorf("the POST in the stopped worker: %d, want 200", code)
	}
	c.workers(2) // both serve, so what was sent to the stopped one has been read
	if n := c.lines("held-post"); n != 1 {
		t.Errorf("the POST was called %d times, want once", n)
	}
	for i := range behind {
		text, err := os.ReadFile(filepath.Join(c.folder, fmt.Sprintf("count-%d", i)))
		if calls := len(text); err != nil || calls < 1 || calls > 1 && i%2 == 0 {
			t.Errorf("request %d was called %d times, %v", i, len(text), err)
		}
	}
}

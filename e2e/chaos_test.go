package e2e_test

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

func TestDeathInTheMiddleOfAnAnswerBreaksTheConnection(t *testing.T) {
	t.Parallel()
	c := serveCrash(t, crew{processes: 1, threads: 2, preload: true})
	resp, err := c.client.Get(c.URL + "/drip?key=a")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body := bufio.NewReader(resp.Body)
	if line, err := body.ReadString('\n'); line != "begun\n" || err != nil {
		t.Fatalf("%q, %v", line, err)
	}
	c.kill(c.holder("a"))
	if rest, err := io.ReadAll(body); err == nil {
		t.Errorf("the answer ends as if it were whole, with %q", rest)
	}
	get(t, c.client, c.URL+"/who")
}

// A tally is what came back for the requests of a chaos.
type tally struct{ answered, lost, refused, broken atomic.Int64 }

// TestNoRequestReachesTheApplicationTwice asks from many sides while workers
// and templates are killed all the time. A POST that is answered with 200 has
// reached the application once, any other at most once. Of what may be repeated
// nothing is lost, but to a second death.
func TestNoRequestReachesTheApplicationTwice(t *testing.T) {
	for _, preload := range []bool{true, false} {
		t.Run(fmt.Sprintf("preload %v", preload), func(t *testing.T) {
			t.Parallel()
			c := serveCrash(t, crew{processes: 3, threads: 2, preload: preload})
			c.workers(3)
			var sum tally
			var asking, killing sync.WaitGroup
			stop := make(chan struct{})
			for client := range 8 {
				method := []string{http.MethodPost, http.MethodGet}[client%2]
				asking.Go(func() { c.countUntil(stop, method, client, &sum) })
			}
			killing.Go(func() { c.killUntil(stop) })
			time.Sleep(6 * time.Second) // of chaos
			close(stop)
			killing.Wait()
			asking.Wait()
			t.Logf("answered %d, 502 %d, 503 %d, broken %d", sum.answered.Load(), sum.lost.Load(), sum.refused.Load(), sum.broken.Load())
			if sum.answered.Load() < 100 || sum.broken.Load() > 0 {
				t.Errorf("answered %d, broken %d; want hundreds, and none", sum.answered.Load(), sum.broken.Load())
			}
			c.workers(3) // serve again
		})
	}
}

// countUntil makes requests that leave a trace, one after the other, and
// compares what came back with the trace.
func (c *crashSite) countUntil(stop <-chan struct{}, method string, client int, sum *tally) {
	for n := 0; ; n++ {
		select {
		case <-stop:
			return
		default:
		}
		key := fmt.Sprintf("%d-%d", client, n)
		r := c.send(method, "/count?key="+key)
		trace, _ := os.ReadFile(filepath.Join(c.folder, "count-"+key))
		switch {
		case r.err != nil:
			sum.broken.Add(1)
			c.t.Logf("%s: %v", key, r.err)
		case r.StatusCode == http.StatusOK:
			sum.answered.Add(1)
		case r.StatusCode == http.StatusBadGateway:
			sum.lost.Add(1)
			if why := r.Header.Get("Pasted-Reason"); method == http.MethodGet && strings.HasPrefix(why, "worker-died;") {
				c.t.Errorf("%s: GET is lost with its worker: %s", key, why)
			}
		case r.StatusCode == http.StatusServiceUnavailable:
			sum.refused.Add(1)
		default:
			c.t.Errorf("%s: %s", key, r.Status)
		}
		if ok := r.err == nil && r.StatusCode == http.StatusOK; method == http.MethodPost && len(trace) > 1 || ok && len(trace) < 1 || len(trace) > 2 {
			c.t.Errorf("%s reached the application %d times, and was answered with %v", key, len(trace), orStatus(r.err, r.answer))
		}
	}
}

// killUntil kills a process of Python's, but not the server, every fifth
// of a second.
func (c *crashSite) killUntil(stop <-chan struct{}) {
	server := c.ServerPID()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
		}
		var found []int
		for _, p := range c.Processes() {
			if p.PID != c.PID() && p.PID != server {
				found = append(found, p.PID)
			}
		}
		if len(found) > 0 {
			_ = syscall.Kill(found[rand.N(len(found))], syscall.SIGKILL)
		}
	}
}

// TestHalfABodyNeverReachesTheApplication has clients leave in the middle of
// their upload.
func TestHalfABodyNeverReachesTheApplication(t *testing.T) {
	t.Parallel()
	c := serveCrash(t, crew{processes: 1, threads: 1, preload: true})
	for i, request := range []string{
		"Content-Length: 10\r\n\r\nhalf",
		"Content-Length: 5000000\r\n\r\n" + strings.Repeat("x", 3000000),
		"Transfer-Encoding: chunked\r\n\r\n5\r\nwhole\r\n",
		"Transfer-Encoding: chunked\r\n\r\n5\r\nha",
	} {
		conn := dial(t, c.Server)
		conn.send(fmt.Sprintf("POST /count?key=%d HTTP/1.1\r\nHost: x\r\n%s", i, request))
		conn.Close()
	}
	for range 5 { // one after the other through the only lane
		get(t, c.client, c.URL+"/who")
	}
	if found, _ := filepath.Glob(filepath.Join(c.folder, "count-*")); len(found) > 0 {
		t.Errorf("requests without their end reached the application: %v", found)
	}
}

package e2e_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"pasted/e2e/harness"
)

func serveGevent(t *testing.T) *harness.Server {
	t.Helper()
	return serve(t, site{file: filepath.Join("testdata", "gevent", "site.ini"), python: python(t, "gevent")})
}

// TestThousandRequestsWaitAtOnceInOneWorker has each of a thousand requests wait
// for all the others, as gunicorn's section says it: worker_class = gevent.
func TestThousandRequestsWaitAtOnceInOneWorker(t *testing.T) {
	const count = 1000
	server := serveGevent(t)
	if !server.Stdout.Has("1 × 1010 greenlets of gevent") {
		t.Errorf("the start does not tell of greenlets:\n%s", server.Stdout.String())
	}
	client := newClient(t)
	want := get(t, client, server.URL+"/process").String()
	var wg sync.WaitGroup
	for n := range count {
		wg.Go(func() {
			name := fmt.Sprintf("n%d", n)
			page, err := do(t, client, call{url: server.URL + "/meet?" + name, header: []string{"X-Count", fmt.Sprint(count)}})
			if err != nil || page.String() != name {
				t.Errorf("%s: %q, %v", name, page, err)
			}
		})
	}
	wg.Wait()
	if got := get(t, client, server.URL+"/process").String(); got != want {
		t.Errorf("process %s serves, and not %s", got, want)
	}
}

func TestGreenletsReadBodiesAndLogEachForItself(t *testing.T) {
	server := serveGevent(t)
	client := newClient(t)
	if got := get(t, client, server.URL+"/kind").String(); got != "Greenlet" {
		t.Errorf("served by a %s", got)
	}
	body := strings.Repeat("x", 2<<20)
	var wg sync.WaitGroup
	for n := range 20 {
		wg.Go(func() {
			page, err := do(t, client, call{method: "POST", url: server.URL + "/body", body: strings.NewReader(body)})
			if err != nil || page.String() != fmt.Sprint(len(body)) {
				t.Errorf("a body: %q, %v", page, err)
			}
			id, err := do(t, client, call{url: fmt.Sprintf("%s/say?n%d", server.URL, n)})
			if err != nil {
				t.Error(err)
				return
			}
			line := fmt.Sprintf("request=%s text=\"begun n%d, ended n%d\"", id, n, n)
			server.Logged(20*time.Second, line)
		})
	}
	wg.Wait()
}

func TestWorkerOfGreenletsThatDiesIsForkedAnew(t *testing.T) {
	server := serveGevent(t)
	client := newClient(t)
	before := get(t, client, server.URL+"/process").String()
	if _, err := do(t, client, call{url: server.URL + "/crash"}); err != nil {
		t.Error(err)
	}
	after := get(t, client, server.URL+"/process").String()
	if before == after {
		t.Errorf("process %s before and after", before)
	}
	if got := get(t, client, server.URL+"/kind").String(); got != "Greenlet" {
		t.Errorf("served by a %s", got)
	}
}

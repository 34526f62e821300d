package e2e_test

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"pasted/e2e/harness"
)

// A crashSite is testdata/crash, being served or about to be.
type crashSite struct {
	*harness.Server
	t      *testing.T
	client *http.Client
	folder string // through which the application talks with the test
}

// A crew says how many workers there are, and how long they may go on after a
// stop: 30s if it does not say.
type crew struct {
	processes, threads int
	preload            bool
	grace              string
}

// crashOptions returns how to serve testdata/crash, and the folder that it
// talks through.
func crashOptions(t *testing.T, c crew) (opts harness.Options, folder string) {
	t.Helper()
	folder = t.TempDir()
	if c.grace == "" {
		c.grace = "30s"
	}
	opts = site{
		file: filepath.Join("testdata", "crash", "crash.ini"), python: systemPython(t),
		vars: []string{
			"e2e_processes=" + strconv.Itoa(c.processes), "e2e_threads=" + strconv.Itoa(c.threads),
			"e2e_preload=" + strconv.FormatBool(c.preload), "e2e_folder=" + folder, "e2e_grace=" + c.grace,
		},
	}.options(t)
	return opts, folder
}

// serveCrash serves testdata/crash.
func serveCrash(t *testing.T, c crew) *crashSite {
	t.Helper()
	opts, folder := crashOptions(t, c)
	return &crashSite{t: t, client: newClient(t), folder: folder, Server: harness.Start(t, opts)}
}

// An identity is what the application says of its process, and of the one that
// answers for a child of it.
type identity struct{ PID, Parent int }

// who asks which process answers.
func (c *crashSite) who() identity {
	c.t.Helper()
	var id identity
	get(c.t, c.client, c.URL+"/who").decode(c.t, &id)
	return id
}

// workers asks until so many different processes have answered.
func (c *crashSite) workers(count int) map[int]identity {
	c.t.Helper()
	found := make(map[int]identity)
	harness.Await(c.t, 20*time.Second, fmt.Sprintf("%d workers to answer", count), func() bool {
		for _, a := range c.together(2 * count) {
			if a.err != nil || a.StatusCode != http.StatusOK {
				continue
			}
			var id identity
			a.decode(c.t, &id)
			found[id.PID] = id
		}
		return len(found) >= count
	})
	return found
}

// A result is an answer or why there is none.
type result struct {
	answer
	err error
}

// together asks /who so many times at once.
func (c *crashSite) together(count int) []result {
	results := make([]result, count)
	var wg sync.WaitGroup
	for i := range results {
		wg.Go(func() { results[i] = c.ask("/who") })
	}
	wg.Wait()
	return results
}

func (c *crashSite) ask(path string) result { return c.send(http.MethodGet, path) }

// send is ask with another method, GET being one that may be repeated.
func (c *crashSite) send(method, path string) result {
	a, err := do(c.t, c.client, call{method: method, url: c.URL + path})
	return result{a, err}
}

// begin asks for path without waiting for the answer.
func (c *crashSite) begin(path string) <-chan result { return c.beginWith(http.MethodGet, path) }

func (c *crashSite) beginWith(method, path string) <-chan result {
	done := make(chan result, 1)
	go func() { done <- c.send(method, path) }()
	return done
}

// hold begins a request that stays in the application until release, and
// returns when it is there.
func (c *crashSite) hold(key string) <-chan result { return c.holdWith(http.MethodGet, key) }

func (c *crashSite) holdWith(method, key string) <-chan result {
	c.t.Helper()
	done := c.beginWith(method, "/hold?key="+key)
	harness.Await(c.t, 20*time.Second, "the application to hold "+key, func() bool {
		_, err := os.Stat(filepath.Join(c.folder, "held-"+key))
		return err == nil
	})
	return done
}

// holder returns the process that holds the key.
func (c *crashSite) holder(key string) int {
	c.t.Helper()
	var pid int
	harness.Await(c.t, 5*time.Second, "the holder of "+key, func() bool {
		text, _ := os.ReadFile(filepath.Join(c.folder, "held-"+key))
		n, err := strconv.Atoi(strings.TrimSpace(string(text)))
		pid = n
		return err == nil
	})
	return pid
}

func (c *crashSite) release(key string) { c.tell("release-" + key) }

// tell makes a file for the application to see.
func (c *crashSite) tell(name string) { tell(c.t, c.folder, name) }

func tell(t *testing.T, folder, name string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(folder, name), nil, 0o644); err != nil {
		t.Fatal(err)
	}
}

// lines returns how many lines the application has written to a file.
func (c *crashSite) lines(name string) int {
	text, _ := os.ReadFile(filepath.Join(c.folder, name))
	return strings.Count(string(text), "\n")
}

// kill ends a process with SIGKILL.
func (c *crashSite) kill(pid int) {
	c.t.Helper()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		c.t.Fatal(err)
	}
}

// status waits for a begun request and returns its status.
func (c *crashSite) status(done <-chan result) int {
	c.t.Helper()
	select {
	case r := <-done:
		if r.err != nil {
			c.t.Errorf("no answer: %v", r.err)
			return 0
		}
		return r.StatusCode
	case <-time.After(answerLimit):
		c.t.Fatal("no answer")
		return 0
	}
}

func TestIdleWorkerKilledIsReplaced(t *testing.T) {
	for _, preload := range []bool{true, false} {
		t.Run(fmt.Sprintf("preload %v", preload), func(t *testing.T) {
			t.Parallel()
			c := serveCrash(t, crew{processes: 2, threads: 1, preload: preload})
			before := c.workers(2)
			for pid := range before {
				c.kill(pid)
				break
			}
			c.Logged(10*time.Second, "worker exited")
			for i := range 50 {
				if r := c.ask("/who"); r.err != nil || r.StatusCode != http.StatusOK {
					t.Fatalf("request %d after the death: %v", i, orStatus(r.err, r.answer))
				}
			}
			harness.Await(t, 20*time.Second, "a new worker", func() bool {
				for pid := range c.workers(2) {
					if _, old := before[pid]; !old {
						return true
					}
				}
				return false
			})
		})
	}
}

// TestDeathInARequestCostsThatRequestAlone kills the only worker, with one
// request in the application, which may not be repeated, and others behind it.
func TestDeathInARequestCostsThatRequestAlone(t *testing.T) {
	t.Parallel()
	c := serveCrash(t, crew{processes: 1, threads: 1, preload: true})
	c.workers(1)
	lost := c.holdWith(http.MethodPost, "lost")
	var queued []<-chan result
	for i := range 8 {
		queued = append(queued, c.beginWith(http.MethodPost, fmt.Sprintf("/count?key=%d", i)))
	}
	time.Sleep(200 * time.Millisecond) // until they are with the server; nothing tells
	c.kill(c.holder("lost"))
	if code := c.status(lost); code != http.StatusBadGateway {
		t.Errorf("the request in the application: %d, want 502", code)
	}
	for i, done := range queued {
		if code := c.status(done); code != http.StatusOK {
			t.Errorf("request %d behind it: %d, want 200", i, code)
		}
		if text, _ := os.ReadFile(filepath.Join(c.folder, fmt.Sprintf("count-%d", i))); string(text) != "x" {
			t.Errorf("request %d reached the application %d times, want once", i, len(text))
		}
	}
}

// TestDeathInARequestThatMayBeRepeatedIsNotSeen kills the worker that has it.
func TestDeathInARequestThatMayBeRepeatedIsNotSeen(t *testing.T) {
	t.Parallel()
	c := serveCrash(t, crew{processes: 2, threads: 2, preload: true})
	c.workers(2)
	held := c.hold("twice")
	c.kill(c.holder("twice"))
	harness.Await(t, 20*time.Second, "the application to hold it again", func() bool { return c.lines("held-twice") == 2 })
	c.release("twice")
	if code := c.status(held); code != http.StatusOK {
		t.Errorf("the request in the application: %d, want 200", code)
	}
}

// trapped serves with so many workers of one thread, each of which is killed with
// the next request that it begins, before the application is called.
func trapped(t *testing.T, processes int) *crashSite {
	t.Helper()
	c := serveCrash(t, crew{processes: processes, threads: 1, preload: true})
	c.workers(processes)
	var held []<-chan result
	for i := range processes {
		held = append(held, c.beginWith(http.MethodPost, fmt.Sprint("/trap?key=", i)))
		c.holder(strconv.Itoa(i))
	}
	for i, done := range held {
		c.release(strconv.Itoa(i))
		if code := c.status(done); code != http.StatusOK {
			t.Fatalf("trap %d: %d, want 200", i, code)
		}
	}
	return c
}

// TestDeathBeforeTheCallIsNotSeen has the worker of a POST die between its begin
// and the application's call.
func TestDeathBeforeTheCallIsNotSeen(t *testing.T) {
	t.Parallel()
	c := trapped(t, 1)
	if r := c.send(http.MethodPost, "/count?key=once"); r.err != nil || r.StatusCode != http.StatusOK {
		t.Errorf("%v, want 200", orStatus(r.err, r.answer))
	}
	if text, _ := os.ReadFile(filepath.Join(c.folder, "count-once")); string(text) != "x" || c.lines("trapped") != 1 {
		t.Errorf("it reached the application %d times, and %d workers died of it, want once and 1", len(text), c.lines("trapped"))
	}
}

// TestRequestThatKillsTwoWorkersBeforeTheCallIsRefused has a third one serve on.
func TestRequestThatKillsTwoWorkersBeforeTheCallIsRefused(t *testing.T) {
	t.Parallel()
	c := trapped(t, 2)
	r := c.send(http.MethodPost, "/count?key=never")
	if r.err != nil || r.StatusCode != http.StatusBadGateway {
		t.Fatalf("%v, want 502", orStatus(r.err, r.answer))
	}
	if why := r.Header.Get("Pasted-Reason"); !strings.HasPrefix(why, "worker-died-twice; request=") {
		t.Errorf("reason %q, want worker-died-twice and the request", why)
	}
	if text, _ := os.ReadFile(filepath.Join(c.folder, "count-never")); len(text) != 0 || c.lines("trapped") != 2 {
		t.Errorf("it reached the application %d times, and %d workers died of it, want never and 2", len(text), c.lines("trapped"))
	}
	if r := c.ask("/who"); r.err != nil || r.StatusCode != http.StatusOK {
		t.Errorf("afterwards: %v", orStatus(r.err, r.answer))
	}
}

func TestApplicationThatExitsGets502AndANewWorker(t *testing.T) {
	t.Parallel()
	c := serveCrash(t, crew{processes: 1, threads: 2, preload: true})
	for _, path := range []string{"/exit?code=3", "/exit?code=0", "/segfault"} {
		before := c.who().PID
		r := c.send(http.MethodPost, path)
		if r.err != nil || r.StatusCode != http.StatusBadGateway {
			t.Errorf("%s: %v, want 502", path, orStatus(r.err, r.answer))
		}
		if why := r.Header.Get("Pasted-Reason"); !strings.HasPrefix(why, "worker-died; request=") {
			t.Errorf("%s: reason %q, want worker-died and the request", path, why)
		}
		if r := c.ask("/who"); r.err != nil || r.StatusCode != http.StatusOK {
			t.Errorf("after %s: %v", path, orStatus(r.err, r.answer))
		}
		if after := c.who().PID; after == before {
			t.Errorf("after %s the same process answers", path)
		}
	}
}

// template returns the process that is neither pasted nor one of the workers.
func (c *crashSite) template(workers map[int]identity) int {
	c.t.Helper()
	var found []int
	server := c.ServerPID()
	for _, p := range c.Processes() {
		if _, worker := workers[p.PID]; !worker && p.PID != c.PID() && p.PID != server {
			found = append(found, p.PID)
		}
	}
	if len(found) != 1 {
		c.t.Fatalf("processes beside pasted and %d workers: %v, want the template", len(workers), found)
	}
	return found[0]
}

// TestTemplateKilledIsReplacedWhileTheWorkersServe asks all the time, and then
// has the workers replaced: by children of the new template.
func TestTemplateKilledIsReplacedWhileTheWorkersServe(t *testing.T) {
	t.Parallel()
	c := serveCrash(t, crew{processes: 2, threads: 2, preload: true})
	before := c.workers(2)
	stop, asked := make(chan struct{}), make(chan error, 1)
	go func() { asked <- c.askUntil(stop) }()
	c.kill(c.template(before))
	harness.Await(t, 20*time.Second, "another template", func() bool { return c.lines("imports") == 2 })
	close(stop)
	if err := <-asked; err != nil {
		t.Errorf("while the template was replaced: %v", err)
	}
	for pid := range before {
		_ = syscall.Kill(pid, syscall.SIGKILL) // one may have been replaced by now
	}
	for pid := range c.workers(2) {
		if _, old := before[pid]; old {
			t.Errorf("process %d answers after its death", pid)
		}
	}
	if n := c.lines("imports"); n != 2 {
		t.Errorf("imported %d times, want twice: once for each template", n)
	}
}

// askUntil asks without a pause, and returns what was not answered with 200.
func (c *crashSite) askUntil(stop <-chan struct{}) error {
	var errs []error
	for {
		select {
		case <-stop:
			return errors.Join(errs...)
		default:
		}
		if r := c.ask("/who"); r.err != nil {
			errs = append(errs, r.err)
		} else if r.StatusCode != http.StatusOK {
			errs = append(errs, errors.New(r.Status))
		}
	}
}

// repair takes back what has been told.
func repair(t *testing.T, folder, name string) {
	t.Helper()
	if err := os.Remove(filepath.Join(folder, name)); err != nil {
		t.Fatal(err)
	}
}

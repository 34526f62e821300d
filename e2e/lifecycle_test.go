package e2e_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"pasted/e2e/harness"
	"pasted/internal/worker"
)

// lifecycleSite serves testdata/lifecycle; options are what its variables have
// beside what is usual, and files what stands in the application's folder.
func lifecycleSite(t *testing.T, options map[string]string, files ...string) *harness.Server {
	t.Helper()
	folder := t.TempDir()
	for _, name := range files {
		tell(t, folder, name)
	}
	vars := []string{"e2e_folder=" + folder}
	for name, value := range map[string]string{
		"processes": "2", "preload": "true", "max_requests": "0", "reforks": "0", "overlap": "true", "megabytes": "0",
	} {
		if other, ok := options[name]; ok {
			value = other
		}
		vars = append(vars, "e2e_"+name+"="+value)
	}
	return harness.Start(t, site{
		file: filepath.Join("testdata", "lifecycle", "lifecycle.ini"), python: systemPython(t), vars: vars,
	}.options(t))
}

// crewOf returns the Python processes that s has, its template first.
func crewOf(s *harness.Server) (pids []int) {
	for _, p := range s.Processes() {
		line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", p.PID))
		switch title := string(line); {
		case strings.HasPrefix(title, "pasted_worker template"):
			pids = append([]int{p.PID}, pids...)
		case strings.Contains(title, "pasted_worker"):
			pids = append(pids, p.PID)
		}
	}
	return pids
}

// askAll asks for path so many times from so many clients at once, and returns
// how many were not answered with 200 and which processes answered.
func askAll(t *testing.T, s *harness.Server, path string, clients, each int) (failed int64, pids map[int]int) {
	t.Helper()
	var bad atomic.Int64
	var mu sync.Mutex
	pids = make(map[int]int)
	var wg sync.WaitGroup
	client := newClient(t)
	for range clients {
		wg.Go(func() {
			for range each {
				a, err := do(t, client, call{url: s.URL + path})
				if err != nil || a.StatusCode != http.StatusOK {
					bad.Add(1)
					continue
				}
				var id struct{ PID, Warmed int }
				a.decode(t, &id)
				mu.Lock()
				pids[id.PID] = id.Warmed
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return bad.Load(), pids
}

// askMany asks in rounds until so many processes have answered: requests come faster
// than workers are replaced, which is one at a time.
func askMany(t *testing.T, s *harness.Server, clients, each, processes int) {
	t.Helper()
	answered := map[int]bool{}
	for deadline := time.Now().Add(time.Minute); len(answered) < processes; {
		failed, pids := askAll(t, s, "/", clients, each)
		if failed > 0 {
			t.Errorf("%d of %d requests failed", failed, clients*each)
		}
		for pid := range pids {
			answered[pid] = true
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d processes have answered, want %d", len(answered), processes)
		}
	}
}

// TestWorkersShareWhatTheApplicationHolds measures the proportional memory of
// eight workers and their template, beside that of eight processes that have
// loaded the application themselves.
func TestWorkersShareWhatTheApplicationHolds(t *testing.T) {
	whateverTheWay(t)
	total := func(preload string, workers int) (pss int64) {
		s := lifecycleSite(t, map[string]string{"processes": fmt.Sprint(workers), "preload": preload, "megabytes": "150"})
		defer s.Stop()
		askAll(t, s, "/slow", workers, 5)
		for _, pid := range crewOf(s) {
			m, err := worker.MemoryOf(pid)
			if err != nil || m.PSS == 0 {
				t.Skipf("the kernel does not tell of proportional memory: %v", err)
			}
			pss += m.PSS
		}
		return pss
	}
	alone := 8 * total("false", 1)
	shared := total("true", 8)
	t.Logf("8 workers and their template: %d MB; 8 alone: %d MB; %.2f", shared>>20, alone>>20, float64(shared)/float64(alone))
	if float64(shared) > 0.7*float64(alone) {
		t.Errorf("8 workers take %d MB, want 0.7 of %d MB at most", shared>>20, alone>>20)
	}
}

// TestRecyclingCostsNoRequest has each worker replaced after 50 answers.
func TestRecyclingCostsNoRequest(t *testing.T) {
	t.Parallel()
	for _, overlap := range []string{"true", "false"} {
		t.Logf("overlap = %s", overlap)
		s := lifecycleSite(t, map[string]string{"max_requests": "50", "overlap": overlap})
		askMany(t, s, 8, 125, 6)
		s.Stop()
	}
}

// TestWarmedWorkerBecomesTheTemplate looks for workers that find warm what
// another process has warmed up.
func TestWarmedWorkerBecomesTheTemplate(t *testing.T) {
	t.Parallel()
	s := lifecycleSite(t, map[string]string{"reforks": "20"})
	harness.Await(t, 30*time.Second, "workers that are born warm", func() bool {
		failed, pids := askAll(t, s, "/", 4, 10)
		if failed > 0 {
			t.Fatalf("%d requests failed", failed)
		}
		for pid, warmed := range pids {
			if pid == warmed {
				return false
			}
		}
		return len(pids) > 0
	})
	s.Logged(5*time.Second, "worker has become the template")
	if s.Stderr.Has("not safe to fork") {
		t.Error("the log names something that is not safe to fork, and the application has nothing of the kind")
	}
}

func TestSizeFollowsTheLoad(t *testing.T) {
	t.Parallel()
	s := lifecycleSite(t, map[string]string{"processes": "1..4"})
	if n := len(crewOf(s)); n != 2 {
		t.Fatalf("%d processes beside the server at first, want a template and a worker", n)
	}
	harness.Await(t, 30*time.Second, "four workers", func() bool {
		failed, _ := askAll(t, s, "/slow", 12, 4)
		if failed > 0 {
			t.Fatalf("%d requests failed", failed)
		}
		return len(crewOf(s)) == 5
	})
}

func TestWhatIsNotSafeToForkIsNamed(t *testing.T) {
	t.Parallel()
	s := lifecycleSite(t, nil, "unsafe")
	for _, want := range []string{
		"what=thread name=poller", `name="the module lifecycle" detail="listens on 127.0.0.1:`, "name=sqlite3.Connection",
	} {
		s.Logged(20*time.Second, want)
	}
	if n := strings.Count(s.Stderr.String(), "not safe to fork"); n != 3 {
		t.Errorf("%d things are not safe to fork, want 3", n)
	}
}

// TestLockOfAnotherWorkerIsExplained recycles a worker that holds a lock, with
// the new one beside it and without.
func TestLockOfAnotherWorkerIsExplained(t *testing.T) {
	t.Parallel()
	options := map[string]string{"processes": "1", "preload": "false", "max_requests": "20"}
	s := lifecycleSite(t, options, "lock")
	if failed, _ := askAll(t, s, "/", 2, 20); failed > 0 {
		t.Errorf("%d requests failed", failed)
	}
	s.Logged(30*time.Second, "overlap = no")
	time.Sleep(time.Second) // of several tries, one is told of
	if n := strings.Count(s.Stderr.String(), "workers do not start"); n != 1 {
		t.Errorf("%d lines about workers that do not start, want 1", n)
	}
	s.Stop()

	options["overlap"] = "no"
	s = lifecycleSite(t, options, "lock")
	askMany(t, s, 2, 40, 2)
	if s.Stderr.Has("workers do not start") {
		t.Error("overlap = no: a worker did not start")
	}
}

// TestCrashLoopIsToldOfOnce has workers not start any more, and then again.
func TestCrashLoopIsToldOfOnce(t *testing.T) {
	t.Parallel()
	s := lifecycleSite(t, map[string]string{"processes": "2", "preload": "false"})
	folder := ""
	for _, pid := range crewOf(s) {
		env, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
		for _, v := range strings.Split(string(env), "\x00") {
			if value, ok := strings.CutPrefix(v, "E2E_FOLDER="); ok {
				folder = value
			}
		}
	}
	lock, err := os.Create(filepath.Join(folder, "the-lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	tell(t, folder, "lock")
	victim := crewOf(s)[0]
	if err := syscall.Kill(victim, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	s.Logged(20*time.Second, "workers do not start")
	if failed, _ := askAll(t, s, "/", 2, 20); failed > 0 {
		t.Errorf("%d requests failed while one worker serves", failed)
	}
	repair(t, folder, "lock")
	s.Logged(time.Minute, "workers start again")
	log := s.Stderr.String()
	if n := strings.Count(log, "workers do not start"); n != 1 || !strings.Contains(log, "Traceback") {
		t.Errorf("%d lines about it, want 1 with a traceback:\n%s", n, log)
	}
}

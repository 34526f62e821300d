package e2e_test

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"pasted/e2e/harness"
)

func TestReloadServesWhatIsSaved(t *testing.T) {
	whateverTheWay(t)
	t.Parallel()
	s := reloading(t)
	s.says("/", "one red")
	s.edit("parts.py", "one", "two")
	s.says("/", "two red")
	s.changed("parts.py", 1)
	s.edit("site.ini", "red", "blue")
	s.says("/", "two blue")
	s.changed("site.ini", 1)
	s.edit("inner.ini", "inside", "within")
	s.says("/inner", "two within")
	s.says("/composed", "two composed")
	s.edit("deep/composed.ini", "composed", "decomposed")
	s.says("/composed", "two decomposed")
	s.says("/later", "three")
	time.Sleep(1500 * time.Millisecond) // the workers are asked each second what they have imported
	s.save("late.py", `text = "four"`)
	s.says("/later", "four")
	s.changed("late.py", 1)
	s.save("parts.py", `text = "two"`)
	s.says("/", "two blue")
	s.changed("parts.py", 2)
	if caches, _ := filepath.Glob(filepath.Join(s.dir, "__pycache__")); len(caches) > 0 {
		t.Errorf("modules have been compiled: %v", caches)
	}
	s.Stop()
}

func TestReloadWatchesWhatTheFileSays(t *testing.T) {
	whateverTheWay(t)
	t.Parallel()
	s := reloading(t)
	for i, name := range []string{"plain.txt", "pages/deep/a.html", "pack/data/x.json", "pages/new.html", "absent.txt"} {
		s.save(name, "changed")
		s.changed(name, 1)
		s.serves(i + 2)
	}
	s.save("pages/ignored/b.html", "changed")
	s.save("unwatched.txt", "changed")
	s.save("ignored.py", "text = 2")
	s.edit("parts.py", "one", "two")
	s.says("/", "two red")
	if lines := s.Stdout.Lines("^changed "); len(lines) != 6 {
		t.Errorf("changes told: %q", lines)
	}
}

// reloadSlips are changes after which the application does not load, what is
// shown then, and the changes that mend it.
var reloadSlips = []struct {
	name         string
	file, text   string
	shown        string
	mended, mend string
}{
	{"a syntax error", "parts.py", "text = ", "SyntaxError", "parts.py", `text = "mended"`},
	{"an exception", "parts.py", "import pack\n1/0", "ZeroDivisionError", "parts.py", `text = "mended"`},
	{"a module that is missing", "parts.py", "from pack.missing import text", "No module named 'pack.missing'", "pack/missing.py", `text = "mended"`},
	{"a package that is missing", "parts.py", "from lost import text", "No module named 'lost'", "lost/__init__.py", `text = "mended"`},
	{"an error in a new module", "parts.py", "import broken\ntext = broken.text", "NameError", "broken.py", `text = "mended"`},
	{"an exit", "parts.py", "import os; os._exit(3)", "exit status 3", "parts.py", `text = "mended"`},
	{"a file that is none", "site.ini", "no section", "site.ini:1: ", "site.ini", ""},
}

func TestReloadWaitsForTheMend(t *testing.T) {
	whateverTheWay(t)
	for _, preload := range []string{"true", "false"} {
		for _, slip := range reloadSlips {
			t.Run(slip.name+", preload "+preload, func(t *testing.T) {
				t.Parallel()
				s := reloading(t, "broken.py", "text = nothing")
				s.edit("site.ini", "preload = true", "preload = "+preload)
				s.serves(2)
				before, err := os.ReadFile(filepath.Join(s.dir, "site.ini"))
				if err != nil {
					t.Fatal(err)
				}
				s.save(slip.file, slip.text)
				s.waits(1, slip.shown)
				if n := strings.Count(s.Stderr.String(), "pasted: "); n != 1 {
					t.Errorf("%q is shown %d times, want once", slip.shown, n)
				}
				page := want(t, s.client, http.StatusServiceUnavailable, call{url: s.URL + "/"})
				if !strings.Contains(page.String(), slip.shown) || page.Header.Get("Refresh") == "" {
					t.Errorf("the page does not say %q, or is not asked for again: %v\n%s", slip.shown, page.Header, page)
				}
				page = want(t, s.client, http.StatusServiceUnavailable, call{url: s.URL + "/", header: []string{"X-Forwarded-For", "192.0.2.1"}})
				if strings.Contains(page.String(), slip.shown) {
					t.Errorf("the page shows to others what it should not:\n%s", page)
				}
				mended := "mended red"
				if slip.mend == "" {
					slip.mend, mended = string(before), "one red"
				}
				s.save(slip.mended, slip.mend)
				s.says("/", mended)
				s.Stop()
			})
		}
	}
}

func TestReloadBeginsWithAFileThatIsWrong(t *testing.T) {
	whateverTheWay(t)
	t.Parallel()
	s := launchReloading(t, flags(), "parts.py", "text = ")
	s.waits(1, "SyntaxError")
	s.save("parts.py", `text = "mended"`)
	s.says("/", "mended red")
}

// TestReloadDoesWithoutTheSystemsWord runs where nothing may be watched by
// notifications, and where only one directory may.
func TestReloadDoesWithoutTheSystemsWord(t *testing.T) {
	whateverTheWay(t)
	for _, limit := range []string{"max_inotify_instances", "max_inotify_watches"} {
		t.Run(limit, func(t *testing.T) {
			t.Parallel()
			set := fmt.Sprintf(`echo 1 >/proc/sys/user/%s && exec "$@"`, limit)
			if limit == "max_inotify_instances" {
				set = strings.Replace(set, "echo 1", "echo 0", 1)
			}
			wrap := []string{"unshare", "--user", "--map-root-user", "sh", "-c", set, "sh"}
			if out, err := exec.Command(wrap[0], append(wrap[1:], "true")...).CombinedOutput(); err != nil {
				t.Skipf("no user namespace to set limits in: %v\n%s", err, out)
			}
			s := launchReloading(t, func(o *harness.Options) { o.Wrap = wrap })
			harness.Await(t, reloadLimit, "the start", s.Serving)
			s.edit("parts.py", "one", "two")
			s.says("/", "two red")
			s.save("pack/data/x.json", "changed")
			s.changed("pack/data/x.json", 1)
			s.Logged(5*time.Second, "the system does not tell of all changes")
			if n := len(s.Stderr.Lines("the system does not tell of all changes")); n != 1 {
				t.Errorf("said %d times that notifications are missing, want once", n)
			}
			s.Stop()
		})
	}
}

// TestReloadWaitsForADistribution begins without the one that the file names,
// and lays it where pip would.
func TestReloadWaitsForADistribution(t *testing.T) {
	whateverTheWay(t)
	t.Parallel()
	s := launchReloading(t, flags())
	s.serves(1)
	s.edit("site.ini", "paste.app_factory = app:make_app", "use = egg:Parts")
	s.waits(1, "Parts")
	s.save("Parts-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: Parts\nVersion: 1.0\n")
	s.save("Parts-1.0.dist-info/entry_points.txt", "[paste.app_factory]\nmain = app:make_app\n")
	s.save("Parts-1.0.dist-info/RECORD", "")
	s.says("/", "one red")
}

// TestReloadEndsWhenItIsTold has each signal come while the server does each
// of the things that it does.
func TestReloadEndsWhenItIsTold(t *testing.T) {
	whateverTheWay(t)
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGKILL} {
		for what, prepare := range map[string]func(*reloadSite){
			"serving":   func(s *reloadSite) { s.says("/", "one red") },
			"reloading": func(s *reloadSite) { s.edit("parts.py", "one", "two"); s.changed("parts.py", 1) },
			"waiting":   func(s *reloadSite) { s.save("parts.py", "text = "); s.waits(1, "SyntaxError") },
			"loading": func(s *reloadSite) {
				s.save("parts.py", "import time; open('loads', 'w'); time.sleep(60)")
				harness.Await(s.t, reloadLimit, "the import", func() bool {
					_, err := os.Stat(filepath.Join(s.dir, "loads"))
					return err == nil
				})
			},
		} {
			t.Run(fmt.Sprintf("%v, %s", sig, what), func(t *testing.T) {
				t.Parallel()
				s := reloading(t)
				prepare(s)
				s.Signal(sig)
				want := 0
				if sig == syscall.SIGKILL {
					want = -int(sig)
				}
				if code := s.Exit(20 * time.Second); code != want {
					t.Errorf("exit code %d, want %d", code, want)
				}
			})
		}
	}
}

// TestReloadIsBegunAnewByAChange changes a file while the application is loaded.
func TestReloadIsBegunAnewByAChange(t *testing.T) {
	whateverTheWay(t)
	t.Parallel()
	s := reloading(t)
	s.save("parts.py", "import time; open('loads', 'w'); time.sleep(60)")
	harness.Await(t, reloadLimit, "the import", func() bool {
		_, err := os.Stat(filepath.Join(s.dir, "loads"))
		return err == nil
	})
	s.save("parts.py", `text = "two"`)
	s.says("/", "two red")
}

func TestReloadRefusesNoConnection(t *testing.T) {
	whateverTheWay(t)
	t.Parallel()
	s := reloading(t)
	stop := make(chan struct{})
	var asking sync.WaitGroup
	for range 4 {
		asking.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				conn, err := net.Dial("tcp", s.Addr)
				if err != nil {
					t.Errorf("refused: %v", err)
					return
				}
				conn.Close()
			}
		})
	}
	for _, text := range []string{"two", "three", "four"} {
		s.save("parts.py", fmt.Sprintf("text = %q", text))
		s.says("/", text+" red")
	}
	close(stop)
	asking.Wait()
}

func TestReloadMovesToAnotherPort(t *testing.T) {
	whateverTheWay(t)
	t.Parallel()
	s := reloading(t)
	port := harness.Port(t)
	s.edit("site.ini", "port = %(e2e_port)s", fmt.Sprint("port = ", port))
	s.serves(2)
	get(t, s.client, fmt.Sprintf("http://127.0.0.1:%d/", port))
	if conn, err := net.Dial("tcp", s.Addr); err == nil {
		conn.Close()
		t.Errorf("%s is still bound", s.Addr)
	}
}

// TestReloadGivesRequestsTheInterval has one that ends within it, and one that
// never does.
func TestReloadGivesRequestsTheInterval(t *testing.T) {
	whateverTheWay(t)
	t.Parallel()
	s := launchReloading(t, flags("--reload-interval", "6"))
	harness.Await(t, reloadLimit, "the start", s.Serving)
	slow := make(chan string, 2)
	for _, path := range []string{"/held?until=go", "/held?until=never"} {
		go func() {
			page, err := do(t, newClient(t), call{url: s.URL + path})
			if err != nil || page.StatusCode != http.StatusOK {
				slow <- "cut off"
				return
			}
			slow <- page.String()
		}()
	}
	harness.Await(t, reloadLimit, "both requests", func() bool {
		held, _ := filepath.Glob(filepath.Join(s.dir, "held-*"))
		return len(held) == 2
	})
	s.edit("parts.py", "one", "two")
	s.changed("parts.py", 1)
	s.save("go", "")
	if got := <-slow; got != "held one" {
		t.Errorf("the one that ends within the interval: %q", got)
	}
	if got := <-slow; got != "cut off" {
		t.Errorf("the one that does not end: %q", got)
	}
	s.says("/", "two red")
}

func TestReloadBySignal(t *testing.T) {
	whateverTheWay(t)
	t.Parallel()
	s := reloading(t)
	s.Signal(syscall.SIGHUP)
	s.serves(2)
	s.save("parts.py", "text = ")
	s.waits(1, "SyntaxError")
	s.Signal(syscall.SIGHUP)
	s.waits(2, "SyntaxError")
}

// TestReloadOutlivesItsWorkers kills one: another comes, and a change is served
// after it as before.
func TestReloadOutlivesItsWorkers(t *testing.T) {
	whateverTheWay(t)
	t.Parallel()
	s := reloading(t)
	for _, p := range s.Processes() {
		if strings.HasPrefix(p.Command, "pasted_worker ") {
			_ = syscall.Kill(p.PID, syscall.SIGKILL)
		}
	}
	s.says("/", "one red")
	s.edit("parts.py", "one", "two")
	s.says("/", "two red")
}

// TestReloadStandsInForHupper has the application name a file to hupper, and ask
// it for a reload and for the end.
func TestReloadStandsInForHupper(t *testing.T) {
	whateverTheWay(t)
	t.Parallel()
	s := launchReloading(t, func(o *harness.Options) {
		for i, arg := range o.Args {
			if strings.HasPrefix(arg, "e2e_python=") {
				o.Args[i] = "e2e_python=" + python(t, "frameworks")
			}
		}
	})
	s.serves(1)
	s.save("named-to-hupper.yaml", "changed")
	s.changed("named-to-hupper.yaml", 1)
	s.serves(2)
	get(t, s.client, s.URL+"/again")
	s.serves(3)
	get(t, s.client, s.URL+"/end")
	if code := s.Exit(20 * time.Second); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
}

func TestReloadKeepsNothingOfEarlierReleases(t *testing.T) {
	whateverTheWay(t)
	t.Parallel()
	s := reloading(t)
	descriptors := func() int {
		list, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.PID()))
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	s.Signal(syscall.SIGHUP)
	s.serves(2)
	s.client.CloseIdleConnections()
	before := descriptors()
	for n := range 5 {
		s.Signal(syscall.SIGHUP)
		s.serves(n + 3)
	}
	harness.Await(t, reloadLimit, "the descriptors of earlier releases to be closed", func() bool { return descriptors() <= before })
	if n := len(s.Processes()); n != 3 { // pasted, template, worker
		t.Errorf("%d processes, want 3", n)
	}
}

func TestReloadOpensTheBrowserOnce(t *testing.T) {
	whateverTheWay(t)
	t.Parallel()
	var browser string
	s := launchReloading(t, func(o *harness.Options) {
		flags("-b")(o)
		browser = filepath.Join(o.Dir, "browser")
		if err := os.Chmod(browser, 0o755); err != nil {
			t.Fatal(err)
		}
	})
	opened := func() string {
		text, _ := os.ReadFile(browser + ".log")
		return string(text)
	}
	harness.Await(t, reloadLimit, "the browser", func() bool { return opened() != "" })
	s.Signal(syscall.SIGHUP)
	s.serves(2)
	s.Stop()
	if got, want := opened(), s.URL+"/\n"; got != want {
		t.Errorf("opened %q, want %q", got, want)
	}
}

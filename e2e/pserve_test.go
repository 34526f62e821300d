package e2e_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pasted/e2e/harness"
)

// pserveLines are command lines that pserve serves. {dir} is the folder.
var pserveLines = []string{
	"site.ini size=3",
	"site.ini size=3 colour=blue shape=flat main_port=1",
	"site.ini?size=4&shape=of+the%20URI&blank= size=5",
	"{dir}/site.ini?colour=green size=3",
	"sub/../site.ini size=3",
	"pastedeploy:site.ini size=3",
	"pastedeploy+ini://site.ini?size=3#blog",
	"pastedeploy+ini://{dir}/site.ini size=3",
	"FILE+INI:site.ini size=3",
	"site.ini# size=3",
	"site.ini#blog",
	"--server-name main site.ini#blog",
	"-n blog site.ini",
	"-n main site.ini#blog size=3",
	"--app-name taken --server-name blog site.ini size=3",
	"site.ini size=3 __script__=mine here=/there __file__=x",
	"site.ini size=50%% name=of-the-line empty=",
	"site.ini size=3 size=4 a=b=c",
	"here.ini",
	"here.ini here=/there",
}

// TestPserveIsStoodInFor runs pserve itself with each line, then pasted, and
// wants the same settings at the same port.
func TestPserveIsStoodInFor(t *testing.T) {
	whateverTheWay(t)
	for _, line := range pserveLines {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			s := pserveSite(t)
			want := s.ask(s.pserve(line))
			got := s.ask(s.pasted(line))
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("pserve (-), pasted (+):\n%s", diff)
			}
		})
	}
}

// TestLogsAreWrittenWhereAndAsPserveWritesThem has both write theirs into a
// folder, and compares these.
func TestLogsAreWrittenWhereAndAsPserveWritesThem(t *testing.T) {
	whateverTheWay(t)
	for _, line := range []string{
		"logs.ini size=3 extra=other least=DEBUG", "logs.ini size=4 extra=other least=WARNING colour=blue here=/there",
	} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			s := pserveSite(t)
			var logs [2]map[string]string
			for i, run := range []func(string) *harness.Server{s.pserve, s.pasted} {
				dir := t.TempDir()
				s.ask(run(line + " e2e_dir=" + dir))
				logs[i] = texts(t, dir)
			}
			if diff := cmp.Diff(logs[0], logs[1]); diff != "" || len(logs[0]) != 2 {
				t.Errorf("pserve (-), pasted (+):\n%s", diff)
			}
		})
	}
}

// texts returns the files of a folder by their names.
func texts(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		found[filepath.Base(file)] = string(text)
	}
	return found
}

// TestWhatPserveRefusesIsRefused has lines on which pserve ends by itself.
func TestWhatPserveRefusesIsRefused(t *testing.T) {
	whateverTheWay(t)
	for _, line := range []string{
		"missing.ini", "site.ini size=3 novalue", "-n taken site.ini", "wrong.ini",
		"-n nowhere site.ini size=3", "--server-name nowhere site.ini size=3", "egg:nowhere",
		"site.ini size=50%", "-s wsgiref site.ini size=3",
	} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			s := pserveSite(t)
			for _, server := range []*harness.Server{s.pserve(line), s.pasted(line)} {
				if code := server.Exit(30 * time.Second); code == 0 {
					t.Errorf("exit code 0")
				}
			}
		})
	}
}

// TestBrowserOpensWhatPserveWouldOpen has $BROWSER say what it is to open.
func TestBrowserOpensWhatPserveWouldOpen(t *testing.T) {
	whateverTheWay(t)
	for _, line := range []string{
		"-b site.ini size=3", "-b site.ini size=3 colour=blue", "--browser here.ini",
	} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			s := pserveSite(t)
			var opened [2]string
			for i, run := range []func(string) *harness.Server{s.pserve, s.pasted} {
				server := run(line)
				harness.Await(t, 30*time.Second, "the browser", func() bool {
					text, _ := os.ReadFile(s.opened)
					opened[i] = strings.TrimSuffix(string(text), "/\n")
					return len(text) > 0
				})
				if err := os.Remove(s.opened); err != nil {
					t.Fatal(err)
				}
				server.Signal(syscall.SIGTERM)
				server.Exit(20 * time.Second)
			}
			if opened[0] = strings.TrimSpace(opened[0]); opened[0] != strings.TrimSpace(opened[1]) {
				t.Errorf("pasted opens %q, pserve %q", opened[1], opened[0])
			}
		})
	}
}

func TestBrowserThatFailsIsAWarning(t *testing.T) {
	whateverTheWay(t)
	t.Parallel()
	s := pserveSite(t)
	if err := os.Mkdir(s.opened, 0o755); err != nil { // the script cannot write
		t.Fatal(err)
	}
	server := s.pasted("-b here.ini")
	harness.Await(t, 30*time.Second, "the warning", func() bool {
		return len(server.Stderr.Lines(`level=WARN msg="the browser is not opened" url=http://127.*exit status`)) == 1
	})
	get(t, s.client, server.URL+"/")
	server.Stop()
}

// A pserved is testdata/pserve with two ports.
type pserved struct {
	t           *testing.T
	dir, venv   string
	port, other int
	opened      string // the file with what $BROWSER was to open
	client      *http.Client
}

func pserveSite(t *testing.T) *pserved {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join("testdata", "pserve"))
	if err != nil {
		t.Fatal(err)
	}
	s := &pserved{t: t, dir: dir, venv: venv(t, "frameworks"), port: harness.Port(t), other: harness.Port(t), client: newClient(t)}
	s.opened = filepath.Join(t.TempDir(), "opened")
	s.client.Transport.(*http.Transport).DisableKeepAlives = true // wsgiref serves one connection at a time
	return s
}

func (s *pserved) pserve(line string) *harness.Server {
	return s.launch(filepath.Join(s.venv, "bin", "pserve"), line)
}

func (s *pserved) pasted(line string) *harness.Server {
	return s.launch(race(s.t), line, "serve")
}

func (s *pserved) launch(binary, line string, before ...string) *harness.Server {
	s.t.Helper()
	args := before
	for _, word := range strings.Fields(line) {
		args = append(args, strings.ReplaceAll(word, "{dir}", s.dir))
	}
	args = append(args, fmt.Sprint("e2e_port=", s.port), fmt.Sprint("e2e_other=", s.other),
		"e2e_python="+filepath.Join(s.venv, "bin", "python"))
	browser := filepath.Join(filepath.Dir(s.opened), "browser")
	script := fmt.Sprintf("#!/bin/sh\necho \"$1\" >%s\n", s.opened)
	if err := os.WriteFile(browser, []byte(script), 0o755); err != nil {
		s.t.Fatal(err)
	}
	return harness.Launch(s.t, harness.Options{
		Binary: binary, Dir: s.dir, Args: args, Port: s.port,
		Env: []string{"PYTHONPATH=" + s.dir, "BROWSER=" + browser + " %s"},
	})
}

// ask returns what the application shows, at whichever port it is, and ends the
// server: by SIGTERM, for wsgiref takes no SIGINT while it writes its log.
func (s *pserved) ask(server *harness.Server) (shown []any) {
	s.t.Helper()
	harness.Await(s.t, 60*time.Second, "an answer", func() bool {
		if server.Ended() {
			s.t.Fatal("the server has ended")
		}
		for _, port := range []int{s.port, s.other} {
			if page, err := do(s.t, s.client, call{url: fmt.Sprintf("http://127.0.0.1:%d/", port)}); err == nil {
				page.decode(s.t, &shown)
				return true
			}
		}
		return false
	})
	server.Signal(syscall.SIGTERM)
	server.Exit(20 * time.Second)
	return shown
}

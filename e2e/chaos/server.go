package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	startLimit = 60 * time.Second
	stopLimit  = 15 * time.Second
)

// A setting says how a trial wants its server.
type setting struct {
	processes, threads string
	timeout            time.Duration     // of a request; zero: none
	workers            map[string]string // further options of [pasted:workers]
	server             map[string]string // … and of [server:main]
	env                []string          // of the application
}

// A kind is a server that is tried.
type kind struct {
	name string
	argv func(l lab, s setting, port int, dir string) ([]string, error)
	// worker finds the processes that serve among those that the server has started.
	worker func(p process, server int) bool
}

func ours() kind {
	title := regexp.MustCompile(`^pasted_worker \d+ `)
	return kind{
		name: "Pasted",
		argv: pastedArgv,
		worker: func(p process, _ int) bool {
			return title.MatchString(p.command)
		},
	}
}

// peers are the servers that stand beside ours in some trials.
func peers() []kind {
	child := func(p process, server int) bool { return p.parent == server }
	return []kind{
		{name: "gunicorn gthread", worker: child, argv: func(l lab, s setting, port int, dir string) ([]string, error) {
			return []string{
				l.bin("gunicorn"), "-k", "gthread", "-w", s.processes, "--threads", s.threads, "--keep-alive", "300",
				"--worker-connections", "20000", "--log-level", "error", "--chdir", dir, "--timeout", seconds(s.timeout, 30),
				"-b", fmt.Sprintf("127.0.0.1:%d", port), "chaos_app:application",
			}, nil
		}},
		{name: "uWSGI", worker: func(p process, _ int) bool { return strings.HasPrefix(p.command, "uWSGI worker") }, argv: func(l lab, s setting, port int, dir string) ([]string, error) {
			argv := []string{
				l.bin("uwsgi"), "--master", "--die-on-term", "--need-app", "--disable-logging", "--enable-threads", "--thunder-lock",
				"--listen", "128", "--auto-procname", "--virtualenv", l.venv, "--pythonpath", dir, "--processes", s.processes, "--threads", s.threads,
				"--http", fmt.Sprintf("127.0.0.1:%d", port), "--http-keepalive=300", "--module", "chaos_app:application",
			}
			if s.timeout > 0 {
				argv = append(argv, "--harakiri", seconds(s.timeout, 0))
			}
			return argv, nil
		}},
	}
}

func seconds(d time.Duration, otherwise int) string {
	if d == 0 {
		return strconv.Itoa(otherwise)
	}
	return strconv.Itoa(int(d.Seconds()))
}

// pastedArgv writes the file that Pasted serves.
func pastedArgv(l lab, s setting, port int, dir string) ([]string, error) {
	var file strings.Builder
	fmt.Fprintf(&file, "[server:main]\nuse = egg:pasted#http\nport = %d\n", port)
	writeOptions(&file, s.server)
	fmt.Fprintf(&file, "\n[app:main]\npaste.app_factory = chaos_app:make_app\n\n[pasted:workers]\nprocesses = %s\nthreads = %s\n", s.processes, s.threads)
	if s.timeout > 0 {
		fmt.Fprintf(&file, "timeout = %s\n", s.timeout)
	}
	writeOptions(&file, s.workers)
	fmt.Fprintf(&file, "\n[pasted:admin]\nsocket = %s\n", filepath.Join(dir, "admin.sock"))
	path := filepath.Join(dir, "chaos.ini")
	return []string{l.pasted, "serve", "-q", path}, os.WriteFile(path, []byte(file.String()), 0o644)
}

func writeOptions(file *strings.Builder, options map[string]string) {
	for name, value := range options {
		fmt.Fprintf(file, "%s = %s\n", name, value)
	}
}

// A lab is what all trials share.
type lab struct {
	pasted string // the program
	venv   string // where the peers are
	app    string // the folder of the application
}

func (l lab) bin(name string) string { return filepath.Join(l.venv, "bin", name) }

// A running is a server that has been started for a trial, with the ledger that
// its application keeps.
type running struct {
	kind    kind
	addr    string
	dir     string
	numbers atomic.Int64

	cmd   *exec.Cmd
	out   output
	ended chan struct{}
}

// start starts a server and returns when it answers.
func (l lab) start(ctx context.Context, k kind, s setting) (*running, error) {
	dir, err := os.MkdirTemp("", "pasted-chaos-")
	if err != nil {
		return nil, err
	}
	r := &running{kind: k, dir: dir, ended: make(chan struct{})}
	if err := r.launch(l, s); err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	if err := r.await(ctx); err != nil {
		return nil, errors.Join(err, r.stop())
	}
	return r, nil
}

func (r *running) launch(l lab, s setting) error {
	source, err := os.ReadFile(filepath.Join(l.app, "chaos_app.py"))
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(r.dir, "chaos_app.py"), source, 0o644); err != nil {
		return err
	}
	port, err := freePort()
	if err != nil {
		return err
	}
	r.addr = fmt.Sprintf("127.0.0.1:%d", port)
	argv, err := r.kind.argv(l, s, port, r.dir)
	if err != nil {
		return err
	}
	r.cmd = exec.Command(argv[0], argv[1:]...)
	r.cmd.Dir = r.dir
	r.cmd.Env = append(os.Environ(), "CHAOS_LEDGER="+r.ledger(), "TMPDIR="+r.dir, "PYTHONDONTWRITEBYTECODE=1")
	r.cmd.Env = append(r.cmd.Env, s.env...)
	r.cmd.Stdout, r.cmd.Stderr = &r.out, &r.out
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
	r.cmd.WaitDelay = time.Second
	if err := r.cmd.Start(); err != nil {
		return err
	}
	go func() {
		_ = r.cmd.Wait()
		close(r.ended)
	}()
	return nil
}

func (r *running) ledger() string { return filepath.Join(r.dir, "ledger") }

// await asks until there is an answer.
func (r *running) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	c := newClient(r.addr, &r.numbers)
	defer c.close()
	for {
		if a := c.ask(request{method: "GET", path: "/work", query: "ms=0"}, time.Now()); a.ok() {
			return nil
		}
		select {
		case <-r.ended:
			return fmt.Errorf("%s has ended before it answered: %s", r.kind.name, r.out.String())
		case <-ctx.Done():
			return fmt.Errorf("%s does not answer: %s", r.kind.name, r.out.String())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// stop ends the server, and says what of it was left.
func (r *running) stop() error {
	if r.cmd == nil || r.cmd.Process == nil {
		return os.RemoveAll(r.dir)
	}
	below := append(r.below(), r.cmd.Process.Pid)
	_ = r.cmd.Process.Signal(syscall.SIGTERM)
	var left error
	select {
	case <-r.ended:
	case <-time.After(stopLimit):
		left = fmt.Errorf("%s has not ended %v after SIGTERM", r.kind.name, stopLimit)
	}
	for _, pid := range below {
		_ = syscall.Kill(pid, syscall.SIGCONT)
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	<-r.ended
	return errors.Join(left, os.RemoveAll(r.dir))
}

// workers returns the processes that serve.
func (r *running) workers() []int {
	var pids []int
	for _, p := range r.descendants() {
		if r.kind.worker(p, r.cmd.Process.Pid) {
			pids = append(pids, p.pid)
		}
	}
	return pids
}

func (r *running) below() []int {
	var pids []int
	for _, p := range r.descendants() {
		pids = append(pids, p.pid)
	}
	return pids
}

// descendants are all that the server has started, directly or not.
func (r *running) descendants() []process {
	all := processes()
	family := []int{r.cmd.Process.Pid}
	var found []process
	for grown := true; grown; {
		grown = false
		for _, p := range all {
			if slices.Contains(family, p.parent) && !slices.Contains(family, p.pid) {
				family = append(family, p.pid)
				found = append(found, p)
				grown = true
			}
		}
	}
	return found
}

// A process is an entry of the process table.
type process struct {
	pid, parent int
	state       byte
	command     string
}

func processes() []process {
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	var found []process
	for _, dir := range dirs {
		p, there := readProcess(dir)
		if !there || p.state == 'Z' {
			continue
		}
		line, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
		p.command = string(bytes.ReplaceAll(line, []byte{0}, []byte{' '}))
		found = append(found, p)
	}
	return found
}

// readProcess reads an entry of the process table, but for its command.
func readProcess(dir string) (p process, there bool) {
	stat, err := os.ReadFile(filepath.Join(dir, "stat"))
	end := bytes.LastIndexByte(stat, ')')
	if err != nil || end < 0 {
		return p, false
	}
	p.pid, _ = strconv.Atoi(filepath.Base(dir))
	_, err = fmt.Sscanf(string(stat[end+2:]), "%c %d", &p.state, &p.parent)
	return p, err == nil
}

// freePort returns a port that nothing listens on, out of those that outgoing
// connections do not get.
func freePort() (int, error) {
	for try := range 2000 {
		port := 10000 + (os.Getpid()*31+int(nextPort.Add(1))*7+try)%20000
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			return port, l.Close()
		}
	}
	return 0, errors.New("no free port")
}

var nextPort atomic.Int64

// An output keeps the last that a process has printed.
type output struct {
	mu   sync.Mutex
	text []byte
}

// Write implements io.Writer.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text = append(o.text, p...)
	if over := len(o.text) - 256<<10; over > 0 {
		o.text = o.text[over:]
	}
	return len(p), nil
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return strings.TrimSpace(string(o.text))
}

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	startLimit = 20 * time.Second
	// stopLimit is how long a peer may take to end by itself. What it would do
	// longer than that nobody needs: it has been measured.
	stopLimit = 500 * time.Millisecond
	pollEvery = time.Millisecond
)

// A running is a peer that serves.
type running struct {
	site   site
	peer   peer
	addr   string
	server *child
	proxy  *child        // nil if there is none
	start  time.Duration // how long it took until the first answer
}

// start starts p in a site of its own and returns when e has been answered as it
// should be. Whatever it has started is stopped by stop, or has been when there
// is an error.
func (p peer) start(ctx context.Context, s setup, module string, e exchange) (*running, error) {
	at, err := newSite(s, module)
	if err != nil {
		return nil, err
	}
	r := &running{site: at, peer: p, addr: at.address()}
	if err := r.launch(); err != nil {
		r.stop()
		return nil, err
	}
	if err := r.await(ctx, e); err != nil {
		r.stop()
		return nil, fmt.Errorf("%w%s", err, r.said())
	}
	return r, nil
}

// launch starts the processes, the server first.
func (r *running) launch() (err error) {
	if r.server, err = r.site.run(r.peer.server); err != nil || r.peer.proxy.argv == "" {
		return err
	}
	r.proxy, err = r.site.run(r.peer.proxy)
	return err
}

// await asks until there is a right answer. A proxy may say for a while that
// nobody is behind it.
func (r *running) await(ctx context.Context, e exchange) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	began := r.server.began
	e.close = false // whether it closes is for the row to say
	for {
		var c checker
		_, err := c.exchange(r.addr, e)
		c.close()
		if err == nil {
			r.start = time.Since(began)
			return nil
		}
		select {
		case <-r.server.ended:
			return errors.New("it ended before it answered")
		case <-ctx.Done():
			return fmt.Errorf("no right answer in %v: %w", startLimit, plain(err))
		case <-time.After(pollEvery):
		}
	}
}

// said returns the last line that the stopped server has printed, to stand
// behind an error.
func (r *running) said() string {
	if r.server == nil {
		return ""
	}
	lines := strings.Split(strings.TrimSpace(r.server.out.String()), "\n")
	if last := strings.TrimSpace(lines[len(lines)-1]); last != "" {
		return ": " + r.site.setup.anonymous(strings.ReplaceAll(last, r.site.dir, "{dir}"))
	}
	return ""
}

// stop ends the processes, that of the proxy first, and removes the site.
func (r *running) stop() {
	for _, c := range []*child{r.proxy, r.server} {
		if c != nil {
			c.stop()
		}
	}
	r.site.remove()
}

// pids returns the first processes of the server and of the proxy, or 0.
func (r *running) pids() (server, proxy int) {
	if r.proxy != nil {
		proxy = r.proxy.pid()
	}
	return r.server.pid(), proxy
}

// account reads what has been used up to now.
func (r *running) account() account {
	server, proxy := r.pids()
	return readAccount(server, proxy, r.peer.division)
}

// memory returns the PSS of all processes, those of the proxy included.
func (r *running) memory() int64 {
	t := readTable("/proc")
	server, proxy := r.pids()
	return memoryOf(slices.Concat(t.below(server), t.below(proxy)))
}

// serverMemory returns the PSS of each of the server's processes, the first one
// first: what they share, such as the program's text, counts once.
func (r *running) serverMemory() []int64 {
	server, _ := r.pids()
	var each []int64
	for _, pid := range r.peer.division.serving("/proc", readTable("/proc").below(server)) {
		each = append(each, memoryOf([]int{pid}))
	}
	return each
}

// A child is a process of ours with all that it starts.
type child struct {
	cmd   *exec.Cmd
	began time.Time
	out   output
	ended chan struct{} // closed when it has been reaped
}

// run starts c in the applications' folder.
func (at site) run(c command) (*child, error) {
	argv, err := at.argv(c)
	if err != nil {
		return nil, err
	}
	started := &child{cmd: exec.Command(argv[0], argv[1:]...), ended: make(chan struct{})}
	started.cmd.Dir = filepath.Join(at.setup.here("apps"))
	started.cmd.Stdout, started.cmd.Stderr = &started.out, &started.out
	started.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	started.cmd.WaitDelay = 100 * time.Millisecond // its children may hold its output open
	started.began = time.Now()
	if err := started.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = started.cmd.Wait()
		close(started.ended)
	}()
	return started, nil
}

func (c *child) pid() int { return c.cmd.Process.Pid }

// stop asks the process to end, and kills what is left of it and of what it has
// started.
func (c *child) stop() {
	family := readTable("/proc").below(c.pid())
	_ = c.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-c.ended:
	case <-time.After(stopLimit):
	}
	_ = syscall.Kill(-c.pid(), syscall.SIGKILL)
	<-c.ended
	left := readTable("/proc")
	for _, pid := range family[min(1, len(family)):] {
		// Whoever has this number is the one that had it a moment ago.
		if _, there := left[pid]; there {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}

// An output keeps the end of what a process prints.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

const mostOutput = 64 << 10

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.buf.Len()+len(p) > mostOutput {
		o.buf.Reset()
	}
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

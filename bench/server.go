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
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	startLimit = 30 * time.Second
	stopLimit  = 10 * time.Second
	pollEvery  = 2 * time.Millisecond
)

// A server is one peer that runs.
type server struct {
	addr  string
	cmd   *exec.Cmd
	out   bytes.Buffer  // what it has printed; to be read when it has ended
	ended chan struct{} // closed when it has
	start time.Duration // how long it took until the first answer
}

// startServer runs argv in dir and returns when it has answered a request.
func startServer(ctx context.Context, argv []string, dir string, port int) (*server, error) {
	s := &server{addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), ended: make(chan struct{})}
	s.cmd = exec.Command(argv[0], argv[1:]...)
	s.cmd.Dir = dir
	s.cmd.Stdout, s.cmd.Stderr = &s.out, &s.out
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	s.cmd.WaitDelay = time.Second
	began := time.Now()
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = s.cmd.Wait()
		close(s.ended)
	}()
	if err := s.await(ctx); err != nil {
		s.stop()
		return nil, fmt.Errorf("%s: %w\n%s", strings.Join(argv, " "), err, s.out.String())
	}
	s.start = time.Since(began)
	return s, nil
}

// await asks until there is an answer.
func (s *server) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	var c client
	defer c.close()
	for {
		err := c.exchange(s.addr, []byte("GET / HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n"))
		if err == nil {
			return nil
		}
		c.close()
		select {
		case <-s.ended:
			return errors.New("it has ended before it answered")
		case <-ctx.Done():
			return fmt.Errorf("no answer: %w", err)
		case <-time.After(pollEvery):
		}
	}
}

// stop ends the server and all of its process group.
func (s *server) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.ended:
	case <-time.After(stopLimit):
	}
	_ = syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL)
	<-s.ended
}

// memory is what processes take, in bytes: of the server's own the resident
// size, of all the proportional size, in which what several share counts once.
type memory struct{ own, all int64 }

// memory reads what the server takes now. What cannot be read is 0.
func (s *server) memory() memory {
	children := childrenOf()
	var m memory
	m.own, _ = memoryOf(s.cmd.Process.Pid)
	pids := []int{s.cmd.Process.Pid}
	for len(pids) > 0 {
		pid := pids[0]
		pids = append(pids[1:], children[pid]...)
		_, pss := memoryOf(pid)
		m.all += pss
	}
	return m
}

// childrenOf returns the processes of this machine by their parents.
func childrenOf() map[int][]int {
	children := map[int][]int{}
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range files {
		stat, err := os.ReadFile(file)
		if err != nil {
			continue // it has gone
		}
		_, rest, _ := strings.Cut(string(stat[bytes.LastIndexByte(stat, ')')+1:]), " ")
		fields := strings.Fields(rest)
		if len(fields) < 2 {
			continue
		}
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		parent, _ := strconv.Atoi(fields[1])
		children[parent] = append(children[parent], pid)
	}
	return children
}

// memoryOf returns a process's resident and proportional size.
func memoryOf(pid int) (rss, pss int64) {
	data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	for line := range strings.Lines(string(data)) {
		fields := strings.Fields(line)
		if len(fields) < 3 {
			continue
		}
		n, _ := strconv.ParseInt(fields[1], 10, 64)
		switch fields[0] {
		case "Rss:":
			rss = n << 10
		case "Pss:":
			pss = n << 10
		}
	}
	return rss, pss
}

// freePort returns a port of 127.0.0.1 that nothing listens on.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

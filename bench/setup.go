package main

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

const (
	// environment is where the peers are installed, from the repository's root.
	environment = ".cache/bench"
	// mostFiles is how many descriptors a proxy may have open.
	mostFiles = 20000
	// mostClients is how many connections every server is told to allow for.
	mostClients = 16000
)

// A setup is where things are, and what is the same for all peers.
type setup struct {
	root    string // the repository
	pasted  string // path of the program
	workers int
	threads int // of each worker
}

// newSetup returns the setup of the repository at root.
func newSetup(root, pasted string) (setup, error) {
	s := setup{workers: 2, threads: 4}
	var err error
	if s.root, err = filepath.Abs(root); err != nil {
		return s, err
	}
	s.pasted, err = filepath.Abs(pasted)
	return s, err
}

func (s setup) bin(name string) string  { return filepath.Join(s.root, environment, "bin", name) }
func (s setup) here(name string) string { return filepath.Join(s.root, "bench", name) }

// lanes is how many requests are worked on at a time.
func (s setup) lanes() int { return s.workers * s.threads }

// A site is where one peer is started: what differs from one start to the next.
type site struct {
	setup  setup
	module string // of the application, in bench/apps
	dir    string // for files of this start alone; it is removed with them
	outer  int    // port of what clients connect to
	inner  int    // port of the server behind a proxy, where it has no Unix socket
}

// newSite finds a folder and two ports. The caller removes it.
func newSite(s setup, module string) (site, error) {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return site{}, err
	}
	at := site{setup: s, module: module, dir: dir}
	if at.outer, err = freePort(0); err == nil {
		at.inner, err = freePort(at.outer)
	}
	if err != nil {
		at.remove()
	}
	return at, err
}

func (at site) remove() { _ = os.RemoveAll(at.dir) }

// address is what clients connect to.
func (at site) address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(at.outer)) }

// fill replaces the placeholders in text.
func (at site) fill(text string) string {
	s := at.setup
	return strings.NewReplacer(
		"{pasted}", s.pasted,
		"{bin}", s.bin(""),
		"{conf}", s.here("conf"),
		"{servers}", s.here("servers"),
		"{apps}", s.here("apps"),
		"{dir}", at.dir,
		"{module}", at.module,
		"{port}", strconv.Itoa(at.outer),
		"{address}", at.address(),
		"{inner}", net.JoinHostPort("127.0.0.1", strconv.Itoa(at.inner)),
		"{socket}", filepath.Join(at.dir, "socket"),
		"{workers}", strconv.Itoa(s.workers),
		"{threads}", strconv.Itoa(s.threads),
		"{lanes}", strconv.Itoa(s.lanes()),
		"{clients}", strconv.Itoa(mostClients),
		"{files}", strconv.Itoa(mostFiles),
	).Replace(text)
}

// argv returns c's words, and writes its configuration if it has one.
func (at site) argv(c command) ([]string, error) {
	path := filepath.Join(at.dir, c.config)
	if c.config != "" {
		text, err := os.ReadFile(at.setup.here(filepath.Join("conf", c.config)))
		if err != nil {
			return nil, err
		}
		filled := at.fill(strings.NewReplacer(c.set...).Replace(string(text)))
		if err := os.WriteFile(path, []byte(filled), 0o644); err != nil {
			return nil, err
		}
	}
	words := strings.Fields(c.argv)
	for i, word := range words {
		words[i] = strings.ReplaceAll(at.fill(word), "{config}", path)
	}
	return words, nil
}

// Ports are taken from below those that the kernel gives to clients, so that no
// connection that is just going away has one.
const (
	firstPort = 20000
	lastPort  = 32000
)

// freePort returns a port of 127.0.0.1, greater than after, that nothing
// listens on.
func freePort(after int) (int, error) {
	first := after + 1
	if after == 0 { // not the same ports again and again
		first = firstPort + rand.IntN((lastPort-firstPort)/2)
	}
	for port := first; port <= lastPort; port++ {
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			return port, l.Close()
		}
	}
	return 0, fmt.Errorf("no free port from %d to %d", first, lastPort)
}

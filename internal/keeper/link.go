package keeper

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// variable is in the environment of the server alone: the number of its keeper's
// process. Its link is the descriptor linkFD.
const (
	variable = "PASTED_KEEPER"
	linkFD   = 3
)

// mostFiles is how many sockets can be kept: one message carries them all, and
// the kernel takes 253 descriptors with one (SCM_MAX_FD).
const mostFiles = 250

// mostMessage bounds a message in bytes.
const mostMessage = 64 << 10

// A Group is the sockets of one address, by a name that the server makes. They
// are plain descriptors, close-on-exec: Go would wait for connections on files.
type Group struct {
	Key string
	FDs []int
}

// A message is one packet on a link. Its descriptors are those of the groups, in
// their order.
type message struct {
	// Hello is from the server: signals can be sent to it. The keeper's
	// answer to it is Start.
	Hello bool     `json:",omitempty"`
	Start *opening `json:",omitempty"`
	// Hold is from the server, and has these groups kept instead of those
	// before. The keeper's answer is Held.
	Hold *groups `json:",omitempty"`
	Held bool    `json:",omitempty"`
	// Notify is from the server, for whoever started the keeper: the lines of
	// sd_notify(3).
	Notify string `json:",omitempty"`
	// Bye is from the server: it ends on purpose.
	Bye bool `json:",omitempty"`
}

// An opening tells a server what there is.
type opening struct {
	Kept  groups // what the server before had kept
	Given groups // what the keeper was given, by their names
	// Restart says that another server has served before.
	Restart  bool
	Watchdog time.Duration
}

// groups are the keys of groups and how many sockets each has.
type groups []struct {
	Key string
	N   int
}

func describe(list []Group) (g groups, fds []int) {
	g = groups{}
	for _, one := range list {
		g = append(g, struct {
			Key string
			N   int
		}{one.Key, len(one.FDs)})
		fds = append(fds, one.FDs...)
	}
	return g, fds
}

// assign gives fds to the groups in turn, and returns those that are left.
func (g groups) assign(fds []int) (list []Group, rest []int, err error) {
	for _, one := range g {
		if one.N < 1 || one.N > len(fds) {
			return nil, fds, errors.New("a message without its descriptors")
		}
		list = append(list, Group{one.Key, fds[:one.N]})
		fds = fds[one.N:]
	}
	return list, fds, nil
}

// A link is one end of the connection between a keeper and its server, which
// keeps the bounds of messages (SOCK_SEQPACKET).
type link struct {
	conn *net.UnixConn
	mu   sync.Mutex // orders writes
}

// newLinks returns both ends; the other is for a process that is to be started.
func newLinks() (ours *link, theirs *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("socketpair: %w", err)
	}
	theirs = os.NewFile(uintptr(fds[1]), "server's end")
	if ours, err = linkOf(os.NewFile(uintptr(fds[0]), "keeper's end")); err != nil {
		theirs.Close()
		return nil, nil, err
	}
	return ours, theirs, nil
}

// linkOf takes file over.
func linkOf(file *os.File) (*link, error) {
	defer file.Close()
	conn, err := net.FileConn(file)
	if err != nil {
		return nil, err
	}
	u, ok := conn.(*net.UnixConn)
	if !ok {
		conn.Close()
		return nil, fmt.Errorf("%T is no link", conn)
	}
	return &link{conn: u}, nil
}

// send sends m with descriptors, which stay the caller's.
func (l *link) send(m message, fds ...int) error {
	if len(fds) > mostFiles {
		return fmt.Errorf("%d sockets: want at most %d", len(fds), mostFiles)
	}
	data, err := json.Marshal(m)
	if err != nil {
		return err
	}
	var rights []byte
	if len(fds) > 0 {
		rights = unix.UnixRights(fds...)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	_, _, err = l.conn.WriteMsgUnix(data, rights, nil)
	return err
}

// receive returns the next message and its descriptors; io.EOF when the other
// end has gone.
func (l *link) receive() (m message, fds []int, err error) {
	data := make([]byte, mostMessage)
	oob := make([]byte, unix.CmsgSpace(4*(mostFiles+3)))
	n, oobn, flags, _, err := l.conn.ReadMsgUnix(data, oob)
	fds = descriptors(oob[:oobn])
	switch {
	case err != nil:
	case n == 0:
		err = io.EOF
	case flags&(unix.MSG_TRUNC|unix.MSG_CTRUNC) != 0:
		err = errors.New("a message is too long")
	default:
		err = json.Unmarshal(data[:n], &m)
	}
	if err != nil {
		closeAll(fds)
		return m, nil, err
	}
	return m, fds, nil
}

// descriptors returns those that came with a message.
func descriptors(oob []byte) (fds []int) {
	list, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil
	}
	for _, control := range list {
		more, err := unix.ParseUnixRights(&control)
		if err != nil {
			continue
		}
		for _, fd := range more {
			unix.CloseOnExec(fd)
		}
		fds = append(fds, more...)
	}
	return fds
}

func closeAll(fds []int) {
	for _, fd := range fds {
		unix.Close(fd)
	}
}

// A Server is a server's side of its keeper. Its methods may be called by
// everyone.
type Server struct {
	// Keeper is the keeper's process.
	Keeper int
	// Restart says that another server has served before this one.
	Restart bool
	// Kept are the sockets that it had, and Given those that the keeper was
	// given by whoever started it, with their names.
	Kept, Given []Group
	// Watchdog is how often Notify is to be called with WATCHDOG=1 at least;
	// zero: not at all.
	Watchdog time.Duration

	link *link
	held chan struct{}
	gone chan struct{}
}

// processName is what the server is called in a list of processes by their
// commands (ps -o comm, top). The kernel's name for it is that of the link in
// proc(5) by which the keeper starts the very program that it runs: "exe".
const processName = "pasted_server"

// Attach returns the keeper that has started this process, nil if none has. It
// is called once, when the signals are watched that a keeper passes on.
func Attach() (*Server, error) {
	pid, err := strconv.Atoi(os.Getenv(variable))
	if err != nil || pid != os.Getppid() {
		return nil, nil // of another process, whose child has inherited it
	}
	os.Unsetenv(variable)
	_ = os.WriteFile("/proc/self/comm", []byte(processName), 0) // without proc(5) it keeps the other
	unix.CloseOnExec(linkFD)
	l, err := linkOf(os.NewFile(linkFD, "keeper"))
	if err != nil {
		return nil, fmt.Errorf("link to the keeper: %w", err)
	}
	s := &Server{Keeper: pid, link: l, held: make(chan struct{}), gone: make(chan struct{})}
	if err := s.open(); err != nil {
		l.conn.Close()
		return nil, fmt.Errorf("link to the keeper: %w", err)
	}
	return s, nil
}

// Attached says whether a keeper has started this process, before Attach.
func Attached() bool {
	pid, err := strconv.Atoi(os.Getenv(variable))
	return err == nil && pid == os.Getppid()
}

func (s *Server) open() error {
	if err := s.link.send(message{Hello: true}); err != nil {
		return err
	}
	m, fds, err := s.link.receive()
	if err != nil {
		return err
	}
	if m.Start == nil {
		closeAll(fds)
		return errors.New("no opening")
	}
	s.Restart, s.Watchdog = m.Start.Restart, m.Start.Watchdog
	if s.Kept, fds, err = m.Start.Kept.assign(fds); err == nil {
		s.Given, _, err = m.Start.Given.assign(fds)
	}
	return err
}

// Run takes what the keeper says until it has gone, or Close.
func (s *Server) Run() {
	defer close(s.gone)
	for {
		m, fds, err := s.link.receive()
		closeAll(fds)
		if err != nil {
			return
		}
		if m.Held {
			s.held <- struct{}{}
		}
	}
}

// Gone is closed when the keeper has gone, and nothing more is kept.
func (s *Server) Gone() <-chan struct{} { return s.gone }

// Hold has the keeper keep these sockets, and no others, and returns when it
// does. Calls come one at a time, while Run runs.
func (s *Server) Hold(list []Group) error {
	g, fds := describe(list)
	if err := s.link.send(message{Hold: &g}, fds...); err != nil {
		return fmt.Errorf("keep the sockets: %w", err)
	}
	select {
	case <-s.held:
		return nil
	case <-s.gone:
		return errors.New("keep the sockets: the keeper has gone")
	}
}

// Notify passes lines of sd_notify(3) on.
func (s *Server) Notify(lines ...string) {
	_ = s.link.send(message{Notify: strings.Join(lines, "\n")}) // Gone tells of its end
}

// Bye says that this process ends on purpose.
func (s *Server) Bye() { _ = s.link.send(message{Bye: true}) }

// Close ends the link, and with it Run.
func (s *Server) Close() { s.link.conn.Close() }

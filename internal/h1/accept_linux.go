package h1

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// acceptMost is how many connections one turn of a loop accepts.
	acceptMost = 64
	// acceptPause is how long nothing is accepted after the system has said
	// that it has no descriptors or no memory, or while few descriptors are left.
	acceptPause = 20 * time.Millisecond
)

// A listening is a listener as one loop has it.
type listening struct {
	front *front
	fd    int // a duplicate, which Go's own poller does not know
	addr  net.Addr
	unix  bool
	// host and port are the server's end of its connections, unless it is
	// bound to every address: then they are empty.
	host, port []byte
	ready      bool // there may be something to accept
}

// Listen accepts from l, which stays the caller's and may be closed: the server
// has a duplicate. Nobody else must accept from it. It must be a listener of the kernel's: a *net.TCPListener or
// a *net.UnixListener, or something that has their File method.
func (s *Server) Listen(l net.Listener) error {
	filer, ok := l.(interface{ File() (*os.File, error) })
	if !ok {
		return fmt.Errorf("%T has no descriptor", l)
	}
	file, err := filer.File()
	if err != nil {
		return err
	}
	defer file.Close()
	// Not file.Fd(): it would make the description blocking that all duplicates
	// share, and another server may be accepting from one.
	raw, err := file.SyscallConn()
	if err != nil {
		return err
	}
	var failure error
	err = raw.Control(func(original uintptr) {
		for _, f := range s.fronts {
			if failure = f.duplicate(original, l.Addr()); failure != nil {
				return
			}
		}
	})
	return errors.Join(err, failure)
}

// duplicate has f accept from a duplicate of a listener's descriptor.
func (f *front) duplicate(original uintptr, addr net.Addr) error {
	if err := unix.SetNonblock(int(original), true); err != nil {
		return err
	}
	fd, err := unix.FcntlInt(original, unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return err
	}
	if err := f.listen(&listening{front: f, fd: fd, addr: addr}); err != nil {
		unix.Close(fd)
		return err
	}
	return nil
}

// listen has the loop wait for connections on li.
func (f *front) listen(li *listening) error {
	li.describe()
	added := make(chan error)
	f.loop.Post(func() {
		err := f.loop.Add(li.fd, li)
		if err == nil {
			f.listenings = append(f.listenings, li)
		}
		added <- err
	})
	return <-added
}

// describe notes what is the same for all connections. It lets them inherit
// that what is written leaves at once, and that a peer that has vanished is
// noticed.
func (li *listening) describe() {
	switch addr := li.addr.(type) {
	case *net.TCPAddr:
		_ = unix.SetsockoptInt(li.fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
		_ = unix.SetsockoptInt(li.fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1)
		if !addr.IP.IsUnspecified() {
			ap := addr.AddrPort()
			li.host = ap.Addr().Unmap().AppendTo(nil)
			li.port = strconv.AppendUint(nil, uint64(ap.Port()), 10)
		}
	default:
		li.unix = true
	}
}

// Unlisten lets as few new connections come as can be, accepts what the kernel
// has accepted already, for as long as connections keep coming within grace,
// most times, and then no more. The descriptors that Listen has made are closed
// when it returns. Clients of connections that the kernel has no room for get
// no answer from it, and ask again.
func (s *Server) Unlisten(grace time.Duration, most int) {
	s.each(func(f *front) {
		for _, li := range f.listenings {
			_ = unix.Listen(li.fd, 0) // where that fails, a few more may be reset
		}
	})
	for range most {
		before := s.accepted.Load()
		time.Sleep(grace)
		s.each((*front).accept)
		if s.accepted.Load() == before {
			break
		}
	}
	s.Leave()
}

// Listening says how many listeners s accepts from.
func (s *Server) Listening() (n int) {
	if len(s.fronts) > 0 {
		done := make(chan struct{})
		f := s.fronts[0]
		f.loop.Post(func() { n = len(f.listenings); close(done) })
		<-done
	}
	return n
}

// LeaveFirst is Leave for the n listeners that s has had longest, but that it
// takes the connections that wait there already.
func (s *Server) LeaveFirst(n int) { s.leaveSome(0, n) }

// LeaveLast is LeaveFirst for the n latest.
func (s *Server) LeaveLast(n int) { s.leaveSome(s.Listening()-n, n) }

func (s *Server) leaveSome(from, n int) {
	s.each(func(f *front) {
		part := f.listenings[from : from+n]
		for _, li := range part {
			li.ready = true
		}
		f.accept()
		for _, li := range part {
			f.loop.Remove(li.fd)
			unix.Close(li.fd)
		}
		f.listenings = slices.Delete(f.listenings, from, from+n)
	})
}

// Leave accepts no more, and leaves the connections that the kernel has
// accepted, or will, to whoever else has the sockets. The descriptors that
// Listen has made are closed when it returns.
func (s *Server) Leave() {
	s.each(func(f *front) {
		for _, li := range f.listenings {
			f.loop.Remove(li.fd)
			unix.Close(li.fd)
		}
		f.listenings = nil
	})
}

// Ready implements Source.
func (li *listening) Ready(Events) {
	li.ready = true
	li.front.accept()
}

// accept takes new connections, as many as there may be.
func (f *front) accept() {
	if !f.acceptAt.IsZero() {
		return // sweep does
	}
	for _, li := range f.listenings {
		for n := 0; li.ready; n++ {
			if n == acceptMost {
				f.loop.Post(f.accept) // others want their turn
				return
			}
			if !f.mayAccept(li) || !li.acceptOne() {
				break
			}
		}
	}
}

// acceptOne takes one connection, and says whether there may be another.
func (li *listening) acceptOne() bool {
	f := li.front
	fd, peer, err := unix.Accept4(li.fd, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
	switch {
	case err == nil:
	case errors.Is(err, unix.EAGAIN):
		li.ready = false
		return false
	case errors.Is(err, unix.EINTR), errors.Is(err, unix.ECONNABORTED):
		return true
	case errors.Is(err, unix.EMFILE):
		f.server.scarce.Store(true)
		return true // mayAccept sees to it
	case errors.Is(err, unix.ENFILE), errors.Is(err, unix.ENOBUFS), errors.Is(err, unix.ENOMEM):
		f.server.config().Log.Error("no connection can be accepted for the moment", "err", err)
		f.acceptAt = f.loop.now.Add(acceptPause)
		f.loop.setAlarm(f.acceptAt)
		return false
	default:
		li.ready = false
		select {
		case f.server.failed <- fmt.Errorf("accept on %s: %w", li.addr, err):
		default:
		}
		return false
	}
	f.server.open.Add(1)
	f.server.accepted.Add(1)
	if fd >= f.server.reserve {
		f.server.scarce.Store(true)
	}
	c := &conn{front: f, fd: fd, listening: li, peer: peer, proxy: f.server.config().Proxies.has(peer)}
	f.admit(c)
	return true
}

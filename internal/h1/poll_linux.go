package h1

import (
	"errors"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// readyMost is how many descriptors one turn of a loop looks at.
const readyMost = 256

// A poller is epoll(7), edge-triggered, so that no descriptor needs a system
// call to be asked about again.
type poller struct {
	epoll, wake int
	events      [readyMost]unix.EpollEvent
	ready       int // how many of events there are
}

func (p *poller) open() (err error) {
	if p.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return err
	}
	if p.wake, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		unix.Close(p.epoll)
		return err
	}
	if err = p.add(p.wake, false); err != nil {
		p.close()
	}
	return err
}

func (p *poller) close() {
	unix.Close(p.epoll)
	unix.Close(p.wake)
}

// add waits for something to read from fd, and for room to write.
func (p *poller) add(fd int, room bool) error {
	return unix.EpollCtl(p.epoll, unix.EPOLL_CTL_ADD, fd, interest(fd, room))
}

// change begins or ends to wait for room. A descriptor that has gone is none of
// a poller's concern.
func (p *poller) change(fd int, room bool) {
	_ = unix.EpollCtl(p.epoll, unix.EPOLL_CTL_MOD, fd, interest(fd, room))
}

func interest(fd int, room bool) *unix.EpollEvent {
	e := &unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLRDHUP | unix.EPOLLET, Fd: int32(fd)}
	if room {
		e.Events |= unix.EPOLLOUT
	}
	return e
}

func (p *poller) remove(fd int) { _ = unix.EpollCtl(p.epoll, unix.EPOLL_CTL_DEL, fd, nil) }

// poll fills events, waiting for timeout at most.
func (p *poller) poll(timeout time.Duration) int {
	if timeout <= 0 {
		return p.nap(0)
	}
	milliseconds := -1
	if timeout < endless {
		milliseconds = ceilMilliseconds(timeout)
	}
	n, err := unix.EpollWait(p.epoll, p.events[:], milliseconds)
	if err != nil && !errors.Is(err, unix.EINTR) {
		panic(err) // its arguments are wrong
	}
	p.ready = max(0, n)
	return p.ready
}

// nap is poll without a word to Go's scheduler. What that wants of this thread
// ends it, by a signal (epoll_wait(2), EINTR); who waits for the scheduler to give
// it a processor may have to wait for timeout.
func (p *poller) nap(timeout time.Duration) int {
	n, _, _ := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(p.epoll),
		uintptr(unsafe.Pointer(&p.events)), readyMost, uintptr(ceilMilliseconds(timeout)), 0, 0)
	p.ready = max(0, int(n))
	return p.ready
}

func ceilMilliseconds(d time.Duration) int {
	return int((d + time.Millisecond - 1) / time.Millisecond)
}

// at returns the i-th of what is ready.
func (p *poller) at(i int) (fd int, e Events) {
	return int(p.events[i].Fd), Events(p.events[i].Events)
}

// rouse ends a poll that sleeps.
func (p *poller) rouse() {
	one := [8]byte{1}                 // in either byte order a count
	_, _ = unix.Write(p.wake, one[:]) // full: it has been roused
}

// rest takes back what rouse has written.
func (p *poller) rest() {
	var count [8]byte
	_, _ = unix.Read(p.wake, count[:])
}

// Readable says that there may be something to read, the end included.
func (e Events) Readable() bool {
	return e&(unix.EPOLLIN|unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0
}

// Writable says that there may be room to write.
func (e Events) Writable() bool { return e&(unix.EPOLLOUT|unix.EPOLLHUP|unix.EPOLLERR) != 0 }

// Ended says that the peer sends nothing more: whoever reads finds the end.
func (e Events) Ended() bool {
	return e&(unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0
}

// Gone says that the peer does not read either, or is not there any more.
func (e Events) Gone() bool { return e&(unix.EPOLLHUP|unix.EPOLLERR) != 0 }

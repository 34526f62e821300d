package worker

import (
	"errors"
	"unsafe"

	"golang.org/x/sys/unix"
)

// mostFiles is how many descriptors may come on a lane and not be taken. One
// comes for each answer that is a file.
const mostFiles = 4

// errFiles is for a worker that sends descriptors that belong to no answer.
var errFiles = errors.New("more descriptors than answers")

// A receiving is the memory of the calls that read a lane: they take descriptors
// as well as bytes.
type receiving struct {
	message unix.Msghdr
	piece   unix.Iovec
	control [64]byte
	stopped bool  // the last call ended behind a descriptor, whatever has come after it
	files   []int // descriptors that have come and have not been taken
	lost    int   // … that came and could not be had, for want of room for more
}

func (r *receiving) begin() {
	r.message.Iov, r.message.Iovlen = &r.piece, 1
	r.message.Control = &r.control[0]
}

// read is recvmsg(2) on a descriptor that does not block; see descriptorIO.
func (r *receiving) read(fd int, p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	r.piece.Base = unsafe.SliceData(p)
	r.piece.SetLen(len(p))
	for {
		r.message.SetControllen(len(r.control))
		n, _, errno := unix.RawSyscall(unix.SYS_RECVMSG, uintptr(fd), uintptr(unsafe.Pointer(&r.message)), unix.MSG_CMSG_CLOEXEC)
		switch errno {
		case 0:
			r.stopped = r.message.Controllen > 0 || r.message.Flags&unix.MSG_CTRUNC != 0
			if r.stopped {
				if err := r.take(); err != nil {
					return 0, err
				}
			}
			return int(n), nil
		case unix.EINTR:
		default:
			return 0, errno
		}
	}
}

// take keeps the descriptors that have come.
func (r *receiving) take() error {
	messages, err := unix.ParseSocketControlMessage(r.control[:r.message.Controllen])
	if err != nil {
		return err
	}
	for i := range messages {
		if fds, err := unix.ParseUnixRights(&messages[i]); err == nil {
			r.files = append(r.files, fds...)
		}
	}
	if r.message.Flags&unix.MSG_CTRUNC != 0 {
		r.lost++ // the kernel has closed it
	}
	if len(r.files)+r.lost > mostFiles {
		return errFiles
	}
	return nil
}

func (r *receiving) takeFile() (fd int, lost bool) {
	if len(r.files) == 0 {
		if lost = r.lost > 0; lost {
			r.lost--
		}
		return -1, lost
	}
	fd = r.files[0]
	r.files = r.files[:copy(r.files, r.files[1:])]
	return fd, false
}

func (r *receiving) closeFiles() {
	for _, fd := range r.files {
		_ = unix.Close(fd)
	}
	r.files = nil
}

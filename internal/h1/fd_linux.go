package h1

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// readFD, writeFD and writeBothFD are read(2), write(2) and, of two stretches of
// bytes, writev(2) on a non-blocking descriptor. They do not sleep, and so Go's
// scheduler need not hear of them.

func readFD(fd int, p []byte) (int, error) {
	return rawIO(unix.SYS_READ, fd, unsafe.Pointer(unsafe.SliceData(p)), len(p))
}

func writeFD(fd int, p []byte) (int, error) {
	// A client that has gone must not end the process: Go's runtime ignores
	// SIGPIPE on descriptors above 2.
	return rawIO(unix.SYS_WRITE, fd, unsafe.Pointer(unsafe.SliceData(p)), len(p))
}

func writeBothFD(fd int, first, second []byte) (int, error) {
	if len(first) == 0 {
		return writeFD(fd, second)
	}
	both := [2]unix.Iovec{{Base: unsafe.SliceData(first)}, {Base: unsafe.SliceData(second)}}
	both[0].SetLen(len(first))
	both[1].SetLen(len(second))
	return rawIO(unix.SYS_WRITEV, fd, unsafe.Pointer(&both), len(both))
}

func rawIO(call uintptr, fd int, p unsafe.Pointer, n int) (int, error) {
	for {
		n, _, errno := unix.RawSyscall(call, uintptr(fd), uintptr(p), uintptr(n))
		switch errno {
		case 0:
			return int(n), nil
		case unix.EINTR:
		default:
			return 0, errno
		}
	}
}

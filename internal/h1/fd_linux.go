package h1

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// readFD and writeFD are read(2) and write(2) on a non-blocking descriptor.
// They do not sleep, and so Go's scheduler need not hear of them.

func readFD(fd int, p []byte) (int, error) { return rawIO(unix.SYS_READ, fd, p) }

func writeFD(fd int, p []byte) (int, error) {
	// A client that has gone must not end the process: Go's runtime ignores
	// SIGPIPE on descriptors above 2.
	return rawIO(unix.SYS_WRITE, fd, p)
}

func rawIO(call uintptr, fd int, p []byte) (int, error) {
	for {
		n, _, errno := unix.RawSyscall(call, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
		switch errno {
		case 0:
			return int(n), nil
		case unix.EINTR:
		default:
			return 0, errno
		}
	}
}

package worker

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// descriptorIO is read(2) or write(2), as call says, on a descriptor that does
// not block. So Go's scheduler need not hear of it, which costs as much as the
// call itself when a few bytes are moved.
func descriptorIO(call uintptr, fd int, p []byte) (int, error) {
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

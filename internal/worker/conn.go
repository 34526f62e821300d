package worker

import (
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// socketPair returns the two ends of a Unix stream connection: ours, for the
// runtime's poller, and the other process's, a blocking socket that no exec
// inherits by itself. The caller closes both.
func socketPair() (ours *net.UnixConn, theirs *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("socketpair: %w", err)
	}
	theirs = os.NewFile(uintptr(fds[1]), "worker's end")
	near := os.NewFile(uintptr(fds[0]), "pasted's end")
	conn, err := net.FileConn(near) // duplicates the descriptor
	near.Close()
	if err != nil {
		theirs.Close()
		return nil, nil, fmt.Errorf("socketpair: %w", err)
	}
	return conn.(*net.UnixConn), theirs, nil
}

// laneSocket returns a new lane and the worker's end of it, a blocking socket
// that no exec inherits by itself. The caller closes both.
func laneSocket() (*Lane, *os.File, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("socketpair: %w", err)
	}
	theirs := os.NewFile(uintptr(fds[1]), "worker's end")
	if err := unix.SetNonblock(fds[0], true); err != nil {
		unix.Close(fds[0])
		theirs.Close()
		return nil, nil, fmt.Errorf("lane: %w", err)
	}
	return NewLane(fds[0]), theirs, nil
}

// finish ends conn for both sides and leaves what has arrived readable. (Unlike
// with TCP, that is what shutdown does to a Unix socket: unix(7) has a queue at
// the receiver only.)
func finish(conn *net.UnixConn) {
	_ = conn.CloseRead()
	_ = conn.CloseWrite()
}

// sendFiles writes frame to conn with files attached to its first byte. The
// descriptors are duplicated on their way; the caller still closes its own.
func sendFiles(conn *net.UnixConn, frame []byte, files []*os.File) error {
	fds := make([]int, len(files))
	for i, f := range files {
		raw, err := f.SyscallConn()
		if err != nil {
			return err
		}
		// Fd() would make the description blocking or, later, not; Control
		// leaves it alone. The file outlives this function, and so its
		// descriptor stays the same.
		if err := raw.Control(func(fd uintptr) { fds[i] = int(fd) }); err != nil {
			return err
		}
	}
	_, _, err := conn.WriteMsgUnix(frame, unix.UnixRights(fds...), nil)
	return err
}

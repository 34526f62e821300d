package httpd

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// unsent returns how many bytes the client's side has not confirmed yet, or -1
// where that cannot be told. A socket takes nothing new before much of its
// buffer is free, which at a slow client's pace lasts; this number shows that
// the client reads all the same.
func unsent(c net.Conn) int {
	sc, ok := c.(syscall.Conn)
	if !ok {
		return -1
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return -1
	}
	n := -1
	if err := raw.Control(func(fd uintptr) {
		if queued, err := unix.IoctlGetInt(int(fd), unix.TIOCOUTQ); err == nil {
			n = queued
		}
	}); err != nil {
		return -1
	}
	return n
}

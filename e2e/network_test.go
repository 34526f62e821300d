package e2e_test

import (
	"net"
	"runtime"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// ownNetwork gives the test a network of its own, in which every port of
// 127.0.0.1 is free, for a file that has its port written in it. Where that is
// not allowed the test goes on in the network of the machine if the port is
// free there, and is skipped if not.
//
// Only the test's own goroutine, and the processes that it starts, are in that
// network; its thread ends with it.
func ownNetwork(t *testing.T, port string) {
	t.Helper()
	runtime.LockOSThread() // for good: the thread must not serve others
	err := syscall.Unshare(syscall.CLONE_NEWNET)
	if err == nil {
		if err := raiseLoopback(); err != nil {
			t.Fatal(err)
		}
		return
	}
	l, busy := net.Listen("tcp", "127.0.0.1:"+port)
	if busy != nil {
		t.Skipf("no network of its own (%v), and: %v", err, busy)
	}
	l.Close()
}

// raiseLoopback brings up lo, which is down in a new network.
func raiseLoopback() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	request, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFFLAGS, request); err != nil {
		return err
	}
	request.SetUint16(request.Uint16() | unix.IFF_UP)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, request)
}

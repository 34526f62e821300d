// Package systemd speaks with the manager that has started this process, as
// sd_notify(3) and sd_listen_fds(3) have it: what state it is in, that it is
// alive, and which sockets it was given. What the states mean is the caller's.
//
// It takes the variables of both out of the environment, which what this process
// starts is not to take for its own. (A library does this too, but its sockets
// are files, for whose connections Go's poller wakes up.)
package systemd

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// firstFD is the first descriptor that is passed (SD_LISTEN_FDS_START).
const firstFD = 3

// mostSockets is how many sockets are taken.
const mostSockets = 250

// writeTime bounds the wait for a manager that does not read.
const writeTime = time.Second

// A Socket is one that was passed: a plain descriptor, close-on-exec.
type Socket struct {
	FD   int
	Name string // FileDescriptorName= of its unit, or "socket"
}

// Sockets returns those that were passed to this process, once. The error says
// what is wrong with the variables, or with a descriptor.
func Sockets() ([]Socket, error) {
	pid, count, names := take("LISTEN_PID"), take("LISTEN_FDS"), take("LISTEN_FDNAMES")
	if pid == "" && count == "" || pid != strconv.Itoa(os.Getpid()) {
		return nil, nil // none, or they are another's
	}
	n, err := strconv.Atoi(count)
	if err != nil || n < 0 || n > mostSockets {
		return nil, fmt.Errorf("LISTEN_FDS = %q: want a number of sockets up to %d", count, mostSockets)
	}
	var sockets []Socket
	list := strings.Split(names, ":")
	for i := range n {
		s := Socket{FD: firstFD + i, Name: "socket"}
		if i < len(list) && list[i] != "" {
			s.Name = list[i]
		}
		listening, err := unix.GetsockoptInt(s.FD, unix.SOL_SOCKET, unix.SO_ACCEPTCONN)
		if err != nil {
			return nil, fmt.Errorf("descriptor %d that was passed (%s): %w", s.FD, s.Name, err)
		}
		if listening == 0 {
			return nil, fmt.Errorf("descriptor %d that was passed (%s) does not listen: want ListenStream= and Accept=no in the socket unit", s.FD, s.Name)
		}
		unix.CloseOnExec(s.FD)
		sockets = append(sockets, s)
	}
	return sockets, nil
}

// A Manager is who has started this process and wants to hear of it. The zero
// Manager is nobody, and hears nothing.
type Manager struct {
	// Watchdog is how long the manager waits for WATCHDOG=1 before it takes
	// this process for dead; zero: for ever.
	Watchdog time.Duration

	socket string
}

// Service returns the manager that has started this process as a service, once.
func Service() Manager {
	m := Manager{socket: take("NOTIFY_SOCKET")}
	limit, pid := take("WATCHDOG_USEC"), take("WATCHDOG_PID")
	if n, err := strconv.ParseInt(limit, 10, 64); err == nil && n > 0 && (pid == "" || pid == strconv.Itoa(os.Getpid())) {
		m.Watchdog = time.Duration(n) * time.Microsecond
	}
	return m
}

// Notify tells the manager lines such as "READY=1".
func (m Manager) Notify(state string) error {
	if m.socket == "" {
		return nil
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: m.socket, Net: "unixgram"})
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetWriteDeadline(time.Now().Add(writeTime)); err != nil {
		return err
	}
	_, err = conn.Write([]byte(state))
	return err
}

// Reloading are the lines that say that a reload begins, which READY=1 ends.
func Reloading() string {
	var now unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &now) // which every Linux has
	return fmt.Sprintf("RELOADING=1\nMONOTONIC_USEC=%d", now.Nano()/1000)
}

// take returns a variable and removes it.
func take(name string) string {
	value := os.Getenv(name)
	os.Unsetenv(name)
	return value
}

package httpd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// unixAnswer bounds how long is waited for whoever may own a Unix socket.
const unixAnswer = 2 * time.Second

// mostUnixPath is the greatest length of a Unix socket's path in bytes
// (sun_path without its NUL).
const mostUnixPath = 107

// A unixListener is a listener on a Unix socket that removes its file when it
// is closed, if that is still its own.
type unixListener struct {
	*net.UnixListener
	path   string
	file   os.FileInfo
	remove sync.Once
}

// unlink removes the file: nobody new can connect.
func (l *unixListener) unlink() {
	l.remove.Do(func() {
		if now, err := os.Lstat(l.path); err == nil && os.SameFile(now, l.file) {
			os.Remove(l.path)
		}
	})
}

// Close implements net.Listener.
func (l *unixListener) Close() error {
	l.unlink()
	return l.UnixListener.Close()
}

// listenUnix binds a Unix socket. A socket's file that nobody answers on is
// taken over; any other file stays, and is an error.
func listenUnix(cfg Config, path string) (net.Listener, error) {
	if len(path) > mostUnixPath {
		return nil, fmt.Errorf("the path has %d bytes: want at most %d", len(path), mostUnixPath)
	}
	if isAbstract(path) {
		return bindUnix(cfg, path)
	}
	if err := removeStale(path); err != nil {
		return nil, err
	}
	bound, err := bindUnix(cfg, path)
	if err != nil {
		return nil, err
	}
	bound.SetUnlinkOnClose(false) // it would remove the file of whoever has come after us
	l := &unixListener{UnixListener: bound, path: path}
	if err := l.own(cfg.UnixPerms); err != nil {
		bound.Close()
		os.Remove(path)
		return nil, err
	}
	return l, nil
}

// own sets the permissions of l's file, and remembers which one it is.
func (l *unixListener) own(perms int) error {
	if perms == 0 {
		perms = defaultUnixPerms
	}
	if err := os.Chmod(l.path, fs.FileMode(perms)); err != nil {
		return err
	}
	file, err := os.Lstat(l.path)
	l.file = file
	return err
}

// bindUnix makes the socket. Its permissions are narrowed before it has a name,
// so that at no time more may connect than should (Linux takes a socket's own
// mode for its file's; elsewhere this does nothing).
func bindUnix(cfg Config, path string) (*net.UnixListener, error) {
	perms := uint32(cfg.UnixPerms)
	if perms == 0 {
		perms = defaultUnixPerms
	}
	lc := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		return raw.Control(func(fd uintptr) { _ = syscall.Fchmod(int(fd), perms) })
	}}
	l, err := lc.Listen(context.Background(), "unix", path)
	if err != nil {
		var op *net.OpError
		if errors.As(err, &op) {
			err = op.Err
		}
		var number syscall.Errno
		if errors.As(err, &number) {
			err = number
		}
		return nil, err
	}
	if err := setBacklog(l, cfg.Backlog); err != nil {
		l.Close()
		return nil, err
	}
	return l.(*net.UnixListener), nil
}

// removeStale removes a socket's file that a dead process has left.
func removeStale(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode().Type() != fs.ModeSocket:
		return errors.New("this is a file, not a socket: it is not overwritten")
	}
	conn, err := net.DialTimeout("unix", path, unixAnswer)
	switch {
	case err == nil:
		conn.Close()
		return fmt.Errorf("%w: somebody answers there", syscall.EADDRINUSE)
	case errors.Is(err, syscall.ECONNREFUSED):
		return os.Remove(path)
	case errors.Is(err, syscall.EAGAIN):
		return fmt.Errorf("%w: somebody listens there", syscall.EADDRINUSE)
	}
	return fmt.Errorf("cannot tell whether anybody answers there: %w", err)
}

package worker

import (
	"errors"
	"io"
	"net"
	"syscall"

	"golang.org/x/sys/unix"

	"pasted/internal/wire"
)

// A Lane is Pasted's end of one lane of a worker: a descriptor that never
// blocks, for an event loop that tells when it is ready (edge-triggered), and
// that Go's own poller knows nothing of. One goroutine may read while another
// writes. Nobody may use a lane, or the number of its descriptor, during Close
// and after it.
type Lane struct {
	// Frames reads what the worker sends. Its Next gives unix.EAGAIN when
	// nothing more has come, and may be called again then; io.EOF when the
	// worker has exited or has closed the lane, and all has been read.
	Frames *wire.Reader

	fd    int
	in    receiving
	empty bool // nothing is there to read until Awake
	ended bool // the worker's end has been reached or is behind what is there
}

// NewLane returns the lane on fd, which is non-blocking, close-on-exec and the
// lane's alone from now on. The other end is a worker's.
func NewLane(fd int) *Lane {
	l := &Lane{fd: fd}
	l.in.begin()
	l.Frames = wire.NewReader(l, wire.MaxLane)
	return l
}

// FD returns the descriptor, for waiting.
func (l *Lane) FD() int { return l.fd }

// Awake says that there may be something to read again; ended, that the worker
// sends nothing beyond what is there. It is for the goroutine that reads.
func (l *Lane) Awake(ended bool) {
	l.empty = false
	l.ended = l.ended || ended
}

// Read implements io.Reader. It does not block: where nothing is there, the
// error is unix.EAGAIN. A read that gives less than was asked for has emptied
// the lane, and until Awake the next ones do not ask the kernel again; but where
// a descriptor has come, the kernel gives nothing from behind it (unix(7)).
func (l *Lane) Read(p []byte) (int, error) {
	if l.empty {
		return 0, unix.EAGAIN
	}
	n, err := l.in.read(l.fd, p)
	switch {
	case err == unix.EAGAIN:
		l.empty = true
	case err == nil && n == 0 && len(p) > 0:
		err = io.EOF
	case err == nil:
		l.empty = n < len(p) && !l.ended && !l.in.stopped
	}
	return n, err
}

// Write sends frames to the worker, or as much of them as there is room for.
// It does not block: where there is none, the error is unix.EAGAIN.
func (l *Lane) Write(frames []byte) (int, error) {
	return descriptorIO(unix.SYS_WRITE, l.fd, frames)
}

// CloseWrite tells the worker that no request comes after those sent. It
// serves these and closes its end.
func (l *Lane) CloseWrite() { _ = unix.Shutdown(l.fd, unix.SHUT_WR) }

// Finish says that the worker has gone: what it has sent can still be read, and
// then Frames ends, whoever else holds the worker's end, such as a daemon that
// the application has started. A Write fails from then on.
func (l *Lane) Finish() {
	// With TCP this would drop what has arrived; a Unix socket has a queue
	// at the receiver only, which stays (unix(7)).
	_ = unix.Shutdown(l.fd, unix.SHUT_RDWR)
}

// Close ends the lane in both directions and gives its descriptor back. Whoever
// waits for it must have given that up.
func (l *Lane) Close() {
	_ = unix.Close(l.fd)
	l.in.closeFiles()
}

// TakeFile returns the first descriptor that has come with what has been read
// and that has not been taken; the caller closes it. Those of File frames come in
// their order, each with its frame at the latest. It is -1 where there is none;
// lost then says that this process could not have it.
func (l *Lane) TakeFile() (fd int, lost bool) { return l.in.takeFile() }

// Ended says that err, from reading a connection to a worker, means that the
// worker has gone, perhaps in the middle of a frame, and not that it has sent
// something wrong.
func Ended(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, net.ErrClosed)
}

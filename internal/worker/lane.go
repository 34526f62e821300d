package worker

import (
	"errors"
	"io"
	"net"
	"syscall"

	"pasted/internal/wire"
)

// A Lane is Pasted's end of one lane of a worker. One goroutine may read from
// it while others write; writes are not ordered among each other by Lane.
type Lane struct {
	// Frames reads what the worker sends. It ends with io.EOF when the worker
	// has exited or has closed the lane.
	Frames *wire.Reader
	conn   *net.UnixConn
}

// NewLane returns the lane whose other end is a worker's.
func NewLane(conn *net.UnixConn) *Lane {
	return &Lane{Frames: wire.NewReader(conn, wire.MaxLane), conn: conn}
}

// Write sends whole frames to the worker. It blocks while the worker does not
// read and the socket is full.
func (l *Lane) Write(frames []byte) (int, error) { return l.conn.Write(frames) }

// CloseWrite tells the worker that no request comes after those sent. It
// serves these and closes its end.
func (l *Lane) CloseWrite() { _ = l.conn.CloseWrite() }

// Ended says that err, from reading a connection to a worker, means that the
// worker has gone, perhaps in the middle of a frame, and not that it has sent
// something wrong.
func Ended(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, net.ErrClosed)
}

// Finish says that the worker has gone: what it has sent can still be read, and
// then Frames ends, whoever else holds the worker's end, such as a daemon that
// the application has started. A Write that blocks returns with an error.
func (l *Lane) Finish() { finish(l.conn) }

// Close ends the lane in both directions.
func (l *Lane) Close() { _ = l.conn.Close() }

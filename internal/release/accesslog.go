package release

import (
	"fmt"
	"io"
	"log/slog"
	"sync"
)

// accessBacklog is how many bytes of access log wait for whoever reads it.
const accessBacklog = 1 << 20

// An accessLog writes to another writer on a goroutine of its own: nobody waits
// for a pipe that is not read. Lines that find no room are left out and counted.
type accessLog struct {
	w   io.Writer
	log *slog.Logger

	mu      sync.Mutex
	changed sync.Cond
	waiting []byte
	spare   []byte
	dropped int
	closed  bool
}

func newAccessLog(w io.Writer, log *slog.Logger) *accessLog {
	l := &accessLog{w: w, log: log}
	l.changed.L = &l.mu
	return l
}

// Write implements io.Writer. It takes one line, and never fails or waits.
func (l *accessLog) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.waiting)+len(line) > accessBacklog {
		l.dropped++
		return len(line), nil
	}
	l.waiting = append(l.waiting, line...)
	l.changed.Signal()
	return len(line), nil
}

// run writes until close, and then what is left.
func (l *accessLog) run() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		for len(l.waiting) == 0 && !l.closed {
			l.changed.Wait()
		}
		if len(l.waiting) == 0 {
			return
		}
		lines, dropped := l.waiting, l.dropped
		l.waiting, l.dropped = l.spare[:0], 0
		l.mu.Unlock()
		_, _ = l.w.Write(lines) // what the log says to that concerns no request
		if dropped > 0 {
			l.log.Warn("access log is not read fast enough", "lost", fmt.Sprintf("%d lines", dropped))
		}
		l.mu.Lock()
		l.spare = lines
	}
}

// close ends run.
func (l *accessLog) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.changed.Signal()
}

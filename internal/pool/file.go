package pool

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"pasted/internal/h1"
	"pasted/internal/wire"
)

// A FileAnswer is an Answer that takes files; another one's request ends with an
// error where its worker answers with one. File is called instead of Head and
// Data, with a Head frame's payload without first bytes, and with the file, which
// whoever is called closes, soon or when the client has it.
type FileAnswer interface {
	Answer
	File(payload []byte, part *h1.FilePart, on *h1.Loop)
}

// fewestFiles is how many answers may be files at a time, at least.
const fewestFiles = 64

// mostFiles is how many answers may be files at a time: each holds a descriptor
// while its client takes it.
func mostFiles() int64 {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) != nil {
		return fewestFiles
	}
	return max(fewestFiles, int64(min(limit.Cur, 1<<20))/4)
}

// file ends an answer that is a file, with f, and says whether the next frame may
// come.
func (l *lane) file(r *Request, f wire.Frame) (ok bool) {
	part, err := l.takePart(f.Payload)
	if errors.Is(err, ErrProtocol) {
		l.end(err)
		return false
	}
	if err == nil && !r.file(f.Payload[filePrefix:], part, l.loop) {
		part.Close()
	}
	l.finish(f, err)
	return true
}

// filePrefix is how many bytes stand before a Head's payload in a File's.
const filePrefix = 16

// takePart returns the file that has come with a File frame. Nothing is believed
// of it: it may have been truncated, or be none.
func (l *lane) takePart(payload []byte) (*h1.FilePart, error) {
	fd, lost := l.conn.TakeFile()
	switch {
	case lost:
		return nil, fmt.Errorf("a file cannot be taken, too many are open: %w", ErrBusy)
	case fd < 0:
		return nil, fmt.Errorf("a file without its descriptor: %w", ErrProtocol)
	}
	file := os.NewFile(uintptr(fd), "answer")
	var info unix.Stat_t
	offset, length, _, ok := wire.FilePart(payload)
	switch err := unix.Fstat(fd, &info); {
	case !ok || err != nil || info.Mode&unix.S_IFMT != unix.S_IFREG:
		_ = file.Close()
		return nil, fmt.Errorf("a descriptor that is no regular file's: %w", ErrProtocol)
	case l.pool.files.Add(1) > l.pool.mostFiles:
		l.pool.files.Add(-1)
		_ = file.Close()
		return nil, fmt.Errorf("too many files are being sent: %w", ErrBusy)
	}
	return &h1.FilePart{
		File: file, Offset: offset, Length: length, Closed: func() { l.pool.files.Add(-1) },
	}, nil
}

// file passes a file on, and says whether anybody has taken it.
func (r *Request) file(payload []byte, part *h1.FilePart, on *h1.Loop) (taken bool) {
	if !r.begin(on) {
		return false
	}
	defer r.finish()
	answer, ok := r.Answer.(FileAnswer)
	if ok {
		answer.File(payload, part, on)
	}
	return ok
}

package h1

import (
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

const (
	// sendPiece is how much of a file one call sends at most.
	sendPiece = 4 << 20
	// copyPiece is how much of one is read at a time where the kernel does not
	// send it.
	copyPiece = 64 << 10
)

// A FilePart is a stretch of a regular file, open for reading, that is an
// answer's body or the rest of it.
type FilePart struct {
	File           *os.File
	Offset, Length int64
	// Closed, if not nil, is called by Close.
	Closed func()
}

// Close gives the file back. It is called once.
func (p *FilePart) Close() {
	_ = p.File.Close()
	if p.Closed != nil {
		p.Closed()
	}
}

// cut returns p without what is beyond length bytes; negative: all of it.
func (p *FilePart) cut(length int64) FilePart {
	part := *p
	if length >= 0 {
		part.Length = min(part.Length, length)
	}
	return part
}

// copyTo writes p to w. A file that has become shorter gives
// io.ErrUnexpectedEOF.
func (p *FilePart) copyTo(w io.Writer) error {
	n, err := io.CopyBuffer(onlyWriter{w}, io.NewSectionReader(p.File, p.Offset, p.Length), make([]byte, min(copyPiece, p.Length)))
	if err == nil && n < p.Length {
		err = io.ErrUnexpectedEOF
	}
	return err
}

type onlyWriter struct{ io.Writer }

// SendFile writes p as the body, or the rest of it, to w, whose WriteHeader has
// been called; what is beyond the Content-Length is left out. On the long way of
// HTTP/1.1 the kernel sends it. The error is the client's, or the file's: then
// the answer is not whole.
func SendFile(w http.ResponseWriter, p *FilePart) error {
	for {
		switch inner := w.(type) {
		case *response:
			return inner.sendPart(p)
		case *view:
			w = inner.ResponseWriter // which has seen the head, and passes bodies through
		default:
			return p.copyTo(w)
		}
	}
}

// sendPart is SendFile.
func (w *response) sendPart(p *FilePart) error {
	w.send(nil, false)
	x := w.h.x
	if w.err != nil || x.framing.mode == frameNone {
		return w.err
	}
	part := *p
	if w.length >= 0 {
		part = p.cut(w.length - w.written)
	}
	if x.framing.mode == frameChunked {
		return part.copyTo(w)
	}
	w.err = w.h.sendPart(&part)
	if w.err == nil {
		w.written += part.Length
	}
	return w.err
}

// sendPart writes the part in the answer's framing.
func (w *restWriter) sendPart(p *FilePart) error {
	x := w.h.x
	switch x.framing.mode {
	case frameNone:
		return nil
	case frameChunked:
		return p.copyTo(w)
	}
	part := *p
	if x.framing.mode == frameLength {
		part = p.cut(x.left)
		x.left -= part.Length
	}
	return w.h.sendPart(&part)
}

// HoldFile is Hold with a file as the rest of the answer's body, which is closed
// then. The kernel sends it.
func (x *Exchange) HoldFile(p *FilePart) {
	x.conn.holdRest(func(w io.Writer) error {
		defer p.Close()
		return w.(*restWriter).sendPart(p)
	})
}

// sendPart has the kernel write p to the client, and waits for it as Write does.
func (h *held) sendPart(p *FilePart) error {
	defer runtime.KeepAlive(p.File)
	fd, offset, end := int(p.File.Fd()), p.Offset, p.Offset+p.Length
	var room roomWait
	defer room.end()
	for offset < end {
		n, err := unix.Sendfile(h.c.fd, fd, &offset, int(min(end-offset, sendPiece)))
		switch {
		case n > 0:
			h.wrote.Add(int64(n))
		case err == nil:
			return io.ErrUnexpectedEOF // the file has become shorter
		case err == unix.EINTR:
			continue
		case errors.Is(err, unix.EINVAL), errors.Is(err, unix.ENOSYS), errors.Is(err, unix.EOPNOTSUPP):
			rest := FilePart{File: p.File, Offset: offset, Length: end - offset}
			return rest.copyTo(h)
		case err != unix.EAGAIN:
			return err
		}
		if err == unix.EAGAIN || n == 0 {
			if err := room.wait(h, n > 0); err != nil {
				return err
			}
		} else {
			room.progress()
		}
		select {
		case <-h.over:
			return net.ErrClosed
		default:
		}
	}
	return nil
}

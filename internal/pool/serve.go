package pool

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"pasted/internal/wire"
	"pasted/internal/worker"
)

// bodyPiece is the most of a request's body that one Body frame carries.
const bodyPiece = 256 << 10

// An answering is a request whose answer a lane is taking.
type answering struct {
	request *Request
	begun   bool // its Head has come
}

// read takes the answers off l until the worker closes it or dies, and returns
// what was wrong, if anything was.
func (p *Pool) read(l *lane) error {
	var current answering // the first of l.inflight, once known
	var last uint64       // number of the one before
	for {
		f, err := l.conn.Frames.Next()
		if err != nil && worker.Ended(err) {
			return nil
		}
		if err != nil {
			return err
		}
		if f.Kind == wire.Want && f.Number == last && last != 0 {
			// An application reads its body even in close().
			l.sendBody(f.Number, nil, wire.FlagEnd)
			continue
		}
		if current.request == nil {
			current.request = p.firstOf(l)
		}
		if err := current.check(f); err != nil {
			return err
		}
		if p.take(l, &current, f) {
			last, current = f.Number, answering{}
		}
	}
}

// firstOf returns the request that l's worker is answering, or nil.
func (p *Pool) firstOf(l *lane) *Request {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(l.inflight) == 0 {
		return nil
	}
	return l.inflight[0]
}

// check says what is wrong with f as the next frame of the answer. Nothing of
// a worker's is trusted.
func (a *answering) check(f wire.Frame) error {
	wrong := func(what string) error {
		return fmt.Errorf("frame of kind %#x for request %d, %s: %w", f.Kind, f.Number, what, ErrProtocol)
	}
	failed := f.Flags&wire.FlagFailed != 0
	switch {
	case a.request == nil || f.Number != a.request.number:
		return wrong("which it does not have")
	case f.Kind != wire.Head && f.Kind != wire.Data && f.Kind != wire.End && f.Kind != wire.Want:
		return wrong("which no lane carries")
	case f.Kind == wire.Head && a.begun:
		return wrong("which has had its head")
	case f.Kind == wire.Head && len(f.Payload) == 0:
		return wrong("without a head in it")
	case !a.begun && (f.Kind == wire.Data || f.Kind == wire.End && !failed):
		return wrong("which has had no head")
	case f.Kind == wire.End && len(f.Payload) > 0:
		return wrong("with a payload")
	case f.Kind != wire.End && failed:
		return wrong("which does not say so with its end")
	case f.Kind == wire.Want && (a.request.Body == nil || wanted(f.Payload) == 0):
		return wrong("for no body, or none of it")
	}
	return nil
}

// wanted returns how many bytes a Want frame asks for, 0 if it is malformed.
func wanted(payload []byte) int {
	if len(payload) != 4 {
		return 0
	}
	return int(min(binary.LittleEndian.Uint32(payload), bodyPiece))
}

// take hands one frame of a's answer on, and says whether it was the last.
func (p *Pool) take(l *lane, a *answering, f wire.Frame) (last bool) {
	r := a.request
	last = f.Flags&wire.FlagEnd != 0
	switch f.Kind {
	case wire.Head:
		a.begun = true
		r.tell(func() error { return r.Answer.Head(f.Payload, last) })
	case wire.Data:
		r.tell(func() error { return r.Answer.Data(f.Payload, last) })
	case wire.End:
		last = true
	case wire.Want:
		l.feed(r, wanted(f.Payload))
		return false
	}
	if !last {
		return false
	}
	p.finish(l, r)
	if f.Flags&wire.FlagFailed != 0 {
		r.end(ErrFailed)
	} else {
		r.end(nil)
	}
	return true
}

// feed answers a Want with the next piece of r's body, of n bytes at most.
func (l *lane) feed(r *Request, n int) {
	piece := make([]byte, n)
	got, flags := 0, wire.FlagEnd // of a request that has ended: no more
	r.tell(func() error {
		var err error
		got, err = io.ReadFull(r.Body, piece)
		switch {
		case err == nil:
			flags = 0
		case !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
			return err
		}
		return nil
	})
	l.sendBody(r.number, piece[:got], flags)
}

// sendBody sends a Body frame. The worker waits for it with nothing else to
// send, so this write cannot wait for this lane's reader. If the worker has
// gone, reading its lane tells.
func (l *lane) sendBody(number uint64, piece []byte, flags uint8) {
	frame := make([]byte, 0, wire.HeadSize+len(piece))
	frame = wire.AppendHead(frame, wire.Body, flags, 0, number, len(piece))
	_, _ = l.conn.Write(append(frame, piece...))
}

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

// read takes the answers off l until the worker closes it or dies, and returns
// what was wrong, if anything was.
func (p *Pool) read(l *lane) error {
	var current *Request // the first of l.inflight, once known
	for {
		f, err := l.conn.Frames.Next()
		if err != nil && worker.Ended(err) {
			return nil
		}
		if err != nil {
			return err
		}
		if current == nil {
			current = p.firstOf(l)
		}
		if current == nil || f.Number != current.number {
			return fmt.Errorf("frame of kind %#x for request %d, which it does not have: %w", f.Kind, f.Number, ErrProtocol)
		}
		done, err := p.take(l, current, f)
		if err != nil {
			return err
		}
		if done {
			current = nil
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

// take hands one frame of r's answer on, and says whether it was the last.
func (p *Pool) take(l *lane, r *Request, f wire.Frame) (done bool, err error) {
	last := f.Flags&wire.FlagEnd != 0
	switch f.Kind {
	case wire.Head:
		r.tell(func() error { return r.Answer.Head(f.Payload, last) })
	case wire.Data:
		r.tell(func() error { return r.Answer.Data(f.Payload, last) })
	case wire.End:
		last = true
	case wire.Want:
		return false, l.feed(r, f.Payload)
	default:
		return false, fmt.Errorf("frame of kind %#x on a lane: %w", f.Kind, ErrProtocol)
	}
	if !last {
		return false, nil
	}
	p.finish(l, r)
	if f.Flags&wire.FlagFailed != 0 {
		r.end(ErrFailed)
	} else {
		r.end(nil)
	}
	return true, nil
}

// feed answers a Want with the next piece of r's body. The worker waits for it
// with nothing else to send, so this write cannot wait for this reader.
func (l *lane) feed(r *Request, want []byte) error {
	if len(want) != 4 {
		return fmt.Errorf("want frame of %d bytes: %w", len(want), ErrProtocol)
	}
	n := min(binary.LittleEndian.Uint32(want), bodyPiece)
	frame := make([]byte, wire.HeadSize+int(n))
	got, flags := 0, wire.FlagEnd // of a request that has ended: no more
	r.tell(func() error {
		if r.Body == nil {
			return nil
		}
		var err error
		got, err = io.ReadFull(r.Body, frame[wire.HeadSize:])
		switch {
		case err == nil:
			flags = 0
		case !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
			return err
		}
		return nil
	})
	wire.AppendHead(frame[:0], wire.Body, flags, 0, r.number, got)
	// If the worker has gone, reading its lane tells.
	_, _ = l.conn.Write(frame[:wire.HeadSize+got])
	return nil
}

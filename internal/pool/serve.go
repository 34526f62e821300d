package pool

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"

	"pasted/internal/h1"
	"pasted/internal/wire"
	"pasted/internal/worker"
)

const (
	// bodyPiece is the most of a request's body that one Body frame carries.
	bodyPiece = 256 << 10
	// turnBytes is how much a lane takes in one go before its loop looks at the
	// others; frameBytes is what a frame counts for at least, however short it is.
	turnBytes  = 1 << 20
	frameBytes = turnBytes / 64
)

// An answering is a request whose answer a lane is taking.
type answering struct {
	request *Request
	begun   bool // its Head has come
}

// begin has l's loop wait for it. It and all below are called on that loop.
func (l *lane) begin() {
	l.open = true
	if err := l.loop.AddReader(l.conn.FD(), l); err != nil {
		l.end(fmt.Errorf("wait for lane %d: %w", l.index, err))
		return
	}
	l.out.Lock()
	defer l.out.Unlock()
	if l.blocked { // before there was anybody to hear of room
		l.loop.AwaitRoom(l.conn.FD())
	}
}

// Ready implements h1.Source.
func (l *lane) Ready(e h1.Events) {
	if !l.open {
		return
	}
	if e.Writable() {
		l.writable()
	}
	if e.Readable() {
		l.conn.Awake(e.Ended())
		if !l.posted && l.kept.Kind == 0 {
			l.read()
		}
	}
}

// goOn tries again to hand on the frame that was kept, and then those behind.
func (l *lane) goOn() {
	l.posted = false
	if !l.open {
		return
	}
	f := l.kept
	l.kept, l.left = wire.Frame{}, turnBytes
	if f.Kind == wire.Data || f.Kind == wire.Shared {
		l.pool.holdBack(l, false)
	}
	if f.Kind == 0 || l.step(f) {
		l.read()
	}
}

// read takes the answers off l as far as they have come, or until it is the
// others' turn.
func (l *lane) read() {
	for l.left = turnBytes; l.left > 0; {
		f, err := l.conn.Frames.Next()
		switch {
		case err == nil:
			l.left -= max(len(f.Payload), frameBytes)
		case err == unix.EAGAIN:
			return
		case worker.Ended(err):
			l.end(nil)
			return
		default:
			l.end(err)
			return
		}
		if !l.step(f) {
			return
		}
	}
	l.posted = true
	l.loop.Post(l.again)
}

// step handles one frame, and says whether the next may come. If not, l has
// ended or keeps the frame until goOn.
func (l *lane) step(f wire.Frame) bool {
	if f.Kind == wire.Want && l.overcrowded() {
		l.kept = f
		return false
	}
	if f.Kind == wire.Want && f.Number == l.previous && l.previous != 0 {
		// An application reads its body even in close(), when nobody has it
		// any more.
		l.sendBody(f.Number, nil, bodyBroken, l.loop)
		return true
	}
	if f.Kind == wire.End && f.Flags&wire.FlagSkipped != 0 {
		return l.skip(f)
	}
	if l.current.request == nil {
		l.current.request = l.pool.firstOf(l)
	}
	if err := l.current.check(f); err != nil {
		l.end(err)
		return false
	}
	return l.take(f)
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
	case !answers(f.Kind):
		return wrong("which no lane carries")
	case f.Kind == wire.File && (f.Flags&wire.FlagEnd == 0 || len(f.Payload) <= filePrefix):
		return wrong("without its end or a head in it")
	case (f.Kind == wire.Head || f.Kind == wire.File) && a.begun:
		return wrong("which has had its head")
	case f.Kind == wire.Inform && (a.begun || f.Flags != 0):
		return wrong("which has had its head, or with flags")
	case f.Kind == wire.Head && len(f.Payload) == 0:
		return wrong("without a head in it")
	case !a.begun && (f.Kind == wire.Data || f.Kind == wire.Shared || f.Kind == wire.End && !failed):
		return wrong("which has had no head")
	case f.Kind == wire.End && len(f.Payload) > 0:
		return wrong("with a payload")
	case f.Kind != wire.End && failed:
		return wrong("which does not say so with its end")
	case f.Kind == wire.Want && (a.request.Body == nil && a.request.Wants == nil || wanted(f.Payload) == 0):
		return wrong("for no body, or none of it")
	}
	return nil
}

// answers says whether frames of a kind are an answer's, or a question for the
// request's body.
func answers(kind wire.Kind) bool {
	switch kind {
	case wire.Head, wire.Data, wire.Shared, wire.End, wire.Want, wire.File, wire.Inform:
		return true
	}
	return false
}

// wanted returns how many bytes a Want frame asks for, 0 if it is malformed.
func wanted(payload []byte) int {
	if len(payload) != 4 {
		return 0
	}
	return int(min(binary.LittleEndian.Uint32(payload), bodyPiece))
}

// take hands one frame of the current answer on, and says whether the next may
// come.
func (l *lane) take(f wire.Frame) bool {
	r := l.current.request
	last := f.Kind == wire.End || f.Flags&wire.FlagEnd != 0
	switch f.Kind {
	case wire.Inform:
		r.inform(f.Payload, l.loop)
		return true
	case wire.Head:
		l.current.begun = true
		r.head(f.Payload, last, l.loop)
	case wire.Data:
		if !r.data(f.Payload, last, l.loop) {
			l.kept = f
			l.pool.holdBack(l, true)
			return false
		}
	case wire.Shared:
		return l.takeShared(r, f)
	case wire.File:
		return l.file(r, f)
	case wire.Want:
		return l.feed(r, wanted(f.Payload))
	}
	if last {
		l.finish(f, nil)
	}
	return true
}

// noteAsked notes whether l's worker waits for a piece of a body.
func (p *Pool) noteAsked(l *lane, asked bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	l.held, l.asked = asked, asked
}

// holdBack notes whether l waits for who takes its answer.
func (p *Pool) holdBack(l *lane, held bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	l.held = held
}

// finish ends the current answer, whose last frame is f. With its end, the
// request's memory may be another's. err is why it cannot be had, if it cannot.
func (l *lane) finish(f wire.Frame, err error) {
	r := l.current.request
	l.previous, l.current = f.Number, answering{}
	l.pool.finish(l, r)
	if f.Flags&wire.FlagFailed != 0 {
		err = ErrFailed
	}
	r.end(err, l.loop)
}

// feed answers a Want with the next piece of r's body, of n bytes at most, or
// has who reads it answer. It says whether the lane goes on.
func (l *lane) feed(r *Request, n int) (ok bool) {
	if r.Wants != nil {
		return l.ask(r, n)
	}
	piece := l.pool.lendPiece()
	defer l.pool.pieces.Put(piece)
	got, flags, err := r.read(piece[:n], l.loop)
	l.sendBody(r.number, piece[:got], flags, l.loop)
	if err != nil {
		l.current.request = l.pool.replace(l)
		r.end(err, l.loop)
	}
	return true
}

// ask has who reads r's body from the client answer a Want. Meanwhile nothing
// is sent ahead on l: it would wait for that client.
func (l *lane) ask(r *Request, n int) (ok bool) {
	l.pool.noteAsked(l, true)
	passed, ended := r.want(n, l.loop)
	switch {
	case passed:
	case ended:
		l.pool.noteAsked(l, false)
		l.sendBody(r.number, nil, bodyBroken, l.loop)
	default:
		l.end(fmt.Errorf("a second question for the body of request %d before the first was answered: %w", r.number, ErrProtocol))
		return false
	}
	return true
}

// replace puts another request, which hears nothing, in the place of the first
// of l, so that this can end although its worker still answers it.
func (p *Pool) replace(l *lane) *Request {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := l.inflight[0]
	ghost := r.ghost()
	l.inflight[0] = ghost
	p.deadlines.remove(r)
	if l.member.alone == r {
		l.member.alone = ghost
	}
	r.lane.Store(nil)
	return ghost
}

func (p *Pool) lendPiece() *[bodyPiece]byte {
	if piece, ok := p.pieces.Get().(*[bodyPiece]byte); ok {
		return piece
	}
	return new([bodyPiece]byte)
}

// sendBody sends a Body frame as send does. If the worker has gone, reading its
// lane tells.
func (l *lane) sendBody(number uint64, piece []byte, flags uint8, on *h1.Loop) {
	var head [wire.HeadSize]byte
	l.sendBoth(wire.AppendHead(head[:0], wire.Body, flags, 0, number, len(piece)), piece, on)
}

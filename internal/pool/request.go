package pool

import (
	"errors"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"pasted/internal/h1"
	"pasted/internal/paths"
	"pasted/internal/wire"
)

// An Answer takes what a worker answers to one request. Its methods are called
// one after the other and must not block. on is the loop on whose goroutine a
// method is called, nil on any other goroutine; it need not be the same each
// time. Byte slices are valid during the call only.
//
// They may call Do, for other requests, and Cancel and Resume for their own.
type Answer interface {
	// Head takes the payload of a Head frame (package wire): status, fields
	// and the first bytes of the body; last says that no more will come.
	Head(payload []byte, last bool, on *h1.Loop)
	// Data takes the next bytes of the body, all of them, and returns true;
	// or it has no room and returns false: then the lane is held back, and
	// no other, and Data is called again with the same bytes, and perhaps
	// more behind them, after Request.Resume.
	Data(p []byte, last bool, on *h1.Loop) (ok bool)
	// End is called once, at the end: nil after a whole answer, otherwise an
	// error that wraps one of this package's or comes from Request.Body. The
	// pool does not have the request any more: its memory may be used again
	// at once.
	End(err error, on *h1.Loop)
}

// An Informer is an Answer that also takes what a worker answers before the
// answer.
type Informer interface {
	// Inform takes the payload of an Inform frame. It is called before Head,
	// as Head is.
	Inform(payload []byte, on *h1.Loop)
}

// A Request is one request on its way to a worker and back. It must not be
// copied. The pool allocates nothing for it.
type Request struct {
	// Frame is a whole wire.Request frame; its number is set by the pool. It
	// is copied when the request is given to a lane, and again when it is
	// given to another.
	Frame []byte
	// Body is read when the worker asks for the request's body, by one
	// goroutine at a time, which may be a loop's: it must not wait for a
	// client. nil when the frame holds it all, or there are Wants. After a
	// worker's death one of which something has been read is given to another
	// only if it is an io.Seeker too.
	Body io.Reader
	// Wants, if not nil, gets what the worker asks for, in bytes, of a body that
	// is read while it comes: each is answered by one Feed, but for those after
	// a Cancel. It has room for one. What has been given to a worker cannot be
	// given to another, so such a request is no other worker's after the first.
	Wants chan int
	// ID is the request's name in the log, as 16 hexadecimal digits.
	ID     uint64
	Answer Answer
	// Key is what the request's path is known by, see PathKey; 0: by nothing.
	Key      uint64
	Priority paths.Priority
	// Timeout is how long the request may take from Do on; zero: for ever.
	Timeout time.Duration
	// Interrupt says that Cancel stops what the application does for it.
	Interrupt bool

	lane atomic.Pointer[lane] // set under the pool's mu

	// Guarded by the pool's mu.
	number     uint64
	size       int   // of Frame, when it was sent
	sentAt     int64 // where Frame ends in what the lane sends
	cancelled  bool
	revoked    bool    // a ghost, of one that its worker need not begin
	alone      bool    // might kill its worker, see again
	waits      bool    // in again
	race       *race   // two workers have it
	racer      *racer  // it is one of those that stand for it there
	avoid      *member // that is not to have it
	deaths     int     // of workers that had begun it
	came       time.Time
	next, prev *Request // in the queue
	waiting    bool     // in the queue
	line       uint8    // of the queue
	cost       *cost
	slow       bool
	refusal    error     // why it is ended without a lane
	due        time.Time // its deadline
	place      int       // among the deadlines, from 1; 0: it is not
	overdue    bool      // it has taken the place of one past its deadline

	bodyRead bool // some of Body; its lane's loop's own

	// mu is held while Head, Data or Body runs, and guards done.
	mu   sync.Mutex
	done bool // nothing more is to be told to Answer
	// caller is the loop that holds mu, nil if none does.
	caller atomic.Pointer[h1.Loop]
}

// renew makes r, which the pool does not have, and which no Cancel was called
// for, a new request without frame and body.
func (r *Request) renew(answer Answer, id uint64) {
	r.Frame, r.Body, r.Wants, r.ID, r.Answer = nil, nil, nil, id, answer
	r.Key, r.Priority, r.Timeout, r.Interrupt = 0, paths.Normal, 0, false
	r.number, r.size, r.sentAt, r.cancelled, r.done = 0, 0, 0, false, false
	r.race, r.alone, r.deaths, r.bodyRead = nil, false, 0, false
}

// Resume has Data called again that has returned false. It may be called by
// anyone at any time, and for nothing.
func (r *Request) Resume() {
	if l := r.lane.Load(); l != nil {
		l.loop.Post(l.again)
	}
}

// begin keeps Cancel from returning until finish, unless r has ended.
func (r *Request) begin(on *h1.Loop) bool {
	r.mu.Lock()
	if r.done {
		r.mu.Unlock()
		return false
	}
	r.caller.Store(on)
	return true
}

func (r *Request) finish() {
	r.caller.Store(nil)
	r.mu.Unlock()
}

// head and data pass a frame on, unless r has ended.
func (r *Request) head(payload []byte, last bool, on *h1.Loop) {
	if r.begin(on) {
		defer r.finish()
		r.Answer.Head(payload, last, on)
	}
}

// inform passes an Inform frame on, unless r has ended or nobody wants it.
func (r *Request) inform(payload []byte, on *h1.Loop) {
	if i, ok := r.Answer.(Informer); ok && r.begin(on) {
		defer r.finish()
		i.Inform(payload, on)
	}
}

func (r *Request) data(p []byte, last bool, on *h1.Loop) (ok bool) {
	if !r.begin(on) {
		return true // thrown away
	}
	defer r.finish()
	return r.Answer.Data(p, last, on) || r.done // by Data itself
}

// read fills piece from r's body, and returns how many bytes there are for a
// Body frame, its flags, and why the body cannot be read. Of a request that has
// ended, nothing more is read, and its body breaks off.
func (r *Request) read(piece []byte, on *h1.Loop) (n int, flags uint8, err error) {
	if !r.begin(on) {
		return 0, bodyBroken, nil
	}
	defer r.finish()
	r.bodyRead = true
	n, err = io.ReadFull(r.Body, piece)
	switch {
	case err == nil:
		return n, 0, nil
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return n, wire.FlagEnd, nil
	default:
		return 0, bodyBroken, err
	}
}

// bodyBroken are the flags of a Body frame that is not the end of a whole body.
const bodyBroken = wire.FlagEnd | wire.FlagFailed

// want passes on that the worker asks for n bytes. It is false where it has
// asked before and has not been answered. A request that has ended has none.
func (r *Request) want(n int, on *h1.Loop) (passed, ended bool) {
	if !r.begin(on) {
		return false, true
	}
	defer r.finish()
	select {
	case r.Wants <- n:
		r.bodyRead = true
		return true, false
	default:
		return false, false
	}
}

// end tells r's Answer how it ended, unless r is cancelled. The pool does not
// have r any more, and r may be another request when end returns.
func (r *Request) end(err error, on *h1.Loop) {
	r.mu.Lock()
	done := r.done
	r.done = true
	r.mu.Unlock()
	if !done {
		r.Answer.End(err, on)
	}
}

// cancel keeps everything further from r's Answer and Body, and says whether it
// was in time: if not, End has been called or is being called.
func (r *Request) cancel(on *h1.Loop) bool {
	// A method of Answer that has come to this has mu itself.
	if on == nil || r.caller.Load() != on {
		r.mu.Lock()
		defer r.mu.Unlock()
	}
	done := r.done
	r.done = true
	return !done
}

// ghost returns a request that takes r's place on its lane and hears nothing.
func (r *Request) ghost() *Request {
	g := &Request{
		ID: r.ID, Body: strings.NewReader(""),
		number: r.number, size: r.size, sentAt: r.sentAt, cancelled: true, done: true,
		line: r.line, cost: r.cost, slow: r.slow,
	}
	g.lane.Store(r.lane.Load())
	return g
}

package pool

import (
	"io"
	"sync"
	"time"
)

// An Answer takes what a worker answers to one request. Its methods are called
// one after the other, from goroutines of the pool, which go on to other
// requests only when they return: they do not wait for a client, except as
// Data says. Byte slices are valid during the call only.
type Answer interface {
	// Head takes the payload of a Head frame (package wire): status, fields
	// and the first bytes of the body; last says that no more will come. An
	// error ends the request with it, and what the worker still sends of its
	// answer is thrown away.
	Head(payload []byte, last bool) error
	// Data takes the next bytes of the body. It may block to hold the worker
	// back; then it holds back one lane. An error is as Head's.
	Data(p []byte, last bool) error
	// End is called once, at the end: nil after a whole answer, otherwise an
	// error that wraps one of this package's or is the one that Head or Data
	// returned.
	End(err error)
}

// A Request is one request on its way to a worker and back.
type Request struct {
	// Frame is a whole wire.Request frame; its number is set by the pool.
	Frame []byte
	// Body is read when the worker asks for the request's body, by one
	// goroutine at a time; nil when the frame holds it all.
	Body io.Reader
	// ID is the request's name in the log.
	ID     string
	Answer Answer

	// Guarded by the pool's mu.
	number     uint64
	lane       *lane
	size       int   // of Frame, when it was sent
	sentAt     int64 // where Frame ends in what the lane sends
	cancelled  bool
	came       time.Time
	next, prev *Request // in the queue
	waiting    bool     // in the queue

	// mu is held while a method of Answer or Body runs, and guards these two.
	mu   sync.Mutex
	done bool // nothing more is to be told to Answer
	held bool // the pool has it, ended or not
}

// renew makes r, which the pool does not have, a new request. Its mutex stays:
// whoever unlocked it last may not be done with it.
func (r *Request) renew(answer Answer, id string) {
	r.Frame, r.Body, r.ID, r.Answer = nil, nil, id, answer
	r.number, r.lane, r.size, r.sentAt, r.cancelled = 0, nil, 0, 0, false
	r.mu.Lock()
	defer r.mu.Unlock()
	r.done = false
}

// hold notes that the pool has r.
func (r *Request) hold() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.held = true
}

// end tells r's Answer how it ended, unless it has been told or has been
// detached. The pool does not have r any more.
func (r *Request) end(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.held = false
	if !r.done {
		r.done = true
		r.Answer.End(err)
	}
}

// detach keeps everything further from r's Answer and Body, and says whether
// the pool still has r: it counts a request whose end its worker has not said
// as one of the lane's, whoever has lost interest.
func (r *Request) detach() (held bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.done = true
	return r.held
}

// tell runs f, which calls Answer or Body, unless r has ended. An error of f
// ends r.
func (r *Request) tell(f func() error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.done {
		return
	}
	if err := f(); err != nil {
		r.done = true
		r.Answer.End(err)
	}
}

// A queue holds the requests that wait for a lane, the oldest first. The
// pool's mu guards it. The zero queue is empty.
type queue struct {
	first, last *Request
	length      int
}

func (q *queue) push(r *Request) {
	r.waiting = true
	r.prev, r.next = q.last, nil
	if q.last == nil {
		q.first = r
	} else {
		q.last.next = r
	}
	q.last = r
	q.length++
}

// putBack puts r where it was before it was taken out: behind those that came
// before it.
func (q *queue) putBack(r *Request) {
	after := q.first
	for after != nil && !r.came.Before(after.came) {
		after = after.next
	}
	if after == nil {
		q.push(r)
		return
	}
	r.waiting = true
	r.prev, r.next = after.prev, after
	if after.prev == nil {
		q.first = r
	} else {
		after.prev.next = r
	}
	after.prev = r
	q.length++
}

// remove takes r out, if it is in.
func (q *queue) remove(r *Request) {
	if !r.waiting {
		return
	}
	r.waiting = false
	if r.prev == nil {
		q.first = r.next
	} else {
		r.prev.next = r.next
	}
	if r.next == nil {
		q.last = r.prev
	} else {
		r.next.prev = r.prev
	}
	r.next, r.prev = nil, nil
	q.length--
}

// takeOlder removes and returns the requests that came before t.
func (q *queue) takeOlder(t time.Time) []*Request {
	var late []*Request
	for q.first != nil && q.first.came.Before(t) {
		late = append(late, q.first)
		q.remove(q.first)
	}
	return late
}

// takeAll empties q.
func (q *queue) takeAll() []*Request {
	var all []*Request
	for q.first != nil {
		all = append(all, q.first)
		q.remove(q.first)
	}
	return all
}

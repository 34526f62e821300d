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
	size       int // of Frame, when it was sent
	cancelled  bool
	came       time.Time
	next, prev *Request // in the queue
	waiting    bool     // in the queue

	// mu is held while a method of Answer or Body runs, and guards done.
	mu   sync.Mutex
	done bool // nothing more is to be told to Answer
}

// renew makes r, which is detached, a new request. Its mutex stays: whoever
// unlocked it last may not be done with it.
func (r *Request) renew(answer Answer, id string) {
	r.Frame, r.Body, r.ID, r.Answer = nil, nil, id, answer
	r.number, r.lane, r.size, r.cancelled = 0, nil, 0, false
	r.mu.Lock()
	defer r.mu.Unlock()
	r.done = false
}

// end tells r's Answer how it ended, unless it has been told or has been
// detached.
func (r *Request) end(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.done {
		r.done = true
		r.Answer.End(err)
	}
}

// detach keeps everything further from r's Answer and Body.
func (r *Request) detach() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.done = true
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

// pushFront puts r before all others: it has waited longer than they.
func (q *queue) pushFront(r *Request) {
	r.waiting = true
	r.prev, r.next = nil, q.first
	if q.first == nil {
		q.last = r
	} else {
		q.first.prev = r
	}
	q.first = r
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

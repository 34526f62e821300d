package pool

import "time"

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

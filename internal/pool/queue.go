package pool

import (
	"time"

	"pasted/internal/paths"
)

// lowTurn is how many requests go before those of low priority have a turn
// whatever else waits.
const lowTurn = 16

// The lines of the queue.
const (
	highLine = iota
	quickLine
	slowLine
	lowLine
	lines
)

// A queue holds the requests that wait for a lane, in lines: those of each
// priority, and of the usual one the slow and the others apart. The pool's mu
// guards it. The zero queue is empty.
type queue struct {
	lines  [lines]line
	length int
	turns  int // requests taken since one of low priority was
}

// lineOf returns the line that r belongs into.
func lineOf(r *Request) uint8 {
	switch {
	case r.Priority == paths.High:
		return highLine
	case r.Priority == paths.Low:
		return lowLine
	case r.slow:
		return slowLine
	}
	return quickLine
}

// before says whether somebody waits whom a request of this line may not
// overtake. The quick ones may overtake the slow, for which lanes are not free.
func (q *queue) before(line uint8) bool {
	if q.length == 0 {
		return false
	}
	for i := range line + 1 {
		if q.lines[i].length > 0 {
			return true
		}
	}
	return false
}

// push puts r, which is the youngest, at the end of its line.
func (q *queue) push(r *Request) {
	q.lines[r.line].insert(r, nil)
	q.length++
}

// putBack puts r where it was before it was taken out: behind those that came
// before it.
func (q *queue) putBack(r *Request) {
	l := &q.lines[r.line]
	after := l.first
	for after != nil && !r.came.Before(after.came) {
		after = after.next
	}
	l.insert(r, after)
	q.length++
}

// remove takes r out, if it is in.
func (q *queue) remove(r *Request) {
	if !r.waiting {
		return
	}
	q.lines[r.line].remove(r)
	q.length--
}

// took notes that r has been taken out for a lane.
func (q *queue) took(r *Request) {
	if q.turns++; r.line == lowLine {
		q.turns = 0
	}
}

// takeAll empties q.
func (q *queue) takeAll() []*Request {
	var all []*Request
	for i := range q.lines {
		for r := q.lines[i].first; r != nil; r = q.lines[i].first {
			all = append(all, r)
			q.remove(r)
		}
	}
	return all
}

// A line is requests that wait for each other, the oldest first.
type line struct {
	first, last *Request
	length      int
	overload
}

// insert puts r before another, nil for at the end.
func (l *line) insert(r, after *Request) {
	r.waiting = true
	r.next = after
	if after == nil {
		r.prev, l.last = l.last, r
	} else {
		r.prev, after.prev = after.prev, r
	}
	if r.prev == nil {
		l.first = r
	} else {
		r.prev.next = r
	}
	l.length++
}

func (l *line) remove(r *Request) {
	r.waiting = false
	if r.prev == nil {
		l.first = r.next
	} else {
		r.prev.next = r.next
	}
	if r.next == nil {
		l.last = r.prev
	} else {
		r.next.prev = r.prev
	}
	r.next, r.prev = nil, nil
	l.length--
}

// next returns whose turn it is: the oldest, or, in an overload, the youngest,
// whose client has not yet lost patience. nil: nobody waits.
func (l *line) next() *Request {
	if l.overloaded {
		return l.last
	}
	return l.first
}

// waited returns how long the oldest has waited.
func (l *line) waited(now time.Time) time.Duration {
	if l.first == nil {
		return 0
	}
	return now.Sub(l.first.came)
}

package pool

import (
	"pasted/internal/h1"
	"pasted/internal/wire"
)

// end notes that l has been read to its end, broken by its worker if broke is
// not nil. It and settle are called on l's loop.
func (l *lane) end(broke error) {
	l.open, l.over, l.broke = false, true, broke
	l.kept = wire.Frame{}
	l.loop.Remove(l.conn.FD())
	p, m := l.pool, l.member
	p.mu.Lock()
	expected := m.closed && len(l.inflight) == 0
	m.closed = true
	news := broke != nil && !m.broken
	m.broken = m.broken || broke != nil
	p.mu.Unlock()
	if news {
		p.opts.Log.Error("worker broke the protocol, killing it", "worker", m.id, "pid", m.worker.PID(), "err", broke)
	}
	if !expected || broke != nil {
		m.worker.Kill() // nobody serves this lane any more
	}
	if p.hasLeft(m) {
		l.settle()
	}
}

// hasLeft says whether m's process serves nothing any more: it has gone, or has
// become a template. Before that its board may change.
func (p *Pool) hasLeft(m *member) bool {
	select {
	case <-m.worker.Done():
		return true
	default:
		return p.isPromoted(m)
	}
}

// settle parts with the requests of a lane that has been read to its end and
// whose process serves nothing any more. Nobody uses its descriptor any more then. It does
// nothing before, and only once.
func (l *lane) settle() {
	if !l.over || l.settled {
		return
	}
	l.settled = true
	l.pool.abandon(l)
	l.current = answering{}
	l.member.ends.Done()
}

// A loss is a request that ends without its worker's answer.
type loss struct {
	request *Request
	err     error
}

// A stage is how far a request has come in a worker that has gone.
type stage uint8

const (
	untouched stage = iota // the worker has not begun it
	begun                  // it may have died of it, but has not called the application
	entered                // the application may have been called
	answered               // its client has the beginning of an answer
)

// abandon gives the requests of a lane back to the queue that its worker has not
// begun, and another try to those that may have one. The others end.
func (p *Pool) abandon(l *lane) {
	sent := l.shut()
	p.mu.Lock()
	var lost []loss
	for i, r := range l.inflight {
		l.partLocked(r)
		stage := l.stageLocked(i, r, sent)
		switch {
		case r.cancelled:
			p.deadlines.remove(r)
		case stage == untouched:
			p.tallies.retries++
			p.returnLocked(r)
		default:
			if reason := p.tryAgainLocked(r, stage, l.loop.Now()); reason != "" {
				lost = append(lost, loss{r, l.deathOf(reason)})
				p.deadlines.remove(r)
			}
		}
	}
	l.inflight, l.bytes = nil, 0
	p.tallies.lost += uint64(len(lost))
	if l.member.inflight == 0 {
		l.member.quietLocked()
	}
	p.mu.Unlock()
	p.spread(l.loop)
	p.tell()
	for _, lost := range lost {
		lost.request.end(lost.err, l.loop)
	}
}

// partLocked takes r out of the books of its member.
func (l *lane) partLocked(r *Request) {
	r.lane.Store(nil)
	if !r.revoked {
		l.member.inflight--
	}
	if r.slow {
		l.member.slow--
	}
	if r.overdue {
		l.member.overdue--
	}
	if l.member.alone == r {
		l.member.alone = nil
	}
}

// stageLocked returns how far r, the request of l at place i, has come in a
// process that has gone; the process may have been sent so many bytes. Its board
// tells. Without one, the first without an answer has reached the application: a
// worker sends the end of an answer before it touches the next request. What a
// worker says that has broken the protocol is not believed, nor that it has not
// called the application for what it has begun to answer, or has read the body of.
func (l *lane) stageLocked(i int, r *Request, sent int64) stage {
	board := l.member.board
	switch {
	case r.sentAt > sent:
		return untouched
	case l.current.begun && l.current.request == r:
		return answered
	case l.broke != nil, r.bodyRead, board == nil && i == 0:
		return entered
	case board == nil:
		return untouched
	case board.Reached(l.index, r.number):
		return entered
	case board.Begun(l.index, r.number):
		return begun
	}
	return untouched
}

// returnLocked puts a request back that the application has not seen. After the
// stop, when nobody takes it any more, the clock ends it.
func (p *Pool) returnLocked(r *Request) {
	if p.stopped {
		p.deadlines.remove(r)
		r.refusal = ErrStopped
		p.clock.late = append(p.clock.late, r)
		p.wakeLocked(r.came)
		return
	}
	p.remindLocked(r)
	if r.alone {
		p.againLocked(r)
		return
	}
	p.queue.putBack(r)
	p.wakeLocked(r.came.Add(p.opts.QueueTimeout))
}

// remindLocked has the clock know the deadline of r, which no lane has any more.
// The clock may have told that lane of it, and then nobody else would hear.
func (p *Pool) remindLocked(r *Request) {
	if r.Timeout > 0 && r.place == 0 {
		p.deadlines.set(r, r.due)
		p.wakeLocked(r.due)
	}
}

// spread gives what waits to any lane with room, or ends it where there will be
// none. It is called on a loop.
func (p *Pool) spread(on *h1.Loop) {
	p.mu.Lock()
	stopped := p.stopped
	p.giveLocked(on.Now(), on)
	p.mu.Unlock()
	if stopped {
		p.stop(on)
	}
}

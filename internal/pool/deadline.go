package pool

import "time"

// deadlines is a heap of the requests that have one, the earliest first. The
// pool's mu guards it.
type deadlines []*Request

// set gives r a deadline, or another one.
func (h *deadlines) set(r *Request, due time.Time) {
	r.due = due
	if r.place == 0 {
		*h = append(*h, r)
		r.place = len(*h)
	}
	h.settle(r.place)
}

// remove takes r out, if it is in.
func (h *deadlines) remove(r *Request) {
	if r.place == 0 {
		return
	}
	at, last := r.place, len(*h)
	h.swap(at, last)
	(*h)[last-1] = nil
	*h = (*h)[:last-1]
	r.place = 0
	if at < last {
		h.settle(at)
	}
}

// take removes and returns those whose deadline has come, and returns when the
// next one does; zero: there is none.
func (h *deadlines) take(now time.Time) (past []*Request, next time.Time) {
	for len(*h) > 0 {
		r := (*h)[0]
		if now.Before(r.due) {
			return past, r.due
		}
		h.remove(r)
		past = append(past, r)
	}
	return past, time.Time{}
}

// settle moves what is at a place, from 1, up or down to where it belongs.
func (h *deadlines) settle(at int) {
	for at > 1 && h.less(at, at/2) {
		h.swap(at, at/2)
		at /= 2
	}
	for {
		child := 2 * at
		if child < len(*h) && h.less(child+1, child) {
			child++
		}
		if child > len(*h) || !h.less(child, at) {
			return
		}
		h.swap(at, child)
		at = child
	}
}

func (h *deadlines) less(i, j int) bool { return (*h)[i-1].due.Before((*h)[j-1].due) }

func (h *deadlines) swap(i, j int) {
	list := *h
	list[i-1], list[j-1] = list[j-1], list[i-1]
	list[i-1].place, list[j-1].place = i, j
}

// pastLocked sees to requests whose deadline has come. One that waits is refused
// and joins over. One that a worker has been given goes through its lane's loop.
// One whose thread has not come back in its grace period costs its worker its
// life: now, if nobody else is in it, or else when the others have finished.
// It returns the workers to kill.
func (p *Pool) pastLocked(past []*Request, now time.Time, over *[]*Request) (hung []*member) {
	for _, r := range past {
		l := r.lane.Load()
		switch {
		case r.waiting:
			p.queue.remove(r)
			r.refusal = ErrDeadline
			*over = append(*over, r)
		case r.waits:
			p.again.remove(r)
			r.refusal = ErrDeadline
			*over = append(*over, r)
		case l == nil: // it has just ended
		case !r.overdue:
			number := r.number
			l.loop.Post(func() { l.expire(number) })
		case l.member.doomed:
			hung = append(hung, l.member)
		default:
			if p.doomLocked(l.member) {
				hung = append(hung, l.member)
			} else {
				p.deadlines.set(r, now.Add(p.opts.Grace))
				p.wakeLocked(r.due)
			}
		}
	}
	return hung
}

// doomLocked lets m get nothing more, for a thread of it does not come back, and
// says whether it is to be killed now. One that drains already is not replaced
// for this: the pool stops, or another has its place.
func (p *Pool) doomLocked(m *member) (now bool) {
	text := "a request past its deadline does not end, replacing its worker"
	if m.closed {
		text = "a request past its deadline does not end, killing its worker, which drains"
	}
	m.closed, m.doomed = true, true
	p.opts.Log.Error(text, "worker", m.id, "pid", m.worker.PID())
	return m.hopelessLocked()
}

// hopelessLocked says whether m, which is doomed, has nothing left but requests
// past their deadlines.
func (m *member) hopelessLocked() bool { return m.doomed && m.inflight == m.overdue }

// expire answers the request with this number, unless its answer has come in
// time, and tells the worker. It is called on l's loop.
func (l *lane) expire(number uint64) {
	p, now := l.pool, l.loop.Now()
	p.mu.Lock()
	place := -1
	for i, r := range l.inflight {
		if r.number == number && !r.overdue && !r.revoked {
			place = i
		}
	}
	if place < 0 {
		p.mu.Unlock()
		return
	}
	r := l.inflight[place]
	ghost := r.ghost()
	ghost.overdue = true
	l.member.overdue++
	if !r.cancelled { // else nobody has waited for it
		p.tallies.sheds.Expired++
	}
	l.inflight[place] = ghost
	if l.member.alone == r {
		l.member.alone = ghost
	}
	r.lane.Store(nil)
	asked := l.asked && place == 0 // for a piece of r's body, which nobody brings now
	if asked {
		l.held, l.asked = false, false
	}
	p.deadlines.set(ghost, now.Add(p.opts.TimeoutGrace))
	p.wakeLocked(ghost.due)
	p.mu.Unlock()
	l.member.worker.Expire(l.index, number, false)
	if l.current.request == r {
		l.current.request = ghost
	}
	if asked {
		l.sendBody(number, nil, bodyBroken, l.loop)
	}
	method, path := r.subject()
	p.opts.Log.Warn("request past its deadline", "request", idText(r.ID), "method", method, "path", path,
		"worker", l.member.id, "pid", l.member.worker.PID(), "elapsed", now.Sub(r.came).Round(time.Millisecond))
	r.end(ErrDeadline, l.loop)
	l.loop.Post(l.again) // for one that is held back
}

// subject returns r's method and path, for the log; nothing if r has ended.
func (r *Request) subject() (method, path string) {
	if !r.begin(nil) {
		return "", ""
	}
	defer r.finish()
	return peek(r.Frame)
}

// timed returns whose deadline is r's: in a race one of the two has it.
func (r *Request) timed() *Request {
	if r.racer == nil || r.place > 0 || r.cancelled {
		return r
	}
	t := r.racer.race
	other := t.first
	if r == &other.Request {
		other = t.second
	}
	if other == nil || other.cancelled {
		return r
	}
	return &other.Request
}

// Extend lets the request that a worker knows by number go on until d from now,
// if that is later than its deadline. One that has none, or is past it, stays as
// it is.
func (p *Pool) Extend(number uint64, d time.Duration) {
	due := time.Now().Add(d)
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.members {
		for _, l := range m.lanes {
			for _, r := range l.inflight {
				if r.number != number || r.overdue {
					continue
				}
				if r = r.timed(); r.place > 0 && !r.overdue && r.due.Before(due) {
					p.deadlines.set(r, due)
				}
			}
		}
	}
}

package pool

import (
	"fmt"
	"time"

	"pasted/internal/wire"
)

// takeBack revokes all that l has been sent and its worker has not begun, and
// gives it to whoever is free. The worker answers each with a frame of its own,
// which a ghost waits for. It is called on l's loop.
func (l *lane) takeBack() {
	p := l.pool
	p.mu.Lock()
	hopeless := l.open && l.revocableLocked() && l.takeBackLocked()
	p.mu.Unlock()
	if hopeless {
		l.member.worker.Kill()
	}
}

// takeBackLocked is takeBack where there is something to revoke, and says
// whether l's worker is to be killed: nothing of it will end any more.
func (l *lane) takeBackLocked() (hopeless bool) {
	p := l.pool
	l.revoked = l.inflight[len(l.inflight)-1].number
	begun := l.member.board.Revoke(l.index, l.revoked)
	for i, r := range l.inflight {
		// A frame that has come is believed as well: so nobody is handed a
		// request that this lane is being read for.
		if r.number > begun && !r.cancelled && r != l.current.request {
			l.inflight[i] = l.revokeLocked(r)
			p.tallies.revoked++
			p.returnLocked(r)
		}
	}
	if l.member.closed && l.member.inflight == 0 {
		l.member.quietLocked()
	}
	p.giveLocked(l.loop.Now(), l.loop)
	return l.member.hopelessLocked()
}

// revocableLocked says whether anything has been sent to l since the last
// takeBack that its worker may not have begun.
func (l *lane) revocableLocked() bool {
	n := len(l.inflight)
	return n > 0 && l.member.board != nil && l.inflight[n-1].number > l.revoked
}

// revokeLocked takes r, which stays l's to be skipped, out of its member's
// books, and returns the ghost that stands for it.
func (l *lane) revokeLocked(r *Request) *Request {
	ghost := r.ghost()
	ghost.revoked, ghost.slow = true, false
	l.partLocked(r)
	return ghost
}

// skip takes the worker's word that it has found the request of f revoked, and
// says whether the next frame may come.
func (l *lane) skip(f wire.Frame) bool {
	p := l.pool
	p.mu.Lock()
	if len(l.inflight) == 0 || l.inflight[0].number != f.Number || f.Number > l.revoked || l.current.begun {
		p.mu.Unlock()
		l.end(fmt.Errorf("request %d skipped, which was not revoked: %w", f.Number, ErrProtocol))
		return false
	}
	hopeless := l.skipLocked(f.Number)
	p.mu.Unlock()
	if hopeless {
		l.member.worker.Kill()
	}
	return true
}

// skipLocked takes the first request of l, which is number, off the lane, and
// says whether l's worker is to be killed.
func (l *lane) skipLocked(number uint64) (hopeless bool) {
	p := l.pool
	l.previous, l.current = number, answering{}
	r, now := l.inflight[0], l.loop.Now()
	timed := r.place > 0
	p.tallies.skipped++
	l.since = now
	l.dropLocked(r)
	if !r.cancelled { // revoked a moment too late to be known of
		if timed {
			p.deadlines.set(r, r.due)
		}
		p.tallies.revoked++
		p.returnLocked(r)
	}
	p.giveLocked(now, l.loop)
	p.refillLocked(l, now, l.loop)
	if l.member.closed && l.member.inflight == 0 {
		l.member.quietLocked()
	}
	return l.member.hopelessLocked()
}

// freeLocked has what waits on m's lanes behind requests that turn out slow
// taken back.
func (m *member) freeLocked(now time.Time) {
	for _, l := range m.lanes {
		if len(l.inflight) > 1 && now.Sub(l.since) >= slowRequest && l.revocableLocked() {
			l.loop.Post(l.back)
		}
	}
}

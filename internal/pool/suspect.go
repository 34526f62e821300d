package pool

import "time"

// A doubt is what is known of a lane of a worker that makes no progress: it may be
// its request that keeps the others from going on, and would do the same to any
// other worker.
type doubt uint8

const (
	innocent doubt = iota // it is not: its request may be repeated
	mayHold               // it may be: repeated, but one at a time
	holds                 // it is: not repeated
)

// A suspicion is a worker that makes no progress, and those of its lanes that have
// a request in the application.
type suspicion struct {
	member *member
	lanes  []int
}

// suspectLocked looks at m, which makes no progress. When it is time to repeat its
// requests, it appends m to suspected; and when the one whose turn it was has
// ended, it has the next one repeated.
func (p *Pool) suspectLocked(m *member, now time.Time, suspected []suspicion) []suspicion {
	turn := m.pulse.turn
	switch {
	case !m.pulse.repeated && now.Sub(m.pulse.moved) >= repeatAfter:
		m.pulse.repeated = true
		return append(suspected, suspicion{m, m.insideLocked()})
	case turn != nil && turn.over:
		m.pulse.turn = nil
		for _, l := range m.lanes {
			if l.doubt == mayHold && len(l.inflight) > 0 && l.inflight[0].racer == nil {
				l.loop.Post(l.repeat)
			}
		}
	}
	return suspected
}

// insideLocked returns the lanes of m that have a request in the application.
func (m *member) insideLocked() (lanes []int) {
	for _, l := range m.lanes {
		if m.board.Started(l.index) != m.board.Ended(l.index) {
			lanes = append(lanes, l.index)
		}
	}
	return lanes
}

// inquire finds out which lanes keep the others of their workers from going on,
// and has repeated what may be.
func (p *Pool) inquire(suspected []suspicion) {
	for _, s := range suspected {
		holders, known := s.member.worker.Holders(s.lanes)
		p.mu.Lock()
		s.member.doubtLocked(holders, known)
		p.mu.Unlock()
		for _, l := range s.member.lanes {
			l.loop.Post(l.repeat)
		}
	}
}

// doubtLocked takes in which lanes may hold up the others. One alone does.
func (m *member) doubtLocked(holders []int, known bool) {
	for _, l := range m.lanes {
		l.doubt = innocent
		if !known {
			l.doubt = mayHold
		}
	}
	for _, index := range holders {
		m.lanes[index].doubt = mayHold
		if len(holders) == 1 {
			m.lanes[index].doubt = holds
		}
	}
}

// spoilLocked keeps what is in the worker that m has a request of from being
// repeated further: m makes no progress either.
func (m *member) spoilLocked() {
	if m.alone != nil && m.alone.avoid != nil {
		m.alone.avoid.pulse.spoilt = true
	}
}

// mayRepeatLocked says whether what l has begun may be repeated as far as other
// requests are concerned.
func (l *lane) mayRepeatLocked() bool {
	pulse := &l.member.pulse
	switch {
	case pulse.spoilt || l.doubt == holds:
		return false
	case l.doubt == mayHold:
		return pulse.turn == nil || pulse.turn.over
	}
	return true
}

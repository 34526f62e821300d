package pool

import (
	"slices"
	"time"
)

// note adds l to those that Stats tells of.
func (p *Pool) note(l *life) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lives = append(p.lives, l)
}

// forget takes l, which has ended, out.
func (p *Pool) forget(l *life) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lives = slices.DeleteFunc(p.lives, func(other *life) bool { return other == l })
}

// becomeReady notes that l has a worker that serves.
func (p *Pool) becomeReady(l *life, m *member) {
	p.become(l, Ready)
	p.mu.Lock()
	defer p.mu.Unlock()
	l.member = m
	if l.first {
		p.unready--
		if p.unready == 0 {
			close(p.ready)
		}
	}
}

// bounds returns how many workers there are at least and at most.
func (p *Pool) bounds() (least, most int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.least, p.most
}

// Resize has the pool keep n workers, at least 1, from now on, whatever range
// Options gave. It does not wait: new ones are started, and those that are too
// many, idle ones first, drain.
func (p *Pool) Resize(n int) { p.ResizeRange(n, n) }

// ResizeRange is Resize for a range: from least workers, at least 1, to most.
func (p *Pool) ResizeRange(least, most int) {
	p.mu.Lock()
	p.least = max(least, 1)
	p.most = max(p.least, most)
	p.mu.Unlock()
	p.alert()
}

// Range returns between which numbers of workers the pool chooses, which are
// equal where it has no choice, and how many there are now, starting ones
// included and draining ones not.
func (p *Pool) Range() (least, most, now int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range p.lives {
		if l.state == Starting || l.state == Ready {
			now++
		}
	}
	return p.least, p.most, now
}

// membersNow returns the workers that take requests or drain.
func (p *Pool) membersNow() []*member {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.members)
}

func (p *Pool) inflightOf(m *member) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return m.inflight
}

func (p *Pool) answersOf(m *member) uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return m.answers
}

func (p *Pool) isPromoted(m *member) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return m.wear.promoted
}

// startingLocked returns the workers that are not ready yet.
func (p *Pool) startingLocked(now time.Time) (list []WorkerStats) {
	for _, l := range p.lives {
		if l.state == Starting {
			list = append(list, WorkerStats{ID: l.id, State: Starting.String(), Age: now.Sub(l.since)})
		}
	}
	return list
}

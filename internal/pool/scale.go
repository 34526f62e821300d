package pool

import (
	"math"
	"time"
)

// How the number of workers follows what there is to do. The windows are those
// of Knative's autoscaler (2 s, 6 s and 60 s there), but that a fork takes
// milliseconds and not seconds: so it is thought about twenty times as often.
const (
	panicWindow  = 2 * time.Second  // averages over so long decide about more
	stableWindow = 60 * time.Second // the greatest average of so long decides about fewer
	downEach     = 5 * time.Second  // one worker less at a time, and the next after so long
	waitLeast    = superviseTick / 2

	highUse = 0.8  // of the workers' lanes or time: more are needed,
	aimUse  = 0.7  // so many that this is used
	lowUse  = 0.45 // of one worker less: it is enough
	fullUse = 0.9  // of the processors: another worker has none

	panicSamples = int(panicWindow / superviseTick)
	stablePeaks  = int(stableWindow / panicWindow)
)

// A load is what there is to do at one moment, and to do it with.
type load struct {
	workers  int           // that are wanted
	starting int           // of these, not ready yet
	lanes    int           // that a worker may have open
	requests int           // in workers and before them
	waits    time.Duration // how long the first request in the queue has waited
	used     float64       // processors that the workers have used since the last time
	cores    int           // processors that there are
	room     int           // workers that memory is there for, beyond those that run
}

// A scaler decides how many workers there are to be. The zero scaler is ready.
// It is the supervisor's own.
type scaler struct {
	requests, used trend
	changed        time.Time // up, or down, last
	raised         time.Time
	measured       time.Time // when used was
	told           time.Time // that memory is short
	short          bool      // memory has kept it from more
}

// want returns how many workers are wanted now, from least to most. It is
// called once a tick.
func (s *scaler) want(now time.Time, l load, least, most int) int {
	if s.raised.IsZero() {
		s.raised = now
	}
	s.requests.add(float64(l.requests))
	s.used.add(l.used)
	n := l.workers
	switch need := s.need(l); {
	case need > n:
		s.short = l.room < need-n
		need = min(need, most, n+l.room)
		if need > n {
			s.raised = now
		}
		n = max(n, need)
	case now.Sub(s.raised) >= stableWindow && now.Sub(s.changed) >= downEach && s.spare(l):
		n--
	}
	n = max(min(n, most), least)
	if n != l.workers {
		s.changed = now
	}
	return n
}

// need returns how many workers the load asks for.
func (s *scaler) need(l load) int {
	n, full := l.workers, s.isFull(l)
	need := n
	if mean := s.used.mean(); mean > highUse*float64(n) && n < l.cores {
		need = max(need, min(l.cores, ceil(mean/aimUse)))
	}
	if full {
		return need
	}
	lanes := float64(l.lanes)
	if mean := s.requests.mean(); mean > highUse*lanes*float64(n) {
		need = max(need, ceil(mean/(aimUse*lanes)))
	}
	if l.waits >= waitLeast {
		need = max(need, ceil(float64(l.requests)/lanes))
		if l.starting == 0 {
			need = max(need, n+1)
		}
	}
	return need
}

// reach returns how many workers there may soon be, if there is enough to do.
func (s *scaler) reach(l load, most int) int {
	if s.isFull(l) {
		return l.workers
	}
	return min(most, l.workers+l.room)
}

// isFull says whether another worker would find no processor.
func (s *scaler) isFull(l load) bool {
	mean := s.used.mean()
	computes := mean > float64(l.workers)/2
	return mean > fullUse*float64(l.cores) || computes && l.workers >= l.cores
}

// spare says whether one worker less has been enough all the time.
func (s *scaler) spare(l load) bool {
	fewer := lowUse * float64(l.workers-1)
	return s.requests.peak() <= fewer*float64(l.lanes) && s.used.peak() <= fewer
}

func ceil(x float64) int { return int(math.Ceil(x)) }

// A trend is what a figure has been: its samples of the panic window, and the
// greatest averages of the stable window.
type trend struct {
	samples [panicSamples]float64
	peaks   [stablePeaks]float64
	count   int // of all samples
}

// add takes in the next sample.
func (t *trend) add(x float64) {
	t.samples[t.count%panicSamples] = x
	t.count++
	slot := t.count / panicSamples % stablePeaks
	if t.count%panicSamples == 0 {
		t.peaks[slot] = 0
	}
	t.peaks[slot] = max(t.peaks[slot], t.mean())
}

// mean returns the average of the panic window, or of as much of it as has been.
func (t *trend) mean() float64 {
	n := min(t.count, panicSamples)
	sum := 0.0
	for _, x := range t.samples[:n] {
		sum += x
	}
	return sum / float64(max(n, 1))
}

// peak returns the greatest mean of the stable window.
func (t *trend) peak() (most float64) {
	for _, x := range t.peaks {
		most = max(most, x)
	}
	return most
}

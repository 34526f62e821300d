package pool

import (
	"bytes"
	"cmp"
	"slices"
	"time"

	"pasted/internal/wire"
	"pasted/internal/wsgi"
)

const (
	// restartsKept is how many restarts Stats tells of, one by one.
	restartsKept = 32
	// peeked is how much of a frame is looked at for its request's method and
	// path, and longestPath how much of that is shown.
	peeked      = 4 << 10
	longestPath = 256
)

// Stats is what a Pool is and has done, at one moment. Counters are since New.
type Stats struct {
	// Size is how many workers are to run, Most how many there may be when
	// requests wait.
	Size, Most int
	Workers    []WorkerStats // in the order of their IDs

	QueueLength int           // requests that wait for a lane
	QueueOldest time.Duration // how long the first of them has waited

	Requests   uint64 // answers that workers have ended
	Lost       uint64 // requests that ended with their worker
	Retries    uint64 // requests that another worker was given after that
	Revoked    uint64 // requests taken back from a worker that had not begun them
	Skipped    uint64 // of these, those that their worker has come upon later
	Sheds      Sheds
	Restarts   uint64    // workers replaced after an exit that nobody asked for
	Recycled   uint64    // workers replaced by policy
	Last       []Restart // the latest of both, the latest last
	Quarantine []Quarantined

	// Wait is how long requests have waited for their worker, the queue and
	// what was before them on their lane included; Service is how long the
	// worker then took. Both are over answers that have ended.
	Wait, Service Histogram
}

// Sheds counts requests that were refused with 503, by their reasons, and those
// whose time was over.
type Sheds struct {
	Timeout uint64 // no lane in time
	Full    uint64 // the queue had no place
	Late    uint64 // the queue was overloaded, and others came first
	Stopped uint64 // the pool had stopped
	// Expired counts those that were past their deadline, in the queue or in a
	// worker, and got 504, or an answer that broke off.
	Expired uint64
}

// WorkerStats is one worker.
type WorkerStats struct {
	ID, PID  int
	State    string // "starting", "ready", "busy", "stalled", "draining"
	Age      time.Duration
	Requests uint64 // that it has answered
	Inflight int    // that it has been given and has not answered
	// Lanes is how many lanes it has open, MostLanes how many it can have.
	Lanes, MostLanes int
	Serving          []Serving // the first of each lane
}

// Serving is what one lane of a worker is busy with.
type Serving struct {
	Lane         int
	Request      string // its name in the log
	Method, Path string // empty where that is not known; Path without the query
	For          time.Duration
	Ahead        int // requests that have been sent and wait behind it
}

// A Restart is a worker that was replaced.
type Restart struct {
	At      time.Time
	ID, PID int
	Reason  string // "exit status 3", "signal: killed", or the policy: "max_requests"
	Policy  bool   // recycled, not crashed
	Lived   time.Duration
}

// A Quarantined is a request that has killed workers.
type Quarantined struct {
	Method, Path string
	Fingerprint  string
	Killed       int // workers
	Since        time.Time
}

// bounds are the upper bounds of a Histogram's buckets but the last, which has
// none.
var bounds = [...]time.Duration{
	time.Millisecond, 2 * time.Millisecond, 5 * time.Millisecond,
	10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond,
	100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond,
	time.Second, 2500 * time.Millisecond, 5 * time.Second, 10 * time.Second, 30 * time.Second,
}

// A Histogram counts durations. The zero Histogram is empty.
type Histogram struct {
	Buckets [len(bounds) + 1]uint64 // each for itself, not those below with it
	Sum     time.Duration
}

// Bounds returns the upper bounds of the Buckets but the last.
func (h *Histogram) Bounds() []time.Duration { return bounds[:] }

// add counts d.
func (h *Histogram) add(d time.Duration) {
	i := 0
	for i < len(bounds) && d > bounds[i] {
		i++
	}
	h.Buckets[i]++
	h.Sum += d
}

// tallies are the counters of a pool. The pool's mu guards them.
type tallies struct {
	requests, lost, retries, revoked, skipped uint64
	sheds                                     Sheds
	restarts, recycled                        uint64
	last                                      []Restart
	wait, service                             Histogram
}

// refused counts a request that has had no lane, by what it ends with.
func (t *tallies) refused(err error) {
	switch err {
	case ErrBusy:
		t.sheds.Timeout++
	case ErrFull:
		t.sheds.Full++
	case ErrOverload:
		t.sheds.Late++
	case ErrDeadline:
		t.sheds.Expired++
	case ErrStopped:
		t.sheds.Stopped++
	}
}

// answered counts r, which l's worker has answered now.
func (p *Pool) answeredLocked(l *lane, r *Request, now time.Time) {
	p.tallies.requests++
	l.member.answers++
	p.tallies.wait.add(max(0, l.since.Sub(r.came)))
	p.tallies.service.add(max(0, now.Sub(l.since)))
}

// noteRestart counts m's end, which nobody has asked for, or, where policy is
// not empty, its end by that policy.
func (p *Pool) noteRestart(m *member, policy, reason string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if policy != "" {
		p.tallies.recycled++
		reason = policy
	} else {
		p.tallies.restarts++
	}
	if len(p.tallies.last) == restartsKept {
		p.tallies.last = slices.Delete(p.tallies.last, 0, 1)
	}
	p.tallies.last = append(p.tallies.last, Restart{
		At: time.Now(), ID: m.id, PID: m.worker.PID(), Reason: reason, Policy: policy != "",
		Lived: time.Since(m.began),
	})
}

// Stats returns what p is doing. It holds p up for as long as it takes to look
// at each lane.
func (p *Pool) Stats() Stats {
	now := time.Now()
	p.mu.Lock()
	s := Stats{
		Size: p.least, Most: p.most, QueueLength: p.queue.length,
		Requests: p.tallies.requests, Lost: p.tallies.lost, Retries: p.tallies.retries, Revoked: p.tallies.revoked, Skipped: p.tallies.skipped,
		Sheds: p.tallies.sheds, Restarts: p.tallies.restarts, Recycled: p.tallies.recycled,
		Last: slices.Clone(p.tallies.last), Wait: p.tallies.wait, Service: p.tallies.service,
	}
	s.Quarantine = p.quarantine.list(now)
	for i := range p.queue.lines {
		s.QueueOldest = max(s.QueueOldest, p.queue.lines[i].waited(now))
	}
	var frames [][]byte // of each Serving in turn
	for _, m := range p.members {
		var w WorkerStats
		w, frames = m.statsLocked(now, frames)
		s.Workers = append(s.Workers, w)
	}
	s.Workers = append(s.Workers, p.startingLocked(now)...)
	p.mu.Unlock()
	for _, w := range s.Workers {
		for i := range w.Serving {
			w.Serving[i].Method, w.Serving[i].Path = peek(frames[0])
			frames = frames[1:]
		}
	}
	slices.SortFunc(s.Workers, func(a, b WorkerStats) int { return cmp.Or(a.ID-b.ID, a.PID-b.PID) })
	return s
}

// statsLocked returns m's figures, and appends the beginnings of the frames of
// what it is serving.
func (m *member) statsLocked(now time.Time, frames [][]byte) (WorkerStats, [][]byte) {
	w := WorkerStats{
		ID: m.id, PID: m.worker.PID(), State: m.stateLocked(), Age: now.Sub(m.began),
		Requests: m.answers, Inflight: m.inflight, Lanes: m.openLocked(), MostLanes: len(m.lanes),
	}
	for _, l := range m.lanes {
		if len(l.inflight) == 0 {
			continue
		}
		r := l.inflight[0]
		w.Serving = append(w.Serving, Serving{
			Lane: l.index, Request: idText(r.ID), For: max(0, now.Sub(l.since)), Ahead: len(l.inflight) - 1,
		})
		var frame []byte
		if !r.cancelled { // else its frame may be another's
			frame = bytes.Clone(r.Frame[:min(peeked, len(r.Frame))])
		}
		frames = append(frames, frame)
	}
	return w, frames
}

func (m *member) stateLocked() string {
	switch {
	case m.closed:
		return Draining.String()
	case m.stalled:
		return "stalled"
	case m.inflight > 0:
		return Busy.String()
	}
	return Ready.String()
}

// peek returns what a Request frame that may be cut off says of its request.
func peek(frame []byte) (method, path string) {
	if len(frame) < wire.HeadSize {
		return "", ""
	}
	method, path = wsgi.Peek(frame[wire.HeadSize:])
	if len(path) > longestPath {
		path = path[:longestPath] + "…"
	}
	return method, path
}

// Add adds to s what other, the last stats of a pool before it, has counted:
// what is there at the moment stays s's own.
func (s *Stats) Add(other *Stats) {
	s.Requests += other.Requests
	s.Lost += other.Lost
	s.Retries += other.Retries
	s.Revoked += other.Revoked
	s.Skipped += other.Skipped
	s.Sheds.Timeout += other.Sheds.Timeout
	s.Sheds.Full += other.Sheds.Full
	s.Sheds.Late += other.Sheds.Late
	s.Sheds.Stopped += other.Sheds.Stopped
	s.Sheds.Expired += other.Sheds.Expired
	s.Restarts += other.Restarts
	s.Recycled += other.Recycled
	s.Last = slices.Concat(other.Last, s.Last)
	s.Last = s.Last[max(0, len(s.Last)-restartsKept):]
	s.Wait.merge(&other.Wait)
	s.Service.merge(&other.Service)
}

func (h *Histogram) merge(other *Histogram) {
	for i, n := range other.Buckets {
		h.Buckets[i] += n
	}
	h.Sum += other.Sum
}

// Busy says whether any request is in p, waiting or being served.
func (p *Pool) Busy() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.queue.length > 0 || len(p.again.waiting) > 0 || slices.ContainsFunc(p.members, func(m *member) bool { return m.inflight > 0 })
}

package pool

import "time"

// When a line is overloaded, see overload.
const (
	leastTarget   = 5 * time.Millisecond
	leastInterval = time.Second
	// exitLooks looks, one each crowdTick, decide whether an overload is over:
	// if exitFree of them find a lane that nobody waits for.
	exitLooks = 50
	exitFree  = 15
	// overloadDepth is how many requests may wait in an overload, for each of
	// which another would have to come.
	overloadDepth = 16
	// leastSamples is how many service times have to be known before anything is
	// concluded from them: the first are those of a cold application.
	leastSamples = 16
)

// An overload is how it stands between a line and the lanes. As long as all who
// wait will have their turn within a second or so, they are served in their
// order: a number of clients that each wait for their answer before they ask again
// is no overload, however many they are for the lanes. CoDel's rule says when they
// will not: the oldest has waited longer than an interval throughout another; or so
// many have come at once that the last would wait for longer than it. From then on
// the youngest goes first, and who has waited for a target is refused: those who are
// served are served quickly, and the lanes are not kept busy for clients that have
// given up. The pool's mu guards it.
type overload struct {
	mean       time.Duration // moving average of the line's service time
	samples    int           // that mean has been made of, counted up to leastSamples
	above      time.Time     // since when the oldest has waited longer than the interval; zero: it has not
	overloaded bool
	looks      int // since overloaded, or since the last decision
	free       int // of these, those that have found a lane free
}

// served takes in the service time of one request. The average begins with the
// least of the first samples, and no single one more than adds a fifth to it:
// else one cold request before a burst would have most of the burst refused.
func (o *overload) served(service time.Duration) {
	service = max(service, time.Microsecond)
	switch {
	case o.samples < leastSamples:
		if o.samples == 0 || service < o.mean {
			o.mean = service
		}
		o.samples++
	case service > o.mean:
		o.mean += min(service-o.mean, 3*o.mean) / 16
	default:
		o.mean -= (o.mean - service) / 16
	}
}

// known says whether enough has been served to conclude anything.
func (o *overload) known() bool { return o.samples >= leastSamples }

// target is what a request may wait in an overload: as long as it takes until a
// few lanes have become free.
func (o *overload) target(lanes int) time.Duration {
	return max(leastTarget, 4*o.mean/time.Duration(max(lanes, 1)))
}

// interval is how long, otherwise, it may.
func (o *overload) interval() time.Duration { return max(leastInterval, 20*o.mean) }

// crushed says whether the last of a line would wait for longer than the
// interval, with the lanes that there may soon be. Before enough has been served it
// is not known.
func (l *line) crushed(lanes int) bool {
	return l.known() && time.Duration(l.length)*l.mean/time.Duration(lanes) > l.interval()
}

// judge is called each crowdTick and decides whether l is overloaded. idle says
// that a lane is free for it. Without lanes, while workers start, and before
// enough has been served, nothing is known.
func (l *line) judge(now time.Time, lanes int, idle bool) {
	if l.overloaded {
		l.look(l.first == nil && idle)
		return
	}
	switch {
	case lanes == 0 || !l.known() || l.waited(now) <= l.interval():
		l.above = time.Time{}
	case l.above.IsZero():
		l.above = now
	case now.Sub(l.above) >= l.interval():
		l.begin()
	}
}

func (l *line) begin() {
	l.overloaded, l.above = true, time.Time{}
	l.looks, l.free = 0, 0
}

// look ends an overload when capacity has been left over.
func (l *line) look(free bool) {
	l.looks++
	if free {
		l.free++
	}
	if l.looks >= exitLooks {
		l.overloaded = l.free < exitFree
		l.looks, l.free = 0, 0
	}
}

// patience returns how long a request of l may wait, where the longest is most.
func (l *line) patience(lanes int, most time.Duration) time.Duration {
	if l.overloaded {
		return min(l.target(lanes), most)
	}
	return most
}

// takeLate removes and returns those of line i who are to be refused: who has
// waited for too long and, in an overload, who has too many behind him. next is
// when the next will have waited for too long; zero: nobody waits.
func (q *queue) takeLate(i, lanes int, most time.Duration, now time.Time) (late []*Request, next time.Time) {
	l := &q.lines[i]
	patience := l.patience(lanes, most)
	for r := l.first; r != nil; r = l.first {
		if due := r.came.Add(patience); now.Before(due) && (!l.overloaded || l.length <= max(lanes, overloadDepth)) {
			return late, due
		}
		late = append(late, r)
		q.remove(r)
	}
	return late, time.Time{}
}

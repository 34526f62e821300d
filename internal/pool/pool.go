// Package pool keeps the workers of one release running and gives them
// requests: one queue for all, the oldest request to the worker with the
// fewest in it. It knows lanes and frames; it knows nothing of HTTP beyond
// Handler, and leaves the making of workers to its Start function.
package pool

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"pasted/internal/board"
	"pasted/internal/h1"
	"pasted/internal/paths"
	"pasted/internal/worker"
	"pasted/internal/wsgi"
)

// What became of a request that has no whole answer.
var (
	ErrFailed   = errors.New("the application raised an exception")
	ErrDied     = errors.New("the worker died")
	ErrBusy     = errors.New("no worker became free in time")
	ErrFull     = errors.New("too many requests wait for a worker")
	ErrOverload = errors.New("the server is overloaded")
	ErrDeadline = errors.New("the request took longer than it may")
	ErrStopped  = errors.New("the pool has stopped")
	ErrProtocol = errors.New("the worker broke the protocol")
)

// A Worker is one process with lanes, ready to serve. *worker.Worker is one.
type Worker interface {
	PID() int
	Lanes() []*worker.Lane
	// Board is where the worker says what it has begun, nil if it does not.
	// The pool closes it.
	Board() *board.Board
	// Demand is the processor time that the worker's lanes have used since its
	// start, and what they have waited for a processor, though not for each
	// other; false: it is not known.
	Demand() (used, waited time.Duration, known bool)
	// CPU is the processor time that the worker's process has used; false: it
	// is not known.
	CPU() (used time.Duration, known bool)
	// Holders tells which of lanes, whose requests are all in the application
	// while the worker makes no progress, may be the reason: none, if the whole
	// process stands still; false: it is not known. It may take some 10 ms.
	Holders(lanes []int) (holders []int, known bool)
	// Memory is what the process takes, PSS only if pss is set; false: it is
	// not known.
	Memory(pss bool) (m worker.Memory, known bool)
	// Cancel tells the worker that nobody waits for a request's answer.
	Cancel(lane int, number uint64)
	// Expire tells the worker to stop what it does for a request: it is past
	// its deadline, or its client has gone.
	Expire(lane int, number uint64, gone bool)
	// Drain lets the worker finish what it has been sent and exit; its lanes
	// have been closed for writing.
	Drain()
	// Abort has the worker, even one that stands still, write its threads' stacks
	// to its standard error and end, if it can.
	Abort()
	// Kill ends the worker at once.
	Kill()
	// Done is closed when the process has exited and been reaped, and with it
	// all that it has started. Exit then says how.
	Done() <-chan struct{}
	Exit() worker.Exit
}

// Options says what a Pool is made of. Loops, Start and Log are required.
type Options struct {
	// Loops are what the lanes are read and written on, in turn. They run
	// until Run has returned.
	Loops []*h1.Loop
	// Size is how many workers are kept running, at least 1; Most how many
	// there may be while there is so much to do, if that is more.
	Size, Most int
	// Lanes is how many lanes a worker has, for the number of workers when
	// there is none to ask.
	Lanes int
	// LeastLanes is how many of a worker's lanes are open while there is little to
	// do; zero: all, always.
	LeastLanes int
	// Cores is how many processors the workers have; zero: all.
	Cores int
	// Available tells how many bytes of memory are left for workers, and
	// whether that is known; nil: worker.Available.
	Available func() (free int64, known bool)
	// Recycle says when workers are replaced that have done nothing wrong.
	Recycle Recycle
	// Promote makes a worker, which serves nothing any more and whose lanes
	// are closed for writing, the template of those to come, and returns when
	// it is; the worker is not the pool's any more then. After an error it is
	// killed.
	Promote func(ctx context.Context, w Worker) error
	// Start makes worker id, and returns when it is ready, or with the reason
	// why it is not, or when ctx ends. IDs are small numbers from 0; two
	// workers have one only when one of them takes the other's place.
	Start func(ctx context.Context, id int) (Worker, error)
	// Paths says for which paths requests of any method may be repeated; nil:
	// for none.
	Paths *paths.Table
	// QueueTimeout is the longest that a request waits for a lane; zero: 30 s.
	QueueTimeout time.Duration
	// QueueLength is how many requests wait at most; zero: 4096. As many again
	// of high priority may wait.
	QueueLength int
	// Patient says that requests wait for QueueTimeout in an overload as well,
	// in their order.
	Patient  bool
	FastLane FastLane
	// KeepPlace says that one lane of four or more is kept for requests of high
	// priority.
	KeepPlace bool
	// TimeoutGrace is how long a request past its deadline may take to end
	// before its worker is replaced; zero: 5 s.
	TimeoutGrace time.Duration
	// StallTimeout is how long a worker may make no progress, its requests in
	// it, before it is killed and replaced; zero: 30 s.
	StallTimeout time.Duration
	// Grace is how long a draining worker may take to exit; zero: 30 s.
	Grace time.Duration
	// Kill, once closed, ends draining workers at once; nil: only Grace does.
	Kill <-chan struct{}
	// Yield is called with true when the workers use up their processors, so
	// that whoever else wants one had better wait for a turn, and with false
	// when they no longer do; nil: it is not called.
	Yield func(bool)
	Log   *slog.Logger
}

// A Pool is the workers of one release, their lanes and the queue before them.
// All its methods may be called from any goroutine.
type Pool struct {
	opts  Options
	ready chan struct{} // closed when each worker has been ready once
	// born is when the pool was made, and bootTime the same by the clock that
	// Python has.
	born     time.Time
	bootTime float64
	name     uint32 // what the IDs of this pool's requests begin with
	ids      atomic.Uint32
	random   func(n int64) int64 // from 0 to n-1, for all jitter

	pieces sync.Pool     // *[bodyPiece]byte
	nudge  chan struct{} // holds one: the supervisor is to think again

	files     atomic.Int64 // answers that are files, and still have them open
	mostFiles int64        // of them at a time

	mu      sync.Mutex // guards all below, and what the …Locked functions name
	members []*member
	lives   []*life // in the order of their begin
	least   int     // workers, see Options.Size
	most    int
	queue   queue
	clock   clock
	costs   costs
	fast    fastLane
	// deadlines are those of requests that wait or are with a worker.
	deadlines  deadlines
	again      again
	budget     budget
	quarantine quarantine
	news       []news // to be logged without mu, see tell
	pace       pace
	watcher    watcher
	crowd      crowd
	number     uint64 // of the request last given to a lane
	answered   [answeredKept]name
	expected   int // lanes that there may soon be; zero: those that there are
	unready    int // workers that have never been ready
	stopped    bool
	tallies    tallies
	startErr   error // why a worker was not ready the first time
	failed     chan struct{}
}

// New returns a pool that has not been started.
func New(opts Options) *Pool {
	if opts.QueueTimeout == 0 {
		opts.QueueTimeout = 30 * time.Second
	}
	if opts.QueueLength == 0 {
		opts.QueueLength = 4096
	}
	if opts.TimeoutGrace == 0 {
		opts.TimeoutGrace = 5 * time.Second
	}
	if opts.StallTimeout == 0 {
		opts.StallTimeout = 30 * time.Second
	}
	if opts.Grace == 0 {
		opts.Grace = 30 * time.Second
	}
	return &Pool{
		mostFiles: mostFiles(),
		opts:      opts,
		ready:     make(chan struct{}),
		nudge:     make(chan struct{}, 1),
		least:     opts.Size, most: max(opts.Size, opts.Most),
		born: time.Now(), bootTime: bootTime(),
		name:    rand.Uint32(),
		random:  rand.Int64N,
		clock:   clock{kick: make(chan struct{}, 1)},
		budget:  budget{saved: budgetFirst},
		watcher: watcher{come: make(chan struct{}, 1)},
		crowd:   crowd{come: make(chan struct{}, 1)},
		unready: opts.Size,
		failed:  make(chan struct{}),
	}
}

// Run keeps the workers running until ctx ends: a worker that exits is
// restarted, with back-off when it exits quickly; one that is due is recycled;
// and there are as many as there is to do. When ctx has ended the
// workers drain, and Run returns when the last process has been reaped.
// Requests that still wait for a lane then, and those that come later, end with
// ErrStopped. Run is called once.
func (p *Pool) Run(ctx context.Context) error {
	var running sync.WaitGroup
	over := make(chan struct{})
	running.Go(func() { p.weigh(ctx) })
	running.Go(func() { p.keepTime(ctx, over) })
	running.Go(func() { p.tune(ctx.Done()) })
	running.Go(func() { p.watch(over) })
	newSupervisor(p).run(ctx)
	close(over) // not before: deadlines hold for workers that drain, and they may stall
	running.Wait()
	return context.Cause(ctx)
}

// WaitReady returns nil when every worker has been ready once, or the reason
// as soon as one was not at its first start, or when ctx ends.
func (p *Pool) WaitReady(ctx context.Context) error {
	select {
	case <-p.ready:
		return nil
	case <-p.failed:
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.startErr
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Do gives r to a worker, now or when one is free. It does not wait: r.Answer
// hears of the outcome, perhaps before Do returns. on is the loop on whose
// goroutine Do is called, nil on any other: what is given away during one turn
// of a loop leaves at its end, in one write for each lane. r and what it points
// to belong to the pool until r.Answer.End is called.
func (p *Pool) Do(r *Request, on *h1.Loop) {
	now := timeOf(on)
	p.mu.Lock()
	if p.stopped {
		p.tallies.sheds.Stopped++
		p.mu.Unlock()
		r.end(ErrStopped, on)
		return
	}
	p.knowLocked(r, now)
	if len(p.quarantine.held) > 0 && p.quarantine.holds(r.Frame, now) {
		p.againLocked(r)
		given := p.giveAgainLocked(now, on)
		p.mu.Unlock()
		flushUnless(on, given)
		return
	}
	var l *lane
	if !p.queue.before(r.line) { // nobody overtakes who waits
		l = p.pickLocked(r, now)
	}
	if l == nil && p.ranges() && !p.queue.before(r.line) {
		l = p.openForLocked(r, now)
	}
	if l == nil {
		err := p.queueLocked(r, now)
		p.mu.Unlock()
		if err != nil {
			r.end(err, on)
		}
		return
	}
	p.assignLocked(l, r, now, on)
	p.mu.Unlock()
	if on == nil {
		l.flush()
	}
}

// flushUnless sends what lanes have been given on no loop.
func flushUnless(on *h1.Loop, given []*lane) {
	if on != nil {
		return
	}
	for _, l := range given {
		l.flush()
	}
}

// waits says whether r is in the queue.
func (p *Pool) waits(r *Request) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return r.waiting || r.waits
}

// timeOf returns the time, which a loop knows.
func timeOf(on *h1.Loop) time.Time {
	if on == nil {
		return time.Now()
	}
	return on.Now()
}

// Cancel says that nobody waits for r's answer; on is as Do's. A request that
// waits in the queue is dropped; a worker that has begun it is told. When Cancel
// returns, the pool uses r's Frame and Body no more, and r.Answer hears nothing
// further: except that, if Cancel returns false, End has been called or is
// being called by another goroutine. The pool may go on counting r as its
// worker's: only after an End is r to be used again.
func (p *Pool) Cancel(r *Request, on *h1.Loop) (inTime bool) {
	p.mu.Lock()
	if r.waiting {
		p.queue.remove(r)
		p.deadlines.remove(r)
	} else if r.waits {
		p.again.remove(r)
		p.deadlines.remove(r)
	}
	r.cancelled = true
	l, number := r.lane.Load(), r.number
	if r.race != nil {
		defer p.cancelRace(r.race)
	}
	p.mu.Unlock()
	switch {
	case l == nil:
	case r.Interrupt:
		l.member.worker.Expire(l.index, number, true)
	default:
		l.member.worker.Cancel(l.index, number)
	}
	inTime = r.cancel(on)
	if l != nil {
		l.loop.Post(l.again) // for one that is held back
	}
	return inTime
}

// newID returns a name for a request that no other request of this or, most
// likely, of another pool has.
func (p *Pool) newID() uint64 { return uint64(p.name)<<32 | uint64(p.ids.Add(1)) }

// idText returns a request's name as the log and the environ have it.
func idText(id uint64) string { return string(wsgi.AppendID(nil, id)) }

// answeredKept is of how many requests the names are known after their answers:
// what the application logs comes by another way, and its close() comes after them.
const answeredKept = 1024

// A name is a request's, by the number that its worker knows it by.
type name struct{ number, id uint64 }

// RequestID returns the name of the request that a worker knows by number, or ""
// if it is neither being served nor one of those answered last. None has 0.
func (p *Pool) RequestID(number uint64) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if known := p.answered[number%answeredKept]; known.number == number && number > 0 {
		return idText(known.id)
	}
	for _, m := range p.members {
		for _, l := range m.lanes {
			for _, r := range l.inflight {
				if r.number == number {
					return idText(r.ID)
				}
			}
		}
	}
	return ""
}

// stop ends what waits, and whatever is to wait from now on.
func (p *Pool) stop(on *h1.Loop) {
	p.mu.Lock()
	p.stopped = true
	waiting := append(p.queue.takeAll(), p.again.takeAll()...)
	p.tallies.sheds.Stopped += uint64(len(waiting))
	for _, r := range waiting {
		p.deadlines.remove(r)
	}
	p.mu.Unlock()
	for _, r := range waiting {
		r.end(ErrStopped, on)
	}
}

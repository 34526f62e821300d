package pool

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pasted/internal/board"
	"pasted/internal/h1"
)

// An ending is an Answer that keeps what its request ended with.
type ending struct {
	ends int
	err  error
}

func (*ending) Head([]byte, bool, *h1.Loop)      {}
func (*ending) Data([]byte, bool, *h1.Loop) bool { return true }
func (e *ending) End(err error, _ *h1.Loop)      { e.ends, e.err = e.ends+1, err }

// lost returns a request that may not be repeated, and that the only lane of a pool
// has, whose worker says that it has not begun it.
func lost(t *testing.T) (*Pool, *lane, *Request, *ending) {
	t.Helper()
	loop, err := h1.NewLoop()
	if err != nil {
		t.Fatal(err)
	}
	loop.Turn()
	t.Cleanup(func() { loop.Close(); loop.Turn() })
	kept, file, err := board.New(1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(kept.Close)
	words, err := unix.Mmap(int(file.Fd()), 0, board.Size(1), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	_ = file.Close()
	t.Cleanup(func() { _ = unix.Munmap(words) })
	p := New(Options{Size: 1, QueueTimeout: time.Hour, Log: slog.New(slog.DiscardHandler)})
	m := &member{worker: &simWorker{done: make(chan struct{}), words: words}, board: kept, idle: make(chan struct{})}
	l := &lane{pool: p, member: m, loop: loop, closed: true} // to be written to
	l.again, l.flushed.L = func() {}, &l.out
	m.lanes, p.members = []*lane{l}, []*member{m}
	e := new(ending)
	r := &Request{Answer: e, Frame: make([]byte, 64), Timeout: time.Minute}
	p.Do(r, loop)
	if r.lane.Load() != l {
		t.Fatal("the lane does not have the request")
	}
	m.closed = true
	return p, l, r, e
}

// TestDeadlineHoldsForARequestThatItsLaneLoses has a lane end when the clock has
// told it of a deadline, and it has not seen to that yet.
func TestDeadlineHoldsForARequestThatItsLaneLoses(t *testing.T) {
	p, l, r, e := lost(t)
	p.turn(r.due)
	l.sent = r.sentAt
	p.abandon(l)
	l.loop.Turn() // now it does
	if !r.waiting || e.ends != 0 {
		t.Fatalf("the request waits: %v; it ended %d times, with %v", r.waiting, e.ends, e.err)
	}
	p.turn(r.due)
	if e.ends != 1 || !errors.Is(e.err, ErrDeadline) {
		t.Errorf("ended %d times, with %v, want %v", e.ends, e.err, ErrDeadline)
	}
}

// TestWorkerThatHidesWhatItHasBegunIsNotBelieved has a worker answer, or read the
// body of, what it has not begun by its scoreboard: another would do it twice.
func TestWorkerThatHidesWhatItHasBegunIsNotBelieved(t *testing.T) {
	for name, begin := range map[string]func(*lane, *Request){
		"answered":  func(l *lane, r *Request) { l.current = answering{request: r, begun: true} },
		"body read": func(_ *lane, r *Request) { r.bodyRead = true },
	} {
		t.Run(name, func(t *testing.T) {
			p, l, r, e := lost(t)
			begin(l, r)
			l.sent = r.sentAt
			p.abandon(l)
			if e.ends != 1 || !errors.Is(e.err, ErrDied) {
				t.Errorf("ended %d times, with %v, want %v", e.ends, e.err, ErrDied)
			}
		})
	}
}

// TestBoardTellsWhatBecomesOfARequest has it lost where too many are being repeated.
func TestBoardTellsWhatBecomesOfARequest(t *testing.T) {
	const started, skipped, entered = 0, 2, 3 // words
	for name, c := range map[string]struct {
		words  []int // in which its number stands
		ends   int
		deaths int
		queued bool // as any that the application has not seen
		alone  bool // in a worker without another that might kill it
	}{
		"not begun": {queued: true},
		"skipped":   {words: []int{started, skipped}, queued: true},
		"begun":     {words: []int{started}, deaths: 1, alone: true},
		"entered":   {words: []int{started, entered}, deaths: 1, ends: 1},
	} {
		t.Run(name, func(t *testing.T) {
			p, l, r, e := lost(t)
			for _, word := range c.words {
				l.member.worker.(*simWorker).words[64+8*word] = byte(r.number)
			}
			p.budget = budget{seen: p.number}
			for range budgetLeast {
				p.again.push(&Request{came: r.came})
			}
			l.sent = r.sentAt
			p.abandon(l)
			if e.ends != c.ends || r.deaths != c.deaths || r.waiting != c.queued || r.waits != c.alone {
				t.Errorf("ended %d times, %d deaths, queued %v, alone %v; want %d, %d, %v, %v",
					e.ends, r.deaths, r.waiting, r.waits, c.ends, c.deaths, c.queued, c.alone)
			}
		})
	}
}

// TestWhatIsTakenBackAfterTheStopEnds has a worker lose what it has not begun when
// no other takes it any more.
func TestWhatIsTakenBackAfterTheStopEnds(t *testing.T) {
	p, l, r, e := lost(t)
	l.open = true
	p.stop(nil)
	l.takeBack()
	p.turn(r.came)
	if e.ends != 1 || !errors.Is(e.err, ErrStopped) {
		t.Errorf("ended %d times, with %v, want %v", e.ends, e.err, ErrStopped)
	}
	if n := p.Stats().Sheds.Stopped; n != 1 {
		t.Errorf("%d were counted as stopped, want 1", n)
	}
}

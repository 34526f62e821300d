package pool_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pasted/internal/board"
	"pasted/internal/h1"
	"pasted/internal/marshal"
	"pasted/internal/pool"
	"pasted/internal/wire"
	"pasted/internal/worker"
)

// patience is how long a test waits for what is to come, before it has failed. On a
// busy machine anything may be held up for seconds.
const patience = time.Minute

// A fakeWorker speaks a worker's side of its lanes in Go.
type fakeWorker struct {
	pid   int
	lanes []*worker.Lane
	ends  []*net.UnixConn
	serve func(w *fakeWorker, lane int, f wire.Frame)

	wg   sync.WaitGroup
	once sync.Once
	done chan struct{}
	exit worker.Exit

	demand func() time.Duration // nil: unknown
	board  *board.Board         // nil: it keeps none
	words  []byte               // of the board, the worker's view
	gate   sync.RWMutex         // held while it takes nothing off its lanes
	still  atomic.Bool          // its heart does not beat
	memory worker.Memory        // zero: unknown

	holders func(lanes []int) []int // nil: unknown

	mu        sync.Mutex
	cancelled []uint64

	room [16][256]byte // scratch's
}

// scratch is memory for one frame on a lane.
func (w *fakeWorker) scratch(lane int) []byte { return w.room[lane][:0] }

// socketPair returns a lane and the worker's end of it.
func socketPair(t testing.TB) (*worker.Lane, *net.UnixConn) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	file := os.NewFile(uintptr(fds[1]), "worker's end")
	defer file.Close()
	conn, err := net.FileConn(file)
	if err != nil {
		t.Fatal(err)
	}
	return worker.NewLane(fds[0]), conn.(*net.UnixConn)
}

// runLoops returns loops that run until the test ends.
func runLoops(t testing.TB, n int) []*h1.Loop {
	t.Helper()
	var loops []*h1.Loop
	for range n {
		l, err := h1.NewLoop()
		if err != nil {
			t.Fatal(err)
		}
		var running sync.WaitGroup
		running.Go(l.Run)
		t.Cleanup(func() { l.Close(); running.Wait() })
		loops = append(loops, l)
	}
	return loops
}

// on calls f on l and waits for it.
func on(l *h1.Loop, f func()) {
	done := make(chan struct{})
	l.Post(func() {
		defer close(done)
		f()
	})
	<-done
}

// newFake returns a worker with so many lanes that hands each frame to serve,
// one at a time for each lane.
func newFake(t testing.TB, pid, lanes int, serve func(w *fakeWorker, lane int, f wire.Frame)) *fakeWorker {
	return unbegun(t, pid, lanes, serve).begin()
}

// unbegun returns a worker that reads nothing before begin.
func unbegun(t testing.TB, pid, lanes int, serve func(w *fakeWorker, lane int, f wire.Frame)) *fakeWorker {
	w := &fakeWorker{pid: pid, serve: serve, done: make(chan struct{})}
	for range lanes {
		ours, theirs := socketPair(t)
		w.lanes = append(w.lanes, ours)
		w.ends = append(w.ends, theirs)
	}
	return w
}

func (w *fakeWorker) begin() *fakeWorker {
	for i, end := range w.ends {
		w.wg.Go(func() { w.read(i, end) })
	}
	if w.words != nil {
		w.wg.Go(w.beat)
		go func() {
			w.wg.Wait()
			_ = unix.Munmap(w.words)
		}()
	}
	return w
}

// read serves one lane until its end or the worker's.
func (w *fakeWorker) read(lane int, end *net.UnixConn) {
	defer end.Close()
	frames := wire.NewReader(end, wire.MaxControl)
	for {
		f, err := frames.Next()
		if err != nil {
			return
		}
		select {
		case <-w.done:
			return
		default:
			w.take(lane, f)
		}
	}
}

// take hands a frame on as a worker does that keeps a board.
func (w *fakeWorker) take(lane int, f wire.Frame) {
	w.gate.RLock()
	defer w.gate.RUnlock()
	select {
	case <-w.done:
		return // killed while it was stopped
	default:
	}
	if w.board == nil || f.Kind != wire.Request {
		w.serve(w, lane, f)
		return
	}
	w.word(lane, 0).Store(f.Number)
	if w.word(lane, 8).Load() >= f.Number {
		w.word(lane, 2).Store(f.Number)
		w.send(lane, wire.Frame{Kind: wire.End, Flags: wire.FlagEnd | wire.FlagSkipped, Number: f.Number})
	} else {
		w.word(lane, 3).Store(f.Number)
		w.serve(w, lane, f)
	}
	w.word(lane, 1).Store(f.Number)
}

// beat is the heart of a worker that keeps a board: whatever its requests wait for,
// it makes progress.
func (w *fakeWorker) beat() {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-w.done:
			return
		case <-tick.C:
			if !w.still.Load() {
				w.word(0, 1-8).Add(1) // in the line before the first slot
			}
		}
	}
}

// await returns when c is closed, or w has ended.
func (w *fakeWorker) await(c <-chan struct{}) {
	select {
	case <-c:
	case <-w.done:
	}
}

// word is a word of a lane's slot: see package board.
func (w *fakeWorker) word(lane, index int) *atomic.Uint64 { return wordOf(w.words, lane, index) }

// keepBoard gives w, which has not begun, a board.
func (w *fakeWorker) keepBoard(t testing.TB) *fakeWorker {
	var err error
	if w.board, w.words, err = mappedBoard(len(w.lanes)); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *fakeWorker) PID() int              { return w.pid }
func (w *fakeWorker) Lanes() []*worker.Lane { return w.lanes }
func (w *fakeWorker) Demand() (used, waited time.Duration, known bool) {
	if w.demand == nil {
		return 0, 0, false
	}
	return w.demand(), 0, true
}
func (w *fakeWorker) CPU() (time.Duration, bool) {
	if w.demand == nil {
		return 0, false
	}
	return w.demand(), true
}
func (w *fakeWorker) Holders(lanes []int) ([]int, bool) {
	if w.holders == nil {
		return nil, false
	}
	return w.holders(lanes), true
}
func (w *fakeWorker) Memory(bool) (worker.Memory, bool)   { return w.memory, w.memory != worker.Memory{} }
func (w *fakeWorker) Abort()                              {}
func (w *fakeWorker) Board() *board.Board                 { return w.board }
func (w *fakeWorker) Done() <-chan struct{}               { return w.done }
func (w *fakeWorker) Exit() worker.Exit                   { return w.exit }
func (w *fakeWorker) Drain()                              { w.end() }
func (w *fakeWorker) Kill()                               { w.end() }
func (w *fakeWorker) send(lane int, f wire.Frame)         { _, _ = w.ends[lane].Write(wire.Append(nil, f)) }
func (w *fakeWorker) Cancel(_ int, number uint64)         { w.note(number) }
func (w *fakeWorker) Expire(_ int, number uint64, _ bool) { w.note(number) }
func (w *fakeWorker) want(lane int, number uint64, n uint32) {
	w.send(lane, wire.Frame{Kind: wire.Want, Number: number, Payload: binary.LittleEndian.AppendUint32(nil, n)})
}

func (w *fakeWorker) note(number uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cancelled = append(w.cancelled, number)
}

// awaitNote waits until the worker has been told to stop a request.
func (w *fakeWorker) awaitNote(t *testing.T, number uint64) {
	t.Helper()
	await(t, fmt.Sprintf("the word to stop %d, and no other", number), func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return len(w.cancelled) == 1 && w.cancelled[0] == number
	})
}

// end closes the worker's ends of its lanes, as the kernel does when a process
// dies.
func (w *fakeWorker) end() {
	w.once.Do(func() {
		for _, c := range w.ends {
			c.Close()
		}
		close(w.done)
	})
}

// await waits until ok.
func await(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("after %v, not yet: %s", patience, what)
		}
	}
}

// ok is the payload of a Head frame with an empty 200.
var ok, _ = marshal.Append(nil, marshal.Tuple{"200 OK", []any{}})

// answerAll answers each request at once with body "ok".
func answerAll(w *fakeWorker, lane int, f wire.Frame) {
	w.send(lane, wire.Frame{Kind: wire.Head, Flags: wire.FlagEnd, Number: f.Number, Payload: append(ok[:len(ok):len(ok)], "ok"...)})
}

// A taken is an Answer that keeps what it is given.
type taken struct {
	mu   sync.Mutex
	body []byte
	err  error
	done chan struct{}
}

func newTaken() *taken { return &taken{done: make(chan struct{})} }

func (a *taken) Head(payload []byte, _ bool, _ *h1.Loop) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.body = append(a.body, payload[len(ok):]...)
}

func (a *taken) Data(p []byte, _ bool, _ *h1.Loop) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.body = append(a.body, p...)
	return true
}

func (a *taken) End(err error, _ *h1.Loop) {
	a.err = err
	close(a.done)
}

// wait returns the body and the error that the answer ended with.
func (a *taken) wait(t *testing.T) (string, error) {
	t.Helper()
	select {
	case <-a.done:
	case <-time.After(patience):
		t.Fatalf("no answer within %v", patience)
	}
	return string(a.body), a.err
}

func newRequest(answer pool.Answer) *pool.Request {
	frame := wire.AppendHead(nil, wire.Request, 0, 0, 0, 0)
	return &pool.Request{Frame: frame, Answer: answer}
}

var quiet = slog.New(slog.DiscardHandler)

var errTest = errors.New("test error")

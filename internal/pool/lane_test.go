package pool_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"pasted/internal/h1"
	"pasted/internal/pool"
	"pasted/internal/wire"
	"pasted/internal/worker"
)

// large is more than a socket's buffer takes.
const large = 4 << 20

// largeRequest is a request whose frame does not leave in one write.
func largeRequest(a pool.Answer) *pool.Request {
	frame := wire.AppendHead(nil, wire.Request, 0, 0, 0, large)
	for i := range large {
		frame = append(frame, byte(i*i>>8))
	}
	return &pool.Request{Frame: frame, Answer: a}
}

// receive returns what comes from c.
func receive[T any](t *testing.T, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatalf("nothing has come within %v", patience)
		panic("not reached")
	}
}

// mute returns a worker that does not read its lanes.
func mute(t testing.TB, lanes int) *fakeWorker {
	w := &fakeWorker{pid: 1, done: make(chan struct{})}
	for range lanes {
		ours, theirs := socketPair(t)
		w.lanes, w.ends = append(w.lanes, ours), append(w.ends, theirs)
	}
	t.Cleanup(w.end)
	return w
}

// starting returns a Start function that gives out workers in their order.
func starting(workers ...*fakeWorker) func(context.Context, int) (pool.Worker, error) {
	next := make(chan *fakeWorker, len(workers))
	for _, w := range workers {
		next <- w
	}
	return func(ctx context.Context, _ int) (pool.Worker, error) {
		select {
		case w := <-next:
			return w, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func TestFrameLargerThanTheSocketArrivesWhole(t *testing.T) {
	w := mute(t, 2)
	loops := runLoops(t, 1)
	p := run(t, pool.Options{Loops: loops, Start: starting(w)})
	for _, loop := range []*h1.Loop{nil, loops[0]} {
		a, other := newTaken(), newTaken()
		r := largeRequest(a)
		want := bytes.Clone(r.Frame[wire.HeadSize:])
		if loop == nil {
			p.Do(r, nil)
		} else {
			on(loop, func() { p.Do(r, loop) })
		}
		p.Do(newRequest(other), nil) // goes to the other lane
		f, err := wire.NewReader(w.ends[1], wire.MaxControl).Next()
		if err != nil {
			t.Fatal(err)
		}
		answerAll(w, 1, f)
		if _, err := other.wait(t); err != nil {
			t.Errorf("the lane beside ended with %v", err)
		}
		f, err = wire.NewReader(w.ends[0], wire.MaxControl).Next()
		if err != nil || !bytes.Equal(f.Payload, want) {
			t.Fatalf("the worker got %d bytes and %v, want what was sent", len(f.Payload), err)
		}
		answerAll(w, 0, f)
		if _, err := a.wait(t); err != nil {
			t.Errorf("answer ended with %v", err)
		}
	}
}

func TestWhatTheKernelHadNotTakenGoesToTheNextWorker(t *testing.T) {
	first := mute(t, 1)
	p := run(t, pool.Options{Start: starting(first, newFake(t, 2, 1, answerAll))})
	a := newTaken()
	p.Do(largeRequest(a), nil)
	if _, err := io.ReadFull(first.ends[0], make([]byte, 100_000)); err != nil {
		t.Fatal(err)
	}
	first.end()
	if body, err := a.wait(t); body != "ok" || err != nil {
		t.Errorf("answer = %q, %v, want the next worker's", body, err)
	}
}

// A fastidious Answer takes no Data until it is told to.
type fastidious struct {
	taken
	hungry  atomic.Bool
	refused chan string
}

func newFastidious() *fastidious {
	return &fastidious{taken: taken{done: make(chan struct{})}, refused: make(chan string, 10)}
}

func (a *fastidious) Data(p []byte, last bool, on *h1.Loop) bool {
	if !a.hungry.Load() {
		a.refused <- string(p)
		return false
	}
	return a.taken.Data(p, last, on)
}

// streams answers in four frames.
func streams(w *fakeWorker, lane int, f wire.Frame) {
	var b []byte
	b = wire.Append(b, wire.Frame{Kind: wire.Head, Number: f.Number, Payload: append(ok[:len(ok):len(ok)], "one "...)})
	b = wire.Append(b, wire.Frame{Kind: wire.Data, Number: f.Number, Payload: []byte("two ")})
	b = wire.Append(b, wire.Frame{Kind: wire.Data, Flags: wire.FlagEnd, Number: f.Number, Payload: []byte("three")})
	_, _ = w.ends[lane].Write(b)
}

func TestAnswerWithoutRoomHoldsBackItsLaneAlone(t *testing.T) {
	p := run(t, pool.Options{Loops: runLoops(t, 1), Start: fakes(t, 2, streams)})
	slow := newFastidious()
	r := newRequest(slow)
	p.Do(r, nil)
	if got := receive(t, slow.refused); got != "two " {
		t.Errorf("Data(%q) first, want %q", got, "two ")
	}
	for range 100 {
		a := newTaken()
		p.Do(newRequest(a), nil)
		if body, err := a.wait(t); body != "one two three" || err != nil {
			t.Fatalf("answer beside = %q, %v", body, err)
		}
	}
	r.Resume() // for nothing
	if got := receive(t, slow.refused); got != "two " {
		t.Errorf("Data(%q) again, want the same bytes", got)
	}
	slow.hungry.Store(true)
	r.Resume()
	if body, err := slow.wait(t); body != "one two three" || err != nil {
		t.Errorf("answer = %q, %v", body, err)
	}
	r.Resume() // too late
}

func TestCancelledRequestHoldsBackNothing(t *testing.T) {
	loops := runLoops(t, 1)
	p := run(t, pool.Options{Loops: loops, Start: fakes(t, 1, streams)})
	for _, loop := range []*h1.Loop{nil, loops[0]} {
		slow, next := newFastidious(), newTaken()
		r := newRequest(slow)
		p.Do(r, nil)
		receive(t, slow.refused)
		p.Do(newRequest(next), nil)
		cancel := func() {
			if !p.Cancel(r, loop) {
				t.Error("Cancel() = false for a request that has not ended")
			}
		}
		if loop == nil {
			cancel()
		} else {
			on(loop, cancel)
		}
		if body, err := next.wait(t); body != "one two three" || err != nil {
			t.Errorf("answer behind = %q, %v", body, err)
		}
		select {
		case <-slow.done:
			t.Error("a cancelled request was told of its end")
		default:
		}
	}
}

// A dead worker's last data waits for who takes it; the next worker does not.
func TestDataOfADeadWorkerIsDeliveredLate(t *testing.T) {
	first := newFake(t, 1, 1, func(w *fakeWorker, lane int, f wire.Frame) {
		streams(w, lane, f)
		w.end()
	})
	p := run(t, pool.Options{Start: starting(first, newFake(t, 2, 1, answerAll))})
	slow := newFastidious()
	r := outlast(t, p, first, slow, slow.refused)
	slow.hungry.Store(true)
	r.Resume()
	if body, err := slow.wait(t); body != "one two three" || err != nil {
		t.Errorf("the dead worker's answer = %q, %v", body, err)
	}
}

// outlast sends a request whose answer slow has no room for, and returns it when the
// first worker, which serves it and dies, has gone and the next one has answered
// another request.
func outlast(t *testing.T, p *pool.Pool, first *fakeWorker, slow pool.Answer, refused <-chan string) *pool.Request {
	t.Helper()
	next := newTaken()
	r := newRequest(slow)
	p.Do(r, nil)
	receive(t, refused)
	<-first.done
	p.Do(newRequest(next), nil)
	if body, err := next.wait(t); body != "ok" || err != nil {
		t.Errorf("the next worker's answer = %q, %v", body, err)
	}
	return r
}

// packets returns a lane whose other end, a descriptor, reads one write at a
// time.
func packets(t *testing.T) (*worker.Lane, *os.File) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.SetNonblock(fds[0], true); err != nil {
		t.Fatal(err)
	}
	return worker.NewLane(fds[0]), os.NewFile(uintptr(fds[1]), "worker's end")
}

// numbersIn returns the numbers of the frames that the next write has brought.
func numbersIn(t *testing.T, end *os.File) (numbers []uint64) {
	t.Helper()
	buf := make([]byte, 1<<20)
	n, err := end.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	frames := wire.NewReader(bytes.NewReader(buf[:n]), wire.MaxControl)
	for {
		f, err := frames.Next()
		if err != nil {
			return numbers
		}
		numbers = append(numbers, f.Number)
	}
}

// timeless runs f with a pool of w on a loop that turn has do what there is to do: in
// a bubble of synctest, where no time goes by meanwhile.
func timeless(t *testing.T, w func() *fakeWorker, f func(p *pool.Pool, loop *h1.Loop, turn func())) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		loop, err := h1.NewLoop()
		if err != nil {
			t.Fatal(err)
		}
		p := pool.New(pool.Options{Loops: []*h1.Loop{loop}, Size: 1, Log: quiet, Start: starting(w())})
		ctx, stop := context.WithCancel(t.Context())
		ran := make(chan struct{})
		go func() {
			defer close(ran)
			_ = p.Run(ctx)
		}()
		turn := func() {
			synctest.Wait()
			loop.Turn()
			synctest.Wait()
		}
		turn()
		f(p, loop, turn)
		stop()
		for {
			select {
			case <-ran:
				loop.Close()
				loop.Turn()
				return
			default:
				time.Sleep(simTick)
				turn()
			}
		}
	})
}

func TestFramesOfOneTurnLeaveInOneWrite(t *testing.T) {
	const n, most = pool.LaneMost + 4, pool.LaneMost
	var theirs *os.File
	unread := func() *fakeWorker {
		var ours *worker.Lane
		ours, theirs = packets(t)
		return &fakeWorker{pid: 1, lanes: []*worker.Lane{ours}, done: make(chan struct{})}
	}
	timeless(t, unread, func(p *pool.Pool, loop *h1.Loop, turn func()) {
		defer theirs.Close()
		p.SetPace(time.Microsecond)
		answers := make([]*taken, n)
		loop.Post(func() {
			for i := range answers {
				answers[i] = newTaken()
				p.Do(newRequest(answers[i]), loop)
			}
		})
		answer := func(numbers ...uint64) {
			var b []byte
			for _, n := range numbers {
				b = wire.Append(b, wire.Frame{Kind: wire.Head, Flags: wire.FlagEnd, Number: n, Payload: ok})
			}
			if _, err := theirs.Write(b); err != nil {
				t.Error(err)
			}
			turn()
		}
		turn()
		first := numbersIn(t, theirs)
		if len(first) != most {
			t.Errorf("%d requests in the first write, want %d", len(first), most)
		}
		answer(first...)
		rest := numbersIn(t, theirs)
		if len(rest) != n-most {
			t.Errorf("%d requests in the second write, want %d", len(rest), n-most)
		}
		answer(rest...)
		for _, a := range answers {
			if _, err := a.wait(t); err != nil {
				t.Errorf("answer ended with %v", err)
			}
		}
	})
}

func TestBodyPiecesOfOneTurnLeaveInOneWrite(t *testing.T) {
	ours, theirs := packets(t)
	defer theirs.Close()
	w := &fakeWorker{pid: 1, lanes: []*worker.Lane{ours}, done: make(chan struct{})}
	p := run(t, pool.Options{Loops: runLoops(t, 1), Start: starting(w)})
	defer w.end()
	a := newTaken()
	r := newRequest(a)
	r.Body = strings.NewReader(strings.Repeat("x", 1000))
	p.Do(r, nil)
	number := numbersIn(t, theirs)[0]
	want := wire.Append(nil, wire.Frame{Kind: wire.Want, Number: number, Payload: []byte{100, 0, 0, 0}})
	if _, err := theirs.Write(bytes.Repeat(want, 5)); err != nil {
		t.Fatal(err)
	}
	if got := numbersIn(t, theirs); len(got) != 5 {
		t.Errorf("%d of 5 pieces in the first write", len(got))
	}
}

// counted is an endless body that counts what is read of it.
type counted struct{ read atomic.Int64 }

func (c *counted) Read(p []byte) (int, error) {
	c.read.Add(int64(len(p)))
	return len(p), nil
}

func TestWorkerThatAsksAndDoesNotReadIsHeldBack(t *testing.T) {
	w := mute(t, 1)
	loops := runLoops(t, 1)
	p := run(t, pool.Options{Loops: loops, Start: starting(w), Grace: time.Millisecond})
	body, a := new(counted), newTaken()
	r := newRequest(a)
	r.Body = body
	p.Do(r, nil)
	frames := wire.NewReader(w.ends[0], wire.MaxControl)
	f, err := frames.Next()
	if err != nil {
		t.Fatal(err)
	}
	const piece, asked = 100_000, 1000
	for range 100 {
		w.want(0, f.Number, piece)
	}
	for range 10 {
		on(loops[0], func() {})
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for range asked - 100 {
			w.want(0, f.Number, piece)
		}
	})
	got := 0
	for range asked {
		if ahead := body.read.Load() - int64(got); ahead > 2<<20 {
			t.Fatalf("%d bytes have been read for a worker that has not read them", ahead)
		}
		f, err := frames.Next()
		if err != nil {
			t.Fatal(err)
		}
		got += len(f.Payload)
	}
	wg.Wait()
	if got != piece*asked {
		t.Errorf("the worker got %d bytes, want %d", got, piece*asked)
	}
	answerAll(w, 0, f)
	if _, err := a.wait(t); err != nil {
		t.Error(err)
	}
}

// The same, and the worker dies: what it is held back for never ends.
func TestWorkerThatDiesHeldBackIsNoticed(t *testing.T) {
	first := mute(t, 1)
	p := run(t, pool.Options{Start: starting(first, newFake(t, 2, 1, answerAll))})
	a, next := newTaken(), newTaken()
	r := newRequest(a)
	r.Body = new(counted)
	p.Do(r, nil)
	f, err := wire.NewReader(first.ends[0], wire.MaxControl).Next()
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		first.want(0, f.Number, 100_000)
	}
	first.end()
	if _, err := a.wait(t); !errors.Is(err, pool.ErrDied) {
		t.Errorf("answer ended with %v, want %v", err, pool.ErrDied)
	}
	p.Do(newRequest(next), nil)
	if _, err := next.wait(t); err != nil {
		t.Error(err)
	}
}

type brokenBody struct{}

func (brokenBody) Read([]byte) (int, error) { return 0, errTest }

func TestBodyThatCannotBeReadEndsItsRequestAlone(t *testing.T) {
	answer := make(chan struct{})
	pieces := 0
	p := run(t, pool.Options{Start: fakes(t, 1, func(w *fakeWorker, lane int, f wire.Frame) {
		switch {
		case f.Kind == wire.Request && f.Flags&wire.FlagBody != 0:
			w.want(lane, f.Number, 10)
			w.want(lane, f.Number, 10) // once more, of what has ended
		case f.Kind == wire.Request:
			answerAll(w, lane, f)
		case len(f.Payload) > 0 || f.Flags&wire.FlagEnd == 0:
			t.Errorf("Body frame of %d bytes with flags %#x, want the end", len(f.Payload), f.Flags)
		default:
			if pieces++; pieces == 2 {
				<-answer
				answerAll(w, lane, f)
			}
		}
	})})
	a := newTaken()
	p.Do(&pool.Request{Frame: wire.AppendHead(nil, wire.Request, wire.FlagBody, 1, 0, 0), Answer: a, Body: brokenBody{}}, nil)
	if _, err := a.wait(t); !errors.Is(err, errTest) {
		t.Errorf("answer ended with %v, want %v", err, errTest)
	}
	// The worker, which has not been told, answers in the end.
	close(answer)
	b := newTaken()
	p.Do(newRequest(b), nil)
	if _, err := b.wait(t); err != nil {
		t.Errorf("the request behind ended with %v", err)
	}
}

package pool_test

import (
	"encoding/binary"
	"errors"
	"log/slog"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"pasted/internal/marshal"
	"pasted/internal/pool"
	"pasted/internal/wire"
	"pasted/internal/worker"
)

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

	mu        sync.Mutex
	cancelled []uint64

	room [16][256]byte // scratch's
}

// scratch is memory for one frame on a lane.
func (w *fakeWorker) scratch(lane int) []byte { return w.room[lane][:0] }

func socketPair(t testing.TB) (a, b *net.UnixConn) {
	t.Helper()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	conns := make([]*net.UnixConn, 2)
	for i, fd := range fds {
		file := os.NewFile(uintptr(fd), "lane")
		conn, err := net.FileConn(file)
		file.Close()
		if err != nil {
			t.Fatal(err)
		}
		conns[i] = conn.(*net.UnixConn)
	}
	return conns[0], conns[1]
}

// newFake returns a worker with so many lanes that hands each frame to serve,
// one at a time for each lane.
func newFake(t testing.TB, pid, lanes int, serve func(w *fakeWorker, lane int, f wire.Frame)) *fakeWorker {
	w := &fakeWorker{pid: pid, serve: serve, done: make(chan struct{})}
	for i := range lanes {
		ours, theirs := socketPair(t)
		w.lanes = append(w.lanes, worker.NewLane(ours))
		w.ends = append(w.ends, theirs)
		w.wg.Go(func() {
			defer theirs.Close()
			frames := wire.NewReader(theirs, wire.MaxControl)
			for {
				f, err := frames.Next()
				if err != nil {
					return
				}
				select {
				case <-w.done:
					return
				default:
					w.serve(w, i, f)
				}
			}
		})
	}
	return w
}

func (w *fakeWorker) PID() int                    { return w.pid }
func (w *fakeWorker) Lanes() []*worker.Lane       { return w.lanes }
func (w *fakeWorker) Done() <-chan struct{}       { return w.done }
func (w *fakeWorker) Exit() worker.Exit           { return w.exit }
func (w *fakeWorker) Drain()                      { w.end() }
func (w *fakeWorker) Kill()                       { w.end() }
func (w *fakeWorker) send(lane int, f wire.Frame) { _, _ = w.ends[lane].Write(wire.Append(nil, f)) }
func (w *fakeWorker) Cancel(_ int, number uint64) { w.note(number) }
func (w *fakeWorker) want(lane int, number uint64, n uint32) {
	w.send(lane, wire.Frame{Kind: wire.Want, Number: number, Payload: binary.LittleEndian.AppendUint32(nil, n)})
}

func (w *fakeWorker) note(number uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cancelled = append(w.cancelled, number)
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

func (a *taken) Head(payload []byte, last bool) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.body = append(a.body, payload[len(ok):]...)
	return nil
}

func (a *taken) Data(p []byte, last bool) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.body = append(a.body, p...)
	return nil
}

func (a *taken) End(err error) {
	a.err = err
	close(a.done)
}

// wait returns the body and the error that the answer ended with.
func (a *taken) wait(t *testing.T) (string, error) {
	t.Helper()
	select {
	case <-a.done:
	case <-time.After(10 * time.Second):
		t.Fatal("no answer within 10 s")
	}
	return string(a.body), a.err
}

func newRequest(answer pool.Answer) *pool.Request {
	frame := wire.AppendHead(nil, wire.Request, 0, 0, 0, 0)
	return &pool.Request{Frame: frame, Answer: answer}
}

var quiet = slog.New(slog.DiscardHandler)

var errTest = errors.New("test error")

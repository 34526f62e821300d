package pool_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pasted/internal/board"
	"pasted/internal/h1"
	"pasted/internal/pool"
	"pasted/internal/wire"
)

// ringPages answers by the path, out of the ring.
func ringPages(t *testing.T) func(*fakeWorker, int, wire.Frame) {
	long := strings.Repeat("0123456789", 10_000)
	return func(w *fakeWorker, lane int, f wire.Frame) {
		path, _ := environOf(t, f).Get("PATH_INFO")
		r, fields := newRinger(t, w, lane, f), []string{}
		if path == "/short" {
			fields = []string{"Content-Length", "5"}
		}
		r.send(wire.Head, 0, string(head(t, "200 Fine", fields...)))
		switch path {
		case "/whole":
			_ = r.stretch(long, func(uint64) {})
			r.tell(wire.FlagEnd)
		case "/short":
			_ = r.stretch("12345678", func(uint64) {})
			r.tell(wire.FlagEnd)
		case "/found": // two pieces that no frame tells of
			_ = r.stretch("one ", r.word(ringRun).Store)
			end := r.at
			_ = r.put([]byte("two ")) && r.put([]byte("three "))
			r.send(wire.Shared, 0, string(places(r.begin, end)))
			if r.taken() && r.await("the server's sleep", func() bool { return r.word(ringAsleep).Load() == 1 }) {
				_ = r.add("four") && r.taken()
			}
			r.word(ringRun).Store(0)
			r.send(wire.End, wire.FlagEnd, "")
		case "/many":
			_ = r.open("0 ")
			for i := range 3000 {
				_ = r.add(fmt.Sprintf("%0200d ", i))
			}
			r.close(wire.FlagEnd)
		case "/mixed":
			for i := range 20 {
				_ = r.open(fmt.Sprintf("%d ", i)) && r.add("ring ") && r.add("again ")
				r.close(0)
				r.send(wire.Data, 0, "lane ")
			}
			r.send(wire.End, wire.FlagEnd, "")
		}
	}
}

func TestBodyComesOutOfTheRingOnEitherWay(t *testing.T) {
	many, mixed := new(strings.Builder), new(strings.Builder)
	many.WriteString("0 ")
	for i := range 3000 {
		fmt.Fprintf(many, "%0200d ", i)
	}
	for i := range 20 {
		fmt.Fprintf(mixed, "%d ring again lane ", i)
	}
	everyWay(t, 0, boarded(t, 2, nil, ringPages(t)), func(t *testing.T, f *front) {
		for range 5 { // more than a ring has, behind each other
			for path, want := range map[string]string{
				"/whole": strings.Repeat("0123456789", 10_000), "/short": "12345",
				"/found": "one two three four", "/many": many.String(), "/mixed": mixed.String(),
			} {
				got := ask(t, f.dial(t), "GET", "GET "+path+" HTTP/1.1\r\nHost: a\r\n\r\n")
				status, body, _ := strings.Cut(got, "] ")
				if !strings.HasPrefix(status, "200 Fine") || body != want {
					t.Errorf("%s: %s, and %d bytes that are not the %d sent", path, status, len(body), len(want))
				}
			}
		}
	})
}

// A sparing Answer takes so many pieces, and then none until it gets more portions.
type sparing struct {
	taken
	portions atomic.Int64
	refused  chan string
}

func (a *sparing) Data(p []byte, last bool, on *h1.Loop) bool {
	if a.portions.Add(-1) < 0 {
		a.portions.Store(0)
		a.refused <- string(p)
		return false
	}
	return a.taken.Data(p, last, on)
}

func newSparing(portions int64) *sparing {
	a := &sparing{taken: taken{done: make(chan struct{})}, refused: make(chan string, 10)}
	a.portions.Store(portions)
	return a
}

// TestAnswerWithoutRoomHoldsBackItsRing has an answer take the first piece of a run
// alone, while the worker goes on with that.
func TestAnswerWithoutRoomHoldsBackItsRing(t *testing.T) {
	more, put := make(chan struct{}), make(chan *ringer)
	p := run(t, pool.Options{Loops: runLoops(t, 1), Start: boarded(t, 2, nil, func(w *fakeWorker, lane int, f wire.Frame) {
		r := newRinger(t, w, lane, f)
		r.send(wire.Head, 0, string(ok))
		if lane != 0 {
			_ = r.open("beside")
			r.close(wire.FlagEnd)
			return
		}
		_ = r.stretch("one ", r.word(ringRun).Store)
		end := r.at
		_ = r.put([]byte("two "))
		r.send(wire.Shared, 0, string(places(r.begin, end)))
		<-more
		_ = r.put([]byte("three "))
		put <- r
		<-more
		_ = r.put([]byte("four"))
		r.close(wire.FlagEnd)
	})})
	slow := newSparing(1)
	r := newRequest(slow)
	p.Do(r, nil)
	if got := receive(t, slow.refused); got != "two " {
		t.Errorf("Data(%q) is refused, want what comes behind the first piece", got)
	}
	beside := newTaken()
	p.Do(newRequest(beside), nil)
	if body, err := beside.wait(t); body != "beside" || err != nil {
		t.Errorf("answer beside = %q, %v", body, err)
	}
	more <- struct{}{}
	w := receive(t, put)
	r.Resume()
	if got := receive(t, slow.refused); got != "two three " {
		t.Errorf("Data(%q) is refused, want all that is still to be taken", got)
	}
	if freed := w.word(ringFreed).Load(); freed != w.begin+4 {
		t.Errorf("freed up to %d, want %d, behind the first piece", freed, w.begin+4)
	}
	more <- struct{}{}
	slow.portions.Store(10)
	r.Resume()
	if body, err := slow.wait(t); body != "one two three four" || err != nil {
		t.Errorf("answer = %q, %v", body, err)
	}
}

// The same, of a worker that has died: its memory is there as long as its answers.
func TestRingOfADeadWorkerIsDeliveredLate(t *testing.T) {
	first := unbegun(t, 1, 1, func(w *fakeWorker, lane int, f wire.Frame) {
		r := newRinger(t, w, lane, f)
		r.send(wire.Head, 0, string(ok))
		_ = r.stretch("the whole", func(uint64) {})
		r.tell(wire.FlagEnd)
		w.end()
	}).keepBoard(t).begin()
	p := run(t, pool.Options{Start: starting(first, newFake(t, 2, 1, answerAll))})
	slow := newSparing(0)
	r := outlast(t, p, first, slow, slow.refused)
	slow.portions.Store(10)
	r.Resume()
	if body, err := slow.wait(t); body != "the whole" || err != nil {
		t.Errorf("the dead worker's answer = %q, %v", body, err)
	}
}

// TestClientThatDoesNotReadHoldsBackTheRing has more bytes than all that is between
// worker and client has room for. The client then reads them all, or leaves.
func TestClientThatDoesNotReadHoldsBackTheRing(t *testing.T) {
	const pieces, size = 2000, 5000
	progress, done := new(atomic.Int64), make(chan struct{}, 1)
	start := boarded(t, 1, nil, func(w *fakeWorker, lane int, f wire.Frame) {
		r := newRinger(t, w, lane, f)
		r.send(wire.Head, 0, string(head(t, "200 Fine")))
		for i, more := 0, r.open("0"); i < pieces && more; i++ {
			more = r.add(strings.Repeat(string(rune('a'+i%26)), size))
			progress.Add(1)
		}
		r.close(wire.FlagEnd)
		done <- struct{}{}
	})
	everyWay(t, 128<<10, start, func(t *testing.T, f *front) {
		for _, leaves := range []bool{false, true} {
			progress.Store(0)
			c := f.dial(t)
			_ = c.(*net.TCPConn).SetReadBuffer(64 << 10)
			c.SetDeadline(time.Now().Add(2 * time.Minute))
			io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
			awaitStandstill(t, progress)
			if progress.Load() == pieces {
				t.Error("the worker is not held back")
			}
			if leaves {
				c.(*net.TCPConn).SetLinger(0)
				c.Close()
			} else {
				checkPieces(t, c, pieces, size)
			}
			select {
			case <-done:
			case <-time.After(time.Minute):
				t.Fatal("the worker is held back for ever")
			}
		}
	})
}

// awaitStandstill waits until there has been some progress, and then none for a while.
// It may take a busy machine's pause for the end: then less is looked at.
func awaitStandstill(t *testing.T, progress *atomic.Int64) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for before := int64(0); before == 0 || before != progress.Load(); time.Sleep(50 * time.Millisecond) {
		if before = progress.Load(); time.Now().After(deadline) {
			t.Fatalf("no end of progress, or no beginning, within a minute: %d pieces", before)
		}
	}
}

// checkPieces reads the answer of TestClientThatDoesNotReadHoldsBackTheRing.
func checkPieces(t *testing.T, c net.Conn, pieces, size int) {
	t.Helper()
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || len(body) != 1+pieces*size {
		t.Fatalf("%d bytes, %v, want %d", len(body), err, 1+pieces*size)
	}
	for i := range pieces {
		if piece := body[1+i*size:][:size]; bytes.Count(piece, []byte{byte('a' + i%26)}) != size {
			t.Fatalf("piece %d is not what was put", i)
		}
	}
}

// ringLies are what a worker may say of its ring that is not so.
var ringLies = []struct {
	name    string
	without bool // a board
	before  bool // the answer's head
	flags   uint8
	payload []byte
}{
	{"without a ring", true, false, 0, places(board.RingSize, board.RingSize+5)},
	{"the whole without a ring", true, false, wire.FlagEnd, places(board.RingSize, board.RingSize+5)},
	{"before the head", false, true, 0, places(board.RingSize, board.RingSize+5)},
	{"the whole before the head", false, true, wire.FlagEnd, places(board.RingSize, board.RingSize+5)},
	{"that failed", false, false, wire.FlagEnd | wire.FlagFailed, places(board.RingSize, board.RingSize+5)},
	{"no places", false, false, 0, nil},
	{"half a place", false, false, 0, places(board.RingSize, board.RingSize+5)[:15]},
	{"more than places", false, false, 0, append(places(board.RingSize, board.RingSize+5), 0)},
	{"no bytes", false, false, 0, places(board.RingSize, board.RingSize)},
	{"no bytes at the end", false, false, wire.FlagEnd, places(board.RingSize, board.RingSize)},
	{"an end before the begin", false, false, 0, places(board.RingSize+5, board.RingSize)},
	{"over the ring's end", false, false, 0, places(2*board.RingSize-1, 2*board.RingSize+1)},
	{"more than the ring", false, false, wire.FlagEnd, places(board.RingSize, 2*board.RingSize+1)},
	{"all that there is", false, false, 0, places(0, math.MaxUint64)},
	{"an end that overflows", false, false, 0, places(math.MaxUint64, 3)},
}

func TestWorkerThatLiesAboutItsRingIsEnded(t *testing.T) {
	for _, lie := range ringLies {
		liars := make(chan *fakeWorker, 10)
		tell := func(w *fakeWorker, lane int, f wire.Frame) {
			if !lie.before {
				w.send(lane, wire.Frame{Kind: wire.Head, Number: f.Number, Payload: ok})
			}
			w.send(lane, wire.Frame{Kind: wire.Shared, Flags: lie.flags, Number: f.Number, Payload: lie.payload})
			liars <- w
		}
		start := boarded(t, 1, nil, tell)
		if lie.without {
			start = fakes(t, 1, tell)
		}
		t.Run(lie.name, func(t *testing.T) {
			a := newTaken()
			run(t, pool.Options{Start: start}).Do(newRequest(a), nil)
			if _, err := a.wait(t); !errors.Is(err, pool.ErrProtocol) {
				t.Errorf("the answer ended with %v, want %v", err, pool.ErrProtocol)
			}
			receive(t, receive(t, liars).done)
			everyWay(t, 0, start, func(t *testing.T, f *front) {
				got := ask(t, f.dial(t), "POST", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
				if is502 := strings.HasPrefix(got, "502 "); !is502 && (lie.before || !isBroken(got)) {
					t.Errorf("the client got %q", got)
				}
				receive(t, receive(t, liars).done)
			})
		})
	}
}

// isBroken says whether what ask has returned is of a connection that broke.
func isBroken(answer string) bool {
	return strings.HasSuffix(answer, "EOF") || strings.HasSuffix(answer, "connection reset by peer")
}

func TestDeathInTheMiddleOfARunBreaksTheConnection(t *testing.T) {
	start := boarded(t, 1, nil, func(w *fakeWorker, lane int, f wire.Frame) {
		path, _ := environOf(t, f).Get("PATH_INFO")
		r := newRinger(t, w, lane, f)
		r.send(wire.Head, 0, string(head(t, "200 Fine")))
		switch _ = r.open("one ") && r.add("two ") && r.taken(); path {
		case "/dies":
			_ = r.put([]byte("untold"))
			w.end()
		default:
			r.close(wire.FlagEnd)
		}
	})
	everyWay(t, 0, start, func(t *testing.T, f *front) {
		c := f.dial(t)
		io.WriteString(c, "GET /dies HTTP/1.1\r\nHost: a\r\n\r\n")
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			return // broken before its head had left
		}
		defer resp.Body.Close()
		if body, err := io.ReadAll(resp.Body); err == nil || !strings.HasPrefix("one two untold", string(body)) {
			t.Errorf("body %q, %v, want a broken connection", body, err)
		}
		got := ask(t, f.dial(t), "GET", "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		if !strings.HasPrefix(got, "200 Fine") || !strings.HasSuffix(got, "] one two ") {
			t.Errorf("the next answer is %q", got)
		}
	})
}

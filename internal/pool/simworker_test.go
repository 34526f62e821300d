package pool_test

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"pasted/internal/board"
	"pasted/internal/marshal"
	"pasted/internal/wire"
	"pasted/internal/worker"
)

// A fate is what the application does with a call.
type fate int

const (
	answers    fate = iota
	trickles        // answers part by part
	raises          // an exception
	hangs           // until it is told to stop
	stubborn        // does not even stop then
	dies            // with its process
	diesAtOnce      // begun, before the application is called
	diesHalf        // with a part of its answer sent
	diesAfter       // with all of it sent
	babbles         // sends what is no answer
	sticks          // holds the whole process up
)

// A simCall is the application at work.
type simCall struct {
	asked   *asked // nil: it is not
	number  uint64 // of the frame
	nth     int    // call of asked
	fate    fate
	until   time.Time     // nothing happens before
	each    time.Duration // part of a stream
	part    int
	parts   int           // of the answer
	sticks  time.Duration // see fate
	babbled bool          // has sent what is no answer
	reading bool          // waits for a piece of the body
	body    []byte        // what has been read
}

// A simWorker is a worker that time moves on.
type simWorker struct {
	s        *sim
	id, pid  int
	ours     []*worker.Lane
	theirs   []*worker.Lane
	board    *board.Board // nil: it keeps none
	words    []byte       // of the board, its own view
	serving  []simCall    // by lane
	ahead    [][]simCall  // come, and not begun
	eof      []bool
	draining bool
	gone     bool
	still    time.Time // it does nothing before
	holder   int       // the lane that holds it up; -1: it is stopped; -2: nobody knows
	done     chan struct{}
	exit     worker.Exit
	memory   worker.Memory
}

// newWorkerLocked returns the nth worker with an ID.
func (s *sim) newWorkerLocked(id, nth int) (*simWorker, error) {
	w := &simWorker{s: s, id: id, pid: 1000*(id+1) + nth, done: make(chan struct{}), memory: s.memory}
	w.exit = worker.Exit{Code: -1, Signal: unix.SIGKILL} // unless it drains
	for range s.lanes {
		fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		if err != nil {
			return nil, err
		}
		w.ours, w.theirs = append(w.ours, worker.NewLane(fds[0])), append(w.theirs, worker.NewLane(fds[1]))
	}
	w.serving, w.ahead, w.eof = make([]simCall, s.lanes), make([][]simCall, s.lanes), make([]bool, s.lanes)
	if !s.boards {
		return w, nil
	}
	var err error
	w.board, w.words, err = mappedBoard(s.lanes)
	return w, err
}

// mappedBoard returns a board as the server has it and as its worker does.
func mappedBoard(lanes int) (*board.Board, []byte, error) {
	b, file, err := board.New(lanes)
	if err != nil {
		return nil, nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, nil, err
	}
	words, err := unix.Mmap(int(file.Fd()), 0, int(info.Size()), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	return b, words, err
}

// wordOf is a word of a lane's slot: see package board.
func wordOf(words []byte, lane, index int) *atomic.Uint64 {
	return (*atomic.Uint64)(unsafe.Pointer(&words[64*(1+2*lane)+8*index]))
}

func (w *simWorker) PID() int                                         { return w.pid }
func (w *simWorker) Lanes() []*worker.Lane                            { return w.ours }
func (w *simWorker) Board() *board.Board                              { return w.board }
func (w *simWorker) Demand() (used, waited time.Duration, known bool) { return 0, 0, false }
func (w *simWorker) CPU() (time.Duration, bool)                       { return 0, true }
func (w *simWorker) Done() <-chan struct{}                            { return w.done }
func (w *simWorker) Exit() worker.Exit                                { return w.exit }
func (w *simWorker) Drain()                                           { w.s.mu.Lock(); w.draining = true; w.s.mu.Unlock() }
func (w *simWorker) Kill()                                            { w.s.mu.Lock(); w.dieLocked("is killed"); w.s.mu.Unlock() }

func (w *simWorker) Memory(bool) (worker.Memory, bool) {
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	return w.memory, true
}

func (w *simWorker) Holders([]int) ([]int, bool) {
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	switch w.holder {
	case -2:
		return nil, false
	case -1:
		return nil, true
	}
	return []int{w.holder}, true
}

// Abort ends a process that is not stopped.
func (w *simWorker) Abort() {
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	if w.holder != -1 {
		w.dieLocked("is aborted")
	}
}

func (w *simWorker) Cancel(lane int, number uint64)         { w.interrupt(lane, number) }
func (w *simWorker) Expire(lane int, number uint64, _ bool) { w.interrupt(lane, number) }

// interrupt has what hangs or trickles raise.
func (w *simWorker) interrupt(lane int, number uint64) {
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	if c := &w.serving[lane]; c.asked != nil && c.number == number && (c.fate == hangs || c.fate == trickles) {
		c.fate, c.until = raises, time.Time{}
	}
}

// crash is an end by a fault that no request has to do with.
func (w *simWorker) crash() {
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	w.dieLocked("crashes")
}

// stick has w stand still, held up by a lane: see holder.
func (w *simWorker) stickLocked(d time.Duration, holder int) {
	w.still, w.holder = time.Now().Add(d), holder
	for i := range w.serving {
		if a := w.serving[i].asked; a != nil {
			a.stood = true
		}
	}
	w.s.note("worker %d stands still for %v, holder %d", w.pid, d, holder)
}

// moves says whether there is a worker that does not stand still.
func (w *simWorker) moves() bool {
	if w == nil {
		return false
	}
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	return !w.gone && !time.Now().Before(w.still)
}

// dieLocked ends the worker with what it serves. Where it keeps no board, the
// first request of each lane may have been begun.
func (w *simWorker) dieLocked(how string) {
	if w.gone {
		return
	}
	w.gone = true
	w.s.note("worker %d %s", w.pid, how)
	w.s.workers = slices.DeleteFunc(w.s.workers, func(other *simWorker) bool { return other == w })
	for i, l := range w.theirs {
		c := w.serving[i]
		if c.asked == nil && w.board == nil {
			c, _ = w.next(i)
		}
		if c.asked != nil {
			c.asked.deaths++
		}
		if c.asked != nil && (w.board == nil || c.fate != diesAtOnce) {
			c.asked.inside++
		}
		if c.babbled { // nothing of it is believed
			for c, _ = w.next(i); c.asked != nil; c, _ = w.next(i) {
				if w.board == nil || !w.isRevoked(i, c.number) {
					c.asked.deaths++
					c.asked.inside++
				}
			}
		}
		l.Close()
	}
	if w.words != nil {
		_ = unix.Munmap(w.words)
	}
	close(w.done)
}

// tickLocked answers what is ready and begins what has come.
func (w *simWorker) tickLocked() {
	if time.Now().Before(w.still) {
		return
	}
	if w.words != nil {
		wordOf(w.words, 0, 1-8).Add(1) // the beat, in the line before the first slot
	}
	ended := true
	for i := range w.theirs {
		for w.moveLocked(i) {
		}
		if w.gone || time.Now().Before(w.still) {
			return
		}
		ended = ended && w.eof[i] && w.serving[i].asked == nil
	}
	if w.draining && ended {
		w.exit = worker.Exit{}
		w.dieLocked("has drained")
	}
}

// moveLocked does the next thing on a lane, and says whether another may follow.
func (w *simWorker) moveLocked(i int) bool {
	c := &w.serving[i]
	switch {
	case w.gone || time.Now().Before(w.still):
		return false
	case c.asked == nil:
		return w.takeLocked(i)
	case c.reading:
		return w.readLocked(i)
	case time.Now().Before(c.until):
		return false
	}
	w.goOnLocked(i)
	return true
}

// next returns what comes next on a lane, a call of nothing if nothing has.
func (w *simWorker) next(i int) (c simCall, ended bool) {
	if queue := w.ahead[i]; len(queue) > 0 {
		w.ahead[i] = queue[1:]
		return queue[0], false
	}
	f, ended := w.frame(i)
	if f.Kind == wire.Request {
		c = w.s.callOf(f)
	}
	return c, ended
}

func (w *simWorker) frame(i int) (f wire.Frame, ended bool) {
	w.theirs[i].Awake(false)
	f, err := w.theirs[i].Frames.Next()
	if err != nil {
		return wire.Frame{}, err != unix.EAGAIN
	}
	return f, false
}

// callOf returns the call that a Request frame asks for.
func (s *sim) callOf(f wire.Frame) simCall {
	value, _, _ := marshal.Decode(f.Payload, marshal.Limits{})
	environ, _ := value.(marshal.Dict)
	text, _ := environ.Get("n")
	n, err := strconv.Atoi(fmt.Sprint(text))
	if err != nil {
		panic(err)
	}
	return simCall{asked: s.asked[n], number: f.Number, parts: 1}
}

// takeLocked begins what comes next on a lane, if anything does.
func (w *simWorker) takeLocked(i int) bool {
	if w.eof[i] {
		return false
	}
	c, ended := w.next(i)
	if w.eof[i] = ended; c.asked == nil {
		return false
	}
	if w.words != nil {
		wordOf(w.words, i, 0).Store(c.number)
		if w.isRevoked(i, c.number) {
			wordOf(w.words, i, 2).Store(c.number)
			w.send(i, wire.Frame{Kind: wire.End, Flags: wire.FlagEnd | wire.FlagSkipped, Number: c.number})
			wordOf(w.words, i, 1).Store(c.number)
			return true
		}
	}
	c.nth = c.asked.calls + 1
	c.until = time.Now()
	if w.s.play == nil {
		c.until = c.until.Add(w.s.service())
	} else {
		w.s.play(w, &c)
	}
	w.serving[i] = c
	w.s.note("worker %d begins request %d as %d: %d until %v", w.pid, c.asked.n, c.number, c.fate, time.Until(c.until))
	if c.fate == diesAtOnce {
		w.dieLocked("dies before a call")
		return false
	}
	if w.words != nil {
		wordOf(w.words, i, 3).Store(c.number)
	}
	c.asked.calls++
	if c.asked.body != "" {
		w.serving[i].reading = true
		w.want(i, c.number)
	}
	if c.fate == sticks {
		w.stickLocked(c.sticks, i)
	}
	return true
}

// isRevoked says whether a request of a lane has been taken back.
func (w *simWorker) isRevoked(i int, number uint64) bool {
	return wordOf(w.words, i, 8).Load() >= number
}

func (w *simWorker) want(i int, number uint64) {
	w.send(i, wire.Frame{Kind: wire.Want, Number: number, Payload: binary.LittleEndian.AppendUint32(nil, 7)})
}

// readLocked takes a piece of the body that the lane's application has asked for.
func (w *simWorker) readLocked(i int) bool {
	c := &w.serving[i]
	f, ended := w.frame(i)
	switch {
	case f.Kind == wire.Request:
		w.ahead[i] = append(w.ahead[i], w.s.callOf(f))
	case f.Kind != wire.Body:
		if ended {
			c.reading, c.fate = false, raises
		}
		return ended
	case f.Number != c.number:
		c.asked.wrong = fmt.Sprintf("a piece for request %d and not %d", f.Number, c.number)
	default:
		c.body = append(c.body, f.Payload...)
		c.reading = f.Flags&wire.FlagEnd == 0
		switch {
		case c.reading:
			w.want(i, c.number)
		case f.Flags&wire.FlagFailed != 0:
			c.fate, c.until = raises, time.Time{}
		case string(c.body) != c.asked.body:
			c.asked.wrong = fmt.Sprintf("the application has read %q", c.body)
		}
	}
	return true
}

// goOnLocked does what the application of a lane does now.
func (w *simWorker) goOnLocked(i int) {
	c := &w.serving[i]
	switch fate := c.fate; fate {
	case dies:
		w.dieLocked("dies in a call")
	case raises:
		c.asked.raised = true
		w.endLocked(i, wire.Frame{Kind: wire.End, Flags: wire.FlagEnd | wire.FlagFailed})
	case hangs, stubborn:
		c.until = time.Now().Add(time.Hour)
	case babbles:
		w.send(i, wire.Frame{Kind: wire.Data, Number: c.number + 1000, Payload: []byte("?")})
		c.until, c.babbled = time.Now().Add(time.Hour), true
	case diesHalf:
		if w.partLocked(i, c); c.part > 1 {
			w.dieLocked("dies half-way")
		}
	case trickles:
		w.partLocked(i, c)
	default:
		if w.partLocked(i, c); fate == diesAfter {
			w.dieLocked("dies after an answer")
		}
	}
}

// partLocked sends the next part of an answer. Every other stream's end is a frame
// of its own.
func (w *simWorker) partLocked(i int, c *simCall) {
	text := fmt.Sprint(c.asked.n, c.nth, c.part, c.parts)
	f := wire.Frame{Kind: wire.Data, Payload: []byte(text)}
	if c.part == 0 {
		f = wire.Frame{Kind: wire.Head, Payload: append(ok[:len(ok):len(ok)], text...)}
	}
	c.part++
	c.until = time.Now().Add(c.each)
	apart := c.parts > 1 && c.number%2 == 0
	if c.part == c.parts && !apart {
		f.Flags = wire.FlagEnd
		w.endLocked(i, f)
		return
	}
	f.Number = c.number
	w.send(i, f)
	if c.part == c.parts {
		w.endLocked(i, wire.Frame{Kind: wire.End, Flags: wire.FlagEnd})
	}
}

// endLocked sends the last frame of an answer; one that dies after it has done no
// more.
func (w *simWorker) endLocked(i int, f wire.Frame) {
	c := w.serving[i]
	f.Number = c.number
	w.send(i, f)
	if c.fate == diesAfter && w.words != nil {
		return
	}
	if w.words != nil {
		wordOf(w.words, i, 1).Store(c.number)
	}
	w.serving[i] = simCall{}
}

func (w *simWorker) send(i int, f wire.Frame) { _, _ = w.theirs[i].Write(wire.Append(nil, f)) }

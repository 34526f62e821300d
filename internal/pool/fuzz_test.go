package pool_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pasted/internal/h1"
	"pasted/internal/pool"
	"pasted/internal/wire"
)

// A script is what a fuzzed worker, or its clients, do next: a byte at a time,
// shared by all.
type script struct {
	mu   sync.Mutex
	rest []byte
	wg   sync.WaitGroup // of who resumes
}

// next returns the next byte; ok is false at the end.
func (s *script) next() (b byte, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.rest) == 0 {
		return 0, false
	}
	b, s.rest = s.rest[0], s.rest[1:]
	return b, true
}

// serve answers a request as the script has it, and rightly when that has ended.
// A worker that has sent something which is no frame does not live on.
func (s *script) serve(w *fakeWorker, lane int, f wire.Frame) {
	if f.Kind != wire.Request {
		return
	}
	for {
		op, ok := s.next()
		switch {
		case !ok || op < 0x40:
			answerAll(w, lane, f)
			return
		case op < 0x60:
			streams(w, lane, f)
			return
		case op < 0x68:
			w.end()
			return
		case op < 0x70: // half a frame, or none
			half := wire.AppendHead(nil, wire.Data, op&7, 0, f.Number, 1000)
			_, _ = w.ends[lane].Write(half[:2*int(op&7)])
			w.end()
			return
		}
		w.send(lane, oddFrame(op, f.Number))
	}
}

// oddFrame returns the frame that op stands for: it may be right, or of another
// request, or have come at the wrong time.
func oddFrame(op byte, number uint64) wire.Frame {
	kinds := [...]wire.Kind{wire.Head, wire.Data, wire.End, wire.Want, wire.Want, wire.Data, wire.Inform, wire.Body}
	if op>>6 == 1 {
		number += uint64(op&3) - 1
	}
	f := wire.Frame{Kind: kinds[op&7], Number: number, Payload: answerPayload}
	if op&0x08 != 0 {
		f.Flags |= wire.FlagEnd
	}
	if op&0x30 == 0x30 {
		f.Flags |= wire.FlagFailed
	}
	switch f.Kind {
	case wire.Want:
		f.Payload = binary.LittleEndian.AppendUint32(nil, uint32(op))
	case wire.End:
		f.Payload = nil
	}
	return f
}

var answerPayload = append(ok[:len(ok):len(ok)], "some bytes"...)

// A judged request counts what it is told.
type judged struct {
	pool.Request
	script   *script
	ends     atomic.Int64
	inTime   bool // its Cancel
	ended    chan struct{}
	afterEnd atomic.Bool
}

func (j *judged) Head(payload []byte, _ bool, on *h1.Loop) { j.note() }

func (j *judged) Inform([]byte, *h1.Loop) { j.note() }

func (j *judged) Data(p []byte, _ bool, on *h1.Loop) bool {
	j.note()
	op, more := j.script.next()
	if !more || op&1 == 0 {
		return true
	}
	if op&2 == 0 {
		j.Resume()
	} else {
		j.script.wg.Go(j.Resume)
	}
	return false
}

func (j *judged) note() {
	if j.ends.Load() > 0 {
		j.afterEnd.Store(true)
	}
}

func (j *judged) End(error, *h1.Loop) {
	if j.ends.Add(1) == 1 {
		close(j.ended)
	}
}

// FuzzWorkersAnswers promises that, whatever a worker sends and whenever it
// dies, every request ends exactly once, and never after it was cancelled in
// time; and that the pool can be stopped.
func FuzzWorkersAnswers(f *testing.F) {
	f.Add([]byte("\x51\x90\x9b\x71"))
	f.Add([]byte{0x93, 0x93, 0x90, 0x91, 0x91, 0x03, 0x99, 0x55, 0x56, 0x9a, 0x10})
	f.Add([]byte{0x70, 0x21, 0x70, 0x30, 0x70, 0x48, 0xff, 0x61, 0x03, 0x01, 0x02})
	f.Add([]byte("\x93\x93\x90\xab\x91\x03\x99UV\x9a+"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 200 {
			return
		}
		judge(t, data)
	})
}

func judge(t *testing.T, data []byte) {
	s := &script{rest: bytes.Clone(data)} // a fake may outlive this call
	loops := runLoops(t, 2)
	var pids atomic.Int64
	kill := make(chan struct{})
	p := pool.New(pool.Options{
		Loops: loops, Size: 1, Log: quiet, Kill: kill,
		Start: func(ctx context.Context, _ int) (pool.Worker, error) {
			if pids.Add(1) > 2 { // before the pool backs off
				s.mu.Lock()
				s.rest = nil
				s.mu.Unlock()
			}
			return newFake(t, int(pids.Load()), 2, s.serve), nil
		},
	})
	p.SetPace(100 * time.Microsecond)
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = p.Run(ctx) })

	var all []*judged
	for i := range 12 {
		j := &judged{script: s, ended: make(chan struct{})}
		j.Frame, j.Answer = wire.AppendHead(nil, wire.Request, 0, 0, 0, 0), j
		if i%2 == 0 {
			j.Body = strings.NewReader("a body")
		}
		all = append(all, j)
		loop := append(loops, nil)[i%3]
		do := func() { p.Do(&j.Request, loop) }
		if i%4 == 3 {
			do = func() { p.Do(&j.Request, loop); j.inTime = p.Cancel(&j.Request, loop) }
		}
		if loop == nil {
			do()
		} else {
			on(loop, do)
		}
	}
	for _, j := range all {
		if !j.inTime {
			receive(t, j.ended)
		}
	}
	stop()
	close(kill)
	running.Wait()
	s.wg.Wait()
	for i, j := range all {
		if n := j.ends.Load(); n > 1 || n == 1 && j.inTime || j.afterEnd.Load() {
			t.Errorf("request %d ended %d times, cancelled in time: %v, told more: %v", i, n, j.inTime, j.afterEnd.Load())
		}
	}
}

package pool_test

import (
	"context"
	"encoding/binary"
	"os"
	"path/filepath"
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
	sources

	mu   sync.Mutex
	rest []byte
	wg   sync.WaitGroup // of who resumes, or closes a file
	// fakes are all the workers that there were.
	fakes []*fakeWorker
}

// sources are what fuzzed workers have open: a file of ten bytes, and what is no
// file, both below dir.
type sources struct {
	dir       string
	file, odd *os.File
}

func openSources(t testing.TB) sources {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "file")
	if err := os.WriteFile(path, []byte("0123456789"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := sources{dir: dir}
	for source, path := range map[**os.File]string{&s.file: path, &s.odd: dir} {
		file, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = file.Close() })
		*source = file
	}
	return s
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
		case !ok || op < 0x20:
			answerAll(w, lane, f)
			return
		case op < 0x40:
			if s.answerFile(w, lane, f, op) {
				return
			}
			continue
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

// answerFile sends the File frame that op stands for, and says whether it is a
// right one: else it is another request's, has no descriptor or two, or one of no
// file, or a stretch that no file has.
func (s *script) answerFile(w *fakeWorker, lane int, f wire.Frame, op byte) (right bool) {
	right = true
	file, offset := s.file, uint64(op&1)
	if op&0x04 != 0 {
		f.Number++
		right = false
	}
	if op&0x08 != 0 {
		file, right = s.odd, false
	}
	if op&0x10 != 0 {
		offset, right = 1<<63, false
	}
	var files []*os.File
	switch op & 0x03 {
	case 0:
		right = false
	case 3:
		files, right = []*os.File{file, file}, false
	default:
		files = []*os.File{file}
	}
	w.sendFile(lane, fileFrame(f, offset, 5, ok), files...)
	return right
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

// A filer is a judged request whose answer may be a file.
type filer struct{ *judged }

func (f filer) File(_ []byte, part *h1.FilePart, _ *h1.Loop) {
	f.note()
	if op, more := f.script.next(); more && op&1 != 0 {
		f.script.wg.Go(part.Close)
	} else {
		part.Close()
	}
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
// time; that the pool can be stopped; and that no descriptor of a file is left.
func FuzzWorkersAnswers(f *testing.F) {
	f.Add([]byte("\x51\x90\x9b\x71"))
	f.Add([]byte{0x93, 0x93, 0x90, 0x91, 0x91, 0x03, 0x99, 0x55, 0x56, 0x9a, 0x10})
	f.Add([]byte{0x70, 0x21, 0x70, 0x30, 0x70, 0x48, 0xff, 0x61, 0x03, 0x01, 0x02})
	f.Add([]byte("\x93\x93\x90\xab\x91\x03\x99UV\x9a+"))
	f.Add([]byte{0x21, 0x00, 0x22, 0x01, 0x9b, 0x21, 0x50, 0x21, 0x01, 0x22})
	f.Add([]byte("!\"\x01\x9b!P0\x01\"")) // files with answers close behind
	f.Add([]byte{0x20, 0x21, 0x25, 0x21, 0x29, 0x31, 0x23, 0x22, 0x23, 0x21, 0x90, 0x21, 0x64, 0x21})
	open := openSources(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 200 {
			return
		}
		judge(t, open, data)
		if n := openFiles(t, open.dir); n != 2 {
			t.Errorf("%d descriptors are open, want those of the sources", n)
		}
	})
}

func judge(t *testing.T, open sources, data []byte) {
	s := &script{sources: open, rest: data}
	loops := runLoops(t, 2)
	var pids atomic.Int64
	kill := make(chan struct{})
	p := pool.New(pool.Options{
		Loops: loops, Size: 1, Log: quiet, Kill: kill,
		Start: func(ctx context.Context, _ int) (pool.Worker, error) {
			w := newFake(t, int(pids.Add(1)), 2, s.serve)
			s.mu.Lock()
			defer s.mu.Unlock()
			s.fakes = append(s.fakes, w)
			if len(s.fakes) > 2 { // before the pool backs off
				s.rest = nil
			}
			return w, nil
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
		if i%5 != 4 { // the others know no files
			j.Answer = filer{j}
		}
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
	for _, w := range s.fakes {
		w.end()
		w.wg.Wait()
	}
	for i, j := range all {
		if n := j.ends.Load(); n > 1 || n == 1 && j.inTime || j.afterEnd.Load() {
			t.Errorf("request %d ended %d times, cancelled in time: %v, told more: %v", i, n, j.inTime, j.afterEnd.Load())
		}
	}
}

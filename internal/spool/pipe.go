package spool

import (
	"errors"
	"io"
	"os"
	"sync"
)

// keptBlocks is how many read blocks of a file wait for their next use before
// further ones are given back to the disk.
const keptBlocks = 16

// roomStep is how many bytes must have been read of a full pipe before there is
// room again: a writer that is told of each byte does nothing else.
const roomStep = 256 << 10

// A pipe is the state that both ends share. Its bytes are a queue of segments;
// the last one is always in memory, and when it is full and too many others are
// in memory too, it goes to the file.
type pipe struct {
	store *Store

	mu       sync.Mutex
	moved    sync.Cond // a byte has come, or an end was closed
	queue    []segment
	unread   int64
	inMemory int // segments
	file     *os.File
	blocks   int64   // that file has
	free     []int64 // those of them that nothing is in
	diskErr  error   // the file is not to be used any more
	writeErr error   // the writer's end is closed: what the reader gets in the end
	readErr  error   // the reader's end is closed: what the writer gets at once
	room     func()  // to be called once when unread is down to roomAt; nil: nobody waits
	roomAt   int64
}

// A segment is one chunk or, if that is nil, one block of the file.
type segment struct {
	chunk      []byte
	block      int64
	start, end int // of what is unread
}

// Pipe returns the two ends of an empty pipe. One goroutine may use each end;
// Close and CloseWithError may be called by anyone. Memory and disk are given
// back when the reader has closed its end or has been given the writer's error
// or io.EOF; so the reader must be closed or read to its end, always.
func (s *Store) Pipe() (*PipeReader, *PipeWriter) {
	p := &pipe{store: s}
	p.moved.L = &p.mu
	return &PipeReader{p}, &PipeWriter{p}
}

// A PipeWriter is where the bytes go in.
type PipeWriter struct{ p *pipe }

// Offer puts all of b into the pipe, if there is any room, and says whether it
// has. There is none while Options.Max bytes or more wait unread, or while
// memory is full, if the disk fails; b may go beyond either. Where it does not
// fit, room is called once: when there is room again or the reader's end is
// closed, by whoever saw to that; it must not block, nor use the pipe. A later
// Offer takes the place of one that still waits for room.
//
// Offer never waits for the reader. When the reader's end is closed it returns
// the error that this was given, io.ErrClosedPipe for none; io.ErrClosedPipe
// also after the writer's Close.
func (w *PipeWriter) Offer(b []byte, room func()) (ok bool, err error) { return w.p.offer(b, room) }

// Close ends the stream: the reader gets io.EOF when it has read everything.
// It never blocks, and closing again does nothing.
func (w *PipeWriter) Close() error { return w.CloseWithError(nil) }

// CloseWithError is Close with another error than io.EOF for the reader.
func (w *PipeWriter) CloseWithError(err error) error {
	if err == nil {
		err = io.EOF
	}
	p := w.p
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.writeErr == nil {
		p.writeErr = err
	}
	p.moved.Broadcast()
	return nil
}

// A PipeReader is where the bytes come out.
type PipeReader struct{ p *pipe }

// Read reads what is there, and blocks until a byte is, or an end is closed.
// After the last byte it returns the writer's error; after a Close of its own
// end, io.ErrClosedPipe.
func (r *PipeReader) Read(b []byte) (int, error) { return r.p.read(b) }

// Buffered returns how many bytes can be read without waiting.
func (r *PipeReader) Buffered() int64 {
	r.p.mu.Lock()
	defer r.p.mu.Unlock()
	return r.p.unread
}

// Close says that nobody wants the bytes: an Offer that waits for room is told,
// and what is in the pipe is dropped. It never blocks; closing again does nothing.
func (r *PipeReader) Close() error { return r.CloseWithError(nil) }

// CloseWithError is Close with another error than io.ErrClosedPipe for the
// writer.
func (r *PipeReader) CloseWithError(err error) error {
	if err == nil {
		err = io.ErrClosedPipe
	}
	p := r.p
	p.mu.Lock()
	if p.readErr == nil {
		p.readErr = err
		p.dropLocked()
	}
	p.moved.Broadcast()
	room := p.takeRoomLocked()
	p.mu.Unlock()
	if room != nil {
		room()
	}
	return nil
}

func (p *pipe) offer(b []byte, room func()) (ok bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.readErr != nil:
		return false, p.readErr
	case p.writeErr != nil:
		return false, io.ErrClosedPipe
	case len(b) == 0:
		return true, nil
	case p.unread >= p.store.max || !p.extendLocked():
		p.room, p.roomAt = room, p.unread-min(p.unread/2, roomStep)
		return false, nil
	}
	for {
		b = b[p.fillLocked(b):]
		if len(b) == 0 {
			break
		}
		if !p.extendLocked() {
			p.pushLocked(p.store.lend(true))
		}
	}
	p.room = nil
	p.moved.Broadcast()
	return true, nil
}

// fillLocked puts what fits of b into the last segment.
func (p *pipe) fillLocked(b []byte) int {
	last := &p.queue[len(p.queue)-1]
	fit := min(len(b), cap(last.chunk)-last.end)
	last.chunk = append(last.chunk, b[:fit]...)
	last.end += fit
	p.unread += int64(fit)
	return fit
}

// extendLocked sees to it that the last segment has space, and says whether it
// has.
func (p *pipe) extendLocked() bool {
	if len(p.queue) == 0 {
		p.pushLocked(p.store.lend(false))
		return true
	}
	last := &p.queue[len(p.queue)-1]
	switch {
	case last.end < cap(last.chunk):
	case cap(last.chunk) < chunkSize:
		last.chunk = p.store.grow(last.chunk)
	case p.inMemory <= p.store.memory:
		p.pushLocked(p.store.lend(true))
	default:
		return p.spillLocked(last)
	}
	return true
}

// takeRoomLocked returns what is to be called, without the lock, since there is
// room again or nobody reads any more; nil: nothing is.
func (p *pipe) takeRoomLocked() (room func()) {
	if p.room == nil || p.readErr == nil && p.unread > p.roomAt {
		return nil
	}
	room, p.room = p.room, nil
	return room
}

func (p *pipe) pushLocked(chunk []byte) {
	p.queue = append(p.queue, segment{chunk: chunk})
	p.inMemory++
}

// spillLocked writes the last segment to the file and begins another with its
// memory. It says whether it could.
func (p *pipe) spillLocked(last *segment) bool {
	if p.diskErr != nil {
		return false
	}
	block, err := p.writeBlockLocked(last.chunk)
	if err != nil {
		p.diskErr = err
		p.store.diskFailed(err)
		return false
	}
	chunk := last.chunk[:0]
	last.chunk, last.block = nil, block
	p.inMemory--
	p.pushLocked(chunk)
	return true
}

// writeBlockLocked writes chunk to a free block. The lock is held: the time is
// the page cache's, and the reader wants these very bytes.
func (p *pipe) writeBlockLocked(chunk []byte) (int64, error) {
	if p.file == nil {
		f, err := tempFile(p.store.dir)
		if err != nil {
			return 0, err
		}
		p.file = f
	}
	block := p.blocks
	if n := len(p.free); n > 0 {
		block = p.free[n-1]
	}
	if _, err := p.file.WriteAt(chunk, block*chunkSize); err != nil {
		return 0, err
	}
	if n := len(p.free); n > 0 {
		p.free = p.free[:n-1]
	} else {
		p.blocks++
	}
	return block, nil
}

func (p *pipe) read(b []byte) (int, error) {
	p.mu.Lock()
	n, err := p.readLocked(b)
	room := p.takeRoomLocked()
	p.mu.Unlock()
	if room != nil {
		room()
	}
	return n, err
}

func (p *pipe) readLocked(b []byte) (int, error) {
	for p.readErr == nil && p.unread == 0 && p.writeErr == nil && len(b) > 0 {
		p.moved.Wait()
	}
	switch {
	case p.readErr != nil:
		return 0, io.ErrClosedPipe
	case len(b) == 0:
		return 0, nil
	case p.unread == 0:
		return 0, p.writeErr
	}
	return p.takeLocked(b)
}

// takeLocked reads the segments in memory that fit in b, or from one block.
func (p *pipe) takeLocked(b []byte) (int, error) {
	if p.queue[0].chunk == nil {
		return p.takeBlockLocked(b)
	}
	n := 0
	for n < len(b) && p.unread > 0 && p.queue[0].chunk != nil {
		head := &p.queue[0]
		got := copy(b[n:], head.chunk[head.start:head.end])
		n += got
		p.consumeLocked(got)
	}
	return n, nil
}

// takeBlockLocked reads from the block that is first in the queue. Only the
// reader removes it, so the lock is given up meanwhile: a disk that must be
// waited for does not hold the writer.
func (p *pipe) takeBlockLocked(b []byte) (int, error) {
	head, file := p.queue[0], p.file
	b = b[:min(len(b), head.end-head.start)]
	p.mu.Unlock()
	n, err := file.ReadAt(b, head.block*chunkSize+int64(head.start))
	p.mu.Lock()
	switch {
	case p.readErr != nil:
		return 0, io.ErrClosedPipe
	case err == nil:
		p.consumeLocked(n)
		return n, nil
	case errors.Is(err, io.EOF):
		err = io.ErrUnexpectedEOF // somebody has cut the file
	}
	p.readErr = err
	p.dropLocked()
	return 0, err
}

// consumeLocked takes n bytes off the first segment, and the segment off the
// queue when nothing is left in it.
func (p *pipe) consumeLocked(n int) {
	head := &p.queue[0]
	head.start += n
	p.unread -= int64(n)
	if p.unread == 0 {
		// Nothing is held while nothing waits, and a stream that never
		// ends begins a new file each time.
		p.dropLocked()
		return
	}
	if head.start < head.end {
		return
	}
	if head.chunk != nil {
		p.store.takeBack(head.chunk)
		p.inMemory--
	} else {
		p.freeLocked(head.block)
	}
	p.queue[0] = segment{}
	p.queue = p.queue[1:]
}

func (p *pipe) freeLocked(block int64) {
	if len(p.free) >= keptBlocks {
		discard(p.file, block*chunkSize, chunkSize)
	}
	p.free = append(p.free, block)
}

// dropLocked gives back all that the pipe holds.
func (p *pipe) dropLocked() {
	for _, s := range p.queue {
		p.store.takeBack(s.chunk)
	}
	if p.file != nil {
		// The file has no name and its bytes are not wanted: what Close
		// might say does not matter.
		_ = p.file.Close()
	}
	clear(p.queue)
	p.queue, p.free, p.file = p.queue[:0], nil, nil
	p.unread, p.inMemory, p.blocks = 0, 0, 0
}

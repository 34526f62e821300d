package spool

import (
	"io"
	"os"
	"sync"
)

// A Body is bytes that are written once and may be read many times. One
// goroutine writes; any number may read what is there already, at the same
// time. Close may be called by anyone.
type Body struct {
	store *Store
	max   int64

	mu sync.RWMutex
	// chunks are those in memory: the first store.memory of the body, and
	// after them the last, which is being written. All but the last are full.
	chunks  [][]byte
	file    *os.File // the chunks between, spilled of them
	spilled int
	size    int64
	filling bool // the writer reads into the last chunk, without mu
	closed  bool
}

// Body returns an empty body of at most max bytes; zero: Options.Max.
func (s *Store) Body(max int64) *Body {
	if max == 0 {
		max = s.max
	}
	return &Body{store: s, max: max}
}

// Size returns how many bytes have been written.
func (b *Body) Size() int64 {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.size
}

// Bytes returns the whole body if it lies in one piece of memory (less than 32
// KiB always do). It is valid until the next Write or Close.
func (b *Body) Bytes() ([]byte, bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	switch {
	case b.closed || b.spilled > 0:
	case b.size == 0:
		return nil, true
	case b.size == int64(len(b.chunks[0])):
		return b.chunks[0], true
	}
	return nil, false
}

// Write appends p. It is ErrTooLarge, and nothing of p is kept, if the body
// would become larger than its limit; another error is the disk's.
func (b *Body) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if int64(len(p)) > b.max-b.size {
		return 0, ErrTooLarge
	}
	n := 0
	for n < len(p) {
		last, err := b.roomLocked()
		if err != nil {
			return n, err
		}
		fit := min(len(p)-n, cap(*last)-len(*last))
		*last = append(*last, p[n:n+fit]...)
		n += fit
		b.size += int64(fit)
	}
	return n, nil
}

// ReadFrom appends all that src has. It is ErrTooLarge, and src has been read
// one byte beyond, if that is more than the limit.
func (b *Body) ReadFrom(src io.Reader) (int64, error) {
	var total int64
	for {
		space, err := b.startFill()
		if err != nil {
			return total, err
		}
		n, err := 0, error(nil)
		if len(space) > 0 {
			n, err = src.Read(space)
		} else {
			var over [1]byte
			if n, err = src.Read(over[:]); n > 0 {
				n, err = 0, ErrTooLarge
			}
		}
		total += int64(n)
		if closed := b.endFill(n); closed {
			return total, ErrClosed
		}
		if err == io.EOF {
			return total, nil
		}
		if err != nil {
			return total, err
		}
	}
}

// startFill returns the space that may be filled now, none at the limit. It
// belongs to the writer until endFill, whatever others do.
func (b *Body) startFill() ([]byte, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	left := b.max - b.size
	if left == 0 && !b.closed {
		return nil, nil
	}
	last, err := b.roomLocked()
	if err != nil {
		return nil, err
	}
	b.filling = true
	space := (*last)[len(*last):cap(*last)]
	return space[:min(int64(len(space)), left)], nil
}

// endFill makes the first n bytes of the space part of the body.
func (b *Body) endFill(n int) (closed bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.filling = false
	if b.closed {
		return true
	}
	if n > 0 {
		last := &b.chunks[len(b.chunks)-1]
		*last = (*last)[:len(*last)+n]
		b.size += int64(n)
	}
	return false
}

// roomLocked returns the last chunk, with space for a byte at least.
func (b *Body) roomLocked() (*[]byte, error) {
	if b.closed {
		return nil, ErrClosed
	}
	last := len(b.chunks) - 1
	switch {
	case last < 0:
		b.chunks = append(b.chunks, b.store.lend(false))
	case len(b.chunks[last]) < cap(b.chunks[last]):
	case cap(b.chunks[last]) < chunkSize:
		b.chunks[last] = b.store.grow(b.chunks[last])
	case last < b.store.memory:
		b.chunks = append(b.chunks, b.store.lend(true))
	default:
		if err := b.spillLocked(); err != nil {
			return nil, err
		}
	}
	return &b.chunks[len(b.chunks)-1], nil
}

// spillLocked writes the last chunk, which is full, to the file and empties it.
func (b *Body) spillLocked() error {
	if b.file == nil {
		f, err := tempFile(b.store.dir)
		if err != nil {
			return err
		}
		b.file = f
	}
	last := &b.chunks[b.store.memory]
	if _, err := b.file.WriteAt(*last, int64(b.spilled)*chunkSize); err != nil {
		return err
	}
	b.spilled++
	*last = (*last)[:0]
	return nil
}

// ReadAt reads from what has been written up to now, io.EOF at its end.
func (b *Body) ReadAt(p []byte, off int64) (int, error) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if b.closed {
		return 0, ErrClosed
	}
	if off < 0 {
		return 0, os.ErrInvalid
	}
	n := 0
	for n < len(p) && off < b.size {
		got, err := b.readChunkLocked(p[n:], off)
		n += got
		off += int64(got)
		if err != nil {
			return n, err
		}
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// readChunkLocked reads one byte at least, from the one chunk or from the part
// of the file that off is in.
func (b *Body) readChunkLocked(p []byte, off int64) (int, error) {
	spillStart := int64(b.store.memory) * chunkSize
	spillEnd := spillStart + int64(b.spilled)*chunkSize
	switch {
	case off < spillStart:
		return copy(p, b.chunks[off/chunkSize][off%chunkSize:]), nil
	case off >= spillEnd:
		return copy(p, b.chunks[b.store.memory][off-spillEnd:]), nil
	}
	n, err := b.file.ReadAt(p[:min(int64(len(p)), spillEnd-off)], off-spillStart)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF // somebody has cut the file
	}
	return n, err
}

// Reader returns a reader of what has been written up to now, from the start.
// It ends with ErrClosed after Close.
func (b *Body) Reader() *io.SectionReader {
	return io.NewSectionReader(b, 0, b.Size())
}

// Close gives memory and disk back. It is the disk's error, which may be
// ignored: the file had no name. Closing again does nothing.
func (b *Body) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil
	}
	b.closed = true
	if b.filling {
		// Somebody is reading into the last chunk: it must not be lent
		// again while that lasts.
		b.chunks = b.chunks[:len(b.chunks)-1]
	}
	for _, chunk := range b.chunks {
		b.store.takeBack(chunk)
	}
	b.chunks = nil
	if b.file == nil {
		return nil
	}
	return b.file.Close()
}

// Package spool holds bytes that have arrived before somebody can take them:
// in memory first, then in a temporary file that has no name. It knows two
// ways of waiting: a Body is written wholly and then read as often as needed;
// a pipe is read while it is written. It knows nothing of HTTP, of deadlines
// or of whose bytes they are.
package spool

import (
	"errors"
	"os"
	"sync"
)

const (
	// chunkSize is the unit of memory and of the file.
	chunkSize = 32 << 10
	// smallSize is what a spool begins with, so that a client that sends a
	// few bytes and waits does not hold a whole chunk.
	smallSize = 2 << 10

	defaultMemory = 128 << 10
	defaultMax    = 1 << 30
)

// Errors of a Body.
var (
	// ErrTooLarge says that a body has more bytes than its limit.
	ErrTooLarge = errors.New("larger than its limit")
	// ErrClosed says that a body was used after its Close.
	ErrClosed = errors.New("spool closed")
)

// Options say where the bytes of one spool are kept, and how many.
type Options struct {
	// Memory is how many bytes are kept in memory before a file is used,
	// rounded up to 32 KiB; one unit more is used while writing. Zero:
	// 128 KiB. Negative: none but that unit.
	Memory int64
	// Max is the greatest size of a Body, in bytes, and how many may wait
	// unread in a pipe before it takes no more. Zero: 1 GiB.
	Max int64
	// Dir is where the files are made; empty: os.TempDir(). Where that is a
	// file system in memory, the bytes are in memory after all.
	Dir string
	// DiskFailed, if not nil, is told why a pipe can't use the disk, once a
	// pipe; the pipe goes on in memory alone. It must not block and may be
	// called by several goroutines.
	DiskFailed func(error)
}

// A Store makes spools with the same options and lends them their memory. It
// is safe for concurrent use.
type Store struct {
	memory     int // chunks
	max        int64
	dir        string
	diskFailed func(error)

	small, full sync.Pool // *[smallSize]byte, *[chunkSize]byte
}

// New returns a Store with the given options.
func New(o Options) *Store {
	s := &Store{max: o.Max, dir: o.Dir, diskFailed: o.DiskFailed}
	switch {
	case o.Memory == 0:
		s.memory = defaultMemory / chunkSize
	case o.Memory > 0:
		s.memory = int((o.Memory + chunkSize - 1) / chunkSize)
	}
	if s.max == 0 {
		s.max = defaultMax
	}
	if s.dir == "" {
		s.dir = os.TempDir()
	}
	if s.diskFailed == nil {
		s.diskFailed = func(error) {}
	}
	return s
}

// lend returns an empty chunk: a small one, or a full one.
func (s *Store) lend(full bool) []byte {
	if full {
		if p, ok := s.full.Get().(*[chunkSize]byte); ok {
			return p[:0]
		}
		return make([]byte, 0, chunkSize)
	}
	if p, ok := s.small.Get().(*[smallSize]byte); ok {
		return p[:0]
	}
	return make([]byte, 0, smallSize)
}

// takeBack takes a chunk that lend returned and that nobody uses any more.
func (s *Store) takeBack(chunk []byte) {
	switch cap(chunk) {
	case smallSize:
		s.small.Put((*[smallSize]byte)(chunk[:smallSize]))
	case chunkSize:
		s.full.Put((*[chunkSize]byte)(chunk[:chunkSize]))
	}
}

// grow returns a chunk of full size with what is in the small one.
func (s *Store) grow(small []byte) []byte {
	chunk := append(s.lend(true), small...)
	s.takeBack(small)
	return chunk
}

// tempFile opens a file that nothing will find and that is gone with its last
// descriptor.
func tempFile(dir string) (*os.File, error) {
	if f, err := namelessFile(dir); err == nil {
		return f, nil
	}
	return namedFile(dir)
}

// namedFile makes a file and removes its name at once.
func namedFile(dir string) (*os.File, error) {
	f, err := os.CreateTemp(dir, "pasted-")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

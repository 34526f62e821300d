package spool_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"testing"
	"testing/iotest"

	"pasted/internal/spool"
)

const kib = 1 << 10

func TestBodyReadsBackWhateverItsSize(t *testing.T) {
	dir := t.TempDir()
	for _, memory := range []int64{-1, 1, 64 * kib} {
		store := spool.New(spool.Options{Memory: memory, Dir: dir})
		for _, size := range []int{0, 1, 2*kib - 1, 2 * kib, 2*kib + 1, 32 * kib, 32*kib + 1, 64 * kib, 64*kib + 1, 96 * kib, 300*kib + 7} {
			want := pattern(size)
			b := store.Body(0)
			if n, err := b.ReadFrom(iotest.HalfReader(bytes.NewReader(want))); n != int64(size) || err != nil {
				t.Fatalf("ReadFrom of %d bytes = %d, %v", size, n, err)
			}
			for range 2 {
				if got, err := io.ReadAll(b.Reader()); !bytes.Equal(got, want) || err != nil {
					t.Errorf("memory %d, size %d: read %d bytes, %v", memory, size, len(got), err)
				}
			}
			if got, ok := b.Bytes(); ok != (size < 32*kib) && size != 32*kib || ok && !bytes.Equal(got, want) {
				t.Errorf("memory %d, size %d: Bytes() is %d bytes, %v", memory, size, len(got), ok)
			}
			if b.Size() != int64(size) {
				t.Errorf("Size() = %d, want %d", b.Size(), size)
			}
			if left := names(t, dir); len(left) > 0 {
				t.Errorf("%v has a name", left)
			}
			if err := b.Close(); err != nil {
				t.Error(err)
			}
		}
	}
	if n := files(t, dir); n != 0 {
		t.Errorf("%d descriptors are left", n)
	}
}

func TestBodyReadsAtAnyPlace(t *testing.T) {
	store := spool.New(spool.Options{Memory: 40 * kib, Dir: t.TempDir()})
	b := store.Body(0)
	defer b.Close()
	rng := rand.New(rand.NewPCG(1, 1))
	want := pattern(500 * kib)
	for left := want; len(left) > 0; {
		n := min(rng.IntN(50*kib), len(left))
		if _, err := b.Write(left[:n]); err != nil {
			t.Fatal(err)
		}
		left = left[n:]
	}
	for range 500 {
		off := rng.IntN(len(want) + 10)
		p := make([]byte, rng.IntN(100*kib))
		n, err := b.ReadAt(p, int64(off))
		rest := want[min(off, len(want)):]
		if n != min(len(p), len(rest)) || !bytes.Equal(p[:n], rest[:n]) || (err == io.EOF) != (n < len(p)) {
			t.Fatalf("ReadAt(%d bytes, %d) = %d, %v", len(p), off, n, err)
		}
	}
	if _, err := b.ReadAt(make([]byte, 1), -1); err == nil {
		t.Error("ReadAt(-1) is no error")
	}
}

func TestBodyHoldsItsLimit(t *testing.T) {
	store := spool.New(spool.Options{Max: 40 * kib, Dir: t.TempDir()})
	b := store.Body(0)
	defer b.Close()
	if _, err := b.Write(pattern(40 * kib)); err != nil {
		t.Errorf("as many as allowed: %v", err)
	}
	if n, err := b.Write([]byte{1}); n != 0 || !errors.Is(err, spool.ErrTooLarge) {
		t.Errorf("one too many: %d, %v", n, err)
	}
	for size, want := range map[int]error{99: nil, 100: nil, 101: spool.ErrTooLarge} {
		b := store.Body(100)
		n, err := b.ReadFrom(iotest.OneByteReader(bytes.NewReader(pattern(size))))
		if n != int64(min(size, 100)) || !errors.Is(err, want) {
			t.Errorf("ReadFrom of %d of 100 = %d, %v; want %v", size, n, err, want)
		}
		b.Close()
	}
}

func TestBodyPassesTheSourcesErrorOn(t *testing.T) {
	store := spool.New(spool.Options{})
	b := store.Body(0)
	defer b.Close()
	gone := errors.New("client gone")
	n, err := b.ReadFrom(io.MultiReader(bytes.NewReader([]byte("abc")), iotest.ErrReader(gone)))
	if n != 3 || !errors.Is(err, gone) || b.Size() != 3 {
		t.Errorf("ReadFrom = %d, %v; size %d", n, err, b.Size())
	}
}

func TestBodySaysThatTheDiskFails(t *testing.T) {
	store := spool.New(spool.Options{Memory: -1, Dir: filepath.Join(t.TempDir(), "missing")})
	b := store.Body(0)
	defer b.Close()
	if _, err := b.Write(pattern(33 * kib)); err == nil {
		t.Error("Write without a disk is no error")
	}
}

func TestClosedBodyIsRefused(t *testing.T) {
	dir := t.TempDir()
	store := spool.New(spool.Options{Memory: -1, Dir: dir})
	b := store.Body(0)
	b.Write(pattern(100 * kib))
	r := b.Reader()
	b.Close()
	b.Close()
	if _, err := r.Read(make([]byte, 1)); !errors.Is(err, spool.ErrClosed) {
		t.Errorf("Read: %v", err)
	}
	if _, err := b.Write([]byte("x")); !errors.Is(err, spool.ErrClosed) {
		t.Errorf("Write: %v", err)
	}
	if _, err := b.ReadFrom(bytes.NewReader([]byte("x"))); !errors.Is(err, spool.ErrClosed) {
		t.Errorf("ReadFrom: %v", err)
	}
	if _, ok := b.Bytes(); ok {
		t.Error("Bytes() still gives some")
	}
	if n := files(t, dir); n != 0 {
		t.Errorf("%d descriptors are left", n)
	}
}

// A source that closes the body while it is being read into must not see its
// bytes end up in the next body.
func TestMemoryInUseIsNotLentAgain(t *testing.T) {
	store := spool.New(spool.Options{})
	b := store.Body(0)
	var other *spool.Body
	src := readerFunc(func(p []byte) (int, error) {
		b.Close()
		other = store.Body(0)
		other.Write([]byte("mine"))
		return copy(p, "theirs"), nil
	})
	if _, err := b.ReadFrom(src); !errors.Is(err, spool.ErrClosed) {
		t.Errorf("ReadFrom: %v, want ErrClosed", err)
	}
	if got, _ := other.Bytes(); string(got) != "mine" {
		t.Errorf("the other body is %q", got)
	}
	other.Close()
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestBodyIsReadWhileWritten(t *testing.T) {
	store := spool.New(spool.Options{Memory: 1, Dir: t.TempDir()})
	b := store.Body(0)
	defer b.Close()
	want := pattern(400 * kib)
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			p := make([]byte, 10*kib)
			for off := 0; off < len(want); {
				n, err := b.ReadAt(p, int64(off))
				if err != nil && err != io.EOF || !bytes.Equal(p[:n], want[off:off+n]) {
					t.Errorf("ReadAt(%d) = %d, %v", off, n, err)
					return
				}
				off += n
			}
		})
	}
	for left := want; len(left) > 0; left = left[4*kib:] {
		b.Write(left[:4*kib])
	}
	wg.Wait()
}

func BenchmarkSmallBody(b *testing.B) {
	store := spool.New(spool.Options{})
	p := pattern(500)
	b.ReportAllocs()
	for b.Loop() {
		body := store.Body(0)
		body.Write(p)
		body.Close()
	}
}

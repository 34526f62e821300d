package spool_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/iotest"
	"testing/synctest"

	"pasted/internal/spool"
)

func TestPipeKeepsOrderWhateverThePace(t *testing.T) {
	dir := t.TempDir()
	for _, memory := range []int64{-1, 1, 200 * kib} {
		for seed := range uint64(4) {
			store := spool.New(spool.Options{Memory: memory, Max: 600 * kib, Dir: dir})
			want := pattern(3000*kib + int(seed))
			r, w := store.Pipe()
			var wg sync.WaitGroup
			wg.Go(func() {
				rng := rand.New(rand.NewPCG(seed, 1))
				for left := want; len(left) > 0; {
					n := min(1+rng.IntN(1<<(4+rng.IntN(14))), len(left))
					if got, err := w.Write(left[:n]); got != n || err != nil {
						t.Errorf("Write(%d bytes) = %d, %v", n, got, err)
					}
					left = left[n:]
				}
				w.Close()
			})
			rng := rand.New(rand.NewPCG(seed, 2))
			var got []byte
			for {
				p := make([]byte, 1+rng.IntN(100*kib))
				n, err := r.Read(p)
				got = append(got, p[:n]...)
				if err == io.EOF {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			wg.Wait()
			if !bytes.Equal(got, want) {
				t.Errorf("memory %d: %d bytes came out of %d, not the same", memory, len(got), len(want))
			}
			r.Close()
		}
	}
	if n := files(t, dir); n != 0 {
		t.Errorf("%d descriptors are left", n)
	}
}

func TestWriteBlocksOnlyAtTheLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := spool.New(spool.Options{Memory: -1, Max: 200 * kib, Dir: t.TempDir()})
		r, w := store.Pipe()
		if _, err := w.Write(pattern(200 * kib)); err != nil {
			t.Fatal(err)
		}
		if r.Buffered() != 200*kib {
			t.Errorf("Buffered() = %d", r.Buffered())
		}
		done := make(chan error, 1)
		go func() {
			_, err := w.Write([]byte("abc"))
			done <- err
		}()
		synctest.Wait()
		if len(done) > 0 {
			t.Error("Write beyond the limit did not block")
		}
		r.Read(make([]byte, 3))
		if err := <-done; err != nil {
			t.Errorf("Write with room again: %v", err)
		}
		r.Close()
	})
}

func TestReaderThatLeavesBreaksTheWriter(t *testing.T) {
	gone := errors.New("client gone")
	for _, c := range []struct{ give, want error }{{gone, gone}, {nil, io.ErrClosedPipe}} {
		synctest.Test(t, func(t *testing.T) {
			dir := t.TempDir()
			store := spool.New(spool.Options{Memory: -1, Max: 100 * kib, Dir: dir})
			r, w := store.Pipe()
			done := make(chan error, 1)
			go func() {
				n, err := w.Write(pattern(101 * kib))
				if n != 100*kib {
					t.Errorf("Write took %d bytes", n)
				}
				done <- err
			}()
			synctest.Wait()
			r.CloseWithError(c.give)
			r.CloseWithError(errors.New("too late"))
			if err := <-done; err != c.want {
				t.Errorf("Write that was blocked: %v, want %v", err, c.want)
			}
			if _, err := w.Write([]byte("x")); err != c.want {
				t.Errorf("Write afterwards: %v, want %v", err, c.want)
			}
			if _, err := r.Read(make([]byte, 1)); err != io.ErrClosedPipe {
				t.Errorf("Read afterwards: %v", err)
			}
			if n := files(t, dir); n != 0 {
				t.Errorf("%d descriptors are left", n)
			}
			w.Close()
		})
	}
}

func TestReadBlocksUntilThereIsSomething(t *testing.T) {
	gone := errors.New("worker gone")
	for name, c := range map[string]struct {
		do   func(*spool.PipeReader, *spool.PipeWriter)
		n    int
		want error
	}{
		"a write":         {func(r *spool.PipeReader, w *spool.PipeWriter) { w.Write([]byte("ab")) }, 2, nil},
		"the end":         {func(r *spool.PipeReader, w *spool.PipeWriter) { w.Close() }, 0, io.EOF},
		"an error":        {func(r *spool.PipeReader, w *spool.PipeWriter) { w.CloseWithError(gone) }, 0, gone},
		"its own closing": {func(r *spool.PipeReader, w *spool.PipeWriter) { r.Close() }, 0, io.ErrClosedPipe},
	} {
		synctest.Test(t, func(t *testing.T) {
			r, w := spool.New(spool.Options{}).Pipe()
			defer r.Close()
			type result struct {
				n   int
				err error
			}
			done := make(chan result, 1)
			go func() {
				n, err := r.Read(make([]byte, 10))
				done <- result{n, err}
			}()
			synctest.Wait()
			if len(done) > 0 {
				t.Errorf("%s: Read did not wait", name)
			}
			c.do(r, w)
			if got := <-done; got.n != c.n || got.err != c.want {
				t.Errorf("%s: Read = %d, %v; want %d, %v", name, got.n, got.err, c.n, c.want)
			}
		})
	}
}

func TestWritersErrorComesAfterTheBytes(t *testing.T) {
	r, w := spool.New(spool.Options{Memory: -1, Dir: t.TempDir()}).Pipe()
	defer r.Close()
	want := pattern(100 * kib)
	w.Write(want)
	gone := errors.New("worker gone")
	w.CloseWithError(gone)
	w.Close()
	if _, err := w.Write([]byte("x")); err != io.ErrClosedPipe {
		t.Errorf("Write after Close: %v", err)
	}
	got, err := io.ReadAll(r)
	if !bytes.Equal(got, want) || err != gone {
		t.Errorf("%d bytes and %v, want %d and %v", len(got), err, len(want), gone)
	}
	if n, err := r.Read(nil); n != 0 || err != nil {
		t.Errorf("Read(nil) = %d, %v", n, err)
	}
}

func TestDrainedPipeHoldsNoDescriptor(t *testing.T) {
	dir := t.TempDir()
	r, w := spool.New(spool.Options{Memory: -1, Dir: dir}).Pipe()
	defer r.Close()
	for range 3 {
		w.Write(pattern(300 * kib))
		if n := files(t, dir); n != 1 {
			t.Errorf("%d descriptors with 300 KiB waiting, want 1", n)
		}
		if left := names(t, dir); len(left) > 0 {
			t.Errorf("%v has a name", left)
		}
		if _, err := io.CopyN(io.Discard, r, 300*kib); err != nil {
			t.Error(err)
		}
		if n := files(t, dir); n != 0 {
			t.Errorf("%d descriptors with nothing waiting", n)
		}
	}
	w.Close()
}

// A stream that is always a little behind must not make a file that grows for
// as long as it lasts.
func TestEndlessStreamDoesNotFillTheDisk(t *testing.T) {
	dir := t.TempDir()
	r, w := spool.New(spool.Options{Memory: -1, Dir: dir}).Pipe()
	defer r.Close()
	w.Write(pattern(2000 * kib))
	p := make([]byte, 100*kib)
	for range 300 {
		w.Write(p)
		if _, err := io.ReadFull(r, p); err != nil {
			t.Fatal(err)
		}
	}
	if size := sizeOfFile(t, dir); size > 2300*kib {
		t.Errorf("2000 KiB wait in a file of %d KiB", size/kib)
	}
	if _, err := io.CopyN(io.Discard, r, 1900*kib); err != nil {
		t.Fatal(err)
	}
	if size := spaceOfFile(t, dir); size > 1000*kib {
		t.Errorf("100 KiB wait in %d KiB of disk", size/kib)
	}
}

func fileIn(t *testing.T, dir string) os.FileInfo {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("no /proc/self/fd to find the file in")
	}
	for _, e := range entries {
		path := filepath.Join("/proc/self/fd", e.Name())
		if to, err := os.Readlink(path); err == nil && len(to) > len(dir) && to[:len(dir)] == dir {
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			return info
		}
	}
	t.Fatal("no file is open")
	return nil
}

func sizeOfFile(t *testing.T, dir string) int64 { return fileIn(t, dir).Size() }

func TestPipeGoesOnInMemoryWhenTheDiskFails(t *testing.T) {
	var told []error
	store := spool.New(spool.Options{
		Memory:     64 * kib,
		Dir:        filepath.Join(t.TempDir(), "missing"),
		DiskFailed: func(err error) { told = append(told, err) },
	})
	r, w := store.Pipe()
	defer r.Close()
	want := pattern(1000 * kib)
	var wg sync.WaitGroup
	wg.Go(func() {
		w.Write(want)
		w.Close()
	})
	if got, err := io.ReadAll(iotest.HalfReader(r)); !bytes.Equal(got, want) || err != nil {
		t.Errorf("%d bytes and %v", len(got), err)
	}
	wg.Wait()
	if len(told) > 1 {
		t.Errorf("DiskFailed was told %d times", len(told))
	}
}

func TestDiskFailureIsToldAndBlocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told error
		store := spool.New(spool.Options{Memory: -1, Dir: "/nonexistent", DiskFailed: func(err error) { told = err }})
		r, w := store.Pipe()
		done := make(chan int, 1)
		go func() {
			n, _ := w.Write(pattern(50 * kib))
			done <- n
		}()
		synctest.Wait()
		if told == nil || len(done) > 0 {
			t.Errorf("told %v, done %d: want an error and a Write that waits", told, len(done))
		}
		r.Close()
		if n := <-done; n != 32*kib {
			t.Errorf("%d bytes were taken", n)
		}
	})
}

func BenchmarkSmallMessages(b *testing.B) {
	r, w := spool.New(spool.Options{}).Pipe()
	defer r.Close()
	p := pattern(500)
	b.ReportAllocs()
	for b.Loop() {
		w.Write(p)
		r.Read(p)
	}
}

func BenchmarkThroughTheDisk(b *testing.B) {
	r, w := spool.New(spool.Options{Memory: -1, Dir: b.TempDir()}).Pipe()
	defer r.Close()
	p := pattern(1 << 20)
	w.Write(p)
	b.SetBytes(int64(len(p)))
	for b.Loop() {
		w.Write(p)
		io.ReadFull(r, p)
	}
}

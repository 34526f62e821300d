package spool_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/iotest"
	"testing/synctest"

	"pasted/internal/spool"
)

// put offers p until there is room for it.
func put(w *spool.PipeWriter, p []byte) error {
	room := make(chan struct{}, 1)
	for {
		if ok, err := w.Offer(p, func() { room <- struct{}{} }); ok || err != nil {
			return err
		}
		<-room
	}
}

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
					if err := put(w, left[:n]); err != nil {
						t.Errorf("Offer(%d bytes): %v", n, err)
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

func TestOfferIsRefusedOnlyAtTheLimit(t *testing.T) {
	store := spool.New(spool.Options{Memory: -1, Max: 600 * kib, Dir: t.TempDir()})
	r, w := store.Pipe()
	defer r.Close()
	calls := 0
	room := func() { calls++ }
	want := pattern(900 * kib)
	for _, piece := range [][]byte{want[:599*kib], want[599*kib:]} {
		if ok, err := w.Offer(piece, room); !ok || err != nil {
			t.Fatalf("Offer(%d bytes) below the limit = %v, %v", len(piece), ok, err)
		}
	}
	if r.Buffered() != 900*kib {
		t.Errorf("Buffered() = %d", r.Buffered())
	}
	for range 2 { // the second takes the first one's place
		if ok, err := w.Offer([]byte("x"), room); ok || err != nil {
			t.Errorf("Offer() beyond the limit = %v, %v", ok, err)
		}
	}
	got := make([]byte, 900*kib)
	read := func(from, to int) {
		if _, err := io.ReadFull(r, got[from*kib:to*kib]); err != nil {
			t.Fatal(err)
		}
	}
	read(0, 64)
	if calls != 0 {
		t.Error("room was called when there was next to none")
	}
	read(64, 500)
	if calls != 1 {
		t.Errorf("room was called %d times, want 1", calls)
	}
	if ok, err := w.Offer(nil, room); !ok || err != nil {
		t.Errorf("Offer(nil) = %v, %v", ok, err)
	}
	read(500, 900)
	if calls != 1 {
		t.Errorf("room was called %d times, want 1", calls)
	}
	if !bytes.Equal(got, want) {
		t.Error("what came out is not what went in")
	}
}

func TestReaderThatLeavesBreaksTheWriter(t *testing.T) {
	gone := errors.New("client gone")
	for _, c := range []struct{ give, want error }{{gone, gone}, {nil, io.ErrClosedPipe}} {
		dir := t.TempDir()
		store := spool.New(spool.Options{Memory: -1, Max: 100 * kib, Dir: dir})
		r, w := store.Pipe()
		calls := 0
		room := func() { calls++ }
		if ok, err := w.Offer(pattern(100*kib), room); !ok || err != nil {
			t.Fatalf("Offer() = %v, %v", ok, err)
		}
		if ok, _ := w.Offer([]byte("x"), room); ok {
			t.Fatal("Offer() beyond the limit was taken")
		}
		r.CloseWithError(c.give)
		r.CloseWithError(errors.New("too late"))
		if calls != 1 {
			t.Errorf("who waited for room was told %d times, want once", calls)
		}
		if ok, err := w.Offer([]byte("x"), room); ok || err != c.want {
			t.Errorf("Offer() afterwards = %v, %v, want %v", ok, err, c.want)
		}
		if _, err := r.Read(make([]byte, 1)); err != io.ErrClosedPipe {
			t.Errorf("Read afterwards: %v", err)
		}
		if n := files(t, dir); n != 0 {
			t.Errorf("%d descriptors are left", n)
		}
		w.Close()
	}
}

func TestReadBlocksUntilThereIsSomething(t *testing.T) {
	gone := errors.New("worker gone")
	for name, c := range map[string]struct {
		do   func(*spool.PipeReader, *spool.PipeWriter)
		n    int
		want error
	}{
		"an offer":        {func(r *spool.PipeReader, w *spool.PipeWriter) { w.Offer([]byte("ab"), nil) }, 2, nil},
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
	_ = put(w, want)
	gone := errors.New("worker gone")
	w.CloseWithError(gone)
	w.Close()
	if ok, err := w.Offer([]byte("x"), nil); ok || err != io.ErrClosedPipe {
		t.Errorf("Offer() after Close = %v, %v", ok, err)
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
		_ = put(w, pattern(300*kib))
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
	_ = put(w, pattern(2000*kib))
	p := make([]byte, 100*kib)
	for range 300 {
		_ = put(w, p)
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
		for piece := range slices.Chunk(want, 10*kib) {
			if err := put(w, piece); err != nil {
				t.Error(err)
			}
		}
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

func TestDiskFailureIsToldAndLimitsAPipeToMemory(t *testing.T) {
	var told []error
	store := spool.New(spool.Options{Memory: 64 * kib, Dir: "/nonexistent", DiskFailed: func(err error) { told = append(told, err) }})
	r, w := store.Pipe()
	defer r.Close()
	rooms, taken := 0, 0
	offer := func() bool {
		ok, err := w.Offer(pattern(20*kib), func() { rooms++ })
		if err != nil {
			t.Fatal(err)
		}
		if ok {
			taken++
		}
		return ok
	}
	for taken < 100 && offer() {
	}
	if len(told) != 1 || taken < 4 || taken > 8 {
		t.Errorf("told %v, %d bytes taken: want one error, and what memory holds", told, 20*kib*taken)
	}
	if _, err := io.CopyN(io.Discard, r, r.Buffered()*3/4); err != nil {
		t.Error(err)
	}
	if rooms != 1 || !offer() {
		t.Errorf("room was called %d times and then there was none", rooms)
	}
}

func BenchmarkSmallMessages(b *testing.B) {
	r, w := spool.New(spool.Options{}).Pipe()
	defer r.Close()
	p := pattern(500)
	b.ReportAllocs()
	for b.Loop() {
		w.Offer(p, nil)
		r.Read(p)
	}
}

func BenchmarkThroughTheDisk(b *testing.B) {
	r, w := spool.New(spool.Options{Memory: -1, Dir: b.TempDir()}).Pipe()
	defer r.Close()
	p := pattern(1 << 20)
	_ = put(w, p)
	b.SetBytes(int64(len(p)))
	for b.Loop() {
		w.Offer(p, nil)
		io.ReadFull(r, p)
	}
}

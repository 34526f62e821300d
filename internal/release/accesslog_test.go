package release

import (
	"bytes"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
)

func TestTheAccessLogHasAllLinesInOrder(t *testing.T) {
	var out bytes.Buffer
	l := newAccessLog(&out, slog.New(slog.DiscardHandler))
	var running sync.WaitGroup
	running.Go(l.run)
	var want strings.Builder
	for i := range 10_000 {
		line := strings.Repeat("x", i%50) + "\n"
		want.WriteString(line)
		l.Write([]byte(line))
	}
	l.close()
	running.Wait()
	if out.String() != want.String() {
		t.Errorf("%d bytes, want %d", out.Len(), want.Len())
	}
}

func TestAnAccessLogThatNobodyReadsHoldsNobodyUp(t *testing.T) {
	r, w := io.Pipe()
	var said bytes.Buffer
	l := newAccessLog(w, slog.New(slog.NewTextHandler(&said, nil)))
	var running sync.WaitGroup
	running.Go(l.run)
	line := []byte(strings.Repeat("x", 999) + "\n")
	for range 5000 {
		l.Write(line)
	}
	l.close()
	var read bytes.Buffer
	var reading sync.WaitGroup
	reading.Go(func() { io.Copy(&read, r) })
	running.Wait()
	w.Close()
	reading.Wait()
	if n := read.Len(); n < 1<<20-1000 || n > 3<<20 || !strings.Contains(said.String(), "lines") {
		t.Errorf("%d bytes, and %q", n, said.String())
	}
}

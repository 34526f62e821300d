package h1_test

import (
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pasted/internal/h1"
)

// runLoop returns a loop that runs until the test ends.
func runLoop(t *testing.T) *h1.Loop {
	t.Helper()
	l, err := h1.NewLoop()
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(l.Run)
	t.Cleanup(func() {
		l.Close()
		running.Wait()
	})
	return l
}

// on calls f on l and waits for it.
func on(l *h1.Loop, f func()) {
	done := make(chan struct{})
	l.Post(func() {
		defer close(done)
		f()
	})
	<-done
}

type sourceFunc func(h1.Events)

func (f sourceFunc) Ready(e h1.Events) { f(e) }

type flushFunc func()

func (f flushFunc) Flush() { f() }

// await fails the test if nothing comes in time.
func await[T any](t *testing.T, c <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(time.Minute):
		t.Fatalf("%s has not come", what)
		panic("not reached")
	}
}

func TestLoopCallsASourceForWhatIsReady(t *testing.T) {
	l := runLoop(t)
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fds[0])
	heard := make(chan h1.Events, 10)
	on(l, func() {
		if err := l.Add(fds[0], sourceFunc(func(e h1.Events) { heard <- e })); err != nil {
			t.Error(err)
		}
	})
	if e := await(t, heard, "room to write"); !e.Writable() || e.Readable() {
		t.Errorf("events %#x at first, want room to write alone", e)
	}
	if _, err := unix.Write(fds[1], []byte("x")); err != nil {
		t.Fatal(err)
	}
	if e := await(t, heard, "a byte"); !e.Readable() || e.Ended() {
		t.Errorf("events %#x after a byte", e)
	}
	unix.Close(fds[1])
	if e := await(t, heard, "the end"); !e.Ended() || !e.Gone() {
		t.Errorf("events %#x at the end", e)
	}
	on(l, func() { l.Remove(fds[0]) })
}

func TestPostedRunsInOrderFromEveryGoroutine(t *testing.T) {
	l := runLoop(t)
	var got []int
	for i := range 1000 {
		l.Post(func() { got = append(got, i) })
	}
	on(l, func() {})
	for i, v := range got {
		if v != i {
			t.Fatalf("at %d: %d", i, v)
		}
	}
	if len(got) != 1000 {
		t.Errorf("%d have run, want 1000", len(got))
	}
}

func TestFlushersRunOnceWhenAllReadySourcesHave(t *testing.T) {
	l := runLoop(t)
	var order []string
	on(l, func() {
		l.AtEnd(flushFunc(func() {
			order = append(order, "flush")
			l.AtEnd(flushFunc(func() { order = append(order, "again") }))
		}))
		l.Post(func() { order = append(order, "posted") })
		order = append(order, "turn")
	})
	on(l, func() {})
	if len(order) != 4 || order[0] != "turn" || order[1] != "flush" || order[2] != "again" || order[3] != "posted" {
		t.Errorf("order %q", order)
	}
}

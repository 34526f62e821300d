package worker_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"golang.org/x/sys/unix"

	"pasted/internal/wire"
	"pasted/internal/worker"
)

// lane returns a lane and the descriptor of the other end, which does not block
// either.
func lane(t *testing.T) (*worker.Lane, int) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fds[1]) })
	return worker.NewLane(fds[0]), fds[1]
}

func write(t *testing.T, fd int, p []byte) {
	t.Helper()
	if n, err := unix.Write(fd, p); n != len(p) || err != nil {
		t.Fatalf("write = %d, %v", n, err)
	}
}

func TestLaneReadsFramesThatComeByteByByte(t *testing.T) {
	l, worker := lane(t)
	defer l.Close()
	want := bytes.Repeat([]byte("payload "), 50)
	data := wire.Append(nil, wire.Frame{Kind: wire.Head, Number: 7, Payload: want})
	for i, b := range data {
		if _, err := l.Frames.Next(); err != unix.EAGAIN {
			t.Fatalf("Next() after %d bytes of a frame: %v, want %v", i, err, unix.EAGAIN)
		}
		write(t, worker, []byte{b})
		l.Awake(false)
	}
	f, err := l.Frames.Next()
	if err != nil || f.Kind != wire.Head || f.Number != 7 || !bytes.Equal(f.Payload, want) {
		t.Errorf("Next() = %+v, %v", f, err)
	}
	if _, err := l.Frames.Next(); err != unix.EAGAIN {
		t.Errorf("Next() after the frame: %v, want %v", err, unix.EAGAIN)
	}
}

func TestLaneDoesNotAskAgainBeforeItIsAwake(t *testing.T) {
	l, worker := lane(t)
	defer l.Close()
	p := make([]byte, 10)
	write(t, worker, []byte("abc"))
	if n, err := l.Read(p); n != 3 || err != nil {
		t.Fatalf("Read() = %d, %v", n, err)
	}
	write(t, worker, []byte("d"))
	if n, err := l.Read(p); n != 0 || err != unix.EAGAIN {
		t.Errorf("Read() of an emptied lane = %d, %v, want %v", n, err, unix.EAGAIN)
	}
	l.Awake(false)
	if n, err := l.Read(p); n != 1 || err != nil {
		t.Errorf("Read() = %d, %v, want the byte that has come", n, err)
	}
}

// The kernel ends a read behind a descriptor, whatever more has come.
func TestLaneReadsOnBehindADescriptor(t *testing.T) {
	l, worker := lane(t)
	defer l.Close()
	write(t, worker, []byte("before "))
	if err := unix.Sendmsg(worker, []byte("with "), unix.UnixRights(worker), nil, 0); err != nil {
		t.Fatal(err)
	}
	write(t, worker, []byte("behind"))
	var got []byte
	p := make([]byte, 100)
	for range 3 { // without an Awake: the loop hears of all that once
		n, err := l.Read(p)
		if got = append(got, p[:n]...); err == unix.EAGAIN {
			break
		}
	}
	if string(got) != "before with behind" {
		t.Errorf("read %q", got)
	}
	fd, lost := l.TakeFile()
	if fd < 0 || lost {
		t.Fatalf("TakeFile() = %d, %v", fd, lost)
	}
	unix.Close(fd)
}

func TestLaneThatHasEndedIsReadToItsEnd(t *testing.T) {
	for name, end := range map[string]func(l *worker.Lane, fd int){
		"the worker's close":    func(_ *worker.Lane, fd int) { _ = unix.Shutdown(fd, unix.SHUT_RDWR) },
		"the worker's last":     func(_ *worker.Lane, fd int) { _ = unix.Shutdown(fd, unix.SHUT_WR) },
		"Finish":                func(l *worker.Lane, _ int) { l.Finish() },
		"CloseWrite and Finish": func(l *worker.Lane, _ int) { l.CloseWrite(); l.Finish() },
	} {
		l, worker := lane(t)
		write(t, worker, []byte("left behind"))
		end(l, worker)
		l.Awake(true)
		got, err := io.ReadAll(l)
		if string(got) != "left behind" || err != nil {
			t.Errorf("%s: read %q, %v", name, got, err)
		}
		l.Close()
	}
}

func TestLaneTakesWhatThereIsRoomFor(t *testing.T) {
	l, worker := lane(t)
	defer l.Close()
	data := make([]byte, 4<<20)
	sent, err := l.Write(data)
	if err != nil || sent == 0 || sent == len(data) {
		t.Fatalf("Write(%d bytes) = %d, %v, want a part of them", len(data), sent, err)
	}
	if n, err := l.Write(data); n != 0 || err != unix.EAGAIN {
		t.Errorf("Write() to a full lane = %d, %v, want %v", n, err, unix.EAGAIN)
	}
	got := 0
	for p := make([]byte, 64<<10); got < sent; {
		n, err := unix.Read(worker, p)
		if err != nil {
			t.Fatal(err)
		}
		got += n
	}
	if n, err := l.Write([]byte("more")); n != 4 || err != nil {
		t.Errorf("Write() with room again = %d, %v", n, err)
	}
	_ = unix.Shutdown(worker, unix.SHUT_RDWR)
	if _, err := l.Write([]byte("x")); !errors.Is(err, unix.EPIPE) {
		t.Errorf("Write() to a worker that has gone: %v, want %v", err, unix.EPIPE)
	}
}

// BenchmarkLaneRead is what an answer's bytes cost when they are taken off a lane,
// beside what a read that takes no descriptors does.
func BenchmarkLaneRead(b *testing.B) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		b.Fatal(err)
	}
	lane := worker.NewLane(fds[0])
	defer lane.Close()
	defer unix.Close(fds[1])
	answer, room := make([]byte, 200), make([]byte, 16<<10)
	for name, read := range map[string]func() (int, error){
		"lane":  func() (int, error) { lane.Awake(false); return lane.Read(room) },
		"plain": func() (int, error) { return unix.Read(fds[0], room) },
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				_, _ = unix.Write(fds[1], answer)
				if n, err := read(); n != len(answer) || err != nil {
					b.Fatal(n, err)
				}
			}
		})
	}
}

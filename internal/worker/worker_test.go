package worker_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"pasted/internal/marshal"
	"pasted/internal/wire"
	"pasted/internal/worker"
	"pasted/python"
)

// TestMain runs the tests, or, when a test has started this binary in place of
// a Python, the worker that PASTED_FAKE names.
func TestMain(m *testing.M) {
	if fake, ok := fakes[os.Getenv("PASTED_FAKE")]; ok {
		fake(newFake())
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// A fake is a worker's side of its connections.
type fake struct {
	control *net.UnixConn
	frames  *wire.Reader
}

func newFake() *fake {
	conn, err := net.FileConn(os.NewFile(3, "control"))
	if err != nil {
		panic(err)
	}
	control := conn.(*net.UnixConn)
	if _, err := io.ReadFull(control, make([]byte, len(python.Python3.Prelude()))); err != nil {
		panic(err)
	}
	f := &fake{control: control, frames: wire.NewReader(control, wire.MaxControl)}
	f.await(wire.Modules)
	f.await(wire.Load)
	return f
}

func (f *fake) await(kind wire.Kind) wire.Frame {
	frame, err := f.frames.Next()
	if err != nil {
		os.Exit(0) // the server has gone
	}
	if frame.Kind != kind {
		panic(fmt.Sprintf("frame of kind %#x, want %#x", frame.Kind, kind))
	}
	return frame
}

func (f *fake) say(kind wire.Kind, value any) {
	payload, err := marshal.Append(nil, value)
	if err != nil {
		panic(err)
	}
	_, _ = f.control.Write(wire.Append(nil, wire.Frame{Kind: kind, Payload: payload}))
}

// becomeReady says all that a good worker says until it serves.
func (f *fake) becomeReady() {
	f.say(wire.Hello, marshal.Dict{{Key: "pid", Value: os.Getpid()}})
	f.say(wire.Loaded, marshal.Dict{{Key: "seconds", Value: 0.5}})
	// The descriptors come with the heads of these frames, which this fake
	// lets go: it keeps no board and serves nothing.
	f.await(wire.Board)
	f.await(wire.Lanes)
	f.await(wire.Serve)
	f.say(wire.Ready, marshal.Dict{{Key: "threads", Value: []any{os.Getpid()}}})
}

var fakes = map[string]func(*fake){
	"good": func(f *fake) {
		f.becomeReady()
		f.await(wire.Drain)
	},
	"deaf": func(f *fake) { // to Drain and to SIGTERM
		signal.Ignore(syscall.SIGTERM)
		f.becomeReady()
		time.Sleep(time.Hour)
	},
	"promoted": bePromoted,
	"dies":     func(*fake) { os.Exit(9) },
	"hangs":    func(*fake) { time.Sleep(time.Hour) },
	"raises": func(f *fake) {
		f.say(wire.Failed, marshal.Dict{
			{Key: "stage", Value: "import"}, {Key: "class", Value: "ImportError"},
			{Key: "text", Value: "No module named 'nothing'"}, {Key: "traceback", Value: "Traceback …"},
			{Key: "cause", Value: marshal.Dict{{Key: "file", Value: "app.py"}, {Key: "line", Value: 7}, {Key: "text", Value: "import nothing"}}},
		})
		time.Sleep(time.Hour)
	},
	"babbles": func(f *fake) {
		_, _ = f.control.Write([]byte(strings.Repeat("garbage ", 100)))
		time.Sleep(time.Hour)
	},
	"boasts": func(f *fake) { // more than anyone asked for
		for range 100 {
			f.say(wire.Hello, marshal.Dict{})
		}
		time.Sleep(time.Hour)
	},
	"asks": func(f *fake) {
		f.say(wire.Resolve, marshal.Dict{{Key: "name", Value: "blog"}})
		answer := f.await(wire.Answer)
		value, _, _ := marshal.Decode(answer.Payload, marshal.Limits{})
		got, _ := value.(marshal.Dict).Get("context")
		frame := wire.Frame{Kind: wire.Log, Aux: 30, Number: 5, Payload: fmt.Append(nil, got)}
		_, _ = f.control.Write(wire.Append(nil, frame))
		f.becomeReady()
		f.await(wire.Drain)
	},
	"imports": func(f *fake) {
		f.say(wire.Imported, []any{"/app.py", "relative.py", int64(5), "/parts.py"})
		f.becomeReady()
		f.await(wire.Files)
		f.say(wire.Imported, []any{"/later.py"})
		for {
			frame, err := f.frames.Next()
			if err != nil || frame.Kind == wire.Drain {
				return
			}
		}
	},
	"invents": func(f *fake) {
		f.say(wire.Imported, marshal.Dict{{Key: "file", Value: "/app.py"}})
		time.Sleep(time.Hour)
	},
	"breeds": func(f *fake) { // leaves a process behind
		child := exec.Command("sleep", "3600")
		if err := child.Start(); err != nil {
			panic(err)
		}
		frame := wire.Frame{Kind: wire.Log, Payload: []byte(strconv.Itoa(child.Process.Pid))}
		_, _ = f.control.Write(wire.Append(nil, frame))
		f.becomeReady()
		os.Exit(3)
	},
}

// lines keeps what workers have logged.
type lines struct {
	mu  sync.Mutex
	all []string
}

func (l *lines) add(o worker.Output) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, fmt.Sprintf("%d %d %s", o.Number, o.Level, o.Text))
}

func (l *lines) get() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string(nil), l.all...)
}

func config(t *testing.T, fake string) (*worker.Config, *lines) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	log := new(lines)
	return &worker.Config{
		Python: self, Title: "test", Lanes: 1,
		Env: append(os.Environ(), "PASTED_FAKE="+fake),
		Resolve: func(q marshal.Dict) marshal.Dict {
			name, _ := q.Get("name")
			return marshal.Dict{{Key: "context", Value: name}}
		},
		Output: log.add,
		Stdout: os.Stdout, Stderr: os.Stderr,
		Log: slog.New(slog.DiscardHandler),
	}, log
}

func start(t *testing.T, fake string) (*worker.Worker, *lines) {
	t.Helper()
	cfg, log := config(t, fake)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	w, err := worker.Start(ctx, cfg, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		w.Kill()
		await(t, w)
		for _, l := range w.Lanes() {
			l.Close()
		}
	})
	return w, log
}

func await(t *testing.T, w *worker.Worker) {
	t.Helper()
	select {
	case <-w.Done():
	case <-time.After(20 * time.Second):
		t.Fatalf("process %d is still there after 20 s", w.PID())
	}
}

// gone says whether no process has this number.
func gone(pid int) bool { return errors.Is(unix.Kill(pid, 0), unix.ESRCH) }

func TestWorkerDrainsAndIsReaped(t *testing.T) {
	w, _ := start(t, "good")
	w.Drain()
	await(t, w)
	if w.Exit() != (worker.Exit{}) {
		t.Errorf("exit = %s, want status 0", w.Exit())
	}
	if !gone(w.PID()) {
		t.Errorf("process %d has not been reaped", w.PID())
	}
}

func TestDemandIsWhatTheThreadsOfTheLanesWant(t *testing.T) {
	w, _ := start(t, "good")
	if used, waited, known := w.Demand(); used <= 0 || !known {
		t.Errorf("Demand() = %v, %v, %v, want some", used, waited, known)
	}
	w.Drain()
	await(t, w)
	if used, _, known := w.Demand(); known {
		t.Errorf("Demand() = %v of a process that has gone", used)
	}
}

func TestWorkerThatDoesNotListenIsKilled(t *testing.T) {
	w, _ := start(t, "deaf")
	w.Drain()
	w.Kill()
	await(t, w)
	if want := (worker.Exit{Code: -1, Signal: syscall.SIGKILL}); w.Exit() != want {
		t.Errorf("exit = %s, want %s", w.Exit(), want)
	}
}

func TestWhatAWorkerStartedEndsWithIt(t *testing.T) {
	w, log := start(t, "breeds")
	await(t, w)
	if w.Exit().Code != 3 {
		t.Errorf("exit = %s, want status 3", w.Exit())
	}
	said := log.get()
	if len(said) != 1 {
		t.Fatalf("the worker said %q, want the number of its child", said)
	}
	child, err := strconv.Atoi(strings.Fields(said[0])[2])
	if err != nil {
		t.Fatal(err)
	}
	if !gone(child) {
		t.Errorf("process %d has outlived its worker", child)
	}
}

func TestQuestionsAreAnsweredAndLinesPassedOn(t *testing.T) {
	w, log := start(t, "asks")
	w.Drain()
	await(t, w)
	if said := fmt.Sprint(log.get()); said != "[5 30 blog]" {
		t.Errorf("log = %s, want [5 30 blog]", said)
	}
}

func TestStartSaysWhyItFailed(t *testing.T) {
	for fake, want := range map[string]string{
		"dies":    "ended before it was ready: exit status 9",
		"raises":  "ImportError: No module named 'nothing'",
		"babbles": "ended before it was ready: signal: killed",
		"boasts":  "ended before it was ready: signal: killed",
		"hangs":   "context deadline exceeded",
	} {
		cfg, _ := config(t, fake)
		limit := 20 * time.Second
		if fake == "hangs" {
			limit = 200 * time.Millisecond
		}
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		_, err := worker.Start(ctx, cfg, 0)
		cancel()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error = %v, want …%s", fake, err, want)
		}
		if n := children(t); n > 0 {
			t.Errorf("%s: %d processes are left", fake, n)
		}
	}
}

func TestLoadErrorTellsStageTracebackAndCause(t *testing.T) {
	cfg, _ := config(t, "raises")
	_, err := worker.StartTemplate(t.Context(), cfg)
	var load *worker.LoadError
	if !errors.As(err, &load) {
		t.Fatalf("error = %v, want a *LoadError", err)
	}
	want := worker.LoadError{
		Stage: "import", Class: "ImportError", Text: "No module named 'nothing'", Traceback: "Traceback …\n",
		CauseFile: "app.py", CauseLine: 7, CauseText: "import nothing",
	}
	if *load != want {
		t.Errorf("error = %+v, want %+v", *load, want)
	}
}

func TestInterpreterThatIsNotThere(t *testing.T) {
	cfg, _ := config(t, "good")
	cfg.Python = "/nonexistent/python"
	if _, err := worker.Start(t.Context(), cfg, 0); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error = %v, want %v", err, os.ErrNotExist)
	}
}

func TestNoDescriptorIsLeft(t *testing.T) {
	w, _ := start(t, "good") // opens what the runtime keeps for itself
	w.Drain()
	await(t, w)
	for _, l := range w.Lanes() {
		l.Close()
	}
	before := descriptors(t)
	for _, fake := range []string{"good", "dies", "raises"} {
		cfg, _ := config(t, fake)
		w, err := worker.Start(t.Context(), cfg, 0)
		if err != nil {
			continue
		}
		w.Kill()
		await(t, w)
		for _, l := range w.Lanes() {
			l.Close()
		}
	}
	if after := descriptors(t); after > before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}

func descriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("no /proc: ", err)
	}
	return len(entries)
}

// children returns how many processes are children of this one.
func children(t *testing.T) int {
	t.Helper()
	n := 0
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Skip("no /proc: ", err)
	}
	for _, task := range tasks {
		list, err := os.ReadFile("/proc/self/task/" + task.Name() + "/children")
		if err == nil {
			n += len(strings.Fields(string(list)))
		}
	}
	return n
}

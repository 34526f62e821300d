package interpreter_test

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"pasted/internal/interpreter"
	"pasted/internal/marshal"
)

func TestInspectRefusesWhatIsNoInterpreter(t *testing.T) {
	const no = ": want a Python interpreter"
	tests := []struct {
		name    string
		program string
		want    string
		hint    string
		output  string
	}{
		{name: "it ends with an error", program: "#!/bin/sh\necho usage: x y >&2; echo more >&2; exit 2\n",
			want: "ended with exit status 2 when asked for its version (usage: x y)" + no, output: "usage: x y\nmore\n"},
		{name: "it ends without a word", program: "#!/bin/sh\nexit 1\n",
			want: "ended with exit status 1 when asked for its version" + no},
		{name: "it repeats what it is asked, and fails", program: "#!/bin/sh\necho \"no such file: $*\"; exit 2\n",
			want: "ended with exit status 2 when asked for its version" + no},
		{name: "it repeats what it is asked", program: "#!/bin/sh\necho \"$@\"\n",
			want: "gives no answer when asked for its version" + no},
		{name: "it ends well, but does not answer", program: "#!/bin/sh\necho Python 3.11\n",
			want: "gives no answer when asked for its version" + no, output: "Python 3.11\n"},
		{name: "it is killed", program: "#!/bin/sh\nkill -9 $$\n",
			want: "ended with signal: killed when asked for its version" + no},
		{name: "it babbles on the descriptor", program: "#!/bin/sh\nyes >&3\n",
			want: "gives no answer when asked for its version" + no},
		{name: "it babbles without a new line", program: "#!/bin/sh\ntr '\\0' x </dev/zero >&3\n",
			want: "gives no answer when asked for its version" + no},
		{name: "it promises more than it gives", program: "#!/bin/sh\necho pasted 100 >&3; echo x >&3\n",
			want: "gives no answer when asked for its version" + no},
		{name: "it promises too much", program: "#!/bin/sh\necho pasted 99999999999 >&3; sleep 60\n",
			want: "gives no answer when asked for its version" + no},
		{name: "it answers something else", program: "#!/bin/sh\necho pasted 4 >&3; echo nopes >&3\n",
			want: "gives no answer when asked for its version" + no},
		{name: "it closes the descriptor and goes on", program: "#!/bin/sh\nexec 3>&-; sleep 60\n",
			want: "no answer within 300ms" + no, hint: "a sitecustomize.py or a .pth file may hang, or this is another program"},
		{name: "it hangs", program: "#!/bin/sh\necho waiting; sleep 60\n",
			want: "no answer within 3s" + no, hint: "a sitecustomize.py or a .pth file may hang, or this is another program",
			output: "waiting\n"},
		{name: "it babbles for ever", program: "#!/bin/sh\nwhile :; do echo y; done\n",
			want: "no answer within 3s" + no, hint: "a sitecustomize.py or a .pth file may hang, or this is another program",
			output: strings.Repeat("y\n", 4095)},
		{name: "its first line names nothing", program: "#!/opt/gone/bin/python\n",
			want: "the program that its first line names, or its loader, is not there" + no,
			hint: "it may come from another place or machine: make the virtual environment anew"},
		{name: "it is no program", program: "#\x00",
			want: "not a program of this machine" + no},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			// Written before another test forks, which would keep it open for writing.
			path := filepath.Join(t.TempDir(), "python")
			if err := os.WriteFile(path, []byte(test.program), 0o755); err != nil {
				t.Fatal(err)
			}
			t.Parallel()
			if test.hint == "" {
				test.hint = "choose another: python = /path/to/python3"
			}
			timeout := time.Minute
			if _, within, ok := strings.Cut(strings.TrimSuffix(test.want, no), "no answer within "); ok {
				timeout, _ = time.ParseDuration(within) // enough for it to have said what it says
			}
			_, err := interpreter.Inspect(context.Background(), path, interpreter.Options{Timeout: timeout})
			var refused *interpreter.Error
			if !errors.As(err, &refused) {
				t.Fatalf("Inspect() = %v, want an *Error", err)
			}
			if err.Error() != path+": "+test.want || refused.Hint != test.hint || refused.Output != test.output {
				t.Errorf("Inspect():\n got %s\n     %s\n     %q\nwant %s\n     %s\n     %q",
					err, refused.Hint, refused.Output, path+": "+test.want, test.hint, test.output)
			}
		})
	}
}

func TestInspectRefusesWhatCannotBeStarted(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"text": "x"})
	for name, want := range map[string]string{
		"none": "no such file or directory: want a Python interpreter",
		"text": "permission denied: want a Python interpreter",
		".":    "permission denied: want a Python interpreter",
	} {
		path := dir + "/" + name
		_, err := interpreter.Inspect(context.Background(), path, interpreter.Options{})
		if err == nil || err.Error() != path+": "+want {
			t.Errorf("Inspect(%s) = %v, want %s", name, err, want)
		}
	}
	_, err := interpreter.Inspect(context.Background(), "/bin/sh", interpreter.Options{Dir: dir + "/none"})
	if want := "/bin/sh: cannot be started in " + dir + "/none: no such file or directory"; err == nil || err.Error() != want {
		t.Errorf("Inspect() in a directory that is not there = %v, want %s", err, want)
	}
}

// answering writes a program that gives the answer of a Python of that version.
func answering(t *testing.T, version ...any) string {
	t.Helper()
	answer, err := marshal.Append(nil, marshal.Tuple{
		marshal.Tuple(version), "fake", "/fake", "/", "/", []any{},
	})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write(t, dir, map[string]string{
		"answer": "pasted " + strconv.Itoa(len(answer)) + "\n" + string(answer),
		"python": "#!/bin/sh\ncat " + dir + "/answer >&3\n",
	})
	return dir + "/python"
}

func TestInspectRefusesAnOldPython(t *testing.T) {
	for _, test := range []struct {
		version []any
		want    string
	}{
		{[]any{2, 6, 9}, "is Python 2.6.9: want 3.6 or later, or 2.7"},
		{[]any{2, 7, 18}, ""},
		{[]any{3, 0, 1}, "is Python 3.0.1: want 3.6 or later, or 2.7"},
		{[]any{3, 5, 10}, "is Python 3.5.10: want 3.6 or later, or 2.7"},
		{[]any{3, 6, 0}, ""},
		{[]any{3, 100, 0}, ""},
		{[]any{4, 0, 0}, ""},
	} {
		path := answering(t, test.version...)
		_, err := interpreter.Inspect(context.Background(), path, interpreter.Options{})
		got := ""
		if err != nil {
			got = strings.TrimPrefix(err.Error(), path+": ")
		}
		if got != test.want {
			t.Errorf("%v: %q, want %q", test.version, got, test.want)
		}
	}
}

func TestPython2SaysWhatItIs(t *testing.T) {
	for _, path := range candidates("2.7") {
		if exec.Command(path, "-c", "").Run() != nil {
			continue
		}
		got, err := interpreter.Inspect(context.Background(), path, interpreter.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if !got.Version.AtLeast(2, 7) || got.Version.Major != 2 || got.Implementation == "" || len(got.SysPath) == 0 {
			t.Errorf("Inspect(%s) = %+v", path, got)
		}
		return
	}
	t.Skip("no Python 2.7 on the PATH or under pyenv")
}

func TestNoiseDoesNotDisturb(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"site/sitecustomize.py": `
import os, subprocess, sys, threading
print("hello from sitecustomize")
sys.stderr.write("and on stderr\n")
os.write(1, b"pasted 3\nxyz")
subprocess.Popen(["sleep", "60"], close_fds=False)  # holds every descriptor
threading.Thread(target=threading.Event().wait).start()  # would keep Python from ending
sys.path.append(type("odd", (str,), {})("/odd"))
sys.path.append(None)
sys.path.append(7)
sys.executable = None
`})
	eachPython(t, func(t *testing.T, python string, _ int) {
		i := inspect(t, python, interpreter.Options{Env: []string{"PYTHONPATH=" + dir + "/site"}})
		if !strings.Contains(i.Output, "hello from sitecustomize\n") || !strings.Contains(i.Output, "and on stderr\n") {
			t.Errorf("Output = %q, want what sitecustomize prints", i.Output)
		}
		if i.Executable != python || i.SysPath[len(i.SysPath)-1] != "/odd" {
			t.Errorf("Executable = %s, SysPath = %q, want %s and /odd last", i.Executable, i.SysPath, python)
		}
	})
}

func TestBrokenLibraryIsNamed(t *testing.T) {
	eachPython(t, func(t *testing.T, python string, _ int) {
		_, err := interpreter.Inspect(context.Background(), python, interpreter.Options{
			Env: append(environ(), "PYTHONHOME=/nowhere"),
		})
		var refused *interpreter.Error
		if !errors.As(err, &refused) || !strings.Contains(err.Error(), "No module named 'encodings'") || refused.Hint == "" {
			t.Errorf("Inspect() = %v, %+v, want No module named 'encodings' and a hint", err, refused)
		}
	})
}

// TestNothingIsLeftRunning waits on the open end of a pipe that only the
// program and its children hold. Where there is no answer, nobody waits for more
// than the children.
func TestNothingIsLeftRunning(t *testing.T) {
	for _, program := range []string{
		"#!/bin/sh\nsleep 60 &\necho >&4\nsleep 60\n",
		"#!/bin/sh\nsleep 60 &\necho >&4\nexit 3\n",
		"#!/bin/sh\nsleep 60 &\ncat $ANSWER >&3\n",
	} {
		dir := t.TempDir()
		fifo := dir + "/fifo"
		if err := syscall.Mkfifo(fifo, 0o600); err != nil {
			t.Fatal(err)
		}
		program = strings.Replace(program, "\n", "\nexec 4>"+fifo+"\n", 1)
		write(t, dir, map[string]string{"python": program})
		ctx, end := context.WithCancel(context.Background())
		defer end()
		ended := make(chan error, 1)
		go func() {
			pipe, err := os.Open(fifo) // waits for the program
			if err == nil {
				defer pipe.Close()
				if n, _ := pipe.Read(make([]byte, 1)); n > 0 {
					end()
				}
				_, err = io.Copy(io.Discard, pipe)
			}
			ended <- err
		}()
		answer := filepath.Dir(answering(t, 3, 11, 2)) + "/answer"
		_, err := interpreter.Inspect(ctx, dir+"/python", interpreter.Options{
			Timeout: time.Minute, Env: append(os.Environ(), "ANSWER="+answer),
		})
		t.Log(err)
		select {
		case <-ended:
		case <-time.After(30 * time.Second):
			t.Errorf("%q: its child still runs", program)
		}
	}
}

func TestInspectEndsWithItsContext(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"python": "#!/bin/sh\nsleep 60\n"})
	why := errors.New("interrupted")
	ctx, cancel := context.WithCancelCause(context.Background())
	time.AfterFunc(50*time.Millisecond, func() { cancel(why) })
	_, err := interpreter.Inspect(ctx, dir+"/python", interpreter.Options{})
	if !errors.Is(err, why) {
		t.Errorf("Inspect() = %v, want %v", err, why)
	}
	if _, _, err := interpreter.Find(ctx, interpreter.FindOptions{}); !errors.Is(err, why) {
		t.Errorf("Find() = %v, want %v", err, why)
	}
}

package interpreter

import (
	"bufio"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"pasted/internal/marshal"
)

//go:embed ask.py
var script string

// Options say how the workers' interpreter will be started, so that the
// inspected search path is theirs. The zero value starts it as a shell would.
type Options struct {
	// Path has absolute directories for the front of sys.path, PathEnd those
	// for its end, where one that is there already is left out.
	Path, PathEnd []string
	Dir           string        // working directory; empty: our own
	Env           []string      // as in os/exec; nil: our own
	Timeout       time.Duration // for the interpreter to answer; zero: 30 s
}

// errTimeout is why Inspect ends an interpreter.
var errTimeout = errors.New("no answer in time")

// Inspect starts the interpreter at path, asks it what it is, and reads what is
// installed on its search path. No process of its group is left when it returns.
// The error is an *Error, or wraps ctx's cause if ctx has ended.
func Inspect(ctx context.Context, path string, options Options) (*Interpreter, error) {
	i, err := ask(ctx, path, options)
	if err != nil {
		return nil, err
	}
	for n, entry := range i.SysPath {
		i.SysPath[n] = absolute(entry, options.Dir)
	}
	i.scan()
	return i, nil
}

// absolute returns an entry of sys.path of a process with that working
// directory.
func absolute(entry, dir string) string {
	if filepath.IsAbs(entry) {
		return entry
	}
	if abs, err := filepath.Abs(filepath.Join(dir, entry)); err == nil {
		return abs
	}
	return entry
}

// ask returns what the interpreter says of itself.
func ask(ctx context.Context, path string, options Options) (*Interpreter, error) {
	timeout := options.Timeout
	if timeout == 0 {
		timeout = 30 * time.Second
	}
	asking, cancel := context.WithTimeoutCause(ctx, timeout, errTimeout)
	defer cancel()
	var output tail
	answer, err := run(asking, command(asking, path, options, &output))
	var i *Interpreter
	if err == nil {
		i, err = decode(answer)
	}
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("ask %s what it is: %w", path, context.Cause(ctx))
	case err != nil:
		return nil, explain(path, options.Dir, err, timeout, output.String())
	case !i.Version.Supported():
		return nil, tooOld(path, i.Version)
	}
	i.Path, i.Output = path, output.String()
	if !filepath.IsAbs(i.Executable) {
		i.Executable = path // embedded Pythons do not know theirs
	}
	return i, nil
}

// command returns the process that runs the script. It answers on descriptor 3.
func command(ctx context.Context, path string, options Options, output io.Writer) *exec.Cmd {
	args := slices.Concat([]string{"-c", script, "3", strconv.Itoa(len(options.Path))}, options.Path, options.PathEnd)
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir, cmd.Env = options.Dir, options.Env
	cmd.Stdout, cmd.Stderr = output, output
	cmd.SysProcAttr = processAttr()
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 500 * time.Millisecond // for a daemon that holds its output
	return cmd
}

// run runs cmd and returns its answer. The errors: what Start says; an
// *exec.ExitError if it ended without an answer; else what is wrong with the
// answer.
func run(ctx context.Context, cmd *exec.Cmd) ([]byte, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	cmd.ExtraFiles = []*os.File{w}
	// The process ends with the thread that starts it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err = cmd.Start()
	w.Close()
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { r.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	answer, err := readAnswer(r)
	if !errors.Is(err, io.EOF) {
		_ = cmd.Cancel() // it has answered, or is no interpreter
	}
	waitErr := cmd.Wait()
	_ = cmd.Cancel() // what is left of its group
	switch {
	case ctx.Err() != nil && err != nil:
		return nil, context.Cause(ctx)
	case errors.Is(err, io.EOF) && waitErr != nil:
		return nil, waitErr
	}
	return answer, err
}

// answerMost bounds an answer, in bytes: a search path has some hundred.
const answerMost = 16 << 20

// errNonsense says that what came is not an answer of the script.
var errNonsense = errors.New("not what was asked for")

// readAnswer reads one answer. It does not wait for the stream's end, which
// comes only when the last of the interpreter's children has ended. The error
// is io.EOF if nothing came.
func readAnswer(src io.Reader) ([]byte, error) {
	r := bufio.NewReader(io.LimitReader(src, answerMost))
	head, err := r.ReadSlice('\n')
	if err != nil && len(head) == 0 {
		return nil, err
	}
	length, ok := strings.CutPrefix(strings.TrimSuffix(string(head), "\n"), "pasted ")
	n, err := strconv.ParseUint(length, 10, 24)
	if !ok || err != nil {
		return nil, errNonsense
	}
	answer := make([]byte, n)
	if _, err := io.ReadFull(r, answer); err != nil {
		return nil, errNonsense
	}
	return answer, nil
}

// decode reads the value that the script writes.
func decode(answer []byte) (*Interpreter, error) {
	value, rest, err := marshal.Decode(answer, marshal.Limits{Depth: 4, Size: answerMost})
	fields, ok := value.(marshal.Tuple)
	if err != nil || len(rest) > 0 || !ok || len(fields) != 6 {
		return nil, errNonsense
	}
	version, ok1 := fields[0].(marshal.Tuple)
	path, ok2 := fields[5].([]any)
	if !ok1 || !ok2 || len(version) != 3 {
		return nil, errNonsense
	}
	i := &Interpreter{
		Version:        Version{number(version[0]), number(version[1]), number(version[2])},
		Implementation: text(fields[1]),
		Executable:     text(fields[2]),
		Prefix:         text(fields[3]),
		BasePrefix:     text(fields[4]),
	}
	for _, entry := range path {
		if s := text(entry); s != "" {
			i.SysPath = append(i.SysPath, s)
		}
	}
	return i, nil
}

func number(value any) int {
	n, _ := value.(int64)
	return int(n)
}

// text returns a str, which is bytes in Python 2.
func text(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case []byte:
		return string(v)
	}
	return ""
}

// anotherHint is for what will not do, whatever is done to it.
const anotherHint = "choose another: python = /path/to/python3"

// explain returns the error for an interpreter that gave no answer.
func explain(path, dir string, err error, timeout time.Duration, output string) *Error {
	if repeats(output) {
		output = ""
	}
	e := &Error{What: path, Output: output, Err: err}
	var exit *exec.ExitError
	var system *fs.PathError
	switch {
	case errors.Is(err, errTimeout):
		e.Message = fmt.Sprintf("no answer within %v: want a Python interpreter", timeout)
		e.Hint = "a sitecustomize.py or a .pth file may hang, or this is another program"
	case errors.As(err, &exit):
		e.Message = fmt.Sprintf("ended with %v when asked for its version: want a Python interpreter", exit)
		if output != "" {
			e.Message = fmt.Sprintf("ended with %v when asked for its version (%s): want a Python interpreter", exit, reason(output))
		}
		if strings.Contains(output, "No module named 'encodings'") {
			e.Hint = "it does not find its own library: look at PYTHONHOME"
		}
	case errors.Is(err, errNonsense), errors.Is(err, io.EOF):
		e.Message = "gives no answer when asked for its version: want a Python interpreter"
	case errors.As(err, &system):
		e.Message, e.Hint = unstartable(path, dir, err)
	default:
		e.Message = err.Error()
	}
	if e.Hint == "" {
		e.Hint = anotherHint
	}
	return e
}

// repeats says whether a program's output has the question in it: it is about what
// another program does not understand of it, or has made of it.
func repeats(output string) bool {
	first, _, _ := strings.Cut(script, "\n")
	return strings.Contains(output, first)
}

// unstartable says why the operating system does not start path in dir.
func unstartable(path, dir string, err error) (message, hint string) {
	if _, dirErr := os.Stat(dir); dir != "" && dirErr != nil {
		return fmt.Sprintf("cannot be started in %s: %v", dir, cause(dirErr)), "chdir names a directory that is there"
	}
	_, fileErr := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && fileErr == nil:
		return "the program that its first line names, or its loader, is not there: want a Python interpreter",
			"it may come from another place or machine: make the virtual environment anew"
	case errors.Is(err, syscall.ENOEXEC):
		return "not a program of this machine: want a Python interpreter", ""
	}
	return fmt.Sprintf("%v: want a Python interpreter", cause(err)), ""
}

// cause returns the error without the operation and the path around it.
func cause(err error) error {
	var system *fs.PathError
	if errors.As(err, &system) {
		return system.Err
	}
	return err
}

func tooOld(path string, v Version) *Error {
	return &Error{
		What:    path,
		Message: fmt.Sprintf("is Python %v: want 3.6 or later, or 2.7", v),
		Hint:    anotherHint,
	}
}

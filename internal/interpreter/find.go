package interpreter

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// FindOptions say where to look. The zero value looks for python3 on the PATH
// and in the working directory's virtual environments.
type FindOptions struct {
	// Python is the text of the option `python`: a path, which starts from
	// FileDir unless it is absolute or begins with "~/"; a command on the
	// PATH, if it has no slash; or the directory of a virtual environment.
	// Empty: not given.
	Python string
	// FileDir is the directory of the PasteDeploy file.
	FileDir string
	// Getenv looks a variable up, of PATH, HOME and VIRTUAL_ENV; nil: os.Getenv.
	Getenv func(name string) string
}

// Find returns the path of the interpreter that is meant, and in a few words
// why that one: what Python says, or else .venv or venv beside the file, or
// else $VIRTUAL_ENV, or else python3 on the PATH. A virtual environment that is
// there but broken is an error: the next in the row would lack what is
// installed in it. The path is absolute if FileDir is, its symbolic links are
// left alone, and whether it is a Python is left to Inspect. The error is an
// *Error, or ctx's cause if ctx has ended.
func Find(ctx context.Context, options FindOptions) (path, why string, err error) {
	if ctx.Err() != nil {
		return "", "", context.Cause(ctx)
	}
	f := finder{options}
	if f.Getenv == nil {
		f.Getenv = os.Getenv
	}
	if f.Python != "" {
		path, err = f.named()
		return path, "python = " + f.Python, withHint(err, optionHint)
	}
	for _, name := range []string{".venv", "venv"} {
		if dir := filepath.Join(f.FileDir, name); isEnvironment(dir) {
			path, err = environment(dir, dir)
			return path, name + " beside the file", err
		}
	}
	if dir := f.Getenv("VIRTUAL_ENV"); dir != "" {
		path, err = environment(dir, fmt.Sprintf("VIRTUAL_ENV = %q", dir))
		return path, "$VIRTUAL_ENV", withHint(err, "unset VIRTUAL_ENV, or activate another environment")
	}
	path, err = f.lookPath("python3", "python3")
	return path, "python3 on the PATH", withHint(err, "install Python 3, or say where it is: python = /path/to/python")
}

// optionHint says what the option may be.
const optionHint = "python = takes the path of an interpreter, the directory of a virtual environment, or a command on the PATH"

type finder struct{ FindOptions }

// named returns the interpreter that the option names.
func (f *finder) named() (string, error) {
	what := fmt.Sprintf("python = %q", f.Python)
	path := f.Python
	if rest, ok := strings.CutPrefix(path, "~/"); ok {
		path = filepath.Join(f.Getenv("HOME"), rest)
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(f.FileDir, path)
	}
	if !strings.Contains(f.Python, "/") && !isEnvironment(path) {
		return f.command(what, path)
	}
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return environment(path, what)
	case err == nil && info.Mode()&0o111 == 0:
		return "", &Error{What: what, Message: path + " is not executable: want a Python interpreter"}
	case err != nil:
		return "", absent(what, path, err)
	}
	return path, nil
}

// command finds the option's text on the PATH; beside is the file of that name
// in the file's directory.
func (f *finder) command(what, beside string) (string, error) {
	path, err := f.lookPath(f.Python, what)
	if err == nil {
		return path, nil
	}
	if _, statErr := os.Stat(beside); statErr == nil {
		return "", withHint(err, "for the one beside the file, write python = ./"+f.Python)
	}
	return "", withHint(err, "install it, or write its path")
}

// lookPath finds an executable on the PATH. Relative directories there are
// passed over, as os/exec does.
func (f *finder) lookPath(name, what string) (string, error) {
	for _, dir := range filepath.SplitList(f.Getenv("PATH")) {
		path := filepath.Join(dir, name)
		if filepath.IsAbs(dir) && isExecutable(path) {
			return path, nil
		}
	}
	return "", &Error{What: what, Message: "not on the PATH: want a Python interpreter"}
}

// isEnvironment says whether dir is, or was once, a virtual environment.
func isEnvironment(dir string) bool {
	for _, name := range []string{"pyvenv.cfg", "bin/python", "bin/python3"} {
		if info, err := os.Lstat(filepath.Join(dir, name)); err == nil && !info.IsDir() {
			return true
		}
	}
	return false
}

// environment returns the interpreter of the virtual environment dir.
func environment(dir, what string) (string, error) {
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		if err == nil {
			return "", &Error{What: what, Message: "not a directory: want a virtual environment"}
		}
		return "", absent(what, dir, err)
	}
	for _, name := range []string{"python", "python3"} {
		if path := filepath.Join(dir, "bin", name); isExecutable(path) {
			return path, nil
		}
	}
	link := filepath.Join(dir, "bin", "python")
	if target, err := os.Readlink(link); err == nil {
		return "", &Error{
			What:    what,
			Message: fmt.Sprintf("%s leads to %s, which is not there or not executable: want a virtual environment that is whole", link, target),
			Hint:    "the Python that it was made with has gone: make it anew, with python3 -m venv --clear " + dir,
		}
	}
	return "", &Error{
		What:    what,
		Message: "no bin/python in " + dir + ": want a virtual environment or a Python interpreter",
		Hint:    "make one with python3 -m venv " + dir,
	}
}

// isExecutable says whether path is a file that somebody may execute.
func isExecutable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

// absent returns the error for a path that cannot be looked at.
func absent(what, path string, err error) *Error {
	e := &Error{What: what, Message: fmt.Sprintf("%s: %v: want a Python interpreter", path, cause(err)), Err: err}
	if target, linkErr := os.Readlink(path); linkErr == nil {
		e.Message = fmt.Sprintf("%s leads to %s: %v: want a Python interpreter", path, target, cause(err))
	}
	return e
}

// withHint gives err, which may be nil, a hint unless it has one.
func withHint(err error, hint string) error {
	if e, ok := err.(*Error); ok && e.Hint == "" {
		e.Hint = hint
	}
	return err
}

package main

import (
	"errors"
	"fmt"
	"strings"
	"syscall"

	"pasted/internal/interpreter"
	"pasted/internal/setting"
	"pasted/internal/worker"
	"pasted/paste"
)

// explain gives err, from the loading or serving of a release, the exit code,
// the details and the hint that the command line shows. nil stays nil.
func explain(err error) error {
	var file *paste.Error
	var settings *setting.Error
	var python *interpreter.Error
	var load *worker.LoadError
	var died *worker.DiedError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &file):
		return &exitError{code: exitUsage, err: err, more: inPython(file), hint: file.Hint}
	case errors.As(err, &settings):
		return &exitError{code: exitUsage, err: err}
	case errors.As(err, &python):
		return &exitError{code: exitUsage, err: err, more: unsaid(python), hint: python.Hint}
	case errors.As(err, &load):
		return explainLoad(load)
	case errors.As(err, &died):
		return &exitError{code: exitFailed, err: err,
			hint: "what it printed stands above; a library may have ended it while it was imported"}
	}
	return &exitError{code: exitFailed, err: err, hint: systemHint(err)}
}

// unsaid gives the interpreter's output unless the error has all of it.
func unsaid(e *interpreter.Error) string {
	if strings.Contains(e.Message, strings.TrimSpace(e.Output)) {
		return ""
	}
	return e.Output
}

// inPython gives the exception that PasteDeploy raises: what people look up.
// Those of the parser quote whole values, and a value may be a secret.
func inPython(e *paste.Error) string {
	if e.Text == "" || strings.HasPrefix(e.Class, "configparser.") {
		return ""
	}
	return fmt.Sprintf("  PasteDeploy: %s: %s\n", e.Class, strings.ReplaceAll(e.Text, "\n", "\n  "))
}

// systemHint guesses what to do about an error of the operating system.
func systemHint(err error) string {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return "stop the other process, or choose another port in the [server:…] section"
	case errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EPERM):
		return "ports below 1024 want root, or the capability CAP_NET_BIND_SERVICE"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return "host must be an address of this machine; 0.0.0.0 or * is all of them"
	}
	return ""
}

// explainLoad shows what Python raised: for which section, the first cause, and
// the whole traceback below.
func explainLoad(e *worker.LoadError) error {
	var place strings.Builder
	if e.File != "" {
		fmt.Fprintf(&place, "%s:%d: ", e.File, e.Line)
	}
	if e.Section != "" {
		fmt.Fprintf(&place, "[%s] ", e.Section)
	}
	if e.Stage != "load" {
		fmt.Fprintf(&place, "%s: ", e.Stage)
	}
	var more strings.Builder
	if e.CauseFile != "" {
		fmt.Fprintf(&more, "  %s:%d: %s\n", e.CauseFile, e.CauseLine, e.CauseText)
	}
	if e.Traceback != "" {
		more.WriteString("\n" + e.Traceback)
	}
	return &exitError{
		code: exitFailed,
		err:  fmt.Errorf("%s%w", place.String(), error(e)),
		more: more.String(),
		hint: loadHint(e),
	}
}

// loadHint guesses what to do about e.
func loadHint(e *worker.LoadError) string {
	lock := e.LockHint(false)
	switch {
	case lock != "":
		return lock
	case e.Stage == "worker_class":
		return "worker_class = gevent serves with the gevent of the interpreter shown above: install it there, python -m pip install gevent"
	case e.Class == "ModuleNotFoundError" || e.Class == "ImportError":
		return "is it installed in the interpreter shown above? [pasted:workers] python chooses another, path adds directories"
	case e.Stage == "logging":
		return "the [loggers], [handlers] and [formatters] sections are read by Python's logging.config.fileConfig"
	case e.Stage == "fork":
		return "the limits on processes or memory may be reached"
	case e.CauseFile == "" && e.Class == "AttributeError":
		return "the module is there, and has no such name: is what stands after the colon right?"
	}
	return "the application's own code raised it while it was loaded; the traceback begins with the first cause"
}

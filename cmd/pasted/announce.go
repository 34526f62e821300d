package main

import (
	"fmt"
	"io"
	"strings"

	"pasted/internal/h1"
	"pasted/internal/release"
)

// An announcer tells the operator what is going to be served, and that it is.
type announcer struct{ w io.Writer }

// plan prints what Load has found, and which process is to be told of signals.
func (a announcer) plan(r *release.Release, pid int) {
	a.line("pasted", "%s, process %d", version, pid)
	a.line("file", "%s", r.File)
	a.line("release", "%d", r.Number)
	a.block("app", r.Plan.Tree.String())
	if r.Interpreter != nil {
		a.line("python", "%s, %s (%s)", r.Interpreter.Executable, r.Interpreter.Version, r.InterpreterReason)
		a.line("workers", "%s", r.Workers)
	} else {
		a.line("workers", "none: all of it is native")
	}
	a.ways(r)
	for _, address := range r.Server.Listen {
		a.line("address", "%s", address)
	}
}

// ways prints which way requests take, and why where it is the long one.
func (a announcer) ways(r *release.Release) {
	if r.Server.NoShortWay {
		a.line("way", "long: short_way is off")
		return
	}
	short, long := 0, []string{}
	h1.WaysOf(r.Plan.Handler, func(path string, isShort bool, why string) {
		if isShort {
			short++
			return
		}
		if path == "" {
			path = "/"
		}
		long = append(long, fmt.Sprintf("long for %s: %s", path, why))
	})
	if short > 0 {
		long = append([]string{"short"}, long...)
	}
	a.block("way", strings.Join(long, "\n"))
}

// changed prints the files because of which all is loaded anew.
func (a announcer) changed(files []string) {
	a.block("changed", strings.Join(files, "\n"))
}

// serving prints the one line that says that requests are answered now.
func (a announcer) serving(s release.Serving) {
	a.line("serving", "%s, ready in %.2fs (%.2fs of it to load the application)",
		strings.Join(s.URLs, ", "), s.Elapsed.Seconds(), s.Loading.Seconds())
}

// line prints "name  text", the names in a column.
func (a announcer) line(name, format string, args ...any) {
	fmt.Fprintf(a.w, "%-8s %s\n", name, fmt.Sprintf(format, args...))
}

// block prints text of several lines behind name.
func (a announcer) block(name, text string) {
	for i, line := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		if i > 0 {
			name = ""
		}
		a.line(name, "%s", line)
	}
}

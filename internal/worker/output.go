package worker

import (
	"strings"

	"pasted/internal/wire"
)

// An Output is what the application has said: a line, or a traceback of many.
type Output struct {
	Number uint64 // of the request that it is about; 0: of none
	Level  int    // as in Python's logging
	Text   string
	PID    int
	// Method and Path are those of a request that the application has failed
	// for, with Text the traceback; else empty. Path has no query.
	Method, Path string
}

// output reads a Log frame.
func (p *process) output(f wire.Frame) Output {
	o := Output{Number: f.Number, Level: int(f.Aux), Text: string(f.Payload), PID: p.group.pid}
	if f.Flags&wire.FlagFailed != 0 {
		line, text, _ := strings.Cut(o.Text, "\n")
		method, target, _ := strings.Cut(line, " ")
		o.Path, _, _ = strings.Cut(target, "?")
		o.Method, o.Text = method, text
	}
	return o
}

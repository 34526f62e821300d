package main

import (
	"context"
	_ "embed"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

//go:embed wrk.lua
var wrkDone string

// A wrk is one run of wrk: a closed loop, in which each connection sends its next
// request when it has the answer to the one before.
type wrk struct {
	addr        string
	exchange    exchange
	connections int
	threads     int
	duration    time.Duration
}

// A summary is what wrk says at the end.
type summary struct {
	duration time.Duration
	requests int
	bytes    int
	errors   map[string]int // connect, read, write, timeout; status: above 399
	p50, p99 time.Duration
}

// run runs it, with files in dir.
func (w wrk) run(ctx context.Context, dir string) (summary, error) {
	script := filepath.Join(dir, "wrk.lua")
	if err := os.WriteFile(script, []byte(w.script()), 0o644); err != nil {
		return summary{}, err
	}
	cmd := exec.CommandContext(ctx, "wrk",
		"--connections", strconv.Itoa(w.connections), "--threads", strconv.Itoa(w.threads),
		"--duration", strconv.Itoa(int(w.duration.Round(time.Second)/time.Second))+"s",
		"--timeout", strconv.Itoa(int(answerLimit/time.Second))+"s",
		"--script", script, "http://"+w.addr+w.exchange.path)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return summary{}, fmt.Errorf("wrk: %w: %s", err, out)
	}
	return parseSummary(string(out))
}

// script is the request for wrk, which builds it once, and what it says at the
// end.
func (w wrk) script() string {
	var b strings.Builder
	fmt.Fprintf(&b, "wrk.method = %s\n", quoteLua(w.exchange.verb()))
	if w.exchange.body != "" {
		fmt.Fprintf(&b, "wrk.body = %s\n", quoteLua(w.exchange.body))
	}
	for _, f := range w.exchange.fields() {
		fmt.Fprintf(&b, "wrk.headers[%s] = %s\n", quoteLua(f[0]), quoteLua(f[1]))
	}
	return b.String() + wrkDone
}

// quoteLua returns text as a literal of Lua.
func quoteLua(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			fmt.Fprintf(&b, `\%03d`, c)
		} else {
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// parseSummary finds the line of wrk.lua in what wrk has printed.
func parseSummary(out string) (summary, error) {
	for line := range strings.Lines(out) {
		if rest, ours := strings.CutPrefix(strings.TrimSpace(line), "bench "); ours {
			return parseFigures(rest)
		}
	}
	return summary{}, fmt.Errorf("wrk printed %q: want a line from its script", out)
}

func parseFigures(line string) (summary, error) {
	figures := map[string]int{}
	for field := range strings.FieldsSeq(line) {
		name, value, _ := strings.Cut(field, "=")
		n, err := strconv.Atoi(value)
		if err != nil {
			return summary{}, fmt.Errorf("wrk: %q: want NAME=NUMBER", field)
		}
		figures[name] = n
	}
	s := summary{
		duration: time.Duration(figures["duration"]) * time.Microsecond,
		requests: figures["requests"],
		bytes:    figures["bytes"],
		p50:      time.Duration(figures["p50"]) * time.Microsecond,
		p99:      time.Duration(figures["p99"]) * time.Microsecond,
		errors:   map[string]int{},
	}
	for _, name := range []string{"connect", "read", "write", "status", "timeout"} {
		s.errors[name] = figures[name]
	}
	return s, nil
}

// rate is how many answers there were a second.
func (s summary) rate() float64 { return per(float64(s.requests), s.duration.Seconds()) }

// judge returns what is wrong with the answers, if right ones look like that; a
// size of 0: it varies. wrk itself looks only at the status.
func (s summary) judge(e exchange, right shape, connections int) error {
	if s.requests == 0 {
		return fmt.Errorf("no answer in %v", s.duration.Round(time.Second))
	}
	for _, kind := range []struct{ name, said string }{
		{"connect", "connections were refused"}, {"read", "connections were reset"},
		{"write", "requests could not be sent"}, {"timeout", "answers took too long"},
	} {
		// wrk takes a connection's end for an error, beside counting the answer,
		// where it is the answer's, and where it was not told again what it has
		// asked for itself.
		ends := (e.close || right.close) && kind.name == "read"
		if n := s.errors[kind.name]; n > 0 && !(ends && n <= s.requests+connections) {
			return fmt.Errorf("%d %s, beside %d answers", n, kind.said, s.requests)
		}
	}
	wrong := s.errors["status"]
	if e.status > 399 {
		wrong = s.requests - wrong
	}
	if wrong > 0 {
		return fmt.Errorf("%d of %d answers were not %d", wrong, s.requests, e.status)
	}
	return s.judgeBytes(e, right.size, connections)
}

// looseHead is by how many bytes the heads of one peer's answers may differ.
const looseHead = 64

// judgeBytes compares the number of bytes with that of right answers. Up to one
// answer a connection may have been cut off by the end, or not been counted.
func (s summary) judgeBytes(e exchange, size, connections int) error {
	each, least, most := size, s.requests*(size-looseHead), (s.requests+connections)*(size+looseHead)
	if size == 0 { // heads and the marks of pieces come on top
		each, least, most = len(e.want), s.requests*len(e.want), math.MaxInt
	}
	if s.bytes < least || s.bytes > most {
		return fmt.Errorf("wrong bytes under load: %d in %d answers, not %d each", s.bytes, s.requests, each)
	}
	return nil
}

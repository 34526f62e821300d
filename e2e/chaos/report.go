package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

// A finding is one figure of a trial, and whether it is what was to be reached.
type finding struct {
	what string
	got  string
	want string // empty: nothing is asked of it
	ok   bool
	// timed says that the figure depends on how busy the machine is.
	timed bool
}

// none is a finding that wants no such case at all.
func none(what string, n int, detail string) finding {
	f := finding{what: what, got: fmt.Sprint(n), want: "0", ok: n == 0}
	if n > 0 && detail != "" {
		f.got += " (" + detail + ")"
	}
	return f
}

// few is a finding that wants no more of such cases than limit.
func few(what string, n, limit int) finding {
	return finding{what: what, got: fmt.Sprint(n), want: fmt.Sprintf("≤ %d", limit), ok: n <= limit}
}

// atMost is a finding of a time.
func atMost(what string, got, limit time.Duration) finding {
	return finding{what: what, got: short(got), want: "≤ " + short(limit), ok: got <= limit, timed: true}
}

// times is a finding of a ratio.
func times(what string, got, other time.Duration, limit float64) finding {
	ratio := float64(got) / float64(max(other, time.Nanosecond))
	return finding{
		what: what, got: fmt.Sprintf("%.2f × (%s beside %s)", ratio, short(got), short(other)),
		want: fmt.Sprintf("≤ %.1f ×", limit), ok: ratio <= limit, timed: true,
	}
}

func fact(what, format string, args ...any) finding {
	return finding{what: what, got: fmt.Sprintf(format, args...), ok: true}
}

// An outcome is what a trial of one server has found.
type outcome struct {
	trial    *trial
	server   string
	findings []finding
	err      error
}

// reached says whether all that was to be reached is.
func (o outcome) reached(timed bool) bool {
	return o.err == nil && !slices.ContainsFunc(o.findings, func(f finding) bool { return !f.ok && (timed || !f.timed) })
}

// print writes o as rows of the table.
func (o outcome) print(w io.Writer) {
	fmt.Fprintf(w, "\n%s: %s\n", o.server, o.trial.about)
	if o.err != nil {
		fmt.Fprintf(w, "  FAILED  %v\n", o.err)
	}
	for _, f := range o.findings {
		mark := "  "
		switch {
		case f.want == "":
		case f.ok:
			mark = "ok"
		default:
			mark = "NO"
		}
		fmt.Fprintf(w, "  %s  %-46s %-44s %s\n", mark, f.what, f.got, f.want)
	}
}

// short gives a duration with three digits.
func short(d time.Duration) string {
	switch {
	case d >= time.Second:
		return fmt.Sprintf("%.2f s", d.Seconds())
	default:
		return fmt.Sprintf("%.1f ms", float64(d)/1e6)
	}
}

// list gives counts as "3 GET reset, 1 GET 502".
func list(counts map[string]int) string {
	var words []string
	for _, kind := range slices.Sorted(maps.Keys(counts)) {
		words = append(words, fmt.Sprintf("%d %s", counts[kind], kind))
	}
	return strings.Join(words, ", ")
}

// percentile returns the value that p percent of values are not above.
func percentile(values []time.Duration, p float64) time.Duration {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[max(0, min(len(sorted)-1, int(float64(len(sorted))*p/100+0.999999)-1))]
}

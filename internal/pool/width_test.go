package pool

import (
	"testing"
	"time"
)

// A window is what a worker has done in the time that is judged at once.
type window struct {
	answers int
	used    time.Duration // of a window of 50 ms; of a trial's it is twice that
	waited  time.Duration // for a processor, in the same time
	unknown bool
	after   time.Duration // since the window before, if more than its length
	want    widthMode
}

func TestWorkersAreNarrowedWhereOneLaneDoesAsMuch(t *testing.T) {
	const ms = time.Millisecond
	computing := window{answers: 500, used: 50 * ms, want: trial}
	later := computing
	later.after = widthPause
	cheaper := window{answers: 600, used: 40 * ms, want: narrow}
	fails := window{answers: 1, want: wide}
	for name, windows := range map[string][]window{
		"cheaper and more":              {computing, cheaper},
		"cheaper and hardly fewer":      {computing, {answers: 420, used: 30 * ms, want: narrow}},
		"cheaper and fewer":             {computing, {answers: 410, used: 30 * ms, want: wide}},
		"while others compute":          {computing, {answers: 250, used: 20 * ms, waited: 25 * ms, want: narrow}, {answers: 90, used: 8 * ms, waited: 40 * ms, want: narrow}},
		"others computed before":        {{answers: 250, used: 25 * ms, waited: 90 * ms, want: trial}, {answers: 300, used: 20 * ms, want: wide}},
		"others compute all the time":   {{answers: 1800, used: 15 * ms, waited: 45 * ms, want: trial}, {answers: 2000, used: 12 * ms, waited: 18 * ms, want: narrow}, {answers: 1900, used: 12 * ms, waited: 18 * ms, want: narrow}},
		"and one lane does less":        {{answers: 1800, used: 15 * ms, waited: 45 * ms, want: trial}, {answers: 1700, used: 11 * ms, waited: 18 * ms, want: wide}},
		"no cheaper":                    {computing, {answers: 500, used: 51 * ms, want: wide}},
		"many threads do more than one": {{answers: 2000, used: 190 * ms, want: trial}, {answers: 600, used: 50 * ms, want: wide}},
		"lanes wait":                    {{answers: 500, used: 10 * ms, want: wide}},
		"requests take long":            {{answers: 30, used: 50 * ms, want: wide}},
		"too few answers to say":        {{answers: 19, used: 5 * ms, want: wide}},
		"nothing is known":              {{answers: 500, unknown: true, want: wide}},
		"fewer, but not by half":        {computing, cheaper, {answers: 260, used: 50 * ms, want: narrow}},
		"by half fewer":                 {computing, cheaper, {answers: 240, used: 50 * ms, want: wide}},
		"requests take long by and by":  {computing, cheaper, {answers: 5, used: 50 * ms, want: wide}},
		"compared anew after a while":   {computing, cheaper, {after: widthLease, answers: 600, used: 40 * ms, want: wide}, computing},
		"not again at once":             {computing, fails, {answers: 500, used: 50 * ms, want: wide}},
		"again after a pause":           {computing, fails, later},
		"pauses grow":                   {computing, fails, later, fails, {after: widthPause, answers: 500, used: 50 * ms, want: wide}},
		"a better trial makes up":       {computing, fails, later, cheaper},
	} {
		t.Run(name, func(t *testing.T) {
			var w width
			at := time.Unix(1, 0)
			var waited time.Duration
			for i, window := range windows {
				span := 1
				if w.mode == trial {
					span = int(widthTrial / widthWindow)
				}
				busy := widthWindow * time.Duration(span)
				w.now.busy += busy
				w.now.answers += window.answers * span
				at = at.Add(max(window.after, busy))
				if !w.due() {
					t.Fatalf("window %d is not due", i)
				}
				waited += window.waited * time.Duration(span)
				w.judge(at, w.now.used+window.used*time.Duration(span), waited, !window.unknown)
				if w.mode != window.want {
					t.Fatalf("window %d: mode %d, want %d", i, w.mode, window.want)
				}
			}
		})
	}
}

package pool

import (
	"testing"
	"time"
)

// A window is what a worker has done in the time that is judged at once.
type window struct {
	busy    time.Duration // 0: 50 ms
	answers int
	demand  time.Duration
	unknown bool
	after   time.Duration // since the window before; 0: busy
	want    widthMode
}

func TestWorkersAreNarrowedWhereOneLaneDoesAsMuch(t *testing.T) {
	const ms = time.Millisecond
	computing := window{answers: 500, demand: 60 * ms, want: trial}
	better := window{answers: 700, demand: 40 * ms, want: narrow}
	for name, windows := range map[string][]window{
		"as many answers":               {computing, {answers: 500, demand: 30 * ms, want: narrow}},
		"fewer answers":                 {computing, {answers: 490, demand: 50 * ms, want: wide}},
		"lanes wait":                    {{answers: 500, demand: 10 * ms, want: wide}},
		"requests take long":            {{answers: 30, demand: 50 * ms, want: wide}},
		"too few answers to say":        {{answers: 19, demand: 5 * ms, want: wide}},
		"nothing is known":              {{answers: 500, unknown: true, want: wide}},
		"fewer, but not by half":        {computing, better, {answers: 360, demand: 50 * ms, want: narrow}},
		"by half fewer":                 {computing, better, {answers: 340, demand: 50 * ms, want: wide}},
		"requests take long by and by":  {computing, better, {answers: 5, demand: 50 * ms, want: wide}},
		"compared anew after a while":   {computing, better, {after: widthLease, answers: 700, demand: 40 * ms, want: wide}, computing},
		"not again at once":             {computing, {answers: 1, demand: ms, want: wide}, {answers: 500, demand: 60 * ms, want: wide}},
		"again after a pause":           {computing, {answers: 1, demand: ms, want: wide}, {after: widthPause, answers: 500, demand: 60 * ms, want: trial}},
		"pauses grow":                   {computing, {answers: 1, want: wide}, {after: widthPause, answers: 500, demand: 60 * ms, want: trial}, {answers: 1, want: wide}, {after: widthPause, answers: 500, demand: 60 * ms, want: wide}},
		"a better window makes up":      {computing, {answers: 1, want: wide}, {after: widthPause, answers: 500, demand: 60 * ms, want: trial}, better},
		"many threads do more than one": {{answers: 2000, demand: 190 * ms, want: trial}, {answers: 600, demand: 50 * ms, want: wide}},
	} {
		t.Run(name, func(t *testing.T) {
			var w width
			at := time.Unix(1, 0)
			for i, window := range windows {
				busy := max(window.busy, widthWindow)
				w.now.busy += busy
				w.now.answers += window.answers
				at = at.Add(max(window.after, busy))
				if !w.due() {
					t.Fatalf("window %d is not due", i)
				}
				w.judge(at, w.now.demand+window.demand, !window.unknown)
				if w.mode != window.want {
					t.Fatalf("window %d: mode %d, want %d", i, w.mode, window.want)
				}
			}
		})
	}
}

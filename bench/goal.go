package main

import (
	"fmt"
	"slices"
)

// A goal is what a row is to reach: our figure compared with that of the best of
// some peers, or with a number.
type goal struct {
	row    string // key
	figure int    // of the row's figures
	text   string
	peers  func(peer) bool // whose best is compared with; nil: what limit returns
	limit  func(*results, row) float64
	// than says how: as a multiple of the other (at least of what is better when
	// higher, at most of what is better when lower), or as a difference to it.
	than comparison
	want float64
}

// A comparison is how our figure and the other's make one number.
type comparison int

const (
	ratio comparison = iota // ours / other
	above                   // ours − other
)

func aloneOf(families ...string) func(peer) bool {
	return func(p peer) bool {
		return p.place == alone && p.family != ours && (len(families) == 0 || slices.Contains(families, p.family))
	}
}

func behindNginx(p peer) bool { return p.place == behind }
func anyone(p peer) bool      { return p.family != ours }

// goals returns all goals, in the order of the rows.
func goals() []goal {
	all := []goal{
		{row: "hello", text: "the best behind nginx", peers: behindNginx, want: 1.3},
		{row: "hello", text: "granian and uWSGI", peers: aloneOf(granian, uwsgi), want: 1},
		{row: "hello", text: "the best C server", peers: aloneOf(inC), want: 0.7},
		{row: "hello", text: "gunicorn", peers: aloneOf(gunicorn), want: 4},
		{row: "one", text: "the best C server", peers: aloneOf(inC), than: above, want: 20},
	}
	for _, key := range []string{"flask", "django", "pyramid"} {
		all = append(all,
			goal{row: key, text: "the best behind nginx", peers: behindNginx, want: 1.15},
			goal{row: key, text: "granian", peers: aloneOf(granian), want: 1.15},
			goal{row: key, text: "the best of all alone", peers: aloneOf(), want: 0.9},
			goal{row: key, text: "gunicorn", peers: aloneOf(gunicorn), want: 2.5},
		)
	}
	for _, key := range []string{"json", "form", "large", "stream"} {
		all = append(all, goal{row: key, text: "the best that does it right", peers: anyone, want: 1})
	}
	return append(all,
		goal{row: "mixed", text: "one queue, in theory", limit: theory, want: 1},
		goal{row: "sleep", text: "what the threads allow", limit: capacity, want: 0.95},
		goal{row: "connect", text: "granian", peers: aloneOf(granian), want: 1},
		goal{row: "idle", text: "4 KB", limit: constant(4096), want: 1},
		goal{row: "idle", figure: 1, text: "without idle connections", limit: constant(1), want: 1.2},
		goal{row: "start", text: "Python's own import", limit: constant(0), than: above, want: 100},
		goal{row: "start", figure: 2, text: "25 MB", limit: constant(25e6 / (1 << 20)), want: 1},
		goal{row: "start-flask", text: "Python's own import", limit: constant(0), than: above, want: 100},
	)
}

func constant(n float64) func(*results, row) float64 {
	return func(*results, row) float64 { return n }
}

// theory is what one queue would need, in the median of the rounds.
func theory(r *results, w row) float64 {
	var values []float64
	for _, s := range r.Samples[w.key][ours] {
		values = append(values, milliseconds(s.Theory))
	}
	return spreadOf(values).median
}

// capacity is how many requests of 10 ms the lanes can do in a second.
func capacity(r *results, _ row) float64 { return float64(r.Workers*r.Threads) * 100 }

// A verdict is how far a goal is reached.
type verdict struct {
	goal     goal
	row      row
	figure   figure
	ours     spread
	other    spread
	against  string  // who it was
	got      float64 // in the goal's terms
	reached  bool
	measured bool // both have a figure
}

// judge returns the verdicts on the goals of measured rows.
func (r *results) judge() []verdict {
	var all []verdict
	for _, g := range goals() {
		i := slices.IndexFunc(rows(), func(w row) bool { return w.key == g.row })
		if w := rows()[i]; len(r.Samples[w.key]) > 0 {
			all = append(all, r.verdict(g, w))
		}
	}
	return all
}

func (r *results) verdict(g goal, w row) verdict {
	v := verdict{goal: g, row: w, figure: w.figures[g.figure]}
	v.ours = r.spread(w, peers()[0], v.figure)
	if g.peers == nil {
		v.other = spread{median: g.limit(r, w), n: 1}
	} else {
		v.against, v.other = r.best(w, v.figure, g.peers)
	}
	v.measured = v.ours.n > 0 && v.other.n > 0
	if g.than == above {
		v.got = v.ours.median - v.other.median
	} else {
		v.got = per(v.ours.median, v.other.median)
	}
	v.reached = v.measured && ((v.figure.lower && v.got <= g.want) || (!v.figure.lower && v.got >= g.want))
	return v
}

// best returns the best of some peers that have not failed.
func (r *results) best(w row, f figure, of func(peer) bool) (name string, s spread) {
	for _, p := range peers() {
		if !w.has(p) || !of(p) {
			continue
		}
		t := r.spread(w, p, f)
		if t.n > 0 && (s.n == 0 || (f.lower && t.median < s.median) || (!f.lower && t.median > s.median)) {
			name, s = p.name, t
		}
	}
	return name, s
}

// wanted is the goal in words.
func (v verdict) wanted() string {
	bound := "≥"
	if v.figure.lower {
		bound = "≤"
	}
	switch {
	case v.goal.than == above:
		return fmt.Sprintf("%s %s %s above %s", bound, number(v.goal.want), v.figure.unit, v.goal.text)
	case v.goal.peers == nil && v.goal.want == 1 && v.goal.text != "one queue, in theory":
		return bound + " " + v.goal.text
	}
	return fmt.Sprintf("%s %s × %s", bound, number(v.goal.want), v.goal.text)
}

// result is what has come of it, in words.
func (v verdict) result() string {
	switch {
	case v.ours.n == 0:
		return "**not reached**: Pasted fails here"
	case v.other.n == 0:
		return "nobody to compare with"
	case v.reached:
		return "reached"
	case v.goal.than == above:
		return fmt.Sprintf("**not reached**, by %s %s", number(v.got-v.goal.want), v.figure.unit)
	}
	return fmt.Sprintf("**not reached**, by %.0f %%", 100*abs(v.got/v.goal.want-1))
}

// relation is the number that the goal is about.
func (v verdict) relation() string {
	switch {
	case !v.measured:
		return "–"
	case v.goal.than == above:
		return fmt.Sprintf("%s %s above", number(v.got), v.figure.unit)
	}
	return fmt.Sprintf("%.2f ×", v.got)
}

func abs(x float64) float64 { return max(x, -x) }

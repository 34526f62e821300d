package main

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// publish writes the page and, into the folder, its charts, in place of those of
// earlier pages.
func (r *results) publish(page, folder string) error {
	if err := r.publishCharts(folder); err != nil {
		return err
	}
	link, err := filepath.Rel(filepath.Dir(page), folder)
	if err != nil {
		return err
	}
	return os.WriteFile(page, []byte(r.page(link)), 0o644)
}

func (r *results) publishCharts(folder string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	earlier, err := filepath.Glob(filepath.Join(folder, "bench-*.svg"))
	if err != nil {
		return err
	}
	for _, path := range earlier {
		if err := os.Remove(path); err != nil {
			return err
		}
	}
	for name, svg := range r.charts() {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(svg), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// page returns the page. charts is where its charts are, from its own folder;
// empty: it shows none.
func (r *results) page(charts string) string {
	var b strings.Builder
	b.WriteString("# Benchmarks\n\n" + opening + "\n")
	r.writeSettings(&b)
	r.writeGoals(&b)
	for _, w := range rows() {
		if len(r.Samples[w.key]) > 0 {
			r.writeRow(&b, w, charts)
		}
	}
	r.writePeers(&b)
	return b.String()
}

const opening = `Pasted beside its peers: the same applications on the same machine, as many
workers and threads for all. ` + "`make bench`" + ` installs the peers, measures and writes
this page; ` + "`make bench-quick`" + ` shows a part of it on the terminal in a few minutes.

How to read it: figures are medians of the rounds, with the least and the greatest
in brackets. × is the ratio to Pasted's figure. The load comes from the same
machine and takes its part of the processor, as does everything else: so the
processor's time for each answer stands beside, by who used it, in user mode and
in the kernel ("12 + 8" µs). It says where the time goes, and it is steadier than
the rate. Workers are the processes that run the application; the server is what
else a peer consists of, a proxy apart. Before a peer is measured in a row its
answers are compared with what is right, byte for byte; under load their status and
their number of bytes. A peer that fails is shown as failing, with the reason, and
is not compared with. Why a goal is missed is told in
[Where the time goes](performance.md).
`

func (r *results) writeSettings(b *strings.Builder) {
	say := func(format string, args ...any) { fmt.Fprintf(b, "- "+format+"\n", args...) }
	p := r.Plan
	say("%s: %s", r.Date, strings.Join(r.Machine, "; "))
	say("Pasted %s", r.Pasted)
	say("%s with %s each, or what comes nearest", plural(r.Workers, "worker"), plural(r.Threads, "thread"))
	say("%s, in which the peers take turns, forwards and backwards; %s of warm-up, then %s of closed loops or %s of open ones",
		plural(p.Rounds, "round"), seconds(p.Pace.WarmUp), seconds(p.Pace.Closed), seconds(p.Pace.Open))
	say("closed loops by wrk %s, with connections kept alive unless a row says otherwise; open loops by a client of our own, which counts from when a request was due",
		r.Versions["wrk"])
	mean, most := r.foreign()
	say("processes that have nothing to do with it took %s of the processor, %s in the visit disturbed most; %s",
		percent(mean), percent(most), r.repeats())
	if mean > p.Disturbed {
		b.WriteString("\n**Measured on a busy machine: the figures below are too low, and not comparable\nwith one another. They show that the benchmark works, and nothing else.**\n")
	}
	b.WriteByte('\n')
}

// repeats says what is done about disturbed visits.
func (r *results) repeats() string {
	limit := percent(r.Plan.Disturbed)
	if r.Plan.Repeats == 0 {
		return "visits above " + limit + " are marked ⚠"
	}
	return fmt.Sprintf("a visit above %s is done again, up to %s (%s), and marked ⚠ if that does not help",
		limit, plural(r.Plan.Repeats, "time"), plural(r.Repeated, "repeat"))
}

func seconds(d time.Duration) string { return number(d.Seconds()) + " s" }

func (r *results) writeGoals(b *strings.Builder) {
	verdicts := r.judge()
	if len(verdicts) == 0 {
		return
	}
	reached := 0
	g := grid{head: []string{"row", "to reach", ">Pasted", ">compared with", ">gives", ""}}
	for _, v := range verdicts {
		if v.reached {
			reached++
		}
		other := v.other.text() + " " + v.figure.unit
		if v.against != "" {
			other = v.against + ": " + other
		}
		g.add(v.row.title+", "+v.figure.name, v.wanted(), v.ours.text()+" "+v.figure.unit, other, v.relation(), v.result())
	}
	fmt.Fprintf(b, "## What is to be reached\n\n%d of %d. Ratios are of medians in this run.\n\n%s\n", reached, len(verdicts), g.String())
}

func (r *results) writeRow(b *strings.Builder, w row, charts string) {
	fmt.Fprintf(b, "## %s\n\n%s\n\n", w.title, w.text)
	if charts != "" {
		fmt.Fprintf(b, "![%s: %s](%s)\n\n", w.title, w.figures[0].name, filepath.ToSlash(filepath.Join(charts, w.chart())))
		if w.divided {
			fmt.Fprintf(b, "![%s: the processor's time for each answer](%s)\n\n", w.title, filepath.ToSlash(filepath.Join(charts, w.cpuChart())))
		}
	}
	g := grid{head: []string{"", ">" + w.figures[0].heading(), ">×"}}
	for _, f := range w.figures[1:] {
		g.head = append(g.head, ">"+f.heading())
	}
	cpu := r.hasCPU(w)
	if cpu {
		g.head = append(g.head, ">CPU µs each", ">server", ">workers", ">proxy", ">client")
	}
	g.head = append(g.head, "")
	for _, p := range r.measured(w) {
		g.add(r.line(w, p, cpu)...)
	}
	if t := theory(r, w); t > 0 {
		g.add(append([]string{"*one queue, in theory*", number(t), r.relative(w, t)}, make([]string, len(g.head)-3)...)...)
	}
	b.WriteString(g.String() + "\n")
}

func (f figure) heading() string {
	if f.unit == "/s" || f.unit == "×" {
		return f.name
	}
	return f.name + ", " + f.unit
}

// measured returns the peers that have samples in a row or should have, the best
// first, failing ones at the end.
func (r *results) measured(w row) []peer {
	f := w.figures[0]
	var all []peer
	for _, p := range r.Plan.peers(w) {
		counted, failure := r.outcome(w, p)
		if len(counted) > 0 || failure != "" {
			all = append(all, p)
		}
	}
	slices.SortStableFunc(all, func(p, q peer) int {
		s, t := r.spread(w, p, f), r.spread(w, q, f)
		switch {
		case s.n == 0 || t.n == 0:
			return t.n - s.n
		case f.lower:
			return cmp.Compare(s.median, t.median)
		}
		return cmp.Compare(t.median, s.median)
	})
	return all
}

// line is a peer's line in the table of a row.
func (r *results) line(w row, p peer, cpu bool) []string {
	counted, failure := r.outcome(w, p)
	name := p.name
	if p.family == ours {
		name = "**" + name + "**"
	}
	first := r.spread(w, p, w.figures[0])
	cells := []string{name, first.text(), r.relative(w, first.median)}
	for _, f := range w.figures[1:] {
		cells = append(cells, r.spread(w, p, f).text())
	}
	if cpu {
		cells = append(cells, cpuCells(counted)...)
	}
	if failure != "" {
		cells[1], cells[2] = "fails", ""
		return append(cells, failure)
	}
	return append(cells, strings.Join(r.remarks(counted), "; "))
}

// relative gives a value of a row's first figure as a multiple of Pasted's.
func (r *results) relative(w row, value float64) string {
	mine := r.spread(w, w.reference(), w.figures[0])
	if mine.median == 0 {
		return "–"
	}
	return fmt.Sprintf("%.2f", value/mine.median)
}

// reference is the first of our own peers in a row.
func (r row) reference() peer {
	for _, p := range peers() {
		if r.has(p) && p.family == ours {
			return p
		}
	}
	return peer{}
}

func (r *results) remarks(counted []sample) []string {
	all := append(servedOf(counted), serverMemoryOf(counted)...)
	disturbed := 0
	for _, s := range counted {
		if s.Foreign > r.Plan.Disturbed {
			disturbed++
		}
	}
	if disturbed > 0 {
		all = append(all, fmt.Sprintf("⚠ %d of %d disturbed", disturbed, len(counted)))
	}
	return all
}

// servedOf says how many connections are served while all stay open, where they
// are not all.
func servedOf(counted []sample) []string {
	var served []float64
	connections := 0
	for _, s := range counted {
		if s.Connections > 0 {
			served = append(served, float64(s.Served))
			connections = s.Connections
		}
	}
	if connections == 0 {
		return nil
	}
	some := spreadOf(served)
	text := number(some.least)
	if some.most > some.least {
		text += " to " + number(some.most)
	}
	return []string{fmt.Sprintf("serves %s of %d connections while they stay open", text, connections)}
}

// serverMemoryOf says what each of the server's processes takes, where it has several.
func serverMemoryOf(counted []sample) []string {
	processes := 0
	for _, s := range counted {
		processes = max(processes, len(s.Server))
	}
	if processes < 2 {
		return nil
	}
	parts := make([]string, processes)
	for i := range parts {
		parts[i] = spreadOf(each(counted, func(s sample) float64 {
			if i < len(s.Server) {
				return mebibytes(s.Server[i])
			}
			return 0
		})).text()
	}
	return []string{"server: " + strings.Join(parts, " + ") + " MiB"}
}

// hasCPU says whether the processor's time in a row has a meaning.
func (r *results) hasCPU(w row) bool {
	for _, samples := range r.Samples[w.key] {
		for _, s := range samples {
			if s.CPU.sum().sum() > 0 && s.Requests > 0 {
				return true
			}
		}
	}
	return false
}

// cpuCells are the columns of the processor's time for each answer: all of it,
// and each one's part.
func cpuCells(counted []sample) []string {
	whole := spreadOf(each(counted, func(s sample) float64 { return perRequest(s, s.CPU.sum().sum()) }))
	cells := []string{whole.text()}
	parts := pieces(counted)
	for i := 0; i < len(parts); i += 2 {
		user, system := parts[i].size, parts[i+1].size
		cell := ""
		if user+system >= 0.05 {
			cell = round(user) + " + " + round(system)
		}
		cells = append(cells, cell)
	}
	return cells
}

// A party is one of those that a split divides the time among.
type party struct {
	name string
	of   func(split) times
}

// parties returns them in the order of columns and colours.
func parties() []party {
	return []party{
		{"server", func(s split) times { return s.Server }},
		{"workers", func(s split) times { return s.Workers }},
		{"proxy", func(s split) times { return s.Proxy }},
		{"client", func(s split) times { return s.Client }},
	}
}

func each(samples []sample, of func(sample) float64) []float64 {
	values := make([]float64, len(samples))
	for i, s := range samples {
		values[i] = of(s)
	}
	return values
}

// perRequest gives a time in microseconds a request.
func perRequest(s sample, d time.Duration) float64 {
	return per(microseconds(d), float64(s.Requests))
}

// round writes a few microseconds with one digit behind the point, more with none.
func round(v float64) string {
	if v < 10 {
		return fmt.Sprintf("%.1f", v)
	}
	return thousands(int(v + 0.5))
}

func (r *results) writePeers(b *strings.Builder) {
	b.WriteString("## The peers\n\n")
	g := grid{head: []string{"", "version", "started with", "what is not the same"}}
	for _, p := range peers() {
		if p.place == behind || !takes(r.Plan.Peers, p.name) {
			continue
		}
		version := r.Pasted
		if len(p.parts) > 0 {
			version = r.Versions[p.parts[0]]
			if why, gone := r.Missing[p.parts[0]]; gone {
				version = "not installed: " + why
			}
		}
		g.add(p.name, version, "`"+p.server.argv+"`", p.note)
	}
	b.WriteString(g.String())
	b.WriteString("\nBehind nginx a server listens on a Unix socket where it can, and nginx keeps up to\n64 connections to it. All configurations are in `bench/conf`, the applications in\n`bench/apps`.\n")
}

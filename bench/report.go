package main

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// A report is what has been measured, and on what.
type report struct {
	plan    plan
	machine []string
	setup   setup
	visits  map[string][]visit // by key
	others  float64            // share of the processor that others had meanwhile
}

func key(app application, p peer) string { return app.module + " " + p.name }

func (r *report) add(app application, p peer, v visit) {
	if r.visits == nil {
		r.visits = map[string][]visit{}
	}
	r.visits[key(app, p)] = append(r.visits[key(app, p)], v)
}

// String gives the report as a page.
func (r *report) String() string {
	var b strings.Builder
	b.WriteString("# Benchmarks\n\nWritten by `make bench`. Pasted beside its peers: the same applications, which do\n" +
		"next to nothing, so that what is measured is the servers.\n\n")
	for _, line := range r.machine {
		fmt.Fprintf(&b, "- %s\n", line)
	}
	fmt.Fprintf(&b, "- %d workers with %d threads each; %d rounds, in which the peers take turns;\n"+
		"  %v with %d connections, then %v with one, all kept alive\n",
		r.setup.workers, r.setup.threads, r.plan.rounds, r.plan.many.duration, r.plan.many.connections, r.plan.one.duration)
	fmt.Fprintf(&b, "- processes that have nothing to do with it took %.0f %% of the processor meanwhile\n", 100*r.others)
	for _, p := range peers() {
		if p.note != "" {
			fmt.Fprintf(&b, "- %s: %s\n", p.name, p.note)
		}
	}
	b.WriteString("\nThe load comes from the same machine and takes its part of the processor. Numbers\n" +
		"are medians of the rounds, with the least and the greatest in brackets; × is the\n" +
		"ratio to Pasted's.\n")
	for _, app := range applications() {
		r.section(&b, app)
	}
	return b.String()
}

// section writes the tables of one application.
func (r *report) section(b *strings.Builder, app application) {
	fmt.Fprintf(b, "\n## %s\n", app.title)
	r.rates(b, app, fmt.Sprintf("%d connections", r.plan.many.connections), func(v visit) result { return v.many })
	r.rates(b, app, "One connection", func(v visit) result { return v.one })
	b.WriteString("\n| start and memory | first answer | × | server process (RSS) | all processes (PSS) | × |\n| --- | ---: | ---: | ---: | ---: | ---: |\n")
	first := func(v visit) float64 { return v.start.Seconds() * 1000 }
	own := func(v visit) float64 { return float64(v.memory.own) / (1 << 20) }
	all := func(v visit) float64 { return float64(v.memory.all) / (1 << 20) }
	for _, p := range peers() {
		fmt.Fprintf(b, "| %s | %s ms | %s | %s MiB | %s MiB | %s |\n", p.name,
			r.spread(app, p, first), r.ratio(app, p, first), r.spread(app, p, own), r.spread(app, p, all), r.ratio(app, p, all))
	}
}

// rates writes the table of one load.
func (r *report) rates(b *strings.Builder, app application, title string, of func(visit) result) {
	fmt.Fprintf(b, "\n| %s | requests a second | × | median | 99%% below | failed |\n| --- | ---: | ---: | ---: | ---: | ---: |\n", title)
	rate := func(v visit) float64 { return of(v).rate }
	for _, p := range peers() {
		visits := r.visits[key(app, p)]
		failed := 0
		for _, v := range visits {
			failed += of(v).failed
		}
		p50 := median(visits, func(v visit) time.Duration { return of(v).p50 })
		p99 := median(visits, func(v visit) time.Duration { return of(v).p99 })
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s | %d |\n", p.name,
			r.spread(app, p, rate), r.ratio(app, p, rate), milliseconds(p50), milliseconds(p99), failed)
	}
}

// spread gives the median of a value, and its least and greatest.
func (r *report) spread(app application, p peer, of func(visit) float64) string {
	visits := r.visits[key(app, p)]
	if len(visits) == 0 {
		return "–"
	}
	var values []float64
	for _, v := range visits {
		values = append(values, of(v))
	}
	return fmt.Sprintf("%.0f (%.0f–%.0f)", median(visits, of), slices.Min(values), slices.Max(values))
}

// ratio gives the median of a value as a multiple of Pasted's.
func (r *report) ratio(app application, p peer, of func(visit) float64) string {
	ours := median(r.visits[key(app, peers()[0])], of)
	if ours == 0 {
		return "–"
	}
	return fmt.Sprintf("%.2f", median(r.visits[key(app, p)], of)/ours)
}

// median returns the median of a value of visits, the lower one of two; zero if
// there are none.
func median[T cmp.Ordered](visits []visit, of func(visit) T) T {
	values := make([]T, 0, len(visits))
	for _, v := range visits {
		values = append(values, of(v))
	}
	if len(values) == 0 {
		var zero T
		return zero
	}
	slices.Sort(values)
	return values[(len(values)-1)/2]
}

func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.2f ms", float64(d)/float64(time.Millisecond))
}

// describe says what is measured on and with. What cannot be told is left out.
func describe(s setup) []string {
	var lines []string
	say := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	cpu, _ := os.ReadFile("/proc/cpuinfo")
	if _, rest, ok := strings.Cut(string(cpu), "model name"); ok {
		model, _, _ := strings.Cut(rest, "\n")
		say("%s, %d cores", strings.TrimLeft(model, "\t :"), runtime.NumCPU())
	}
	if kernel, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		say("Linux %s", strings.TrimSpace(string(kernel)))
	}
	versions := []string{output(s.pasted, "--version"), runtime.Version(), output(filepath.Join(s.bin, "python"), "--version")}
	requirements, _ := os.ReadFile(filepath.Join(s.apps, "..", "requirements.txt"))
	for line := range strings.Lines(string(requirements)) {
		if name, version, ok := strings.Cut(strings.TrimSpace(line), "=="); ok && slices.Contains([]string{"gunicorn", "waitress", "Flask"}, name) {
			versions = append(versions, name+" "+version)
		}
	}
	say("%s", strings.Join(versions, ", "))
	return lines
}

// output returns what a command prints, its first line.
func output(name string, args ...string) string {
	out, err := exec.Command(name, args...).Output()
	if err != nil {
		return filepath.Base(name)
	}
	line, _, _ := strings.Cut(string(out), "\n")
	return line
}

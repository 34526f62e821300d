package main

import (
	"cmp"
	"fmt"
	"html"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// chart is the file name of a row's chart.
func (r row) chart() string { return "bench-" + r.key + ".svg" }

// cpuChart is that of its chart of the processor's time.
func (r row) cpuChart() string { return "bench-" + r.key + "-cpu.svg" }

// charts returns all charts by their file names.
func (r *results) charts() map[string]string {
	all := map[string]string{}
	for _, w := range rows() {
		if len(r.Samples[w.key]) > 0 {
			all[w.chart()] = r.bars(w).svg()
			if w.divided {
				all[w.cpuChart()] = r.shares(w).svg()
			}
		}
	}
	return all
}

// A chart is a chart of bars, one below the other.
type chart struct {
	title  string
	unit   string
	bars   []bar
	legend []piece // of the parts that bars are made of; empty: they are whole
	mark   float64 // a line across; 0: none
	name   string  // of the mark
}

// A piece is a part of a bar, or of the legend, which has no size.
type piece struct {
	name, class string
	size        float64
}

// A bar is one line of a chart.
type bar struct {
	name   string
	ours   bool
	class  string // of a bar in one piece: ours, alone, behind or native
	spread spread
	pieces []piece // instead of one piece as long as the median
	fails  string  // why there is no bar
}

var classes = map[place]string{alone: "alone", behind: "behind", native: "native"}

// bars returns the chart of a row's first figure.
func (r *results) bars(w row) chart {
	f := w.figures[0]
	c := chart{title: w.title, unit: f.heading()}
	for _, p := range r.measured(w) {
		_, failure := r.outcome(w, p)
		b := bar{name: p.name, ours: p.family == ours, class: classes[p.place], spread: r.spread(w, p, f), fails: failure}
		if b.ours {
			b.class = "ours"
		}
		c.bars = append(c.bars, b)
	}
	if t := theory(r, w); t > 0 {
		c.mark, c.name = t, "one queue, in theory"
	}
	return c
}

// shares returns the chart of the processor's time for each answer.
func (r *results) shares(w row) chart {
	c := chart{title: w.title, unit: "processor's time for each answer, µs", legend: pieces(nil)}
	for _, p := range r.measured(w) {
		counted, failure := r.outcome(w, p)
		whole := spreadOf(each(counted, func(s sample) float64 { return perRequest(s, s.CPU.sum().sum()) }))
		c.bars = append(c.bars, bar{name: p.name, ours: p.family == ours, spread: whole, pieces: pieces(counted), fails: failure})
	}
	slices.SortStableFunc(c.bars, func(a, b bar) int {
		if a.fails != "" || b.fails != "" {
			return len(a.fails) - len(b.fails)
		}
		return cmp.Compare(a.spread.median, b.spread.median)
	})
	return c
}

// pieces are the medians of each party's time, in user mode and in the kernel.
func pieces(counted []sample) []piece {
	var all []piece
	for i, party := range parties() {
		used := func(of func(times) time.Duration) float64 {
			return spreadOf(each(counted, func(s sample) float64 { return perRequest(s, of(party.of(s.CPU))) })).median
		}
		class := "party" + strconv.Itoa(i)
		all = append(all,
			piece{party.name, class, used(func(t times) time.Duration { return t.User })},
			piece{party.name + ", kernel", class + " kernel", used(func(t times) time.Duration { return t.System })})
	}
	return all
}

// Measures of a chart, in pixels.
const (
	chartWidth = 760
	nameWidth  = 200
	textWidth  = 150
	lineHeight = 22
	headHeight = 52
	footHeight = 12
	barHeight  = 14
)

// style has colours for light and dark pages.
const style = `<style>
text{font-family:system-ui,sans-serif;font-size:12px;fill:#24292f}
.title{font-weight:600;font-size:14px}
.faint{fill:#656d76}
.party0{fill:#d1242f}.party1{fill:#0969da}.party2{fill:#1a7f37}.party3{fill:#8c959f}.kernel{fill-opacity:.5}
.ours{fill:#d1242f}.alone{fill:#0969da}.behind{fill:#8c959f}.native{fill:#1a7f37}
.range{stroke:#24292f;stroke-width:1}
.mark{stroke:#9a6700;stroke-width:1;stroke-dasharray:4 3}
@media (prefers-color-scheme:dark){
text{fill:#e6edf3}.faint{fill:#8d96a0}
.ours{fill:#ff7b72}.alone{fill:#4493f8}.behind{fill:#6e7681}.native{fill:#3fb950}
.range{stroke:#e6edf3}.mark{stroke:#d29922}}
</style>
`

// svg draws it.
func (c chart) svg() string {
	var b strings.Builder
	height := headHeight + lineHeight*len(c.bars) + footHeight
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img">`+"\n", chartWidth, height, chartWidth, height)
	fmt.Fprintf(&b, "<title>%s: %s</title>\n", html.EscapeString(c.title), html.EscapeString(c.unit))
	b.WriteString(style)
	fmt.Fprintf(&b, `<text class="title" x="8" y="20">%s</text>`+"\n", html.EscapeString(c.title))
	c.drawKey(&b)
	scale := per(chartWidth-nameWidth-textWidth, c.most())
	for i, bar := range c.bars {
		bar.draw(&b, headHeight+i*lineHeight, scale)
	}
	if c.mark > 0 {
		x := nameWidth + c.mark*scale
		fmt.Fprintf(&b, `<line class="mark" x1="%.1f" y1="%d" x2="%.1f" y2="%d"><title>%s</title></line>`+"\n", x, headHeight-4, x, height-footHeight, html.EscapeString(c.name))
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// drawKey says what the bars are.
func (c chart) drawKey(b *strings.Builder) {
	if len(c.legend) == 0 {
		fmt.Fprintf(b, `<text class="faint" x="8" y="38">%s; the thin line is from the least to the greatest of the rounds</text>`+"\n", html.EscapeString(c.unit))
		return
	}
	fmt.Fprintf(b, `<text class="faint" x="%d" y="20" text-anchor="end">%s</text>`+"\n", chartWidth-8, html.EscapeString(c.unit))
	x := 8
	for _, p := range c.legend {
		fmt.Fprintf(b, `<rect class="%s" x="%d" y="29" width="10" height="10"/><text class="faint" x="%d" y="38">%s</text>`, p.class, x, x+14, html.EscapeString(p.name))
		x += 22 + 63*len(p.name)/10
	}
	b.WriteByte('\n')
}

// most is the value at the right end of the scale.
func (c chart) most() float64 {
	most := c.mark
	for _, b := range c.bars {
		if b.fails == "" {
			most = math.Max(most, b.spread.most)
		}
	}
	return most
}

// draw draws one bar with its top at y.
func (b bar) draw(out *strings.Builder, y int, scale float64) {
	text := y + barHeight - 3
	weight := "normal"
	if b.ours {
		weight = "bold"
	}
	fmt.Fprintf(out, `<text x="%d" y="%d" text-anchor="end" font-weight="%s">%s</text>`, nameWidth-8, text, weight, html.EscapeString(b.name))
	if b.fails != "" {
		fmt.Fprintf(out, `<text class="faint" x="%d" y="%d">fails: %s</text>`+"\n", nameWidth, text, html.EscapeString(shorten(b.fails, 75)))
		return
	}
	parts := b.pieces
	if parts == nil {
		parts = []piece{{class: b.class, size: b.spread.median}}
	}
	x := float64(nameWidth)
	for _, p := range parts {
		width := math.Max(0, p.size*scale)
		fmt.Fprintf(out, `<rect class="%s" x="%.1f" y="%d" width="%.1f" height="%d"/>`, p.class, x, y, width, barHeight)
		x += width
	}
	middle := float64(y) + barHeight/2
	least, most := nameWidth+math.Max(0, b.spread.least)*scale, nameWidth+math.Max(0, b.spread.most)*scale
	fmt.Fprintf(out, `<line class="range" x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f"/>`, least, middle, most, middle)
	fmt.Fprintf(out, `<text x="%.1f" y="%d">%s</text>`+"\n", math.Max(most, nameWidth)+6, text, number(b.spread.median))
}

// shorten cuts a text that is too long to be drawn.
func shorten(text string, most int) string {
	runes := []rune(text)
	if len(runes) <= most {
		return text
	}
	return string(runes[:most-1]) + "…"
}

package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// A grid is a table of a page.
type grid struct {
	head  []string // those that begin with > are aligned to the right
	lines [][]string
}

func (g *grid) add(cells ...string) { g.lines = append(g.lines, cells) }

// String returns it as Markdown.
func (g *grid) String() string {
	var b strings.Builder
	rule := make([]string, len(g.head))
	head := make([]string, len(g.head))
	for i, cell := range g.head {
		rule[i] = "---"
		var right bool
		if head[i], right = strings.CutPrefix(cell, ">"); right {
			rule[i] = "---:"
		}
	}
	for _, line := range append([][]string{head, rule}, g.lines...) {
		for i, cell := range line {
			line[i] = strings.ReplaceAll(cell, "|", `\|`)
		}
		b.WriteString("| " + strings.Join(line, " | ") + " |\n")
	}
	return b.String()
}

// number writes v with three digits that mean something, or as a whole number
// with its thousands apart.
func number(v float64) string {
	switch size := abs(v); {
	case size >= 1000:
		return thousands(int(math.Round(v)))
	case size >= 100 || v == math.Trunc(v):
		return strconv.FormatFloat(v, 'f', 0, 64)
	case size >= 10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return strconv.FormatFloat(v, 'f', 2, 64)
}

func thousands(n int) string {
	digits := strconv.Itoa(n)
	sign := ""
	if n < 0 {
		sign, digits = "-", digits[1:]
	}
	var groups []string
	for len(digits) > 3 {
		groups = append([]string{digits[len(digits)-3:]}, groups...)
		digits = digits[:len(digits)-3]
	}
	return sign + strings.Join(append([]string{digits}, groups...), ",")
}

// text writes a spread: the middle, and both ends in brackets.
func (s spread) text() string {
	switch s.n {
	case 0:
		return "–"
	case 1:
		return number(s.median)
	}
	return fmt.Sprintf("%s (%s–%s)", number(s.median), number(s.least), number(s.most))
}

// percent writes a share from 0 to 1.
func percent(share float64) string { return fmt.Sprintf("%.0f %%", 100*share) }

// plural writes a number of things.
func plural(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return strconv.Itoa(n) + " " + noun
}

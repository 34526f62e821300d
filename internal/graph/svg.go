package graph

import (
	"fmt"
	"slices"
	"strings"
)

const (
	margin        = 24
	headLine      = 30 // with the file's name
	barWidth      = 6
	legendWidth   = 760
	legendLine    = 26
	legendColumns = 104
)

// SVG draws g from the left to the right: the servers, then what each node hands
// requests on to, the filters of a node within it. The drawing is the same for
// the same graph; it is light or dark as the reader wishes, and its text is text.
// It ends with a newline.
func (g *Graph) SVG() string {
	l := layOut(g)
	said := g.legend()
	w := max(l.width, legendWidth) + 2*margin
	h := l.height + 3*margin + headLine + float64(len(said)+1)*legendLine
	s := &svg{}
	s.line(`<svg xmlns="http://www.w3.org/2000/svg" width="%.0f" height="%.0f" viewBox="0 0 %.0f %.0f" role="img" aria-labelledby="pasted-title pasted-desc">`, w, h, w, h)
	s.line(`<title id="pasted-title">%s</title>`, xml("Components of "+base(g.File)))
	s.line(`<desc id="pasted-desc">%s</desc>`, xml(g.description()))
	s.WriteString(style)
	s.line(`<rect class="paper" width="100%%" height="100%%"/>`)
	s.text(margin, margin+fontSize, "name", cut(plain(l.file), 96))
	s.line(`<g transform="translate(%d %d)">`, margin, margin+headLine)
	for _, e := range l.edges {
		s.edge(e, l.columns[e.to.depth])
	}
	if l.others > 0 {
		s.text(0, l.others-12, "faint", "What is served does not reach:")
	}
	for _, c := range l.cards {
		s.card(c)
	}
	s.line(`</g>`)
	s.legend(said, l.height+2*margin+headLine)
	s.line(`</svg>`)
	return s.String()
}

// style is the look. What is native has a full bar and a full line, what is
// hosted a striped bar and a broken line: colour alone says nothing.
const style = `<style>
text { font: 12px "DejaVu Sans Mono", Menlo, Consolas, "Liberation Mono", monospace; fill: #1f2328; }
.name { font-weight: bold; }
.faint { fill: #59636e; }
.bad { fill: #a40e26; font-weight: bold; }
.paper, .behind { fill: #ffffff; }
.card { fill: #f6f8fa; stroke: #59636e; stroke-width: 1.5; }
.rule { stroke: #c4cbd3; }
.edge { fill: none; stroke: #59636e; stroke-width: 1.5; }
.tip { fill: #59636e; }
.guess { stroke-dasharray: 2 4; }
.native > .card, .native > .bar { stroke: #1a7f37; }
.native > .bar, .native > .kind { fill: #1a7f37; }
.hosted > .card, .hosted > .bar { stroke: #9a5b00; }
.hosted > .card { stroke-dasharray: 7 4; }
.hosted > .bar { fill: url(#pasted-stripes); }
.hosted > .kind, .stripe { fill: #9a5b00; }
.unplaced > .card { stroke-dasharray: 2 3; }
.unplaced > .bar { fill: none; }
.wrong > .card { stroke: #a40e26; stroke-width: 3; stroke-dasharray: none; }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3; }
.faint { fill: #9aa4af; }
.bad { fill: #ff8f88; }
.paper, .behind { fill: #0d1117; }
.card { fill: #161b22; stroke: #9aa4af; }
.rule { stroke: #3d444d; }
.edge { stroke: #9aa4af; }
.tip { fill: #9aa4af; }
.native > .card, .native > .bar { stroke: #4fce6b; }
.native > .bar, .native > .kind { fill: #4fce6b; }
.hosted > .card, .hosted > .bar { stroke: #e3a33c; }
.hosted > .kind, .stripe { fill: #e3a33c; }
.wrong > .card { stroke: #ff8f88; }
}
</style>
<defs>
<pattern id="pasted-stripes" width="6" height="6" patternUnits="userSpaceOnUse"><rect class="stripe" width="6" height="3"/></pattern>
</defs>
`

type svg struct{ strings.Builder }

func (s *svg) line(format string, args ...any) { fmt.Fprintf(s, format+"\n", args...) }

func (s *svg) text(x, y float64, class, text string) {
	s.line(`<text class="%s" x="%.1f" y="%.1f">%s</text>`, class, x, y, xml(text))
}

// edge draws from a card's right side to another's left, down along a line that
// all edges of the card share.
func (s *svg) edge(e link, col column) {
	x1, y1 := e.from.x+e.from.w, e.from.y+entry
	x2, y2 := e.to.x, e.to.y+entry
	trunk, class := x1+stub/2, "edge"
	if e.edge.Guess {
		class += " guess"
	}
	s.line(`<path class="%s" d="M%.1f %.1fH%.1fV%.1fH%.1f"/>`, class, x1, y1, trunk, y2, x2-7)
	s.line(`<path class="tip" d="M%.1f %.1fl-9 -4.5v9z"/>`, x2, y2)
	label := e.edge.label()
	if label == "" {
		return
	}
	x := x2 - stub - textWidth(label) + 4
	s.line(`<rect class="behind" x="%.1f" y="%.1f" width="%.1f" height="%d"/>`, x-3, y2-9, textWidth(label)+6, 18)
	s.text(x, y2+4, "label", label)
}

// card draws a node and its filters.
func (s *svg) card(c *card) {
	class := string(c.node.Placement)
	if slices.ContainsFunc(c.blocks, func(b block) bool { return b.node.Error != "" }) {
		class += " wrong"
	}
	s.line(`<g class="%s">`, class)
	s.line(`<rect class="card" x="%.1f" y="%.1f" width="%.1f" height="%.1f" rx="5"/>`, c.x, c.y, c.w, c.h)
	s.line(`</g>`)
	y := c.y
	for i, b := range c.blocks {
		if i > 0 {
			s.line(`<path class="rule" d="M%.1f %.1fH%.1f"/>`, c.x+1, y, c.x+c.w-1)
		}
		s.block(c, &b, y)
		y += b.height()
	}
}

func (s *svg) block(c *card, b *block, y float64) {
	s.line(`<g class="%s">`, b.node.Placement)
	s.line(`<title>%s</title>`, xml(strings.Join(b.node.told(), "\n")))
	s.line(`<rect class="bar" x="%.1f" y="%.1f" width="%d" height="%.1f"/>`, c.x+3+b.indent, y+4, barWidth, b.height()-8)
	for i, line := range b.lines {
		s.text(c.x+inset+b.indent, y+padding+float64(i)*lineHeight+fontSize, line.class, line.text)
	}
	s.line(`</g>`)
}

// told is all that there is to say of n.
func (n *Node) told() []string {
	lines := []string{plain(n.Name), string(n.Kind) + ", " + n.placed()}
	for _, more := range append([]string{n.object(), n.where()}, n.remarks()...) {
		if more != "" {
			lines = append(lines, plain(more))
		}
	}
	if n.Error != "" {
		lines = append(lines, "wrong: "+plain(n.Error))
	}
	return lines
}

// legend is what stands below a drawing, in lines.
func (g *Graph) legend() []string {
	var lines []string
	if g.guesses() {
		lines = append(lines, "dotted edge: "+guessed)
	}
	lines = append(lines, wrapped(plain(g.eggs()), legendColumns)...)
	for _, note := range g.Notes {
		lines = append(lines, wrapped(plain("note: "+note), legendColumns)...)
	}
	return lines
}

func (s *svg) legend(said []string, y float64) {
	x := float64(margin)
	for _, sample := range []struct{ class, text string }{
		{"native", "native: runs in Go"}, {"hosted", "hosted: runs in Python"},
		{"unplaced", "not placed"}, {"native wrong", "wrong"},
	} {
		s.line(`<g class="%s">`, sample.class)
		s.line(`<rect class="card" x="%.1f" y="%.1f" width="36" height="20" rx="4"/>`, x, y)
		s.line(`<rect class="bar" x="%.1f" y="%.1f" width="%d" height="12"/>`, x+4, y+4, barWidth)
		s.text(x+44, y+14, "faint", sample.text)
		s.line(`</g>`)
		x += 44 + textWidth(sample.text) + 28
	}
	for i, text := range said {
		s.text(margin, y+14+float64(i+1)*legendLine, "faint", text)
	}
}

// description says in a sentence or two what a drawing shows.
func (g *Graph) description() string {
	count := map[Placement]int{}
	nodes := 0
	g.Walk(func(n *Node) {
		nodes++
		count[n.Placement]++
	})
	text := fmt.Sprintf("%d components, from the server on the left to the applications on the right: %d native, %d hosted in Python",
		nodes, count[Native], count[Hosted])
	if count[Unplaced] > 0 {
		text += fmt.Sprintf(", %d not placed", count[Unplaced])
	}
	if g.Mistakes > 0 {
		text += fmt.Sprintf("; mistakes: %d", g.Mistakes)
	}
	return text + "."
}

// base is the last part of a path.
func base(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }

// xml is text for an element or an attribute.
func xml(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;").Replace(plainLines(text))
}

// plainLines is plain for each line of text.
func plainLines(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = strings.NewReplacer("\ufffe", " ", "\uffff", " ").Replace(plain(lines[i]))
	}
	return strings.Join(lines, "\n")
}

package graph

import (
	"slices"
	"strconv"
	"strings"
)

// The measures of a drawing, in its units. The font has one width, so that a
// character is about 0.6 of its size wide; where the reader's is another one,
// the difference is small.
const (
	fontSize   = 12
	charWidth  = 7.3
	lineHeight = 17
	padding    = 8   // of a block, above and below
	inset      = 16  // of its text, from the left; half of it from the right
	widestLine = 52  // in characters
	widestEdge = 28  // of an edge's label, in characters
	gapAbove   = 16  // between nodes above each other
	gapParts   = 40  // between what is served and what is not
	stub       = 18  // of an edge, before and behind its label
	entry      = 17  // from a card's top to its edges
	narrowest  = 150 // card
	gridWidth  = 1000
)

// A layout has the cards of a drawing in their places, none over another: a
// node's column is its distance from the server, and all that is behind it
// stands beside it and below, above the next node of its column.
type layout struct {
	cards         []*card // in the order of the nodes
	edges         []link
	file          string // whose name goes without saying
	width, height float64
	others        float64 // where what is not reached begins; 0: nowhere
	columns       []column
}

// A column is what has the same distance from the server.
type column struct {
	x, width float64
	labels   float64 // width of the labels before it
}

// A card is a node and the filters in it.
type card struct {
	node       *Node
	depth      int
	x, y, w, h float64
	blocks     []block
	file       string
}

// A block is one component in a card.
type block struct {
	node   *Node
	lines  []textLine
	indent float64
}

type textLine struct{ text, class string }

// A link leads from one card to another.
type link struct {
	edge     *Edge
	from, to *card
}

// layOut puts g's nodes into their places.
func layOut(g *Graph) *layout {
	l := &layout{file: base(g.File)}
	for _, n := range g.Servers {
		l.height = l.place(n, 0, l.height) + gapAbove
	}
	var single []*Node
	if len(g.Others) > 0 {
		l.height += gapParts
		l.others = l.height
	}
	for _, n := range g.Others {
		if len(n.Edges) == 0 {
			single = append(single, n)
			continue
		}
		l.height = l.place(n, 0, l.height) + gapAbove
	}
	l.align()
	l.grid(single)
	l.height -= gapAbove
	return l
}

// align gives the cards of a column one place and one width.
func (l *layout) align() {
	for i := range l.columns {
		c := &l.columns[i]
		if i > 0 {
			before := l.columns[i-1]
			c.x = before.x + before.width + 2*stub + c.labels
		}
		l.width = c.x + c.width
	}
	for _, c := range l.cards {
		c.x, c.w = l.columns[c.depth].x, l.columns[c.depth].width
	}
}

// grid puts nodes that lead nowhere below all others, in rows.
func (l *layout) grid(nodes []*Node) {
	var cards []*card
	var w float64
	for _, n := range nodes {
		c := l.card(n)
		cards, w = append(cards, c), max(w, c.w)
	}
	perRow := 1
	if len(cards) > 0 {
		perRow = max(1, int((max(l.width, gridWidth)+gapAbove)/(w+gapAbove)))
	}
	for row := range slices.Chunk(cards, perRow) {
		var h float64
		for i, c := range row {
			c.x, c.y, c.w = float64(i)*(w+gapAbove), l.height, w
			h = max(h, c.h)
			l.width = max(l.width, c.x+c.w)
		}
		l.height += h + gapAbove
	}
	l.cards = append(l.cards, cards...)
}

// place puts n and all behind it below y, and returns where they end.
func (l *layout) place(n *Node, depth int, y float64) (bottom float64) {
	c := l.card(n)
	c.depth, c.y = depth, y
	l.cards = append(l.cards, c)
	l.column(depth).width = max(l.columns[depth].width, c.w)
	below := y
	for _, e := range n.Edges {
		col := l.column(depth + 1)
		col.labels = max(col.labels, textWidth(e.label()))
		child := len(l.cards)
		below = l.place(e.To, depth+1, below) + gapAbove
		l.edges = append(l.edges, link{e, c, l.cards[child]})
	}
	return max(y+c.h, below-gapAbove)
}

func (l *layout) column(depth int) *column {
	for len(l.columns) <= depth {
		l.columns = append(l.columns, column{})
	}
	return &l.columns[depth]
}

// label is what is written on an edge.
func (e *Edge) label() string {
	if e.Guess && e.Label+" =" == e.To.Name {
		return "" // the node says it
	}
	return cut(plain(e.Label), widestEdge)
}

func textWidth(text string) float64 { return float64(width(text)) * charWidth }

// card makes the card of n, which has no place yet.
func (l *layout) card(n *Node) *card {
	c := &card{node: n, w: narrowest, file: l.file}
	c.add(n, 0, "")
	for i, f := range n.Filters {
		c.filter(f, 0, strconv.Itoa(i+1)+" ")
	}
	for _, b := range c.blocks {
		c.h += b.height()
		for _, line := range b.lines {
			c.w = max(c.w, textWidth(line.text)+1.5*inset+b.indent)
		}
	}
	return c
}

// filter adds a filter, and what it refers to where it does not resolve.
func (c *card) filter(f *Node, indent float64, number string) {
	c.add(f, indent, number)
	for _, inner := range f.Filters {
		c.filter(inner, indent+inset, "")
	}
	for _, e := range f.Edges {
		c.filter(e.To, indent+inset, "")
	}
}

func (c *card) add(n *Node, indent float64, number string) {
	c.blocks = append(c.blocks, block{n, linesOf(n, number, c.file), indent})
}

func (b *block) height() float64 { return float64(len(b.lines))*lineHeight + 2*padding }

// linesOf is what a card says of a component of a drawing of file.
func linesOf(n *Node, number, file string) (lines []textLine) {
	kind := string(n.Kind) + ", " + n.placed()
	if number != "" || n.Kind == Missing {
		kind = n.placed()
	}
	at := plain(n.where())
	if n.File == file {
		at = "line " + strconv.Itoa(n.Line)
	}
	if at != "" && width(kind)+2+width(at) <= widestLine {
		kind += ", " + at
	} else if at != "" {
		defer func() { lines = slices.Insert(lines, 2, textLine{tail(at, widestLine), "faint"}) }()
	}
	lines = []textLine{{cut(number+plain(n.Name), widestLine), "name"}, {kind, "kind"}}
	if o := n.object(); o != "" {
		lines = append(lines, textLine{cut(plain(o), widestLine), "object"})
	}
	for _, r := range n.remarks() {
		if number != "" && r == n.Reason && n.Error == "" {
			continue // it would be said of each of many
		}
		for _, text := range wrapped(plain(r), widestLine) {
			lines = append(lines, textLine{text, "faint"})
		}
	}
	if n.Error != "" {
		for _, text := range wrapped("✗ "+plain(n.Error), widestLine) {
			lines = append(lines, textLine{text, "bad"})
		}
	}
	return lines
}

// tail is text of at most so many columns, with an ellipsis for its beginning.
func tail(text string, columns int) string {
	runes := []rune(text)
	for i := range runes {
		if i > 0 {
			text = "…" + string(runes[i:])
		}
		if width(text) <= columns {
			break
		}
	}
	return text
}

// wrapped is text in lines of at most so many columns; a word that is longer is
// broken.
func wrapped(text string, columns int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		for width(word) > columns {
			head := strings.TrimSuffix(cut(word, columns), "…")
			if line != "" {
				lines, line = append(lines, line), ""
			}
			lines, word = append(lines, head), word[len(head):]
		}
		switch {
		case line == "":
			line = word
		case width(line)+1+width(word) > columns:
			lines, line = append(lines, line), word
		default:
			line += " " + word
		}
	}
	return append(lines, line)
}

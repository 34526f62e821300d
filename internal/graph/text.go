package graph

import (
	"strings"
)

// columns is how wide a text is that nothing forces to be wider.
const columns = 100

// widestTree is how wide the column of the tree is at most: what is wider pushes
// the others to the right.
const widestTree = 46

// Text draws g as a tree, a component a line, with lines below for what does not
// fit. ascii has it draw with ASCII alone; names stay as they are.
func (g *Graph) Text(ascii bool) string {
	t := &tree{strokes: lines}
	if ascii {
		t.strokes = asciiLines
	}
	for _, n := range g.Servers {
		t.node(n, "", "", "")
	}
	t.blank()
	for _, n := range g.Others {
		t.node(n, "", "", "")
	}
	t.blank()
	t.rest("", g.eggs())
	if g.guesses() {
		t.rest("", strings.TrimSpace(t.strokes.guess)+" "+guessed)
	}
	for _, note := range g.Notes {
		t.rest("", "note: "+note)
	}
	return t.String()
}

// strokes are what a tree is drawn with.
type strokes struct{ branch, last, along, gap, arrow, guess, wrong string }

var (
	lines      = strokes{"├─ ", "└─ ", "│  ", "   ", " → ", " ⇢ ", "✗ "}
	asciiLines = strokes{"|- ", "`- ", "|  ", "   ", " -> ", " ~> ", "!! "}
)

// A tree is a text on its way.
type tree struct {
	strokes  strokes
	inPython bool // what is drawn stands inside of Python: few reasons are news
	rows     []row
}

// A row is one line: the cells of a node, or a text of its own.
type row struct {
	tree  string
	cells [3]string // placement, kind, place
	tail  []string  // object and remarks
	below string    // what stands before the lines of what does not fit
	wrong string
	text  string // of a row without cells
}

func (r row) empty() bool { return r.tree == "" && r.text == "" }

// node draws n behind before, and what is within it behind below.
func (t *tree) node(n *Node, before, below, label string) {
	parts := make([]string, 0, 4)
	if o := n.object(); o != "" {
		parts = append(parts, plain(o))
	}
	for _, r := range n.remarks() {
		if !t.inPython || r != noTwin && r != pythonCode {
			parts = append(parts, plain(r))
		}
	}
	inner := below
	if len(n.Filters)+len(n.Edges) > 0 {
		inner += t.strokes.along
	} else {
		inner += t.strokes.gap
	}
	t.rows = append(t.rows, row{
		tree:  before + plain(label+n.Name),
		cells: [3]string{n.placed(), string(n.Kind), plain(n.where())},
		tail:  parts, below: inner, wrong: plain(n.Error),
	})
	around := t.inPython
	t.inPython = n.Placement == Hosted
	t.within(n, below)
	t.inPython = around
}

func (t *tree) within(n *Node, below string) {
	for i, f := range n.Filters {
		t.child(f, below, "", i == len(n.Filters)-1 && len(n.Edges) == 0)
		t.inPython = f.Placement == Hosted
	}
	for i, e := range n.Edges {
		label := e.Label
		switch {
		case e.Guess && label+" =" == e.To.Name:
			label = ""
		case label != "" && e.Guess:
			label += t.strokes.guess
		case label != "":
			label += t.strokes.arrow
		}
		t.child(e.To, below, label, i == len(n.Edges)-1)
	}
}

func (t *tree) child(n *Node, below, label string, last bool) {
	if last {
		t.node(n, below+t.strokes.last, below+t.strokes.gap, label)
		return
	}
	t.node(n, below+t.strokes.branch, below+t.strokes.along, label)
}

// rest adds a text of its own, below what is said of before.
func (t *tree) rest(before, text string) {
	t.rows = append(t.rows, row{below: before, text: plain(text)})
}

// blank separates what follows, if something stands above.
func (t *tree) blank() {
	if len(t.rows) > 0 && !t.rows[len(t.rows)-1].empty() {
		t.rows = append(t.rows, row{})
	}
}

// String writes the rows in columns.
func (t *tree) String() string {
	first, cells := t.widths()
	var b strings.Builder
	for _, r := range t.rows {
		if r.tree == "" {
			writeLines(&b, r.below, r.text)
			continue
		}
		line := r.tree + pad(first-width(r.tree)) + "  "
		for i, cell := range r.cells {
			line += cell + pad(cells[i]-width(cell)) + "  "
		}
		object := ""
		for len(r.tail) > 0 && width(line)+width(object)+width(r.tail[0])+2 <= columns {
			object, r.tail = object+"; "+r.tail[0], r.tail[1:]
		}
		b.WriteString(strings.TrimRight(line+strings.TrimPrefix(object, "; "), " ") + "\n")
		if len(r.tail) > 0 {
			writeLines(&b, r.below+"  ", strings.Join(r.tail, "; "))
		}
		if r.wrong != "" {
			writeLines(&b, r.below+t.strokes.wrong, r.wrong)
		}
	}
	return b.String()
}

// widths are those of the columns.
func (t *tree) widths() (first int, cells [3]int) {
	for _, r := range t.rows {
		if w := width(r.tree); w <= widestTree {
			first = max(first, w)
		}
		for i, cell := range r.cells {
			cells[i] = max(cells[i], width(cell))
		}
	}
	return first, cells
}

func pad(n int) string { return strings.Repeat(" ", max(n, 0)) }

// writeLines writes text behind before, broken between words.
func writeLines(b *strings.Builder, before, text string) {
	rest := strings.Fields(text)
	line := before
	for i, word := range rest {
		if i > 0 && width(line)+1+width(word) > columns {
			b.WriteString(strings.TrimRight(line, " ") + "\n")
			line = strings.NewReplacer("✗", " ", "!!", "  ").Replace(before)
		} else if i > 0 {
			line += " "
		}
		line += word
	}
	b.WriteString(strings.TrimRight(line, " ") + "\n")
}

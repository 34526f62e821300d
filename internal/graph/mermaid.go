package graph

import (
	"fmt"
	"slices"
	"strings"
)

// Mermaid draws g as a flowchart of Mermaid's: a subgraph for each file, classes
// for the placements, and a pipeline as a chain from its filters to its
// application. It ends with a newline.
func (g *Graph) Mermaid() string {
	m := mermaid{}
	m.line("flowchart LR")
	m.line("  accTitle: %s", spoken("Components of "+base(g.File)))
	for _, file := range g.files() {
		m.file(g, file)
	}
	g.Walk(func(n *Node) { m.edges(n) })
	m.line("  classDef native fill:#e3f1e6,stroke:#2c6e3f,color:#14301c,stroke-width:2px")
	m.line("  classDef hosted fill:#fdf1d6,stroke:#9a6700,color:#3d2a00,stroke-dasharray:5 3")
	m.line("  classDef unplaced fill:#f3f3f3,stroke:#777777,color:#222222")
	m.line("  classDef wrong fill:#fde7e7,stroke:#b3261e,color:#410e0b,stroke-width:3px")
	return m.String()
}

type mermaid struct{ strings.Builder }

func (m *mermaid) line(format string, args ...any) { fmt.Fprintf(m, format+"\n", args...) }

// files are those that g's nodes stand in, in the order in which they are met;
// empty for what stands in none.
func (g *Graph) files() []string {
	var files []string
	g.Walk(func(n *Node) {
		if !slices.Contains(files, n.File) {
			files = append(files, n.File)
		}
	})
	return files
}

func (m *mermaid) file(g *Graph, file string) {
	indent := "  "
	if file != "" {
		m.line("  subgraph f%d[\"%s\"]", slices.Index(g.files(), file), escaped(file))
		indent = "    "
	}
	g.Walk(func(n *Node) {
		if n.File == file {
			m.line(`%sn%d["%s"]:::%s`, indent, n.ID, n.label(), n.class())
		}
	})
	if file != "" {
		m.line("  end")
	}
}

// label is what a node says, its lines apart.
func (n *Node) label() string {
	lines := []string{n.Name, string(n.Kind) + ", " + n.placed()}
	if o := n.object(); o != "" {
		lines = append(lines, o)
	}
	lines = append(lines, n.remarks()...)
	if n.Error != "" {
		lines = append(lines, "wrong: "+n.Error)
	}
	if n.Line > 0 {
		lines[1] += fmt.Sprintf(", line %d", n.Line)
	}
	for i := range lines {
		lines[i] = escaped(lines[i])
	}
	return strings.Join(lines, "<br/>")
}

func (n *Node) class() string {
	if n.Error != "" {
		return "wrong"
	}
	return string(n.Placement)
}

// edges draws where requests go from n: through its filters first.
func (m *mermaid) edges(n *Node) {
	from := n.ID
	for _, f := range n.Filters {
		m.line("  n%d --> n%d", from, f.ID)
		from = f.ID
	}
	for _, e := range n.Edges {
		arrow := "-->"
		if e.Guess {
			arrow = "-.->"
		}
		if e.Label != "" {
			arrow += `|"` + escaped(e.Label) + `"|`
		}
		m.line("  n%d %s n%d", from, arrow, e.To.ID)
	}
	if n.Again != 0 {
		m.line(`  n%d -.-|"parts as there"| n%d`, n.ID, n.Again)
	}
}

// escaped is text for a string of Mermaid's: all that means something in it, in
// Markdown or in HTML, is a numeric entity.
func escaped(text string) string {
	var b strings.Builder
	for _, r := range plain(text) {
		switch {
		case r < 0x80 && !strings.ContainsRune(safe, r):
			fmt.Fprintf(&b, "#%d;", r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

const safe = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .,:=/-()[]"

// spoken is text for a line of Mermaid's that has no quotes.
func spoken(text string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("#;{}%\"", r) {
			return ' '
		}
		return r
	}, plain(text))
}

package graph

import (
	"fmt"
	"strings"
)

// where is a node's place, "site.ini:3", or empty.
func (n *Node) where() string {
	if n.File == "" {
		return ""
	}
	return fmt.Sprintf("%s:%d", n.File, n.Line)
}

// placed is a node's placement in a few words.
func (n *Node) placed() string {
	switch {
	case n.Placement == Hosted && n.Root >= 0:
		return fmt.Sprintf("hosted, root %d", n.Root)
	case n.Placement == Unplaced:
		return "not placed"
	}
	return string(n.Placement)
}

// object is what is called, with a word where that is taken for installed; it is
// empty where the name has said it.
func (n *Node) object() string {
	if n.Object == n.Name {
		return assumed(n, "")
	}
	return assumed(n, n.Object)
}

func assumed(n *Node, object string) string {
	if !n.Assumed {
		return object
	}
	return strings.TrimSpace(object + " (assumed)")
}

// remarks are what else is to be known of n, but its Error.
func (n *Node) remarks() []string {
	var list []string
	if n.Detail != "" {
		list = append(list, n.Detail)
	}
	if len(n.Uses) > 0 {
		list = append(list, "uses "+strings.Join(n.Uses, ", "))
	}
	if n.Reason != "" {
		list = append(list, n.Reason)
	}
	return list
}

// eggs says which eggs count.
func (g *Graph) eggs() string {
	if g.Python != "" {
		return "eggs of " + g.Python
	}
	return "eggs taken for installed: " + g.Assumed
}

// guesses says whether a graph has an edge that is guessed.
func (g *Graph) guesses() bool {
	found := false
	g.Walk(func(n *Node) {
		for _, e := range n.Edges {
			found = found || e.Guess
		}
	})
	return found
}

// guessed is what a guess is, for a legend.
const guessed = "named by an option's value: whether it is loaded is known to the Python code"

// plain is text without what would break a line or move a cursor.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || 0x80 <= r && r < 0xa0 || r == '\u2028' || r == '\u2029' || 0x202a <= r && r <= 0x202e || 0x2066 <= r && r <= 0x2069 {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "\ufffd"))
}

// width is how many columns a text takes in a fixed-width font: wide characters
// take two, marks none.
func width(text string) int {
	columns := 0
	for _, r := range text {
		switch {
		case 0x300 <= r && r <= 0x36f, r == 0x200b, r == 0x200d, 0xfe00 <= r && r <= 0xfe0f:
		case 0x1100 <= r && r <= 0x115f, 0x2e80 <= r && r <= 0xa4cf, 0xac00 <= r && r <= 0xd7a3,
			0xf900 <= r && r <= 0xfaff, 0xfe30 <= r && r <= 0xfe6f, 0xff00 <= r && r <= 0xff60,
			0xffe0 <= r && r <= 0xffe6, 0x1f300 <= r && r <= 0x1faff, 0x20000 <= r && r <= 0x3fffd:
			columns += 2
		default:
			columns++
		}
	}
	return columns
}

// cut is text of at most so many columns, with an ellipsis for the rest.
func cut(text string, columns int) string {
	if width(text) <= columns {
		return text
	}
	used, runes := 1, []rune(nil)
	for _, r := range text {
		if used += width(string(r)); used > columns {
			break
		}
		runes = append(runes, r)
	}
	return string(runes) + "…"
}

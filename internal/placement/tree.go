package placement

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"pasted/paste"
)

// A Node is one component of a placed application, for people to read.
type Node struct {
	// Name is the section's, in brackets, or the URI that named the
	// component. The rest of a pipeline has the pipeline's.
	Name string     `json:"name"`
	Type paste.Type `json:"type"`
	// Object is what is called, as files write it ("egg:Paste#urlmap",
	// "module:attr"); empty for a pipeline and the like.
	Object string `json:"object,omitempty"`
	// File and Line are where the section stands; empty and 0 for none.
	File   string `json:"file,omitempty"`
	Line   int    `json:"line,omitempty"`
	Native bool   `json:"native"`
	// Root is the index of the root that a hosted component is in, -1 for a
	// native one.
	Root int `json:"root"`
	// Reason says why the placement is what it is, where that is not to be
	// expected.
	Reason string `json:"reason,omitempty"`
	// Children are a pipeline's filters and then its application, and the
	// applications of a native composite in the order of their loading. What
	// a hosted composite loads is known only to Python.
	Children []*Node `json:"children,omitempty"`
}

func newNode(ctx *paste.Context, root int) *Node {
	n := &Node{
		Name: "[" + ctx.Section + "]",
		Type: ctx.Type,
		File: ctx.Pos.File,
		Line: ctx.Pos.Line,
		Root: root, Native: root < 0,
	}
	if ctx.Object != nil {
		n.Object = ctx.Object.String()
	}
	if ctx.Section == "" {
		n.Name = n.Object
	}
	return n
}

// enter makes n the parent of what is placed until the returned function is
// called.
func (p *placer) enter(n *Node) (leave func()) {
	parent := p.parent
	p.parent = n
	return func() { p.parent = parent }
}

func (p *placer) addNative(ctx *paste.Context) *Node {
	n := newNode(ctx, -1)
	p.parent.Children = append(p.parent.Children, n)
	return n
}

// addHosted adds the parts of a root, the outermost first, and returns an error
// for what can't be hosted.
func (p *placer) addHosted(root int, parts []*paste.Context) error {
	h := hosting{plan: p.plan, registry: p.options.Registry, root: root}
	for _, part := range parts {
		if err := h.add(p.parent, part); err != nil {
			return err
		}
	}
	return nil
}

// A hosting is one root on its way into the tree.
type hosting struct {
	plan     *Plan
	registry *paste.Registry
	root     int
	outer    string // the first Python component: the others are inside of it
}

func (h *hosting) add(parent *Node, ctx *paste.Context) error {
	n := newNode(ctx, h.root)
	parent.Children = append(parent.Children, n)
	object, err := h.plan.object(ctx)
	if err != nil {
		return err
	}
	for _, child := range children(ctx) {
		if err := h.add(n, child); err != nil {
			return err
		}
	}
	switch {
	case len(n.Children) > 0:
	case h.outer == "":
		h.outer = n.Name
	case h.registry.Has(ctx):
		n.Reason = "inside of " + h.outer
		if object != ctx.Object {
			n.Reason += ", as " + object.String()
		}
	}
	return nil
}

// children are the contexts that ctx refers to, the outermost first.
func children(ctx *paste.Context) []*paste.Context {
	switch ctx.Type {
	case paste.Pipeline:
		return append(append([]*paste.Context(nil), ctx.Filters...), ctx.App)
	case paste.FilterApp, paste.FilteredWith:
		return []*paste.Context{ctx.Filter, ctx.Next}
	}
	return nil
}

// String is the tree as lines: each component indented below what refers to it,
// its placement, what it is, where it stands, and the reason.
func (n *Node) String() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	n.write(w, "")
	_ = w.Flush() // a strings.Builder takes everything
	lines := strings.Split(b.String(), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n")
}

func (n *Node) write(w *tabwriter.Writer, indent string) {
	placement := "native"
	if !n.Native {
		placement = fmt.Sprintf("hosted, root %d", n.Root)
	}
	object := n.Object
	if object == "" || object == n.Name {
		object = strings.ReplaceAll(string(n.Type), "_", "-")
	}
	pos := paste.Position{File: n.File, Line: n.Line}
	fmt.Fprintf(w, "%s%s\t%s\t%s\t%s\t%s\n", indent, n.Name, placement, object, pos, n.Reason)
	for _, child := range n.Children {
		child.write(w, indent+"  ")
	}
}

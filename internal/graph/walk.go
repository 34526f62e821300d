package graph

import (
	"fmt"
	"strconv"
	"strings"

	"pasted/internal/placement"
	"pasted/paste"
)

// A place is where a component stands: what is around it.
type place struct {
	python string // the outermost Python component around it; empty: all is native
	root   int    // of python
	aside  bool   // it is not what is served, and so in no root
	wrong  bool   // it belongs to a section that does not resolve
}

func (p place) placement() Placement {
	switch {
	case p.wrong:
		return Unplaced
	case p.python != "":
		return Hosted
	}
	return Native
}

// inPython returns the place within a hosted component that natives are around.
func (b *builder) inPython(at place, name string) place {
	at.python, at.root = name, b.root(at)
	return at
}

// named draws what a name means to a loader.
func (b *builder) named(l *paste.Loader, kind paste.Kind, name string, global *paste.Conf, at place) *Node {
	ctx, err := l.Context(kind, &name, global)
	if err != nil {
		return b.broken(l, kind, name, global, at, err)
	}
	k := key{ctx.Pos, ctx.Section, at.placement()}
	if d := b.drawn[k]; d != nil && ctx.Section != "" {
		return b.again(d, ctx, at)
	}
	d := &drawing{open: true, roots: -b.roots}
	b.drawn[k] = d
	d.node = b.component(ctx, at)
	d.open = false
	d.roots += b.roots
	if kind == paste.FilterKind || len(d.node.Filters) == 0 && len(d.node.Edges) == 0 {
		delete(b.drawn, k) // it is as short as a reference to it
	}
	return d.node
}

// again draws a section whose parts are drawn already, or are being drawn.
func (b *builder) again(d *drawing, ctx *paste.Context, at place) *Node {
	n := b.node(ctx, at)
	if d.open {
		n.Placement, n.Root = Unplaced, -1
		n.Error = (&paste.Error{Pos: ctx.Pos, Section: ctx.Section,
			Message: "goes in a circle: want a section that ends it"}).Error()
		return n
	}
	n.Placement, n.Root = d.node.Placement, d.node.Root
	if n.Placement == Hosted && at.python == "" {
		n.Root = -1
		if !at.aside {
			n.Root = b.roots
		}
	}
	n.Reason = "built once more, as drawn before"
	if !at.aside && d.roots > 0 {
		if n.Placement == Native {
			n.Reason += ", from root " + strconv.Itoa(b.roots) + " on"
		}
		b.roots = min(b.roots+d.roots, placement.MaxRoots)
	}
	d.again = append(d.again, n)
	return n
}

// component draws an application or a filter.
func (b *builder) component(ctx *paste.Context, at place) *Node {
	switch ctx.Type {
	case paste.Pipeline, paste.FilterApp, paste.FilteredWith:
		return b.layered(ctx, at)
	}
	n := b.node(ctx, at)
	switch {
	case at.wrong:
	case at.python != "":
		b.inside(n, ctx, at)
	case !b.options.Registry.Has(ctx):
		at = b.inPython(at, n.Name)
		n.Placement, n.Root, n.Reason = Hosted, at.root, whyHosted(ctx)
	default:
		n.Reason = "twin in Go"
	}
	b.mounts(n, ctx, at)
	return n
}

// inside says what is to be known of a component within Python.
func (b *builder) inside(n *Node, ctx *paste.Context, at place) {
	if !b.options.Registry.Has(ctx) {
		n.Reason = whyHosted(ctx)
		return
	}
	n.Reason = "inside of " + at.python
	if ctx.Object.Module != "" || ctx.Assumed || b.options.Assumed != "" {
		return
	}
	if b.options.StandIn != nil {
		if o := b.options.StandIn(ctx); o != nil {
			n.Reason += ", as " + o.String()
			return
		}
	}
	n.Error = (&paste.Error{Pos: ctx.Pos, Section: ctx.Section, Message: fmt.Sprintf(
		"%s stands inside of Python code, and the interpreter does not have %s: want it outside, or %[2]s installed",
		ctx.Object, ctx.Distribution)}).Error()
}

// Why a component is hosted wherever it stands.
const (
	noTwin     = "no twin in Go"
	pythonCode = "Python code"
)

func whyHosted(ctx *paste.Context) string {
	if ctx.Object != nil && ctx.Object.Egg != "" {
		return noTwin
	}
	return pythonCode
}

// layered draws filters and the application within, as placement places them.
func (b *builder) layered(ctx *paste.Context, at place) *Node {
	filters, inner := b.layers(ctx)
	n := b.node(ctx, at)
	native := 0
	for at.python == "" && !at.wrong && native < len(filters) && b.options.Registry.Has(filters[native].ctx) {
		native++
	}
	for _, f := range filters[:native] {
		n.Filters = append(n.Filters, b.filter(f, at))
	}
	switch {
	case at.python != "" || at.wrong:
	case native < len(filters):
		first := b.node(filters[native].ctx, at).Name
		at = b.inPython(at, first)
		if native == 0 {
			n.Placement, n.Root, n.Reason = Hosted, at.root, first+" is hosted"
			break
		}
		n.Reason = "hosted from " + first + " on"
	default:
		n.Reason = "its filters are native"
	}
	for _, f := range filters[native:] {
		n.Filters = append(n.Filters, b.filter(f, at))
	}
	if inner != nil {
		n.Edges = []*Edge{{To: b.component(inner, at)}}
	}
	return n
}

// A layer is one filter of an application, and how it got there where that is
// not plain.
type layer struct {
	ctx *paste.Context
	how string
}

// layers takes an application, or a filter, that refers to others apart: its
// filters, the outermost first, and the application within, nil for a filter.
func (b *builder) layers(ctx *paste.Context) (filters []layer, inner *paste.Context) {
	switch {
	case ctx.Type == paste.Pipeline:
		for _, filter := range ctx.Filters {
			filters = append(filters, flatten(filter)...)
		}
		return filters, ctx.App
	case isFilter(ctx):
		return flatten(ctx), nil
	}
	return flatten(ctx.Filter), ctx.Next
}

// isFilter says whether ctx is a filter, perhaps with another one around it.
func isFilter(ctx *paste.Context) bool {
	for ctx.Type == paste.FilteredWith {
		ctx = ctx.Next
	}
	return ctx.Type == paste.Filter
}

func flatten(filter *paste.Context) []layer {
	if filter.Type != paste.FilteredWith {
		return []layer{{ctx: filter}}
	}
	outer := flatten(filter.Filter)
	for i := range outer {
		if outer[i].how == "" {
			outer[i].how = "filter-with of [" + filter.Section + "]"
		}
	}
	return append(outer, flatten(filter.Next)...)
}

func (b *builder) filter(f layer, at place) *Node {
	n := b.component(f.ctx, at)
	n.Detail = f.how
	return n
}

// node makes the node of a context, with nothing of what it refers to.
func (b *builder) node(ctx *paste.Context, at place) *Node {
	n := &Node{
		Name: "[" + ctx.Section + "]", Kind: kindOf(ctx),
		File: ctx.Pos.File, Line: ctx.Pos.Line,
		Placement: at.placement(), Root: -1, Assumed: ctx.Assumed,
	}
	if n.Placement == Hosted {
		n.Root = at.root
	}
	if ctx.Object != nil {
		n.Object = ctx.Object.String()
	}
	if ctx.Section == "" {
		n.Name = n.Object
	}
	b.reach(ctx.Pos, ctx.Section)
	n.Uses = b.uses(ctx, ctx.Loader, ctx.Section)
	return n
}

// reach notes that a section of the file itself is drawn.
func (b *builder) reach(pos paste.Position, section string) {
	if pos.File == b.options.File {
		b.reached[section] = true
	}
}

func kindOf(ctx *paste.Context) Kind {
	switch ctx.Type {
	case paste.Pipeline:
		return Pipeline
	case paste.FilterApp:
		return FilterApp
	case paste.FilteredWith:
		return FilterWith
	case paste.Filter:
		return Filter
	case paste.Server:
		return Server
	}
	if isComposite(ctx) {
		return Composite
	}
	return App
}

// isComposite says whether a factory of ctx is given a loader.
func isComposite(ctx *paste.Context) bool {
	return strings.HasPrefix(ctx.Protocol, "paste.composit")
}

// uses follows the `use` of a section of l's file through others: "[app:base]
// base.ini:3". It ends where an object is named.
func (b *builder) uses(ctx *paste.Context, l *paste.Loader, section string) []string {
	var chain []string
	for range maxUses {
		if l == nil || section == "" {
			return chain
		}
		conf, err := l.Section(section)
		name, ok := conf.Get("use")
		if err != nil || !ok || conf.Pos("use") != ctx.Named && chain == nil {
			return chain
		}
		next, err := l.Context(kindFor(ctx), &name, ctx.GlobalConf)
		if err != nil || next.Section == "" {
			return chain
		}
		chain = append(chain, strings.TrimSpace("["+next.Section+"] "+b.at(next.Pos)))
		b.reach(next.Pos, next.Section)
		l, section = next.Loader, next.Section
	}
	return append(chain, "…")
}

// maxUses is how long a chain is that is still told to its end.
const maxUses = 16

func kindFor(ctx *paste.Context) paste.Kind {
	switch {
	case ctx.Type == paste.Server:
		return paste.ServerKind
	case isFilter(ctx):
		return paste.FilterKind
	}
	return paste.AppKind
}

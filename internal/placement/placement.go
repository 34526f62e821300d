// Package placement decides, for every component of a resolved file, whether
// it is native or hosted, and builds the native ones. A component is native
// where the registry has a counterpart of its egg and everything around it is
// native: natives form the outside of the tree, Python the inside. It knows
// contexts and the registry; it starts nothing, and leaves to others what a
// root is made of.
package placement

import (
	"fmt"
	"net/http"

	"pasted/paste"
)

// MaxRoots is how many roots a plan has at most: a request's frame names its
// root in 16 bits.
const MaxRoots = 1 << 16

// A Root is a hosted application that a native component calls, or that is
// itself what is served.
type Root struct {
	// Index counts the roots of a plan from 0.
	Index int
	// Context is what Python is to build. It may be the rest of a pipeline
	// whose first filters are native, and then is nothing that was resolved.
	Context *paste.Context
}

// Options are what Place needs.
type Options struct {
	// Registry has the native components; nil: there are none.
	Registry *paste.Registry
	// Root returns the handler that takes requests to a root. It is called
	// in the order of the indices. Required.
	Root func(Root) (http.Handler, error)
	// StandIn returns the Python object that does the work of ctx, a native
	// component, where that stands inside of Python and its distribution is
	// not installed; nil where there is none, which is then an error. The
	// function may be nil. It is called at any time, from any goroutine.
	StandIn func(ctx *paste.Context) *paste.Object
}

// A Plan is a file placed and its native part built. Its fields are not to be
// changed. It is safe for concurrent use. The zero Plan places nothing; it can
// Encode, and Answer for what it has encoded.
type Plan struct {
	Handler http.Handler // the whole application
	Roots   []Root
	Tree    *Node

	standIn  func(*paste.Context) *paste.Object
	contexts contexts
}

// Place places the application ctx and what it refers to. ctx is not changed.
// A section that is reached twice, by two paths of a urlmap, is two components,
// as in PasteDeploy. The error is an *paste.Error or Options.Root's.
func Place(ctx *paste.Context, o Options) (*Plan, error) {
	if o.Registry == nil {
		o.Registry = new(paste.Registry)
	}
	if o.StandIn == nil {
		o.StandIn = func(*paste.Context) *paste.Object { return nil }
	}
	p := &placer{options: o, plan: &Plan{standIn: o.StandIn}, parent: &Node{}}
	p.builder = &paste.Builder{
		Registry: o.Registry,
		Hosted: func(ctx *paste.Context) (http.Handler, bool, error) {
			h, err := p.app(ctx)
			return h, true, err
		},
	}
	top := p.parent
	h, err := p.builder.App(ctx)
	if err != nil {
		return nil, err
	}
	p.plan.Handler, p.plan.Tree = h, top.Children[0]
	return p.plan, nil
}

// A placer is one call of Place.
type placer struct {
	options Options
	builder *paste.Builder
	plan    *Plan
	parent  *Node // of the component that is placed next
}

// app places the application ctx.
func (p *placer) app(ctx *paste.Context) (http.Handler, error) {
	switch ctx.Type {
	case paste.Pipeline, paste.FilterApp, paste.FilteredWith:
		return p.layered(ctx)
	case paste.Application:
		if !p.options.Registry.Has(ctx) {
			return p.root(ctx, ctx)
		}
		defer p.enter(p.addNative(ctx))()
	}
	return p.builder.Native(ctx)
}

// layered places an application that consists of filters and an application:
// the filters are native up to the first that can't be.
func (p *placer) layered(ctx *paste.Context) (http.Handler, error) {
	filters, inner := layers(ctx)
	native := 0
	for native < len(filters) && p.options.Registry.Has(filters[native]) {
		native++
	}
	outer, hosted := filters[:native], filters[native:]
	if len(outer) == 0 && len(hosted) > 0 {
		return p.root(ctx, ctx)
	}
	node := p.addNative(ctx)
	defer p.enter(node)()
	for _, filter := range outer {
		p.addNative(filter)
	}
	var app http.Handler
	var err error
	if len(hosted) == 0 {
		app, err = p.app(inner)
	} else {
		part := rest(ctx, hosted, inner)
		node.Reason = "hosted from " + newNode(hosted[0], 0).Name + " on"
		app, err = p.root(part, children(part)...)
	}
	if err != nil {
		return nil, err
	}
	return p.wrap(outer, app)
}

// wrap applies native filters, the outermost first.
func (p *placer) wrap(filters []*paste.Context, app http.Handler) (http.Handler, error) {
	for i := len(filters) - 1; i >= 0; i-- {
		wrapper, err := p.builder.Filter(filters[i])
		if err != nil {
			return nil, err
		}
		if app, err = wrapper(app); err != nil {
			return nil, err
		}
	}
	return app, nil
}

// layers takes an application that refers to others apart: its filters, the
// outermost first, and the application within.
func layers(ctx *paste.Context) (filters []*paste.Context, inner *paste.Context) {
	switch ctx.Type {
	case paste.Pipeline:
		for _, filter := range ctx.Filters {
			filters = append(filters, flatten(filter)...)
		}
		return filters, ctx.App
	default:
		return flatten(ctx.Filter), ctx.Next
	}
}

// flatten returns the filters that filter consists of: several where it has a
// filter-with of its own, which stands outside of it.
func flatten(filter *paste.Context) []*paste.Context {
	if filter.Type != paste.FilteredWith {
		return []*paste.Context{filter}
	}
	return append(flatten(filter.Filter), flatten(filter.Next)...)
}

// rest is the part of ctx that begins with the filters given, as a pipeline.
func rest(ctx *paste.Context, filters []*paste.Context, inner *paste.Context) *paste.Context {
	part := *ctx
	part.Type = paste.Pipeline
	part.Filters, part.App = filters, inner
	part.Filter, part.Next = nil, nil
	return &part
}

// root makes ctx, with all that is in it, the next root. It is shown as parts.
func (p *placer) root(ctx *paste.Context, parts ...*paste.Context) (http.Handler, error) {
	r := Root{Index: len(p.plan.Roots), Context: ctx}
	if r.Index == MaxRoots {
		return nil, &paste.Error{Pos: ctx.Pos, Section: ctx.Section, Message: fmt.Sprintf("more than %d applications in Python: want fewer", MaxRoots)}
	}
	if err := p.addHosted(r.Index, parts); err != nil {
		return nil, err
	}
	p.plan.Roots = append(p.plan.Roots, r)
	return p.options.Root(r)
}

// object returns what Python is to call for ctx, a component of its own; nil
// for one that refers to others. The error says that there is nothing: only the
// registry has ctx.
func (p *Plan) object(ctx *paste.Context) (*paste.Object, error) {
	o := ctx.Object
	if o == nil || o.Egg == "" || o.Module != "" {
		return o, nil
	}
	if p.standIn != nil {
		if o := p.standIn(ctx); o != nil {
			return o, nil
		}
	}
	dist := ctx.Distribution
	return nil, &paste.Error{
		Class:   "importlib.metadata.PackageNotFoundError",
		Text:    "No package metadata was found for " + dist,
		Pos:     ctx.Pos,
		Section: ctx.Section,
		Message: fmt.Sprintf("%s stands inside of Python code, and the interpreter does not have %s: want it outside, or %s installed", o, dist, dist),
		Hint:    fmt.Sprintf("a native component must have only native ones around it; else: pip install %s", dist),
	}
}

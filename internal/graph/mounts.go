package graph

import (
	"strings"

	"pasted/internal/ini"
	"pasted/paste"
)

// notFound is the option of Paste's urlmap that names no path.
const notFound = "not_found_app"

// mounts draws what a composite hands requests on to.
func (b *builder) mounts(n *Node, ctx *paste.Context, at place) {
	switch {
	case !isComposite(ctx):
	case isURLMap(ctx):
		b.urlmap(n, ctx, at)
	default:
		b.guessed(n, ctx, at)
	}
}

// isURLMap says whether ctx is Paste's urlmap, or one of the many that are made
// after it.
func isURLMap(ctx *paste.Context) bool {
	name := ctx.EntryPointName
	if ctx.Object != nil && ctx.Object.Egg == "" {
		name = ctx.Object.Attr
	}
	return name == "urlmap" || strings.HasSuffix(name, "urlmap_factory")
}

// urlmap draws an application for each option; the one for all other paths is
// loaded first.
func (b *builder) urlmap(n *Node, ctx *paste.Context, at place) {
	guess := n.Placement != Native && ctx.Object.Egg == ""
	name, ok := ctx.LocalConf.Get(notFound)
	if !ok {
		name, _ = ctx.GlobalConf.Get(notFound)
	}
	if name != "" {
		b.mount(n, ctx, at, "not found", name, guess)
	}
	for path, name := range ctx.LocalConf.All() {
		if path != notFound {
			b.mount(n, ctx, at, path, name, guess)
		}
	}
}

func (b *builder) mount(n *Node, ctx *paste.Context, at place, label, name string, guess bool) {
	to := b.named(ctx.Loader, paste.AppKind, name, ctx.GlobalConf, at)
	n.Edges = append(n.Edges, &Edge{Label: label, Guess: guess, To: to})
}

// guessed draws what the options of a composite name that only Python knows: a
// path and an application, filters and an application as OpenStack's
// pipeline_factory has them, or one application.
func (b *builder) guessed(n *Node, ctx *paste.Context, at place) {
	for option, value := range ctx.LocalConf.All() {
		names := ini.Fields(value)
		sure := strings.HasPrefix(option, "/") || strings.Contains(ctx.Object.String(), "pipeline_factory")
		if len(names) == 0 || !sure && !b.allNamed(ctx.Loader, names) {
			continue
		}
		if len(names) == 1 {
			b.mount(n, ctx, at, option, names[0], true)
			continue
		}
		to := b.words(ctx, names, at)
		to.File, to.Line = ctx.LocalConf.Pos(option).File, ctx.LocalConf.Pos(option).Line
		to.Name = option + " ="
		n.Edges = append(n.Edges, &Edge{Label: option, Guess: true, To: to})
	}
}

// allNamed says whether names are those of filters, and of an application at
// the end.
func (b *builder) allNamed(l *paste.Loader, names []string) bool {
	for i, name := range names {
		kind := paste.FilterKind
		if i == len(names)-1 {
			kind = paste.AppKind
		}
		if _, err := l.FindSection(kind, &name); err != nil && !isURI(name) {
			return false
		}
	}
	return true
}

// isURI says whether name begins with a scheme that leads somewhere.
func isURI(name string) bool {
	for _, scheme := range []string{"config:", "egg:", "call:"} {
		if strings.HasPrefix(strings.ToLower(name), scheme) {
			return true
		}
	}
	return false
}

// words draws filters and an application that stand in one value. No section
// says that they belong together.
func (b *builder) words(ctx *paste.Context, names []string, at place) *Node {
	n := &Node{Kind: Pipeline, Placement: at.placement(), Root: -1}
	if n.Placement == Hosted {
		n.Root = at.root
	}
	last := len(names) - 1
	for _, name := range names[:last] {
		n.Filters = append(n.Filters, stack(b.named(ctx.Loader, paste.FilterKind, name, ctx.GlobalConf, at))...)
	}
	n.Edges = []*Edge{{To: b.named(ctx.Loader, paste.AppKind, names[last], ctx.GlobalConf, at)}}
	return n
}

// stack takes a filter with others around it apart.
func stack(n *Node) []*Node {
	if n.Kind == FilterWith && n.Again == 0 && n.Error == "" && len(n.Edges) == 0 && len(n.Filters) > 0 {
		return n.Filters
	}
	return []*Node{n}
}

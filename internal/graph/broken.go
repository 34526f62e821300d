package graph

import (
	"errors"
	"strings"

	"pasted/internal/ini"
	"pasted/paste"
)

// broken draws a name that does not resolve: what of it can be found, and what
// is wrong where it is wrong. Nothing of it is placed.
func (b *builder) broken(l *paste.Loader, kind paste.Kind, name string, global *paste.Conf, at place, cause error) *Node {
	at.wrong = true
	n := &Node{Name: name, Kind: Missing, Placement: Unplaced, Root: -1}
	section, err := l.FindSection(kind, &name)
	if err != nil || isURI(name) {
		n.Error = cause.Error()
		errors.As(cause, &n.cause)
		return n
	}
	b.describe(n, l, section)
	k := key{paste.Position{File: n.File, Line: n.Line}, section, Unplaced}
	if d := b.drawn[k]; d != nil {
		if d.open {
			n.Error = circle(cause, n.Name)
		} else {
			n.Reason = "wrong, as drawn before"
			d.again = append(d.again, n)
		}
		return n
	}
	d := &drawing{node: n, open: true}
	b.drawn[k] = d
	b.parts(n, l, section, global, at)
	d.open = false
	if !n.wrong() {
		n.Error = cause.Error()
	}
	return n
}

// circle says that a section is met within itself.
func circle(cause error, name string) string {
	var e *paste.Error
	if errors.As(cause, &e) && e.Chain != nil {
		return e.Error()
	}
	return name + " goes in a circle: want a section that ends it"
}

// wrong says whether n, or something within, has an Error.
func (n *Node) wrong() bool {
	found := false
	n.walk(func(n *Node) { found = found || n.Error != "" || n.Reason == "wrong, as drawn before" })
	return found
}

// describe says of a section what its header says.
func (b *builder) describe(n *Node, l *paste.Loader, section string) {
	n.Name = "[" + section + "]"
	for _, s := range l.Sections() {
		if s.Name == section {
			n.File, n.Line = s.Pos.File, s.Pos.Line
			b.reach(s.Pos, section)
		}
	}
	prefix, _, _ := strings.Cut(section, ":")
	n.Kind = map[string]Kind{
		"app": App, "application": App, "composite": Composite, "composit": Composite,
		"pipeline": Pipeline, "filter-app": FilterApp, "filter": Filter, "server": Server,
	}[prefix]
}

// parts draws what a section that does not resolve refers to.
func (b *builder) parts(n *Node, l *paste.Loader, section string, global *paste.Conf, at place) {
	conf, err := l.Section(section)
	if err != nil {
		n.Error = err.Error()
		return
	}
	global = withSets(global, conf)
	named := func(kind paste.Kind, option, name string) *Node {
		return b.named(l, kind, name, global, at).blame(conf.Pos(option), section)
	}
	if name, ok := conf.Get("filter-with"); ok {
		n.Filters = append(n.Filters, named(paste.FilterKind, "filter-with", name))
	}
	pipeline, _ := conf.Get("pipeline")
	names := ini.Fields(pipeline)
	use, uses := conf.Get("use")
	switch {
	case n.Kind == Pipeline && len(names) > 0:
		last := len(names) - 1
		for _, name := range names[:last] {
			n.Filters = append(n.Filters, stack(named(paste.FilterKind, "pipeline", name))...)
		}
		n.Edges = []*Edge{{To: named(paste.AppKind, "pipeline", names[last])}}
	case n.Kind == FilterApp:
		if uses {
			n.Filters = append(n.Filters, named(paste.FilterKind, "use", use))
		}
		if next, ok := conf.Get("next"); ok {
			n.Edges = []*Edge{{To: named(paste.AppKind, "next", next)}}
		}
	case uses && n.Kind == Filter:
		n.Edges = []*Edge{{Label: "use", To: named(paste.FilterKind, "use", use)}}
	case uses:
		n.Edges = []*Edge{{Label: "use", To: named(paste.AppKind, "use", use)}}
	}
}

// blame says where the name stands that has led to n, if it leads nowhere and
// what is wrong is not in another file.
func (n *Node) blame(pos paste.Position, section string) *Node {
	if n.cause == nil || n.cause.Pos.File != "" && n.cause.Pos.File != pos.File {
		return n
	}
	cause := *n.cause
	cause.Pos, cause.Section = pos, section
	n.Error = cause.Error()
	return n
}

// withSets returns global with what the section sets.
func withSets(global, conf *paste.Conf) *paste.Conf {
	global = global.Clone()
	for option, value := range conf.All() {
		if name, ok := strings.CutPrefix(option, "set "); ok {
			global.Set(strings.TrimSpace(name), value)
		}
	}
	return global
}

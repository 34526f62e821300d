package graph

import (
	"cmp"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"pasted/internal/placement"
	"pasted/paste"
)

// Build draws a file. What is wrong with a section stands in its node; the
// error, a *paste.Error, says that the file itself cannot be read or parsed.
func Build(o Options) (*Graph, error) {
	if o.Registry == nil {
		o.Registry = new(paste.Registry)
	}
	b := &builder{
		options: o,
		graph:   &Graph{File: o.File, Python: o.Python, Assumed: o.Assumed},
		drawn:   make(map[key]*drawing), reached: make(map[string]bool),
	}
	o.Resolving.Name = nil
	o.Resolving.Notes = b.note
	loader, err := paste.Open(o.File, o.Resolving)
	if err != nil {
		return nil, err
	}
	eggs := o.Resolving
	eggs.EntryPoints = o.ServerEggs
	servers, err := paste.Open(o.File, eggs)
	if err != nil {
		return nil, err
	}
	b.servers(servers)
	name := "main"
	if o.App != nil {
		name = *o.App
	}
	app := b.named(loader, paste.AppKind, name, o.Resolving.GlobalConf, place{})
	serving := b.graph.Servers[0]
	serving.Edges = []*Edge{{To: app}}
	if o.All {
		b.others(loader)
	}
	b.finish()
	return b.graph, nil
}

// A builder is one call of Build.
type builder struct {
	options Options
	graph   *Graph
	roots   int              // so far, at most placement.MaxRoots
	drawn   map[key]*drawing // what has further nodes within
	reached map[string]bool  // sections of the file itself
}

// A key is a section, as it is drawn: within Python, or around it.
type key struct {
	pos     paste.Position
	section string
	place   Placement
}

// A drawing is what is known of a section that is drawn, or being drawn.
type drawing struct {
	node  *Node
	open  bool    // it is being drawn: to meet it again is a circle
	roots int     // that it consists of
	again []*Node // that are drawn without what is within
}

func (b *builder) note(n paste.Note) {
	if text := n.String(); !slices.Contains(b.graph.Notes, text) {
		b.graph.Notes = append(b.graph.Notes, text)
	}
}

// finish numbers the nodes, counts mistakes, and makes paths relative.
func (b *builder) finish() {
	id, dir := 0, filepath.Dir(b.graph.File)
	b.graph.Walk(func(n *Node) {
		id++
		n.ID = id
		if n.Error != "" {
			b.graph.Mistakes++
			n.Error = strings.TrimPrefix(n.Error, strings.TrimSuffix(dir, "/")+"/")
		}
		if n.File != "" {
			n.File = relative(dir, n.File)
		}
	})
	for _, d := range b.drawn {
		for _, again := range d.again {
			again.Again = d.node.ID
		}
	}
}

// relative is file as seen from dir, if it stands there or one directory up.
func relative(dir, file string) string {
	rel, err := filepath.Rel(dir, filepath.Clean(file))
	if err != nil || strings.HasPrefix(rel, "../../") {
		return file
	}
	return rel
}

// servers draws the servers' sections, the one that serves first.
func (b *builder) servers(loader *paste.Loader) {
	chosen := "main"
	if b.options.Server != nil {
		chosen = *b.options.Server
	}
	serving, err := loader.FindSection(paste.ServerKind, &chosen)
	for _, s := range loader.Sections() {
		name, ok := strings.CutPrefix(s.Name, "server:")
		if !ok {
			continue
		}
		n := b.server(loader, s, strings.TrimSpace(name))
		if s.Name == serving {
			b.graph.Servers = slices.Insert(b.graph.Servers, 0, n)
			continue
		}
		n.Reason = "not the one that serves"
		b.graph.Servers = append(b.graph.Servers, n)
	}
	if serving == "" {
		b.graph.Servers = slices.Insert(b.graph.Servers, 0, b.noServer(err))
	}
}

func (b *builder) server(loader *paste.Loader, s paste.SectionName, name string) *Node {
	b.reached[s.Name] = true
	n := &Node{Name: "[" + s.Name + "]", Kind: Server, Placement: Native, Root: -1, File: s.Pos.File, Line: s.Pos.Line}
	ctx, err := loader.Context(paste.ServerKind, &name, b.options.Resolving.GlobalConf)
	if err != nil {
		n.Error = err.Error()
		return n
	}
	n.Object = ctx.Object.String()
	n.Uses = b.uses(ctx, loader, s.Name)
	b.address(n, ctx)
	return n
}

func (b *builder) address(n *Node, ctx *paste.Context) {
	if b.options.Address == nil {
		return
	}
	at, err := b.options.Address(ctx)
	if n.Detail = at; err != nil {
		n.Error = err.Error()
	}
}

// noServer stands for the server of a file without one, which is an error only
// where one was asked for.
func (b *builder) noServer(err error) *Node {
	n := &Node{Name: "no server section", Kind: Server, Placement: Native, Root: -1}
	if b.options.Server != nil {
		n.Name, n.Error = "[server:"+*b.options.Server+"]", err.Error()
		return n
	}
	b.address(n, nil)
	return n
}

// others draws the sections that have not been reached, each within the one
// that reaches it, if one does.
func (b *builder) others(loader *paste.Loader) {
	trial := &builder{options: b.options, graph: new(Graph), drawn: make(map[key]*drawing)}
	within := make(map[string]bool)
	rest := b.unreached(loader)
	for _, s := range rest {
		trial.reached = make(map[string]bool)
		trial.other(loader, s)
		delete(trial.reached, s.Name)
		maps.Copy(within, trial.reached)
	}
	for _, s := range rest {
		if !within[s.Name] {
			b.graph.Others = append(b.graph.Others, b.other(loader, s))
		}
	}
	// What is left refers to itself by way of others.
	for _, s := range rest {
		if !b.reached[s.Name] {
			b.graph.Others = append(b.graph.Others, b.other(loader, s))
		}
	}
}

func (b *builder) unreached(loader *paste.Loader) []paste.SectionName {
	return slices.DeleteFunc(loader.Sections(), func(s paste.SectionName) bool {
		_, _, ok := loadable(s.Name)
		return !ok || b.reached[s.Name]
	})
}

func (b *builder) other(loader *paste.Loader, s paste.SectionName) *Node {
	b.reached[s.Name] = true
	kind, name, _ := loadable(s.Name)
	return b.named(loader, kind, name, b.options.Resolving.GlobalConf, place{aside: true})
}

// loadable says how a section is asked for, by the text between the brackets.
func loadable(section string) (kind paste.Kind, name string, ok bool) {
	prefix, name, _ := strings.Cut(section, ":")
	name = cmp.Or(strings.TrimSpace(name), "main")
	switch prefix {
	case "app", "application", "composite", "composit", "pipeline", "filter-app":
		return paste.AppKind, name, true
	case "filter":
		return paste.FilterKind, name, true
	}
	return "", "", false
}

// root returns the number of the next root, or -1 where it is none.
func (b *builder) root(at place) int {
	if at.aside || b.roots >= placement.MaxRoots {
		return -1
	}
	b.roots++
	return b.roots - 1
}

// at is a position as it is drawn.
func (b *builder) at(pos paste.Position) string {
	if pos.File != "" {
		pos.File = relative(filepath.Dir(b.options.File), pos.File)
	}
	return pos.String()
}

package paste

import (
	"bytes"
	"encoding/json"
)

// A Dumper writes contexts down for encoding/json: the tree that PasteDeploy's
// loadcontext builds. The keys of a node come in this order: type, protocol
// (null for none), factory, entry_point_name (of an egg's), egg_assumed (true
// where the protocol is a guess), loader, global_conf, local_conf; then filters
// and app of a pipeline, or filter and next.
type Dumper struct {
	// Factory says what an object is, or returns "" to leave it to the
	// Dumper; nil leaves all. Left to it, a factory is "module:attr", or
	// "module NAME" for a module, as it is named: what the name leads to may
	// be called otherwise. An entry point that only a native registry has is
	// "egg:Distribution#name".
	Factory func(*Object) string
	// Conf returns what stands for a configuration; nil: itself.
	Conf func(*Conf) any
}

// A dumpNode is a context as Dump writes it. The order of the fields is part of
// the format.
type dumpNode struct {
	Type           Type        `json:"type"`
	Protocol       *string     `json:"protocol"`
	Factory        *string     `json:"factory"`
	EntryPointName *string     `json:"entry_point_name,omitempty"`
	Assumed        bool        `json:"egg_assumed,omitempty"`
	Loader         string      `json:"loader"`
	GlobalConf     any         `json:"global_conf"`
	LocalConf      any         `json:"local_conf"`
	Filters        *[]dumpNode `json:"filters,omitempty"`
	App            *dumpNode   `json:"app,omitempty"`
	Filter         *dumpNode   `json:"filter,omitempty"`
	Next           *dumpNode   `json:"next,omitempty"`
}

// Dump returns ctx and everything below it as a value for encoding/json, as a
// Dumper does. With Options.Assume a factory says how it was named, not what it
// is: see Object.Named.
func Dump(ctx *Context) any {
	var d Dumper
	if ctx.Loader.r.opts.Assume {
		d.Factory = (*Object).Named
	}
	return d.Dump(ctx)
}

// Dump returns ctx and everything below it as a value for encoding/json.
func (d Dumper) Dump(ctx *Context) any {
	node := d.node(ctx)
	return &node
}

func (d Dumper) node(ctx *Context) dumpNode {
	node := dumpNode{
		Type:       ctx.Type,
		Factory:    d.factory(ctx.Object),
		Assumed:    ctx.Assumed,
		Loader:     ctx.Loader.String(),
		GlobalConf: d.conf(ctx.GlobalConf),
		LocalConf:  d.conf(ctx.LocalConf),
		App:        d.child(ctx.App),
		Filter:     d.child(ctx.Filter),
		Next:       d.child(ctx.Next),
	}
	if ctx.Protocol != "" {
		node.Protocol = &ctx.Protocol
	}
	if ctx.Object != nil && ctx.Object.Egg != "" {
		node.EntryPointName = &ctx.EntryPointName
	}
	if ctx.Type == Pipeline {
		filters := make([]dumpNode, len(ctx.Filters))
		for i, filter := range ctx.Filters {
			filters[i] = d.node(filter)
		}
		node.Filters = &filters
	}
	return node
}

func (d Dumper) child(ctx *Context) *dumpNode {
	if ctx == nil {
		return nil
	}
	node := d.node(ctx)
	return &node
}

func (d Dumper) conf(c *Conf) any {
	if d.Conf != nil {
		return d.Conf(c)
	}
	return c
}

// factory says what o is, and returns nil for nothing.
func (d Dumper) factory(o *Object) *string {
	if o == nil {
		return nil
	}
	name := ""
	if d.Factory != nil {
		name = d.Factory(o)
	}
	switch {
	case name != "":
	case o.Module == "":
		name = "egg:" + o.Egg
	case o.Attr == "":
		name = "module " + o.Module
	default:
		name = o.Module + ":" + o.Attr
	}
	return &name
}

// Named returns the text that names o: "egg:Distribution#name",
// "call:module:attr", or "module : attr [extras]" as it is written.
func (o *Object) Named() string {
	if o.Egg == "" && o.Text != "" {
		return o.Text
	}
	return o.String()
}

// MarshalJSON writes c as an object, its keys in their order.
func (c *Conf) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	out := json.NewEncoder(&b)
	out.SetEscapeHTML(false)
	b.WriteByte('{')
	for key, value := range c.All() {
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		for _, text := range []string{key, value} {
			if err := out.Encode(text); err != nil {
				return nil, err
			}
			b.Truncate(b.Len() - 1) // the newline
			b.WriteByte(':')
		}
		b.Truncate(b.Len() - 1)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

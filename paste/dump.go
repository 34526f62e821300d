package paste

import (
	"bytes"
	"encoding/json"
)

// A dumpNode is a context as Dump writes it. The order of the fields is part of
// the format.
type dumpNode struct {
	Type           Type        `json:"type"`
	Protocol       *string     `json:"protocol"`
	Factory        *string     `json:"factory"`
	EntryPointName *string     `json:"entry_point_name,omitempty"`
	Assumed        bool        `json:"egg_assumed,omitempty"`
	Loader         string      `json:"loader"`
	GlobalConf     *Conf       `json:"global_conf"`
	LocalConf      *Conf       `json:"local_conf"`
	Filters        *[]dumpNode `json:"filters,omitempty"`
	App            *dumpNode   `json:"app,omitempty"`
	Filter         *dumpNode   `json:"filter,omitempty"`
	Next           *dumpNode   `json:"next,omitempty"`
}

// Dump returns ctx and everything below it as a value for encoding/json: the
// tree that PasteDeploy's loadcontext builds. Keys come in this order: type,
// protocol (null for none), factory ("module:attr", "module name" for a module,
// or null), entry_point_name, egg_assumed (true where the protocol is a guess),
// loader, global_conf, local_conf; then filters and app of a pipeline, or filter
// and next. With Options.Assume a factory says how it was named, not what it is:
// "egg:Distribution#name", "call:module:attr", "module : attr [extras]"; without,
// the first of these appears only where a native registry alone knows the entry
// point.
func Dump(ctx *Context) any {
	node := dumpContext(ctx)
	return &node
}

func dumpContext(ctx *Context) dumpNode {
	node := dumpNode{
		Type:       ctx.Type,
		Factory:    ctx.Object.dump(ctx.Loader.r.opts.Assume),
		Assumed:    ctx.Assumed,
		Loader:     ctx.Loader.String(),
		GlobalConf: ctx.GlobalConf,
		LocalConf:  ctx.LocalConf,
		App:        dumpChild(ctx.App),
		Filter:     dumpChild(ctx.Filter),
		Next:       dumpChild(ctx.Next),
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
			filters[i] = dumpContext(filter)
		}
		node.Filters = &filters
	}
	return node
}

func dumpChild(ctx *Context) *dumpNode {
	if ctx == nil {
		return nil
	}
	node := dumpContext(ctx)
	return &node
}

// dump names what o is, or how it was named, or returns nil for nothing.
func (o *Object) dump(asNamed bool) *string {
	if o == nil {
		return nil
	}
	name := o.Module + ":" + o.Attr
	switch {
	case o.Egg != "" && (asNamed || o.Module == ""):
		name = "egg:" + o.Egg
	case o.Text != "" && asNamed:
		name = o.Text
	case o.Style == CallStyle && asNamed:
		name = "call:" + name
	case o.Attr == "":
		name = "module " + o.Module
	}
	return &name
}

// MarshalJSON writes c as an object, its keys in their order.
func (c *Conf) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for key, value := range c.All() {
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		for _, text := range []string{key, value} {
			quoted, err := json.Marshal(text)
			if err != nil {
				return nil, err
			}
			b.Write(quoted)
			b.WriteByte(':')
		}
		b.Truncate(b.Len() - 1)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

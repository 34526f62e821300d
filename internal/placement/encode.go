package placement

import (
	"pasted/internal/marshal"
	"pasted/paste"
)

// Encode returns ctx as the Python side takes it, a dict with these keys:
//
//	id                int, by which Answer knows the context
//	type              "application", "filter", "server", "pipeline",
//	                  "filter_app", "filtered_with"
//	protocol          "paste.app_factory", …; empty where there is none
//	object            None, or {"style", "module", "attr"}
//	egg               "Distribution#name" of an entry point, else empty
//	distribution, entry_point_name   empty but for an entry point
//	global_conf, local_conf          dicts of str, in order
//	loader            the URI of the file or the egg that a loader of it is for
//	section, file, line              empty and 0 where it stands in no file
//	filters, app      of a pipeline: a list of such dicts, the outermost
//	                  filter first, and such a dict
//	filter, next      of a filter_app and a filtered_with: such dicts
//	shares            of these two: which of their parts' configurations are
//	                  their own: "next_context.local_conf", …
//
// The same context has the same id each time.
func (p *Plan) Encode(ctx *paste.Context) marshal.Dict {
	return p.encode(ctx, p.contexts.id)
}

// encode is Encode with a number of another kind for an id.
func (p *Plan) encode(ctx *paste.Context, number func(*paste.Context) int) marshal.Dict {
	object, err := p.object(ctx)
	if err != nil {
		object = ctx.Object // it is no part of a plan; Python will say so
	}
	dict := marshal.Dict{
		{Key: "id", Value: number(ctx)},
		{Key: "type", Value: string(ctx.Type)},
		{Key: "protocol", Value: ctx.Protocol},
		{Key: "object", Value: EncodeObject(object)},
		{Key: "egg", Value: egg(ctx.Object)},
		{Key: "distribution", Value: ctx.Distribution},
		{Key: "entry_point_name", Value: ctx.EntryPointName},
		{Key: "global_conf", Value: encodeConf(ctx.GlobalConf)},
		{Key: "local_conf", Value: encodeConf(ctx.LocalConf)},
		{Key: "loader", Value: ctx.Loader.String()},
		{Key: "section", Value: ctx.Section},
		{Key: "file", Value: ctx.Pos.File},
		{Key: "line", Value: ctx.Pos.Line},
	}
	switch ctx.Type {
	case paste.Pipeline:
		filters := make([]any, len(ctx.Filters))
		for i, filter := range ctx.Filters {
			filters[i] = p.encode(filter, number)
		}
		dict = append(dict,
			marshal.Pair{Key: "filters", Value: filters},
			marshal.Pair{Key: "app", Value: p.encode(ctx.App, number)})
	case paste.FilterApp, paste.FilteredWith:
		dict = append(dict,
			marshal.Pair{Key: "filter", Value: p.encode(ctx.Filter, number)},
			marshal.Pair{Key: "next", Value: p.encode(ctx.Next, number)},
			marshal.Pair{Key: "shares", Value: shares(ctx)})
	}
	return dict
}

// shares names the configurations of a filter_app's and a filtered_with's parts
// that are one with its own: in Python a change of the one is a change of both.
func shares(ctx *paste.Context) []any {
	part, name := ctx.Next, "next_context"
	if ctx.Type == paste.FilterApp {
		part, name = ctx.Filter, "filter_context"
	}
	shared := []any{}
	if part.GlobalConf == ctx.GlobalConf {
		shared = append(shared, name+".global_conf")
	}
	if part.LocalConf == ctx.LocalConf {
		shared = append(shared, name+".local_conf")
	}
	return shared
}

// EncodeObject returns o as a tree has it, nil for nil.
func EncodeObject(o *paste.Object) any {
	if o == nil {
		return nil
	}
	return marshal.Dict{
		{Key: "style", Value: string(o.Style)},
		{Key: "module", Value: o.Module},
		{Key: "attr", Value: o.Attr},
	}
}

func egg(o *paste.Object) string {
	if o == nil {
		return ""
	}
	return o.Egg
}

func encodeConf(c *paste.Conf) marshal.Dict {
	dict := make(marshal.Dict, 0, c.Len())
	for key, value := range c.All() {
		dict = append(dict, marshal.Pair{Key: key, Value: value})
	}
	return dict
}

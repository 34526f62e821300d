package outcome

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"pasted/internal/ini"
	"pasted/paste"
)

// An imitation creates without Python: every factory is taken for one that
// accepts what it is given, and every composite's for one that does with its
// loader what the well-known ones do that its name, or its options, look like.
type imitation struct {
	s     *Session
	calls []any
}

// What is created: an app; filtered and served, which wrap; a server; a wrap, a
// function of an application.
type (
	app struct {
		name     string
		children *[]any // nil: it is not known to have any
	}
	filtered struct {
		name string
		app  any
	}
	served struct {
		name string
		app  any
	}
	server struct{ name string }
	wrap   func(app any) (any, error)
)

// probeApp is what a filter and a server are applied to.
var probeApp = app{name: "<probe app>"}

// imitate is Create without Python.
func (s *Session) imitate(kind paste.Kind, ctx *paste.Context) Object {
	i := &imitation{s: s, calls: []any{}}
	made, err := i.create(ctx)
	if err != nil {
		out := Object{{"error", errorOf(err)}, {"calls", i.calls}}
		if err.Class == "RecursionError" {
			out[1].Value = "(endless)"
		}
		return out
	}
	var out Object
	if kind == paste.AppKind {
		out = append(out, Member{"result", describe(made)})
		if _, ok := made.(wrap); ok {
			out = append(out, Member{"broken", "not an application: the inner function `composed(app)` of " +
				"_FilterWith.invoke, which takes one argument"})
			composed, err := apply(made, probeApp)
			out = append(out, Member{"composed_of_probe", described(composed, err)})
		}
	} else if applied, err := apply(made, probeApp); err != nil {
		out = append(out, Member{"error", errorOf(err)})
	} else {
		out = append(out, Member{"result", describe(applied)},
			Member{"result_of", fmt.Sprintf("%s applied to <probe app>", kind)})
	}
	return append(out, Member{"calls", i.calls})
}

func described(made any, err *paste.Error) any {
	if err != nil {
		return Object{{"error", errorOf(err)}}
	}
	return describe(made)
}

// describe is what a result is written down as.
func describe(made any) any {
	switch made := made.(type) {
	case app:
		out := Object{{"app", made.name}}
		if made.children != nil {
			out = append(out, Member{"children", *made.children})
		}
		return out
	case filtered:
		return Object{{"filter", made.name}, {"app", describe(made.app)}}
	case served:
		return Object{{"served_by", made.name}, {"app", describe(made.app)}}
	case server:
		return Object{{"server", made.name}}
	}
	return Object{{"callable", "_FilterWith.invoke.<locals>.composed"}}
}

// apply calls what was made with an application.
func apply(made, to any) (any, *paste.Error) {
	class := ""
	switch made := made.(type) {
	case wrap:
		applied, err := made(to)
		if err != nil {
			return nil, err.(*paste.Error)
		}
		return applied, nil
	case server:
		return served{made.name, to}, nil
	case app:
		class = "App"
	case filtered:
		class = "Filtered"
	case served:
		class = "Served"
	}
	return nil, pythonError("TypeError", "'%s' object is not callable", class)
}

func pythonError(class, format string, args ...any) *paste.Error {
	text := fmt.Sprintf(format, args...)
	return &paste.Error{Class: class, Text: text, Message: text}
}

// create is a context's create.
func (i *imitation) create(ctx *paste.Context) (any, *paste.Error) {
	switch ctx.Type {
	case paste.Pipeline:
		return i.pipeline(ctx)
	case paste.FilterApp:
		next, err := i.create(ctx.Next)
		if err != nil {
			return nil, err
		}
		filter, err := i.create(ctx.Filter)
		if err != nil {
			return nil, err
		}
		return apply(filter, next)
	case paste.FilteredWith:
		return i.filteredWith(ctx)
	}
	return i.component(ctx)
}

func (i *imitation) pipeline(ctx *paste.Context) (any, *paste.Error) {
	made, err := i.create(ctx.App)
	if err != nil {
		return nil, err
	}
	filters := make([]any, len(ctx.Filters))
	for n, filter := range ctx.Filters {
		if filters[n], err = i.create(filter); err != nil {
			return nil, err
		}
	}
	for _, filter := range slices.Backward(filters) {
		if made, err = apply(filter, made); err != nil {
			return nil, err
		}
	}
	return made, nil
}

func (i *imitation) filteredWith(ctx *paste.Context) (any, *paste.Error) {
	outer, err := i.create(ctx.Filter)
	if err != nil {
		return nil, err
	}
	inner, err := i.create(ctx.Next)
	if err != nil {
		return nil, err
	}
	if ctx.Next.Type == paste.Application {
		return apply(outer, inner)
	}
	return wrap(func(to any) (any, error) {
		within, err := apply(inner, to)
		if err != nil {
			return nil, err
		}
		return untyped(apply(outer, within))
	}), nil
}

// untyped makes a nil *paste.Error a nil error.
func untyped(made any, err *paste.Error) (any, error) {
	if err != nil {
		return nil, err
	}
	return made, nil
}

// component calls the factory of an application, a filter or a server.
func (i *imitation) component(ctx *paste.Context) (any, *paste.Error) {
	known := map[paste.Type][]string{
		paste.Application: {"paste.app_factory", "paste.composite_factory", "paste.composit_factory"},
		paste.Filter:      {"paste.filter_factory", "paste.filter_app_factory"},
		paste.Server:      {"paste.server_factory", "paste.server_runner"},
	}
	switch {
	case ctx.Protocol == "":
		return nil, pythonError("AssertionError", "Protocol None unknown")
	case !slices.Contains(known[ctx.Type], ctx.Protocol):
		return nil, pythonError("AssertionError", "Protocol %s unknown", ini.Repr(ctx.Protocol))
	}
	name := ctx.Object.Named()
	switch ctx.Protocol {
	case "paste.app_factory":
		return app{name: name}, i.call(ctx)
	case "paste.filter_factory":
		return wrap(func(to any) (any, error) { return filtered{name, to}, nil }), i.call(ctx)
	case "paste.server_factory":
		return server{name}, i.call(ctx)
	case "paste.filter_app_factory":
		return wrap(func(to any) (any, error) { return untyped(filtered{name, to}, i.call(ctx, wsgiApp(to))) }), nil
	case "paste.server_runner":
		return wrap(func(to any) (any, error) { return untyped(served{name, to}, i.call(ctx, wsgiApp(to))) }), nil
	}
	if err := i.call(ctx, Object{{"loader", ctx.Loader.String()}}); err != nil {
		return nil, err
	}
	children, err := i.children(name, ctx)
	return app{name, children}, err
}

func wsgiApp(made any) Object { return Object{{"wsgi_app", describe(made)}} }

// call notes the call of ctx's factory, with what stands before its global_conf.
func (i *imitation) call(ctx *paste.Context, before ...Object) *paste.Error {
	if _, clash := ctx.LocalConf.Get("callable"); clash {
		return pythonError("TypeError", "fix_call() got multiple values for argument 'callable'")
	}
	args := []any{}
	for _, arg := range before {
		args = append(args, arg)
	}
	i.calls = append(i.calls, Object{
		{"factory", ctx.Object.Named()},
		{"protocol", ctx.Protocol},
		{"args", append(args, Object{{"global_conf", i.s.conf(ctx.GlobalConf)}})},
		{"kwargs", i.s.conf(ctx.LocalConf)},
	})
	return nil
}

// children loads what a composite's factory would, nil for one that looks like
// none that is known.
func (i *imitation) children(name string, ctx *paste.Context) (*[]any, *paste.Error) {
	conf := ctx.LocalConf.Clone()
	switch {
	case strings.HasSuffix(name, "cascade"):
		return i.cascade(ctx, conf)
	case strings.Contains(name, "pipeline_factory"):
		return i.pipelines(ctx, conf)
	case strings.HasSuffix(name, "urlmap"), strings.HasSuffix(name, "urlmap_factory"),
		strings.HasSuffix(name, "root_app_factory"), conf.Len() > 0 && !slices.ContainsFunc(conf.Keys(), isNoPath):
		return i.urlmap(ctx, conf)
	}
	return nil, nil
}

func isNoPath(key string) bool { return !strings.HasPrefix(key, "/") }

// child loads and creates what a name means to ctx's loader.
func (i *imitation) child(ctx *paste.Context, kind paste.Kind, name string, global *paste.Conf) (any, *paste.Error) {
	child, err := ctx.Loader.Context(kind, &name, global)
	if err != nil {
		return nil, err.(*paste.Error)
	}
	return i.create(child)
}

// cascade is Paste's: its applications in the order of their keys.
func (i *imitation) cascade(ctx *paste.Context, conf *paste.Conf) (*[]any, *paste.Error) {
	conf.Delete("catch")
	out := []any{}
	for key, name := range conf.All() {
		if !strings.HasPrefix(key, "app") {
			return nil, pythonError("ValueError", "Bad configuration key %s (=%s); all configuration keys must start with 'app'",
				ini.Repr(key), ini.Repr(name))
		}
		child, err := i.child(ctx, paste.AppKind, name, ctx.GlobalConf)
		if err != nil {
			return nil, err
		}
		out = append(out, []any{key, describe(child)})
	}
	slices.SortStableFunc(out, func(a, b any) int { return cmp.Compare(a.([]any)[0].(string), b.([]any)[0].(string)) })
	return &out, nil
}

// pipelines is OpenStack's pipeline_factory, which takes one of its options
// when it runs; here each one is made. It hands no global_conf on.
func (i *imitation) pipelines(ctx *paste.Context, conf *paste.Conf) (*[]any, *paste.Error) {
	out := []any{}
	for key, value := range conf.All() {
		names := ini.Fields(value)
		if len(names) == 0 {
			return nil, pythonError("IndexError", "list index out of range")
		}
		last := len(names) - 1
		made, err := i.child(ctx, paste.AppKind, names[last], nil)
		if err != nil {
			return nil, err
		}
		filters := make([]any, last)
		for n, name := range names[:last] {
			if filters[n], err = i.child(ctx, paste.FilterKind, name, nil); err != nil {
				return nil, err
			}
		}
		for _, filter := range slices.Backward(filters) {
			if made, err = apply(filter, made); err != nil {
				return nil, err
			}
		}
		out = append(out, []any{key, describe(made)})
	}
	return &out, nil
}

// urlmap is Paste's: an application for each path.
func (i *imitation) urlmap(ctx *paste.Context, conf *paste.Conf) (*[]any, *paste.Error) {
	const notFound = "not_found_app"
	out := []any{}
	name, _ := conf.Get(notFound)
	conf.Delete(notFound)
	if name == "" {
		name, _ = ctx.GlobalConf.Get(notFound)
	}
	if name != "" {
		child, err := i.child(ctx, paste.AppKind, name, ctx.GlobalConf)
		if err != nil {
			return nil, err
		}
		out = append(out, []any{notFound, describe(child)})
	}
	for path, name := range conf.All() {
		child, err := i.child(ctx, paste.AppKind, name, ctx.GlobalConf)
		if err != nil {
			return nil, err
		}
		out = append(out, []any{path, describe(child)})
	}
	return &out, nil
}

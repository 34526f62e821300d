package paste

import (
	"context"
	"errors"
	"fmt"
	"net/http"
)

// A Wrapper is a built filter: it makes of an application the filtered one. It
// may be used several times.
type Wrapper func(next http.Handler) (http.Handler, error)

// A Builder makes of contexts what they stand for, in the order in which
// PasteDeploy's create makes it: nothing is kept, so a context built twice is
// two components. An error is an *Error with the section's place, but for what
// a factory returns that wraps or joins some itself. LoadApp, LoadFilter and
// LoadServer are what a program needs that has no components elsewhere.
type Builder struct {
	// Registry makes what is native.
	Registry *Registry
	// Hosted, if not nil, is asked first for every application that is to be
	// built, whatever its type, also within others. Where ok is true the
	// handler is what it has built; it may have called Native.
	Hosted func(ctx *Context) (h http.Handler, ok bool, err error)
}

// App builds an application.
func (b *Builder) App(ctx *Context) (http.Handler, error) {
	if b.Hosted != nil {
		if h, ok, err := b.Hosted(ctx); ok || err != nil {
			return h, err
		}
	}
	return b.Native(ctx)
}

// Native is App without asking Hosted for ctx itself; for the applications that
// ctx refers to it is asked.
func (b *Builder) Native(ctx *Context) (http.Handler, error) {
	switch ctx.Type {
	case Pipeline:
		return b.pipeline(ctx)
	case FilterApp:
		next, err := b.App(ctx.Next)
		if err != nil {
			return nil, err
		}
		return b.wrap(ctx.Filter, next)
	case FilteredWith:
		return b.filteredWith(ctx)
	case Application:
		return b.application(ctx)
	}
	return nil, ctx.errorf("", "this is a %s: want an application", ctx.Type)
}

// pipeline creates the application, then the filters from the left, and wraps
// from the right.
func (b *Builder) pipeline(ctx *Context) (http.Handler, error) {
	app, err := b.App(ctx.App)
	if err != nil {
		return nil, err
	}
	wrappers := make([]Wrapper, len(ctx.Filters))
	for i, filter := range ctx.Filters {
		if wrappers[i], err = b.Filter(filter); err != nil {
			return nil, err
		}
	}
	for i := len(wrappers) - 1; i >= 0; i-- {
		if app, err = wrappers[i](app); err != nil {
			return nil, err
		}
	}
	return app, nil
}

// filteredWith creates the filter before what it wraps. PasteDeploy makes no
// application where that is not an application of its own section; here it is
// what the file means.
func (b *Builder) filteredWith(ctx *Context) (http.Handler, error) {
	wrapper, err := b.Filter(ctx.Filter)
	if err != nil {
		return nil, err
	}
	next, err := b.App(ctx.Next)
	if err != nil {
		return nil, err
	}
	return wrapper(next)
}

func (b *Builder) wrap(filter *Context, next http.Handler) (http.Handler, error) {
	wrapper, err := b.Filter(filter)
	if err != nil {
		return nil, err
	}
	return wrapper(next)
}

func (b *Builder) application(ctx *Context) (http.Handler, error) {
	f, err := b.find(ctx, appFactory, compositeFactory, compositFactory)
	if err != nil {
		return nil, err
	}
	var h http.Handler
	switch f := f.(type) {
	case AppFactory:
		h, err = f(ctx.GlobalConf, ctx.LocalConf)
	case CompositeFactory:
		h, err = f(&CompositeLoader{b, ctx.Loader}, ctx.GlobalConf, ctx.LocalConf)
	}
	return ctx.handler(h, err)
}

// handler is what a factory of ctx has returned, with its place in an error.
func (ctx *Context) handler(h http.Handler, err error) (http.Handler, error) {
	if err == nil && h == nil {
		return nil, ctx.errorf("", "%s has made nothing: want an http.Handler", ctx.Object)
	}
	return h, ctx.place(err)
}

// Filter builds a filter, of a section with filter-with too. A FilterFactory is
// called now, a FilterAppFactory when the filter is applied.
func (b *Builder) Filter(ctx *Context) (Wrapper, error) {
	switch ctx.Type {
	case Filter:
		f, err := b.find(ctx, filterFactory, filterAppFactory)
		if err != nil {
			return nil, err
		}
		return ctx.wrapper(f)
	case FilteredWith:
		outer, err := b.Filter(ctx.Filter)
		if err != nil {
			return nil, err
		}
		inner, err := b.Filter(ctx.Next)
		if err != nil {
			return nil, err
		}
		return func(next http.Handler) (http.Handler, error) {
			h, err := inner(next)
			if err != nil {
				return nil, err
			}
			return outer(h)
		}, nil
	}
	return nil, ctx.errorf("", "this is a %s: want a filter", ctx.Type)
}

// wrapper makes the filter ctx with its factory f.
func (ctx *Context) wrapper(f any) (Wrapper, error) {
	if factory, ok := f.(FilterAppFactory); ok {
		return func(next http.Handler) (http.Handler, error) {
			return ctx.handler(factory(next, ctx.GlobalConf, ctx.LocalConf))
		}, nil
	}
	filter, err := f.(FilterFactory)(ctx.GlobalConf, ctx.LocalConf)
	if err == nil && filter == nil {
		return nil, ctx.errorf("", "%s has made nothing: want a function that wraps an http.Handler", ctx.Object)
	}
	if err != nil {
		return nil, ctx.place(err)
	}
	return func(next http.Handler) (http.Handler, error) {
		return ctx.handler(filter(next), nil)
	}, nil
}

// Server builds a server. It is not started. A ServerRunner is called when it
// is; a ServeFunc's errors are the server's own.
func (b *Builder) Server(ctx *Context) (ServeFunc, error) {
	f, err := b.find(ctx, serverFactory, serverRunner)
	if err != nil {
		return nil, err
	}
	if runner, ok := f.(ServerRunner); ok {
		return func(c context.Context, app http.Handler) error {
			return runner(c, app, ctx.GlobalConf, ctx.LocalConf)
		}, nil
	}
	serve, err := f.(ServerFactory)(ctx.GlobalConf, ctx.LocalConf)
	if err == nil && serve == nil {
		return nil, ctx.errorf("", "%s has made nothing: want a ServeFunc", ctx.Object)
	}
	return serve, ctx.place(err)
}

// find returns the factory of ctx, whose protocol must be one of those given.
func (b *Builder) find(ctx *Context, protocols ...string) (any, error) {
	known := false
	for _, p := range protocols {
		known = known || ctx.Protocol == p
	}
	switch {
	case ctx.Protocol == "":
		return nil, ctx.errorf("Protocol None unknown", "nothing says how %s is called: want a section that uses it", ctx.Object)
	case !known:
		return nil, ctx.errorf(fmt.Sprintf("Protocol '%s' unknown", ctx.Protocol), "protocol %s: want %s", ctx.Protocol, protocols[0])
	case b.Registry != nil:
		if f, ok := b.Registry.factory(ctx); ok {
			return f, nil
		}
	}
	return nil, ctx.errorf("", "%s is Python code: want a name that has a counterpart in Go", ctx.Object)
}

// String is the object as files write it: "egg:Paste#urlmap", "module:attr".
func (o *Object) String() string {
	switch {
	case o == nil:
		return "nothing"
	case o.Egg != "":
		return "egg:" + o.Egg
	case o.Style == CallStyle:
		return "call:" + o.Module + ":" + o.Attr
	case o.Attr == "":
		return o.Module
	}
	return o.Module + ":" + o.Attr
}

// errorf makes an error at ctx's place. text is that of the AssertionError that
// PasteDeploy raises, empty where it has no such error.
func (ctx *Context) errorf(text, format string, args ...any) *Error {
	err := &Error{Pos: ctx.Pos, Section: ctx.Section, Text: text, Message: fmt.Sprintf(format, args...)}
	if text != "" {
		err.Class = "AssertionError"
	}
	return err
}

// place gives err, which a factory has returned, ctx's place where it has none
// of its own.
func (ctx *Context) place(err error) error {
	if err == nil {
		return nil
	}
	var e *Error
	if !errors.As(err, &e) {
		return &Error{Pos: ctx.Pos, Section: ctx.Section, Text: err.Error(), Message: err.Error(), Err: err}
	}
	if e != err || e.Section != "" {
		return err
	}
	placed := *e
	placed.Section = ctx.Section
	if placed.Pos == (Position{}) {
		placed.Pos = ctx.Pos
	}
	return &placed
}

// A CompositeLoader is what a composite's factory loads its children with: the
// loader of PasteDeploy. It may be used as long as the factory runs.
type CompositeLoader struct {
	builder *Builder
	loader  *Loader
}

// String returns what names are looked up in: "config:/dir/file.ini", "egg:NAME".
func (l *CompositeLoader) String() string { return l.loader.String() }

// App builds the application name, a section of the composite's file or a URI
// relative to it. What global has, which may be nil, is over the file's defaults
// in its global configuration: a factory that hands on its own lets its section's
// `set` reach those below. The error is to be returned as it is: it has a place.
func (l *CompositeLoader) App(name string, global *Conf) (http.Handler, error) {
	ctx, err := l.loader.Context(AppKind, &name, global)
	if err != nil {
		return nil, err
	}
	return l.builder.App(ctx)
}

// Filter builds the filter name, likewise.
func (l *CompositeLoader) Filter(name string, global *Conf) (Wrapper, error) {
	ctx, err := l.loader.Context(FilterKind, &name, global)
	if err != nil {
		return nil, err
	}
	return l.builder.Filter(ctx)
}

// Server builds the server name, likewise. It is not started.
func (l *CompositeLoader) Server(name string, global *Conf) (ServeFunc, error) {
	ctx, err := l.loader.Context(ServerKind, &name, global)
	if err != nil {
		return nil, err
	}
	return l.builder.Server(ctx)
}

// Context resolves name without building it: what the library's app_context,
// filter_context and server_context do.
func (l *CompositeLoader) Context(kind Kind, name string, global *Conf) (*Context, error) {
	return l.loader.Context(kind, &name, global)
}

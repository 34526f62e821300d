package paste

import "net/http"

// LoadApp resolves uri and builds the application with what registry has: a
// composition of http.Handlers, without Python. The registry is what is
// installed; where opts.EntryPoints tells of more, it is opts.Native, unless
// that is set. The error is an *Error, or, of a factory that has found several
// mistakes (Decode), several of them joined.
func LoadApp(uri string, registry *Registry, opts Options) (http.Handler, error) {
	ctx, err := resolveNative(AppKind, uri, registry, opts)
	if err != nil {
		return nil, err
	}
	return (&Builder{Registry: registry}).App(ctx)
}

// LoadFilter is LoadApp for a filter.
func LoadFilter(uri string, registry *Registry, opts Options) (Wrapper, error) {
	ctx, err := resolveNative(FilterKind, uri, registry, opts)
	if err != nil {
		return nil, err
	}
	return (&Builder{Registry: registry}).Filter(ctx)
}

// LoadServer is LoadApp for a server, which it does not start.
func LoadServer(uri string, registry *Registry, opts Options) (ServeFunc, error) {
	ctx, err := resolveNative(ServerKind, uri, registry, opts)
	if err != nil {
		return nil, err
	}
	return (&Builder{Registry: registry}).Server(ctx)
}

// resolveNative resolves uri with what the registry has: beside what
// opts.EntryPoints says is installed, or as all that is.
func resolveNative(kind Kind, uri string, registry *Registry, opts Options) (*Context, error) {
	switch {
	case registry == nil:
	case opts.EntryPoints == nil:
		opts.EntryPoints = registry
	case opts.Native == nil:
		opts.Native = registry
	}
	return Resolve(kind, uri, opts)
}

// An AppConfig is an application's configuration: what PasteDeploy's appconfig
// returns.
type AppConfig struct {
	// Conf has both in one, the local configuration over the global one.
	*Conf
	// GlobalConf and LocalConf are the two that the application's factory is
	// called with, and are not to be changed.
	GlobalConf, LocalConf *Conf
	// Context is what they were taken from.
	Context *Context
}

// Config resolves the application that uri names and returns its configuration,
// as PasteDeploy's appconfig does, without building anything. Of a pipeline and
// of a filtered section it is what stands there, not what the application within
// has. The registry may be nil, and is used as LoadApp does. The error is an
// *Error.
func Config(uri string, registry *Registry, opts Options) (*AppConfig, error) {
	ctx, err := resolveNative(AppKind, uri, registry, opts)
	if err != nil {
		return nil, err
	}
	return &AppConfig{Conf: ctx.Config(), GlobalConf: ctx.GlobalConf, LocalConf: ctx.LocalConf, Context: ctx}, nil
}

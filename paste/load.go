package paste

import "net/http"

// LoadApp resolves uri and builds the application with what registry has: a
// composition of http.Handlers, without Python. opts.Native is set to registry
// where it is nil. The error is an *Error.
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

func resolveNative(kind Kind, uri string, registry *Registry, opts Options) (*Context, error) {
	if opts.Native == nil && registry != nil {
		opts.Native = registry
	}
	return Resolve(kind, uri, opts)
}

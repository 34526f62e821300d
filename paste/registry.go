package paste

import (
	"context"
	"net/http"
	"strings"
	"sync"
)

// An AppFactory makes an application, as a paste.app_factory does. What it is
// given is not to be changed.
type AppFactory func(global, local *Conf) (http.Handler, error)

// A CompositeFactory makes an application of others, as a
// paste.composite_factory does; the names in its options mean what loader
// makes of them.
type CompositeFactory func(loader *CompositeLoader, global, local *Conf) (http.Handler, error)

// A FilterFactory wraps an application, as a paste.filter_app_factory does.
type FilterFactory func(next http.Handler, global, local *Conf) (http.Handler, error)

// A ServerFactory makes a server, as a paste.server_factory does.
type ServerFactory func(global, local *Conf) (ServeFunc, error)

// A ServeFunc serves app until ctx is done or serving has failed.
type ServeFunc func(ctx context.Context, app http.Handler) error

// A Registry knows which eggs have a counterpart in Go. Names are written as
// in a file, "egg:Paste#urlmap"; "egg:" may be left out, and without "#" the
// entry point is "main". Distributions are compared as importlib.metadata does,
// without regard to case and to runs of "-_."; entry points letter for letter.
// A name set again means the newer factory.
//
// The zero value is an empty registry. It is safe for concurrent use. As
// EntryPoints it answers for what has been set, with objects that are "".
type Registry struct {
	mu        sync.RWMutex
	factories map[entryPoint]any
	dists     map[string]bool
}

// An entryPoint is a key of a Registry; group is the one that it shows as
// EntryPoints.
type entryPoint struct{ dist, group, name string }

// The groups, and the protocols, of PasteDeploy.
const (
	appFactory       = "paste.app_factory"
	compositeFactory = "paste.composite_factory"
	compositFactory  = "paste.composit_factory"
	filterFactory    = "paste.filter_factory"
	filterAppFactory = "paste.filter_app_factory"
	serverFactory    = "paste.server_factory"
	serverRunner     = "paste.server_runner"
)

// SetApp makes f the application egg.
func (r *Registry) SetApp(egg string, f AppFactory) { r.set(egg, appFactory, f) }

// SetComposite makes f the composite egg.
func (r *Registry) SetComposite(egg string, f CompositeFactory) { r.set(egg, compositeFactory, f) }

// SetFilter makes f the filter egg.
func (r *Registry) SetFilter(egg string, f FilterFactory) { r.set(egg, filterAppFactory, f) }

// SetServer makes f the server egg.
func (r *Registry) SetServer(egg string, f ServerFactory) { r.set(egg, serverFactory, f) }

func (r *Registry) set(egg, group string, factory any) {
	dist, name := splitEgg(egg)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.factories == nil {
		r.factories, r.dists = make(map[entryPoint]any), make(map[string]bool)
	}
	r.factories[entryPoint{dist, group, name}] = factory
	r.dists[dist] = true
}

// Has says whether the registry can make what ctx, an application, a composite,
// a filter or a server of its own section, refers to. It is false for a
// pipeline, a filter-app and a filtered section, which only refer to others.
func (r *Registry) Has(ctx *Context) bool {
	_, ok := r.factory(ctx)
	return ok
}

// factory returns what ctx is to be made with.
func (r *Registry) factory(ctx *Context) (any, bool) {
	if ctx.Object == nil || ctx.Object.Egg == "" {
		return nil, false
	}
	group := ""
	switch ctx.Protocol {
	case appFactory:
		group = appFactory
	case compositeFactory, compositFactory:
		group = compositeFactory
	case filterFactory, filterAppFactory:
		group = filterAppFactory
	case serverFactory, serverRunner:
		group = serverFactory
	}
	dist, name := splitEgg(ctx.Object.Egg)
	r.mu.RLock()
	defer r.mu.RUnlock()
	f, ok := r.factories[entryPoint{dist, group, name}]
	return f, ok
}

// Installed returns nil if something has been set for the distribution.
func (r *Registry) Installed(distribution string) error {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if !r.dists[foldName(distribution)] {
		return &NotInstalledError{Distribution: distribution}
	}
	return nil
}

// EntryPoint says whether the entry point has been set.
func (r *Registry) EntryPoint(distribution, group, name string) (object string, ok bool, err error) {
	if err := r.Installed(distribution); err != nil {
		return "", false, err
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	_, ok = r.factories[entryPoint{foldName(distribution), group, name}]
	return "", ok, nil
}

// splitEgg returns the folded distribution and the entry point's name.
func splitEgg(egg string) (dist, name string) {
	dist, name, found := strings.Cut(strings.TrimPrefix(egg, "egg:"), "#")
	if !found {
		name = "main"
	}
	return foldName(dist), name
}

// foldName is the form in which names of distributions are compared (PEP 503).
func foldName(dist string) string {
	words := strings.FieldsFunc(dist, func(r rune) bool { return strings.ContainsRune("-_.", r) })
	return strings.ToLower(strings.Join(words, "-"))
}

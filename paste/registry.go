package paste

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// An AppFactory makes an application, as a paste.app_factory does. The
// configurations are not to be changed, here and in all factories; Decode reads
// them.
type AppFactory func(global, local *Conf) (http.Handler, error)

// A CompositeFactory makes an application of others, as a
// paste.composite_factory does; the names in its options mean what loader
// makes of them.
type CompositeFactory func(loader *CompositeLoader, global, local *Conf) (http.Handler, error)

// A FilterFactory makes a filter, as a paste.filter_factory does: a function
// that wraps an application, called for each one that is filtered.
type FilterFactory func(global, local *Conf) (func(next http.Handler) http.Handler, error)

// A FilterAppFactory wraps an application, as a paste.filter_app_factory does.
// It is called for each one that is filtered.
type FilterAppFactory func(next http.Handler, global, local *Conf) (http.Handler, error)

// A ServerFactory makes a server, as a paste.server_factory does. It does not
// start it.
type ServerFactory func(global, local *Conf) (ServeFunc, error)

// A ServerRunner serves app until ctx is done or serving has failed, as a
// paste.server_runner does: a ServeFunc that reads its options only then.
type ServerRunner func(ctx context.Context, app http.Handler, global, local *Conf) error

// A ServeFunc serves app until ctx is done or serving has failed.
type ServeFunc func(ctx context.Context, app http.Handler) error

// A Registry knows which names of a file have a counterpart in Go. They are
// written as there: "egg:Paste#urlmap", where "egg:" may be left out, and "#" with
// what follows it, which is "main" then; or "module:attribute", for what stands
// so behind paste.app_factory and the like, behind call:, or by itself.
// Distributions are compared as importlib.metadata does, without regard to case
// and to runs of "-_."; all else letter for letter. One name may have a factory
// of each type. A name set again means the newer factory.
//
// The zero value is an empty registry. It is safe for concurrent use; it is not
// to be copied. As EntryPoints and Lister it answers for the eggs that have been
// set, with objects that are "".
type Registry struct {
	mu        sync.RWMutex
	factories map[registered]any
	dists     map[string]string // how a distribution is spelled
}

// A registered name is a key of a Registry. In that of an object dist is empty
// and name the whole. Group is the one that it shows as EntryPoints.
type registered struct{ dist, group, name string }

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

// SetApp makes f the application that is called name.
func (r *Registry) SetApp(name string, f AppFactory) { r.set(name, appFactory, f) }

// SetComposite makes f the composite that is called name.
func (r *Registry) SetComposite(name string, f CompositeFactory) { r.set(name, compositeFactory, f) }

// SetFilter makes f the filter that is called name.
func (r *Registry) SetFilter(name string, f FilterFactory) { r.set(name, filterFactory, f) }

// SetFilterApp is SetFilter for the other form of a filter. Of one name that has
// both, PasteDeploy takes the former, and so is it here.
func (r *Registry) SetFilterApp(name string, f FilterAppFactory) { r.set(name, filterAppFactory, f) }

// SetServer makes f the server that is called name.
func (r *Registry) SetServer(name string, f ServerFactory) { r.set(name, serverFactory, f) }

// SetServerRunner is SetServer for the other form of a server. Of one name that
// has both, PasteDeploy takes the former, and so is it here.
func (r *Registry) SetServerRunner(name string, f ServerRunner) { r.set(name, serverRunner, f) }

func (r *Registry) set(name, group string, factory any) {
	key := registeredName(name)
	key.group = group
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.factories == nil {
		r.factories, r.dists = make(map[registered]any), make(map[string]string)
	}
	r.factories[key] = factory
	if key.dist != "" {
		r.dists[key.dist], _, _ = strings.Cut(strings.TrimPrefix(name, "egg:"), "#")
	}
}

// Has says whether the registry can make what ctx, an application, a composite,
// a filter or a server of its own section, refers to. It is false for a
// pipeline, a filter-app and a filtered section, which only refer to others.
func (r *Registry) Has(ctx *Context) bool {
	_, ok := r.factory(ctx)
	return ok
}

// factory returns what ctx is to be made with. A filter and a server may have
// the other of their two forms: what a name in Python has says nothing of its
// counterpart.
func (r *Registry) factory(ctx *Context) (any, bool) {
	if ctx.Object == nil {
		return nil, false
	}
	var groups []string
	switch ctx.Protocol {
	case appFactory:
		groups = []string{appFactory}
	case compositeFactory, compositFactory:
		groups = []string{compositeFactory}
	case filterFactory, filterAppFactory:
		groups = []string{ctx.Protocol, filterFactory, filterAppFactory}
	case serverFactory, serverRunner:
		groups = []string{ctx.Protocol, serverFactory, serverRunner}
	}
	key := ctx.Object.registered()
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, key.group = range groups {
		if f, ok := r.factories[key]; ok {
			return f, true
		}
	}
	return nil, false
}

// Installed returns nil if something has been set for the distribution.
func (r *Registry) Installed(distribution string) error {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if _, ok := r.dists[foldName(distribution)]; ok {
		return nil
	}
	known := slices.Sorted(maps.Values(r.dists))
	return &NotInstalledError{Distribution: distribution, registry: true, known: known}
}

// EntryPoint says whether the entry point has been set.
func (r *Registry) EntryPoint(distribution, group, name string) (object string, ok bool, err error) {
	if err := r.Installed(distribution); err != nil {
		return "", false, err
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	_, ok = r.factories[registered{foldName(distribution), group, name}]
	return "", ok, nil
}

// Names returns the entry points that have been set in a group of a
// distribution, sorted.
func (r *Registry) Names(distribution, group string) []string {
	dist := foldName(distribution)
	var names []string
	r.mu.RLock()
	defer r.mu.RUnlock()
	for key := range r.factories {
		if key.dist == dist && key.group == group {
			names = append(names, key.name)
		}
	}
	slices.Sort(names)
	return names
}

// registeredName reads a name as files have it. Its group is left open.
func registeredName(name string) registered {
	spec, isEgg := strings.CutPrefix(name, "egg:")
	if !isEgg && strings.Contains(spec, ":") && !strings.Contains(spec, "#") {
		return registered{name: strings.TrimPrefix(spec, "call:")}
	}
	dist, entry, found := strings.Cut(spec, "#")
	if !found {
		entry = "main"
	}
	return registered{dist: foldName(dist), name: entry}
}

// registered is what o is called in a registry.
func (o *Object) registered() registered {
	if o.Egg != "" {
		return registeredName("egg:" + o.Egg)
	}
	return registered{name: o.Module + ":" + o.Attr}
}

// foldName is the form in which names of distributions are compared (PEP 503).
func foldName(dist string) string {
	words := strings.FieldsFunc(dist, func(r rune) bool { return strings.ContainsRune("-_.", r) })
	return strings.ToLower(strings.Join(words, "-"))
}

package paste

import (
	"bytes"
	"cmp"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"pasted/internal/h1"
	"pasted/paste"
)

// A urlMap is Paste's URLMap: it gives a request to the application whose
// domain and path are those that the request begins with.
type urlMap struct {
	apps     []mapped
	notFound http.Handler // nil: Paste's page
	scheme   func() string
}

// mapped is an application in its place. domain and prefix are as bytes of a
// request; where they cannot be, matches is false.
type mapped struct {
	mount
	prefix, host string
	script       []byte // prefix
	matches      bool
	app          http.Handler
}

// newURLMap is Paste's urlmap_factory: every option but not_found_app is a key.
func newURLMap(o *Options, loader *paste.CompositeLoader, global, local *paste.Conf) (*urlMap, error) {
	u := &urlMap{scheme: o.Scheme}
	name, ok := local.Get("not_found_app")
	if !ok {
		name, _ = global.Get("not_found_app")
	}
	if name != "" {
		app, err := loader.App(name, global)
		if err != nil {
			return nil, err
		}
		u.notFound = app
	}
	for key, name := range local.All() {
		if key == "not_found_app" {
			continue
		}
		if err := u.load(loader, global, key, name); err != nil {
			return nil, placed(err, local, key)
		}
	}
	return u, nil
}

// load puts the application name where key says. It is loaded before the key's
// path is looked at, as in Paste.
func (u *urlMap) load(loader *paste.CompositeLoader, global *paste.Conf, key, name string) error {
	url, mistake := parseKey(key)
	if mistake != nil {
		return mistake
	}
	app, err := loader.App(name, global)
	if err != nil {
		return err
	}
	m, mistake := parseMount(url)
	if mistake != nil {
		return mistake
	}
	u.add(m, app)
	return nil
}

// placed gives err the place of the option key, if it has none.
func placed(err error, conf *paste.Conf, key string) error {
	if e, ok := err.(*paste.Error); ok && e.Pos == (paste.Position{}) && e.Section == "" {
		e.Pos = conf.Pos(key)
	}
	return err
}

// add puts app at m, instead of what was there.
func (u *urlMap) add(m mount, app http.Handler) {
	u.apps = slices.DeleteFunc(u.apps, func(old mapped) bool { return old.mount == m })
	prefix, ok := narrow(m.path)
	host, ok2 := narrow(m.domain)
	u.apps = append(u.apps, mapped{mount: m, prefix: prefix, host: host, script: []byte(prefix), matches: ok && ok2, app: app})
	slices.SortFunc(u.apps, func(a, b mapped) int { return compareMounts(a.mount, b.mount) })
}

// compareMounts is the order of trial: by the domain's text, the applications
// for any domain among them as if theirs were "ÿ"; then the longer path first.
func compareMounts(a, b mount) int {
	return cmp.Or(
		cmp.Compare(a.sortText(), b.sortText()),
		cmp.Compare(utf8.RuneCountInString(b.path), utf8.RuneCountInString(a.path)),
		cmp.Compare(a.domain, b.domain),
		cmp.Compare(a.path, b.path),
	)
}

func (m mount) sortText() string {
	if m.domain == "" {
		return "\u00ff"
	}
	return m.domain
}

// ServeHTTP mounts the request at the application found.
func (u *urlMap) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	host := r.Host
	if host == "" {
		host = serverName(r)
	}
	path := joinSlashes(r.URL.Path)
	switch a := u.find(host, path, h1.OriginOf(r).Scheme); {
	case a != nil:
		a.app.ServeHTTP(w, h1.Mount(r, h1.ScriptName(r)+a.prefix, path[len(a.prefix):]))
	case u.notFound != nil:
		u.notFound.ServeHTTP(w, r)
	default:
		u.serveNotFound(w, r)
	}
}

// ServeHead implements h1.Short, for the applications that do.
func (u *urlMap) ServeHead(x *h1.Exchange) bool {
	host := x.Head.Text(x.Head.Host)
	if len(host) == 0 || bytes.Contains(x.Path, doubleSlash) {
		return false // rare enough
	}
	a := u.find(string(host), string(x.Path), x.Origin.Scheme)
	if a == nil {
		return false
	}
	short, ok := a.app.(h1.Short)
	if !ok {
		return false
	}
	x.Path = x.Path[len(a.prefix):]
	if len(x.ScriptName) == 0 {
		x.ScriptName = a.script
	} else {
		x.ScriptName = append(bytes.Clone(x.ScriptName), a.prefix...)
	}
	return short.ServeHead(x)
}

var doubleSlash = []byte("//")

// Ways implements h1.Ways.
func (u *urlMap) Ways(say func(path string, short bool, why string)) {
	for i := range u.apps {
		a := &u.apps[i]
		place := a.path
		if a.domain != "" {
			place = "http://" + a.domain + a.path
		}
		h1.WaysOf(a.app, func(path string, short bool, why string) { say(place+path, short, why) })
	}
}

// find returns the application for a path, in which no slashes are doubled, of
// a host, the Host field or what stands for it, cut at the first colon as Paste
// cuts it; nil: there is none. scheme is the request's, empty: the server's.
func (u *urlMap) find(host, path, scheme string) *mapped {
	host, port, found := strings.Cut(host, ":")
	host = strings.ToLower(host)
	if !found {
		port = "443"
		if cmp.Or(scheme, u.scheme()) == "http" {
			port = "80"
		}
	}
	for i := range u.apps {
		a := &u.apps[i]
		if !a.matches || !strings.HasPrefix(path, a.prefix) || len(path) > len(a.prefix) && path[len(a.prefix)] != '/' {
			continue
		}
		if a.host == "" || a.host == host || a.host == host+":"+port {
			return a
		}
	}
	return nil
}

// serverName is SERVER_NAME, as it is without a Host field.
func serverName(r *http.Request) string {
	if host, _ := h1.LocalOf(r); len(host) > 0 {
		return string(host)
	}
	return "localhost"
}

package paste

import (
	"cmp"
	"net"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"pasted/internal/wsgi"
	"pasted/paste"
)

// A urlMap is Paste's URLMap: it gives a request to the application whose
// domain and path are those that the request begins with.
type urlMap struct {
	apps     []mapped
	notFound http.Handler // nil: Paste's page
	scheme   func(*http.Request) string
}

// mapped is an application in its place. domain and prefix are as bytes of a
// request; where they cannot be, matches is false.
type mapped struct {
	mount
	prefix, host string
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
	u.apps = append(u.apps, mapped{mount: m, prefix: prefix, host: host, matches: ok && ok2, app: app})
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
	host, port := u.hostPort(r)
	path := joinSlashes(r.URL.Path)
	for i := range u.apps {
		a := &u.apps[i]
		if !a.matches || a.host != "" && a.host != host && a.host != host+":"+port {
			continue
		}
		if rest, ok := strings.CutPrefix(path, a.prefix); ok && (rest == "" || rest[0] == '/') {
			a.app.ServeHTTP(w, wsgi.Mount(r, wsgi.ScriptName(r)+a.prefix, rest))
			return
		}
	}
	if u.notFound != nil {
		u.notFound.ServeHTTP(w, r)
		return
	}
	u.serveNotFound(w, r)
}

// hostPort is the Host field, or the address that the request came to, cut at
// the first colon as Paste cuts it.
func (u *urlMap) hostPort(r *http.Request) (host, port string) {
	host = r.Host
	if host == "" {
		host = serverName(r)
	}
	host = strings.ToLower(host)
	if host, port, ok := strings.Cut(host, ":"); ok {
		return host, port
	}
	if u.scheme(r) == "http" {
		return host, "80"
	}
	return host, "443"
}

// serverName is SERVER_NAME: the address that the connection was made to.
func serverName(r *http.Request) string {
	if addr, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr); ok {
		return addr.IP.String()
	}
	return "localhost"
}

// schemeByTLS is wsgi.url_scheme where nobody knows better.
func schemeByTLS(r *http.Request) string {
	if r.TLS != nil {
		return "https"
	}
	return "http"
}

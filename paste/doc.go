// Package paste is PasteDeploy in Go. It resolves a URI, by PasteDeploy's rules
// and with its errors, into a Context: a section, or an entry point of an egg,
// with everything that it refers to, nothing built yet. What has a counterpart
// in a Registry it also builds, as http.Handlers.
//
//	ctx, err := paste.Resolve(paste.AppKind, "config:/etc/app/production.ini", opts)
//	app, err := paste.LoadApp("config:/etc/app/production.ini", registry, opts)
//
// Resolving reads files and changes nothing. The package knows sections, URIs,
// protocols, and the few liberties that Options.Strict switches off: names that
// PasteDeploy would refuse and that can mean but one thing. It knows nothing of
// Python: EntryPoints tells it what is installed, and what becomes of a Context
// that only Python can build is left to others, as is every value of an option.
package paste

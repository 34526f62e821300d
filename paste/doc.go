// Package paste is PasteDeploy in Go: it composes http.Handlers as a PasteDeploy
// file says, by PasteDeploy's rules and with its errors.
//
// A program registers what the names of a file stand for, and loads:
//
//	registry := new(paste.Registry)
//	registry.SetApp("egg:Shop#catalogue", newCatalogue)
//	registry.SetFilter("egg:Shop#session", newSession)
//	app, err := paste.LoadApp("config:/etc/shop/production.ini", registry, paste.Options{})
//
// # What PasteDeploy has, and what it is here
//
//	loadapp, loadfilter, loadserver   LoadApp, LoadFilter, LoadServer
//	appconfig                         Config
//	loadcontext                       Resolve
//	ConfigLoader                      Open
//	a context, context.create()       Context, Builder
//	global_conf, local_conf           Conf, which knows where each value stands
//	a composite's loader              CompositeLoader
//	entry points                      Registry
//	paste.app_factory                 AppFactory
//	paste.composite_factory           CompositeFactory
//	paste.filter_factory              FilterFactory
//	paste.filter_app_factory          FilterAppFactory
//	paste.server_factory              ServerFactory
//	paste.server_runner               ServerRunner
//	asbool, asint, aslist             Decode, into structs
//
// A factory has its options as text, in a Conf; Decode turns them into the fields
// of a struct, and tells everything that is wrong with them at once, each with
// its file and line. The package eggs, below this one, has Paste's urlmap and
// translogger for a Registry.
//
// # Errors
//
// Whatever a file can be is answered with an error, never with a panic. It is an
// *Error: it knows the place, what was probably meant, and the class and text of
// the exception that PasteDeploy raises. A few names that PasteDeploy refuses and
// that can mean but one thing are taken (liberties); Options.Strict refuses them
// too, and Options.Notes hears of each.
//
// # What it leaves to others
//
// Loading reads files and changes nothing. The package knows nothing of Python:
// EntryPoints tells it what is installed, and what becomes of a Context that only
// Python can build is left to others, by way of a Builder.
package paste

package paste

// Options are what Resolve needs beside the URI. The zero value resolves
// files without eggs.
type Options struct {
	// Name is the section or entry point asked for. nil leaves it to the
	// URI's fragment, and without one to "main"; a name given here wins over
	// the fragment.
	Name *string
	// RelativeTo is the directory that a relative config: URI starts from;
	// empty: such a URI is an error.
	RelativeTo string
	// GlobalConf is passed in, as by VAR=VALUE on a command line; nil: none.
	GlobalConf *Conf
	// EntryPoints answers for the installed distributions; nil: none is.
	EntryPoints EntryPoints
	// Native answers for distributions that EntryPoints says are not
	// installed; nil: nothing does. It is a liberty, and not asked if Strict.
	Native EntryPoints
	// Strict switches all liberties off: what PasteDeploy refuses is an error.
	Strict bool
	// Assume takes every distribution and every entry point for installed
	// that neither EntryPoints nor Native knows, with a protocol guessed from
	// the section that names it. The guesses are marked Assumed.
	Assume bool
	// Notes is told of every liberty taken; nil: nobody is. Loaders of the
	// contexts keep it and may call it at any time later, from any goroutine.
	Notes func(Note)
	// ReadFile reads a file of a config: URI; nil: os.ReadFile. Errors are
	// to be *fs.PathErrors.
	ReadFile func(name string) ([]byte, error)
}

// EntryPoints knows what is installed in one place, such as a Python
// interpreter. Names of distributions are to be compared as
// importlib.metadata does: without regard to case and to runs of "-_.".
// It must be safe for concurrent use.
type EntryPoints interface {
	// Installed returns nil if a distribution of that name is installed, else
	// a *NotInstalledError; anything else says why it cannot tell.
	Installed(distribution string) error
	// EntryPoint returns what the entry point refers to, "module:attr
	// [extras]" as it stands in entry_points.txt, and whether the
	// distribution has it. The errors are those of Installed. What a native
	// registry has may refer to "".
	EntryPoint(distribution, group, name string) (object string, ok bool, err error)
}

// Resolve resolves uri, as PasteDeploy's loadcontext does: "config:file.ini",
// "config:/dir/file.ini#name", "egg:Distribution#name", "call:module:function".
// It reads files and changes nothing. The error is an *Error.
func Resolve(kind Kind, uri string, opts Options) (*Context, error) {
	return nil, &Error{Class: "LookupError", Message: "not there yet"}
}

// A Loader resolves names in one file, or in one egg: what PasteDeploy hands
// to a composite's factory. It remembers the sections around its context, and
// is safe for concurrent use.
type Loader struct {
	spec string
}

// String returns the loader's URI without a fragment: "config:/dir/file.ini".
func (l *Loader) String() string { return l.spec }

// Context resolves a name of l's file or egg, or a URI relative to it, as a
// loader's app_context, filter_context and server_context do. A nil name is
// the bare section or "main"; globalConf may be nil. The error is an *Error.
func (l *Loader) Context(kind Kind, name *string, globalConf *Conf) (*Context, error) {
	return nil, &Error{Class: "LookupError", Message: "not there yet"}
}

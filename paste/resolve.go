package paste

import "pasted/internal/ini"

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
	// Foreign says whether a value of GlobalConf stands for a Python object
	// that is no text, and if so its type's name ("int", "NoneType") and
	// whether Python takes it for false: ConfigParser trips over most of
	// those. nil: all values are text.
	Foreign func(value string) (typeName string, isFalse, ok bool)
	// EntryPoints answers for the installed distributions; nil: none is.
	EntryPoints EntryPoints
	// Native answers for distributions that EntryPoints says are not
	// installed; nil: nothing does. It is a liberty, and not asked if Strict.
	Native EntryPoints
	// Import is told of every Python object where PasteDeploy imports it, and
	// returns why it cannot be imported: best an *Error with Python's class
	// and text. nil: nothing is imported, and everything can be.
	Import func(*Object) error
	// Strict switches all liberties off: what PasteDeploy refuses is an error.
	Strict bool
	// Assume takes every distribution and every entry point for installed
	// that neither EntryPoints nor Native knows, with a protocol guessed from
	// the section that names it. The guesses are marked Assumed.
	Assume bool
	// Notes is told of every liberty taken; nil: nobody is. Loaders of the
	// contexts keep it and may call it at any time later, from any goroutine.
	Notes func(Note)
	// Pitfalls is told of what the file means and does not seem to say, as it is
	// resolved, each time anew; nil: nobody is. Loader.Pitfalls has what can be
	// told without resolving. It is called as Notes is.
	Pitfalls func(Pitfall)
	// ReadFile reads the file of a config: URI; nil: os.ReadFile. Its errors
	// are to be *fs.PathErrors.
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

// A Lister is an EntryPoints that also tells what there is: hints are made of
// it.
type Lister interface {
	// Names returns the names in one group of a distribution, in any order;
	// nil if there is none, or no such distribution.
	Names(distribution, group string) []string
}

// Resolve resolves uri, as PasteDeploy's loadcontext does: "config:file.ini",
// "config:/dir/file.ini#name", "egg:Distribution#name", "call:module:function".
// It reads files and changes nothing. The error is an *Error.
func Resolve(kind Kind, uri string, opts Options) (*Context, error) {
	r := &resolver{opts: opts}
	var conf *Conf
	if opts.GlobalConf != nil {
		conf = opts.GlobalConf.Clone()
	}
	ctx, err := r.load(request{kind: kind, name: opts.Name, conf: conf}, uri, opts.RelativeTo)
	if err != nil {
		return nil, err
	}
	return ctx, nil
}

// A resolver is what one Resolve and all its loaders share.
type resolver struct {
	opts Options
}

// A request asks a loader for a context.
type request struct {
	kind Kind
	name *string // nil: none given
	conf *Conf   // passed in by whoever asks; may be nil
	from origin
	at   *frame
	// section, if not nil, is what name means (see lastOfPipeline).
	section *ini.Section
}

// named returns q asking for name.
func (q request) named(name string) request {
	q.name = &name
	return q
}

// An origin is where a name or URI stands; the zero origin is no file.
type origin struct {
	pos     Position
	section string
	option  string // "use", "pipeline", …
	text    string // what stands there
	// using says that the option is a use, so that what it names becomes the
	// section's own.
	using bool
}

// fail returns an error about what stands at o.
func (o origin) fail(class, text, message string) *Error {
	return &Error{Class: class, Text: text, Pos: o.pos, Section: o.section, Message: o.subject() + message}
}

// subject is how a message about what stands at o begins.
func (o origin) subject() string {
	if o.option == "" {
		return ""
	}
	return o.option + " = " + quote(o.text) + ": "
}

// note reports a liberty taken with what stands at o.
func (r *resolver) note(o origin, text string) {
	if r.opts.Notes != nil {
		r.opts.Notes(Note{Pos: o.pos, Section: o.section, Text: o.subject() + text})
	}
}

package paste

// A Kind is what is asked for: an application, a filter or a server. It
// selects the section prefixes and the protocols (see Resolve).
type Kind string

// The kinds, named as PasteDeploy's section prefixes.
const (
	AppKind    Kind = "app"
	FilterKind Kind = "filter"
	ServerKind Kind = "server"
)

// A Type is what a resolved context is: PasteDeploy's object_type.
type Type string

// The types of contexts.
const (
	Application  Type = "application"
	Filter       Type = "filter"
	Server       Type = "server"
	Pipeline     Type = "pipeline"
	FilterApp    Type = "filter_app"
	FilteredWith Type = "filtered_with"
)

// A Context is a section, or an entry point, with everything resolved and
// nothing built yet. It is not changed once Resolve has returned it, and is
// safe for concurrent use.
type Context struct {
	Type Type
	// Protocol is how the object is called ("paste.app_factory", …), empty
	// where there is none: in a pipeline, a filter_app, a filtered_with, and
	// in a call: URI that no section uses.
	Protocol string
	// Object names what is called; nil where Protocol's first three empty
	// cases apply.
	Object *Object
	// GlobalConf and LocalConf are what the object is called with.
	GlobalConf, LocalConf *Conf
	// Loader is what a composite's factory resolves its children with.
	Loader *Loader

	Distribution   string // of an egg's entry point, as it was asked for
	EntryPointName string
	Assumed        bool // the entry point is a guess (Options.Assume)

	// Section is the text between the brackets, empty for a URI that no
	// section led to. Pos is where its header stands.
	Section string
	Pos     Position
	// Named is where the section's option stands that says what it is, its
	// `use` or its factory: the zero Position where none does.
	Named Position

	// App and Filters are a pipeline's, the outermost filter first. Filter
	// and Next are those of a filter_app and of a filtered_with.
	App     *Context
	Filters []*Context
	Filter  *Context
	Next    *Context
}

// Config returns the context's configurations in one, the local one over the
// global one, as PasteDeploy's appconfig does. The Conf is the caller's.
func (ctx *Context) Config() *Conf {
	conf := ctx.GlobalConf.Clone()
	conf.Update(ctx.LocalConf)
	if ctx.LocalConf != nil {
		conf.owner, conf.header = ctx.LocalConf.owner, ctx.LocalConf.header
	}
	return conf
}

// A Style says how an Object's name becomes a Python object.
type Style string

// The styles. EntryPoint and Factory import Module and follow Attr's dots;
// Call imports Module and looks Attr up as it stands, dots and all. Direct is
// a liberty: as Factory, but the object may be the application or the
// middleware itself, and what it is is decided by looking at it.
const (
	EntryPointStyle Style = "entry_point"
	FactoryStyle    Style = "factory"
	CallStyle       Style = "call"
	DirectStyle     Style = "direct"
)

// An Object names something callable.
type Object struct {
	Style Style
	// Module and Attr are the Python object's. Attr may be empty: the module
	// itself. Both are empty for an entry point that only the Registry has.
	Module, Attr string
	// Egg is "Distribution#name" for an entry point, in the spelling of the
	// file; empty otherwise.
	Egg string
	// Text is the reference as it is written, extras included, where there is
	// one: "module:attr [extras]".
	Text string
}

// A Position is a place in a file. Line counts from 1; 0 is the file as a whole.
type Position struct {
	File string
	Line int
}

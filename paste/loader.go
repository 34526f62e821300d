package paste

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"
	"syscall"

	"pasted/internal/ini"
)

// A Loader resolves names in one file, or in one egg: what PasteDeploy hands
// to a composite's factory. It remembers the sections around its context, and
// is safe for concurrent use.
type Loader struct {
	r    *resolver
	spec string
	file *source // nil for an egg and for a call: URI
	at   *frame  // the section it was made in
	own  *Loader // of a context taken from another file: that file's; else nil
}

// loader returns a loader without a file.
func (r *resolver) loader(spec string, at *frame) *Loader {
	return &Loader{r: r, spec: spec, at: at}
}

// inside returns l as the sections within at see it.
func (l *Loader) inside(at *frame) *Loader {
	inner := *l
	inner.at = at
	return &inner
}

// taking returns l as the loader of ctx, which a use of l's file has taken from
// wherever it stands.
func (l *Loader) taking(ctx *Context) *Loader {
	if ctx.Loader == nil || ctx.Loader.file == nil || ctx.Loader.file.abs == l.file.abs {
		return l
	}
	taking := *l
	taking.own = ctx.Loader
	return &taking
}

// String returns the loader's URI without a fragment: "config:/dir/file.ini".
func (l *Loader) String() string { return l.spec }

// Open opens a file by its name, which is a path and not a URI, as PasteDeploy's
// ConfigLoader does. opts.Name and opts.RelativeTo mean nothing
// here; opts.GlobalConf becomes defaults where the file has none of the
// name, as through a config: URI. The error is an *Error.
func Open(name string, opts Options) (*Loader, error) {
	r := &resolver{opts: opts}
	l, err := r.fileLoader(request{conf: opts.GlobalConf}, ini.TrimSpace(name))
	if err != nil {
		return nil, err
	}
	return l, nil
}

// fileLoader returns the loader of a file for q.
func (r *resolver) fileLoader(q request, name string) (*Loader, *Error) {
	src, err := r.open(q.from, name)
	if err != nil {
		return nil, err
	}
	src.passed = new(Conf)
	for key, value := range q.conf.All() {
		if src.AddForeign(key, value, r.foreign(value)) {
			src.passed.SetAt(key, value, q.conf.Pos(key))
		}
	}
	l := r.loader("config:"+src.Name, q.at)
	l.file = src
	return l, nil
}

// foreign says what a value that is passed in stands for, nil for text.
func (r *resolver) foreign(value string) *ini.Foreign {
	if r.opts.Foreign == nil {
		return nil
	}
	name, isFalse, ok := r.opts.Foreign(value)
	if !ok {
		return nil
	}
	return &ini.Foreign{Type: name, False: isFalse}
}

// Sections returns the names of all sections of l's file but the defaults, in
// its order, and where their headers stand. It is nil if l has no file.
func (l *Loader) Sections() []SectionName {
	if l.file == nil {
		return nil
	}
	var names []SectionName
	for _, s := range l.file.Sections() {
		names = append(names, SectionName{s.Name, l.file.position(s.Line)})
	}
	return names
}

// A SectionName is the text between the brackets, and where it stands.
type SectionName struct {
	Name string
	Pos  Position
}

// Section returns the options of any section of l's file, with values
// interpolated as everywhere and the places where they stand: its own ones, not
// the defaults. It is nil, without an error, if there is no such section or l
// has no file. The error is an *Error.
func (l *Loader) Section(name string) (*Conf, error) {
	if l.file == nil || l.file.Section(name) == nil {
		return nil, nil
	}
	conf := &Conf{owner: name, header: l.file.position(l.file.Section(name).Line)}
	for _, o := range l.file.Section(name).Options() {
		value, err := l.file.Interpolate(name, o)
		if err != nil {
			return nil, l.file.misread(err)
		}
		conf.set(o.Name, confValue{value, l.file.position(o.Line), name})
	}
	return conf, nil
}

// Raw returns the options of a section of l's file as they stand, without
// interpolation: its own ones, and those of DEFAULT with here, __file__ and what
// was passed in. It is empty if there is no such section or l has no file.
func (l *Loader) Raw(name string) *Conf {
	conf := new(Conf)
	if l.file == nil || l.file.Section(name) == nil {
		return conf
	}
	for _, o := range l.file.Section(name).Options() {
		conf.set(o.Name, confValue{o.Raw, l.file.position(o.Line), name})
	}
	return conf
}

// FindSection returns the section of l's file that a name means, without a
// look into it, as PasteDeploy's find_config_section does; a nil name is the
// bare section or "main". The error is an *Error, also where l has no file.
func (l *Loader) FindSection(kind Kind, name *string) (string, error) {
	if l.file == nil {
		return "", &Error{
			Class: "AttributeError", Text: "'EggLoader' object has no attribute 'find_config_section'",
			Message: l.spec + " has no sections: want a file",
		}
	}
	q := request{kind: kind, name: name, at: l.at, from: l.childOrigin(name)}
	s, err := l.find(q)
	switch {
	case err != nil:
		return "", err
	case s == nil: // Context would take an object of that name
		return "", l.noSection(q)
	}
	return s.Name, nil
}

// Context resolves a name of l's file or egg, or a URI relative to it, as a
// loader's app_context, filter_context and server_context do. A nil name is
// the bare section or "main"; globalConf may be nil. The error is an *Error;
// where a composite mounts itself, that of a circle.
func (l *Loader) Context(kind Kind, name *string, globalConf *Conf) (*Context, error) {
	q := request{kind: kind, name: name, at: l.at.deeper(loaderFrames)}
	if globalConf != nil {
		q.conf = globalConf.Clone()
	}
	q.from = l.childOrigin(name)
	ctx, err := l.resolve(q)
	if err == nil {
		return ctx, nil
	}
	if ctx := l.ownChild(q, globalConf); ctx != nil {
		return ctx, nil
	}
	return nil, err
}

// ownChild is a liberty: a composite that was taken from another file, and asks
// for a section that the file which took it lacks, gets its own file's. It
// returns nil where that cannot be.
func (l *Loader) ownChild(q request, globalConf *Conf) *Context {
	if l.own == nil || l.r.opts.Strict || q.name == nil || isURI(*q.name) || len(l.file.candidates(q.kind, q.name)) > 0 {
		return nil
	}
	ctx, err := l.own.Context(q.kind, q.name, globalConf)
	if err != nil {
		return nil
	}
	l.r.note(q.from, fmt.Sprintf("%q is taken from %s, where what asks for it stands; PasteDeploy looks in %s alone",
		*q.name, strings.TrimPrefix(l.own.spec, "config:"), l.file.Name))
	return ctx
}

// childOrigin says where a name probably stands that a composite asks for: in
// the value of one of its options.
func (l *Loader) childOrigin(name *string) origin {
	if l.file == nil || l.at == nil || name == nil || l.at.section == "" || l.at.file != l.file.abs {
		return origin{}
	}
	s := l.file.Section(l.at.section)
	from := origin{pos: Position{l.file.Name, s.Line}, section: s.Name}
	if place, ok := l.file.mentions.find(s, *name); ok {
		from.pos.Line = place.line
		from.option, from.text = place.option, *name
	}
	return from
}

// resolve resolves q by whatever l is a loader of.
func (l *Loader) resolve(q request) (*Context, *Error) {
	spec, isCall := strings.CutPrefix(l.spec, "call:")
	switch {
	case l.file != nil:
		return l.context(q)
	case isCall:
		return l.call(q, spec)
	case q.name != nil && isURI(*q.name):
		if q.at.tooDeep() {
			return nil, q.at.recursionError(q.from)
		}
		uri := *q.name
		q.name = nil
		return l.r.load(q, uri, "")
	case q.name == nil:
		q = q.named("main")
	}
	return l.egg(q, strings.TrimPrefix(l.spec, "egg:"))
}

// A source is an open file.
type source struct {
	*ini.File
	abs string // where it is, whatever name it was asked for by
	// passed are the defaults that it has not of its own.
	passed *Conf
	named  map[sectionName][]*ini.Section
	// mentions are of sections whose loaders have been asked for children.
	mentions mentions
}

// open reads and parses a file.
func (r *resolver) open(from origin, name string) (*source, *Error) {
	read := r.opts.ReadFile
	if read == nil {
		read = os.ReadFile
	}
	defaults, err := ini.FileDefaults(name)
	if err != nil {
		return nil, unreadable(from, name, err)
	}
	if strings.ContainsRune(name, 0) {
		return nil, nulInName(from, name)
	}
	data, err := read(name)
	if err != nil {
		e := unreadable(from, name, err)
		if r.opts.ReadFile == nil && errors.Is(err, fs.ErrNotExist) {
			e.Hint = otherFile(name)
		}
		return nil, e
	}
	file, err := ini.Parse(name, data, defaults...)
	if err != nil {
		return nil, misread(err)
	}
	// here and __file__ may be overridden in the file; what is asked for is
	// where the file is.
	return &source{File: file, abs: defaults[1].Value, named: byName(file.Sections())}, nil
}

// position returns the place of a line of the file.
func (s *source) position(line int) Position { return Position{s.Name, line} }

// errno returns the number of an error of the operating system, or 0.
func errno(err error) syscall.Errno {
	var number syscall.Errno
	switch {
	case errors.As(err, &number):
		return number
	case errors.Is(err, fs.ErrNotExist):
		return syscall.ENOENT
	case errors.Is(err, fs.ErrPermission):
		return syscall.EACCES
	}
	return 0
}

// mentions says where in a section a name stands: alone in a line of a value, or
// as one of its words. It is safe for concurrent use.
type mentions struct {
	mu sync.Mutex
	of map[*ini.Section]map[string]mention
}

// A mention is the first of a name in a section.
type mention struct {
	option string
	line   int
}

// find returns where name stands in s.
func (m *mentions) find(s *ini.Section, name string) (mention, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.of[s] == nil {
		if m.of == nil {
			m.of = make(map[*ini.Section]map[string]mention)
		}
		m.of[s] = mentionsIn(s)
	}
	found, ok := m.of[s][name]
	return found, ok
}

func mentionsIn(s *ini.Section) map[string]mention {
	all := make(map[string]mention)
	for _, o := range s.Options() {
		for _, line := range o.Lines {
			for _, name := range append(ini.Fields(line.Text), line.Text) {
				if _, ok := all[name]; !ok {
					all[name] = mention{o.Name, line.Number}
				}
			}
		}
	}
	return all
}

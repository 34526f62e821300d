// Package ini reads the dialect of Python's configparser that PasteDeploy
// uses: ConfigParser with all its defaults but case-sensitive keys. It knows
// lines, sections, options, defaults and interpolation, and where each stands;
// what a section is for is left to others.
package ini

import (
	"path"
	"slices"
	"strings"
	"syscall"
)

// DefaultSection is the name of the section whose options every other one has.
const DefaultSection = "DEFAULT"

// A File is a parsed file. It is safe for concurrent use as long as nobody
// calls AddDefault or SetDefault.
type File struct {
	// Name is the file's name as Parse was given it: what messages say.
	Name string

	sections []*Section
	byName   map[string]*Section
	defaults *Section
}

// A Section is a header and the options below it.
type Section struct {
	// Name is the text between the brackets, inner space included.
	Name string
	// Line is the header's, counted from 1; 0 for defaults without one.
	Line int

	options []*Option
	byName  map[string]*Option
}

// An Option is a name and its value as it stands, before interpolation.
type Option struct {
	Name string
	Raw  string
	// Line is where the name stands, counted from 1. It is 0 for a default
	// that no line of the file gave.
	Line int
	// Lines are those of the value, the name's own first, stripped; empty
	// ones among them. Joined with newlines and stripped on the right they
	// are Raw.
	Lines []Line
	// Foreign says that Raw stands for a Python object that is no text, a
	// default that was passed in; nil: it is text.
	Foreign *Foreign
}

// A Foreign is a value that ConfigParser would not have read from a file.
type Foreign struct {
	Type  string // Python's name of its type: "int", "NoneType"
	False bool   // Python takes it for false: 0, None, an empty list
}

// A Line is one line of a value.
type Line struct {
	Number int // counted from 1
	Text   string
}

// A Default is an option that every section has though no line of the file
// gives it.
type Default struct {
	Name, Value string
}

// FileDefaults returns the two defaults that PasteDeploy gives to a file of
// that name: "here", its directory, and "__file__", its absolute name. Symbolic
// links in it are left as they are. The error is that of getcwd(2), which is
// asked for a relative name only.
func FileDefaults(name string) ([]Default, error) {
	abs, err := absolute(name)
	if err != nil {
		return nil, err
	}
	return []Default{{"here", Dir(abs)}, {"__file__", abs}}, nil
}

// absolute is Python's os.path.abspath.
func absolute(name string) (string, error) {
	if !strings.HasPrefix(name, "/") {
		// os.Getwd believes $PWD, which may have symbolic links in it; Python
		// asks the system.
		cwd, err := syscall.Getwd()
		if err != nil {
			return "", err
		}
		name = cwd + "/" + name
	}
	clean := path.Clean(name)
	// POSIX lets a system give exactly two slashes a meaning of their own.
	if strings.HasPrefix(name, "//") && !strings.HasPrefix(name, "///") {
		clean = "/" + clean
	}
	return clean, nil
}

// Dir is Python's os.path.dirname: everything before the last slash of name,
// without cleaning it, and empty where there is none.
func Dir(name string) string {
	dir := name[:strings.LastIndexByte(name, '/')+1]
	if short := strings.TrimRight(dir, "/"); short != "" {
		return short
	}
	return dir
}

// Sections returns the sections in the order of the file, without the
// defaults. The slice is not to be changed.
func (f *File) Sections() []*Section { return f.sections }

// Section returns the section of that name, which may be DefaultSection, or
// nil.
func (f *File) Section(name string) *Section {
	if name == DefaultSection {
		return f.defaults
	}
	return f.byName[name]
}

// Defaults returns the defaults: those given to Parse, those of the file, and
// those added, in this order.
func (f *File) Defaults() *Section { return f.defaults }

// AddDefault adds a default unless there is one of that name, and says whether
// it did. It is not to be called while others use f.
func (f *File) AddDefault(name, value string) bool {
	return f.AddForeign(name, value, nil)
}

// AddForeign is AddDefault for a value that stands for something foreign, or
// for text if that is nil.
func (f *File) AddForeign(name, value string, foreign *Foreign) bool {
	if f.defaults.Option(name) != nil {
		return false
	}
	f.defaults.set(&Option{Name: name, Raw: value, Foreign: foreign})
	return true
}

// SetDefault sets a default in the place of one of that name. It is not to be
// called while others use f.
func (f *File) SetDefault(name, value string) {
	f.SetForeign(name, value, nil)
}

// SetForeign is SetDefault for a value that stands for something foreign, or
// for text if that is nil.
func (f *File) SetForeign(name, value string, foreign *Foreign) {
	f.defaults.set(&Option{Name: name, Raw: value, Foreign: foreign})
}

// Options returns the options of a section as ConfigParser.options lists
// them: its own in the order of the file, then the defaults that it has none
// of the same name for. It is nil if there is no such section.
func (f *File) Options(section string) []*Option {
	s := f.Section(section)
	if s == nil {
		return nil
	}
	list := slices.Clone(s.options)
	for _, o := range f.defaults.options {
		if s.byName[o.Name] == nil {
			list = append(list, o)
		}
	}
	return list
}

// Lookup returns the option of a section, or else the default of that name, or
// else nil.
func (f *File) Lookup(section, option string) *Option {
	if s := f.Section(section); s != nil && s.byName[option] != nil {
		return s.byName[option]
	}
	return f.defaults.byName[option]
}

// Options returns s's own options in the order of the file. The slice is not
// to be changed.
func (s *Section) Options() []*Option { return s.options }

// Option returns s's own option of that name, or nil.
func (s *Section) Option(name string) *Option { return s.byName[name] }

// set puts o in, in the place of one of the same name if there is one.
func (s *Section) set(o *Option) {
	if s.byName == nil {
		s.byName = make(map[string]*Option)
	}
	if old := s.byName[o.Name]; old != nil {
		s.options[slices.Index(s.options, old)] = o
	} else {
		s.options = append(s.options, o)
	}
	s.byName[o.Name] = o
}

package ini

import (
	"fmt"
	"strings"

	"pasted/internal/spelling"
)

// Limits of interpolation. The depth is ConfigParser's. The other two have no
// counterpart there: names may name one another, ten deep and as often as they
// like, so a short file could ask for more text than there is memory.
const (
	maxDepth         = 10
	maxExpansion     = 64 << 20 // bytes
	maxSubstitutions = 1 << 20
)

// Get returns the value of an option of a section, or of the default of that
// name, interpolated in the scope of the section; ok is false if there is
// neither. The error is an *Error.
func (f *File) Get(section, option string) (value string, ok bool, err error) {
	o := f.Lookup(section, option)
	if o == nil {
		return "", false, nil
	}
	value, err = f.Interpolate(section, o)
	return value, true, err
}

// Interpolate returns the value of o, which need not be the section's own,
// interpolated in the section's scope. The error is an *Error.
func (f *File) Interpolate(section string, o *Option) (string, error) {
	if o.Foreign != nil && !o.Foreign.False {
		return "", foreign(f, section, o, "AttributeError", fmt.Sprintf("'%s' object has no attribute 'find'", o.Foreign.Type))
	}
	if !strings.ContainsRune(o.Raw, '%') {
		return o.Raw, nil
	}
	e := expansion{file: f, section: section, option: o}
	if err := e.expand(o, 1); err != nil {
		return "", err
	}
	if e.unjoinable != nil {
		return "", e.unjoinable
	}
	return e.out.String(), nil
}

// DefaultValues returns the defaults interpolated in their own scope, as
// PasteDeploy reads them: all of them, and one that comes out empty as it
// stands. The error is an *Error.
func (f *File) DefaultValues() ([]Default, error) {
	values := make([]Default, 0, len(f.defaults.options))
	for _, o := range f.defaults.options {
		value, err := f.Interpolate(DefaultSection, o)
		if err != nil {
			return nil, err
		}
		if value == "" {
			value = o.Raw
		}
		values = append(values, Default{o.Name, value})
	}
	return values, nil
}

// An expansion is the interpolation of one option.
type expansion struct {
	file    *File
	section string
	option  *Option

	out           strings.Builder
	pieces        int // that Python would join to what is in out
	substitutions int
	// unjoinable is what Python would say when it has all pieces, or nil.
	unjoinable error
}

// write adds a piece.
func (e *expansion) write(piece string) {
	e.out.WriteString(piece)
	e.pieces++
}

// expand writes the value of o interpolated. A nil error is an untyped one.
func (e *expansion) expand(o *Option, depth int) error {
	if depth > maxDepth {
		return e.tooDeep()
	}
	for text := o.Raw; text != ""; {
		plain, rest, found := strings.Cut(text, "%")
		if plain != "" {
			e.write(plain)
		}
		if !found {
			return nil
		}
		here := place{o, len(o.Raw) - len(rest) - 1}
		switch {
		case strings.HasPrefix(rest, "%"):
			e.write("%")
			text = rest[1:]
		case strings.HasPrefix(rest, "("):
			name, after, ok := reference(rest)
			if !ok {
				return e.badReference(here, "%"+rest)
			}
			if err := e.substitute(here, name, depth); err != nil {
				return err
			}
			text = after
		default:
			return e.badPercent(here, "%"+rest)
		}
	}
	return nil
}

// reference splits text into the name in parentheses that it begins with and
// what follows the s behind them.
func reference(text string) (name, after string, ok bool) {
	name, after, ok = strings.Cut(text[1:], ")")
	if !ok || name == "" || !strings.HasPrefix(after, "s") {
		return "", "", false
	}
	return name, after[1:], true
}

// substitute writes the value of name, which is referred to at here.
func (e *expansion) substitute(here place, name string, depth int) error {
	o := e.file.Lookup(e.section, name)
	if o == nil {
		return e.missing(here, name)
	}
	if o.Foreign != nil {
		return e.substituteForeign(o)
	}
	e.substitutions++
	if e.substitutions > maxSubstitutions || e.out.Len()+len(o.Raw) > maxExpansion {
		return e.tooLong(here)
	}
	if !strings.ContainsRune(o.Raw, '%') {
		e.write(o.Raw)
		return nil
	}
	return e.expand(o, depth+1)
}

// substituteForeign does what Python does with a value that is no text: it looks
// for a percent sign in it, and has it joined to the other pieces in the end.
func (e *expansion) substituteForeign(o *Option) error {
	switch o.Foreign.Type {
	case "list", "dict", "tuple":
	default:
		return foreign(e.file, e.section, o, "TypeError", fmt.Sprintf("argument of type '%s' is not iterable", o.Foreign.Type))
	}
	if e.unjoinable == nil {
		e.unjoinable = foreign(e.file, e.section, o, "TypeError",
			fmt.Sprintf("sequence item %d: expected str instance, %s found", e.pieces, o.Foreign.Type))
	}
	e.pieces++
	return nil
}

// A place is an offset in the raw value of an option.
type place struct {
	option *Option
	offset int
}

// line returns the line of the file, or 0.
func (p place) line() int {
	n := strings.Count(p.option.Raw[:p.offset], "\n")
	if n < len(p.option.Lines) {
		return p.option.Lines[n].Number
	}
	return p.option.Line
}

func (e *expansion) badPercent(at place, rest string) *Error {
	err := e.fail(at, "configparser.InterpolationSyntaxError",
		"'%' must be followed by '%' or '(', found: "+Repr(rest),
		fmt.Sprintf("has a bare percent sign, %q: want %%%% or %%(name)s", firstRunes(rest, 2)))
	err.Hint = "write %% for a percent sign"
	if at.option.isPlace() {
		err.Hint = placeHint
	}
	return err
}

// placeHint is for what FileDefaults gives: no file can be loaded from a folder
// whose name has a percent sign.
const placeHint = "the file's own path has a percent sign in it: call the folder something else"

// isPlace says whether o is a default that FileDefaults gives.
func (o *Option) isPlace() bool { return o.Line == 0 && (o.Name == "here" || o.Name == "__file__") }

func (e *expansion) badReference(at place, rest string) *Error {
	end := strings.IndexByte(rest, ')') + 1
	if end == 0 {
		end = len(rest)
	}
	err := e.fail(at, "configparser.InterpolationSyntaxError",
		"bad interpolation variable reference "+Repr(rest),
		fmt.Sprintf("has a broken reference, %q: want %%(name)s", firstRunes(rest, end+1)))
	if at.option.isPlace() {
		err.Hint = placeHint
	}
	return err
}

func (e *expansion) missing(at place, name string) *Error {
	err := e.fail(at, "configparser.InterpolationMissingOptionError",
		fmt.Sprintf("Bad value substitution: option %s in section %s contains an interpolation key %s "+
			"which is not a valid option name. Raw value: %s",
			Repr(e.option.Name), Repr(e.section), Repr(name), Repr(e.option.Raw)),
		fmt.Sprintf("names %q: want an option of this section or of [DEFAULT]", name))
	err.Hint = e.missingHint(at, name)
	return err
}

// missingHint guesses where a name is that is not in scope. The options that are
// being read are not meant: they would name themselves.
func (e *expansion) missingHint(at place, name string) string {
	var names []string
	for _, o := range e.file.Options(e.section) {
		if o != at.option && o != e.option {
			names = append(names, o.Name)
		}
	}
	if near := spelling.Nearest(name, names); near != "" {
		return fmt.Sprintf("did you mean %%(%s)s?", near)
	}
	for _, s := range e.file.sections {
		if o := s.Option(name); o != nil {
			return fmt.Sprintf("%s stands in [%s], in line %d; only [DEFAULT] is seen from other sections", name, s.Name, o.Line)
		}
	}
	return fmt.Sprintf("set %s in [DEFAULT], or pass %s=VALUE in", name, name)
}

func (e *expansion) tooDeep() *Error {
	return e.fail(place{e.option, 0}, "configparser.InterpolationDepthError",
		fmt.Sprintf("Recursion limit exceeded in value substitution: option %s in section %s "+
			"contains an interpolation key which cannot be substituted in %d steps. Raw value: %s",
			Repr(e.option.Name), Repr(e.section), maxDepth, Repr(e.option.Raw)),
		fmt.Sprintf("names itself, or names that name others, more than %d deep: want fewer", maxDepth))
}

// tooLong stands for what Python would do only when its memory has run out.
func (e *expansion) tooLong(at place) *Error {
	return e.fail(at, "MemoryError", "",
		fmt.Sprintf("grows beyond all bounds: want at most %d bytes", maxExpansion))
}

// fail returns the error for what stands at a place: text as Python's class
// has it, and message after the option's name. Values are not repeated beyond
// the part that is wrong: passwords are what most often has percent signs.
func (e *expansion) fail(at place, class, text, message string) *Error {
	message = fmt.Sprintf("%q %s", at.option.Name, message)
	if at.option != e.option {
		message += fmt.Sprintf(" (read for %q)", e.option.Name)
	}
	return &Error{
		Class:    class,
		Text:     fmt.Sprintf("Error in file %s: %s", e.file.Name, text),
		File:     e.file.Name,
		Mistakes: []Mistake{{Line: at.line(), Section: e.section, Option: at.option.Name, Message: message}},
	}
}

// foreign returns the error for an option whose value cannot be read as text.
func foreign(f *File, section string, o *Option, class, text string) *Error {
	message := fmt.Sprintf("%q is passed in as a Python %s: want text", o.Name, o.Foreign.Type)
	return &Error{
		Class:    class,
		Text:     fmt.Sprintf("Error in file %s: %s", f.Name, text),
		File:     f.Name,
		Mistakes: []Mistake{{Section: section, Option: o.Name, Message: message}},
	}
}

// firstRunes returns at most n characters of s.
func firstRunes(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}

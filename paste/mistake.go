package paste

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"pasted/internal/ini"
)

// quote quotes what stands in a file for a message.
func quote(s string) string { return fmt.Sprintf("%q", s) }

// misread returns the *Error of an *ini.Error: its first mistake's place, and
// the further mistakes on lines of their own.
func misread(err error) *Error {
	var e *ini.Error
	if !errors.As(err, &e) {
		return &Error{Class: "OSError", Text: err.Error(), Message: err.Error(), Err: err}
	}
	first := e.Mistakes[0]
	message := first.Message
	for _, m := range e.Mistakes[1:] {
		message += "\n" + (&ini.Error{File: e.File, Mistakes: []ini.Mistake{m}}).Error()
	}
	return &Error{
		Class: e.Class, Text: e.Text,
		Pos: Position{e.File, first.Line}, Section: first.Section,
		Message: message, Hint: e.Hint, Err: e,
	}
}

// misread is the function misread for what a value of s is read as. A default
// that was passed in is to be mended where it was given.
func (s *source) misread(err error) *Error {
	e := misread(err)
	var cause *ini.Error
	if !errors.As(err, &cause) || e.Pos.Line != 0 {
		return e
	}
	option := cause.Mistakes[0].Option
	if _, passed := s.passed.Get(option); !passed {
		return e
	}
	pos := s.passed.Pos(option)
	if pos.Line == 0 {
		e.Message += fmt.Sprintf("; %q was passed in", option)
		return e
	}
	e.Pos, e.Section = pos, ""
	e.Message += "; this value becomes a default of " + s.Name + " and is read once more there"
	if strings.Contains(e.Hint, "%%") {
		e.Hint = "write %%%% for a percent sign: each file that the value is passed on to halves them"
	}
	return e
}

// unreadable returns the error for a file that cannot be opened or read.
func unreadable(from origin, name string, cause error) *Error {
	number := errno(cause)
	reason := number.Error()
	if number == 0 {
		reason = cause.Error()
	}
	first, size := utf8.DecodeRuneInString(reason)
	text := fmt.Sprintf("[Errno %d] %c%s: %s", int(number), unicode.ToUpper(first), reason[size:], ini.Repr(name))
	err := from.fail(osErrorClass(int(number)), text, fmt.Sprintf("file %q: %s", name, reason))
	err.Err = cause
	return err
}

// otherFile guesses which file was meant by one that is not there.
func otherFile(name string) string {
	dir := filepath.Dir(name)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Sprintf("there is no directory %s either", dir)
	}
	var files []string
	for _, entry := range entries {
		if isFileName(entry.Name()) && !entry.IsDir() {
			files = append(files, entry.Name())
		}
	}
	if near := ini.Nearest(filepath.Base(name), files); near != "" {
		return fmt.Sprintf("did you mean %s?", filepath.Join(dir, near))
	}
	if len(files) == 0 {
		return fmt.Sprintf("there is no .ini, .cfg or .conf file in %s", dir)
	}
	return fmt.Sprintf("%s has %s", dir, listed(files))
}

// osErrorClass returns the Python class of a number of errno (PEP 3151).
func osErrorClass(number int) string {
	switch number {
	case 1, 13:
		return "PermissionError"
	case 2:
		return "FileNotFoundError"
	case 20:
		return "NotADirectoryError"
	case 21:
		return "IsADirectoryError"
	}
	return "OSError"
}

func nulInName(from origin, name string) *Error {
	return from.fail("ValueError", "embedded null byte", fmt.Sprintf("file %q: want a name without NUL", name))
}

func noScheme(from origin, uri string) *Error {
	err := from.fail("LookupError", "URI has no scheme: "+ini.Repr(uri),
		fmt.Sprintf("URI %q has no scheme: want config:, egg: or call: before it", uri))
	if uri != "" {
		err.Hint = "for a file, write config:" + uri
	}
	return err
}

func unknownScheme(from origin, uri, scheme string) *Error {
	err := from.fail("LookupError",
		fmt.Sprintf("URI scheme not known: %s (from config, egg, call)", ini.Repr(scheme)),
		fmt.Sprintf("URI scheme %q: want config:, egg: or call:", scheme))
	_, path, _ := strings.Cut(uri, ":")
	near := ini.Nearest(scheme, []string{"config", "egg", "call"})
	switch {
	case near != "":
		err.Hint = fmt.Sprintf("did you mean %s:%s?", near, path)
	case isFileName(path):
		err.Hint = fmt.Sprintf("did you mean config:%s?", path)
	case scheme == "http" || scheme == "https":
		err.Hint = "a key ends at its first colon: a URL can be no key"
	}
	return err
}

func relativeURI(from origin, uri string) *Error {
	err := from.fail("ValueError",
		fmt.Sprintf("Cannot resolve relative uri %s; no relative_to keyword argument given", ini.Repr(uri)),
		fmt.Sprintf("URI %q is relative: want an absolute path or a directory that it starts from", uri))
	return err
}

func callWithoutFunction(from origin, spec string) *Error {
	err := from.fail("LookupError", "Configuration not in format module:function",
		fmt.Sprintf("URI %q names no function: want call:module:function", "call:"+spec))
	if i := strings.LastIndexByte(spec, '.'); i > 0 {
		err.Hint = fmt.Sprintf("did you mean call:%s:%s?", spec[:i], spec[i+1:])
	}
	return err
}

func callWithTwo(from origin, spec string) *Error {
	return from.fail("ValueError", "too many values to unpack (expected 2)",
		fmt.Sprintf("URI %q has a colon too many: want call:module:function", "call:"+spec))
}

func malformed(from origin, text string) *Error {
	message := "want package.module:attribute"
	if from.text != text {
		message = fmt.Sprintf("the entry point refers to %q: %s", text, message)
	}
	return from.fail("AttributeError", "'NoneType' object has no attribute 'group'", message)
}

func noDistribution(from origin) *Error {
	return from.fail("ValueError", "A distribution name is required.", "want egg:Distribution#name")
}

func notInstalled(from origin, distribution string, cause error) *Error {
	err := from.fail("importlib.metadata.PackageNotFoundError",
		"No package metadata was found for "+distribution,
		fmt.Sprintf("distribution %q is not installed: want it in the Python interpreter", distribution))
	err.Err = cause
	var missing *NotInstalledError
	if errors.As(cause, &missing) && missing.registry {
		err.Message = from.subject() + fmt.Sprintf("distribution %q is not in the registry: want one that is", distribution)
		err.Hint = missing.hint()
		return err
	}
	name := strings.TrimRightFunc(distribution, unicode.IsSpace)
	if i := strings.IndexAny(name, "=<>!~[ "); i > 0 {
		name = name[:i]
	}
	switch {
	case from.option == "require" && name != distribution:
		err.Hint = fmt.Sprintf("versions and extras are no longer understood: write %s", name)
	case name != distribution:
		err.Hint = fmt.Sprintf("versions, extras and spaces are no longer understood: write egg:%s#…", name)
	default:
		err.Hint = fmt.Sprintf("install it (pip install %s) where `python =` points, or look for a slip in the name", distribution)
	}
	return err
}

// hint guesses which distribution of a Registry was meant.
func (e *NotInstalledError) hint() string {
	near := ini.Nearest(e.Distribution, e.known)
	switch {
	case near != "":
		return fmt.Sprintf("did you mean egg:%s?", near)
	case len(e.known) == 0:
		return "the registry is empty"
	}
	return "the registry has " + listed(e.known)
}

// notNative is notInstalled for a distribution of which only some entry points
// have a counterpart in Go.
func (r *resolver) notNative(q request, spec, name string) *Error {
	err := notInstalled(q.from, spec, &NotInstalledError{Distribution: spec})
	if hint := r.otherEntryPoint(q, spec, name); hint != "" {
		err.Hint = hint
	}
	err.Message += fmt.Sprintf(", since Pasted has no %s egg:%s#%s of its own", q.kind, spec, name)
	return err
}

// untold returns the error for EntryPoints that could not answer.
func untold(from origin, distribution string, cause error) *Error {
	err := from.fail("OSError", cause.Error(), fmt.Sprintf("distribution %q: %v", distribution, cause))
	err.Err = cause
	return err
}

// notImported returns the error for an object that Options.Import refused.
func notImported(from origin, object *Object, cause error) *Error {
	name := object.Module
	if object.Attr != "" {
		name += ":" + object.Attr
	}
	err := from.fail("ImportError", cause.Error(), fmt.Sprintf("Python object %q: %v", name, cause))
	err.Err = cause
	var told *Error
	if errors.As(cause, &told) {
		err.Class, err.Text, err.Hint = told.Class, told.Text, told.Hint
	}
	return err
}

func (r *resolver) noEntryPoint(q request, spec, name string) *Error {
	all := strings.Join(slices.Concat(protocols(q.kind)...), ", ")
	err := q.from.fail("LookupError",
		fmt.Sprintf("Entry point %s not found in egg %s (protocols: %s; entry_points: )",
			ini.Repr(name), ini.Repr(spec), all),
		fmt.Sprintf("distribution %q has no entry point %q: want one in %s", spec, name, all))
	err.Hint = r.otherEntryPoint(q, spec, name)
	return err
}

// otherEntryPoint guesses what a name without an entry point was meant to be.
func (r *resolver) otherEntryPoint(q request, spec, name string) string {
	for _, kind := range []Kind{AppKind, FilterKind, ServerKind} {
		for _, protocol := range slices.Concat(protocols(kind)...) {
			if _, ok, _ := r.lookup(q.from, spec, protocol, name); ok {
				return fmt.Sprintf("egg:%s#%s is %s", spec, name, kind.article())
			}
		}
	}
	names, told := r.entryPointNames(spec, q.kind)
	near := ini.Nearest(name, names)
	switch {
	case near != "":
		return fmt.Sprintf("did you mean egg:%s#%s?", spec, near)
	case name == "main" && !strings.Contains(q.from.text, "#"):
		hint := fmt.Sprintf("without a # the entry point is main: write egg:%s#name", spec)
		if len(names) > 0 {
			hint += " with one of " + listed(names)
		}
		return hint
	case len(names) > 0:
		return fmt.Sprintf("%s has %s", spec, listed(names))
	case told:
		return fmt.Sprintf("%s has no entry point for %s", spec, q.kind.article())
	}
	return ""
}

// entryPointNames returns the names of a distribution's entry points that would
// do as a kind, and whether EntryPoints tells.
func (r *resolver) entryPointNames(spec string, kind Kind) (names []string, told bool) {
	lister, told := r.opts.EntryPoints.(Lister)
	if !told || r.opts.EntryPoints.Installed(spec) != nil {
		return nil, false
	}
	for _, protocol := range slices.Concat(protocols(kind)...) {
		names = append(names, lister.Names(spec, protocol)...)
	}
	slices.Sort(names)
	return slices.Compact(names), true
}

// article names a kind in a sentence.
func (k Kind) article() string {
	if k == AppKind {
		return "an application"
	}
	return "a " + string(k)
}

func ambiguousEntryPoints(q request, spec, name string) *Error {
	groups := protocols(q.kind)
	err := q.from.fail("LookupError",
		fmt.Sprintf("Ambiguous entry points for %s in egg %s (protocols: %s)",
			ini.Repr(name), ini.Repr(spec), strings.Join(groups[len(groups)-1], ", ")),
		fmt.Sprintf("distribution %q has several entry points %q: want one of %s",
			spec, name, strings.Join(slices.Concat(groups...), ", ")))
	err.Hint = "name the factory itself, as " + groups[0][0] + " = module:attribute"
	return err
}

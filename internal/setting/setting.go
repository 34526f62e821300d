// Package setting reads the options of one section: numbers, sizes, durations,
// addresses, switches. Every mistake is kept with its file and line, so that
// one run tells them all. It knows how values are written, and nothing of what
// they are for.
package setting

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// An Option is one option of a section, its value interpolated.
type Option struct {
	Name, Value string
	Line        int    // counted from 1; 0 where no line is to blame
	File        string // where it stands; empty: the Reader's file
}

// A Reader reads the options of one section. Its getters return what the
// option says, or unset if it is not there or cannot be read; the latter is
// kept for Err. Each option is to be asked for once. It is not safe for
// concurrent use.
type Reader struct {
	file, section string
	options       []Option
	asked         []string // names in the order of asking, groups as "prefix…"
	taken         map[string]bool
	mistakes      []Mistake
}

// NewReader returns a Reader of options, of which the last of a name counts.
func NewReader(file, section string, options []Option) *Reader {
	return &Reader{file: file, section: section, options: options, taken: make(map[string]bool)}
}

// Lookup returns the option name as it stands, and whether it is there.
func (r *Reader) Lookup(name string) (Option, bool) {
	if !r.taken[name] {
		r.taken[name] = true
		r.asked = append(r.asked, name)
	}
	for _, o := range slices.Backward(r.options) {
		if o.Name == name {
			return o, true
		}
	}
	return Option{}, false
}

// Group returns the options whose names begin with prefix and go on, with the
// prefix taken off, in the order of the file.
func (r *Reader) Group(prefix string) []Option {
	r.asked = append(r.asked, prefix+"…")
	var group []Option
	for _, o := range r.options {
		rest, ok := strings.CutPrefix(o.Name, prefix)
		if !ok || rest == "" {
			continue
		}
		r.taken[o.Name] = true
		o.Name = rest
		group = append(group, o)
	}
	return group
}

// Refuse keeps a mistake that the caller has found in the option name: want
// says what is wanted, without the word itself.
func (r *Reader) Refuse(name, want string) {
	o, ok := r.Lookup(name)
	m := r.mistake(o, "want "+want)
	m.Option, m.Missing = name, !ok
	r.mistakes = append(r.mistakes, m)
}

// Unknown makes a mistake of every option that nobody has asked for.
func (r *Reader) Unknown() {
	for _, o := range r.options {
		if r.taken[o.Name] {
			continue
		}
		m := r.mistake(o, "unknown option")
		if m.Near = r.near(o.Name); m.Near == "" {
			m.Want += ": want one of " + strings.Join(r.asked, ", ")
		}
		r.mistakes = append(r.mistakes, m)
	}
}

// near returns the option that name was meant to be, or "". Of a group only
// the prefix can be wrong.
func (r *Reader) near(name string) string {
	var candidates []string
	for _, asked := range r.asked {
		prefix, group := strings.CutSuffix(asked, "…")
		dot := strings.Index(name, ".")
		switch {
		case !group:
			candidates = append(candidates, asked)
		case dot > 0:
			candidates = append(candidates, prefix+name[dot+1:])
		}
	}
	return Nearest(name, candidates)
}

// Err returns an *Error with all mistakes in the order of their lines, or nil.
func (r *Reader) Err() error {
	if len(r.mistakes) == 0 {
		return nil
	}
	mistakes := slices.Clone(r.mistakes)
	slices.SortStableFunc(mistakes, func(a, b Mistake) int { return cmp.Compare(a.Line, b.Line) })
	return &Error{Mistakes: mistakes}
}

func (r *Reader) mistake(o Option, want string) Mistake {
	file := o.File
	if file == "" {
		file = r.file
	}
	return Mistake{File: file, Line: o.Line, Section: r.section, Option: o.Name, Text: o.Value, Want: want}
}

// get reads the option name with parse.
func get[T any](r *Reader, name string, unset T, parse func(string) (T, error)) T {
	o, ok := r.Lookup(name)
	if !ok {
		return unset
	}
	v, err := parse(o.Value)
	if err != nil {
		r.mistakes = append(r.mistakes, r.mistake(o, err.Error()))
		return unset
	}
	return v
}

// Text returns the option with white space around it taken off.
func (r *Reader) Text(name, unset string) string {
	return get(r, name, unset, func(text string) (string, error) { return trim(text), nil })
}

// List returns the option's words; see List.
func (r *Reader) List(name string) []string {
	return get(r, name, nil, func(text string) ([]string, error) { return List(text), nil })
}

// Bool returns a switch; see Bool.
func (r *Reader) Bool(name string, unset bool) bool { return get(r, name, unset, Bool) }

// Int returns a whole number from least to most; see Int.
func (r *Reader) Int(name string, unset, least, most int) int {
	return get(r, name, unset, func(text string) (int, error) { return Int(text, least, most) })
}

// Float returns a number from least to most; see Float.
func (r *Reader) Float(name string, unset, least, most float64) float64 {
	return get(r, name, unset, func(text string) (float64, error) { return Float(text, least, most) })
}

// Duration returns a duration from least to most; see Duration.
func (r *Reader) Duration(name string, unset, least, most time.Duration) time.Duration {
	return get(r, name, unset, func(text string) (time.Duration, error) { return Duration(text, least, most) })
}

// Size returns a number of bytes from least to most; see Size.
func (r *Reader) Size(name string, unset, least, most int64) int64 {
	return get(r, name, unset, func(text string) (int64, error) { return Size(text, least, most) })
}

// Mode returns permission bits or a umask; see Mode.
func (r *Reader) Mode(name string, unset int) int { return get(r, name, unset, Mode) }

// OneOf returns one of words; see OneOf.
func (r *Reader) OneOf(name, unset string, words ...string) string {
	return get(r, name, unset, func(text string) (string, error) { return OneOf(text, words...) })
}

// Address returns an address whose port is the given one if it has none; see
// ParseAddress.
func (r *Reader) Address(name string, unset Address, port int) Address {
	return get(r, name, unset, func(text string) (Address, error) { return ParseAddress(text, port) })
}

// Addresses returns a list of addresses, separated by white space or commas.
func (r *Reader) Addresses(name string, port int) []Address {
	return get(r, name, nil, func(text string) ([]Address, error) { return parseAddresses(text, port) })
}

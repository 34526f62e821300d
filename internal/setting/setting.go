// Package setting turns the text of options into values: yes and no, numbers,
// lists, durations, sizes, modes, addresses. It remembers every mistake with
// its file and line, and which options nobody asked for. Which options there
// are, and what they mean, is left to the packages that ask.
package setting

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"pasted/internal/spelling"
)

// An Option is an option as it stands in a file.
type Option struct {
	Name  string
	Value string // after interpolation
	Line  int    // of its name, counted from 1; 0 if no line of a file gave it
	File  string // where it stands; empty: the Reader's file
	// Section is that of the brackets it stands behind; empty: the Reader's.
	Section string
}

// A Reader reads the options of one section. Each method that reads an option
// returns what was given for an option that is not there, and for one whose
// text is wrong, which is noted: so a caller reads all it wants and asks Err
// once. It is not safe for concurrent use.
type Reader struct {
	file     string
	section  string
	options  []Option
	asked    map[string]bool
	hidden   map[string]bool
	known    []string // options and prefixes in the order asked for
	prefixes []string
	mistakes []Mistake
}

// NewReader returns a Reader of a section's options; the section's name is the
// text between its brackets. Of several options with one name the last counts.
func NewReader(file, section string, options []Option) *Reader {
	return &Reader{file: file, section: section, options: options, asked: make(map[string]bool)}
}

// Lookup returns an option and whether it is there. From then on the option is
// a known one, as with every method that reads one.
func (r *Reader) Lookup(name string) (Option, bool) {
	r.know(name)
	for _, o := range slices.Backward(r.options) {
		if o.Name == name {
			return o, true
		}
	}
	return Option{}, false
}

// know makes an option a known one.
func (r *Reader) know(name string) {
	if !r.asked[name] {
		r.asked[name] = true
		r.known = append(r.known, name)
	}
}

// Hide makes an option one whose text no mistake shows. Options whose names
// tell of a password, a key, a secret, a token or a credential are that anyway.
func (r *Reader) Hide(name string) {
	if r.hidden == nil {
		r.hidden = make(map[string]bool)
	}
	r.hidden[name] = true
}

// Hidden says whether no mistake shows the option's text.
func (r *Reader) Hidden(name string) bool {
	return r.hidden[name] || isSecret(name) || r.inGroup(name)
}

// Has says whether the option is there.
func (r *Reader) Has(name string) bool {
	_, ok := r.Lookup(name)
	return ok
}

// Text returns the option's text without space around it.
func (r *Reader) Text(name, unset string) string {
	return read(r, name, unset, func(text string) (string, error) { return text, nil })
}

// Bool reads an option as the function Bool does.
func (r *Reader) Bool(name string, unset bool) bool {
	return read(r, name, unset, Bool)
}

// Int reads a whole number from least to most.
func (r *Reader) Int(name string, unset, least, most int) int {
	return read(r, name, unset, func(text string) (int, error) { return Int(text, least, most) })
}

// Range reads a whole number or two, as the function Range does; unset stands for
// both.
func (r *Reader) Range(name string, unset, least, most int) (from, to int) {
	from, to = unset, unset
	r.Read(name, func(text string) error {
		low, high, err := Range(text, least, most)
		if err == nil {
			from, to = low, high
		}
		return err
	})
	return from, to
}

// Float reads a decimal number from least to most.
func (r *Reader) Float(name string, unset, least, most float64) float64 {
	return read(r, name, unset, func(text string) (float64, error) { return Float(text, least, most) })
}

// List reads words with white space between them, new lines included. It is
// nil for an option that is not there, and empty for one without words.
func (r *Reader) List(name string) []string {
	return read(r, name, nil, func(text string) ([]string, error) { return List(text), nil })
}

// Duration reads a duration from least to most, as the function Duration does.
func (r *Reader) Duration(name string, unset, least, most time.Duration) time.Duration {
	return read(r, name, unset, func(text string) (time.Duration, error) { return Duration(text, least, most) })
}

// Size reads a number of bytes from least to most, as the function Size does.
func (r *Reader) Size(name string, unset, least, most int64) int64 {
	return read(r, name, unset, func(text string) (int64, error) { return Size(text, least, most) })
}

// Mode reads permissions or a umask, as the function Mode does. unset may be
// anything, such as -1 for none.
func (r *Reader) Mode(name string, unset int) int {
	return read(r, name, unset, Mode)
}

// Address reads one address, as ParseAddress does with that default port.
func (r *Reader) Address(name string, unset Address, port int) Address {
	return read(r, name, unset, func(text string) (Address, error) { return ParseAddress(text, port) })
}

// Addresses reads addresses with white space or commas between them, each as
// ParseAddress does. It is nil for an option that is not there; one without
// addresses is a mistake.
func (r *Reader) Addresses(name string, port int) []Address {
	return read(r, name, nil, func(text string) ([]Address, error) { return parseAddresses(text, port) })
}

// OneOf reads one of several words, as they stand; case counts.
func (r *Reader) OneOf(name, unset string, words ...string) string {
	return read(r, name, unset, func(text string) (string, error) { return OneOf(text, words...) })
}

// Read has parse read the option's text, without space around it, if it is
// there. What parse returns, which says what is wanted, is noted. Read says
// whether the option is there and right.
func (r *Reader) Read(name string, parse func(text string) error) bool {
	return read(r, name, false, func(text string) (bool, error) {
		err := parse(text)
		return err == nil, err
	})
}

// Group returns the options whose names begin with prefix and go on after it,
// with the prefix cut off, in the order of the file. They are known ones from
// then on. Of several with one name the last counts.
func (r *Reader) Group(prefix string) []Option {
	if !slices.Contains(r.prefixes, prefix) {
		r.prefixes = append(r.prefixes, prefix)
		r.known = append(r.known, prefix+"…")
	}
	var group []Option
	for _, o := range r.options {
		rest, ok := strings.CutPrefix(o.Name, prefix)
		if !ok || rest == "" {
			continue
		}
		r.asked[o.Name] = true
		group = slices.DeleteFunc(group, func(old Option) bool { return old.Name == rest })
		o.Name = rest
		group = append(group, o)
	}
	return group
}

// Unused returns the options that nobody has asked for, in the order of the
// file.
func (r *Reader) Unused() []Option {
	var unused []Option
	for _, o := range r.options {
		if !r.asked[o.Name] {
			unused = append(unused, o)
		}
	}
	return unused
}

// Unknown notes every option as a mistake that nobody has asked for, with the
// known one that it may have been meant to be. It is called once, when all
// known options have been asked for.
func (r *Reader) Unknown() {
	for _, o := range r.Unused() {
		m := r.mistake(o)
		m.Want, m.Near = "unknown option", r.meant(o.Name)
		m.Secret = m.Secret || r.Hidden(m.Near)
		if m.Near == "" && len(r.known) > 0 {
			m.Want += ": want one of " + strings.Join(r.known, ", ")
		}
		r.mistakes = append(r.mistakes, m)
	}
}

// meant returns the known option that an unknown one may have been meant to be,
// which may be one of a group, or empty.
func (r *Reader) meant(name string) string {
	candidates := slices.Clone(r.known)
	if _, rest, ok := strings.Cut(name, "."); ok {
		for _, prefix := range r.prefixes {
			candidates = append(candidates, prefix+rest)
		}
	}
	return spelling.Nearest(name, candidates)
}

// inGroup says whether an option is one of a group, such as the variables of an
// environment, whose texts are anything.
func (r *Reader) inGroup(name string) bool {
	return slices.ContainsFunc(r.prefixes, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
}

// Refuse notes a mistake that the caller sees in an option's text: want says
// what is wanted. An option that is not there is refused as a missing one.
func (r *Reader) Refuse(name, want string) {
	o, ok := r.Lookup(name)
	m := r.mistake(o)
	m.Option, m.Missing, m.Want = name, !ok, "want "+want
	r.mistakes = append(r.mistakes, m)
}

// Err returns an *Error with all mistakes noted so far in the order of their
// lines, or nil.
func (r *Reader) Err() error { return Join(r) }

func (r *Reader) mistake(o Option) Mistake {
	return Mistake{
		File: cmp.Or(o.File, r.file), Line: o.Line, Section: cmp.Or(o.Section, r.section),
		Option: o.Name, Text: o.Value, Secret: r.Hidden(o.Name),
	}
}

// isSecret says whether what an option of that name has may be a secret.
func isSecret(name string) bool {
	name = strings.ToLower(name)
	return strings.HasSuffix(name, "key") ||
		slices.ContainsFunc([]string{"passw", "secret", "token", "credential"}, func(word string) bool {
			return strings.Contains(name, word)
		})
}

// read returns the option's value, or unset if it is not there or wrong.
func read[T any](r *Reader, name string, unset T, parse func(text string) (T, error)) T {
	o, ok := r.Lookup(name)
	if !ok {
		return unset
	}
	value, err := parse(trim(o.Value))
	if err == nil {
		return value
	}
	m := r.mistake(o)
	m.Want = err.Error()
	r.mistakes = append(r.mistakes, m)
	return unset
}

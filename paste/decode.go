package paste

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"pasted/internal/setting"
)

// Decode reads options into the struct that into points to, and finds every
// mistake at once. Fields say by their tag which option they have:
//
//	type options struct {
//		Title   string        `paste:"title,required"`
//		Timeout time.Duration `paste:"timeout,min=1s,max=1h"`
//		MaxBody paste.Size    `paste:"max_body"`
//		Level   string        `paste:"level,oneof=debug info warn"`
//		Debug   bool          `paste:"debug,global"`
//		Other   *paste.Conf   `paste:"*"`
//	}
//
// A field whose option is not there is left as it is, so what is put into the
// struct before are the defaults; so is one whose option is wrong. Fields
// without a tag are left alone, but for those of embedded structs, which count
// as if they stood in the struct itself.
//
// # Types
//
// A bool is what PasteDeploy's asbool takes: true, yes, on, y, t, 1 and false,
// no, off, n, f, 0, in either case. Whole numbers are written as in Python
// (1_000), floating-point ones as decimals. A time.Duration is a number of
// seconds or Go's form (90, 1m30s, 250ms), a [Size] a number of bytes or of powers
// of 1024 of them (64k, 200MB), an fs.FileMode nine bits in octal (0644), an
// [Address] where to listen, a url.URL an absolute one. Of these and of strings there may be slices, whose
// words have white space between them; in a []Address also commas. A pointer to
// any of them is nil where the option is not there. Whatever has UnmarshalText
// is given the text.
//
// # Tags
//
//	required      the option must be there, and not be empty
//	global        global is asked for an option that local has not
//	min=, max=    the least and the most of a number, a duration or a size, or
//	              of each in a slice; without min, durations and sizes are
//	              at least 0
//	oneof=        the words that a string may be, with spaces between
//	port=         the port of an Address that has none
//	secret        no error shows what stands there; options that are called
//	              …key, …passw…, …secret…, …token… or …credential… are secret
//	              without it
//
// A field of type *Conf takes options as they are: with the tag "env.*" those
// whose names begin so, with that cut off, and with "*" all that no other field
// has. Without the latter, an option of local that no field has is a mistake;
// what else is in global never is.
//
// # Errors
//
// The error is an *Error, or several of them joined (errors.Join) in the order
// of their lines: each with the place of its option, or, of a required one that
// is not there, of its section. A struct that cannot be decoded into is another
// error, and a mistake of the program's.
func Decode(into any, global, local *Conf) error {
	fields, err := fieldsOf(into)
	if err != nil {
		return fmt.Errorf("paste.Decode: %w", err)
	}
	d := decoder{global: global, local: local}
	d.reader = d.options(fields)
	for _, f := range fields {
		if f.tag.secret {
			d.reader.Hide(f.tag.name)
		}
	}
	for _, f := range fields {
		d.decode(f)
	}
	if !d.rest(fields) {
		d.reader.Unknown()
	}
	return local.mistakes(d.reader.Err())
}

// A decoder is one Decode.
type decoder struct {
	reader        *setting.Reader
	global, local *Conf
}

// options returns a reader of local's options and of those of global that the
// fields have.
func (d *decoder) options(fields []field) *setting.Reader {
	var options []setting.Option
	for name := range d.local.All() {
		options = append(options, d.local.option(name))
	}
	for _, f := range fields {
		_, isLocal := d.local.Get(f.tag.name)
		_, isGlobal := d.global.Get(f.tag.name)
		if f.tag.global && isGlobal && !isLocal {
			options = append(options, d.global.option(f.tag.name))
		}
	}
	owner, header := d.local.section()
	return setting.NewReader(header.File, owner, options)
}

// decode reads one field.
func (d *decoder) decode(f field) {
	name := f.tag.name
	if f.isConf() {
		if prefix, ok := strings.CutSuffix(name, "*"); ok && prefix != "" {
			f.value.Set(reflect.ValueOf(d.group(prefix)))
		}
		return
	}
	option, ok := d.reader.Lookup(name)
	if f.tag.required && strings.TrimSpace(option.Value) == "" {
		d.reader.Refuse(name, strings.TrimPrefix(f.wanted(), "want "))
		return
	}
	if !ok {
		return
	}
	d.reader.Read(name, func(text string) error {
		value, err := f.parse(text)
		if err == nil {
			f.value.Set(value)
		} else if f.quotes && d.reader.Hidden(name) {
			err = errors.New("want another value")
		}
		return err
	})
}

// group returns the options whose names begin with prefix.
func (d *decoder) group(prefix string) *Conf {
	group := new(Conf)
	group.owner, group.header = d.local.section()
	for _, o := range d.reader.Group(prefix) {
		if v, ok := d.local.lookup(prefix + o.Name); ok {
			group.set(o.Name, v)
		}
	}
	return group
}

// rest fills in the field that takes what nobody else has, and says whether
// there is one.
func (d *decoder) rest(fields []field) bool {
	for _, f := range fields {
		if f.tag.name != "*" {
			continue
		}
		rest := new(Conf)
		rest.owner, rest.header = d.local.section()
		for _, o := range d.reader.Unused() {
			rest.set(o.Name, d.local.values[o.Name])
		}
		f.value.Set(reflect.ValueOf(rest))
		return true
	}
	return false
}

// option returns an option that is there.
func (c *Conf) option(name string) setting.Option {
	v := c.values[name]
	return setting.Option{Name: name, Value: v.text, Line: v.pos.Line, File: v.pos.File, Section: v.section}
}

// section returns the section whose options c has, and the place of its header.
func (c *Conf) section() (string, Position) {
	if c == nil {
		return "", Position{}
	}
	return c.owner, c.header
}

// mistakes returns what a reader of c's options says: nil, an *Error, or
// several joined.
func (c *Conf) mistakes(err error) error {
	var found *setting.Error
	if !errors.As(err, &found) {
		return err
	}
	all := make([]error, len(found.Mistakes))
	for i, m := range found.Mistakes {
		all[i] = c.mistake(m)
	}
	if len(all) == 1 {
		return all[0]
	}
	return errors.Join(all...)
}

func (c *Conf) mistake(m setting.Mistake) *Error {
	owner, header := c.section()
	err := &Error{Pos: Position{m.File, m.Line}, Section: m.Section}
	if m.Missing {
		err.Pos, err.Section = header, owner
	}
	m.File, m.Section = "", ""
	err.Message = m.String()
	err.Text = err.Message
	return err
}

// Errorf returns an error about an option of c, with its place and, unless its
// name is that of a secret, what stands there: of
//
//	conf.Errorf("threads", "want at most %d", cpus)
//
// it is `site.ini:14: [app:blog] threads = "9": want at most 8`. An option that
// is not there is a missing one. Errors of the format's operands (%w) are kept.
func (c *Conf) Errorf(option, format string, args ...any) *Error {
	said := fmt.Errorf(format, args...)
	owner, header := c.section()
	v, ok := c.lookup(option)
	reader := setting.NewReader(header.File, owner, nil)
	m := setting.Mistake{
		File: v.pos.File, Line: v.pos.Line, Section: v.section,
		Option: option, Text: v.text, Missing: !ok, Secret: reader.Hidden(option), Want: said.Error(),
	}
	err := c.mistake(m)
	err.Err = errors.Unwrap(said)
	return err
}

func (c *Conf) lookup(option string) (confValue, bool) {
	if c == nil {
		return confValue{}, false
	}
	v, ok := c.values[option]
	return v, ok
}

package marshal

import (
	"encoding/binary"
	"fmt"
)

// An Answer is the head of a WSGI application's answer, the tuple (status,
// [(name, value), …]) of str, as bytes that are Latin-1 characters; a
// str of Python 2.7 is such bytes. The zero value is ready; used again and again
// it stops allocating. It is not safe for concurrent use.
type Answer struct {
	// Status and Fields are valid until the next Decode, and as long as the
	// data that they were decoded from stays as it is.
	Status []byte
	Fields []Field

	data []byte
	pos  int
	wide []byte // text that could not stay in data
	refs []answerRef
}

// A Field is one header field of an answer, both parts as the application gave
// them: nothing in them has been checked but that they are Latin-1.
type Field struct {
	Name, Value []byte
}

type answerRef struct {
	kind  byte // typeShort for a str, typeTuple for a field, 0 for neither
	field Field
}

// Decode reads the answer that data begins with and returns the data that
// follows, the first bytes of the body. The error wraps ErrBad, ErrShort or
// ErrType (where the shape is another, or a character is above U+00FF); a is
// then empty.
func (a *Answer) Decode(data []byte) (rest []byte, err error) {
	a.data, a.pos = data, 0
	a.wide, a.refs = a.wide[:0], a.refs[:0]
	a.Status, a.Fields = nil, a.Fields[:0]
	if err := a.head(); err != nil {
		a.Status, a.Fields, a.data = nil, a.Fields[:0], nil
		return nil, err
	}
	a.data = nil
	return data[a.pos:], nil
}

func (a *Answer) head() error {
	if err := a.pair("the answer"); err != nil {
		return err
	}
	var err error
	if a.Status, err = a.str("the status"); err != nil {
		return err
	}
	n, err := a.list()
	if err != nil {
		return err
	}
	for range n {
		field, err := a.field()
		if err != nil {
			return err
		}
		a.Fields = append(a.Fields, field)
	}
	return nil
}

func (a *Answer) errorf(err error, format string, args ...any) error {
	return fmt.Errorf("byte %d: %s: %w", a.pos, fmt.Sprintf(format, args...), err)
}

// kind reads a type byte, reserving a place among the references if it has the
// flag; place is -1 without.
func (a *Answer) kind() (kind byte, place int, err error) {
	if a.pos == len(a.data) {
		return 0, 0, a.errorf(ErrShort, "1 byte wanted")
	}
	kind = a.data[a.pos]
	a.pos++
	if kind&flagRef == 0 {
		return kind, -1, nil
	}
	a.refs = append(a.refs, answerRef{})
	return kind &^ flagRef, len(a.refs) - 1, nil
}

func (a *Answer) length() (int, error) {
	if len(a.data)-a.pos < 4 {
		return 0, a.errorf(ErrShort, "4 bytes wanted")
	}
	n := int32(binary.LittleEndian.Uint32(a.data[a.pos:]))
	a.pos += 4
	if n < 0 {
		return 0, a.errorf(ErrBad, "a length of %d", n)
	}
	if int(n) > len(a.data)-a.pos {
		return 0, a.errorf(ErrShort, "%d bytes or values wanted", n)
	}
	return int(n), nil
}

// lengthByte reads a length of one byte.
func (a *Answer) lengthByte() (int, error) {
	if a.pos == len(a.data) {
		return 0, a.errorf(ErrShort, "1 byte wanted")
	}
	n := int(a.data[a.pos])
	a.pos++
	return n, nil
}

// pair reads the head of a tuple of two that no reference leads to.
func (a *Answer) pair(what string) error {
	kind, _, err := a.kind()
	if err != nil {
		return err
	}
	return a.two(kind, what)
}

// two reads the rest of the head of a tuple of two.
func (a *Answer) two(kind byte, what string) (err error) {
	n := 0
	switch kind {
	case typeTuple:
		n, err = a.length()
	case typeSmallTuple:
		n, err = a.lengthByte()
	default:
		return a.errorf(ErrType, "%s is %q: want a tuple", what, kind)
	}
	if err != nil {
		return err
	}
	if n != 2 {
		return a.errorf(ErrType, "%s has %d parts: want 2", what, n)
	}
	return nil
}

func (a *Answer) list() (int, error) {
	kind, _, err := a.kind()
	if err != nil {
		return 0, err
	}
	if kind != typeList {
		return 0, a.errorf(ErrType, "the fields are %q: want a list", kind)
	}
	return a.length()
}

func (a *Answer) field() (Field, error) {
	kind, place, err := a.kind()
	if err != nil {
		return Field{}, err
	}
	if kind == typeRef {
		ref, err := a.reference(typeTuple, "a field")
		return ref.field, err
	}
	if err := a.two(kind, "a field"); err != nil {
		return Field{}, err
	}
	var f Field
	if f.Name, err = a.str("a field's name"); err != nil {
		return Field{}, err
	}
	if f.Value, err = a.str("a field's value"); err != nil {
		return Field{}, err
	}
	if place >= 0 {
		a.refs[place] = answerRef{kind: typeTuple, field: f}
	}
	return f, nil
}

func (a *Answer) str(what string) ([]byte, error) {
	kind, place, err := a.kind()
	if err != nil {
		return nil, err
	}
	if kind == typeRef {
		ref, err := a.reference(typeShort, what)
		return ref.field.Value, err
	}
	text, err := a.text(kind, what)
	if err != nil {
		return nil, err
	}
	if place >= 0 {
		a.refs[place] = answerRef{kind: typeShort, field: Field{Value: text}}
	}
	return text, nil
}

func (a *Answer) text(kind byte, what string) (text []byte, err error) {
	n, wide, ascii := 0, false, true
	switch kind {
	case typeShort, typeShortInterned:
		n, err = a.lengthByte()
	case typeASCII, typeASCIIInterned:
		n, err = a.length()
	case typeUnicode, typeInterned:
		n, err = a.length()
		wide = true
	case typeBytes:
		n, err = a.length()
		ascii = false
	default:
		err = a.errorf(ErrType, "%s is %q: want a str", what, kind)
	}
	if err != nil {
		return nil, err
	}
	if n > len(a.data)-a.pos {
		return nil, a.errorf(ErrShort, "%d bytes wanted", n)
	}
	text = a.data[a.pos : a.pos+n : a.pos+n]
	if ascii && !isASCII(text) {
		if !wide {
			return nil, a.errorf(ErrBad, "%s is not ASCII", what)
		}
		if text, err = a.narrow(text, what); err != nil {
			return nil, err
		}
	}
	a.pos += n
	return text, nil
}

func (a *Answer) narrow(text []byte, what string) ([]byte, error) {
	start := len(a.wide)
	var ok bool
	if a.wide, ok = appendNarrow(a.wide, text); !ok {
		return nil, a.errorf(ErrType, "%s is not Latin-1", what)
	}
	return a.wide[start:len(a.wide):len(a.wide)], nil
}

func (a *Answer) reference(want byte, what string) (answerRef, error) {
	if len(a.data)-a.pos < 4 {
		return answerRef{}, a.errorf(ErrShort, "4 bytes wanted")
	}
	n := binary.LittleEndian.Uint32(a.data[a.pos:])
	if uint64(n) >= uint64(len(a.refs)) {
		return answerRef{}, a.errorf(ErrBad, "reference %d of %d", n, len(a.refs))
	}
	if a.refs[n].kind != want {
		return answerRef{}, a.errorf(ErrType, "%s is another kind of object", what)
	}
	a.pos += 4
	return a.refs[n], nil
}

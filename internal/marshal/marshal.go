// Package marshal reads and writes Python's marshal format, the only form of
// data that every Python takes in and puts out in one C call and without an
// import. It knows the bytes of the plain types; it refuses code objects, and
// leaves to others what a value means and how it travels.
//
// The format is documented in Python/marshal.c alone. A value is a type byte,
// perhaps with flagRef, and a body; lengths are little-endian int32. Writers
// here use only what Python 3.6 to 3.14 read alike; AppendPython2 puts it into what
// Python 2.7 reads. That takes as they are what AppendNone, AppendBool, AppendInt,
// AppendFloat, AppendBytes (its native str), AppendUTF8Wide (its unicode) and the
// heads of tuples, lists and dicts write.
package marshal

import "errors"

// The type bytes.
const (
	typeNull               = '0' // ends a dict
	typeNone               = 'N'
	typeFalse              = 'F'
	typeTrue               = 'T'
	typeInt                = 'i'
	typeInt64              = 'I' // Python 2 only
	typeLong               = 'l'
	typeFloat              = 'f' // text, versions 0 and 1
	typeBinaryFloat        = 'g'
	typeComplex            = 'x' // text, versions 0 and 1
	typeBinaryComplex      = 'y'
	typeBytes              = 's'
	typeUnicode            = 'u'
	typeInterned           = 't'
	typeASCII              = 'a'
	typeASCIIInterned      = 'A'
	typeShort              = 'z'
	typeShortInterned      = 'Z'
	typeTuple              = '('
	typeSmallTuple         = ')'
	typeList               = '['
	typeDict               = '{'
	typeSet                = '<'
	typeFrozenSet          = '>'
	typeRef                = 'r'
	flagRef           byte = 0x80 // the value can be named by a later typeRef
)

// Errors that callers tell apart. Those that Decode and Answer.Decode return
// wrap one of them and say at which byte.
var (
	// ErrBad says that the bytes are not what Python's marshal writes.
	ErrBad = errors.New("bad marshal data")
	// ErrShort says that the data ends within a value.
	ErrShort = errors.New("marshal data ends too early")
	// ErrLimit says that a value goes beyond the caller's Limits.
	ErrLimit = errors.New("marshal data beyond its limits")
	// ErrType says that a value is of a kind that has no place here: a code
	// object, or something that Append does not know.
	ErrType = errors.New("no marshal type")
)

// A Tuple is a Python tuple; a list is []any.
type Tuple []any

// A Set is a Python set, a FrozenSet a frozenset, in the order of the bytes.
type (
	Set       []any
	FrozenSet []any
)

// A Dict is a Python dict in its order.
type Dict []Pair

// A Pair is one entry of a Dict.
type Pair struct {
	Key, Value any
}

// Get returns the value of the str key, and whether there is one. Of several
// the last counts, as in Python.
func (d Dict) Get(key string) (any, bool) {
	for i := len(d) - 1; i >= 0; i-- {
		if k, ok := d[i].Key.(string); ok && k == key {
			return d[i].Value, true
		}
	}
	return nil, false
}

package marshal

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/big"
	"strconv"
)

// Limits bound what Decode builds.
type Limits struct {
	// Depth is how deep containers may be nested; zero: 100.
	Depth int
	// Size bounds the value as it would be written without references: one
	// for every value in it and one for every byte of a str, bytes or int.
	// Data without references has at most its length. Zero: 64 Mi.
	Size int
}

// Decode reads the value that data begins with and returns it with the data
// that follows. None is nil; an int is an int64 where it fits, else a
// *big.Int; a float is a float64, a complex a complex128, a str a string (with
// PEP 383's surrogates as the bytes that they stand for), bytes are []byte, a
// tuple is a Tuple, a list []any, a dict a Dict, a set a Set, a frozenset a
// FrozenSet. What was one object in Python may be one slice here; nothing in
// the value shares memory with data.
//
// Decode takes what marshal.dumps writes for these types in every version of
// the format, 0 to 5, and what Python 2.7 does in version 0. A container that
// contains itself is refused. The error wraps ErrBad, ErrShort, ErrLimit or
// ErrType.
func Decode(data []byte, limits Limits) (value any, rest []byte, err error) {
	d := decoder{data: data, depth: limits.Depth, size: limits.Size}
	if d.depth == 0 {
		d.depth = 100
	}
	if d.size == 0 {
		d.size = 64 << 20
	}
	value, err = d.value()
	if err != nil {
		return nil, nil, err
	}
	return value, data[d.pos:], nil
}

type decoder struct {
	data  []byte
	pos   int
	depth int // that may still be entered
	size  int // that may still be built
	refs  []ref
}

// A ref is a value that a typeRef can name.
type ref struct {
	value any
	size  int // what the value counts towards the limit
	ready bool
}

// errEnd is inside a dict what typeNull is: not an error there, one elsewhere.
var errEnd = fmt.Errorf("end of a dict where none is: %w", ErrBad)

func (d *decoder) errorf(err error, format string, args ...any) error {
	return fmt.Errorf("byte %d: %s: %w", d.pos, fmt.Sprintf(format, args...), err)
}

// value reads one value, reserving its place among the references first, as
// Python numbers a container before what is in it.
func (d *decoder) value() (any, error) {
	kind, err := d.byte()
	if err != nil {
		return nil, err
	}
	before := d.size
	if err := d.spend(1); err != nil {
		return nil, err
	}
	if kind&flagRef == 0 {
		return d.body(kind)
	}
	at := len(d.refs)
	d.refs = append(d.refs, ref{})
	value, err := d.body(kind &^ flagRef)
	if err != nil {
		return nil, err
	}
	d.refs[at] = ref{value: value, size: before - d.size, ready: true}
	return value, nil
}

func (d *decoder) body(kind byte) (any, error) {
	switch kind {
	case typeNone:
		return nil, nil
	case typeTrue:
		return true, nil
	case typeFalse:
		return false, nil
	case typeInt, typeInt64, typeLong:
		return d.integer(kind)
	case typeFloat, typeBinaryFloat:
		return d.float(kind == typeFloat)
	case typeComplex, typeBinaryComplex:
		return d.complex(kind == typeComplex)
	case typeBytes:
		p, err := d.long()
		return append([]byte{}, p...), err
	case typeUnicode, typeInterned, typeASCII, typeASCIIInterned, typeShort, typeShortInterned:
		return d.str(kind)
	case typeTuple, typeSmallTuple, typeList, typeSet, typeFrozenSet, typeDict:
		return d.container(kind)
	case typeRef:
		return d.reference()
	case typeNull:
		return nil, errEnd
	}
	d.pos--
	return nil, d.errorf(ErrType, "type %q", kind)
}

func (d *decoder) reference() (any, error) {
	n, err := d.int32()
	if err != nil {
		return nil, err
	}
	if n < 0 || int(n) >= len(d.refs) {
		return nil, d.errorf(ErrBad, "reference %d of %d", n, len(d.refs))
	}
	r := d.refs[n]
	if !r.ready {
		return nil, d.errorf(ErrBad, "a container contains itself")
	}
	return r.value, d.spend(r.size)
}

func (d *decoder) integer(kind byte) (any, error) {
	switch kind {
	case typeInt:
		v, err := d.int32()
		return int64(v), err
	case typeInt64:
		p, err := d.take(8)
		if err != nil {
			return nil, err
		}
		return int64(binary.LittleEndian.Uint64(p)), nil
	}
	count, err := d.int32()
	if err != nil {
		return nil, err
	}
	n := int(count)
	if n < 0 {
		n = -n
	}
	digits, err := d.take(2 * n)
	if err != nil {
		return nil, err
	}
	if err := d.spend(2 * n); err != nil {
		return nil, err
	}
	return d.long15(digits, count < 0)
}

// long15 makes an int from its digits of 15 bits, the least first.
func (d *decoder) long15(digits []byte, negative bool) (any, error) {
	big15 := make([]byte, len(digits)*15/16+1) // big-endian
	at := len(big15)
	var bits, have uint32
	last := uint16(1)
	for i := 0; i < len(digits); i += 2 {
		last = binary.LittleEndian.Uint16(digits[i:])
		if last > 0x7fff {
			return nil, d.errorf(ErrBad, "digit %#x in an int", last)
		}
		bits |= uint32(last) << have
		for have += 15; have >= 8; have -= 8 {
			at--
			big15[at] = byte(bits)
			bits >>= 8
		}
	}
	if last == 0 {
		return nil, d.errorf(ErrBad, "an int begins with a zero digit")
	}
	if have > 0 {
		at--
		big15[at] = byte(bits)
	}
	v := new(big.Int).SetBytes(big15[at:])
	if negative {
		v.Neg(v)
	}
	if v.IsInt64() {
		return v.Int64(), nil
	}
	return v, nil
}

func (d *decoder) float(text bool) (float64, error) {
	if !text {
		p, err := d.take(8)
		if err != nil {
			return 0, err
		}
		return math.Float64frombits(binary.LittleEndian.Uint64(p)), nil
	}
	p, err := d.short()
	if err != nil {
		return 0, err
	}
	v, err := strconv.ParseFloat(string(p), 64)
	if err != nil {
		return 0, d.errorf(ErrBad, "float %q", p)
	}
	return v, nil
}

func (d *decoder) complex(text bool) (complex128, error) {
	re, err := d.float(text)
	if err != nil {
		return 0, err
	}
	im, err := d.float(text)
	return complex(re, im), err
}

func (d *decoder) str(kind byte) (any, error) {
	p, err := d.text(kind)
	if err != nil {
		return nil, err
	}
	switch kind {
	case typeUnicode, typeInterned:
		s, ok := unescape(p)
		if !ok {
			return nil, d.errorf(ErrBad, "a str is not UTF-8")
		}
		return s, nil
	}
	if !isASCII(p) {
		return nil, d.errorf(ErrBad, "a str is not ASCII")
	}
	return string(p), nil
}

// text returns the bytes of a str.
func (d *decoder) text(kind byte) ([]byte, error) {
	if kind == typeShort || kind == typeShortInterned {
		return d.short()
	}
	return d.long()
}

func (d *decoder) container(kind byte) (any, error) {
	if d.depth == 0 {
		return nil, d.errorf(ErrLimit, "nested too deep")
	}
	d.depth--
	defer func() { d.depth++ }()
	if kind == typeDict {
		return d.dict()
	}
	n, err := d.count(kind)
	if err != nil {
		return nil, err
	}
	// A length may lie: what it reserves is bounded, the rest comes with the
	// values.
	items := make([]any, 0, min(n, 32))
	for range n {
		item, err := d.value()
		if err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	switch kind {
	case typeList:
		return items, nil
	case typeSet:
		return Set(items), nil
	case typeFrozenSet:
		return FrozenSet(items), nil
	}
	return Tuple(items), nil
}

func (d *decoder) dict() (any, error) {
	dict := Dict{}
	for {
		if d.pos < len(d.data) && d.data[d.pos]&^flagRef == typeNull {
			d.pos++
			return dict, nil
		}
		key, err := d.value()
		if err != nil {
			return nil, err
		}
		value, err := d.value()
		if err != nil {
			return nil, err
		}
		dict = append(dict, Pair{key, value})
	}
}

// count reads how many values a container has. There is at least a byte for
// each.
func (d *decoder) count(kind byte) (int, error) {
	if kind == typeSmallTuple {
		n, err := d.byte()
		return int(n), err
	}
	n, err := d.int32()
	if err != nil {
		return 0, err
	}
	if n < 0 {
		return 0, d.errorf(ErrBad, "%d values", n)
	}
	if int(n) > len(d.data)-d.pos {
		return 0, d.errorf(ErrShort, "%d values", n)
	}
	return int(n), nil
}

// short reads bytes with a length of one byte, long with one of four.
func (d *decoder) short() ([]byte, error) {
	n, err := d.byte()
	if err != nil {
		return nil, err
	}
	return d.bytes(int(n))
}

func (d *decoder) long() ([]byte, error) {
	n, err := d.int32()
	if err != nil {
		return nil, err
	}
	if n < 0 {
		return nil, d.errorf(ErrBad, "a length of %d", n)
	}
	return d.bytes(int(n))
}

func (d *decoder) bytes(n int) ([]byte, error) {
	p, err := d.take(n)
	if err != nil {
		return nil, err
	}
	return p, d.spend(n)
}

func (d *decoder) byte() (byte, error) {
	if d.pos == len(d.data) {
		return 0, d.errorf(ErrShort, "1 byte wanted")
	}
	d.pos++
	return d.data[d.pos-1], nil
}

func (d *decoder) int32() (int32, error) {
	p, err := d.take(4)
	if err != nil {
		return 0, err
	}
	return int32(binary.LittleEndian.Uint32(p)), nil
}

func (d *decoder) take(n int) ([]byte, error) {
	if n < 0 || n > len(d.data)-d.pos {
		return nil, d.errorf(ErrShort, "%d bytes wanted", n)
	}
	d.pos += n
	return d.data[d.pos-n : d.pos : d.pos], nil
}

func (d *decoder) spend(n int) error {
	if n > d.size {
		return d.errorf(ErrLimit, "too large")
	}
	d.size -= n
	return nil
}

// EnterDict returns what follows the head of the dict that data begins with:
// key, value, key, value, to be read one by one with Decode, where the whole is
// not wanted or not there.
func EnterDict(data []byte) ([]byte, error) {
	switch {
	case len(data) == 0:
		return nil, fmt.Errorf("byte 0: want a dict: %w", ErrShort)
	case data[0] != typeDict:
		return nil, fmt.Errorf("byte 0: want a dict: %w", ErrType)
	}
	return data[1:], nil
}

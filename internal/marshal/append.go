package marshal

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"math/big"
	"slices"
	"unicode/utf8"
)

// maxAppendDepth bounds what Append follows, so that a value that contains
// itself is an error. Python's own reader stops at 2000.
const maxAppendDepth = 1000

// AppendNone appends None to dst.
func AppendNone(dst []byte) []byte { return append(dst, typeNone) }

// AppendBool appends True or False to dst.
func AppendBool(dst []byte, v bool) []byte {
	if v {
		return append(dst, typeTrue)
	}
	return append(dst, typeFalse)
}

// AppendInt appends the int v to dst.
func AppendInt(dst []byte, v int64) []byte {
	if v == int64(int32(v)) {
		dst = append(dst, typeInt)
		return binary.LittleEndian.AppendUint32(dst, uint32(v))
	}
	if v < 0 {
		return appendLong(dst, -uint64(v), true)
	}
	return appendLong(dst, uint64(v), false)
}

// AppendUint appends the int v to dst.
func AppendUint(dst []byte, v uint64) []byte {
	if v <= math.MaxInt64 {
		return AppendInt(dst, int64(v))
	}
	return appendLong(dst, v, false)
}

// appendLong appends an int in the form that has digits of 15 bits, the least
// first, and their count with the number's sign.
func appendLong(dst []byte, v uint64, negative bool) []byte {
	dst = append(dst, typeLong)
	at := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	count := int32(0)
	for ; v > 0; v >>= 15 {
		dst = binary.LittleEndian.AppendUint16(dst, uint16(v&0x7fff))
		count++
	}
	if negative {
		count = -count
	}
	binary.LittleEndian.PutUint32(dst[at:], uint32(count))
	return dst
}

// AppendBig appends the int v to dst. An absolute value of 15·2³¹ bits or more
// is the caller's mistake.
func AppendBig(dst []byte, v *big.Int) []byte {
	if v.IsInt64() {
		return AppendInt(dst, v.Int64())
	}
	bytes := v.Bytes()
	slices.Reverse(bytes)
	count := int32((v.BitLen() + 14) / 15)
	if v.Sign() < 0 {
		count = -count
	}
	dst = append(dst, typeLong)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(count))
	var bits, have uint32
	for _, b := range bytes {
		bits |= uint32(b) << have
		if have += 8; have >= 15 {
			dst = binary.LittleEndian.AppendUint16(dst, uint16(bits&0x7fff))
			bits, have = bits>>15, have-15
		}
	}
	// What is left is zero where the highest byte's upper bits were.
	if bits > 0 {
		dst = binary.LittleEndian.AppendUint16(dst, uint16(bits))
	}
	return dst
}

// AppendFloat appends the float v to dst.
func AppendFloat(dst []byte, v float64) []byte {
	dst = append(dst, typeBinaryFloat)
	return binary.LittleEndian.AppendUint64(dst, math.Float64bits(v))
}

// AppendBytes appends a bytes object to dst (in Python 2.7, a str). v is at
// most math.MaxInt32 bytes, here as in the other functions.
func AppendBytes[T []byte | string](dst []byte, v T) []byte {
	dst = append(dst, typeBytes)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(v)))
	return append(dst, v...)
}

// AppendLatin1 appends to dst the str whose characters are the bytes of v:
// what PEP 3333 wants of every string that comes from a request.
func AppendLatin1[T []byte | string](dst []byte, v T) []byte {
	high := 0
	for i := range len(v) {
		high += int(v[i] >> 7)
	}
	if high == 0 {
		dst = appendASCIIHead(dst, len(v))
		return append(dst, v...)
	}
	dst = append(dst, typeUnicode)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(v)+high))
	for i := range len(v) {
		if c := v[i]; c < utf8.RuneSelf {
			dst = append(dst, c)
		} else {
			dst = append(dst, 0xc0|c>>6, 0x80|c&0x3f)
		}
	}
	return dst
}

func appendASCIIHead(dst []byte, n int) []byte {
	if n <= math.MaxUint8 {
		return append(dst, typeShort, byte(n))
	}
	dst = append(dst, typeASCII)
	return binary.LittleEndian.AppendUint32(dst, uint32(n))
}

// AppendKey appends the str key to dst in the form that Python interns on
// reading, so that a dict finds it by its address. It should be one of few: what
// is interned lives for ever in some Pythons, so nothing that a client chooses
// belongs here. A key that is not ASCII or is over 255 bytes is appended as
// AppendUTF8 does.
func AppendKey(dst []byte, key string) []byte {
	if len(key) > math.MaxUint8 || !isASCII(key) {
		return AppendUTF8(dst, key)
	}
	dst = append(dst, typeShortInterned, byte(len(key)))
	return append(dst, key...)
}

// AppendUTF8 appends to dst the str that v is the UTF-8 of. A byte b that is
// part of no character becomes the lone surrogate U+DC00+b, as in Python's own
// file names and environment (PEP 383).
func AppendUTF8[T []byte | string](dst []byte, v T) []byte {
	for i := range len(v) {
		if v[i] >= utf8.RuneSelf {
			return AppendUTF8Wide(dst, v)
		}
	}
	dst = appendASCIIHead(dst, len(v))
	return append(dst, v...)
}

// AppendUTF8Wide is AppendUTF8 in the one form that Python 2.7 reads too (as a
// unicode object).
func AppendUTF8Wide[T []byte | string](dst []byte, v T) []byte {
	dst = append(dst, typeUnicode)
	at := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	dst = appendEscaped(dst, v)
	binary.LittleEndian.PutUint32(dst[at:], uint32(len(dst)-at-4))
	return dst
}

// AppendTupleHead appends to dst the head of a tuple; its n values follow.
func AppendTupleHead(dst []byte, n int) []byte {
	dst = append(dst, typeTuple)
	return binary.LittleEndian.AppendUint32(dst, uint32(n))
}

// AppendListHead appends to dst the head of a list; its n values follow.
func AppendListHead(dst []byte, n int) []byte {
	dst = append(dst, typeList)
	return binary.LittleEndian.AppendUint32(dst, uint32(n))
}

// AppendDictHead appends to dst the head of a dict. Keys and values follow by
// turns, and AppendDictEnd.
func AppendDictHead(dst []byte) []byte { return append(dst, typeDict) }

// AppendDictEnd appends to dst the end of a dict.
func AppendDictEnd(dst []byte) []byte { return append(dst, typeNull) }

// Append appends v to dst: nil, a bool, an int of any size (*big.Int too), a
// float, a complex128, a string (as AppendUTF8), []byte, []any, []string,
// Tuple, Set, FrozenSet, Dict, or a map from string to any or string, which is
// written in the order of its keys. The error wraps ErrType for another type,
// ErrLimit for a depth over 1000 or a length over math.MaxInt32; dst is then
// returned as it was.
func Append(dst []byte, v any) ([]byte, error) {
	out, err := appendValue(dst, v, maxAppendDepth)
	if err != nil {
		return dst, err
	}
	return out, nil
}

func appendValue(dst []byte, v any, depth int) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return AppendNone(dst), nil
	case bool:
		return AppendBool(dst, v), nil
	case float32:
		return AppendFloat(dst, float64(v)), nil
	case float64:
		return AppendFloat(dst, v), nil
	case complex128:
		dst = append(dst, typeBinaryComplex)
		dst = binary.LittleEndian.AppendUint64(dst, math.Float64bits(real(v)))
		return binary.LittleEndian.AppendUint64(dst, math.Float64bits(imag(v))), nil
	case string:
		// Three bytes for one: every byte may need its escape.
		if err := checkLength(3 * len(v)); err != nil {
			return nil, err
		}
		return AppendUTF8(dst, v), nil
	case []byte:
		if err := checkLength(len(v)); err != nil {
			return nil, err
		}
		return AppendBytes(dst, v), nil
	}
	if out, ok := appendInteger(dst, v); ok {
		return out, nil
	}
	if depth == 0 {
		return nil, fmt.Errorf("nested over %d deep: %w", maxAppendDepth, ErrLimit)
	}
	return appendContainer(dst, v, depth-1)
}

func checkLength(n int) error {
	if n > math.MaxInt32 {
		return fmt.Errorf("length of perhaps %d: %w", n, ErrLimit)
	}
	return nil
}

func appendInteger(dst []byte, v any) ([]byte, bool) {
	switch v := v.(type) {
	case int:
		return AppendInt(dst, int64(v)), true
	case int8:
		return AppendInt(dst, int64(v)), true
	case int16:
		return AppendInt(dst, int64(v)), true
	case int32:
		return AppendInt(dst, int64(v)), true
	case int64:
		return AppendInt(dst, v), true
	case uint:
		return AppendUint(dst, uint64(v)), true
	case uint8:
		return AppendInt(dst, int64(v)), true
	case uint16:
		return AppendInt(dst, int64(v)), true
	case uint32:
		return AppendInt(dst, int64(v)), true
	case uint64:
		return AppendUint(dst, v), true
	case *big.Int:
		return AppendBig(dst, v), true
	}
	return dst, false
}

func appendContainer(dst []byte, v any, depth int) ([]byte, error) {
	switch v := v.(type) {
	case []any:
		return appendItems(dst, typeList, v, depth)
	case Tuple:
		return appendItems(dst, typeTuple, v, depth)
	case Set:
		return appendItems(dst, typeSet, v, depth)
	case FrozenSet:
		return appendItems(dst, typeFrozenSet, v, depth)
	case []string:
		return appendItems(dst, typeList, v, depth)
	case Dict:
		dst = AppendDictHead(dst)
		for _, p := range v {
			var err error
			if dst, err = appendPair(dst, p.Key, p.Value, depth); err != nil {
				return nil, err
			}
		}
		return AppendDictEnd(dst), nil
	case map[string]any:
		return appendMap(dst, v, depth)
	case map[string]string:
		return appendMap(dst, v, depth)
	}
	return nil, fmt.Errorf("%T: %w", v, ErrType)
}

func appendItems[T any](dst []byte, kind byte, items []T, depth int) ([]byte, error) {
	if err := checkLength(len(items)); err != nil {
		return nil, err
	}
	dst = append(dst, kind)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(items)))
	for _, item := range items {
		var err error
		if dst, err = appendValue(dst, item, depth); err != nil {
			return nil, err
		}
	}
	return dst, nil
}

func appendMap[T any](dst []byte, m map[string]T, depth int) ([]byte, error) {
	dst = AppendDictHead(dst)
	for _, key := range slices.Sorted(maps.Keys(m)) {
		var err error
		if dst, err = appendPair(dst, key, m[key], depth); err != nil {
			return nil, err
		}
	}
	return AppendDictEnd(dst), nil
}

func appendPair(dst []byte, key, value any, depth int) ([]byte, error) {
	dst, err := appendValue(dst, key, depth)
	if err != nil {
		return nil, err
	}
	return appendValue(dst, value, depth)
}

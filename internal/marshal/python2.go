package marshal

import (
	"encoding/binary"
	"fmt"
)

// A Text says which bytes a str of Python 3 becomes in Python 2.7.
type Text int

const (
	// UTF8 is that of its characters; escaped bytes become themselves again
	// (PEP 383).
	UTF8 Text = iota
	// Latin1 is a byte a character, as in an environ; where one is above
	// U+00FF it is UTF8.
	Latin1
)

// AppendPython2 appends to dst the values of src, which the other functions have
// written, in the part of the format that Python 2.7 reads: each str becomes
// its native one, which is bytes. The error wraps ErrBad, ErrShort or ErrType
// where src is something else, and dst is then returned as it was.
func AppendPython2(dst, src []byte, text Text) ([]byte, error) {
	out := dst
	for pos := 0; pos < len(src); {
		size, err := sizeOf(src[pos:])
		if err != nil {
			return dst, fmt.Errorf("byte %d: %w", pos, err)
		}
		out = appendPython2(out, src[pos:pos+size], text)
		pos += size
	}
	return out, nil
}

// appendPython2 appends one scalar or the head of one container.
func appendPython2(dst, value []byte, text Text) []byte {
	switch value[0] {
	case typeShort, typeShortInterned:
		return AppendBytes(dst, value[2:])
	case typeASCII, typeASCIIInterned:
		return AppendBytes(dst, value[5:])
	case typeUnicode:
		if text == Latin1 {
			at := len(dst)
			narrow, ok := appendNarrow(AppendBytes(dst, ""), value[5:])
			if ok {
				binary.LittleEndian.PutUint32(narrow[at+1:], uint32(len(narrow)-at-5))
				return narrow
			}
		}
		if s, ok := unescape(value[5:]); ok {
			return AppendBytes(dst, s)
		}
		return AppendBytes(dst, value[5:])
	}
	return append(dst, value...)
}

// sizeOf returns how many bytes the scalar, or the head of the container, has
// that src begins with.
func sizeOf(src []byte) (int, error) {
	size := 1
	switch src[0] {
	case typeNone, typeTrue, typeFalse, typeDict, typeNull:
	case typeInt, typeTuple, typeList:
		size = 5
	case typeBinaryFloat:
		size = 9
	case typeBinaryComplex:
		size = 17
	case typeShort, typeShortInterned:
		if len(src) < 2 {
			return 0, ErrShort
		}
		size = 2 + int(src[1])
	case typeLong, typeBytes, typeUnicode, typeASCII, typeASCIIInterned:
		n, err := counted(src)
		if err != nil {
			return 0, err
		}
		size = 5 + n
	default:
		return 0, fmt.Errorf("%q: %w", src[0], ErrType)
	}
	if size > len(src) {
		return 0, ErrShort
	}
	return size, nil
}

// counted returns how many bytes follow the count of a long or a string.
func counted(src []byte) (int, error) {
	if len(src) < 5 {
		return 0, ErrShort
	}
	n := int(int32(binary.LittleEndian.Uint32(src[1:])))
	if src[0] == typeLong {
		n = 2 * max(n, -n)
	}
	if n < 0 {
		return 0, ErrBad
	}
	return n, nil
}

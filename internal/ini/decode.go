package ini

import (
	"bytes"
	"fmt"
	"unicode/utf8"
)

// chunkSize is how many bytes Python's text streams decode at a time.
// UnicodeDecodeError counts positions from the beginning of a chunk, and lines
// of earlier chunks have been parsed by then.
const chunkSize = 8192

// An undecodable is bytes that are not UTF-8.
type undecodable struct {
	start  int // of the bytes in the file
	length int
	base   int // of the chunk in the file
	reason string
}

// decode returns how many bytes of data Python's incremental decoder takes
// before it raises, all of them if it does not, and what it stumbles over.
func decode(data []byte) (int, *undecodable) {
	done := 0
	for end := 0; end < len(data); {
		end = min(end+chunkSize, len(data))
		n, bad := valid(data[done:end])
		if bad != nil && !bad.unfinished() {
			bad.start += done
			bad.base = done
			return done, bad
		}
		done += n
	}
	if done == len(data) {
		return done, nil
	}
	// The decoder has kept an unfinished character, which now is a chunk of
	// its own.
	_, bad := valid(data[done:])
	bad.start, bad.base = done, done
	return done, bad
}

// valid returns how many bytes at the beginning of data are whole characters,
// and what stands behind them.
func valid(data []byte) (int, *undecodable) {
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && size == 1 {
			length, reason := diagnose(data[i:])
			return i, &undecodable{start: i, length: length, reason: reason}
		}
		i += size
	}
	return len(data), nil
}

// The reasons in Python's words.
const (
	badStart        = "invalid start byte"
	badContinuation = "invalid continuation byte"
	badEnd          = "unexpected end of data"
)

// unfinished says whether more bytes could make a character of it.
func (u *undecodable) unfinished() bool { return u.reason == badEnd }

// diagnose returns how many bytes of data, which begins with a bad sequence,
// Python blames, and for what: as many as could have begun a character.
func diagnose(data []byte) (int, string) {
	size := sequenceLength(data[0])
	if size == 0 {
		return 1, badStart
	}
	for i := 1; i < size; i++ {
		if i == len(data) {
			return i, badEnd
		}
		low, high := byte(0x80), byte(0xbf)
		if i == 1 {
			low, high = secondByte(data[0])
		}
		if data[i] < low || data[i] > high {
			return i, badContinuation
		}
	}
	return 1, badStart
}

// sequenceLength returns how many bytes a character has that begins with b,
// and 0 if none of more than one does.
func sequenceLength(b byte) int {
	switch {
	case 0xc2 <= b && b <= 0xdf:
		return 2
	case 0xe0 <= b && b <= 0xef:
		return 3
	case 0xf0 <= b && b <= 0xf4:
		return 4
	}
	return 0
}

// secondByte returns the range of the byte after first: narrower where it
// would be an overlong form, a surrogate or beyond Unicode.
func secondByte(first byte) (low, high byte) {
	switch first {
	case 0xe0:
		return 0xa0, 0xbf
	case 0xed:
		return 0x80, 0x9f
	case 0xf0:
		return 0x90, 0xbf
	case 0xf4:
		return 0x80, 0x8f
	}
	return 0x80, 0xbf
}

// at returns the error for u in the file of that name and content.
func (u *undecodable) at(file string, data []byte) *Error {
	what := fmt.Sprintf("byte %#02x in position %d", data[u.start], u.start-u.base)
	if u.length > 1 {
		first := u.start - u.base
		what = fmt.Sprintf("bytes in position %d-%d", first, first+u.length-1)
	}
	before := data[:u.start]
	line := 1 + bytes.Count(before, []byte("\n")) + bytes.Count(before, []byte("\r")) -
		bytes.Count(before, []byte("\r\n"))
	return &Error{
		Class: "UnicodeDecodeError",
		Text:  fmt.Sprintf("'utf-8' codec can't decode %s: %s", what, u.reason),
		File:  file,
		Mistakes: []Mistake{{
			Line:    line,
			Message: fmt.Sprintf("byte %#02x is not UTF-8: want the whole file in UTF-8, comments too", data[u.start]),
		}},
	}
}

// ReplaceInvalid is Python's bytes.decode("utf-8", "replace"): one U+FFFD for
// each sequence of bytes that could have begun a character.
func ReplaceInvalid(data []byte) string {
	var b bytes.Buffer
	for {
		n, bad := valid(data)
		b.Write(data[:n])
		if bad == nil {
			return b.String()
		}
		b.WriteRune(utf8.RuneError)
		data = data[n+bad.length:]
	}
}

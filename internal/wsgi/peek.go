package wsgi

import (
	"unicode/utf8"

	"pasted/internal/marshal"
)

// Peek returns the method and the path, SCRIPT_NAME included, of an environ
// that AppendEnviron has written, of which the end may be missing. What is not
// there is empty.
func Peek(environ []byte) (method, path string) {
	rest, err := marshal.EnterDict(environ)
	for err == nil {
		var key, value any
		if key, rest, err = marshal.Decode(rest, marshal.Limits{}); err != nil {
			break
		}
		if value, rest, err = marshal.Decode(rest, marshal.Limits{}); err != nil {
			break
		}
		text, _ := value.(string)
		switch key {
		case "REQUEST_METHOD":
			method = fromLatin1(text)
		case "SCRIPT_NAME":
			path = fromLatin1(text)
		case "PATH_INFO":
			return method, path + fromLatin1(text)
		}
	}
	return method, ""
}

// fromLatin1 returns the bytes that s is the Latin-1 text of, as text if they
// are UTF-8; else s.
func fromLatin1(s string) string {
	raw := make([]byte, 0, len(s))
	for _, r := range s {
		if r > 0xff {
			return s
		}
		raw = append(raw, byte(r))
	}
	if !utf8.Valid(raw) {
		return s
	}
	return string(raw)
}

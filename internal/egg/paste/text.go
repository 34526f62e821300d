package paste

import (
	"strings"

	"pasted/internal/ini"
	"pasted/paste"
)

// narrow returns the bytes that the characters of s are in Latin-1, which is
// how a WSGI application sees a request's bytes (PEP 3333). ok is false where
// a character has none: no request can match it.
func narrow(s string) (bytes string, ok bool) {
	var b strings.Builder
	for _, r := range s {
		if r > 0xff {
			return "", false
		}
		b.WriteByte(byte(r))
	}
	return b.String(), true
}

// widen is the reverse of narrow.
func widen(s string) string {
	var b strings.Builder
	for i := range len(s) {
		b.WriteRune(rune(s[i]))
	}
	return b.String()
}

// asBool is Paste's converter, its error's text included.
func asBool(s string) (bool, *paste.Error) {
	s = strings.ToLower(strings.TrimSpace(s))
	switch s {
	case "true", "yes", "on", "y", "t", "1":
		return true, nil
	case "false", "no", "off", "n", "f", "0":
		return false, nil
	}
	return false, mistakef("ValueError", "String is not true/false: %s", ini.Repr(s))
}

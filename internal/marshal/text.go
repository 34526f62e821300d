package marshal

import "unicode/utf8"

// Python writes a str as UTF-8 with lone surrogates let through, which
// unicode/utf8 refuses: three bytes ED A0..BF 80..BF.

// surrogateAt returns the lone surrogate that p begins with, or 0.
func surrogateAt[T []byte | string](p T) rune {
	if len(p) >= 3 && p[0] == 0xed && p[1]&0xe0 == 0xa0 && p[2]&0xc0 == 0x80 {
		return 0xd000 | rune(p[1]&0x3f)<<6 | rune(p[2]&0x3f)
	}
	return 0
}

// appendEscaped appends v with every byte that is part of no character, nor of
// a lone surrogate, as the surrogate that PEP 383 gives it.
func appendEscaped[T []byte | string](dst []byte, v T) []byte {
	start := len(dst)
	dst = append(dst, v...)
	if utf8.Valid(dst[start:]) {
		return dst
	}
	s := string(v)
	dst = dst[:start]
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r != utf8.RuneError || size > 1:
		case surrogateAt(s[i:]) != 0:
			size = 3
		default:
			dst = append(dst, 0xed, 0xb0|s[i]>>6, 0x80|s[i]&0x3f)
			i++
			continue
		}
		dst = append(dst, s[i:i+size]...)
		i += size
	}
	return dst
}

// unescape returns p, a str as Python writes it, as a Go string: the surrogates
// U+DC80 to U+DCFF become the bytes that they escape (PEP 383), others stay.
// ok is false where Python would not read p.
func unescape(p []byte) (s string, ok bool) {
	if utf8.Valid(p) {
		return string(p), true
	}
	out := make([]byte, 0, len(p))
	for len(p) > 0 {
		r, size := utf8.DecodeRune(p)
		if r == utf8.RuneError && size == 1 {
			r, size = surrogateAt(p), 3
			if r == 0 {
				return "", false
			}
		}
		if r >= 0xdc80 && r <= 0xdcff {
			out = append(out, byte(r))
		} else {
			out = append(out, p[:size]...)
		}
		p = p[size:]
	}
	return string(out), true
}

// appendNarrow appends the characters of p, which is UTF-8, as Latin-1. ok is
// false where p is not UTF-8 or has a character above U+00FF.
func appendNarrow(dst, p []byte) (out []byte, ok bool) {
	for i := 0; i < len(p); i++ {
		c := p[i]
		if c >= utf8.RuneSelf {
			if c != 0xc2 && c != 0xc3 || i+1 == len(p) || p[i+1]&0xc0 != 0x80 {
				return dst, false
			}
			i++
			c = c<<6 | p[i]&0x3f
		}
		dst = append(dst, c)
	}
	return dst, true
}

func isASCII[T []byte | string](p T) bool {
	var all byte
	for i := range len(p) {
		all |= p[i]
	}
	return all < utf8.RuneSelf
}

package h1

import "encoding/binary"

// What a byte may stand in. A "%" is in no target's set: it needs a look at the
// two bytes after it.
const (
	inToken        = 1 << iota // RFC 9110, 5.6.2: tchar
	inPath                     // RFC 3986, 3.3: pchar, or "/"
	inQuery                    // RFC 3986, 3.4: pchar, "/" or "?"
	inName                     // RFC 3986, 3.2.2: reg-name
	inBrowserPath              // see Limits.BrowserTargets
	inBrowserQuery             //
	inHex                      // RFC 5234, B.1: HEXDIG, of either case
	inScheme                   // RFC 3986, 3.1: after the first letter
)

var chars = charTable()

func charTable() (table [256]uint8) {
	set := func(bits uint8, members string) {
		for i := range len(members) {
			table[members[i]] |= bits
		}
	}
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	const digits = "0123456789"
	const everyTarget = inPath | inQuery | inBrowserPath | inBrowserQuery
	set(inToken|inName|inScheme|everyTarget, letters+digits)
	set(inToken, "!#$%&'*+-.^_`|~")
	set(inName|everyTarget, "-._~"+"!$&'()*+,;=")
	set(everyTarget, ":@/")
	set(inQuery|inBrowserQuery, "?")
	set(inBrowserPath|inBrowserQuery, "[]|")
	set(inBrowserQuery, "{}^`\\")
	set(inHex, digits+"abcdefABCDEF")
	set(inScheme, "+-.")
	return table
}

// Words of eight equal bytes.
const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// control returns the offset of the first byte of b that no field value has, a
// control character other than a tab, or -1.
func control(b []byte) int {
	i := 0
	for ; i+8 <= len(b); i += 8 {
		word := binary.LittleEndian.Uint64(b[i:])
		below := (word - ' '*ones) &^ word
		del := word ^ 0x7f*ones
		// A high bit says that its byte, or one before it, is in question.
		if (below|(del-ones)&^del)&highs != 0 {
			if at := controlIn(b[i : i+8]); at >= 0 {
				return i + at
			}
		}
	}
	if at := controlIn(b[i:]); at >= 0 {
		return i + at
	}
	return -1
}

func controlIn(b []byte) int {
	for i, c := range b {
		if isControl(c) {
			return i
		}
	}
	return -1
}

// isControl says whether c is a control character other than a tab.
func isControl(c byte) bool { return c < ' ' && c != '\t' || c == 0x7f }

func isSpace(c byte) bool { return c == ' ' || c == '\t' }

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// isToken says whether the token b is lower, which is in lower case, in any
// case. Of the bytes of a token, only letters become others by a bit of 0x20
// that has a lower-case letter, a digit or a hyphen for its outcome.
func isToken(b []byte, lower string) bool {
	if len(b) != len(lower) {
		return false
	}
	for i := range b {
		if b[i]|0x20 != lower[i] {
			return false
		}
	}
	return true
}

// skipClass returns the offset of the first byte of b, from i on, that is not
// in class, or len(b).
func skipClass(b []byte, i int, class uint8) int {
	for i < len(b) && chars[b[i]]&class != 0 {
		i++
	}
	return i
}

// skipEncoded is skipClass with percent-encoded bytes in the class.
func skipEncoded(b []byte, i int, class uint8) int {
	for {
		i = skipClass(b, i, class)
		if i+2 >= len(b) || b[i] != '%' || chars[b[i+1]]&chars[b[i+2]]&inHex == 0 {
			return i
		}
		i += 3
	}
}

// nextToken returns the next member of the list b that is not empty, as
// offsets, and the offset to go on from. The member is empty at the end of the
// list. It is not ok where something is not a token (RFC 9110, 5.6.1).
func nextToken(b []byte, i int) (start, end, next int, ok bool) {
	for i < len(b) && (b[i] == ',' || isSpace(b[i])) {
		i++
	}
	start = i
	end = skipClass(b, i, inToken)
	next = end
	for next < len(b) && isSpace(b[next]) {
		next++
	}
	if next < len(b) && (b[next] != ',' || start == end) {
		return start, end, next, false
	}
	return start, end, next, true
}

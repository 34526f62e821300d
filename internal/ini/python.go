package ini

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// TrimSpace is Python's str.strip.
func TrimSpace(s string) string { return strings.TrimFunc(s, isSpace) }

// Fields is Python's str.split without arguments.
func Fields(s string) []string { return strings.FieldsFunc(s, isSpace) }

// isSpace is Python's str.isspace for one character: Unicode's white space and
// the four separators of ASCII.
func isSpace(r rune) bool {
	return unicode.IsSpace(r) || 0x1c <= r && r <= 0x1f
}

// Repr is Python's repr of a str: how its messages quote a name or a value.
// Bytes that are not UTF-8 appear as Python's surrogateescape has them.
func Repr(s string) string {
	quote := '\''
	if strings.ContainsRune(s, '\'') && !strings.ContainsRune(s, '"') {
		quote = '"'
	}
	var b strings.Builder
	b.WriteRune(quote)
	for i, r := range s {
		switch {
		case r == quote || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], "\uFFFD"):
			fmt.Fprintf(&b, `\udc%02x`, s[i])
		case unicode.IsPrint(r):
			b.WriteRune(r)
		default:
			b.WriteString(escape(r))
		}
	}
	b.WriteRune(quote)
	return b.String()
}

// escape returns Python's escape sequence of a character that repr does not
// print.
func escape(r rune) string {
	switch {
	case r == '\n':
		return `\n`
	case r == '\r':
		return `\r`
	case r == '\t':
		return `\t`
	case r < 0x100:
		return fmt.Sprintf(`\x%02x`, r)
	case r < 0x10000:
		return fmt.Sprintf(`\u%04x`, r)
	}
	return fmt.Sprintf(`\U%08x`, r)
}

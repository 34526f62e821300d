package paste

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"pasted/internal/ini"
	"pasted/paste"
)

// combined is translogger's own format, Apache's combined one.
const combined = `%(REMOTE_ADDR)s - %(REMOTE_USER)s [%(time)s] ` +
	`"%(REQUEST_METHOD)s %(REQUEST_URI)s %(HTTP_VERSION)s" ` +
	`%(status)s %(bytes)s "%(HTTP_REFERER)s" "%(HTTP_USER_AGENT)s"`

// A part of a format is text and then, perhaps, a key's value.
type part struct {
	text      string
	key       string // empty: none follows
	width     int    // characters to be filled up to
	precision int    // characters to be cut to; -1: all
	left      bool
}

// parseFormat takes a format apart as Python's % operator does where it is
// given a dict of strings. Every mistake is found here, where Paste fails at
// each request.
func parseFormat(format string) ([]part, *paste.Error) {
	var parts []part
	var text strings.Builder
	for rest := format; rest != ""; {
		before, after, found := strings.Cut(rest, "%")
		text.WriteString(before)
		if !found {
			break
		}
		if strings.HasPrefix(after, "%") {
			text.WriteByte('%')
			rest = after[1:]
			continue
		}
		p, n, err := parseField(after)
		if err != nil {
			return nil, err
		}
		p.text = text.String()
		text.Reset()
		parts = append(parts, p)
		rest = after[n:]
	}
	return append(parts, part{text: text.String(), precision: -1}), nil
}

// parseField reads what follows a percent sign, such as (status)s, and says how
// long it is.
func parseField(s string) (p part, n int, err *paste.Error) {
	end := strings.IndexByte(s, ')')
	if !strings.HasPrefix(s, "(") || end < 0 {
		return p, 0, formatMistake("ValueError", "unsupported format character", "%%%s: want %%(NAME)s, or %%%% for a percent sign", firstWord(s))
	}
	p.key = s[1:end]
	if !slices.Contains(formatKeys(), p.key) {
		return p, 0, formatMistake("KeyError", ini.Repr(p.key), "%%(%s)s: want one of %s", p.key, strings.Join(formatKeys(), ", "))
	}
	n = end + 1
	for n < len(s) && strings.IndexByte("-#0 +", s[n]) >= 0 {
		p.left = p.left || s[n] == '-'
		n++
	}
	p.width, n = digits(s, n)
	p.precision = -1
	if n < len(s) && s[n] == '.' {
		p.precision, n = digits(s, n+1)
	}
	if n == len(s) || s[n] != 's' || p.width > 1000 {
		return p, 0, formatMistake("ValueError", "unsupported format character", "%%%s: want %%(%s)s", firstWord(s), p.key)
	}
	return p, n + 1, nil
}

// formatMistake is what Paste raises at each request, with a message of ours.
func formatMistake(class, text, format string, args ...any) *paste.Error {
	return &paste.Error{Class: class, Text: text, Message: "format: " + fmt.Sprintf(format, args...)}
}

func digits(s string, from int) (value, next int) {
	next = from
	for next < len(s) && '0' <= s[next] && s[next] <= '9' {
		next++
	}
	value, err := strconv.Atoi("0" + s[from:next])
	if err != nil {
		value = 1 << 30
	}
	return value, next
}

func firstWord(s string) string {
	word, _, _ := strings.Cut(s, " ")
	return word
}

// appendTo appends the part to dst, value being its key's.
func (p *part) appendTo(dst []byte, value string) []byte {
	dst = append(dst, p.text...)
	if p.key == "" || p.width == 0 && p.precision < 0 {
		return append(dst, value...)
	}
	length := utf8.RuneCountInString(value)
	if p.precision >= 0 && length > p.precision {
		value, length = string([]rune(value)[:p.precision]), p.precision
	}
	if p.left {
		dst = append(dst, value...)
	}
	for range p.width - length {
		dst = append(dst, ' ')
	}
	if !p.left {
		dst = append(dst, value...)
	}
	return dst
}

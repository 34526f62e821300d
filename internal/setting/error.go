package setting

import (
	"fmt"
	"slices"
	"strings"
)

// A Mistake is one option that is wrong.
type Mistake struct {
	File    string
	Line    int    // 0 where no line is to blame
	Section string // the text between the brackets
	Option  string
	Text    string // what stands there
	Missing bool   // nothing stands there
	Secret  bool   // Text is not to be shown: it may be a password
	Want    string // "want a whole number from 1 to 64"
	Near    string // the option that was probably meant, or empty
}

// String returns `file:line: [section] option = "text": want …` without the
// parts that are not known.
func (m Mistake) String() string {
	var b strings.Builder
	if m.File != "" {
		b.WriteString(m.File)
		if m.Line > 0 {
			fmt.Fprintf(&b, ":%d", m.Line)
		}
		b.WriteString(": ")
	}
	if m.Section != "" {
		b.WriteString("[" + m.Section + "] ")
	}
	switch {
	case m.Missing:
		fmt.Fprintf(&b, "no %s: %s", m.Option, m.Want)
	case m.Secret:
		fmt.Fprintf(&b, "%s = …: %s", m.Option, m.Want)
	default:
		fmt.Fprintf(&b, "%s = %q: %s", m.Option, m.Text, m.Want)
	}
	if m.Near != "" {
		fmt.Fprintf(&b, ": did you mean %q?", m.Near)
	}
	return b.String()
}

// An Error is all that is wrong in one section, or in several (Join): at least
// one mistake.
type Error struct {
	Mistakes []Mistake
}

// Error returns the mistakes, a line each.
func (e *Error) Error() string {
	lines := make([]string, len(e.Mistakes))
	for i, m := range e.Mistakes {
		lines[i] = m.String()
	}
	return strings.Join(lines, "\n")
}

// Join returns the mistakes noted so far in several sections as one *Error, or
// nil if there is none: the sections as given, in each the order of the lines.
func Join(readers ...*Reader) error {
	var all []Mistake
	for _, r := range readers {
		mistakes := slices.Clone(r.mistakes)
		slices.SortStableFunc(mistakes, func(a, b Mistake) int { return a.Line - b.Line })
		all = append(all, mistakes...)
	}
	if len(all) == 0 {
		return nil
	}
	return &Error{Mistakes: all}
}

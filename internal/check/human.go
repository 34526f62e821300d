package check

import (
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
)

// Escape sequences of terminals.
const (
	bold   = "\x1b[1m"
	red    = "\x1b[1;31m"
	yellow = "\x1b[1;33m"
	blue   = "\x1b[1;34m"
	reset  = "\x1b[0m"
)

// A Style says how Text writes.
type Style struct {
	Colour bool
	// Dir is the directory from which names of files are written relative,
	// where they are below it; empty: all are absolute.
	Dir string
}

// Text writes the report for people: each finding with its line, what is meant of
// it underlined, and a line of counts at the end.
func (r *Report) Text(w io.Writer, style Style) error {
	t := &textWriter{w: w, style: style, sources: r.sources}
	for _, f := range r.Findings {
		t.finding(f)
	}
	if r.Tree != nil {
		t.printf("application\n")
		for line := range strings.Lines(strings.TrimRight(r.Tree.String(), "\n")) {
			t.printf("  %s\n", strings.TrimRight(line, "\n"))
		}
		t.printf("\n")
	}
	if a := r.Answer; a != nil {
		t.printf("answer %d, %d bytes\n", a.Status, a.Size)
		for _, name := range slices.Sorted(maps.Keys(a.Fields)) {
			t.printf("  %s: %s\n", name, strings.Join(a.Fields[name], ", "))
		}
		t.printf("\n")
	}
	t.printf("%s: %s\n", t.name(r.File), r.Summary())
	return t.err
}

// Summary counts the findings in words, and says what was not done.
func (r *Report) Summary() string {
	text := fmt.Sprintf("%s, %s, %s", count(r.Count(Error), "error"), count(r.Count(Warning), "warning"), count(r.Count(Note), "note"))
	if r.Loaded {
		return text + "; the application loads"
	}
	return text + "; the application was not loaded"
}

func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

// A textWriter writes until the first error.
type textWriter struct {
	w       io.Writer
	style   Style
	sources *sources
	err     error
}

func (t *textWriter) printf(format string, args ...any) {
	if t.err == nil {
		_, t.err = fmt.Fprintf(t.w, format, args...)
	}
}

// paint returns text in a colour, if there are any.
func (t *textWriter) paint(colour, text string) string {
	if !t.style.Colour {
		return text
	}
	return colour + text + reset
}

func (t *textWriter) colour(s Severity) string {
	return map[Severity]string{Error: red, Warning: yellow, Note: blue}[s]
}

func (t *textWriter) finding(f Finding) {
	message := printable(f.Message)
	if f.Section != "" && !strings.Contains(message, "["+f.Section+"]") {
		message = "[" + printable(f.Section) + "] " + message
	}
	t.printf("%s: %s %s %s\n", t.at(f.Place), t.paint(t.colour(f.Severity), string(f.Severity)+":"), t.paint(bold, message), "("+f.Rule+")")
	t.excerpt(f.Place, t.colour(f.Severity))
	for _, r := range f.Related {
		t.printf("  %s %s: %s\n", t.paint(blue, "see"), t.at(r.Place), printable(r.Message))
	}
	if f.Hint != "" {
		t.printf("  %s %s\n", t.paint(blue, "hint:"), printable(f.Hint))
	}
	for line := range strings.Lines(f.Detail) {
		t.printf("  | %s\n", printable(strings.TrimRight(line, "\n")))
	}
	t.printf("\n")
}

// at is a place as file:line:column.
func (t *textWriter) at(p Place) string {
	text := t.name(p.File)
	if p.Line > 0 {
		text += fmt.Sprintf(":%d", p.Line)
	}
	if p.Column > 0 {
		text += fmt.Sprintf(":%d", p.Column)
	}
	return t.paint(bold, text)
}

func (t *textWriter) name(file string) string {
	if rel, err := filepath.Rel(t.style.Dir, file); t.style.Dir != "" && err == nil && filepath.IsLocal(rel) {
		return rel
	}
	return file
}

// widest is how much of a line is shown.
const widest = 120

// excerpt writes a line with what is meant of it underlined. A line that may be a
// secret's is not shown.
func (t *textWriter) excerpt(p Place, colour string) {
	line, ok := t.sources.line(p.File, p.Line)
	if !ok || p.Column == 0 || t.sources.secret(p.File, p.Line) {
		return
	}
	runes := []rune(printable(line))
	if len(runes) > widest {
		runes = append(runes[:widest], '…')
	}
	margin := fmt.Sprintf("%5d | ", p.Line)
	t.printf("%s%s\n", t.paint(blue, margin), string(runes))
	if p.Column > len(runes) {
		return
	}
	length := max(1, min(p.Length, len(runes)-p.Column+1))
	t.printf("%s%s%s\n", t.paint(blue, strings.Repeat(" ", len(margin)-2)+"| "),
		strings.Repeat(" ", p.Column-1), t.paint(colour, "^"+strings.Repeat("~", length-1)))
}

// printable returns text with blanks for tabs, and nothing that a terminal would
// take for more than text.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return ' '
		case !unicode.IsPrint(r):
			return '\ufffd'
		}
		return r
	}, text)
}

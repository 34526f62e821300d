package check

import (
	"errors"
	"slices"
	"strings"
	"unicode/utf8"

	"pasted/internal/ini"
	"pasted/internal/setting"
)

// mostMends is how many mistakes of a file's syntax are read over.
const mostMends = 200

// sources are the files that have been read, each once. A file that does not
// parse is mended where it is read, so that the rest of it can be looked at.
type sources struct {
	readFile func(name string) ([]byte, error)
	byName   map[string]*source
	names    []string
}

// A source is one file.
type source struct {
	name     string
	lines    []string // as they stand
	mended   []byte
	err      error        // it cannot be read
	mistakes []*ini.Error // of its syntax
	parsed   *ini.File    // of what is mended; nil where that was not possible
}

func newSources(readFile func(name string) ([]byte, error)) *sources {
	return &sources{readFile: readFile, byName: make(map[string]*source)}
}

// read returns a file as PasteDeploy is to see it. It is a ReadFile of paste's.
func (s *sources) read(name string) ([]byte, error) {
	src := s.get(name)
	return src.mended, src.err
}

func (s *sources) get(name string) *source {
	if src := s.byName[name]; src != nil {
		return src
	}
	src := &source{name: name}
	s.byName[name] = src
	s.names = append(s.names, name)
	data, err := s.readFile(name)
	if err != nil {
		src.err = err
		return src
	}
	src.mend(data)
	return src
}

// unreadable returns why a file could not be read, or nil.
func (s *sources) unreadable(name string) error {
	return s.get(name).err
}

// mend parses the file, notes its mistakes, and takes each one out, until it
// parses.
func (src *source) mend(data []byte) {
	text := ini.ReplaceInvalid(data)
	src.lines = splitLines(text)
	lines := splitLines(text)
	src.mended = data
	for range mostMends {
		parsed, err := ini.Parse(src.name, src.mended)
		var e *ini.Error
		if !errors.As(err, &e) {
			src.parsed = parsed
			return
		}
		src.mistakes = append(src.mistakes, e)
		for i, m := range e.Mistakes {
			lines = mendLine(lines, m, classOf(e, i))
		}
		src.mended = []byte(strings.Join(lines, "\n"))
	}
}

// escape takes what is interpolated out of the value that a line of a file
// belongs to, so that it reads as it stands, and says whether it did.
func (s *sources) escape(file string, number int) bool {
	src := s.byName[file]
	o := src.optionAt(number)
	if o == nil || !strings.Contains(o.Raw, "%") {
		return false
	}
	lines := splitLines(string(src.mended))
	bare := strings.ReplaceAll(o.Raw, "%%", "")
	if !strings.Contains(bare, "%") {
		return false // escaped already: something else is wrong
	}
	for _, line := range o.Lines {
		if line.Number <= len(lines) {
			lines[line.Number-1] = strings.ReplaceAll(lines[line.Number-1], "%", "%%")
		}
	}
	src.mended = []byte(strings.Join(lines, "\n"))
	parsed, err := ini.Parse(src.name, src.mended)
	if err == nil {
		src.parsed = parsed
	}
	return err == nil
}

// optionAt returns the option that a line belongs to, or nil.
func (src *source) optionAt(number int) *ini.Option {
	if src == nil || src.parsed == nil {
		return nil
	}
	for _, section := range append(slices.Clone(src.parsed.Sections()), src.parsed.Defaults()) {
		for _, o := range section.Options() {
			if len(o.Lines) > 0 && o.Line <= number && number <= o.Lines[len(o.Lines)-1].Number {
				return o
			}
		}
	}
	return nil
}

// classOf is Python's class of a mistake of e: the last is what stopped the
// reading, and those before are lines that the parser had passed over.
func classOf(e *ini.Error, i int) string {
	if i < len(e.Mistakes)-1 {
		return "configparser.ParsingError"
	}
	return e.Class
}

// mendLine takes a mistake out of lines, and no line. A second header of a name
// becomes one of its own, so that its options are no second ones of the first.
func mendLine(lines []string, m ini.Mistake, class string) []string {
	if m.Line < 1 || m.Line > len(lines) || class == "UnicodeDecodeError" {
		return lines
	}
	switch i := m.Line - 1; class {
	case "configparser.DuplicateSectionError":
		lines[i] = "[" + m.Section + " " + strings.Repeat("\x00", m.Line) + "]"
	case "configparser.MissingSectionHeaderError":
		lines[i] = "[" + strings.Repeat("\x00", m.Line) + "]"
		if bom := strings.TrimPrefix(lines[0], "\ufeff"); i == 0 && bom != lines[0] {
			lines[i] = bom
		}
	default:
		lines[i] = "#"
	}
	return lines
}

// invented says whether a section's header is mend's.
func invented(section string) bool { return strings.Contains(section, "\x00") }

// splitLines splits a text as ini does.
func splitLines(text string) []string {
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text)
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}

// line returns a line of a file as it stands, and whether there is one.
func (s *sources) line(file string, number int) (string, bool) {
	src := s.byName[file]
	if src == nil || number < 1 || number > len(src.lines) {
		return "", false
	}
	return src.lines[number-1], true
}

// place returns where text stands in a line, or the line without its
// indentation where it does not.
func (s *sources) place(file string, number int, text string) Place {
	p := Place{File: file, Line: number}
	line, ok := s.line(file, number)
	if !ok {
		return p
	}
	at := -1
	if text != "" {
		at = indexWord(line, text)
	}
	if at < 0 {
		text = ini.TrimSpace(line)
		at = strings.Index(line, text)
	}
	p.Column, p.Length = utf8.RuneCountInString(line[:at])+1, max(1, utf8.RuneCountInString(text))
	return p
}

// indexWord returns where text stands in line, best by itself.
func indexWord(line, text string) int {
	for from := 0; ; {
		at := strings.Index(line[from:], text)
		if at < 0 {
			return strings.Index(line, text)
		}
		at += from
		before, _ := utf8.DecodeLastRuneInString(line[:at])
		after, _ := utf8.DecodeRuneInString(line[at+len(text):])
		if !isWord(before) && !isWord(after) {
			return at
		}
		from = at + len(text)
	}
}

func isWord(r rune) bool {
	return r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
}

// secret says whether a line is not to be shown, for the option that it belongs
// to tells by its name of a password or the like.
func (s *sources) secret(file string, number int) bool {
	src := s.byName[file]
	names := setting.NewReader("", "", nil)
	if o := src.optionAt(number); o != nil {
		return names.Hidden(o.Name)
	}
	line, _ := s.line(file, number)
	name, _, _ := strings.Cut(line, "=")
	return names.Hidden(strings.TrimSpace(name))
}

package ini

import (
	"iter"
	"slices"
	"strings"
	"unicode/utf8"
)

// Parse reads data, the content of the file called name. Every section has the
// defaults given here, unless [DEFAULT] overrides them (see FileDefaults). The
// error is an *Error, and then there is no File; it holds every mistake that
// ConfigParser would have collected.
func Parse(name string, data []byte, defaults ...Default) (*File, error) {
	p := parser{
		file: &File{
			Name:     name,
			byName:   make(map[string]*Section),
			defaults: &Section{Name: DefaultSection},
		},
		nameless: make(map[*Section]int),
	}
	for _, d := range defaults {
		p.file.AddDefault(d.Name, d.Value)
	}
	whole, undecodable := decode(data)
	for number, line := range lines(data, whole, undecodable != nil) {
		if err := p.line(number, line); err != nil {
			return nil, p.withBad(err)
		}
	}
	if undecodable != nil {
		return nil, p.withBad(undecodable.at(name, data))
	}
	if p.bad != nil {
		return nil, p.bad
	}
	p.join()
	return p.file, nil
}

// A parser is the state of ConfigParser's line algorithm.
type parser struct {
	file    *File
	section *Section
	option  *Option // nil also after a header and after an empty name
	indent  int     // of the line that last began an option or a header

	nameless map[*Section]int // the line of each one's first option without a name
	bad      *Error           // the lines that are neither header nor option
}

// lines ranges over the numbered lines of data[:whole] as a text stream with
// universal newlines does: each ends with a newline, the last perhaps not.
// Where the stream breaks off after whole, a line counts only once its end has
// been decoded, and a carriage return that comes last does not yet: a newline
// might follow.
func lines(data []byte, whole int, broken bool) iter.Seq2[int, string] {
	text := string(data[:whole])
	if broken {
		text = strings.TrimSuffix(text, "\r")
	}
	return func(yield func(int, string) bool) {
		for number := 1; text != ""; number++ {
			end := strings.IndexAny(text, "\r\n")
			if end < 0 {
				if !broken {
					yield(number, text)
				}
				return
			}
			line := text[:end] + "\n"
			if strings.HasPrefix(text[end:], "\r\n") {
				end++
			}
			text = text[end+1:]
			if !yield(number, line) {
				return
			}
		}
	}
}

// line takes one line in. The order of the questions is ConfigParser's: a
// comment first, so that it leaves no trace in a value; indentation before
// brackets and delimiters, so that whatever is indented below an option is its
// value's.
func (p *parser) line(number int, line string) *Error {
	text := TrimSpace(line)
	switch {
	case strings.HasPrefix(text, "#"), strings.HasPrefix(text, ";"):
		return nil
	case text == "":
		p.extend(number, "")
		return nil
	}
	indent := utf8.RuneCountInString(line[:strings.Index(line, text)])
	if p.option != nil && indent > p.indent {
		p.extend(number, text)
		return nil
	}
	p.indent = indent
	if name, ok := header(text); ok {
		return p.begin(number, name)
	}
	if p.section == nil {
		return missingHeader(p.file.Name, number, line, text)
	}
	return p.assign(number, text, line)
}

// extend adds a line to the current option's value, if there is one.
func (p *parser) extend(number int, text string) {
	if p.option != nil {
		p.option.Lines = append(p.option.Lines, Line{number, text})
	}
}

// header returns the name in a line that begins with a bracketed one. It runs
// to the last closing bracket, as Python 3.10 and later have it.
func header(text string) (string, bool) {
	end := strings.LastIndexByte(text, ']')
	if text[0] != '[' || end < 2 {
		return "", false
	}
	return text[1:end], true
}

// begin makes name the current section.
func (p *parser) begin(number int, name string) *Error {
	p.option = nil
	if name == DefaultSection {
		p.section = p.file.defaults
		if p.section.Line == 0 {
			p.section.Line = number
		}
		return nil
	}
	if first := p.file.byName[name]; first != nil {
		return duplicateSection(p.file.Name, number, first.Line, name)
	}
	p.section = &Section{Name: name, Line: number}
	p.file.sections = append(p.file.sections, p.section)
	p.file.byName[name] = p.section
	return nil
}

// assign makes the option that text gives the current one. A line that gives
// none leaves the one before current: what is indented below goes there.
func (p *parser) assign(number int, text, line string) *Error {
	split := strings.IndexAny(text, "=:")
	if split <= 0 {
		p.noteBad(number, text, line)
	}
	if split < 0 {
		return nil
	}
	name := TrimSpace(text[:split])
	if first := p.first(name); first != 0 {
		return duplicateOption(p.file.Name, number, first, p.section.Name, name)
	}
	if name == "" {
		p.option, p.nameless[p.section] = nil, number
		return nil
	}
	p.option = &Option{Name: name, Line: number, Lines: []Line{{number, TrimSpace(text[split+1:])}}}
	p.section.set(p.option)
	return nil
}

// first returns the line where the current section has an option of that name
// already, or 0.
func (p *parser) first(name string) int {
	if name == "" {
		return p.nameless[p.section]
	}
	if o := p.section.Option(name); o != nil {
		return o.Line // 0 for a default that was given
	}
	return 0
}

// noteBad keeps a mistake that does not stop the reading.
func (p *parser) noteBad(number int, text, line string) {
	if p.bad == nil {
		p.bad = parsingError(p.file.Name)
	}
	p.bad.add(number, p.section.Name, text, line)
}

// withBad puts the mistakes collected so far before those of an error that
// stops the reading. ConfigParser forgets them; a person wants to know.
func (p *parser) withBad(err *Error) *Error {
	if p.bad == nil {
		return err
	}
	for _, m := range err.Mistakes {
		sameLine := func(bad Mistake) bool { return bad.Line == m.Line }
		if !slices.ContainsFunc(p.bad.Mistakes, sameLine) {
			p.bad.Mistakes = append(p.bad.Mistakes, m)
		}
	}
	err.Mistakes = p.bad.Mistakes
	return err
}

// join makes the raw values from their lines.
func (p *parser) join() {
	p.file.defaults.join()
	for _, s := range p.file.sections {
		s.join()
	}
}

func (s *Section) join() {
	for _, o := range s.options {
		if o.Line != 0 {
			o.joinLines()
		}
	}
}

// joinLines sets Raw, and drops the empty lines at the end, which are no part
// of it.
func (o *Option) joinLines() {
	for len(o.Lines) > 1 && o.Lines[len(o.Lines)-1].Text == "" {
		o.Lines = o.Lines[:len(o.Lines)-1]
	}
	texts := make([]string, len(o.Lines))
	for i, l := range o.Lines {
		texts[i] = l.Text
	}
	o.Raw = strings.TrimRightFunc(strings.Join(texts, "\n"), isSpace)
}

package ini

import (
	"fmt"
	"strings"
)

// An Error is what ConfigParser raises, and where the mistakes stand.
type Error struct {
	// Class is that of the Python exception, with its module unless that is
	// builtins; Text is the exception's text, letter for letter.
	Class, Text string
	File        string
	// Mistakes are at least one, in the order of their lines.
	Mistakes []Mistake
	// Hint is what the person probably meant, or empty.
	Hint string
}

// A Mistake is one place that is wrong.
type Mistake struct {
	Line    int    // counted from 1; 0 is the file as a whole
	Section string // the text between the brackets, or empty
	Option  string // whose value is wrong, or empty: the line as it stands is
	Message string // what stands there: want what
}

// Error returns a line "file:line: [section] message" for each mistake.
func (e *Error) Error() string {
	texts := make([]string, len(e.Mistakes))
	for i, m := range e.Mistakes {
		texts[i] = m.in(e.File)
	}
	return strings.Join(texts, "\n")
}

func (m Mistake) in(file string) string {
	place := file
	if m.Line != 0 {
		place = fmt.Sprintf("%s:%d", file, m.Line)
	}
	if m.Section != "" {
		place += ": [" + m.Section + "]"
	} else {
		place += ":"
	}
	return place + " " + m.Message
}

// missingHeader is raised at once: before the first header stands something
// else.
func missingHeader(file string, number int, line, text string) *Error {
	e := &Error{
		Class: "configparser.MissingSectionHeaderError",
		Text: fmt.Sprintf("File contains no section headers.\nfile: %s, line: %d\n%s",
			Repr(file), number, Repr(line)),
		File: file,
	}
	message := fmt.Sprintf("%q stands before the first section: want a [section] header above it", text)
	switch {
	case strings.HasPrefix(text, "\ufeff"):
		message = "the file begins with a byte order mark: want UTF-8 without one"
		e.Hint = "save the file as UTF-8 without BOM"
	case text[0] == '[':
		message = fmt.Sprintf("section header %q has no closing bracket or no name: want [type:name]", text)
	}
	e.Mistakes = []Mistake{{Line: number, Message: message}}
	return e
}

func duplicateSection(file string, number, first int, name string) *Error {
	return &Error{
		Class: "configparser.DuplicateSectionError",
		Text: fmt.Sprintf("While reading from %s [line %2d]: section %s already exists",
			Repr(file), number, Repr(name)),
		File: file,
		Mistakes: []Mistake{{
			Line: number, Section: name,
			Message: fmt.Sprintf("stands at line %d already: want it once", first),
		}},
	}
}

func duplicateOption(file string, number, first int, section, name string) *Error {
	message := fmt.Sprintf("%q is set at line %d already: want it once", name, first)
	if name == "" {
		message = "nothing stands before the delimiter: want key = value"
	}
	return &Error{
		Class: "configparser.DuplicateOptionError",
		Text: fmt.Sprintf("While reading from %s [line %2d]: option %s in section %s already exists",
			Repr(file), number, Repr(name), Repr(section)),
		File: file,
		Mistakes: []Mistake{{
			Line: number, Section: section,
			Message: message,
		}},
	}
}

// parsingError returns the error that lines are added to.
func parsingError(file string) *Error {
	return &Error{
		Class: "configparser.ParsingError",
		Text:  "Source contains parsing errors: " + Repr(file),
		File:  file,
	}
}

// add adds a line that is neither a header nor an option.
func (e *Error) add(number int, section, text, line string) {
	e.Text += fmt.Sprintf("\n\t[line %2d]: %s", number, Repr(line))
	message := fmt.Sprintf("%q has no delimiter: want key = value", text)
	switch text[0] {
	case '=', ':':
		message = fmt.Sprintf("%q has no name before the delimiter: want key = value", text)
	case '[':
		message = fmt.Sprintf("section header %q has no closing bracket or no name: want [type:name]", text)
	}
	e.Mistakes = append(e.Mistakes, Mistake{Line: number, Section: section, Message: message})
}

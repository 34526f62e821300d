package check

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"pasted/internal/httpd"
	"pasted/internal/ini"
	"pasted/internal/interpreter"
	"pasted/internal/setting"
	"pasted/internal/worker"
	"pasted/paste"
)

// mistake takes in an error of the packages below.
func (c *checker) mistake(err error) {
	var file *paste.Error
	var settings *setting.Error
	var python *interpreter.Error
	var load *worker.LoadError
	var died *worker.DiedError
	switch {
	case errors.As(err, &load):
		c.loadError(load)
	case errors.As(err, &file):
		c.resolveError(file, nil, Error)
	case errors.As(err, &settings):
		for _, m := range settings.Mistakes {
			c.settingError(m, Error)
		}
	case errors.As(err, &python):
		c.pythonError(python, err)
	case errors.As(err, &died):
		c.add(Finding{Rule: "load", Severity: Error, Place: Place{File: c.file()}, Message: err.Error(),
			Hint: "what it printed stands above; a library may have ended it while it was imported"})
	default:
		c.add(Finding{Rule: "load", Severity: Error, Place: Place{File: c.file()}, Message: err.Error()})
	}
}

// file is the file that is checked.
func (c *checker) file() string {
	if c.survey != nil {
		return c.survey.File
	}
	if len(c.sources.names) > 0 {
		return c.sources.names[0]
	}
	return c.options.File
}

// resolveError takes in an error of paste, met by whoever by names.
func (c *checker) resolveError(e *paste.Error, by *Related, severity Severity) {
	if strings.HasPrefix(e.Class, "configparser.Parsing") || strings.HasPrefix(e.Class, "configparser.Dup") || strings.HasPrefix(e.Class, "configparser.MissingSection") {
		return // of the syntax, which is looked at by itself
	}
	f := Finding{
		Rule: ruleOf(e), Severity: severity, Section: shown(e.Section), Message: e.Message, Hint: e.Hint,
		Place: c.sources.place(e.Pos.File, e.Pos.Line, quotedIn(e.Message)),
	}
	if f.File == "" {
		f.File = c.file()
	}
	if c.knownCircle(e.Chain) {
		return
	}
	if by != nil && (by.Line != f.Line || by.File != f.File) && !strings.HasSuffix(by.Message, "["+e.Section+"]") {
		f.Related = []Related{*by}
	}
	c.add(f)
}

// knownCircle says whether a circle has been told of, from another section of it.
func (c *checker) knownCircle(chain []string) bool {
	if len(chain) == 0 {
		return false
	}
	names := slices.Clone(chain[1:]) // the first is the last as well
	slices.Sort(names)
	name := strings.Join(names, " ")
	known := c.circles[name]
	c.circles[name] = true
	return known
}

// quotedIn returns the text in the first quotes of a message that begins
// "option = ": what stands in the line.
func quotedIn(message string) string {
	_, rest, ok := strings.Cut(message, " = \"")
	if !ok {
		_, rest, ok = strings.Cut(message, "\"")
	}
	text, _, closed := strings.Cut(rest, "\"")
	if !ok || !closed {
		return ""
	}
	return text
}

// ruleOf says which rule an error of paste is about, by Python's class and text.
func ruleOf(e *paste.Error) string {
	switch {
	case strings.Contains(e.Class, "Interpolation"):
		return "interpolation"
	case e.Class == "RecursionError":
		return "circle"
	case strings.HasSuffix(e.Class, "PackageNotFoundError"):
		return "unknown-egg"
	case strings.HasPrefix(e.Text, "Entry point "), strings.HasPrefix(e.Text, "Ambiguous entry points"):
		return "unknown-entry-point"
	case strings.HasPrefix(e.Text, "No section "), strings.HasPrefix(e.Text, "Ambiguous section names"):
		return "unknown-section"
	case e.Class == "FileNotFoundError", e.Class == "IsADirectoryError", e.Class == "PermissionError":
		return "unreadable-file"
	case e.Class == "ModuleNotFoundError", e.Class == "ImportError":
		return "import"
	case e.Class == "" || strings.HasPrefix(e.Message, "there is no such section of Pasted's"):
		return "setting"
	}
	return "section"
}

// shown is a section's name for people.
func shown(section string) string {
	name, _, _ := strings.Cut(section, " \x00")
	return strings.Trim(name, "\x00")
}

// settingError takes in a wrong option.
func (c *checker) settingError(m setting.Mistake, severity Severity) {
	f := Finding{Rule: "setting", Severity: severity, Section: m.Section, Message: m.Option + " = " + fmt.Sprintf("%q", m.Text) + ": " + m.Want}
	f.Place = c.sources.place(m.File, m.Line, m.Option)
	switch {
	case m.Missing:
		f.Message = fmt.Sprintf("no %s: %s", m.Option, m.Want)
	case m.Secret:
		f.Message = fmt.Sprintf("%s = …: %s", m.Option, m.Want)
	case m.Text != "":
		if p := c.sources.place(m.File, m.Line, m.Text); p.Length == len([]rune(m.Text)) {
			f.Place = p
		}
	}
	if m.Near != "" {
		f.Hint = fmt.Sprintf("did you mean %s?", m.Near)
	}
	c.add(f)
}

// pythonError takes in what is wrong with the interpreter; err has its place.
func (c *checker) pythonError(e *interpreter.Error, err error) {
	f := Finding{Rule: "python", Severity: Error, Place: Place{File: c.file()}, Message: e.Error(), Hint: e.Hint, Detail: e.Output}
	if src := c.sources.get(c.file()); src.parsed != nil && err.Error() != e.Error() {
		if o := src.parsed.Lookup("pasted:workers", "python"); o != nil {
			f.Place, f.Section = c.sources.place(c.file(), o.Line, o.Raw), "pasted:workers"
		}
	}
	c.add(f)
}

// keyword is how Python says that a factory does not know an option.
var keyword = regexp.MustCompile(`unexpected keyword argument '([^']+)'`)

// loadError takes in what Python raised.
func (c *checker) loadError(e *worker.LoadError) {
	f := Finding{Rule: "load", Severity: Error, Section: e.Section, Message: e.Class + ": " + e.Text, Detail: e.Traceback}
	if e.Stage == "logging" {
		f.Rule = "logging"
	}
	f.Place = Place{File: c.file()}
	if e.File != "" {
		f.Place = c.sources.place(e.File, e.Line, "")
	}
	if unknown := keyword.FindStringSubmatch(e.Text); unknown != nil {
		f.Hint = "the factory has no such option: take " + unknown[1] + " out of the section, or look for a slip in the name"
		if src := c.sources.get(e.File); src.parsed != nil && src.parsed.Section(e.Section) != nil {
			if o := src.parsed.Section(e.Section).Option(unknown[1]); o != nil {
				f.Place = c.sources.place(e.File, o.Line, o.Name)
			}
		}
	}
	if e.CauseFile != "" {
		f.Related = append(f.Related, Related{Place{File: e.CauseFile, Line: e.CauseLine}, e.CauseText})
	}
	c.add(f)
}

// liberty takes in a note of paste's.
func (c *checker) liberty(n paste.Note) {
	c.add(Finding{
		Rule: "liberty", Severity: Note, Section: shown(n.Section), Message: n.Text,
		Place: c.sources.place(n.Pos.File, n.Pos.Line, quotedIn(n.Text)),
	})
}

// notesOf are the pitfalls that are good to know, and nothing more.
var notesOf = []string{paste.RuleFilteredPipeline, paste.RuleSetInDefault}

// pitfall takes in a pitfall of paste's.
func (c *checker) pitfall(p paste.Pitfall) {
	f := Finding{
		Rule: p.Rule, Severity: Warning, Section: shown(p.Section), Message: p.Message, Hint: p.Hint,
		Place: c.sources.place(p.Pos.File, p.Pos.Line, p.Text),
	}
	if slices.Contains(notesOf, p.Rule) {
		f.Severity = Note
	}
	for _, r := range p.Related {
		f.Related = append(f.Related, Related{c.sources.place(r.Pos.File, r.Pos.Line, ""), r.Message})
	}
	c.add(f)
}

// serverNote takes in a note about an option of a server's.
func (c *checker) serverNote(n httpd.Note) {
	f := Finding{Rule: "server-option", Severity: Warning, Section: n.Section, Message: n.Text, Place: c.sources.place(n.File, n.Line, n.Option)}
	if n.Option != "" {
		f.Message = n.Option + ": " + n.Text
	}
	if n.Line == 0 {
		f.Severity = Note
	}
	if f.File == "" {
		f.File = c.file()
	}
	text, near, ok := strings.Cut(f.Message, ": did you mean ")
	if ok {
		f.Message, f.Hint = text, "did you mean "+near
	}
	c.add(f)
}

// syntax takes in the mistakes of all files that were read.
func (c *checker) syntax() {
	for _, name := range c.sources.names {
		for _, e := range c.sources.byName[name].mistakes {
			for i, m := range e.Mistakes {
				f := Finding{
					Rule: syntaxRule(e, i), Severity: Error, Section: shown(m.Section), Message: m.Message,
					Place: c.sources.place(name, m.Line, quotedIn(m.Message)),
				}
				if i == 0 {
					f.Hint = e.Hint
				}
				if first := already.FindStringSubmatch(m.Message); first != nil {
					line, _ := strconv.Atoi(first[1])
					f.Related = []Related{{c.sources.place(name, line, ""), "the first one"}}
				}
				c.add(f)
			}
		}
	}
}

// already is how a message names the line that a second one repeats.
var already = regexp.MustCompile(`at line ([0-9]+) already`)

// syntaxRule is the rule of a mistake of an error of ini.
func syntaxRule(e *ini.Error, i int) string {
	switch classOf(e, i) {
	case "configparser.DuplicateSectionError", "configparser.DuplicateOptionError":
		return "duplicate"
	case "UnicodeDecodeError":
		return "encoding"
	}
	return "syntax"
}

package check

import (
	"fmt"
	"slices"
	"strings"

	"pasted/internal/ini"
	"pasted/internal/spelling"
)

// A loggingPart is one of the three kinds of logging sections.
type loggingPart struct{ list, prefix, what string }

var loggingParts = []loggingPart{
	{"loggers", "logger_", "logger"},
	{"handlers", "handler_", "handler"},
	{"formatters", "formatter_", "formatter"},
}

// logging looks at the sections of Python's logging.config.fileConfig, which
// workers read if there is [loggers].
func (c *checker) logging() {
	file := c.parsed()
	if file == nil || file.Section("loggers") == nil {
		return
	}
	listed := make(map[string][]string)
	for _, part := range loggingParts {
		listed[part.what] = c.loggingList(part)
	}
	for _, name := range listed["logger"] {
		s := file.Section("logger_" + name)
		if s == nil {
			continue
		}
		if name != "root" {
			c.wantOption(s, "qualname", "the name that the application gives to getLogger")
		}
		if o := c.wantOption(s, "handlers", "names of handlers, or nothing"); o != nil {
			c.wantNamed(s, o, listed["handler"], "handler")
		}
		c.level(s)
	}
	for _, name := range listed["handler"] {
		s := file.Section("handler_" + name)
		if s == nil {
			continue
		}
		c.wantOption(s, "class", "a class of Python's logging")
		if o := file.Lookup(s.Name, "formatter"); o != nil {
			c.wantNamed(s, o, listed["formatter"], "formatter")
		}
		c.level(s)
	}
	c.sameInLowerCase()
}

// loggingList returns the names in one of the lists, and says which of them have
// no section, and which sections are in no list.
func (c *checker) loggingList(part loggingPart) []string {
	file := c.parsed()
	s := file.Section(part.list)
	if s == nil {
		c.logFinding(Error, file.Section("loggers"), 0, "", fmt.Sprintf("there is no section [%s], which Python's logging wants beside [loggers]", part.list), "write ["+part.list+"] with keys =")
		return nil
	}
	o := c.wantOption(s, "keys", "names with commas between")
	if o == nil {
		return nil
	}
	names := c.commaList(s, o)
	if part.what == "logger" && !slices.Contains(names, "root") {
		c.logFinding(Error, s, o.Line, o.Raw, "root is not among the loggers: Python's logging wants it", "add root, and a section [logger_root]")
	}
	var there []string
	for _, section := range file.Sections() {
		if name, ok := strings.CutPrefix(section.Name, part.prefix); ok {
			there = append(there, name)
			if !slices.Contains(names, name) {
				c.logFinding(Warning, section, section.Line, section.Name, fmt.Sprintf("[%s] has no effect: %s is not among the keys of [%s]", section.Name, name, part.list), "add "+name+" to the keys of ["+part.list+"]")
			}
		}
	}
	for _, name := range names {
		if !slices.Contains(there, name) {
			c.logFinding(Error, s, lineOf(o, name), name, fmt.Sprintf("%s %q has no section: want [%s%s]", part.what, name, part.prefix, name), meant(name, there))
		}
	}
	return names
}

// commaList splits a value as fileConfig does.
func (c *checker) commaList(s *ini.Section, o *ini.Option) []string {
	text, err := c.parsed().Interpolate(s.Name, o)
	if err != nil || ini.TrimSpace(text) == "" {
		return nil
	}
	var names []string
	for name := range strings.SplitSeq(text, ",") {
		names = append(names, ini.TrimSpace(name))
	}
	return names
}

// wantOption returns an option that must be there.
func (c *checker) wantOption(s *ini.Section, name, want string) *ini.Option {
	for _, o := range c.parsed().Options(s.Name) {
		if strings.EqualFold(o.Name, name) { // the logging set-up reads keys in lower case
			return o
		}
	}
	c.logFinding(Error, s, s.Line, s.Name, fmt.Sprintf("[%s] has no %s: want %s", s.Name, name, want), "")
	return nil
}

// wantNamed wants every name in an option to be one of names.
func (c *checker) wantNamed(s *ini.Section, o *ini.Option, names []string, what string) {
	for _, name := range c.commaList(s, o) {
		if name != "" && !slices.Contains(names, name) {
			c.logFinding(Error, s, lineOf(o, name), name, fmt.Sprintf("%s %q is not among the keys of [%ss]", what, name, what), meant(name, names))
		}
	}
}

// levels are the names that Python's logging has by itself.
var levels = []string{"CRITICAL", "FATAL", "ERROR", "WARN", "WARNING", "INFO", "DEBUG", "NOTSET"}

// level looks at a level. An application may add some of its own, so that one
// that is no slip of the pen is let be.
func (c *checker) level(s *ini.Section) {
	o := c.parsed().Lookup(s.Name, "level")
	if o == nil {
		return
	}
	text, err := c.parsed().Interpolate(s.Name, o)
	near := spelling.Nearest(text, levels)
	if err == nil && near != "" && !slices.Contains(levels, text) {
		c.logFinding(Error, s, o.Line, o.Raw, fmt.Sprintf("level = %q: Python's logging has none of that name", text), "did you mean "+near+"?")
	}
}

// sameInLowerCase tells of keys that differ by case alone: the logging set-up
// reads the whole file again, with keys in lower case, and refuses them.
func (c *checker) sameInLowerCase() {
	file := c.parsed()
	for _, s := range append(slices.Clone(file.Sections()), file.Defaults()) {
		first := make(map[string]*ini.Option)
		for _, o := range s.Options() {
			if o.Line == 0 {
				continue
			}
			lower := strings.ToLower(o.Name)
			if other := first[lower]; other != nil {
				f := c.logFinding(Error, s, o.Line, o.Name, fmt.Sprintf("%s and %s differ by case alone: the logging set-up, which reads all of the file in lower case, refuses them", other.Name, o.Name), "rename one of them")
				f.Related = []Related{{c.sources.place(file.Name, other.Line, other.Name), "the other one"}}
				c.findings[len(c.findings)-1] = *f
			}
			first[lower] = o
		}
	}
}

func (c *checker) logFinding(severity Severity, s *ini.Section, line int, text, message, hint string) *Finding {
	if line == 0 {
		line = s.Line
	}
	c.add(Finding{
		Rule: "logging", Severity: severity, Section: s.Name, Message: message, Hint: hint,
		Place: c.sources.place(c.survey.File, line, text),
	})
	f := c.findings[len(c.findings)-1]
	return &f
}

// lineOf returns the line of o's value that has a name.
func lineOf(o *ini.Option, name string) int {
	for _, line := range o.Lines {
		if strings.Contains(line.Text, name) {
			return line.Number
		}
	}
	return o.Line
}

func meant(name string, names []string) string {
	if near := spelling.Nearest(name, names); near != "" {
		return "did you mean " + near + "?"
	}
	return ""
}

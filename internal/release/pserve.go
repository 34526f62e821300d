package release

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"pasted/internal/ini"
	"pasted/paste"
)

// pserveSection is where the file says what is for pserve itself.
const pserveSection = "pserve"

// Pserve are the settings of [pserve].
type Pserve struct {
	// WatchFiles are further files that the application is made of, absolute:
	// patterns as of Python's glob.
	WatchFiles []string
	// Assets are such files within Python packages, "package:path".
	Assets []string
	// IgnoreFiles are files whose changes mean nothing: patterns as of
	// Python's fnmatch, on absolute names.
	IgnoreFiles []string
	// OpenURL is what a browser is to open; empty: where it is served.
	OpenURL string
}

// scriptVariable tells an application which command has loaded it. It has
// pserve's name, which is what applications look for.
const scriptVariable, script = "__script__", "pserve"

// pserveVars returns the variables that pserve gives to the loader: those of
// the command line, which win, those of the URI, and a few of its own.
func pserveVars(t target, given *paste.Conf) *paste.Conf {
	vars := paste.NewConf("__file__", t.file, "here", filepath.Dir(t.file))
	vars.Update(t.options)
	vars.Update(given)
	if _, ok := given.Get(scriptVariable); !ok {
		vars.Set(scriptVariable, script)
	}
	return vars
}

// readPserve reads [pserve]. Here variables win over the file's [DEFAULT], as
// plaster has it for every section that it reads itself; and options whose name
// is a default's are none. unknown are warnings, for pserve passes over what it
// does not know. The file has been parsed before; nil for read is os.ReadFile.
func readPserve(file string, vars *paste.Conf, read func(string) ([]byte, error)) (p Pserve, unknown []string, err error) {
	if read == nil {
		read = os.ReadFile
	}
	data, err := read(file)
	if err != nil {
		return p, nil, err
	}
	parsed, err := ini.Parse(file, data)
	if err != nil {
		return p, nil, misread(err)
	}
	for name, value := range vars.All() {
		parsed.SetDefault(name, value)
	}
	section := parsed.Section(pserveSection)
	if section == nil {
		return p, nil, nil
	}
	for _, o := range section.Options() {
		if parsed.Defaults().Option(o.Name) != nil {
			continue
		}
		value, err := parsed.Interpolate(pserveSection, o)
		if err != nil {
			return p, nil, misread(err)
		}
		if !p.set(o.Name, value, filepath.Dir(file)) {
			unknown = append(unknown, unknownOption(file, o))
		}
	}
	return p, unknown, nil
}

// pserveOptions are the options that [pserve] has.
var pserveOptions = []string{"watch_files", "ignore_files", "open_url"}

// unknownOption is the warning for an option that pserve passes over.
func unknownOption(file string, o *ini.Option) string {
	text := "unknown option, without effect"
	if meant := ini.Nearest(o.Name, pserveOptions); meant != "" {
		text += fmt.Sprintf(": did you mean %q?", meant)
	}
	return fmt.Sprintf("%s:%d: [%s] %s: %s", file, o.Line, pserveSection, o.Name, text)
}

// misread returns the *paste.Error of an error of package ini.
func misread(err error) error {
	var e *ini.Error
	if !errors.As(err, &e) {
		return err
	}
	first := e.Mistakes[0]
	return &paste.Error{
		Class: e.Class, Text: e.Text, Hint: e.Hint,
		Pos: paste.Position{File: e.File, Line: first.Line}, Section: first.Section, Message: first.Message,
	}
}

// set takes one option, and says whether it is known.
func (p *Pserve) set(name, value, dir string) bool {
	switch name {
	case "watch_files":
		for _, file := range nonEmptyLines(value) {
			switch {
			case filepath.IsAbs(file):
				p.WatchFiles = append(p.WatchFiles, filepath.Clean(file))
			case strings.Contains(file, ":"):
				p.Assets = append(p.Assets, file)
			default:
				p.WatchFiles = append(p.WatchFiles, filepath.Join(dir, file))
			}
		}
	case "ignore_files":
		p.IgnoreFiles = nonEmptyLines(value)
	case "open_url":
		p.OpenURL = value
	default:
		return false
	}
	return true
}

func nonEmptyLines(text string) []string {
	var lines []string
	for line := range strings.Lines(text) {
		if line = ini.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

// reader returns what reads PasteDeploy files and says that the release is made
// of them; nil where nobody wants to know.
func (r *Release) reader() func(name string) ([]byte, error) {
	if r.options.Uses == nil {
		return r.read
	}
	return func(name string) ([]byte, error) {
		if file, err := filepath.Abs(name); err == nil {
			r.options.Uses(file)
		}
		return os.ReadFile(name)
	}
}

// distributionFiles are the files, in a directory of sys.path, that tell of a
// distribution; pip writes the first one last.
var distributionFiles = []string{"*.dist-info/RECORD", "*.egg-info/entry_points.txt", "*.egg-link"}

// useInstalled says that a release that has failed depends on what is installed:
// what it lacks may be installed next.
func (r *Release) useInstalled() {
	if r.options.Uses == nil || r.Interpreter == nil {
		return
	}
	for _, dir := range r.Interpreter.SysPath {
		for _, files := range distributionFiles {
			r.options.Uses(filepath.Join(dir, files))
		}
	}
}

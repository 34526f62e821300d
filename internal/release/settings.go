package release

import (
	"fmt"
	"os"
	"runtime"
	"strings"

	"pasted/internal/setting"
	"pasted/paste"
)

// The sections that are Pasted's own.
const (
	workersSection = "pasted:workers" // how the Python part runs
	pathsSection   = "pasted:paths"   // what holds for single paths
)

var ownSections = []string{workersSection, pathsSection}

// Limits of [pasted:workers].
const (
	mostProcesses  = 1024
	mostThreads    = 1024
	defaultThreads = 4
)

// Workers are the settings of [pasted:workers].
type Workers struct {
	Processes int
	Threads   int
	// Python names the interpreter; empty: it is looked for.
	Python  string
	Preload bool
	// Setup is "module:callable", or empty.
	Setup string
	Path  []string // put before sys.path
	Env   []string // "NAME=value"
	Umask int      // -1: as it is
	Chdir string   // empty: as it is

	threadsSet, processesSet bool
	pythonAt, setupAt        paste.Position // where python = and setup = stand
}

// newReader returns a reader of the options of conf, a section of the given
// name.
func newReader(section string, conf *paste.Conf) *setting.Reader {
	var options []setting.Option
	file := ""
	for name, value := range conf.All() {
		pos := conf.Pos(name)
		file = pos.File
		options = append(options, setting.Option{Name: name, Value: value, Line: pos.Line, File: pos.File})
	}
	return setting.NewReader(file, section, options)
}

// readWorkers reads [pasted:workers], which may be missing: conf is nil then.
// Relative paths start from dir. The error is a *setting.Error.
func readWorkers(conf *paste.Conf, dir string) (Workers, error) {
	r := newReader(workersSection, conf)
	w := Workers{
		Processes: r.Int("processes", runtime.NumCPU(), 1, mostProcesses),
		Threads:   r.Int("threads", defaultThreads, 1, mostThreads),
		Python:    r.Text("python", ""),
		Preload:   r.Bool("preload", true),
		Setup:     readSetup(r),
		Umask:     r.Mode("umask", -1),
		Chdir:     readDir(r, "chdir", dir),
	}
	for _, path := range r.List("path") {
		w.Path = append(w.Path, absolute(dir, path))
	}
	for _, o := range r.Group("env.") {
		if strings.ContainsAny(o.Name, "=\x00") || strings.Contains(o.Value, "\x00") {
			r.Refuse("env."+o.Name, "a name without =, and no NUL")
			continue
		}
		w.Env = append(w.Env, o.Name+"="+o.Value)
	}
	_, w.processesSet = r.Lookup("processes")
	_, w.threadsSet = r.Lookup("threads")
	w.pythonAt, w.setupAt = conf.Pos("python"), conf.Pos("setup")
	r.Unknown()
	return w, r.Err()
}

// readDir reads the option name, a directory that must be there.
func readDir(r *setting.Reader, name, dir string) string {
	path := absolute(dir, r.Text(name, ""))
	if path == "" {
		return ""
	}
	if info, err := os.Stat(path); err != nil || !info.IsDir() {
		r.Refuse(name, "a directory that is there")
	}
	return path
}

func readSetup(r *setting.Reader) string {
	setup := r.Text("setup", "")
	module, attr, ok := strings.Cut(setup, ":")
	if setup != "" && (!ok || module == "" || attr == "") {
		r.Refuse("setup", "module:callable")
	}
	return setup
}

// blame says where the interpreter was chosen that err is about, if the file
// chose it.
func (w Workers) blame(err error) error {
	if err == nil || w.Python == "" {
		return err
	}
	return fmt.Errorf("%s: [%s] %w", w.pythonAt, workersSection, err)
}

// String says how many processes and threads there are, and how they start.
func (w Workers) String() string {
	how := "forked from a template"
	if !w.Preload {
		how = "each importing the application itself"
	}
	return fmt.Sprintf("%d × %d threads, %s", w.Processes, w.Threads, how)
}

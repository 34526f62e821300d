package release

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	eggpaste "pasted/internal/egg/paste"
	"pasted/internal/httpd"
	"pasted/internal/interpreter"
	"pasted/internal/placement"
	"pasted/internal/pool"
	"pasted/internal/spelling"
	"pasted/internal/worker"
	"pasted/paste"
	"pasted/python"
)

// absolute returns path as seen from dir; an empty path stays empty.
func absolute(dir, path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// readSettings reads the sections that are Pasted's own.
func (r *Release) readSettings(context.Context) error {
	loader, err := paste.Open(r.File, paste.Options{GlobalConf: r.options.Vars, ReadFile: r.reader()})
	if err != nil {
		return err
	}
	var unknown []string
	if r.Pserve, unknown, err = readPserve(r.File, r.options.Vars, nil); err != nil {
		return err
	}
	r.Warnings = append(r.Warnings, unknown...)
	if err := checkSections(loader.Sections()); err != nil {
		return err
	}
	if r.logging, err = hasSection(loader, "loggers"); err != nil {
		return err
	}
	conf, err := loader.Section(workersSection)
	if err != nil {
		return err
	}
	if r.Workers, err = readWorkers(conf, filepath.Dir(r.File)); err != nil {
		return err
	}
	if r.paths, err = readPaths(loader); err != nil {
		return err
	}
	r.Admin, err = readAdmin(loader, filepath.Dir(r.File))
	return err
}

// checkSections refuses sections that look like Pasted's own and are not.
func checkSections(names []paste.SectionName) error {
	for _, s := range names {
		if !strings.HasPrefix(s.Name, "pasted:") || slices.Contains(ownSections, s.Name) {
			continue
		}
		return &paste.Error{
			Pos: s.Pos, Section: s.Name,
			Message: "there is no such section of Pasted's: want [" + strings.Join(ownSections, "] or [") + "]",
			Hint:    meantSection(s.Name),
		}
	}
	return nil
}

// meantSection is the hint to a section of ours with a slip in its name.
func meantSection(name string) string {
	if near := spelling.Nearest(name, ownSections); near != "" {
		return "did you mean [" + near + "]?"
	}
	return ""
}

// sysPath returns what is added to the front and to the end of sys.path. The
// directories of the file and of the process come last: there PasteDeploy
// would not have looked, and they shadow nothing.
func (r *Release) sysPath() (front, end []string) {
	end = []string{filepath.Dir(r.File)}
	dir := r.Workers.Chdir
	if dir == "" {
		dir, _ = os.Getwd()
	}
	if dir != "" && dir != end[0] {
		end = append(end, dir)
	}
	return r.Workers.Path, end
}

// askTimeout is how long the interpreter may take to say what it is, which
// takes a Python 20 ms: whoever waits for the prompt has given up by then.
const askTimeout = 15 * time.Second

// findInterpreter finds the Python and asks it what is installed.
func (r *Release) findInterpreter(ctx context.Context) error {
	found, why, err := interpreter.Find(ctx, interpreter.FindOptions{
		Python: r.Workers.Python, FileDir: filepath.Dir(r.File), Getenv: os.Getenv,
	})
	if err != nil {
		return r.Workers.blame(err)
	}
	r.InterpreterReason = why
	front, end := r.sysPath()
	if r.options.Early && r.Workers.Preload {
		r.early = worker.StartEarly(&worker.Config{
			Python: found, Title: r.File, Env: r.environ(), Dir: r.Workers.Chdir,
			Stdout: r.options.Stdout, Stderr: r.options.Stderr, Log: r.options.Log,
		})
	}
	r.Interpreter, err = interpreter.Inspect(ctx, found, interpreter.Options{
		Path: front, PathEnd: end, Dir: r.Workers.Chdir, Env: r.environ(), Timeout: askTimeout,
	})
	if err != nil {
		return r.Workers.blame(err)
	}
	if !r.Interpreter.Version.AtLeast(3, 7) {
		r.early.Close() // it is not what worker.Early wants
	}
	if said := strings.TrimSpace(r.Interpreter.Output); said != "" {
		r.warn(fmt.Sprintf("%s says as it starts: %s", found, said))
	}
	return nil
}

// environ is the environment of the Python processes: the server's, and what
// the file says in its place.
func (r *Release) environ() []string {
	given := func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		return slices.ContainsFunc(r.Workers.Env, func(v string) bool { return strings.HasPrefix(v, name+"=") })
	}
	// Of a name that stands twice a process may see either.
	return append(slices.DeleteFunc(os.Environ(), given), r.Workers.Env...)
}

// resolve resolves the application and the server.
func (r *Release) resolve(context.Context) error {
	r.newRegistry()
	var err error
	r.App, err = paste.Resolve(paste.AppKind, r.target.uri(), paste.Options{
		Name:        r.appName(),
		GlobalConf:  r.options.Vars,
		EntryPoints: entryPoints{r.Interpreter},
		Native:      r.registry,
		Notes:       r.note,
		ReadFile:    r.reader(),
	})
	return err
}

// newRegistry makes the registry of native components.
func (r *Release) newRegistry() {
	r.registry = new(paste.Registry)
	r.access = newAccessLog(r.options.Stderr, r.options.Log)
	eggpaste.Register(r.registry, eggpaste.Options{
		AccessLog: r.access,
		Scheme:    func() string { return r.Server.URLScheme },
	})
}

// appName is the application that is asked for, nil for none in particular.
func (r *Release) appName() *string {
	return nameOrNil(cmp.Or(r.options.AppName, r.target.name))
}

// note keeps a liberty, once. One that a hosted composite takes, which happens
// when the workers load it, goes to the log.
func (r *Release) note(n paste.Note) {
	switch {
	case r.Plan != nil:
		r.options.Log.Info("note", "text", n.String())
	case !slices.Contains(r.Notes, n.String()):
		r.Notes = append(r.Notes, n.String())
	}
}

func nameOrNil(name string) *string {
	if name == "" {
		return nil
	}
	return &name
}

// place decides what is native, builds it, and makes a root of the rest.
func (r *Release) place(context.Context) error {
	plan, err := placement.Place(r.App, placement.Options{Registry: r.registry, Root: r.root, StandIn: standIn})
	if err != nil {
		return err
	}
	r.Plan = plan
	return nil
}

// root returns the handler of a hosted root.
func (r *Release) root(root placement.Root) (http.Handler, error) {
	if root.Index >= placement.MaxRoots {
		return nil, fmt.Errorf("%s: more than %d hosted applications", r.File, placement.MaxRoots)
	}
	h := &pool.Handler{Root: uint16(root.Index)}
	r.handlers = append(r.handlers, h)
	return h, nil
}

// readServer reads the section that says how to listen.
func (r *Release) readServer(context.Context) error {
	ctx, err := r.serverContext()
	if err != nil {
		return err
	}
	server, notes, err := httpd.ParseServer(ctx)
	if err != nil {
		return err
	}
	for _, n := range notes {
		r.warn(n.String())
	}
	r.Server, r.listenAt = server, listenAt(ctx)
	r.Server.KeepSockets = r.options.KeepSockets
	if r.Server.Threads > 0 && !r.Workers.threadsSet {
		r.Workers.Threads, r.Workers.ThreadsMost = r.Server.Threads, r.Server.Threads
	}
	if r.Server.Timeout > 0 && !r.Workers.timeoutSet {
		r.Workers.Timeout = r.Server.Timeout
	}
	if r.Server.Workers > 0 && !r.Workers.processesSet {
		r.Workers.Processes, r.Workers.ProcessesMost = r.Server.Workers, r.Server.Workers
	}
	if r.Server.Workers == 0 {
		r.oneProcess()
	}
	r.Workers.recycleAs(r.Server)
	if err := r.setClass(); err != nil {
		return err
	}
	if r.Workers.Recycle.Reforks > 0 && r.Interpreter != nil && side(r.Interpreter) == python.Python2 {
		return fmt.Errorf("%s: [%s] reforks: want Python 3.6 or later, %s is %s",
			r.File, workersSection, r.Interpreter.Path, r.Interpreter.Version)
	}
	return nil
}

// listenAt says which line of the file has the addresses to listen on, as
// "file:line: [section]": that of the first option that names one, else the
// section's. It is empty without a section.
func listenAt(server *paste.Context) string {
	if server == nil {
		return ""
	}
	pos := server.Pos
	for _, option := range []string{"listen", "bind", "unix_socket", "port", "host"} {
		if at := server.LocalConf.Pos(option); at.Line != 0 {
			pos = at
			break
		}
	}
	return fmt.Sprintf("%s: [%s]", pos, server.Section)
}

// serverContext resolves the server's section. It is nil if nobody named one
// and there is none.
func (r *Release) serverContext() (*paste.Context, error) {
	if r.options.ServerName != "" {
		return r.resolveServer(r.options.ServerName)
	}
	// pserve takes the fragment for the server's name, too.
	for _, name := range []string{r.target.name, "main"} {
		ctx, err := r.resolveServer(name)
		var missing *paste.Error
		if name == "" || errors.As(err, &missing) && strings.HasPrefix(missing.Text, "No section '"+name+"' (prefixed by 'server')") {
			continue
		}
		return ctx, err
	}
	return nil, nil
}

func (r *Release) resolveServer(name string) (*paste.Context, error) {
	return paste.Resolve(paste.ServerKind, r.target.uri(), paste.Options{
		Name:        nameOrNil(name),
		GlobalConf:  r.options.Vars,
		EntryPoints: serverEggs{},
		ReadFile:    r.reader(),
	})
}

func hasSection(loader *paste.Loader, name string) (bool, error) {
	conf, err := loader.Section(name)
	return conf != nil, err
}

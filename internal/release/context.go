package release

import (
	"cmp"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"pasted/internal/interpreter"
	"pasted/internal/marshal"
	"pasted/internal/outcome"
	"pasted/internal/worker"
	"pasted/paste"
)

// ContextOptions say what Context resolves.
type ContextOptions struct {
	Kind paste.Kind
	// URI is one of PasteDeploy's, or the path of a file, perhaps with #NAME.
	// A relative one starts from RelativeTo.
	URI        string
	Name       string // wins over the fragment; empty: not given
	RelativeTo string // a directory; empty: the working directory
	Vars       *paste.Conf
	// Python names the interpreter whose eggs count; empty: that which the
	// file names, or else it is looked for.
	Python string
	// Eggs is a directory for the front of the interpreter's path, or empty.
	Eggs string
	// Permissive imports nothing, asks no interpreter, and takes every egg
	// for installed.
	Permissive bool
	// Create also creates what is resolved.
	Create bool
	Stderr *os.File // of the process that imports
	Log    *slog.Logger
}

// Context resolves a URI as PasteDeploy does, without a liberty, and returns the
// tree of contexts as JSON has it; with Create also its calls and its result, or
// its error. The error is a *paste.Error, or the interpreter's.
func Context(ctx context.Context, o ContextOptions) (outcome.Object, error) {
	request, err := o.request()
	if err != nil {
		return nil, err
	}
	session := outcome.Permissive()
	if !o.Permissive {
		python, err := o.host(request)
		if err != nil {
			return nil, err
		}
		session = outcome.Strict(python)
	}
	defer session.Close()
	resolved, err := session.Resolve(ctx, request)
	if err != nil {
		return nil, err
	}
	tree, err := outcome.ObjectOf(session.Dump(resolved))
	if err != nil || !o.Create {
		return tree, err
	}
	creation, err := session.Create(ctx, o.Kind, resolved)
	return append(tree, creation...), err
}

// request makes of a path a URI.
func (o ContextOptions) request() (outcome.Request, error) {
	dir, err := filepath.Abs(o.RelativeTo)
	if err != nil {
		return outcome.Request{}, err
	}
	q := outcome.Request{
		Kind: o.Kind, URI: o.URI, Name: nameOrNil(o.Name), RelativeTo: o.RelativeTo, GlobalConf: o.Vars,
	}
	if q.RelativeTo == "" {
		q.RelativeTo = dir
	}
	if path, _, _ := strings.Cut(o.URI, "#"); strings.Contains(path, ":") {
		return q, nil
	}
	t, err := parseTarget(absolute(dir, o.URI))
	if err != nil {
		return q, err
	}
	q.URI = t.uri()
	if q.Name == nil {
		q.Name = nameOrNil(t.name)
	}
	return q, nil
}

// host is the interpreter that serve would use for a URI, with what
// [pasted:workers] says of it.
func (o ContextOptions) host(q outcome.Request) (*host, error) {
	dir, err := filepath.Abs(dirOf(q.URI, q.RelativeTo))
	if err != nil {
		return nil, err
	}
	r := &Release{File: filepath.Join(dir, "-"), Workers: Workers{Python: o.Python}}
	if workers := workersOf(q); workers != nil {
		r.Workers = *workers
		r.Workers.Python = cmp.Or(o.Python, workers.Python)
	}
	h := &host{
		find: interpreter.FindOptions{Python: r.Workers.Python, FileDir: dir, Getenv: os.Getenv},
		dir:  r.Workers.Chdir, env: r.environ(), stderr: o.Stderr, log: o.Log,
	}
	h.front, h.end = r.sysPath()
	return h, h.prepend(o.Eggs)
}

// workersOf reads the [pasted:workers] of a config: URI's file. It is nil where
// there is none, or where it cannot be read: what is wrong with it is not
// PasteDeploy's to say.
func workersOf(q outcome.Request) *Workers {
	path, ok := strings.CutPrefix(q.URI, "config:")
	if !ok {
		return nil
	}
	path, _, _ = strings.Cut(path, "#")
	file := absolute(q.RelativeTo, unquote(path))
	loader, err := paste.Open(file, paste.Options{GlobalConf: q.GlobalConf})
	if err != nil {
		return nil
	}
	conf, err := loader.Section(workersSection)
	if err != nil {
		return nil
	}
	workers, err := readWorkers(conf, filepath.Dir(file))
	if err != nil {
		return nil
	}
	return &workers
}

// dirOf returns the directory of a config: URI's file, or else cwd.
func dirOf(uri, cwd string) string {
	path, ok := strings.CutPrefix(uri, "config:")
	if !ok {
		return cwd
	}
	path, _, _ = strings.Cut(path, "#")
	return filepath.Dir(absolute(cwd, path))
}

// CallsOptions say which calls Calls makes.
type CallsOptions struct {
	Case string // a file of calls
	// Eggs is a directory for the front of the interpreter's path, or empty.
	Eggs string
	// Python names the interpreter; empty: it is looked for.
	Python string
	// Permissive imports nothing, whatever the case says.
	Permissive bool
	Stderr     *os.File // of the process that imports
	Log        *slog.Logger
}

// Calls makes the calls of a case and returns their results as JSON has them. It
// changes the working directory. The error says that they could not be made,
// and is an *outcome.CaseError for what is wrong with the case; what PasteDeploy
// refuses is a result.
func Calls(ctx context.Context, o CallsOptions) (outcome.Object, error) {
	c, err := outcome.ReadCase(o.Case)
	if err != nil {
		return nil, err
	}
	o.Permissive = o.Permissive || c.Permissive
	session, err := o.Session(c.Dir)
	if err != nil {
		return nil, err
	}
	defer session.Close()
	return session.Run(ctx, c)
}

// Session returns a session for calls that are made in dir, which the interpreter
// is looked for from. o.Case means nothing. Close must be called.
func (o CallsOptions) Session(dir string) (*outcome.Session, error) {
	if o.Permissive {
		return outcome.Permissive(), nil
	}
	h := &host{
		find:   interpreter.FindOptions{Python: o.Python, FileDir: dir, Getenv: os.Getenv},
		stderr: o.Stderr, log: o.Log, standIns: true,
	}
	if err := h.prepend(o.Eggs); err != nil {
		return nil, err
	}
	return outcome.Strict(h), nil
}

// A host is an outcome.Python: an interpreter that is found when it is needed.
type host struct {
	find       interpreter.FindOptions
	front, end []string // of its search path
	dir        string
	env        []string
	stderr     *os.File
	log        *slog.Logger
	// standIns takes Paste and PasteDeploy for installed where they are not.
	standIns bool

	found *interpreter.Interpreter
}

// prepend puts a directory at the front of the search path, unless it is empty.
func (h *host) prepend(dir string) error {
	if dir == "" {
		return nil
	}
	dir, err := filepath.Abs(dir)
	if err == nil {
		h.front = append([]string{dir}, h.front...)
	}
	return err
}

// EntryPoints returns what is installed.
func (h *host) EntryPoints(ctx context.Context) (paste.EntryPoints, error) {
	if err := h.inspect(ctx); err != nil {
		return nil, err
	}
	if h.standIns {
		return outcome.WithStandIns(entryPoints{h.found}), nil
	}
	return entryPoints{h.found}, nil
}

func (h *host) inspect(ctx context.Context) error {
	if h.found != nil {
		return nil
	}
	path, _, err := interpreter.Find(ctx, h.find)
	if err != nil {
		return err
	}
	h.found, err = interpreter.Inspect(ctx, path, interpreter.Options{
		Path: h.front, PathEnd: h.end, Dir: h.dir, Env: h.env, Timeout: askTimeout,
	})
	return err
}

// Probe starts a process that imports.
func (h *host) Probe(ctx context.Context, resolve func(marshal.Dict) marshal.Dict) (*worker.Probe, error) {
	if err := h.inspect(ctx); err != nil {
		return nil, err
	}
	return worker.StartProbe(ctx, &worker.Config{
		Python: h.found.Path, Side: side(h.found), Env: h.env, Dir: h.dir,
		Load: marshal.Dict{
			{Key: "path", Value: texts(h.front)},
			{Key: "path_end", Value: texts(h.end)},
			{Key: "stand_ins", Value: h.standIns},
		},
		Resolve: resolve,
		Output: func(o worker.Output) {
			h.log.Log(context.Background(), slog.Level((o.Level-20)/10*4), "application", "text", o.Text)
		},
		Stdout: h.stderr, Stderr: h.stderr, Log: h.log,
	}, 0)
}

// Package outcome knows how that is written down as JSON which PasteDeploy, and
// plaster on top of it, make of a call: the context that a URI resolves to, what
// creating it gives and calls, what a file says by itself, settings, and errors
// with Python's class and text. It makes the calls of a case, a file that lists
// some, in the form of a corpus of the library's own outcomes.
//
// Resolving is paste's, importing and creating a probe's. Where nothing is to be
// imported, it knows what well-known eggs have, and what creating would call.
package outcome

import (
	"context"
	"errors"
	"regexp"
	"sync"
	"sync/atomic"

	"pasted/internal/marshal"
	"pasted/internal/placement"
	"pasted/internal/worker"
	"pasted/paste"
)

// A Python is the interpreter that imports and creates. Its methods are called
// one at a time.
type Python interface {
	// EntryPoints returns what is installed there.
	EntryPoints(ctx context.Context) (paste.EntryPoints, error)
	// Probe starts a process whose questions about contexts resolve answers.
	Probe(ctx context.Context, resolve func(question marshal.Dict) marshal.Dict) (*worker.Probe, error)
}

// A Session makes calls, one after the other, as one Python process would: what
// is imported stays so. Close must be called.
type Session struct {
	python Python // nil: permissive

	eggs     paste.EntryPoints // nil until they are asked for
	probe    *worker.Probe     // nil until something is imported
	asking   sync.Mutex        // a composite's loader is answered by another goroutine
	creating atomic.Bool       // the probe is at it, and is told what to import
	met      []*paste.Object   // while an answer for it is made, under asking
	plan     placement.Plan    // numbers contexts for it
	specs    map[*paste.Object]string
	objects  objects
}

// Strict returns a session that imports and creates with python.
func Strict(python Python) *Session {
	return &Session{python: python, specs: make(map[*paste.Object]string)}
}

// Permissive returns a session that imports nothing and takes every egg and
// every module for installed: of well-known eggs it knows the entry points, of
// others it guesses the protocol by the section that names them.
func Permissive() *Session { return new(Session) }

// Close ends the session's process, if it has one.
func (s *Session) Close() {
	if s.probe != nil {
		s.probe.Close()
	}
	s.probe = nil
}

// A Request says what is to be resolved. Its fields are those of a call of
// PasteDeploy's loadcontext.
type Request struct {
	Kind       paste.Kind
	URI        string
	Name       *string // nil: none given
	RelativeTo string
	GlobalConf *paste.Conf // nil: none given
}

// Resolve resolves q without any liberty. The error is a *paste.Error for what
// PasteDeploy raises, else the Python's.
func (s *Session) Resolve(ctx context.Context, q Request) (*paste.Context, error) {
	options := s.options(ctx)
	options.Name, options.RelativeTo, options.GlobalConf = q.Name, q.RelativeTo, q.GlobalConf
	return settle(paste.Resolve(q.Kind, q.URI, options))
}

// open resolves a name by the loader of a file, as a composite's factory does.
// q.URI is the file's name.
func (s *Session) open(ctx context.Context, q Request) (*paste.Context, error) {
	loader, err := paste.Open(q.URI, s.options(ctx))
	if err != nil {
		return nil, err
	}
	return settle(loader.Context(q.Kind, q.Name, q.GlobalConf))
}

// settle takes what is no exception out of an error of paste's: what became of
// the process that was to import something.
func settle(ctx *paste.Context, err error) (*paste.Context, error) {
	var raised *paste.Error
	var died *worker.DiedError
	var lost *lostError
	switch {
	case err == nil:
		return ctx, nil
	case errors.As(err, &died):
		return nil, died
	case errors.As(err, &lost):
		return nil, lost.err
	case errors.As(err, &raised):
		return nil, raised
	}
	return nil, err
}

// A lostError is an error of the machinery, not of the code that is imported.
type lostError struct{ err error }

func (e *lostError) Error() string { return e.err.Error() }

// options are those of every resolution.
func (s *Session) options(ctx context.Context) paste.Options {
	if s.python == nil {
		return paste.Options{EntryPoints: WellKnown(), Assume: true, Strict: true, Foreign: s.objects.foreign}
	}
	return paste.Options{
		EntryPoints: installed{s, ctx},
		Strict:      true,
		Foreign:     s.objects.foreign,
		Import:      func(o *paste.Object) error { return s.importObject(ctx, o) },
	}
}

// installed are the Python's entry points. The interpreter is not asked before
// an egg is named: a file that is wrong needs none. ctx is that of the call that
// the resolution is for.
type installed struct {
	s   *Session
	ctx context.Context
}

func (i installed) ask() error {
	i.s.asking.Lock()
	defer i.s.asking.Unlock()
	if i.s.eggs != nil {
		return nil
	}
	eggs, err := i.s.python.EntryPoints(i.ctx)
	if err != nil {
		return &lostError{err}
	}
	i.s.eggs = eggs
	return nil
}

// Installed is paste.EntryPoints'.
func (i installed) Installed(distribution string) error {
	if err := i.ask(); err != nil {
		return err
	}
	return i.s.eggs.Installed(distribution)
}

// EntryPoint is paste.EntryPoints'.
func (i installed) EntryPoint(distribution, group, name string) (object string, ok bool, err error) {
	if err := i.ask(); err != nil {
		return "", false, err
	}
	return i.s.eggs.EntryPoint(distribution, group, name)
}

// Names makes installed a paste.Lister, if the Python's are one.
func (i installed) Names(distribution, group string) []string {
	if list, ok := i.s.eggs.(paste.Lister); ok && i.ask() == nil {
		return list.Names(distribution, group)
	}
	return nil
}

// importObject imports o and keeps what it is.
func (s *Session) importObject(ctx context.Context, o *paste.Object) error {
	if s.creating.Load() {
		s.asking.Lock()
		defer s.asking.Unlock()
		s.met = append(s.met, o)
		return nil
	}
	probe, err := s.running(ctx)
	if err != nil {
		return &lostError{err}
	}
	spec, err := probe.Import(ctx, o)
	var raised *paste.Error
	if err != nil && !errors.As(err, &raised) {
		return &lostError{err}
	}
	s.specs[o] = spec
	return err
}

// running returns the probe, and starts it where there is none.
func (s *Session) running(ctx context.Context) (*worker.Probe, error) {
	if s.probe != nil {
		return s.probe, nil
	}
	probe, err := s.python.Probe(ctx, func(question marshal.Dict) marshal.Dict {
		return s.answer(question)
	})
	s.probe = probe
	return probe, err
}

// answer answers the probe, which is creating. "imports" are the objects that
// PasteDeploy would have imported on the way to the answer, an error or not, in
// their order: one that cannot be imported is an error that comes before it.
func (s *Session) answer(question marshal.Dict) marshal.Dict {
	s.asking.Lock()
	s.met = nil
	s.asking.Unlock()
	answer := s.objects.showAnswer(s.plan.Answer(question))
	s.asking.Lock()
	defer s.asking.Unlock()
	if len(s.met) == 0 {
		return answer
	}
	imports := make([]any, len(s.met))
	for i, o := range s.met {
		imports[i] = placement.EncodeObject(o)
	}
	return append(answer, marshal.Pair{Key: "imports", Value: imports})
}

// Dump returns a context as JSON has it.
func (s *Session) Dump(ctx *paste.Context) any {
	dumper := paste.Dumper{Conf: s.conf, Factory: (*paste.Object).Named}
	if s.python != nil {
		dumper.Factory = func(o *paste.Object) string { return s.specs[o] }
	}
	return dumper.Dump(ctx)
}

// Create creates what ctx, of the kind given, stands for. The members are
// result, of a filter and a server result_of, of an application that is none
// broken and composed_of_probe, where something is raised error; then calls. The
// error is the Python's own.
func (s *Session) Create(ctx context.Context, kind paste.Kind, c *paste.Context) (Object, error) {
	if s.python == nil {
		return s.imitate(kind, c), nil
	}
	probe, err := s.running(ctx)
	if err != nil {
		return nil, err
	}
	s.creating.Store(true)
	defer s.creating.Store(false)
	creation, err := probe.Create(ctx, kind, s.objects.show(s.plan.Encode(c)))
	var raised *paste.Error
	switch {
	case errors.As(err, &raised):
		return Object{{"error", errorOf(raised)}, {"calls", []any{}}}, nil
	case err != nil:
		return nil, err
	}
	return decodeObject(creation.JSON)
}

// Error returns an error as JSON has it, if it is what Python would raise, and
// whether it is. The members are class, message and, where it has any, bases.
func Error(err error) (Object, bool) {
	var raised *paste.Error
	if !errors.As(err, &raised) || raised.Class == "" {
		return nil, false
	}
	return errorOf(raised), true
}

var address = regexp.MustCompile(" at 0x[0-9a-f]+")

// errorOf leaves out what differs from one run to the next.
func errorOf(raised *paste.Error) Object {
	text := address.ReplaceAllString(raised.Text, "")
	if raised.Class == "RecursionError" {
		text = "maximum recursion depth exceeded"
	}
	out := Object{{"class", raised.Class}, {"message", text}}
	bases := basesOf[raised.Class]
	var told *worker.RaisedError
	if errors.As(raised, &told) {
		bases = told.Bases
	}
	if len(bases) > 0 {
		out = append(out, Member{"bases", bases})
	}
	return out
}

// basesOf are the bases of the classes of exceptions that paste and this package
// name, the nearest first, without Exception and BaseException.
var basesOf = map[string][]string{
	"FileNotFoundError":   {"OSError"},
	"ImportError":         nil,
	"IndexError":          {"LookupError"},
	"IsADirectoryError":   {"OSError"},
	"KeyError":            {"LookupError"},
	"ModuleNotFoundError": {"ImportError"},
	"NotADirectoryError":  {"OSError"},
	"PermissionError":     {"OSError"},
	"RecursionError":      {"RuntimeError"},
	"UnicodeDecodeError":  {"UnicodeError", "ValueError"},

	"configparser.DuplicateOptionError":            {"Error"},
	"configparser.DuplicateSectionError":           {"Error"},
	"configparser.InterpolationDepthError":         {"InterpolationError", "Error"},
	"configparser.InterpolationMissingOptionError": {"InterpolationError", "Error"},
	"configparser.InterpolationSyntaxError":        {"InterpolationError", "Error"},
	"configparser.MissingSectionHeaderError":       {"ParsingError", "Error"},
	"configparser.ParsingError":                    {"Error"},

	"importlib.metadata.PackageNotFoundError": {"ModuleNotFoundError", "ImportError"},

	"plaster.exceptions.InvalidURI":     {"PlasterError", "ValueError"},
	"plaster.exceptions.LoaderNotFound": {"PlasterError", "ValueError"},
}

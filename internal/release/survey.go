package release

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"path/filepath"

	"pasted/internal/httpd"
	"pasted/internal/marshal"
	"pasted/internal/outcome"
	"pasted/internal/worker"
	"pasted/paste"
)

// SurveyOptions say how a file is looked at. File, Log, Stdout and Stderr of
// Options are required as for Load.
type SurveyOptions struct {
	Options
	// ReadFile reads PasteDeploy files; nil: os.ReadFile.
	ReadFile func(name string) ([]byte, error)
	// Permissive asks no interpreter, and takes every egg for installed.
	Permissive bool
	// Mistake is told of each mistake, with the error that Load would return
	// if it were the only one. Required.
	Mistake func(error)
	// Note and Pitfall are paste's, of the resolving of the application.
	Note    func(paste.Note)
	Pitfall func(paste.Pitfall)
}

// A Survey is a release that is looked at, and not served. What a mistake has
// made unknown is missing in it.
type Survey struct {
	*Release
	// Resolving are the options with which sections of the file resolve as
	// the release's application does. Servers' have ServerEggs.
	Resolving paste.Options
	// URI is the file's, without a section.
	URI string
	// ServerSection is the server's, nil if there is none.
	ServerSection *paste.Context
	// ServerNotes are what is to be known of its options.
	ServerNotes []httpd.Note

	survey SurveyOptions
}

// ServerEggs takes every egg for one that has the server that is asked for.
func (s *Survey) ServerEggs() paste.EntryPoints { return serverEggs{} }

// Look takes every step of Load that the mistakes before leave possible. The
// error says that there is no file to look at.
func Look(ctx context.Context, o SurveyOptions) (*Survey, error) {
	t, err := parseTarget(o.File)
	if err != nil {
		return nil, err
	}
	o.Vars = pserveVars(t, o.Vars)
	s := &Survey{
		Release: &Release{Number: 1, File: t.file, options: o.Options, target: t},
		URI:     t.uri(), survey: o,
	}
	s.read = o.ReadFile
	s.settings()
	s.interpreter(ctx)
	s.application(ctx)
	s.server(ctx)
	return s, nil
}

// settings reads the sections that are Pasted's own, and pserve's.
func (s *Survey) settings() {
	loader, err := paste.Open(s.File, paste.Options{GlobalConf: s.options.Vars, ReadFile: s.reader()})
	if err != nil {
		s.survey.Mistake(err)
		return
	}
	if s.Pserve, s.Warnings, err = readPserve(s.File, s.options.Vars, s.reader()); err != nil {
		s.survey.Mistake(err)
	}
	for _, name := range loader.Sections() {
		if err := checkSections([]paste.SectionName{name}); err != nil {
			s.survey.Mistake(err)
		}
	}
	s.logging, _ = hasSection(loader, "loggers") // what it says is looked at elsewhere
	conf, err := loader.Section(workersSection)
	if err == nil {
		s.Workers, err = readWorkers(conf, filepath.Dir(s.File))
	}
	if err != nil {
		s.survey.Mistake(err)
	}
	if s.paths, err = readPaths(loader); err != nil {
		s.survey.Mistake(err)
	}
	if s.Admin, err = readAdmin(loader, filepath.Dir(s.File)); err != nil {
		s.survey.Mistake(err)
	}
}

func (s *Survey) interpreter(ctx context.Context) {
	if s.survey.Permissive {
		return
	}
	if err := s.findInterpreter(ctx); err != nil {
		s.survey.Mistake(err)
	}
}

// application resolves and places the application.
func (s *Survey) application(ctx context.Context) {
	s.Resolving = paste.Options{
		GlobalConf: s.options.Vars, ReadFile: s.reader(),
		EntryPoints: outcome.WellKnown(), Assume: true,
	}
	s.newRegistry()
	if s.Interpreter != nil {
		s.Resolving.EntryPoints, s.Resolving.Assume = entryPoints{s.Interpreter}, false
		s.Resolving.Native = s.registry
	}
	options := s.Resolving
	options.Name, options.Notes, options.Pitfalls = s.appName(), s.survey.Note, s.survey.Pitfall
	var err error
	if s.App, err = paste.Resolve(paste.AppKind, s.URI, options); err == nil {
		err = s.place(ctx)
	}
	if err != nil && (s.Interpreter != nil || !isNotInstalled(err)) {
		s.survey.Mistake(err)
	}
}

// isNotInstalled says whether err blames what is installed.
func isNotInstalled(err error) bool {
	var e *paste.Error
	return errors.As(err, &e) && e.Class == "importlib.metadata.PackageNotFoundError"
}

// AppSection is the text between the brackets of the section that is served, or
// an error where its name means none, or several.
func (s *Survey) AppSection() (string, error) {
	loader, err := paste.Open(s.File, paste.Options{GlobalConf: s.options.Vars, ReadFile: s.reader()})
	if err != nil {
		return "", err
	}
	name := "main"
	if asked := s.appName(); asked != nil {
		name = *asked
	}
	return loader.FindSection(paste.AppKind, &name)
}

func (s *Survey) server(ctx context.Context) {
	var err error
	if s.ServerSection, err = s.serverContext(); err == nil {
		_, s.ServerNotes, err = httpd.ParseServer(s.ServerSection)
	}
	if err == nil {
		err = s.readServer(ctx)
	}
	if err != nil {
		s.Server = httpd.Defaults() // the application can be loaded all the same
		s.survey.Mistake(err)
	}
}

// Probe starts a process that imports what is told to it, as the workers will.
// Close it.
func (s *Survey) Probe(ctx context.Context) (*worker.Probe, error) {
	front, end := s.sysPath()
	return worker.StartProbe(ctx, &worker.Config{
		Python: s.Interpreter.Path, Side: side(s.Interpreter), Env: s.environ(), Dir: s.Workers.Chdir,
		Load: marshal.Dict{
			{Key: "path", Value: texts(front)},
			{Key: "path_end", Value: texts(end)},
			{Key: "setup", Value: textOrNone(s.Workers.Setup)},
		},
		Resolve: func(marshal.Dict) marshal.Dict { return nil }, // only creating asks
		Output: func(o worker.Output) {
			s.options.Log.Log(context.Background(), slog.Level((o.Level-20)/10*4), "application", "text", o.Text)
		},
		Stdout: s.options.Stderr, Stderr: s.options.Stderr, Log: s.options.Log,
	}, 0)
}

// Rehearse loads the application in one worker, as Serve does, and has use send
// it requests; it listens nowhere. Nothing is left of it when it returns. The
// error is Serve's.
func (s *Survey) Rehearse(ctx context.Context, use func(app http.Handler)) error {
	s.Workers.Processes, s.Workers.ProcessesMost = 1, 1
	loops, endLoops, err := startLoops()
	if err != nil {
		return err
	}
	defer endLoops()
	live, err := s.start(ctx, ctx, loops)
	if err != nil {
		return err
	}
	defer live.end()
	use(s.Plan.Handler)
	return nil
}

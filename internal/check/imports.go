package check

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"pasted/internal/worker"
	"pasted/paste"
)

// A Request is what is sent through the stack.
type Request struct {
	Method, Target string
}

// ParseRequest reads "/path?query", perhaps with a method before it.
func ParseRequest(text string) (*Request, error) {
	method, target, found := strings.Cut(text, " ")
	if !found {
		method, target = http.MethodGet, text
	}
	r := &Request{method, target}
	if !strings.HasPrefix(target, "/") {
		return nil, fmt.Errorf("%q: want a path that begins with /, perhaps with a method before it", text)
	}
	_, err := http.NewRequest(method, "http://localhost"+target, nil)
	return r, err
}

// An Answer is what came of a Request.
type Answer struct {
	Status int
	Fields http.Header
	Size   int // of the body, in bytes
}

// imports imports each object that a section of the file names, in a process
// that is thrown away.
func (c *checker) imports(ctx context.Context) {
	objects := c.objects()
	if len(objects) == 0 {
		return
	}
	probe, err := c.survey.Probe(ctx)
	if err != nil {
		c.mistake(err)
		return
	}
	defer func() { probe.Close() }()
	for _, o := range objects {
		if ctx.Err() != nil {
			return
		}
		if probe, err = c.importOne(ctx, probe, o); err != nil {
			c.mistake(err)
			return
		}
	}
}

// An imported is an object and where the file names it.
type imported struct {
	object   *paste.Object
	named    paste.Position
	section  string
	severity Severity
}

// objects are those of all sections, each once, but the servers'.
func (c *checker) objects() []imported {
	var list []imported
	seen := make(map[string]bool)
	var walk func(ctx *paste.Context, severity Severity)
	walk = func(ctx *paste.Context, severity Severity) {
		if o := ctx.Object; o != nil && o.Module != "" && !seen[o.Text+o.String()] {
			seen[o.Text+o.String()] = true
			list = append(list, imported{o, ctx.Named, ctx.Section, severity})
		}
		for _, part := range partsOf(ctx) {
			walk(part, severity)
		}
	}
	for _, ctx := range c.contexts {
		if ctx.Type != paste.Server {
			walk(ctx, c.severity(ctx.Section))
		}
	}
	return list
}

// importOne imports o, and returns a probe for the next one: another one where
// this one has not survived.
func (c *checker) importOne(ctx context.Context, probe *worker.Probe, i imported) (*worker.Probe, error) {
	_, err := probe.Import(ctx, i.object)
	var e *paste.Error
	var raised *worker.RaisedError
	if err == nil || ctx.Err() != nil {
		return probe, nil
	}
	f := Finding{Rule: "import", Severity: i.severity, Section: i.section, Place: c.sources.place(i.named.File, i.named.Line, i.object.Module)}
	if f.File == "" {
		f.File = c.file()
	}
	switch {
	case errors.As(err, &raised):
		f.Message, f.Hint = fmt.Sprintf("%s: importing it raises %s: %s", i.object, raised.Class, raised.Text), importHint(raised)
		if raised.CauseFile != "" {
			f.Related = []Related{{Place{File: raised.CauseFile, Line: raised.CauseLine}, raised.CauseText}}
			f.Detail = raised.Traceback
		}
		c.add(f)
		return probe, nil
	case errors.As(err, &e):
		f.Message = fmt.Sprintf("%s: %s: %s", i.object, e.Class, e.Text)
		c.add(f)
		return probe, nil
	}
	f.Message = fmt.Sprintf("%s: importing it ends the process: %v", i.object, err)
	c.add(f)
	probe.Close()
	return c.survey.Probe(ctx)
}

func importHint(e *worker.RaisedError) string {
	switch {
	case e.Class == "ModuleNotFoundError":
		return "is it installed in the interpreter? [pasted:workers] python chooses another, path adds directories"
	case e.Class == "AttributeError" && e.CauseFile == "":
		return "the module is there, and has no such name: is what stands after the colon right?"
	}
	return ""
}

// rehearse loads the whole application as serve does, and sends it the request.
func (c *checker) rehearse(ctx context.Context) {
	if c.unloadable() || c.survey.Plan == nil || len(c.sources.get(c.survey.File).mistakes) > 0 {
		return
	}
	err := c.survey.Rehearse(ctx, func(app http.Handler) {
		c.report.Loaded = true
		if c.options.Request != nil {
			c.request(ctx, app)
		}
	})
	if err != nil && ctx.Err() == nil {
		c.mistake(err)
	}
}

// request sends the request, and takes an answer that says that the server
// failed for an error.
func (c *checker) request(ctx context.Context, app http.Handler) {
	q := c.options.Request
	r, err := http.NewRequestWithContext(ctx, q.Method, "http://localhost"+q.Target, http.NoBody)
	if err != nil {
		c.mistake(err)
		return
	}
	r.RequestURI, r.RemoteAddr = q.Target, "127.0.0.1:0"
	w := &recorder{fields: make(http.Header)}
	said := aborts(func() { app.ServeHTTP(w, r) })
	c.report.Answer = &Answer{Status: w.code, Fields: w.fields, Size: w.size}
	what := q.Method + " " + q.Target
	switch {
	case said:
		c.add(Finding{Rule: "request", Severity: Error, Place: Place{File: c.file()}, Message: what + ": the answer breaks off", Hint: "what the application says of it stands in the log above"})
	case w.code >= 500:
		c.add(Finding{Rule: "request", Severity: Error, Place: Place{File: c.file()}, Message: fmt.Sprintf("%s: answered with %d %s", what, w.code, http.StatusText(w.code)), Hint: "what the application says of it stands in the log above"})
	}
}

// aborts says whether f gives up an answer in its middle.
func aborts(f func()) (aborted bool) {
	defer func() {
		if r := recover(); r != nil {
			if r != http.ErrAbortHandler {
				panic(r)
			}
			aborted = true
		}
	}()
	f()
	return false
}

// A recorder is a ResponseWriter that keeps the head and counts the body.
type recorder struct {
	fields http.Header
	code   int
	size   int
}

func (r *recorder) Header() http.Header { return r.fields }

func (r *recorder) WriteHeader(code int) {
	if r.code == 0 && code >= 200 {
		r.code = code
	}
}

func (r *recorder) Write(p []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	r.size += len(p)
	return len(p), nil
}

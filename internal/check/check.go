// Package check collects what is wrong with a PasteDeploy file, all of it at
// once: what does not parse, what resolves to nothing, what has no effect, what
// means something else than it seems to say, and what Python raises where it is
// imported and loaded. It knows findings and where they stand, and how they are
// printed; what the rules are is known to the packages below it.
package check

import (
	"cmp"
	"context"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"

	"pasted/internal/placement"
	"pasted/internal/release"
	"pasted/paste"
)

// A Severity says what a finding means for who runs the command.
type Severity string

// The severities: an Error is what serve would refuse or fail with; a Warning,
// what has not the effect that it seems to have; a Note, what is good to know.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
	Note    Severity = "note"
)

// A Place is a span of a line of a file.
type Place struct {
	File string
	// Line and Column count from 1; 0 is the file, or the line, as a whole.
	// Columns count characters, and so does Length.
	Line, Column, Length int
}

// A Related place has to do with a finding.
type Related struct {
	Place
	Message string
}

// A Finding is one thing that is wrong, or good to know.
type Finding struct {
	// Rule is its short and stable name: see Rules.
	Rule     string
	Severity Severity
	Place
	Section string // the text between the brackets, or empty
	Message string
	Hint    string // what the person probably has to do, or empty
	Related []Related
	// Detail are lines to show below it, a traceback say, or empty.
	Detail string
}

// Options say what is checked. File, Stdout, Stderr and Log of Options are
// required; what applications print goes there.
type Options struct {
	release.Options
	// Permissive asks no interpreter, imports nothing and takes every egg for
	// installed.
	Permissive bool
	// NoImport imports nothing; which eggs are installed is asked all the same.
	NoImport bool
	// Request is a method and a target, "GET /path?query", to be sent through
	// the whole stack; nil: none.
	Request *Request
}

// A Report is all that was found in a file.
type Report struct {
	File     string
	Findings []Finding // by file and line, errors first where these are the same
	// Tree is the placement of the application, nil where that does not
	// resolve.
	Tree *placement.Node
	// Loaded says that the application was loaded in a worker.
	Loaded bool
	// Answer is that to Options.Request, nil without one.
	Answer *Answer

	sources *sources
}

// Count returns how many findings have a severity.
func (r *Report) Count(s Severity) int {
	n := 0
	for _, f := range r.Findings {
		if f.Severity == s {
			n++
		}
	}
	return n
}

// Run checks a file. It changes nothing, and what it starts has ended when it
// returns. The error says that there is no file to check, or that ctx has ended.
func Run(ctx context.Context, o Options) (*Report, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	c := &checker{options: o, sources: newSources(os.ReadFile), seen: make(map[key]int), circles: make(map[string]bool)}
	survey, err := release.Look(ctx, release.SurveyOptions{
		Options: o.Options, ReadFile: c.sources.read, Permissive: o.Permissive,
		Mistake: c.mistake, Note: c.liberty, Pitfall: c.pitfall,
	})
	if err != nil {
		return nil, err
	}
	if err := c.sources.unreadable(survey.File); err != nil {
		return nil, err
	}
	c.survey = survey
	c.report = &Report{File: survey.File, sources: c.sources}
	if survey.Plan != nil {
		c.report.Tree = survey.Plan.Tree
	}
	c.reach()
	c.references()
	c.server()
	c.files()
	c.logging()
	c.unreached()
	if !o.Permissive && !o.NoImport && survey.Interpreter != nil {
		c.imports(ctx)
		c.rehearse(ctx)
	}
	c.syntax()
	c.sort()
	c.report.Findings = c.findings
	return c.report, context.Cause(ctx)
}

// A checker is one Run.
type checker struct {
	options  Options
	sources  *sources
	survey   *release.Survey
	report   *Report
	findings []Finding
	seen     map[key]int     // index of the finding
	circles  map[string]bool // that have been told of, by their sections
	// reached are the sections that what is served may have to do with; nil: it
	// is not known.
	reached map[string]bool
	// contexts are the application and all sections that resolve by themselves.
	contexts []*paste.Context
}

// A key tells findings apart.
type key struct {
	place   Place
	message string
}

// add keeps a finding, once: one that is met again, from another section, has
// that one among its related places.
func (c *checker) add(f Finding) {
	k := key{Place{f.File, f.Line, f.Column, 0}, f.Message}
	i, met := c.seen[k]
	if !met {
		c.seen[k] = len(c.findings)
		c.findings = append(c.findings, f)
		return
	}
	if f.Severity == Error {
		c.findings[i].Severity = Error
	}
	for _, r := range f.Related {
		if !slices.Contains(c.findings[i].Related, r) {
			c.findings[i].Related = append(c.findings[i].Related, r)
		}
	}
}

// unloadable says whether there is an error that the application cannot be
// loaded with: any but one of how to listen.
func (c *checker) unloadable() bool {
	return slices.ContainsFunc(c.findings, func(f Finding) bool {
		kind, _, _ := strings.Cut(f.Section, ":")
		return f.Severity == Error && kind != string(paste.ServerKind)
	})
}

// sort puts the checked file's findings first, and each file's in the order of
// the lines.
func (c *checker) sort() {
	rank := map[Severity]int{Error: 0, Warning: 1, Note: 2}
	other := func(f Finding) int {
		if f.File == c.survey.File {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(c.findings, func(a, b Finding) int {
		return cmp.Or(
			cmp.Compare(other(a), other(b)), cmp.Compare(a.File, b.File),
			cmp.Compare(a.Line, b.Line), cmp.Compare(rank[a.Severity], rank[b.Severity]),
		)
	})
}

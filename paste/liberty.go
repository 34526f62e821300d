package paste

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode"

	"pasted/internal/ini"
)

// isDirect says whether ctx is an object named where PasteDeploy knows only
// sections and URIs.
func (ctx *Context) isDirect() bool {
	return ctx.Object != nil && ctx.Object.Style == DirectStyle
}

// mayBeDirect says whether q's name, which PasteDeploy would not find, is to be
// taken as an object's.
func (l *Loader) mayBeDirect(q request) bool {
	if l.r.opts.Strict || q.name == nil {
		return false
	}
	_, ok := directObject(*q.name)
	return ok && !knownScheme(*q.name) && len(l.file.candidates(q.kind, q.name)) == 0
}

// directObject reads "package.module:attribute".
func directObject(name string) (*Object, bool) {
	module, attr, found := strings.Cut(name, ":")
	if !found || !isDotted(module) || !isDotted(attr) || isFileName(attr) {
		return nil, false
	}
	return &Object{Style: DirectStyle, Module: module, Attr: attr}, true
}

// isFileName says whether what follows a colon looks like a configuration file,
// so that what stands before it is a misspelled scheme.
func isFileName(name string) bool {
	return slices.Contains([]string{".ini", ".cfg", ".conf"}, path.Ext(name))
}

// isDotted says whether name is identifiers of Python with dots between them.
func isDotted(name string) bool {
	for part := range strings.SplitSeq(name, ".") {
		notWord := func(r rune) bool { return !isWord(r) }
		if part == "" || unicode.IsNumber([]rune(part)[0]) || strings.ContainsFunc(part, notWord) {
			return false
		}
	}
	return true
}

// direct resolves q's name as an object's.
func (l *Loader) direct(q request) (*Context, *Error) {
	object, _ := directObject(*q.name)
	l.r.note(q.from, fmt.Sprintf("taken as %s of the Python module %s; PasteDeploy knows sections, "+
		"config:, egg: and call: only", object.Attr, object.Module))
	if err := l.r.imported(q.from, object); err != nil {
		return nil, err
	}
	return l.object(q, object, protocols(q.kind)[0][0]), nil
}

// choose decides between a pipeline and the application at its end that has the
// same name: whoever asks from outside means the pipeline, and whoever asks from
// within it, the application. It is nil for any other ambiguity.
func (l *Loader) choose(q request, possible []*ini.Section) *ini.Section {
	pipeline := slices.IndexFunc(possible, isPipeline)
	if l.r.opts.Strict || len(possible) != 2 || pipeline < 0 {
		return nil
	}
	chosen, other := possible[pipeline], possible[1-pipeline]
	if !l.endsWithItself(chosen) {
		return nil
	}
	if q.at.inside(l.file.abs, chosen.Name) {
		chosen, other = other, chosen
	}
	from := q.from
	if from.option == "" {
		from = origin{pos: l.file.position(chosen.Line), section: chosen.Name}
	}
	l.r.note(from, fmt.Sprintf("taken as [%s] (line %d), not [%s] (line %d); PasteDeploy calls that ambiguous",
		chosen.Name, chosen.Line, other.Name, other.Line))
	return chosen
}

func isPipeline(s *ini.Section) bool { return strings.HasPrefix(s.Name, "pipeline:") }

// endsWithItself says whether a pipeline's application is called as people call
// the one that has the pipeline's name: app, main, or by that name.
func (l *Loader) endsWithItself(pipeline *ini.Section) bool {
	value, _, err := l.file.Get(pipeline.Name, "pipeline")
	words := ini.Fields(value)
	if err != nil || len(words) == 0 {
		return false
	}
	last := words[len(words)-1]
	return last == "app" || last == "main" || "pipeline:"+last == pipeline.Name
}

// lastOfPipeline lets `app` at the end of a pipeline mean [app:main] where no
// application is called app.
func (res *resolution) lastOfPipeline(q request) request {
	file := res.l.file
	if res.l.r.opts.Strict || *q.name != "app" || len(file.candidates(AppKind, q.name)) > 0 {
		return q
	}
	name := "main"
	mains := slices.DeleteFunc(file.candidates(AppKind, &name), func(s *ini.Section) bool {
		return isPipeline(s) || strings.HasPrefix(s.Name, "filter-app:") || q.at.inside(file.abs, s.Name)
	})
	if len(mains) == 1 {
		q.section = mains[0]
		res.l.r.note(q.from, fmt.Sprintf("taken as [%s] (line %d); PasteDeploy wants a section [app:app]",
			mains[0].Name, mains[0].Line))
	}
	return q
}

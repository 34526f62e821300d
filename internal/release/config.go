package release

import (
	"os"
	"strings"

	"pasted/internal/ini"
	"pasted/internal/outcome"
	"pasted/paste"
)

// ConfigOptions say which section Config looks at.
type ConfigOptions struct {
	// Target is FILE or FILE#NAME as serve takes it. NAME is what it is for
	// PasteDeploy, the name of a section of Kind, or the text between the
	// brackets of any section.
	Target string
	Kind   paste.Kind
	Vars   *paste.Conf
}

// A Section is one section of a file, resolved.
type Section struct {
	Name string // the text between the brackets
	Pos  paste.Position
	// Type is what it is, and Factory what makes it, as the file names that;
	// empty where PasteDeploy does not know the section, or others make it.
	Type    paste.Type
	Factory string
	// Parts are the sections that it consists of: a pipeline's filters and
	// its application, a filter and what it stands before.
	Parts []string
	// Options are the section's own, those of what it uses included, and
	// Global the global conf that goes with them. Both are interpolated.
	Options, Global []Setting
	// Dropped are options that stand in the section and are none, because a
	// default, or what was passed in, has their name: PasteDeploy's rule.
	Dropped []Setting
	// Notes are the liberties taken with the file.
	Notes []string
}

// A Setting is an option and where it comes from.
type Setting struct {
	Name, Value string
	// Pos is the zero Position for what stands in no file. Origin then says
	// what it is: "passed in", "the file's place" of here and __file__, or
	// "pserve's" of what pserve passes in.
	Pos    paste.Position
	Origin string
}

// Config resolves one section as serve does, with all eggs taken for installed:
// it imports nothing and asks no interpreter. The error is a *paste.Error.
func Config(o ConfigOptions) (*Section, error) {
	t, err := parseTarget(o.Target)
	if err != nil {
		return nil, err
	}
	vars, given := pserveVars(t, o.Vars), t.options.Clone()
	given.Update(o.Vars)
	loader, err := paste.Open(t.file, paste.Options{GlobalConf: vars})
	if err != nil {
		return nil, err
	}
	kind, name := o.Kind, t.name
	if k, rest, ok := kindOfSection(loader, t.name); ok {
		kind, name = k, rest
	} else if own, err := loader.Section(t.name); err != nil || own != nil && strings.Contains(t.name, ":") {
		return plainSection(loader, t.name, own, given), err
	}
	section := new(Section)
	ctx, err := paste.Resolve(kind, t.uri(), paste.Options{
		Name: nameOrNil(name), GlobalConf: vars, EntryPoints: outcome.WellKnown(), Assume: true,
		Notes: func(n paste.Note) { section.Notes = append(section.Notes, n.String()) },
	})
	if err != nil {
		if own, _ := loader.Section(t.name); own != nil {
			return plainSection(loader, t.name, own, given), nil
		}
		return nil, err
	}
	section.fill(ctx, given)
	section.Dropped = dropped(t.file, ctx, given)
	return section, nil
}

// kindOfSection says what a section is, by its text, and what it is called.
func kindOfSection(loader *paste.Loader, text string) (kind paste.Kind, name string, ok bool) {
	prefix, name, found := strings.Cut(text, ":")
	own, err := loader.Section(text)
	if !found || own == nil && err == nil {
		return "", "", false
	}
	switch prefix {
	case "app", "application", "composite", "composit", "pipeline", "filter-app":
		kind = paste.AppKind
	case "filter":
		kind = paste.FilterKind
	case "server":
		kind = paste.ServerKind
	}
	return kind, strings.TrimSpace(name), kind != ""
}

// plainSection is a section that PasteDeploy does not resolve.
func plainSection(loader *paste.Loader, name string, own, given *paste.Conf) *Section {
	section := &Section{Name: name, Options: settings(own, given)}
	for _, s := range loader.Sections() {
		if s.Name == name {
			section.Pos = s.Pos
		}
	}
	return section
}

// fill describes ctx.
func (s *Section) fill(ctx *paste.Context, given *paste.Conf) {
	s.Name, s.Pos, s.Type = ctx.Section, ctx.Pos, ctx.Type
	if ctx.Object != nil {
		s.Factory = ctx.Object.Named()
	}
	for _, part := range append(ctx.Filters, ctx.Filter, ctx.App, ctx.Next) {
		switch {
		case part == nil:
		case part.Section != "":
			s.Parts = append(s.Parts, "["+part.Section+"]")
		default:
			s.Parts = append(s.Parts, part.Object.Named())
		}
	}
	s.Options, s.Global = settings(ctx.LocalConf, given), settings(ctx.GlobalConf, given)
}

// dropped returns the options of ctx's section that a default hides, as they
// stand: PasteDeploy does not read them.
func dropped(file string, ctx *paste.Context, given *paste.Conf) []Setting {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil // it has been read before, and would have failed there
	}
	parsed, err := ini.Parse(file, data)
	if err != nil || parsed.Section(ctx.Section) == nil {
		return nil
	}
	hidden := new(paste.Conf)
	for _, o := range parsed.Section(ctx.Section).Options() {
		_, local := ctx.LocalConf.Get(o.Name)
		if _, global := ctx.GlobalConf.Get(o.Name); global && !local {
			hidden.SetAt(o.Name, o.Raw, paste.Position{File: file, Line: o.Line})
		}
	}
	return settings(hidden, given)
}

func settings(conf, given *paste.Conf) []Setting {
	list := make([]Setting, 0, conf.Len())
	for name, value := range conf.All() {
		list = append(list, Setting{name, value, conf.Pos(name), originOf(name, conf.Pos(name), given)})
	}
	return list
}

// originOf says where a value comes from that stands at pos.
func originOf(name string, pos paste.Position, given *paste.Conf) string {
	_, passed := given.Get(name)
	switch {
	case pos != (paste.Position{}):
		return ""
	case passed:
		return "passed in"
	case name == scriptVariable:
		return "pserve's"
	}
	return "the file's place"
}

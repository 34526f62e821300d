package httpd

import (
	"slices"
	"strings"

	"pasted/internal/setting"
	"pasted/internal/spelling"
	"pasted/paste"
)

// ParseServer reads a server's section. A nil ctx, no section at all, is
// egg:pasted#http without options, with a note. The error is a *setting.Error
// with every mistake of the section; the notes beside it are those of the other
// options. It looks nothing up and binds nothing.
func ParseServer(ctx *paste.Context) (Config, []Note, error) {
	if ctx == nil {
		return Defaults(), []Note{{Text: "no server section: listening on " + Defaults().Listen[0].String()}}, nil
	}
	s, ok := find(eggOf(ctx), objectOf(ctx))
	switch {
	case !ok:
		return Config{}, nil, unknownServer(ctx)
	case s.refused != "":
		return Config{}, nil, &setting.Error{Mistakes: []setting.Mistake{mistaken(ctx, s.refused)}}
	}
	d := newDraft(&s, ctx)
	for _, o := range s.options {
		d.apply(o)
	}
	if s.lenient {
		d.noteUnknown()
	} else {
		d.Unknown()
	}
	if s.finish != nil {
		s.finish(d)
	}
	d.bind()
	slices.SortStableFunc(d.notes, func(a, b Note) int { return a.Line - b.Line })
	if err := d.Err(); err != nil {
		return Config{}, d.notes, err
	}
	return d.Config.withDefaults(), d.notes, nil
}

// eggOf returns "Distribution#name", or nothing for another kind of object.
func eggOf(ctx *paste.Context) string {
	switch {
	case ctx.Distribution != "" && ctx.EntryPointName != "":
		return ctx.Distribution + "#" + ctx.EntryPointName
	case ctx.Object != nil && ctx.Object.Egg != "":
		return ctx.Object.Egg
	}
	return ""
}

// objectOf returns "module:attribute" of the Python object, if it is known.
func objectOf(ctx *paste.Context) string {
	if ctx.Object == nil || ctx.Object.Module == "" {
		return ""
	}
	return ctx.Object.Module + ":" + ctx.Object.Attr
}

// servable returns the URIs of the servers that are served, ours first.
func servable() []string {
	var names []string
	for _, s := range servers() {
		if s.refused == "" {
			names = append(names, "egg:"+s.egg)
		}
	}
	return names
}

// unknownServer is the mistake of naming a server that is not served.
func unknownServer(ctx *paste.Context) error {
	m := mistaken(ctx, "want "+strings.Join(servable(), ", ")+": servers written in Python are not run, these stand in for them")
	if egg := eggOf(ctx); egg != "" {
		m.Near = nearServer(egg)
	}
	return &setting.Error{Mistakes: []setting.Mistake{m}}
}

// nearServer returns the URI of the server that egg, "Distribution#name", was
// probably meant to be: of a distribution called so, or nearly. Empty: none.
func nearServer(egg string) string {
	var distributions []string
	uris := make(map[string]string)
	for _, uri := range servable() {
		name, _, _ := strings.Cut(strings.TrimPrefix(uri, "egg:"), "#")
		if uris[name] == "" {
			distributions = append(distributions, name)
			uris[name] = uri
		}
	}
	asked, _, _ := strings.Cut(egg, "#")
	near := spelling.Nearest(asked, distributions)
	switch {
	case uris[asked] != "":
		return uris[asked]
	case near != "" && strings.EqualFold(near[:1], asked[:1]): // uvicorn is no slip of gunicorn
		return uris[near]
	}
	return ""
}

// mistaken is a mistake about what server the section names, where it does so.
func mistaken(ctx *paste.Context, want string) setting.Mistake {
	pos := ctx.Named
	if pos.Line == 0 {
		pos = ctx.Pos
	}
	m := setting.Mistake{
		File: pos.File, Line: pos.Line, Section: ctx.Section,
		Option: "use", Text: objectOf(ctx), Want: want,
	}
	if egg := eggOf(ctx); egg != "" {
		m.Text = "egg:" + egg
	} else if ctx.Object != nil && ctx.Object.Style == paste.FactoryStyle && ctx.Protocol != "" {
		m.Option = ctx.Protocol
	}
	return m
}

func newDraft(s *server, ctx *paste.Context) *draft {
	d := &draft{server: s, section: ctx.Section, file: ctx.Pos.File}
	d.Config = Config{
		Server: s.egg, URLScheme: "http", UnixPerms: defaultUnixPerms,
		Threads: s.threads, Workers: s.workers,
	}.withDefaults()
	if s.unix != 0 {
		d.UnixPerms = s.unix
	}
	var options []setting.Option
	for name, value := range ctx.LocalConf.All() {
		pos := ctx.LocalConf.Pos(name)
		o := setting.Option{Name: name, Value: value, Line: pos.Line, File: pos.File}
		if s.dashes {
			o.Name = strings.ReplaceAll(lower(name), "-", "_")
		}
		options = append(options, o)
	}
	d.Reader = setting.NewReader(d.file, d.section, options)
	return d
}

// apply reads the options of one row, or notes that they are there.
func (d *draft) apply(o option) {
	for name := range strings.FieldsSeq(o.names) {
		switch {
		case o.read != nil:
			o.read(d, name)
		case d.Has(name):
			d.note(name, o.note)
		}
	}
}

// noteUnknown notes the options that the original server would not look at.
func (d *draft) noteUnknown() {
	var known []string
	for _, o := range d.server.options {
		known = append(known, strings.Fields(o.names)...)
	}
	for _, o := range d.Unused() {
		text := "no effect: " + quoted(d.server.egg) + " does not know it"
		if near := spelling.Nearest(o.Name, known); near != "" {
			text += ": did you mean \"" + near + "\"?"
		}
		d.note(o.Name, text)
	}
}

func lower(text string) string { return strings.ToLower(strings.TrimSpace(text)) }

func trimSlashes(path string) string { return strings.Trim(strings.TrimSpace(path), "/") }

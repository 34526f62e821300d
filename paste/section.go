package paste

import (
	"strings"

	"pasted/internal/ini"
)

// A resolution turns one section into a context.
type resolution struct {
	l    *Loader // of the section's file, within the section
	kind Kind
	s    *ini.Section

	global    *Conf // the defaults, what was passed in, the sets
	local     *Conf
	additions *Conf // the sets alone
}

// context is PasteDeploy's ConfigLoader.get_context.
func (l *Loader) context(q request) (*Context, *Error) {
	if q.name != nil && isURI(*q.name) {
		return l.loadURI(q)
	}
	if q.at.tooDeep() {
		return nil, q.at.recursionError(q.from)
	}
	s, err := l.find(q)
	if err != nil {
		return nil, err
	}
	if s == nil {
		return l.direct(q)
	}
	at := q.at.pushed(l.file.abs, s.Name, q.from)
	res := &resolution{l: l.inside(at), kind: q.kind, s: s}
	if err := res.read(q.conf); err != nil {
		return nil, err
	}
	return res.context()
}

// loadURI resolves a URI that stands in l's file.
func (l *Loader) loadURI(q request) (*Context, *Error) {
	uri := *q.name
	if !knownScheme(uri) && l.mayBeDirect(q) {
		return l.direct(q)
	}
	q.name = nil
	return l.r.load(q, uri, ini.Dir(l.file.Name))
}

// read fills in the configurations.
func (res *resolution) read(passed *Conf) *Error {
	file := res.l.file
	defaults, err := file.DefaultValues()
	if err != nil {
		return file.misread(err)
	}
	res.global, res.additions = new(Conf), new(Conf)
	res.local = &Conf{owner: res.s.Name, header: file.position(res.s.Line)}
	for _, d := range defaults {
		res.global.set(d.Name, res.value(d.Value, file.Defaults().Option(d.Name), ini.DefaultSection))
	}
	res.global.Update(passed)
	gets := new(Conf)
	for _, o := range file.Options(res.s.Name) {
		if err := res.readOption(o, gets); err != nil {
			return err
		}
	}
	for name, global := range gets.All() {
		value, ok := res.global.Get(global)
		if !ok {
			return res.missingGlobal(name, global, gets.Pos(name))
		}
		res.local.set(name, confValue{value, gets.Pos(name), res.s.Name})
	}
	return nil
}

// readOption puts one option where it belongs. One that has the name of a
// default is PasteDeploy's to drop unread, the section's own value too.
func (res *resolution) readOption(o *ini.Option, gets *Conf) *Error {
	file := res.l.file
	set, isSet := strings.CutPrefix(o.Name, "set ")
	get, isGet := strings.CutPrefix(o.Name, "get ")
	if !isSet && !isGet && file.Defaults().Option(o.Name) != nil {
		res.dropped(o)
		return nil
	}
	value, err := file.Interpolate(res.s.Name, o)
	if err != nil {
		return file.misread(err)
	}
	switch v := res.value(value, o, res.s.Name); {
	case isSet:
		name := ini.TrimSpace(set)
		res.global.set(name, v)
		res.additions.set(name, v)
	case isGet:
		gets.set(ini.TrimSpace(get), v)
	default:
		res.local.set(o.Name, v)
	}
	return nil
}

// value returns the value of an option of a section, with no place if it stands
// in no line.
func (res *resolution) value(text string, o *ini.Option, section string) confValue {
	if o.Line == 0 {
		return confValue{text: text}
	}
	return confValue{text, res.l.file.position(o.Line), section}
}

// context makes the context of what has been read.
func (res *resolution) context() (*Context, *Error) {
	wrapper, wrapped := "", false
	var from origin
	if res.kind != ServerKind {
		wrapper, from, wrapped = res.take("filter-with")
	}
	if err := res.require(); err != nil {
		return nil, err
	}
	ctx, err := res.own()
	if err != nil || !wrapped {
		return ctx, err
	}
	res.filtered(ctx, from)
	outer := res.bare(FilteredWith)
	outer.Filter, err = res.l.context(res.request(FilterKind, wrapper, from))
	outer.Next = ctx
	return outer, err
}

// own makes the context without the filter around it.
func (res *resolution) own() (*Context, *Error) {
	switch {
	case strings.HasPrefix(res.s.Name, "filter-app:"):
		return res.filterApp()
	case strings.HasPrefix(res.s.Name, "pipeline:"):
		return res.pipeline()
	}
	return res.used(res.kind)
}

// used makes the context by `use`, or without one by an explicit factory.
func (res *resolution) used(kind Kind) (*Context, *Error) {
	if _, ok := res.local.Get("use"); ok {
		return res.use(kind)
	}
	return res.explicit(kind)
}

// take takes an option out of the local ones and says where it stands.
func (res *resolution) take(option string) (value string, from origin, ok bool) {
	value, ok = res.local.Get(option)
	from = origin{
		pos: res.local.Pos(option), section: res.s.Name,
		option: option, text: value, using: option == "use",
	}
	res.local.Delete(option)
	return value, from, ok
}

// request asks for what a name of this section means.
func (res *resolution) request(kind Kind, name string, from origin) request {
	return request{kind: kind, name: &name, conf: res.global, from: from, at: res.l.at}
}

// bare returns a context that refers to others. It shares its configurations
// with those of its parts that have the same, as in PasteDeploy: what an outer
// section adds to it is theirs as well.
func (res *resolution) bare(t Type) *Context {
	return &Context{
		Type:       t,
		GlobalConf: res.global,
		LocalConf:  res.local,
		Loader:     res.l,
		Section:    res.s.Name,
		Pos:        res.l.file.position(res.s.Line),
	}
}

// require checks that the distributions are installed which the section wants.
func (res *resolution) require() *Error {
	value, from, ok := res.take("require")
	if !ok {
		return nil
	}
	for _, word := range ini.Fields(value) {
		native, err := res.l.r.installed(from, word)
		if err != nil {
			return err
		}
		if native {
			res.l.r.noteNative(from, word)
		}
	}
	return nil
}

// pipeline is PasteDeploy's _pipeline_app_context. The application is resolved
// before the filters: of several mistakes the application's is reported.
func (res *resolution) pipeline() (*Context, *Error) {
	value, from, ok := res.take("pipeline")
	if !ok {
		return nil, res.missingSetting("pipeline", "filters and an application")
	}
	if res.local.Len() > 0 {
		return nil, res.extraSettings()
	}
	names := ini.Fields(value)
	if len(names) == 0 {
		return nil, emptyPipeline(from)
	}
	ctx := res.bare(Pipeline)
	last := len(names) - 1
	var err *Error
	q := res.request(AppKind, names[last], res.word(from, last, names[last]))
	if ctx.App, err = res.l.context(res.lastOfPipeline(q)); err != nil {
		return nil, err
	}
	ctx.Filters = make([]*Context, last)
	for i, name := range names[:last] {
		q := res.request(FilterKind, name, res.word(from, i, name))
		if ctx.Filters[i], err = res.l.context(q); err != nil {
			return nil, err
		}
	}
	return ctx, nil
}

// word narrows from to the i-th word of its value: interpolation may have put
// it there, so the line is the option's unless the word stands in another.
func (res *resolution) word(from origin, i int, word string) origin {
	from.text = word
	o := res.l.file.Lookup(res.s.Name, from.option)
	if o == nil {
		return from
	}
	for _, line := range o.Lines {
		words := ini.Fields(line.Text)
		if i < len(words) {
			if words[i] == word {
				from.pos = res.l.file.position(line.Number)
			}
			return from
		}
		i -= len(words)
	}
	return from
}

// filterApp is PasteDeploy's _filter_app_context.
func (res *resolution) filterApp() (*Context, *Error) {
	next, from, ok := res.take("next")
	if !ok {
		return nil, res.missingSetting("next", "an application")
	}
	ctx := res.bare(FilterApp)
	var err *Error
	if ctx.Next, err = res.l.context(res.request(AppKind, next, from)); err != nil {
		return nil, err
	}
	ctx.Filter, err = res.used(FilterKind)
	return ctx, err
}

// use is PasteDeploy's _context_from_use: the context of what is used, with
// this section's options and sets put over it.
func (res *resolution) use(kind Kind) (*Context, *Error) {
	name, from, _ := res.take("use")
	ctx, err := res.l.context(res.request(kind, name, from))
	if err != nil {
		return nil, err
	}
	res.lost(ctx, from)
	ctx.GlobalConf.Update(res.additions)
	ctx.LocalConf.Update(res.local)
	if file, ok := res.global.Get("__file__"); ok {
		ctx.GlobalConf.set("__file__", confValue{file, res.global.Pos("__file__"), res.global.Section("__file__")})
	}
	ctx.Loader = res.l.taking(ctx)
	if ctx.Protocol == "" || ctx.Section == "" && ctx.isDirect() {
		ctx.Protocol = res.protocol(ctx)
	}
	ctx.Section, ctx.Pos, ctx.Named = res.s.Name, res.l.file.position(res.s.Line), from.pos
	ctx.LocalConf.owner, ctx.LocalConf.header = ctx.Section, ctx.Pos
	return ctx, nil
}

// protocol is what a section's prefix makes of something that has none. That
// of a filter-app exists only for what PasteDeploy does not know.
func (res *resolution) protocol(ctx *Context) string {
	prefix, _, _ := strings.Cut(res.s.Name, ":")
	switch prefix {
	case "app", "application":
		return appFactory
	case "composite", "composit":
		return compositFactory
	case "filter-app":
		if ctx.isDirect() {
			return filterFactory
		}
	}
	return "paste." + prefix + "_factory"
}

// explicit is PasteDeploy's _context_from_explicit.
func (res *resolution) explicit(kind Kind) (*Context, *Error) {
	var found []string
	for _, group := range protocols(kind) {
		for _, protocol := range group {
			if _, ok := res.local.Get(protocol); ok {
				found = append(found, protocol)
				break
			}
		}
	}
	switch len(found) {
	case 0:
		return nil, res.noLoader(kind)
	case 1:
	default:
		return nil, res.severalProtocols(found)
	}
	value, from, _ := res.take(found[0])
	object, err := reference(from, value)
	if err != nil {
		return nil, err
	}
	object.Style = FactoryStyle
	if err := res.l.r.imported(from, object); err != nil {
		return nil, err
	}
	ctx := res.bare(contextType(kind))
	ctx.Protocol, ctx.Object, ctx.Named = found[0], object, from.pos
	return ctx, nil
}

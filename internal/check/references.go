package check

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"pasted/internal/httpd"
	"pasted/internal/ini"
	"pasted/internal/setting"
	"pasted/paste"
)

// kinds are PasteDeploy's prefixes.
var kinds = map[string]paste.Kind{
	"app": paste.AppKind, "application": paste.AppKind, "composite": paste.AppKind, "composit": paste.AppKind,
	"pipeline": paste.AppKind, "filter-app": paste.AppKind, "filter": paste.FilterKind, "server": paste.ServerKind,
}

// kindOf says by a header what is loaded by which name, if anything is.
func kindOf(header string) (kind paste.Kind, name string, ok bool) {
	prefix, name, found := strings.Cut(header, ":")
	kind, ok = kinds[prefix]
	return kind, ini.TrimSpace(name), found && ok
}

// parsed is the checked file, mended; nil where it could not be.
func (c *checker) parsed() *ini.File { return c.sources.get(c.survey.File).parsed }

// references resolves each section by itself.
func (c *checker) references() {
	if c.parsed() == nil {
		return
	}
	if c.survey.App != nil {
		c.contexts = append(c.contexts, c.survey.App)
	}
	for _, s := range c.parsed().Sections() {
		if kind, name, ok := kindOf(s.Name); ok && !invented(s.Name) {
			c.reference(s, kind, name)
		}
	}
}

func (c *checker) reference(s *ini.Section, kind paste.Kind, name string) {
	by := &Related{c.sources.place(c.survey.File, s.Line, ""), "met through [" + s.Name + "]"}
	options := c.survey.Resolving
	options.Name, options.Pitfalls = &name, c.pitfall
	options.Notes = c.liberty
	if kind == paste.ServerKind {
		options.EntryPoints, options.Assume, options.Native = c.survey.ServerEggs(), false, nil
	}
	for range mostMends {
		ctx, err := paste.Resolve(kind, c.survey.URI, options)
		var e *paste.Error
		switch {
		case errors.As(err, &e):
			c.resolveError(e, by, c.severity(s.Name))
			if ruleOf(e) == "interpolation" && c.sources.escape(e.Pos.File, e.Pos.Line) {
				continue // there may be more that is wrong
			}
		case err != nil:
			c.mistake(err)
		default:
			c.contexts = append(c.contexts, ctx)
			if kind != paste.ServerKind {
				c.children(ctx, by, c.severity(s.Name))
			}
		}
		return
	}
}

// severity is that of what is wrong with a section: what is not served does not
// keep the rest from being served.
func (c *checker) severity(section string) Severity {
	if c.reached != nil && !c.reached[section] {
		return Warning
	}
	return Error
}

// children resolves what a composite of Paste's refers to, which PasteDeploy
// does when it is created. Of others only they themselves know it.
func (c *checker) children(ctx *paste.Context, by *Related, severity Severity) {
	for _, part := range partsOf(ctx) {
		c.children(part, by, severity)
	}
	if !strings.HasPrefix(ctx.Protocol, "paste.composit") || ctx.Object == nil || ctx.Loader == nil {
		return
	}
	egg := strings.ToLower(ctx.Object.Egg)
	for name, value := range ctx.LocalConf.All() {
		if egg == "paste#urlmap" && name != "not_found_app" || egg == "paste#cascade" && strings.HasPrefix(name, "app") {
			_, err := ctx.Loader.Context(paste.AppKind, &value, ctx.GlobalConf)
			var e *paste.Error
			if errors.As(err, &e) {
				c.resolveError(e, by, severity)
			}
		}
	}
}

// partsOf returns what a context consists of.
func partsOf(ctx *paste.Context) []*paste.Context {
	parts := append(slices.Clone(ctx.Filters), ctx.Filter, ctx.App, ctx.Next)
	return slices.DeleteFunc(parts, func(p *paste.Context) bool { return p == nil })
}

// server looks at the options of the servers: of the one that is chosen, and
// what is wrong with the others.
func (c *checker) server() {
	for _, n := range c.survey.ServerNotes {
		c.serverNote(n)
	}
	for _, n := range c.survey.Warnings {
		c.warning(n)
	}
	for _, ctx := range c.contexts {
		if ctx.Type != paste.Server {
			continue
		}
		_, notes, err := httpd.ParseServer(ctx)
		var settings *setting.Error
		if errors.As(err, &settings) {
			for _, m := range settings.Mistakes {
				c.settingError(m, c.severity(ctx.Section))
			}
		}
		for _, n := range notes {
			c.serverNote(n)
		}
	}
}

// warning takes in a line "file:line: [section] text" of release's, unless it is
// a server's, which is known in parts.
func (c *checker) warning(text string) {
	for _, n := range c.survey.ServerNotes {
		if n.String() == text {
			return
		}
	}
	f := Finding{Rule: "setting", Severity: Warning, Place: Place{File: c.survey.File}, Message: text}
	if rest, ok := strings.CutPrefix(text, c.survey.File+":"); ok {
		number, message, _ := strings.Cut(rest, ": [pserve] ")
		line := 0
		for _, digit := range number {
			line = line*10 + int(digit-'0')
		}
		option, _, _ := strings.Cut(message, ":")
		f.Place, f.Section, f.Message = c.sources.place(c.survey.File, line, option), "pserve", message
	}
	c.add(f)
}

// files looks at the text of each file that was read.
func (c *checker) files() {
	for _, name := range slices.Clone(c.sources.names) {
		options := paste.Options{ReadFile: c.sources.read}
		if name == c.survey.File {
			options.GlobalConf = c.survey.Resolving.GlobalConf
		}
		loader, err := paste.Open(name, options)
		if err != nil {
			continue // told by whoever has named it
		}
		for _, p := range loader.Pitfalls() {
			c.pitfall(p)
		}
	}
}

// reach finds out which sections what is served may have to do with: those that
// it consists of, and those that a word in one of them names, for what a
// composite makes of its options is its own.
func (c *checker) reach() {
	file := c.parsed()
	start, err := c.survey.AppSection()
	if file == nil || err != nil {
		return
	}
	c.reached = map[string]bool{start: true}
	if s := c.survey.ServerSection; s != nil {
		c.reached[s.Section] = true
	} else {
		c.reached["server:"+cmp.Or(c.options.ServerName, "main")] = true
	}
	c.mark(c.survey.App)
	for changed := true; changed; {
		changed = false
		words := c.words()
		for _, s := range file.Sections() {
			_, name, ok := kindOf(s.Name)
			if ok && !c.reached[s.Name] && (words[name] || words["#"+name]) {
				c.reached[s.Name], changed = true, true
			}
		}
	}
}

// mark marks the sections of the checked file that ctx consists of.
func (c *checker) mark(ctx *paste.Context) {
	if ctx == nil {
		return
	}
	if ctx.Pos.File == c.survey.File {
		c.reached[ctx.Section] = true
	}
	for _, part := range partsOf(ctx) {
		c.mark(part)
	}
}

// unreached tells of sections that nothing of what is served refers to.
func (c *checker) unreached() {
	if c.reached == nil {
		return
	}
	for _, s := range c.parsed().Sections() {
		kind, name, ok := kindOf(s.Name)
		if ok && kind != paste.ServerKind && !c.reached[s.Name] && !invented(s.Name) {
			hint := "it does no harm"
			if kind == paste.AppKind {
				hint += "; #" + name + " behind the file's name, or --app-name " + name + ", serves it"
			}
			c.add(Finding{
				Rule: "unreached", Severity: Note, Section: s.Name, Place: c.sources.place(c.survey.File, s.Line, s.Name),
				Message: "nothing of what is served refers to [" + s.Name + "]", Hint: hint,
			})
		}
	}
}

// words are those of all values of the sections that are reached, and of the
// defaults; "#name" for what stands behind a #.
func (c *checker) words() map[string]bool {
	words := make(map[string]bool)
	file := c.parsed()
	for _, s := range append(slices.Clone(file.Sections()), file.Defaults()) {
		if !c.reached[s.Name] && s != file.Defaults() {
			continue
		}
		for _, o := range s.Options() {
			text, err := file.Interpolate(s.Name, o)
			if err != nil {
				text = o.Raw
			}
			words[ini.TrimSpace(text)] = true
			for _, word := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" \t\n\r,;\"'()[]", r) }) {
				words[word] = true
				if _, name, ok := strings.Cut(word, "#"); ok {
					words["#"+name] = true
				}
			}
		}
	}
	return words
}

package paste

import (
	"fmt"
	"slices"
	"strings"

	"pasted/internal/ini"
)

// noSectionHint guesses what a name that no section has was meant to be. The
// first guesses are those with a cause in the file, the last is a likeness.
func (l *Loader) noSectionHint(q request, name string) string {
	for _, guess := range []func(request, string) string{
		l.commentInName, l.newlineInName, l.oddPipeline,
		l.swallowedHeader, l.unclosedHeader, l.bareSection, l.oddHeader, l.otherKind, l.nearSection, l.allSections,
	} {
		if hint := guess(q, name); hint != "" {
			return hint
		}
	}
	return ""
}

func (l *Loader) commentInName(_ request, name string) string {
	for _, mark := range []string{" #", " ;", "\t#", "\t;"} {
		if before, _, ok := strings.Cut(name, mark); ok {
			return fmt.Sprintf("a comment at the end of a line is part of the value: write %q alone", ini.TrimSpace(before))
		}
	}
	return ""
}

func (l *Loader) newlineInName(q request, name string) string {
	if strings.HasPrefix(name, "\n") && q.from.option != "" {
		return fmt.Sprintf("a value that begins on the next line begins with a line end: write %s = %s in one line",
			q.from.option, ini.TrimSpace(name))
	}
	return ""
}

// oddPipeline looks for what became words of a pipeline though it was meant for
// something else.
func (l *Loader) oddPipeline(q request, name string) string {
	if q.from.option != "pipeline" {
		return ""
	}
	if strings.Contains(name, ",") {
		return "a pipeline's words are separated by spaces, not by commas"
	}
	o := l.file.Lookup(q.from.section, "pipeline")
	if o == nil {
		return ""
	}
	for i, line := range o.Lines {
		if i > 0 && strings.Contains(line.Text, "=") {
			return fmt.Sprintf("line %d is indented and so became part of the pipeline above it", line.Number)
		}
		if containsWord(line.Text, "#") || containsWord(line.Text, ";") {
			return fmt.Sprintf("a comment at the end of a line is part of the value: put the one of line %d on a line of its own", line.Number)
		}
	}
	return ""
}

// swallowedHeader looks for a header that is part of the value above it,
// because it is indented.
func (l *Loader) swallowedHeader(q request, name string) string {
	for o := range l.file.eachOption() {
		for _, line := range o.Lines[min(1, len(o.Lines)):] {
			header, ok := strings.CutPrefix(line.Text, "[")
			if end := strings.LastIndexByte(header, ']'); ok && end > 0 && fits(q.kind, header[:end], name) {
				return fmt.Sprintf("line %d, [%s], is indented and so became part of the value of %q above it",
					line.Number, header[:end], o.Name)
			}
		}
	}
	return ""
}

// unclosedHeader looks for a header without its closing bracket, which is an
// option.
func (l *Loader) unclosedHeader(q request, name string) string {
	for o := range l.file.eachOption() {
		header, ok := strings.CutPrefix(o.Name, "[")
		if ok && len(o.Lines) > 0 && fits(q.kind, header+":"+o.Lines[0].Text, name) {
			return fmt.Sprintf("line %d, [%s:%s, has no closing bracket", o.Line, header, o.Lines[0].Text)
		}
	}
	return ""
}

// unclosedAmong looks for a header without its closing bracket among options.
func (l *Loader) unclosedAmong(keys []string) string {
	for o := range l.file.eachOption() {
		if strings.HasPrefix(o.Name, "[") && slices.Contains(keys, o.Name) {
			return fmt.Sprintf("line %d, %s, is an option: a header has a closing bracket", o.Line, o.Name)
		}
	}
	return ""
}

// fits says whether a section of that header would be name.
func fits(kind Kind, header, name string) bool {
	prefix, rest, ok := strings.Cut(header, ":")
	return ok && slices.Contains(slices.Concat(prefixes(kind)...), prefix) && ini.TrimSpace(rest) == name
}

func (l *Loader) bareSection(q request, name string) string {
	if name != "main" {
		return ""
	}
	for _, prefix := range slices.Concat(prefixes(q.kind)...) {
		if s := l.file.Section(prefix); s != nil {
			return fmt.Sprintf("[%s] in line %d has no name: write [%s:main]", prefix, s.Line, prefix)
		}
	}
	return ""
}

// oddHeader looks for a header that is right but for case or space.
func (l *Loader) oddHeader(q request, name string) string {
	for _, s := range l.file.Sections() {
		prefix, rest, _ := strings.Cut(s.Name, ":")
		folded := strings.ToLower(ini.TrimSpace(prefix))
		same := strings.EqualFold(ini.TrimSpace(rest), ini.TrimSpace(name))
		if same && slices.Contains(slices.Concat(prefixes(q.kind)...), folded) {
			return fmt.Sprintf("[%s] in line %d: case and spaces count, write [%s:%s]", s.Name, s.Line, folded, name)
		}
	}
	return ""
}

// otherKind looks for a section of that name of another kind. Every file has a
// [server:main] beside its application: that says nothing.
func (l *Loader) otherKind(q request, name string) string {
	for _, kind := range []Kind{AppKind, FilterKind, ServerKind} {
		if kind == q.kind || name == "main" && (kind == ServerKind || q.kind == ServerKind) {
			continue
		}
		if found := l.file.candidates(kind, &name); len(found) > 0 {
			return fmt.Sprintf("[%s] in line %d is %s; here stands the name of %s",
				found[0].Name, found[0].Line, kind.article(), q.kind.article())
		}
	}
	if s := l.file.Section(name); s != nil {
		return fmt.Sprintf("[%s] in line %d has no prefix: write [%s:%s]", name, s.Line, prefixes(q.kind)[0][0], name)
	}
	return ""
}

func (l *Loader) nearSection(q request, name string) string {
	var names []string
	sections := make(map[string]string)
	for _, s := range l.file.Sections() {
		prefix, rest, ok := strings.Cut(s.Name, ":")
		rest = ini.TrimSpace(rest)
		if ok && slices.Contains(slices.Concat(prefixes(q.kind)...), prefix) && sections[rest] == "" {
			names = append(names, rest)
			sections[rest] = s.Name
		}
	}
	if near := ini.Nearest(name, names); near != "" {
		return fmt.Sprintf("did you mean %q, [%s]?", near, sections[near])
	}
	return ""
}

// allSections says which sections would have done.
func (l *Loader) allSections(q request, _ string) string {
	var headers []string
	for _, s := range l.file.Sections() {
		prefix, _, _ := strings.Cut(s.Name, ":")
		if slices.Contains(slices.Concat(prefixes(q.kind)...), prefix) {
			headers = append(headers, "["+s.Name+"]")
		}
	}
	if len(headers) == 0 {
		return fmt.Sprintf("the file has no section of %s", q.kind.article())
	}
	hint := "the file has " + listed(headers)
	if _, name, ok := strings.Cut(strings.Trim(headers[0], "[]"), ":"); ok && q.from.option == "" && q.kind == AppKind {
		hint += fmt.Sprintf("; #%s after its name chooses %s", ini.TrimSpace(name), headers[0])
	}
	return hint
}

// listed is the first few of words with commas between.
func listed(words []string) string {
	const most = 8
	if len(words) > most {
		words = append(slices.Clone(words[:most]), "…")
	}
	return strings.Join(words, ", ")
}

// eachOption ranges over the options of all sections and of the defaults.
func (s *source) eachOption() func(yield func(*ini.Option) bool) {
	return func(yield func(*ini.Option) bool) {
		for _, section := range append(slices.Clone(s.Sections()), s.Defaults()) {
			for _, o := range section.Options() {
				if !yield(o) {
					return
				}
			}
		}
	}
}

// missingHint guesses why a setting of the section is not there though the
// person wrote it.
func (res *resolution) missingHint(setting string) string {
	if hint := res.hidden(setting); hint != "" {
		return hint
	}
	for _, o := range res.s.Options() {
		for _, line := range o.Lines[min(1, len(o.Lines)):] {
			key, _, ok := cutDelimiter(line.Text)
			if ok && key == setting {
				return fmt.Sprintf("line %d is indented and so became part of the value of %q above it", line.Number, o.Name)
			}
		}
	}
	if near := ini.Nearest(setting, res.local.Keys()); near != "" {
		return fmt.Sprintf("did you mean %s where %s stands, in line %d?", setting, near, res.local.Pos(near).Line)
	}
	return ""
}

// hidden says whether a default hides the setting.
func (res *resolution) hidden(setting string) string {
	d := res.l.file.Defaults().Option(setting)
	switch {
	case d == nil:
		return ""
	case d.Line == 0:
		return fmt.Sprintf("a variable %q was passed in, which hides the section's own option", setting)
	}
	return fmt.Sprintf("%q stands in [DEFAULT], in line %d, which hides it in every section", setting, d.Line)
}

func cutDelimiter(text string) (key, value string, ok bool) {
	i := strings.IndexAny(text, "=:")
	if i <= 0 {
		return "", "", false
	}
	return ini.TrimSpace(text[:i]), ini.TrimSpace(text[i+1:]), true
}

// noLoaderHint guesses why a section has neither use nor a factory.
func (res *resolution) noLoaderHint(kind Kind) string {
	if hint := res.missingHint("use"); hint != "" {
		return hint
	}
	own := slices.Concat(protocols(kind)...)
	for _, other := range []Kind{AppKind, FilterKind, ServerKind} {
		for _, protocol := range slices.Concat(protocols(other)...) {
			if _, ok := res.local.Get(protocol); ok {
				return fmt.Sprintf("%s is for %s; %s has %s", protocol, other.article(), kind.article(), own[0])
			}
		}
	}
	for _, protocol := range own {
		if hint := res.missingHint(protocol); hint != "" {
			return hint
		}
	}
	prefix, _, named := strings.Cut(res.s.Name, ":")
	if !named && (prefix == "pipeline" || prefix == "filter-app") {
		return fmt.Sprintf("[%s] is not treated as one without a name: write [%s:main]", prefix, prefix)
	}
	return ""
}

package paste

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"pasted/internal/ini"
)

// Pitfalls returns the pitfalls of l's file that can be told from its text, in
// the order of its lines. It is nil if l has no file. What only resolving tells
// goes to Options.Pitfalls.
func (l *Loader) Pitfalls() []Pitfall {
	if l.file == nil {
		return nil
	}
	t := &trapper{l: l}
	t.defaults()
	for _, s := range l.file.Sections() {
		t.section(s)
	}
	slices.SortStableFunc(t.found, func(a, b Pitfall) int { return a.Pos.Line - b.Pos.Line })
	return t.found
}

// A trapper collects the pitfalls of one file.
type trapper struct {
	l     *Loader
	s     *ini.Section // the one being looked at
	found []Pitfall
}

// add keeps a pitfall of the current section; related are pairs of a line of
// the file and what to say of it.
func (t *trapper) add(rule string, line int, text, message, hint string, related ...Place) {
	t.found = append(t.found, Pitfall{
		Rule: rule, Pos: t.l.file.position(line), Section: t.s.Name,
		Text: text, Message: message, Hint: hint, Related: related,
	})
}

func (t *trapper) place(line int, message string) Place {
	return Place{t.l.file.position(line), message}
}

// defaults looks at [DEFAULT].
func (t *trapper) defaults() {
	t.s = t.l.file.Defaults()
	values, err := t.l.file.DefaultValues()
	for i, o := range t.s.Options() {
		if o.Line == 0 {
			continue
		}
		t.value(o)
		if strings.HasPrefix(o.Name, "set ") {
			t.add(RuleSetInDefault, o.Line, o.Name, fmt.Sprintf("%q in [DEFAULT] acts in every section that is loaded, and is a global of that name itself", o.Name),
				"in [DEFAULT] write the name alone: all there is global")
		}
		if err == nil && values[i].Value == o.Raw && strings.Contains(o.Raw, "%(") {
			t.add(RuleRawDefault, o.Line, o.Raw, fmt.Sprintf("%s comes out empty, and then is handed on as it stands: %s", o.Name, o.Raw),
				"give what it names a value, or leave it out")
		}
		t.variable(o)
	}
}

// variable tells of a variable that is passed in and that a default beats.
func (t *trapper) variable(o *ini.Option) {
	given, ok := t.l.r.opts.GlobalConf.Get(o.Name)
	if !ok || given == o.Raw || o.Name == "here" || o.Name == "__file__" {
		return
	}
	for user := range t.l.file.eachOption() {
		if strings.Contains(user.Raw, "%("+o.Name+")s") {
			t.add(RuleVariableLoses, o.Line, o.Name,
				fmt.Sprintf("%s is passed in, and %%(%s)s does not see it: [DEFAULT] has the name, and wins there", o.Name, o.Name),
				fmt.Sprintf("take %s out of [DEFAULT], or pass in another name", o.Name),
				t.place(user.Line, "it is named here"))
			return
		}
	}
}

// section looks at a section that is not [DEFAULT].
func (t *trapper) section(s *ini.Section) {
	t.s = s
	t.header()
	kind, loadable := kindOf(s.Name)
	for _, o := range s.Options() {
		t.value(o)
		if !loadable {
			continue
		}
		t.key(o)
		t.inlineComment(o)
		t.sets(o)
		if kind == ServerKind && o.Name == "filter-with" {
			t.add(RuleServerFilter, o.Line, o.Name, "filter-with has no meaning in a server's section: it is an option of the server",
				"put it into the section of the application")
		}
	}
	t.composite()
}

// kindOf says by a header what a section is, if PasteDeploy loads it.
func kindOf(header string) (Kind, bool) {
	prefix, _, found := strings.Cut(header, ":")
	for _, kind := range []Kind{AppKind, FilterKind, ServerKind} {
		if found && slices.Contains(slices.Concat(prefixes(kind)...), prefix) {
			return kind, true
		}
	}
	return "", false
}

// allPrefixes are those of all kinds.
func allPrefixes() []string {
	return slices.Concat(slices.Concat(prefixes(AppKind)...), slices.Concat(prefixes(FilterKind)...), slices.Concat(prefixes(ServerKind)...))
}

// header looks at the text between the brackets.
func (t *trapper) header() {
	name := t.s.Name
	if _, ok := kindOf(name); ok {
		return
	}
	if slices.Contains(allPrefixes(), name) {
		t.add(RuleBareSection, t.s.Line, name, fmt.Sprintf("[%s] has no name, and is not found by any: PasteDeploy looks for %s:main", name, name),
			fmt.Sprintf("write [%s:main]", name))
		return
	}
	prefix, rest, found := strings.Cut(name, ":")
	if !found {
		return
	}
	near := ini.TrimSpace(strings.ToLower(prefix))
	if !slices.Contains(allPrefixes(), near) {
		near = nearPrefix(prefix)
	}
	if near != "" {
		t.add(RuleSectionKind, t.s.Line, prefix, fmt.Sprintf("%q is no kind of section that PasteDeploy knows: nothing finds this one", prefix),
			fmt.Sprintf("did you mean [%s:%s]?", near, rest))
	}
}

// nearPrefix returns the prefix that a word is a slip of the pen for. Short
// words are many tools'.
func nearPrefix(word string) string {
	if len(word) < 4 {
		return ""
	}
	return ini.Nearest(word, allPrefixes())
}

var (
	headerText = regexp.MustCompile(`^\[[\w.+-]+([ ]*:[^\[\]"'{},]+)?\]$`)
	optionText = regexp.MustCompile(`^([A-Za-z_][\w.-]*|(?:set|get) [\w.]+) ?[=:] `)
)

// value looks at what is indented below an option.
func (t *trapper) value(o *ini.Option) {
	for _, line := range o.Lines[min(1, len(o.Lines)):] {
		if headerText.MatchString(line.Text) && t.isHeader(line.Text) {
			t.add(RuleSwallowedSection, line.Number, line.Text,
				fmt.Sprintf("indented, so %s begins no section: it is part of the value of %s", line.Text, o.Name),
				"move it, and what belongs to it, to the beginning of the line", t.place(o.Line, "the value begins here"))
			return // what follows is that section's
		}
		name := optionText.FindStringSubmatch(line.Text)
		if name != nil && t.isOption(o, name[1]) {
			t.add(RuleSwallowedOption, line.Number, line.Text,
				fmt.Sprintf("indented, so %s is no option: it is part of the value of %s", name[1], o.Name),
				"move it to the beginning of the line", t.place(o.Line, "the value begins here"))
		}
	}
}

// isHeader says whether text, in brackets, would make sense as a header.
func (t *trapper) isHeader(text string) bool {
	name := text[1 : len(text)-1]
	_, loadable := kindOf(name)
	known := []string{ini.DefaultSection, "loggers", "handlers", "formatters"}
	return loadable || slices.Contains(known, name) ||
		strings.HasPrefix(name, "logger_") || strings.HasPrefix(name, "handler_") || strings.HasPrefix(name, "formatter_")
}

// isOption says whether a line in o's value that begins as an option called
// name is probably meant as one: names that PasteDeploy knows, and those that
// stand in o's section or in others of its kind.
func (t *trapper) isOption(o *ini.Option, name string) bool {
	_, loadable := kindOf(t.s.Name)
	if !loadable && t.s != t.l.file.Defaults() {
		return false
	}
	own := []string{"use", "pipeline", "next", "filter-with", "require"}
	if slices.Contains(own, name) || strings.HasPrefix(name, "paste.") || strings.HasPrefix(name, "set ") || strings.HasPrefix(name, "get ") {
		return true
	}
	// A value that stands behind the delimiter is complete; one that begins on
	// the next line may be a table of such lines.
	if o.Lines[0].Text == "" {
		return false
	}
	for other := range t.l.file.eachOption() {
		if other.Name == name {
			return true
		}
	}
	return len(o.Lines) == 2 && !strings.ContainsAny(o.Lines[0].Text, "=,\\({")
}

// key looks at an option's name, which ends at the first delimiter.
func (t *trapper) key(o *ini.Option) {
	first := o.Lines[0].Text
	name, value, hasEquals := strings.Cut(first, "=")
	switch {
	case (o.Name == "http" || o.Name == "https") && strings.HasPrefix(first, "//"):
		t.add(RuleCutKey, o.Line, o.Name, fmt.Sprintf("the key ends at the first colon: this is %s = %s", o.Name, first),
			urlKeyHint(name, value))
	case hasEquals && (strings.HasPrefix(o.Name, "/") || strings.HasPrefix(o.Name, "domain ")):
		t.add(RuleCutKey, o.Line, o.Name, fmt.Sprintf("the key ends at the first colon: this is %s = %s", o.Name, first),
			"a key can have no colon: for a port write `domain HOST port N /path = app`")
	}
}

// urlKeyHint says how a urlmap has the key //host:port/path.
func urlKeyHint(key, value string) string {
	host, path, _ := strings.Cut(strings.TrimPrefix(ini.TrimSpace(key), "//"), "/")
	host, port, hasPort := strings.Cut(host, ":")
	text := "domain " + host
	if hasPort {
		text += " port " + port
	}
	return fmt.Sprintf("a urlmap has another form for it: `%s /%s = %s`", text, path, ini.TrimSpace(value))
}

var commentText = regexp.MustCompile(`\s([#;])(\s.*)?$`)

// inlineComment looks for a comment that is none. Its text may be a part of a
// password, and so is not in the message.
func (t *trapper) inlineComment(o *ini.Option) {
	for _, line := range o.Lines {
		at := commentText.FindStringIndex(line.Text)
		if at == nil {
			continue
		}
		comment := ini.TrimSpace(line.Text[at[0]:])
		t.add(RuleInlineComment, line.Number, comment,
			fmt.Sprintf("%s and what follows are part of the value of %s: a comment has a line of its own", comment[:1], o.Name),
			"move it to a line of its own")
	}
}

var (
	nearlySet = regexp.MustCompile(`^(?i:set|get)\s+\S`)
	named     = regexp.MustCompile(`%\(([^)]+)\)s`)
)

// sets looks at set and get, and at what is not one.
func (t *trapper) sets(o *ini.Option) {
	if nearlySet.MatchString(o.Name) && !strings.HasPrefix(o.Name, "set ") && !strings.HasPrefix(o.Name, "get ") {
		word := strings.ToLower(o.Name[:3])
		t.add(RuleNotSet, o.Line, o.Name, fmt.Sprintf("%q is an option of that name: it does not %s anything", o.Name, word),
			fmt.Sprintf("write %q, in lower case and with a blank", word+" "+ini.TrimSpace(o.Name[3:])))
	}
	for _, match := range named.FindAllStringSubmatch(o.Raw, -1) {
		set := t.s.Option("set " + match[1])
		if set == nil || t.s.Option(match[1]) != nil {
			continue
		}
		t.add(RuleSetNotSeen, o.Line, match[0], fmt.Sprintf("%s does not see what `set %s` sets: it sees the section's options and [DEFAULT]", match[0], match[1]),
			"write the text out, or put it into [DEFAULT]", t.place(set.Line, "it is set here"))
	}
}

// composite looks at the keys of Paste's composites.
func (t *trapper) composite() {
	use := t.s.Option("use")
	if use == nil {
		return
	}
	switch egg, name, _ := strings.Cut(ini.TrimSpace(use.Raw), "#"); {
	case !strings.EqualFold(egg, "egg:Paste"):
	case name == "cascade":
		t.cascade()
	case name == "urlmap":
		t.domains()
	}
}

// cascade tells of an order of keys that is not the order of the lines.
func (t *trapper) cascade() {
	last := ""
	for _, o := range t.s.Options() {
		if !strings.HasPrefix(o.Name, "app") {
			continue
		}
		if last != "" && o.Name < last {
			t.add(RuleCascadeOrder, o.Line, o.Name, fmt.Sprintf("a cascade tries its keys in the order of their text: %s before %s", o.Name, last),
				"give all keys numbers of the same length: app01, app02", t.place(t.s.Option(last).Line, "tried after it"))
			return
		}
		last = o.Name
	}
}

// domains tells of domains that no Host field, which is compared in lower case,
// can match.
func (t *trapper) domains() {
	for _, o := range t.s.Options() {
		words := ini.Fields(o.Name)
		at := slices.Index(words, "domain") + 1
		if at > 0 && at < len(words) && words[at] != strings.ToLower(words[at]) {
			t.add(RuleDomainCase, o.Line, words[at], fmt.Sprintf("the domain %s never matches: the client's is compared in lower case", words[at]),
				"write "+strings.ToLower(words[at]))
		}
	}
}

package paste

import (
	"fmt"
	"slices"
	"strings"

	"pasted/internal/ini"
)

// fail returns an error about the section.
func (res *resolution) fail(class, text, message string) *Error {
	return &Error{
		Class: class, Text: text, Message: message,
		Pos: res.l.file.position(res.s.Line), Section: res.s.Name,
	}
}

func (res *resolution) missingGlobal(name, global string, pos Position) *Error {
	err := res.fail("KeyError", ini.Repr(global),
		fmt.Sprintf("get %s = %q: nothing of that name is in [DEFAULT] or set: want it there", name, global))
	if pos.Line != 0 {
		err.Pos = pos
	}
	if near := ini.Nearest(global, res.global.Keys()); near != "" {
		err.Hint = fmt.Sprintf("did you mean get %s = %s?", name, near)
	} else {
		err.Hint = fmt.Sprintf("the value of `get` is a name; for the text itself write %s = %s", name, global)
	}
	return err
}

func (res *resolution) missingSetting(setting, want string) *Error {
	err := res.fail("LookupError",
		fmt.Sprintf("The [%s] section in %s is missing a '%s' setting", res.s.Name, res.l.file.Name, setting),
		fmt.Sprintf("has no %s: want %s = %s", setting, setting, want))
	err.Hint = res.missingHint(setting)
	return err
}

func (res *resolution) extraSettings() *Error {
	keys := res.local.Keys()
	err := res.fail("LookupError",
		fmt.Sprintf("The [%s] pipeline section in %s has extra (disallowed) settings: %s",
			res.s.Name, res.l.file.Name, strings.Join(keys, ", ")),
		fmt.Sprintf("pipeline with the settings %s: want pipeline, set and filter-with only", strings.Join(keys, ", ")))
	if pos := res.local.Pos(keys[0]); pos.Line != 0 {
		err.Pos = pos
	}
	switch {
	case res.l.unclosedAmong(keys) != "":
		err.Hint = res.l.unclosedAmong(keys)
	case slices.Contains(keys, "use"):
		err.Hint = "a section with `use` is an [app:…] or a [composite:…]"
	default:
		err.Hint = fmt.Sprintf("give %s to the section of the application or of a filter", keys[0])
	}
	return err
}

func emptyPipeline(from origin) *Error {
	return from.fail("IndexError", "list index out of range", "names nothing: want filters and an application")
}

func (res *resolution) severalProtocols(found []string) *Error {
	pairs := make([]string, len(found))
	for i, protocol := range found {
		value, _ := res.local.Get(protocol)
		pairs[i] = fmt.Sprintf("(%s, %s)", ini.Repr(protocol), ini.Repr(value))
	}
	return res.fail("LookupError",
		fmt.Sprintf("Multiple protocols given in section %s: [%s]", ini.Repr(res.s.Name), strings.Join(pairs, ", ")),
		fmt.Sprintf("gives %s: want one of them", strings.Join(found, " and ")))
}

func (res *resolution) noLoader(kind Kind) *Error {
	err := res.fail("LookupError", "No loader given in section "+ini.Repr(res.s.Name),
		fmt.Sprintf("says not what it is: want use = … or one of %s",
			strings.Join(slices.Concat(protocols(kind)...), ", ")))
	err.Hint = res.noLoaderHint(kind)
	return err
}

// noSection returns the error for a name that no section has.
func (l *Loader) noSection(q request) *Error {
	shown := "None"
	name := "main"
	if q.name != nil {
		shown, name = ini.Repr(*q.name), *q.name
	}
	message := wantSection(q.kind, name)
	if q.from.option == "" {
		message = fmt.Sprintf("no section is called %q: %s", name, message)
	}
	err := l.failFrom(q.from, "LookupError",
		fmt.Sprintf("No section %s (prefixed by %s) found in config %s", shown, prefixList(q.kind), l.file.Name),
		message)
	if q.from.pos.File != "" && q.from.pos.File != l.file.Name {
		err.Message += " in " + l.file.Name
	}
	err.Hint = l.noSectionHint(q, name)
	return err
}

// failFrom is from.fail for what is wrong with l's file.
func (l *Loader) failFrom(from origin, class, text, message string) *Error {
	err := from.fail(class, text, message)
	if err.Pos.File == "" {
		err.Pos.File = l.file.Name
	}
	return err
}

// wantSection says which sections would do for a name.
func wantSection(kind Kind, name string) string {
	var headers []string
	for _, group := range prefixes(kind) {
		headers = append(headers, fmt.Sprintf("[%s:%s]", group[0], ini.TrimSpace(name)))
	}
	last := len(headers) - 1
	if last == 0 {
		return "want a section " + headers[0]
	}
	return "want a section " + strings.Join(headers[:last], ", ") + " or " + headers[last]
}

// prefixList lists a kind's prefixes in PasteDeploy's words.
func prefixList(kind Kind) string {
	var quoted []string
	for _, prefix := range slices.Concat(prefixes(kind)...) {
		quoted = append(quoted, ini.Repr(prefix))
	}
	return strings.Join(quoted, " or ")
}

// ambiguous returns the error for a name that several sections have.
func (l *Loader) ambiguous(q request, possible []*ini.Section) *Error {
	shown := "None"
	if q.name != nil {
		shown = ini.Repr(*q.name)
	}
	var reprs, places []string
	for _, s := range possible {
		reprs = append(reprs, ini.Repr(s.Name))
		places = append(places, fmt.Sprintf("[%s] (line %d)", s.Name, s.Line))
	}
	err := l.failFrom(q.from, "LookupError",
		fmt.Sprintf("Ambiguous section names [%s] for section %s (prefixed by %s) found in config %s",
			strings.Join(reprs, ", "), shown, prefixList(q.kind), l.file.Name),
		fmt.Sprintf("%s all have that name: want one", strings.Join(places, " and ")))
	if err.Pos.Line == 0 {
		err.Pos.Line = possible[1].Line
	}
	return err
}

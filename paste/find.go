package paste

import (
	"slices"
	"strings"

	"pasted/internal/ini"
)

// prefixes returns the groups of section prefixes of a kind. Within a group the
// first that finds anything ends the search.
func prefixes(kind Kind) [][]string {
	switch kind {
	case AppKind:
		return [][]string{{"app", "application"}, {"composite", "composit"}, {"pipeline"}, {"filter-app"}}
	case FilterKind:
		return [][]string{{"filter"}}
	}
	return [][]string{{"server"}}
}

// protocols returns the groups of protocols of a kind, likewise.
func protocols(kind Kind) [][]string {
	switch kind {
	case AppKind:
		return [][]string{{appFactory}, {compositeFactory}, {compositFactory}}
	case FilterKind:
		return [][]string{{filterFactory, filterAppFactory}}
	}
	return [][]string{{serverFactory, serverRunner}}
}

// contextType is the type of a context of a kind that is built by itself.
func contextType(kind Kind) Type {
	switch kind {
	case AppKind:
		return Application
	case FilterKind:
		return Filter
	}
	return Server
}

// find returns the section that q asks for. It is nil, without an error, if
// there is none but q's name is an object's.
func (l *Loader) find(q request) (*ini.Section, *Error) {
	if q.section != nil {
		return q.section, nil
	}
	possible := l.file.candidates(q.kind, q.name)
	switch {
	case len(possible) == 1:
		return possible[0], nil
	case len(possible) > 1:
		if s := l.choose(q, possible); s != nil {
			return s, nil
		}
		return nil, l.ambiguous(q, possible)
	case l.mayBeDirect(q):
		return nil, nil
	}
	return nil, l.noSection(q)
}

// candidates is PasteDeploy's find_config_section before it judges. A nil name
// also finds the bare prefix.
func (s *source) candidates(kind Kind, name *string) []*ini.Section {
	var all []*ini.Section
	for _, group := range prefixes(kind) {
		for _, prefix := range group {
			if found := s.withPrefix(prefix, name); len(found) > 0 {
				all = append(all, found...)
				break
			}
		}
	}
	return all
}

func (s *source) withPrefix(prefix string, name *string) []*ini.Section {
	var found []*ini.Section
	wanted := "main"
	if name != nil {
		wanted = *name
	} else if bare := s.Section(prefix); bare != nil {
		found = append(found, bare)
	}
	return append(found, s.named[sectionName{prefix, wanted}]...)
}

// A sectionName is a section's name as PasteDeploy looks for it: what stands
// before the first colon, and behind it.
type sectionName struct{ prefix, name string }

// byName returns sections by what they are looked for as, in their order.
func byName(sections []*ini.Section) map[sectionName][]*ini.Section {
	named := make(map[sectionName][]*ini.Section, len(sections))
	for _, s := range sections {
		if prefix, name, ok := strings.Cut(s.Name, ":"); ok {
			key := sectionName{prefix, ini.TrimSpace(name)}
			named[key] = append(named[key], s)
		}
	}
	return named
}

// containsWord says whether word is one of text's.
func containsWord(text, word string) bool {
	return slices.Contains(ini.Fields(text), word)
}

package outcome

import (
	"bufio"
	_ "embed"
	"slices"
	"strings"

	"pasted/paste"
)

//go:embed eggs.txt
var eggsText string

// eggs are distributions and what they have: by folded name, group and name.
type eggs map[string]map[string]map[string]string

// readEggs reads the table of well-known eggs, whose head says what it is.
func readEggs() eggs {
	table := make(eggs)
	var group map[string]string
	for lines := bufio.NewScanner(strings.NewReader(eggsText)); lines.Scan(); {
		line := strings.TrimSpace(lines.Text())
		switch name, object, isEntry := strings.Cut(line, " = "); {
		case line == "" || strings.HasPrefix(line, "#"):
		case isEntry:
			group[name] = object
		default:
			dist, protocol, _ := strings.Cut(strings.Trim(line, "[]"), " ")
			dist = fold(dist)
			if table[dist] == nil {
				table[dist] = make(map[string]map[string]string)
			}
			group = make(map[string]string)
			table[dist][protocol] = group
		}
	}
	return table
}

// fold returns the form in which names of distributions are compared (PEP 503).
func fold(name string) string {
	words := strings.FieldsFunc(name, func(r rune) bool { return strings.ContainsRune("-_.", r) })
	folded := strings.ToLower(strings.Join(words, "-"))
	if name != "" && strings.ContainsRune("-_.", rune(name[0])) {
		folded = "-" + folded
	}
	return folded
}

// WellKnown returns the table for a session that imports nothing: which names
// there are, and not what they refer to.
func WellKnown() paste.EntryPoints { return named{readEggs()} }

type named struct{ eggs }

// Installed returns a *paste.NotInstalledError for what is not in the table.
func (n named) Installed(distribution string) error {
	if n.eggs[fold(distribution)] == nil {
		return &paste.NotInstalledError{Distribution: distribution}
	}
	return nil
}

// EntryPoint says whether the table has an entry point; its object is "".
func (n named) EntryPoint(distribution, group, name string) (object string, ok bool, err error) {
	if err := n.Installed(distribution); err != nil {
		return "", false, err
	}
	_, ok = n.eggs[fold(distribution)][group][name]
	return "", ok, nil
}

// standIns are the distributions that a probe has stand-ins for.
var standIns = []string{"paste", "pastedeploy"}

// WithStandIns returns eggs where Paste and PasteDeploy are taken for installed,
// as they were where the outcomes of cases were written down. A probe that is
// told so has modules in the place of theirs.
func WithStandIns(installed paste.EntryPoints) paste.EntryPoints {
	return withStandIns{installed, readEggs()}
}

type withStandIns struct {
	paste.EntryPoints
	table eggs
}

// Installed returns nil also for what there is a stand-in for.
func (w withStandIns) Installed(distribution string) error {
	if slices.Contains(standIns, fold(distribution)) {
		return nil
	}
	return w.EntryPoints.Installed(distribution)
}

// EntryPoint returns that of the table where the distribution is not installed.
func (w withStandIns) EntryPoint(distribution, group, name string) (object string, ok bool, err error) {
	object, ok, err = w.EntryPoints.EntryPoint(distribution, group, name)
	if err != nil && slices.Contains(standIns, fold(distribution)) {
		object, ok = w.table[fold(distribution)][group][name]
		return object, ok, nil
	}
	return object, ok, err
}

package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"pasted/internal/outcome"
	"pasted/internal/release"
	"pasted/paste"
)

const configLong = `Print one section's options as serve resolves them, and the file and line where
each one stands: those of the sections that it uses, of [DEFAULT], of set.

NAME is the name of an application (or of what --type says), or the text between
the brackets of any section: site.ini#blog, site.ini#server:main, site.ini#loggers.
Nothing is imported, and eggs need not be installed.`

// A configCommand is pasted config.
type configCommand struct {
	options release.ConfigOptions
	kind    string
	globals []string
	json    bool
	stdout  *os.File
	stderr  *os.File
}

func newConfig(stdout, stderr *os.File) *cobra.Command {
	c := &configCommand{stdout: stdout, stderr: stderr}
	cmd := &cobra.Command{
		Use:   "config FILE[#NAME] [VAR=VALUE ...]",
		Short: "Print a section's options, and where each comes from",
		Long:  configLong,
		Args:  needs("FILE"),
		RunE:  c.run,
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&c.kind, "type", "app", "what NAME is the name of: app, filter or server")
	flags.StringArrayVar(&c.globals, "global", nil, "a variable to pass in, VAR=VALUE, as behind FILE; may be repeated")
	flags.BoolVar(&c.json, "json", false, "print JSON")
	return cmd
}

func (c *configCommand) run(_ *cobra.Command, args []string) error {
	var err error
	if c.options.Kind, err = kindOf(c.kind); err != nil {
		return err
	}
	if c.options.Vars, err = parseVars(append(c.globals, args[1:]...)); err != nil {
		return err
	}
	c.options.Target = args[0]
	section, err := release.Config(c.options)
	if err != nil {
		return explain(err)
	}
	if c.json {
		return outcome.Write(c.stdout, sectionJSON(section), false)
	}
	for _, note := range section.Notes {
		fmt.Fprintf(c.stderr, "note: %s\n", note)
	}
	_, err = fmt.Fprint(c.stdout, sectionText(section))
	return err
}

// sectionText is a section for people: what it is, and its options in columns.
func sectionText(s *release.Section) string {
	var b strings.Builder
	fmt.Fprintf(&b, "[%s]  %s\n", s.Name, s.Pos)
	what := string(s.Type)
	if s.Factory != "" {
		what += ", " + s.Factory
	}
	if len(s.Parts) > 0 {
		what += ": " + strings.Join(s.Parts, " ")
	}
	if what != "" {
		fmt.Fprintln(&b, what)
	}
	for _, part := range []struct {
		title string
		list  []release.Setting
	}{{"options", s.Options}, {"dropped: [DEFAULT], or what is passed in, has their names", s.Dropped}, {"global", s.Global}} {
		if len(part.list) > 0 {
			fmt.Fprintf(&b, "\n%s\n", part.title)
			writeSettings(&b, part.list)
		}
	}
	return b.String()
}

// widest is how wide a column may become before it does without alignment.
const widest = 48

// writeSettings writes rows of name, value and place. A value of several lines
// has several rows.
func writeSettings(b *strings.Builder, list []release.Setting) {
	names, values := 0, 0
	for _, s := range list {
		names = max(names, width(s.Name))
		for line := range strings.SplitSeq(s.Value, "\n") {
			values = max(values, width(line))
		}
	}
	for _, s := range list {
		name, place := s.Name, placeOf(s)
		for line := range strings.SplitSeq(s.Value, "\n") {
			row := fmt.Sprintf("  %-*s  %-*s  %s", names, name, values, line, place)
			fmt.Fprintln(b, strings.TrimRight(row, " "))
			name, place = "", ""
		}
	}
}

func width(text string) int { return min(len([]rune(text)), widest) }

// placeOf says where a setting comes from.
func placeOf(s release.Setting) string {
	if s.Pos != (paste.Position{}) {
		return s.Pos.String()
	}
	return s.Origin
}

// sectionJSON is a section for programs.
func sectionJSON(s *release.Section) outcome.Object {
	return outcome.Object{
		{Key: "section", Value: s.Name},
		{Key: "file", Value: s.Pos.File},
		{Key: "line", Value: s.Pos.Line},
		{Key: "type", Value: s.Type},
		{Key: "factory", Value: s.Factory},
		{Key: "parts", Value: append([]string{}, s.Parts...)},
		{Key: "options", Value: settingsJSON(s.Options)},
		{Key: "dropped", Value: settingsJSON(s.Dropped)},
		{Key: "global", Value: settingsJSON(s.Global)},
		{Key: "notes", Value: append([]string{}, s.Notes...)},
	}
}

func settingsJSON(list []release.Setting) []outcome.Object {
	out := []outcome.Object{}
	for _, s := range list {
		out = append(out, outcome.Object{
			{Key: "name", Value: s.Name}, {Key: "value", Value: s.Value},
			{Key: "file", Value: s.Pos.File}, {Key: "line", Value: s.Pos.Line},
			{Key: "origin", Value: s.Origin},
		})
	}
	return out
}

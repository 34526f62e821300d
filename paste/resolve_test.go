package paste_test

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"pasted/paste"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite what the cases in testdata want")

// dir is where the files of the cases seem to be.
const dir = "/dir"

// TestResolve runs the cases in testdata/resolve: a rule, files, calls, and
// what they give. A call is a line
//
//	app|filter|server URI [strict] [assume] [native] [name=…] [from=DIR] [VAR=VALUE …]
//	app|filter|server child|open FILE NAME …
//
// child asks the loader of [composite:main] of the file, open the file's own.
// "nothing" is a call without EntryPoints.
func TestResolve(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "resolve", "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			c := readCase(t, file)
			var got strings.Builder
			for call := range strings.Lines(c.parts["calls"]) {
				got.WriteString("# " + call)
				got.WriteString(c.run(t, strings.Fields(call)))
			}
			if *update {
				c.write(t, file, got.String())
				return
			}
			if diff := cmp.Diff(c.parts["want"], got.String()); diff != "" {
				t.Errorf("%s(-want +got)\n%s", c.parts[""], diff)
			}
		})
	}
}

// A resolveCase is a file of testdata/resolve: its parts by name and the order
// of their names; the rule at the top has the empty one.
type resolveCase struct {
	names []string
	parts map[string]string
}

func readCase(t *testing.T, file string) *resolveCase {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	c := &resolveCase{names: []string{""}, parts: make(map[string]string)}
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, "-- "); ok && strings.HasSuffix(line, " --\n") {
			c.names = append(c.names, strings.TrimSuffix(rest, " --\n"))
			continue
		}
		c.parts[c.names[len(c.names)-1]] += line
	}
	return c
}

func (c *resolveCase) write(t *testing.T, file, want string) {
	t.Helper()
	text := c.parts[""]
	for _, name := range c.names[1:] {
		if name != "want" {
			text += "-- " + name + " --\n" + c.parts[name]
		}
	}
	if err := os.WriteFile(file, []byte(text+"-- want --\n"+want), 0o666); err != nil {
		t.Fatal(err)
	}
}

// read is the ReadFile of the case's files.
func (c *resolveCase) read(name string) ([]byte, error) {
	part, ok := c.parts[strings.TrimPrefix(name, dir+"/")]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: name, Err: syscall.ENOENT}
	}
	return []byte(part), nil
}

// run makes a call and says what it gave.
func (c *resolveCase) run(t *testing.T, words []string) string {
	t.Helper()
	var b strings.Builder
	opts := paste.Options{
		RelativeTo:  dir,
		EntryPoints: shelf{},
		ReadFile:    c.read,
		Notes:       func(n paste.Note) { fmt.Fprintf(&b, "note: %s\n", n) },
	}
	rest := setOptions(&opts, words[1:])
	ctx, err := resolveCall(paste.Kind(words[0]), rest, opts)
	if err != nil {
		b.WriteString(describeError(t, err))
	} else {
		describeContext(&b, ctx, "", "")
	}
	return strings.ReplaceAll(b.String(), dir+"/", "")
}

// setOptions takes options out of the words of a call and returns the others.
func setOptions(opts *paste.Options, words []string) (rest []string) {
	for i, word := range words {
		name, value, isVariable := strings.Cut(word, "=")
		switch {
		case i == 0:
			rest = append(rest, word)
		case word == "strict":
			opts.Strict = true
		case word == "assume":
			opts.Assume = true
		case word == "native":
			opts.Native = nativeShelf{}
		case word == "nothing":
			opts.EntryPoints = nil
		case !isVariable:
			rest = append(rest, word)
		case name == "name":
			opts.Name = &value
		case name == "from":
			opts.RelativeTo = value
		default:
			if opts.GlobalConf == nil {
				opts.GlobalConf = new(paste.Conf)
			}
			opts.GlobalConf.Set(name, value)
		}
	}
	return rest
}

func resolveCall(kind paste.Kind, words []string, opts paste.Options) (*paste.Context, error) {
	if len(words) == 1 {
		return paste.Resolve(kind, words[0], opts)
	}
	global := opts.GlobalConf
	opts.GlobalConf = nil
	var loader *paste.Loader
	if words[0] == "open" {
		var err error
		if loader, err = paste.Open(dir+"/"+words[1], opts); err != nil {
			return nil, err
		}
	} else {
		ctx, err := paste.Resolve(paste.AppKind, "config:"+words[1], opts)
		if err != nil {
			return nil, err
		}
		loader = innermost(ctx).Loader
	}
	if len(words) == 2 {
		return loader.Context(kind, nil, global)
	}
	name := strings.Join(words[2:], " ")
	return loader.Context(kind, &name, global)
}

// innermost returns the application in ctx whose factory is called first.
func innermost(ctx *paste.Context) *paste.Context {
	for {
		switch {
		case ctx.App != nil:
			ctx = ctx.App
		case ctx.Next != nil:
			ctx = ctx.Next
		default:
			return ctx
		}
	}
}

func describeError(t *testing.T, err error) string {
	t.Helper()
	var e *paste.Error
	if !errors.As(err, &e) {
		t.Fatalf("error %#v, want a *paste.Error", err)
	}
	text := fmt.Sprintf("%s: %s\n%s\n", e.Class, e.Text, e)
	if e.Hint != "" {
		text += "hint: " + e.Hint + "\n"
	}
	return text
}

// describeContext writes a line for ctx, one for each configuration that is not
// empty, without the here and __file__ of the main file, and its parts.
func describeContext(b *strings.Builder, ctx *paste.Context, indent, role string) {
	fmt.Fprintf(b, "%s%s%s", indent, role, ctx.Type)
	if ctx.Object != nil {
		o := ctx.Object
		fmt.Fprintf(b, " %s %s:%s", o.Style, o.Module, o.Attr)
		if o.Egg != "" {
			b.WriteString(" egg:" + o.Egg)
		}
	}
	if ctx.Protocol != "" {
		b.WriteString(" " + ctx.Protocol)
	}
	if ctx.Assumed {
		b.WriteString(" assumed")
	}
	fmt.Fprintf(b, " [%s] %s loader %s\n", ctx.Section, ctx.Pos, ctx.Loader)
	describeConf(b, ctx.GlobalConf, indent+"  global ")
	describeConf(b, ctx.LocalConf, indent+"  local ")
	for _, filter := range ctx.Filters {
		describeContext(b, filter, indent+"  ", "filter: ")
	}
	if ctx.App != nil {
		describeContext(b, ctx.App, indent+"  ", "app: ")
	}
	if ctx.Filter != nil {
		describeContext(b, ctx.Filter, indent+"  ", "filter: ")
		describeContext(b, ctx.Next, indent+"  ", "next: ")
	}
}

func describeConf(b *strings.Builder, conf *paste.Conf, before string) {
	for key, value := range conf.All() {
		if key == "here" && value == dir || key == "__file__" && value == dir+"/main.ini" {
			continue
		}
		place := ""
		if pos := conf.Pos(key); pos.Line != 0 {
			place = " (" + pos.String() + ")"
		}
		fmt.Fprintf(b, "%s%s = %q%s\n", before, key, value, place)
	}
}

// A shelf is a Python installation with two distributions: Empty, and Fake,
// whose objects are called as their groups are.
type shelf struct{}

var shelfNames = map[string][]string{
	"paste.app_factory":        {"main", "app", "both"},
	"paste.composite_factory":  {"map", "both"},
	"paste.composit_factory":   {"oldmap"},
	"paste.filter_factory":     {"filter", "bothf"},
	"paste.filter_app_factory": {"filter2", "bothf"},
	"paste.server_factory":     {"main", "server"},
	"paste.server_runner":      {"runner"},
}

func (shelf) Installed(distribution string) error {
	switch strings.ToLower(distribution) {
	case "fake", "empty":
		return nil
	}
	return &paste.NotInstalledError{Distribution: distribution}
}

func (s shelf) EntryPoint(distribution, group, name string) (string, bool, error) {
	if err := s.Installed(distribution); err != nil {
		return "", false, err
	}
	if strings.EqualFold(distribution, "fake") {
		for _, have := range shelfNames[group] {
			if have == name {
				return "fake." + strings.TrimPrefix(group, "paste.") + " : make." + name + " [extra]", true, nil
			}
		}
	}
	return "", false, nil
}

func (s shelf) Names(distribution, group string) []string {
	if !strings.EqualFold(distribution, "fake") {
		return nil
	}
	return shelfNames[group]
}

// A nativeShelf has the distribution Paste with three names.
type nativeShelf struct{}

func (nativeShelf) Installed(distribution string) error {
	if strings.EqualFold(distribution, "paste") {
		return nil
	}
	return &paste.NotInstalledError{Distribution: distribution}
}

func (nativeShelf) EntryPoint(_, group, name string) (string, bool, error) {
	switch group + " " + name {
	case "paste.composite_factory urlmap", "paste.filter_app_factory translogger", "paste.server_runner http":
		return "", true, nil
	}
	return "", false, nil
}

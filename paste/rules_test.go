package paste_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pasted/internal/ini"
	"pasted/paste"

	"github.com/google/go-cmp/cmp"
)

// TestRules runs the cases in testdata/rules: the ids of rules, what they say,
// files, calls and what PasteDeploy itself gives, written by
// testdata/pastedeploy.py. A part "a -> b" is a symbolic link; /dir stands for
// the folder of the files. A call is a line
//
//	[create] app|filter|server URI|open:FILE [name=…] [from=DIR] [VAR=VALUE …]
//	child app|filter|server URI NAME [VAR=VALUE …]
//	appconfig URI …
//
// in which quotes keep words together. child asks the loader of what URI
// leads to, open: that of the file; create applies a filter and a server to
// the application "probe".
func TestRules(t *testing.T) {
	for _, file := range ruleCases(t, "testdata/rules") {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			c := readCase(t, file)
			dir := c.unpack(t)
			t.Chdir(dir)
			var got strings.Builder
			for call := range strings.Lines(c.parts["calls"]) {
				got.WriteString("# " + call)
				got.WriteString(strings.ReplaceAll(runRule(t, call, dir), dir, "/dir"))
			}
			if diff := cmp.Diff(c.parts["want"], got.String()); diff != "" {
				t.Errorf("%s(-want +got)\n%s", c.parts[""], diff)
			}
		})
	}
}

func ruleCases(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(filepath.FromSlash(dir), "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases in %s: %v", dir, err)
	}
	return files
}

// TestEveryRuleHasACase compares testdata/rules.txt, a line for each rule, with
// what the first lines of the cases say they show.
func TestEveryRuleHasACase(t *testing.T) {
	data, err := os.ReadFile("testdata/rules.txt")
	if err != nil {
		t.Fatal(err)
	}
	shown := make(map[string]bool)
	for line := range strings.Lines(string(data)) {
		if id, text, ok := strings.Cut(line, " "); ok && id != "#" {
			if _, again := shown[id]; again || strings.TrimSpace(text) == "" {
				t.Errorf("rule %s stands twice or says nothing", id)
			}
			shown[id] = false
		}
	}
	cases := append(ruleCases(t, "testdata/rules"), ruleCases(t, "../internal/ini/testdata/parse")...)
	for _, file := range cases {
		first, _, _ := strings.Cut(readCase(t, file).parts[""], "\n")
		ids, _, _ := strings.Cut(first, ":")
		for id := range strings.FieldsSeq(ids) {
			if _, ok := shown[id]; !ok {
				t.Errorf("%s: %q is no rule of rules.txt", file, id)
			}
			shown[id] = true
		}
	}
	for id, ok := range shown {
		if !ok {
			t.Errorf("rule %s has no case", id)
		}
	}
}

// TestCasesAreWhatPasteDeployGives asks the library itself, with the
// interpreter that PASTED_PASTEDEPLOY names: Python 3.11 to 3.13, and
// PasteDeploy 3.1 installed.
func TestCasesAreWhatPasteDeployGives(t *testing.T) {
	python := os.Getenv("PASTED_PASTEDEPLOY")
	if python == "" {
		t.Skip("PASTED_PASTEDEPLOY names no Python with PasteDeploy")
	}
	args := append([]string{"testdata/pastedeploy.py"}, ruleCases(t, "testdata/rules")...)
	args = append(args, ruleCases(t, "../internal/ini/testdata/parse")...)
	if out, err := exec.CommandContext(t.Context(), python, args...).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// unpack writes the files of a case into a folder.
func (c *resolveCase) unpack(t *testing.T) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range c.names {
		if slices.Contains([]string{"", "calls", "want"}, part) {
			continue
		}
		name, target, isLink := strings.Cut(part, " -> ")
		path := filepath.Join(dir, name)
		if err = os.MkdirAll(filepath.Dir(path), 0o777); err == nil {
			if isLink {
				err = os.Symlink(target, path)
			} else {
				err = os.WriteFile(path, []byte(c.parts[part]), 0o666)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

var callWords = regexp.MustCompile(`(?:[^\s"]|"[^"]*")+`)

// A ruleCall is a line of a case's calls.
type ruleCall struct {
	verb string
	kind paste.Kind
	uri  string
	name *string // of a child, or an option
	opts paste.Options
}

func readRuleCall(line, dir string) ruleCall {
	words := callWords.FindAllString(line, -1)
	for i := range words {
		words[i] = strings.ReplaceAll(strings.ReplaceAll(words[i], `"`, ""), "/dir", dir)
	}
	c := ruleCall{verb: "context", kind: paste.AppKind}
	c.opts = paste.Options{RelativeTo: dir, EntryPoints: rig{}, Strict: true}
	if slices.Contains([]string{"create", "child", "appconfig"}, words[0]) {
		c.verb, words = words[0], words[1:]
	}
	if c.verb != "appconfig" {
		c.kind, words = paste.Kind(words[0]), words[1:]
	}
	c.uri, words = words[0], words[1:]
	if c.verb == "child" {
		c.name, words = &words[0], words[1:]
	}
	for _, word := range words {
		switch name, value, _ := strings.Cut(word, "="); name {
		case "name":
			c.name = &value
		case "from":
			c.opts.RelativeTo = value
		default:
			if c.opts.GlobalConf == nil {
				c.opts.GlobalConf = new(paste.Conf)
			}
			c.opts.GlobalConf.Set(name, value)
		}
	}
	return c
}

// runRule makes a call and says what it gave, as testdata/pastedeploy.py does.
func runRule(t *testing.T, line, dir string) string {
	t.Helper()
	c := readRuleCall(line, dir)
	var made rigMaker
	text, err := c.run(t, &made)
	calls := strings.Join(made.calls, "")
	if err == nil {
		return calls + text
	}
	var e *paste.Error
	if !errors.As(err, &e) {
		t.Fatalf("%s: error %#v, want a *paste.Error", line, err)
	}
	if e.Message == "" {
		t.Errorf("%s: no message of our own: %#v", line, e)
	}
	return calls + fmt.Sprintf("! %s: %s\n", e.Class, strings.ReplaceAll(e.Text, "\n", "\n  "))
}

func (c ruleCall) run(t *testing.T, made *rigMaker) (string, error) {
	t.Helper()
	ctx, err := c.resolve()
	if err != nil {
		return "", err
	}
	switch c.verb {
	case "appconfig":
		return "config " + pythonDict(ctx.Config()) + "\n", nil
	case "create":
		text, err := made.create(t, ctx, c.kind)
		return "gives " + text + "\n", err
	}
	var b bytes.Buffer
	describeRule(&b, ctx, "", "")
	return b.String(), nil
}

func (c ruleCall) resolve() (*paste.Context, error) {
	if c.verb == "child" {
		global := c.opts.GlobalConf
		c.opts.GlobalConf = nil
		ctx, err := paste.Resolve(paste.AppKind, c.uri, c.opts)
		if err != nil {
			return nil, err
		}
		return ctx.Loader.Context(c.kind, c.name, global)
	}
	c.opts.Name = c.name
	if file, ok := strings.CutPrefix(c.uri, "open:"); ok {
		return loaderContext(c.kind, filepath.Join(c.opts.RelativeTo, file), c.opts)
	}
	return paste.Resolve(c.kind, c.uri, c.opts)
}

func describeRule(b *bytes.Buffer, ctx *paste.Context, indent, role string) {
	protocol, spec := "-", "-"
	if ctx.Protocol != "" {
		protocol = ctx.Protocol
	}
	if o := ctx.Object; o != nil {
		spec = rigSpec(o)
		if o.Egg != "" {
			spec += fmt.Sprintf(" (%s of %s)", ctx.EntryPointName, rigSpelling(ctx.Distribution))
		}
	}
	fmt.Fprintf(b, "%s%s%s %s %s, loader %s\n", indent, role, ctx.Type, protocol, spec, ctx.Loader)
	fmt.Fprintf(b, "%s  global %s\n", indent, pythonDict(ctx.GlobalConf))
	fmt.Fprintf(b, "%s  local %s\n", indent, pythonDict(ctx.LocalConf))
	for _, filter := range ctx.Filters {
		describeRule(b, filter, indent+"  ", "filter: ")
	}
	for _, part := range []struct {
		role string
		ctx  *paste.Context
	}{{"app: ", ctx.App}, {"filter: ", ctx.Filter}, {"next: ", ctx.Next}} {
		if part.ctx != nil {
			describeRule(b, part.ctx, indent+"  ", part.role)
		}
	}
}

func rigSpec(o *paste.Object) string {
	if o.Attr == "" {
		return "module " + o.Module
	}
	return o.Module + ":" + o.Attr
}

// pythonDict writes c as Python's repr does.
func pythonDict(c *paste.Conf) string {
	var items []string
	for key, value := range c.All() {
		items = append(items, ini.Repr(key)+": "+ini.Repr(value))
	}
	return "{" + strings.Join(items, ", ") + "}"
}

// A rig is a Python installation with the distributions of
// testdata/pastedeploy.py.
type rig struct{}

func rigDistributions() map[string]map[string][]string {
	return map[string]map[string][]string{
		"Rig": {
			"paste.app_factory":        {"main", "app", "both", "boom"},
			"paste.composite_factory":  {"map", "deaf", "both", "pair"},
			"paste.composit_factory":   {"oldmap", "pair"},
			"paste.filter_factory":     {"main", "filter", "pairf"},
			"paste.filter_app_factory": {"late", "pairf"},
			"paste.server_factory":     {"main", "server", "pairs"},
			"paste.server_runner":      {"runner", "pairs"},
		},
		"Dotted.Egg_Two": {"paste.app_factory": {"main"}},
		"Bare":           {},
	}
}

// rigSpelling returns how a distribution spells itself, or "".
func rigSpelling(name string) string {
	for spelling := range rigDistributions() {
		if foldDistribution(spelling) == foldDistribution(name) {
			return spelling
		}
	}
	return ""
}

func (rig) Installed(distribution string) error {
	if rigSpelling(distribution) == "" {
		return &paste.NotInstalledError{Distribution: distribution}
	}
	return nil
}

func (r rig) EntryPoint(distribution, group, name string) (string, bool, error) {
	if err := r.Installed(distribution); err != nil {
		return "", false, err
	}
	names := rigDistributions()[rigSpelling(distribution)][group]
	return "rig." + strings.TrimPrefix(group, "paste.") + " : make." + name + " [extra]", slices.Contains(names, name), nil
}

// A rigMaker makes what a context stands for and writes down the calls.
type rigMaker struct{ calls []string }

// A rigged application says what it was made of.
type rigged struct {
	http.Handler
	text string
}

func (m *rigMaker) create(t *testing.T, ctx *paste.Context, kind paste.Kind) (string, error) {
	b := &paste.Builder{Registry: m.registry()}
	switch kind {
	case paste.FilterKind:
		wrap, err := b.Filter(ctx)
		if err != nil {
			return "", err
		}
		h, err := wrap(rigged{text: "probe"})
		if err != nil {
			return "", err
		}
		return h.(rigged).text, nil
	case paste.ServerKind:
		serve, err := b.Server(ctx)
		if err != nil {
			return "", err
		}
		return serve(t.Context(), rigged{text: "probe"}).Error(), nil
	}
	h, err := b.App(ctx)
	if err != nil {
		return "", err
	}
	return h.(rigged).text, nil
}

// registry returns counterparts of all that a rig has, and of four objects of
// the module rig.things.
func (m *rigMaker) registry() *paste.Registry {
	r := new(paste.Registry)
	for dist, groups := range rigDistributions() {
		for group, names := range groups {
			for _, name := range names {
				m.register(r, group, "egg:"+dist+"#"+name, "rig."+strings.TrimPrefix(group, "paste.")+":make."+name)
			}
		}
	}
	for name, group := range map[string]string{
		"rig.things:app": "paste.app_factory", "rig.things:map": "paste.composit_factory",
		"rig.things:filter": "paste.filter_factory", "rig.things:late": "paste.filter_app_factory",
	} {
		m.register(r, group, name, name)
	}
	return r
}

func (m *rigMaker) register(r *paste.Registry, group, name, spec string) {
	switch group {
	case "paste.app_factory":
		r.SetApp(name, func(global, local *paste.Conf) (http.Handler, error) {
			tag := m.call(spec, "", global, local)
			if tag == "boom" {
				text, _ := local.Get("text")
				return nil, &paste.Error{Class: "ValueError", Text: text, Message: text}
			}
			return rigged{text: tag}, nil
		})
	case "paste.filter_factory":
		r.SetFilter(name, func(global, local *paste.Conf) (func(http.Handler) http.Handler, error) {
			tag := m.call(spec, "", global, local)
			return func(next http.Handler) http.Handler { return wrapped(tag, next) }, nil
		})
	case "paste.filter_app_factory":
		r.SetFilterApp(name, func(next http.Handler, global, local *paste.Conf) (http.Handler, error) {
			return wrapped(m.call(spec, " on "+next.(rigged).text, global, local), next), nil
		})
	case "paste.server_factory":
		r.SetServer(name, func(global, local *paste.Conf) (paste.ServeFunc, error) {
			tag := m.call(spec, "", global, local)
			return func(_ context.Context, app http.Handler) error { return errors.New(wrapped(tag, app).text) }, nil
		})
	case "paste.server_runner":
		r.SetServerRunner(name, func(_ context.Context, app http.Handler, global, local *paste.Conf) error {
			return errors.New(wrapped(m.call(spec, " on "+app.(rigged).text, global, local), app).text)
		})
	default:
		r.SetComposite(name, m.composite(spec))
	}
}

// composite makes the applications that the options name; deaf passes no global
// conf on.
func (m *rigMaker) composite(spec string) paste.CompositeFactory {
	return func(l *paste.CompositeLoader, global, local *paste.Conf) (http.Handler, error) {
		tag := m.call(spec, "", global, local)
		if tag == "deaf" {
			global = nil
		}
		var children []string
		for _, name := range local.All() {
			app, err := l.App(name, global)
			if err != nil {
				return nil, err
			}
			children = append(children, app.(rigged).text)
		}
		return rigged{text: tag + "[" + strings.Join(children, ", ") + "]"}, nil
	}
}

func wrapped(tag string, app http.Handler) rigged {
	return rigged{text: tag + "(" + app.(rigged).text + ")"}
}

// call writes a call down and returns what its result is to call itself.
func (m *rigMaker) call(spec, on string, global, local *paste.Conf) string {
	m.calls = append(m.calls, fmt.Sprintf("call %s%s %s %s\n", spec, on, pythonDict(global), pythonDict(local)))
	if tag, ok := local.Get("tag"); ok {
		return tag
	}
	words := strings.FieldsFunc(spec, func(r rune) bool { return r == '.' || r == ':' })
	return words[len(words)-1]
}

package paste_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pasted/internal/ini"
	"pasted/paste"

	"github.com/google/go-cmp/cmp"
)

// corpus returns the folder of the collected outcomes of the real library.
func corpus(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("PASTED_CORPUS")
	if dir == "" {
		dir = filepath.Join("..", "..", "shared", "corpus")
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		t.Fatal(err)
	}
	if real, err := filepath.EvalSymlinks(abs); err == nil {
		abs = real // as Python sees the working directory
	}
	if _, err := os.Stat(filepath.Join(abs, "expected-synthetic")); err != nil {
		t.Skip("the corpus of PasteDeploy's outcomes is not here; set PASTED_CORPUS to its folder")
	}
	return abs
}

// A corpusCase is a file of outcomes.
type corpusCase struct {
	ID      string
	Results []corpusResult
}

type corpusResult struct {
	Call struct {
		Fn         string
		URI        string
		Name       *string
		RelativeTo string          `json:"relative_to"`
		GlobalConf json.RawMessage `json:"global_conf"`
	}
	Context    json.RawMessage
	Config     json.RawMessage
	LocalConf  json.RawMessage `json:"local_conf"`
	GlobalConf json.RawMessage `json:"global_conf"`
	corpusParse
}

type corpusError struct{ Class, Message string }

type corpusParse struct {
	Error       *corpusError
	Defaults    json.RawMessage
	DefaultsRaw json.RawMessage `json:"defaults_raw"`
	Sections    json.RawMessage
}

// A corpusFile is the outcome of a file from the world.
type corpusFile struct {
	File  string
	Parse corpusParse
	Loads []struct {
		Type          string
		Section, Name *string
		Context       json.RawMessage
		Error         *corpusError
		Appconfig     struct {
			Config json.RawMessage
			Error  *corpusError
		}
	}
}

func TestContextsAreThoseOfPasteDeploy(t *testing.T) {
	dir := corpus(t)
	files, err := filepath.Glob(filepath.Join(dir, "expected-synthetic", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	count := make(map[string]int)
	for _, file := range files {
		var c corpusCase
		readJSON(t, file, dir, &c)
		for i, result := range c.Results {
			t.Run(fmt.Sprintf("%s/%d", c.ID, i), func(t *testing.T) {
				count[checkResult(t, dir, c.ID, result)]++
			})
		}
	}
	t.Logf("outcomes: %v", count)
}

// checkResult checks one call and says which kind of check it was.
func checkResult(t *testing.T, dir, id string, want corpusResult) string {
	if want.Call.Fn == "parse" {
		folder := filepath.Join(dir, "synthetic", id)
		t.Chdir(folder)
		checkParse(t, strings.ReplaceAll(want.Call.URI, "@CASE@", folder), want.corpusParse)
		return "parse"
	}
	if strings.HasPrefix(want.Call.Fn, "plaster.") {
		return "plaster's, which is not paste's: see internal/release"
	}
	ctx, kind, err := resolveResult(t, dir, id, want)
	if want.Error != nil {
		checkError(t, err, *want.Error)
		return "error"
	}
	if err != nil {
		t.Errorf("error %v, want a context", err)
		return "context"
	}
	if want.Call.Fn[:3] != "get" {
		_, uri, opts := want.options(t, dir, id)
		checkLiberties(t, kind, uri, opts, ctx)
	}
	if want.Call.Fn == "appconfig" {
		checkConfig(t, ctx, want)
		return "appconfig"
	}
	compare(t, paste.Dumper{Conf: confJSON}.Dump(ctx), want.Context)
	return "context"
}

// options are those of the call, which is one of PasteDeploy's functions.
func (r corpusResult) options(t *testing.T, dir, id string) (kind paste.Kind, uri string, opts paste.Options) {
	t.Helper()
	kind, ok := map[string]paste.Kind{
		"loadapp": paste.AppKind, "loadfilter": paste.FilterKind, "loadserver": paste.ServerKind,
		"appconfig": paste.AppKind,
		"get_app":   paste.AppKind, "get_filter": paste.FilterKind, "get_server": paste.ServerKind,
	}[r.Call.Fn]
	if !ok {
		t.Fatalf("%s is no function of PasteDeploy", r.Call.Fn)
	}
	folder := filepath.Join(dir, "synthetic", id)
	return kind, strings.ReplaceAll(r.Call.URI, "@CASE@", folder), paste.Options{
		Name:        r.Call.Name,
		RelativeTo:  strings.ReplaceAll(r.Call.RelativeTo, "@CASE@", folder),
		GlobalConf:  confOf(t, r.Call.GlobalConf),
		Foreign:     foreign,
		EntryPoints: newDistributions(t, dir),
		Import:      readModules(t, dir).find,
		Strict:      true,
	}
}

// resolveResult makes the call in its folder, up to the context.
func resolveResult(t *testing.T, dir, id string, r corpusResult) (*paste.Context, paste.Kind, error) {
	t.Helper()
	t.Chdir(filepath.Join(dir, "synthetic", id))
	kind, uri, opts := r.options(t, dir, id)
	var ctx *paste.Context
	var err error
	if strings.HasPrefix(r.Call.Fn, "get_") {
		ctx, err = loaderContext(kind, uri, opts)
	} else {
		ctx, err = paste.Resolve(kind, uri, opts)
	}
	return ctx, kind, err
}

// checkLiberties checks that none is taken where PasteDeploy does not fail.
func checkLiberties(t *testing.T, kind paste.Kind, uri string, opts paste.Options, strict *paste.Context) {
	t.Helper()
	opts.Strict = false
	opts.Native = nativeShelf{}
	opts.Notes = func(n paste.Note) { t.Errorf("note: %s", n) }
	ctx, err := paste.Resolve(kind, uri, opts)
	if err != nil {
		t.Errorf("error %v but in strict mode", err)
		return
	}
	if diff := cmp.Diff(dumpText(strict), dumpText(ctx)); diff != "" {
		t.Errorf("(-strict +not)\n%s", diff)
	}
}

// loaderContext asks a file's own loader, as a composite's factory does.
func loaderContext(kind paste.Kind, file string, opts paste.Options) (*paste.Context, error) {
	global := opts.GlobalConf
	opts.GlobalConf = nil
	loader, err := paste.Open(file, opts)
	if err != nil {
		return nil, err
	}
	return loader.Context(kind, opts.Name, global)
}

// checkConfig checks what appconfig gives.
func checkConfig(t *testing.T, ctx *paste.Context, want corpusResult) {
	t.Helper()
	compare(t, confJSON(ctx.Config()), want.Config)
	compare(t, confJSON(ctx.LocalConf), want.LocalConf)
	compare(t, confJSON(ctx.GlobalConf), want.GlobalConf)
}

func checkError(t *testing.T, err error, want corpusError) {
	t.Helper()
	var got *paste.Error
	if !errors.As(err, &got) {
		t.Errorf("error %v, want %s: %s", err, want.Class, want.Message)
		return
	}
	if got.Class != want.Class || got.Text != want.Message {
		t.Errorf("error %s: %s\nwant  %s: %s", got.Class, got.Text, want.Class, want.Message)
	}
	if got.Message == "" {
		t.Errorf("error without a message of our own: %+v", got)
	}
}

// checkParse checks what the file alone says.
func checkParse(t *testing.T, name string, want corpusParse) {
	t.Helper()
	name = ini.TrimSpace(name)
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	defaults, err := ini.FileDefaults(name)
	if err != nil {
		t.Fatal(err)
	}
	file, err := ini.Parse(name, data, defaults...)
	if want.Error != nil {
		checkINIError(t, err, *want.Error)
		return
	}
	if err != nil {
		t.Errorf("error %v, want a file", err)
		return
	}
	compare(t, optionsJSON(file, file.Defaults(), true), want.DefaultsRaw)
	values, err := file.DefaultValues()
	if err != nil {
		compare(t, ordered{{"@error", errorJSON(err)}}, want.Defaults)
	} else {
		var got ordered
		for _, v := range values {
			got = append(got, member{v.Name, v.Value})
		}
		compare(t, got, want.Defaults)
	}
	sections := []any{}
	for _, s := range file.Sections() {
		sections = append(sections, ordered{{"name", s.Name}, {"options", optionsJSON(file, s, false)}})
	}
	compare(t, sections, want.Sections)
}

func checkINIError(t *testing.T, err error, want corpusError) {
	t.Helper()
	var got *ini.Error
	if !errors.As(err, &got) {
		t.Errorf("error %v, want %s: %s", err, want.Class, want.Message)
		return
	}
	if got.Class != want.Class || got.Text != want.Message {
		t.Errorf("error %s: %q\nwant  %s: %q", got.Class, got.Text, want.Class, want.Message)
	}
}

func optionsJSON(file *ini.File, s *ini.Section, raw bool) ordered {
	options := ordered{}
	for _, o := range s.Options() {
		value, err := file.Interpolate(s.Name, o)
		switch {
		case raw, err == nil && value == o.Raw:
			options = append(options, member{o.Name, o.Raw})
		case err != nil:
			options = append(options, member{o.Name, ordered{{"raw", o.Raw}, {"error", errorJSON(err)}}})
		default:
			options = append(options, member{o.Name, ordered{{"raw", o.Raw}, {"value", value}}})
		}
	}
	return options
}

// errorJSON leaves out the base classes, which are Python's affair; compare
// ignores them.
func errorJSON(err error) ordered {
	var e *ini.Error
	errors.As(err, &e)
	return ordered{{"class", e.Class}, {"message", e.Text}}
}

func TestFilesOfTheWorldAreReadAsPasteDeployReadsThem(t *testing.T) {
	dir := corpus(t)
	table := wellKnown(t, dir)
	count := make(map[string]int)
	for _, top := range []string{"expected", "expected-trees"} {
		eachFile(t, filepath.Join(dir, top), func(file string) {
			var c corpusFile
			readJSON(t, file, dir, &c)
			name, _ := filepath.Rel(dir, file)
			t.Run(name, func(t *testing.T) { checkFile(t, c, table, count) })
		})
	}
	t.Logf("outcomes: %v", count)
}

func checkFile(t *testing.T, c corpusFile, table *distributions, count map[string]int) {
	count["parse"]++
	checkParse(t, c.File, c.Parse)
	for _, load := range c.Loads {
		opts := paste.Options{Name: load.Name, EntryPoints: table, Strict: true, Assume: true}
		uri := "config:" + strings.ReplaceAll(c.File, "%", "%25")
		ctx, err := paste.Resolve(paste.Kind(load.Type), uri, opts)
		switch {
		case load.Error != nil:
			count["error"]++
			checkError(t, err, *load.Error)
		case err != nil:
			t.Errorf("%s: error %v, want a context", *load.Section, err)
		default:
			count["context"]++
			compare(t, paste.Dump(ctx), load.Context)
			if load.Appconfig.Config != nil {
				compare(t, ctx.Config(), load.Appconfig.Config)
			}
		}
	}
}

func eachFile(t *testing.T, dir string, do func(file string)) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".json") {
			do(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

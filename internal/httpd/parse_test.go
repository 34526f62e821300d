package httpd_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"pasted/internal/httpd"
	"pasted/paste"
)

var update = flag.Bool("update", false, "rewrite what the cases in testdata want")

// resolveServer resolves [server:main] of a file with this text.
func resolveServer(t *testing.T, text string) *paste.Context {
	t.Helper()
	ctx, err := paste.Resolve(paste.ServerKind, "config:/etc/app.ini", paste.Options{
		Assume:   true,
		ReadFile: func(string) ([]byte, error) { return []byte(text), nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return ctx
}

// describe writes a Config as lines: where it listens, and every field that is
// not what egg:pasted#http has without options.
func describe(c httpd.Config) string {
	var b strings.Builder
	for _, address := range c.Listen {
		fmt.Fprintf(&b, "Listen %s\n", address)
	}
	got, usual := reflect.ValueOf(c), reflect.ValueOf(httpd.Defaults())
	for i := range got.NumField() {
		name, value := got.Type().Field(i).Name, got.Field(i).Interface()
		switch {
		case name == "Listen" || name == "Server" || reflect.DeepEqual(value, usual.Field(i).Interface()):
		case name == "UnixPerms":
			fmt.Fprintf(&b, "%s %o\n", name, value)
		default:
			fmt.Fprintf(&b, "%s %v\n", name, value)
		}
	}
	return b.String()
}

// outcome is what ParseServer says of a file with this text.
func outcome(t *testing.T, text string) string {
	cfg, notes, err := httpd.ParseServer(resolveServer(t, text))
	if err != nil {
		return "error: " + strings.ReplaceAll(err.Error(), "\n", "\nerror: ") + "\n"
	}
	got := describe(cfg)
	for _, note := range notes {
		got += "note: " + note.String() + "\n"
	}
	return got
}

func TestServersAreTranslated(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "servers", "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatal("no cases", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) { checkCases(t, file) })
	}
}

// checkCases holds pairs of NAME.ini and NAME.want in an archive.
func checkCases(t *testing.T, file string) {
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var rewritten []txtar.File
	for i, f := range archive.Files {
		name, ok := strings.CutSuffix(f.Name, ".ini")
		if !ok {
			continue
		}
		got, want := outcome(t, string(f.Data)), ""
		if i+1 < len(archive.Files) && archive.Files[i+1].Name == name+".want" {
			want = string(archive.Files[i+1].Data)
		}
		if diff := cmp.Diff(want, got); diff != "" && !*update {
			t.Errorf("%s:\n%s", name, diff)
		}
		rewritten = append(rewritten, f, txtar.File{Name: name + ".want", Data: []byte(got)})
	}
	if *update {
		archive.Files = rewritten
		if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// A row is an option of a server.
type row struct{ egg, option string }

func TestEveryOptionHasItsCase(t *testing.T) {
	tried := make(map[row]bool)
	files, _ := filepath.Glob(filepath.Join("testdata", "servers", "*.txtar"))
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range archive.Files {
			if strings.HasSuffix(f.Name, ".ini") {
				note(tried, string(f.Data))
			}
		}
	}
	eggs, options := httpd.Table()
	for _, egg := range eggs {
		for _, option := range options[egg] {
			if !tried[row{egg, option}] {
				t.Errorf("no case in testdata/servers sets %s of egg:%s", option, egg)
			}
		}
	}
}

// note adds the options that a file sets.
func note(tried map[row]bool, text string) {
	_, egg, _ := strings.Cut(text, "use = egg:")
	egg, _, _ = strings.Cut(egg, "\n")
	for line := range strings.Lines(text) {
		if name, _, ok := strings.Cut(line, "="); ok {
			tried[row{egg, strings.TrimSpace(name)}] = true
		}
	}
}

func TestWithoutAServerSectionItListensOnLoopback(t *testing.T) {
	cfg, notes, err := httpd.ParseServer(nil)
	if err != nil || len(notes) != 1 {
		t.Fatalf("ParseServer(nil) = %v notes, %v", notes, err)
	}
	if diff := cmp.Diff(httpd.Defaults(), cfg); diff != "" {
		t.Error(diff)
	}
	if got, want := notes[0].String(), "no server section: listening on 127.0.0.1:8080"; got != want {
		t.Errorf("note %q, want %q", got, want)
	}
}

func TestEveryOptionIsDocumented(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "server.md"))
	if err != nil {
		t.Fatal(err)
	}
	eggs, options := httpd.Table()
	for _, egg := range eggs {
		section := sectionOf(string(page), "`egg:"+egg+"`")
		if section == "" {
			t.Errorf("docs/server.md: no heading names egg:%s", egg)
		}
		for _, option := range options[egg] {
			if !strings.Contains(section, "`"+option+"`") {
				t.Errorf("docs/server.md: nothing about %s of egg:%s", option, egg)
			}
		}
	}
}

// sectionOf returns the part of a page whose heading has name in it.
func sectionOf(page, name string) string {
	for _, section := range strings.Split(page, "\n## ") {
		if heading, _, _ := strings.Cut(section, "\n"); strings.Contains(heading, name) {
			return section
		}
	}
	return ""
}

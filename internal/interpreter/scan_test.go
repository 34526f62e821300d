package interpreter_test

import (
	"archive/zip"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"pasted/internal/interpreter"
)

// A scanCase is a file of testdata/scan: "path" has the directories for the
// front of sys.path, "ask" the names to ask for, "want" the answers; "differs"
// says which of them are not importlib.metadata's. Of the other files those
// below a name in "zip" are packed, "links" and "fifos" are made, and a percent
// sign in the rest begins a byte.
type scanCase struct {
	root    string
	path    []string
	ask     []string
	want    string
	differs string
}

func TestScan(t *testing.T) {
	python := anyPython(t)
	for _, c := range scanCases(t) {
		t.Run(filepath.Base(c.root), func(t *testing.T) {
			i, err := interpreter.Inspect(context.Background(), python, interpreter.Options{Path: c.path})
			if err != nil {
				t.Fatal(err)
			}
			var got strings.Builder
			for _, name := range c.ask {
				d, ok := i.Distribution(name)
				describe(&got, c.root, name, d, ok)
			}
			if diff := cmp.Diff(c.want, got.String()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

//go:embed testdata/importlib_metadata.py
var importlibMetadata string

// TestImportlibMetadataScansAlike asks the library for the same names. Before
// 3.10 it read entry_points.txt with configparser.
func TestImportlibMetadataScansAlike(t *testing.T) {
	cases := scanCases(t)
	eachPython(t, func(t *testing.T, python string, minor int) {
		if minor < 10 {
			t.Skip("its importlib.metadata, if there is one, has other rules")
		}
		for _, c := range cases {
			arguments, err := json.Marshal(map[string]any{"root": c.root, "path": c.path, "ask": c.ask, "skip": c.differs})
			if err != nil {
				t.Fatal(err)
			}
			got := output(t, python, "-c", importlibMetadata, string(arguments))
			if diff := cmp.Diff(without(c.want, c.differs), got+"\n"); diff != "" {
				t.Errorf("%s:\n%s", filepath.Base(c.root), diff)
			}
		}
	})
}

// without leaves out what want says of the names that differs speaks of.
func without(want, differs string) string {
	var kept strings.Builder
	keep := true
	for line := range strings.Lines(want) {
		if name, _, ok := strings.Cut(line, ":"); ok && line[0] != ' ' {
			keep = !strings.Contains(differs, name)
		}
		if keep {
			kept.WriteString(line)
		}
	}
	return kept.String()
}

func describe(b *strings.Builder, root, name string, d interpreter.Distribution, installed bool) {
	if !installed {
		fmt.Fprintf(b, "%s: not installed\n", name)
		return
	}
	location, err := filepath.Rel(root, d.Location)
	if err != nil {
		location = d.Location
	}
	fmt.Fprintf(b, "%s: %s %s %s\n", name, d.Name, d.Version, location)
	for _, group := range slices.Sorted(maps.Keys(d.EntryPoints)) {
		for _, point := range slices.Sorted(maps.Keys(d.EntryPoints[group])) {
			fmt.Fprintf(b, "  %s %s = %s\n", group, point, d.EntryPoints[group][point])
		}
	}
}

// scanCases lays out the files of all cases.
func scanCases(t *testing.T) []scanCase {
	t.Helper()
	files, err := filepath.Glob("testdata/scan/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no cases", err)
	}
	var cases []scanCase
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		root := filepath.Join(t.TempDir(), strings.TrimSuffix(filepath.Base(file), ".txtar"))
		cases = append(cases, layOut(t, root, archive))
	}
	return cases
}

func layOut(t *testing.T, root string, archive *txtar.Archive) scanCase {
	t.Helper()
	c := scanCase{root: root}
	var zips []string
	for _, f := range archive.Files {
		words := strings.Fields(string(f.Data))
		switch f.Name {
		case "path":
			for _, word := range words {
				c.path = append(c.path, filepath.Join(root, word))
			}
		case "ask":
			c.ask = words
		case "want":
			c.want = string(f.Data)
		case "differs":
			c.differs = string(f.Data)
		case "zip":
			zips = words
		case "links":
			for pair := range slices.Chunk(words, 2) {
				place(t, root, pair[0], func(path string) error { return os.Symlink(pair[1], path) })
			}
		case "fifos":
			for _, name := range words {
				place(t, root, name, func(path string) error { return syscall.Mkfifo(path, 0o600) })
			}
		default:
			text, err := url.PathUnescape(string(f.Data))
			if err != nil {
				t.Fatal(err)
			}
			write(t, root, map[string]string{f.Name: text})
		}
	}
	for _, name := range zips {
		pack(t, filepath.Join(root, name))
	}
	return c
}

// place makes something that is no plain file.
func place(t *testing.T, root, name string, make func(path string) error) {
	t.Helper()
	path := filepath.Join(root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := make(path); err != nil {
		t.Fatal(err)
	}
}

// pack makes an archive of a directory, in its place.
func pack(t *testing.T, dir string) {
	t.Helper()
	f, err := os.Create(dir + ".tmp")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := zip.NewWriter(f)
	for _, step := range []func() error{
		func() error { return w.AddFS(os.DirFS(dir)) },
		w.Close,
		func() error { return os.RemoveAll(dir) },
		func() error { return os.Rename(dir+".tmp", dir) },
	} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
}

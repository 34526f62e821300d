package outcome_test

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pasted/internal/outcome"
	"pasted/paste"
)

// corpus returns the folder of the library's own outcomes.
func corpus(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("PASTED_CORPUS")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "corpus")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "expected")); err != nil {
		t.Skip("the corpus of PasteDeploy's outcomes is not here; set PASTED_CORPUS to its folder")
	}
	return dir
}

// A file is what stands in the corpus of one from the world.
type file struct {
	File  string
	Parse json.RawMessage
	Loads []json.RawMessage
}

func TestFilesOfTheWorldGiveWhatPasteDeployGives(t *testing.T) {
	dir := corpus(t)
	files, loads := 0, 0
	for _, top := range []string{"expected", "expected-trees"} {
		err := filepath.WalkDir(filepath.Join(dir, top), func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".json") {
				return err
			}
			t.Run(filepath.Base(path), func(t *testing.T) {
				var want file
				read(t, dir, path, &want)
				files++
				loads += len(want.Loads)
				compare(t, "parse", want.Parse, outcome.Parse(want.File))
				for _, load := range want.Loads {
					checkLoad(t, want.File, load)
				}
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d files, %d sections loaded", files, loads)
}

// read reads a file in which @CORPUS@ stands for dir.
func read(t *testing.T, dir, path string, into any) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(bytes.ReplaceAll(data, []byte("@CORPUS@"), []byte(dir)), into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// checkLoad loads a section as the corpus says it was loaded.
func checkLoad(t *testing.T, name string, want json.RawMessage) {
	t.Helper()
	var load struct {
		Type    paste.Kind
		Section string
		Name    *string
	}
	if err := json.Unmarshal(want, &load); err != nil {
		t.Fatal(err)
	}
	s := outcome.Permissive()
	defer s.Close()
	got := outcome.Object{{Key: "type", Value: string(load.Type)}, {Key: "section", Value: load.Section}, {Key: "name", Value: load.Name}}
	var config outcome.Object
	ctx, err := s.Resolve(t.Context(), outcome.Request{
		Kind: load.Type, URI: "config:" + strings.ReplaceAll(name, "%", "%25"), Name: load.Name,
	})
	if err != nil {
		told, ok := outcome.Error(err)
		if !ok {
			t.Fatalf("%s: %v", load.Section, err)
		}
		got = append(got, outcome.Member{Key: "error", Value: told})
		config = outcome.Object{{Key: "error", Value: told}}
	} else {
		creation, err := s.Create(t.Context(), load.Type, ctx)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, outcome.Member{Key: "context", Value: s.Dump(ctx)}, outcome.Member{Key: "create", Value: creation})
		config = outcome.Object{{Key: "config", Value: ctx.Config()}}
	}
	if load.Type == paste.AppKind {
		got = append(got, outcome.Member{Key: "appconfig", Value: config})
	}
	compare(t, load.Section, want, got)
}

func compare(t *testing.T, what string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(indented(t, want), indented(t, got)); diff != "" {
		t.Errorf("%s: (-want +got)\n%s", what, diff)
	}
}

// indented returns a value as JSON, its keys in their order.
func indented(t *testing.T, value any) string {
	t.Helper()
	object, err := outcome.ObjectOf(value)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := outcome.Write(&b, object, false); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

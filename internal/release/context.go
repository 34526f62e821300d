package release

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	"pasted/internal/interpreter"
	"pasted/paste"
)

// ContextOptions say what Context resolves.
type ContextOptions struct {
	Kind paste.Kind
	// URI is one of PasteDeploy's, or the path of a file, perhaps with #NAME.
	// A relative one starts from the working directory.
	URI  string
	Name string // wins over the fragment; empty: not given
	Vars *paste.Conf
	// Python names the interpreter whose eggs count; empty: it is looked for.
	Python string
	// Assume takes every egg for installed, and asks no interpreter.
	Assume bool
}

// Context resolves a URI as PasteDeploy does, without a liberty. The error is
// a *paste.Error, or the interpreter's. Nothing is built.
func Context(ctx context.Context, o ContextOptions) (*paste.Context, error) {
	cwd, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	options := paste.Options{
		Name: nameOrNil(o.Name), RelativeTo: cwd, GlobalConf: o.Vars, Strict: true, Assume: o.Assume,
	}
	uri := o.URI
	if path, _, _ := strings.Cut(uri, "#"); !strings.Contains(path, ":") {
		t, err := parseTarget(uri)
		if err != nil {
			return nil, err
		}
		uri = t.uri()
		if options.Name == nil {
			options.Name = nameOrNil(t.name)
		}
	}
	if !o.Assume {
		if options.EntryPoints, err = installed(ctx, o.Python, dirOf(uri, cwd)); err != nil {
			return nil, err
		}
	}
	return paste.Resolve(o.Kind, uri, options)
}

// dirOf returns the directory of a config: URI's file, or else cwd.
func dirOf(uri, cwd string) string {
	path, ok := strings.CutPrefix(uri, "config:")
	if !ok {
		return cwd
	}
	path, _, _ = strings.Cut(path, "#")
	return filepath.Dir(absolute(cwd, path))
}

// installed asks the interpreter that counts for files in dir.
func installed(ctx context.Context, python, dir string) (paste.EntryPoints, error) {
	path, _, err := interpreter.Find(ctx, interpreter.FindOptions{Python: python, FileDir: dir})
	if err != nil {
		return nil, err
	}
	found, err := interpreter.Inspect(ctx, path, interpreter.Options{PathEnd: []string{dir}, Timeout: askTimeout})
	if err != nil {
		return nil, err
	}
	return entryPoints{found}, nil
}

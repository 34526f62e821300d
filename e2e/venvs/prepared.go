package venvs

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
)

// The Go module that carries a Python 3.14, and the sum of what is in it.
const (
	carrier    = "github.com/kluctl/go-embed-python@v0.0.0-3.14.6-20260610-1"
	carrierSum = "h1:oGUS7++Wm3LgxUfD6AmJgKbKQD2wdQFO9PzyJv6T+E4="
)

// MakeInterpreters makes the Pythons that few machines have, unless they are
// there. Which cannot be had is said to log, and no error: their tests are skipped.
func (l Layout) MakeInterpreters(ctx context.Context, log io.Writer) error {
	if err := os.MkdirAll(l.Cache, 0o755); err != nil {
		return err
	}
	unlock, err := l.lock()
	if err != nil {
		return err
	}
	defer unlock()
	for _, one := range []struct {
		name string
		make func(context.Context, string) error
	}{
		{"3.14", unpackCarried},
		{"3.13t", l.script("free-threaded")},
		{PyPy, l.script("pypy")},
	} {
		if _, err := l.Interpreter(one.name); err == nil {
			continue
		}
		fmt.Fprintln(log, "preparing Python", one.name)
		err := one.make(ctx, l.interpreter(one.name))
		if err == nil {
			_, err = l.Interpreter(one.name)
		}
		if err != nil {
			fmt.Fprintf(log, "Python %s is not made: %v\n", one.name, err)
		}
	}
	return ctx.Err()
}

// script returns what runs a script of e2e/prepare, whose argument is the folder.
func (l Layout) script(name string) func(context.Context, string) error {
	return func(ctx context.Context, dir string) error {
		cmd := exec.CommandContext(ctx, filepath.Join(l.Root, "e2e", "prepare", name), dir)
		cmd.Dir = l.Root
		if said, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%w: %s", err, bytes.TrimSpace(said[max(0, len(said)-1000):]))
		}
		return nil
	}
}

// A carried is a file, a folder or a link of the carrier's list.
type carried struct {
	Name    string
	Perm    fs.FileMode
	Symlink string
}

// unpackCarried has the go command fetch the carrier, and unpacks its Python.
func unpackCarried(ctx context.Context, dir string) error {
	cmd := exec.CommandContext(ctx, "go", "mod", "download", "-json", carrier)
	cmd.Dir = os.TempDir() // the module is none of ours
	out, err := cmd.Output()
	var module struct{ Dir, Sum, Error string }
	if invalid := json.Unmarshal(out, &module); invalid != nil || err != nil || module.Error != "" {
		return errors.Join(err, invalid, errors.New(module.Error))
	}
	if module.Sum != carrierSum {
		return fmt.Errorf("%s has the sum %s, want %s", carrier, module.Sum, carrierSum)
	}
	// Where the machine is of another kind, there is no such folder, or it does not start.
	from := filepath.Join(module.Dir, "python", "internal", "data", "linux-amd64")
	text, err := os.ReadFile(filepath.Join(from, "files.json"))
	if err != nil {
		return err
	}
	var list struct{ Files []carried }
	if err := json.Unmarshal(text, &list); err != nil {
		return err
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	for _, file := range list.Files {
		if err := file.unpack(from, dir); err != nil {
			return err
		}
	}
	// It is on the path only if it is there.
	if err := os.MkdirAll(filepath.Join(dir, "lib", "python3.14", "site-packages"), 0o755); err != nil {
		return err
	}
	// Otherwise each process that starts compiles what it imports.
	compile := exec.CommandContext(ctx, filepath.Join(dir, "bin", "python3"), "-m", "compileall", "-q", filepath.Join(dir, "lib"))
	if out, err := compile.CombinedOutput(); err != nil {
		return fmt.Errorf("compileall: %w: %s", err, bytes.TrimSpace(out))
	}
	return nil
}

func (c carried) unpack(from, to string) error {
	target := filepath.Join(to, filepath.FromSlash(c.Name))
	switch {
	case c.Symlink != "":
		return os.Symlink(c.Symlink, target)
	case c.Perm.IsDir():
		return os.MkdirAll(target, 0o755)
	}
	data, err := content(filepath.Join(from, filepath.FromSlash(c.Name)))
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return err
	}
	return os.WriteFile(target, data, c.Perm.Perm())
}

// content returns what the file has, which may be compressed.
func content(path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return data, err
	}
	f, err := os.Open(path + ".gz")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

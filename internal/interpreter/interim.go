// Package interpreter (interim): written by the integrator so that the rest can
// be built; the owner of internal/interpreter deletes interim* when the real
// one lands.
package interpreter

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

//go:embed interim_probe.py
var probe string

type FindOptions struct {
	Python, FileDir string
	Getenv          func(string) string
}

func Find(ctx context.Context, o FindOptions) (path, why string, err error) {
	if o.Python != "" {
		p := o.Python
		if strings.Contains(p, "/") && !filepath.IsAbs(p) {
			p = filepath.Join(o.FileDir, p)
		}
		if i, err := os.Stat(p); err == nil && i.IsDir() {
			p = filepath.Join(p, "bin/python")
		}
		p, err := exec.LookPath(p)
		return p, "python = in [pasted:workers]", err
	}
	for _, d := range []string{filepath.Join(o.FileDir, ".venv"), filepath.Join(o.FileDir, "venv"), o.Getenv("VIRTUAL_ENV")} {
		if d == "" {
			continue
		}
		if p, err := exec.LookPath(filepath.Join(d, "bin/python")); err == nil {
			return p, "virtual environment " + d, nil
		}
	}
	p, err := exec.LookPath("python3")
	return p, "python3 on PATH", err
}

type Options struct {
	Path, PathEnd []string
	Dir           string
	Env           []string
}

type Interpreter struct {
	Executable string
	Version    string
	dists      map[string]map[string]map[string]string
}

func Inspect(ctx context.Context, path string, o Options) (*Interpreter, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	front, _ := json.Marshal(append([]string{}, o.Path...))
	end, _ := json.Marshal(append([]string{}, o.PathEnd...))
	cmd := exec.CommandContext(ctx, path, "-c", probe, "3", string(front), string(end))
	cmd.Dir, cmd.Env, cmd.ExtraFiles, cmd.Stderr = o.Dir, o.Env, []*os.File{w}, os.Stderr
	err = cmd.Start()
	w.Close()
	if err != nil {
		return nil, err
	}
	data, _ := io.ReadAll(r)
	if err := cmd.Wait(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	var a struct {
		Version       []int
		Distributions []struct {
			Name   string
			Points map[string]map[string]string `json:"entry_points"`
		}
	}
	if err := json.Unmarshal(data, &a); err != nil {
		return nil, err
	}
	in := &Interpreter{Executable: path, Version: fmt.Sprintf("%d.%d.%d", a.Version[0], a.Version[1], a.Version[2]), dists: map[string]map[string]map[string]string{}}
	for _, d := range a.Distributions {
		in.dists[fold(d.Name)] = d.Points
	}
	return in, nil
}

var runs = regexp.MustCompile("[-_.]+")

func fold(s string) string { return runs.ReplaceAllString(strings.ToLower(s), "-") }

type NotInstalledError struct{ Distribution string }

func (e *NotInstalledError) Error() string { return e.Distribution }

func (i *Interpreter) Installed(d string) error {
	if _, ok := i.dists[fold(d)]; !ok {
		return &NotInstalledError{d}
	}
	return nil
}

func (i *Interpreter) EntryPoint(d, group, name string) (string, bool, error) {
	if err := i.Installed(d); err != nil {
		return "", false, err
	}
	o, ok := i.dists[fold(d)][group][name]
	return o, ok, nil
}

package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// A part is something that peers are made of and that has to be installed.
type part struct {
	name string
	// From Debian: pairs of a command, or of any file's path, and the packages
	// that bring it, with their versions. {include} is where Python's headers are.
	debian [][2]string
	// From PyPI: bench/requirements/NAME.txt.
	python bool
	// version is a command whose first line says it; empty: PyPI's.
	version string
}

// parts returns all of them. Adding one is adding an entry and, if it comes from
// PyPI, a file in bench/requirements.
func parts() []part {
	compiler, headers := [2]string{"gcc", "gcc libc6-dev"}, [2]string{"{include}/Python.h", "python3-dev"}
	return []part{
		{name: "wrk", debian: [][2]string{{"wrk", "wrk=4.1.0*"}}, version: "wrk -v"},
		{name: "nginx", debian: [][2]string{{"nginx", "nginx=1.22.1*"}}, version: "nginx -v"},
		{name: "haproxy", debian: [][2]string{{"haproxy", "haproxy=2.6.12*"}}, version: "haproxy -v"},
		{name: "gunicorn", python: true},
		{name: "uwsgi", python: true, debian: [][2]string{compiler, headers}},
		{name: "granian", python: true},
		{name: "waitress", python: true},
		{name: "cheroot", python: true},
		{name: "bjoern", python: true, debian: [][2]string{compiler, headers, {"/usr/include/ev.h", "libev-dev=1:4.33*"}}},
		{name: "fastwsgi", python: true},
		{name: "pyruvate", python: true},
	}
}

// install puts the applications' libraries and the parts where they are not yet,
// and returns what could not be installed, by part, with the reason.
func (s setup) install(ctx context.Context, progress io.Writer) (map[string]string, error) {
	base := exec.CommandContext(ctx, "tools/venv", "python3", environment, "bench/requirements/applications.txt")
	base.Dir, base.Stdout, base.Stderr = s.root, progress, progress
	if err := base.Run(); err != nil {
		return nil, fmt.Errorf("install the applications' libraries: %w", err)
	}
	missing := map[string]string{}
	for _, p := range parts() {
		if err := s.installPart(ctx, p, progress); err != nil {
			fmt.Fprintf(progress, "%s: not installed: %v\n", p.name, err)
			missing[p.name] = err.Error()
		}
	}
	if why, gone := missing["wrk"]; gone {
		return nil, fmt.Errorf("nothing can be measured without wrk: %s", why)
	}
	return missing, ctx.Err()
}

func (s setup) installPart(ctx context.Context, p part, progress io.Writer) error {
	stamp := filepath.Join(s.root, environment, "installed", p.name)
	wanted, err := s.wanted(p)
	if err != nil {
		return err
	}
	if done, err := os.ReadFile(stamp); err == nil && string(done) == wanted {
		return nil
	}
	fmt.Fprintf(progress, "installing %s\n", p.name)
	for _, d := range p.debian {
		if err := s.need(ctx, d[0], strings.Fields(d[1])); err != nil {
			return err
		}
	}
	if p.python {
		file := s.here(filepath.Join("requirements", p.name+".txt"))
		if err := s.say(exec.CommandContext(ctx, s.bin("python"), "-m", "pip", "install", "-q", "--no-deps", "--disable-pip-version-check", "-r", file)); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(filepath.Dir(stamp), 0o755); err != nil {
		return err
	}
	return os.WriteFile(stamp, []byte(wanted), 0o644)
}

// wanted is what a part's stamp says once it is installed.
func (s setup) wanted(p part) (string, error) {
	wanted := fmt.Sprintln(p.debian)
	if !p.python {
		return wanted, nil
	}
	file, err := os.ReadFile(s.here(filepath.Join("requirements", p.name+".txt")))
	return wanted + string(file), err
}

// need installs Debian packages where path is missing.
func (s setup) need(ctx context.Context, path string, packages []string) error {
	if strings.HasPrefix(path, "{include}") {
		include := firstLine(s.bin("python"), "-c", "import sysconfig; print(sysconfig.get_path('include'))")
		path = strings.Replace(path, "{include}", include, 1)
	}
	if filepath.IsAbs(path) {
		if _, err := os.Stat(path); err == nil {
			return nil
		}
	}
	return s.say(exec.CommandContext(ctx, "tools/need", append([]string{path}, packages...)...))
}

// say runs a command in the repository's root; an error has the last line of what
// it has printed.
func (s setup) say(cmd *exec.Cmd) error {
	cmd.Dir = s.root
	out, err := cmd.CombinedOutput()
	if err == nil {
		return nil
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return fmt.Errorf("%s: %w: %s", s.anonymous(strings.Join(cmd.Args, " ")), err, s.anonymous(lines[len(lines)-1]))
}

// anonymous leaves out of text, which may come into the page, where this checkout
// is.
func (s setup) anonymous(text string) string { return strings.ReplaceAll(text, s.root+"/", "") }

// versions returns what is installed, by part. Of PyPI's it is what was asked
// for, as it is pinned.
func (s setup) versions(missing map[string]string) map[string]string {
	found := map[string]string{}
	for _, p := range parts() {
		if _, gone := missing[p.name]; gone {
			continue
		}
		if p.python {
			file, _ := os.ReadFile(s.here(filepath.Join("requirements", p.name+".txt")))
			first, _, _ := strings.Cut(string(file), "\n")
			_, found[p.name], _ = strings.Cut(first, "==")
			continue
		}
		found[p.name] = versionIn(firstLine(strings.Fields(p.version)...))
	}
	return found
}

// versionIn returns the first word of line that begins with a digit, or has one
// behind a slash.
func versionIn(line string) string {
	for word := range strings.FieldsSeq(line) {
		_, behind, slash := strings.Cut(word, "/")
		if !slash {
			behind = word
		}
		if behind != "" && '0' <= behind[0] && behind[0] <= '9' {
			return behind
		}
	}
	return line
}

// firstLine returns the first line that a command prints, whatever it thinks of
// its arguments.
func firstLine(argv ...string) string {
	out, _ := exec.Command(argv[0], argv[1:]...).CombinedOutput()
	line, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	return line
}

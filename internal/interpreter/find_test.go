package interpreter_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pasted/internal/interpreter"
)

const program = "#!/bin/sh\n"

func TestFind(t *testing.T) {
	tests := []struct {
		name   string
		files  []string // below the root; the PasteDeploy file lies in app
		python string
		env    map[string]string // @ stands for the root
		path   string
		why    string
	}{
		{
			name: "a path starts from the file's directory", python: "../py/bin/python3",
			files: []string{"py/bin/python3"}, path: "@/py/bin/python3", why: "python = ../py/bin/python3",
		},
		{
			name: "an absolute path is taken as it is", python: "@/py/bin/python3",
			files: []string{"py/bin/python3"}, path: "@/py/bin/python3", why: "python = @/py/bin/python3",
		},
		{
			name: "a path may start from the home directory", python: "~/py/bin/python3", env: map[string]string{"HOME": "@"},
			files: []string{"py/bin/python3"}, path: "@/py/bin/python3", why: "python = ~/py/bin/python3",
		},
		{
			name: "a command is on the PATH", python: "python3.9", env: map[string]string{"PATH": "@/none:rel:@/bin:@/other"},
			files: []string{"bin/python3.9", "other/python3.9", "app/rel/python3.9"},
			path:  "@/bin/python3.9", why: "python = python3.9",
		},
		{
			name: "a command beside the file is not meant", python: "python3.9", env: map[string]string{"PATH": "@/bin"},
			files: []string{"bin/python3.9", "app/python3.9"}, path: "@/bin/python3.9", why: "python = python3.9",
		},
		{
			name: "the directory of a virtual environment", python: "../venvs/blog", files: []string{"venvs/blog/bin/python"},
			path: "@/venvs/blog/bin/python", why: "python = ../venvs/blog",
		},
		{
			name: "the name of a virtual environment beside the file", python: "env", files: []string{"app/env/bin/python"},
			path: "@/app/env/bin/python", why: "python = env",
		},
		{
			name: "a virtual environment with python3 only", python: "./env", files: []string{"app/env/bin/python3"},
			path: "@/app/env/bin/python3", why: "python = ./env",
		},
		{
			name: ".venv first", files: []string{"app/.venv/bin/python", "app/venv/bin/python", "bin/python3"},
			env: map[string]string{"PATH": "@/bin"}, path: "@/app/.venv/bin/python", why: ".venv beside the file",
		},
		{
			name: "then venv", files: []string{"app/venv/bin/python", "active/bin/python"},
			env: map[string]string{"VIRTUAL_ENV": "@/active"}, path: "@/app/venv/bin/python", why: "venv beside the file",
		},
		{
			name: "then $VIRTUAL_ENV", files: []string{"app/.venv/notes.txt", "active/bin/python", "bin/python3"},
			env:  map[string]string{"VIRTUAL_ENV": "@/active", "PATH": "@/bin"},
			path: "@/active/bin/python", why: "$VIRTUAL_ENV",
		},
		{
			name: "then python3", files: []string{"bin/python3", "bin/python"}, env: map[string]string{"PATH": "@/bin"},
			path: "@/bin/python3", why: "python3 on the PATH",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			root := t.TempDir()
			at := func(s string) string { return strings.ReplaceAll(s, "@", root) }
			for _, name := range test.files {
				write(t, root, map[string]string{name: program})
			}
			path, why, err := interpreter.Find(context.Background(), interpreter.FindOptions{
				Python: at(test.python), FileDir: filepath.Join(root, "app"),
				Getenv: func(name string) string { return at(test.env[name]) },
			})
			if err != nil || path != at(test.path) || why != at(test.why) {
				t.Errorf("Find() = %q, %q, %v, want %q, %q", path, why, err, at(test.path), at(test.why))
			}
		})
	}
}

func TestFindRefuses(t *testing.T) {
	tests := []struct {
		name, python string
		files        map[string]string // @ stands for the root
		links        map[string]string
		virtual      string // $VIRTUAL_ENV
		want, hint   string
	}{
		{
			name: "a path to nothing", python: "bin/python",
			want: `python = "bin/python": @/bin/python: no such file or directory: want a Python interpreter`,
			hint: "python = takes the path of an interpreter, the directory of a virtual environment, or a command on the PATH",
		},
		{
			name: "a link to nothing", python: "./py", links: map[string]string{"py": "/opt/gone"},
			want: `python = "./py": @/py leads to /opt/gone: no such file or directory: want a Python interpreter`,
			hint: "python = takes the path of an interpreter, the directory of a virtual environment, or a command on the PATH",
		},
		{
			name: "a file without the right to be executed", python: "./py", files: map[string]string{"py": ""},
			want: `python = "./py": @/py is not executable: want a Python interpreter`,
			hint: "python = takes the path of an interpreter, the directory of a virtual environment, or a command on the PATH",
		},
		{
			name: "a directory that is no virtual environment", python: "./dir", files: map[string]string{"dir/x": ""},
			want: `python = "./dir": no bin/python in @/dir: want a virtual environment or a Python interpreter`,
			hint: "make one with python3 -m venv @/dir",
		},
		{
			name: "a command that is not there", python: "python9",
			want: `python = "python9": not on the PATH: want a Python interpreter`,
			hint: "install it, or write its path",
		},
		{
			name: "a command that lies beside the file", python: "mypy", files: map[string]string{"mypy": program},
			want: `python = "mypy": not on the PATH: want a Python interpreter`,
			hint: "for the one beside the file, write python = ./mypy",
		},
		{
			name:  "a virtual environment whose Python has gone",
			files: map[string]string{".venv/pyvenv.cfg": ""}, links: map[string]string{".venv/bin/python": "/opt/python3.5"},
			want: "@/.venv: @/.venv/bin/python leads to /opt/python3.5, which is not there or not executable: " +
				"want a virtual environment that is whole",
			hint: "the Python that it was made with has gone: make it anew, with python3 -m venv --clear @/.venv",
		},
		{
			name: "a $VIRTUAL_ENV that has gone", virtual: "@/old",
			want: `VIRTUAL_ENV = "@/old": @/old: no such file or directory: want a Python interpreter`,
			hint: "unset VIRTUAL_ENV, or activate another environment",
		},
		{
			name: "no Python at all",
			want: "python3: not on the PATH: want a Python interpreter",
			hint: "install Python 3, or say where it is: python = /path/to/python",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			root := t.TempDir()
			at := func(s string) string { return strings.ReplaceAll(s, "@", root) }
			write(t, root, test.files)
			for name, target := range test.links {
				path := filepath.Join(root, name)
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.Symlink(target, path); err != nil {
					t.Fatal(err)
				}
			}
			_, _, err := interpreter.Find(context.Background(), interpreter.FindOptions{
				Python: test.python, FileDir: root,
				Getenv: func(name string) string {
					return map[string]string{"VIRTUAL_ENV": at(test.virtual), "PATH": at("@/nothing")}[name]
				},
			})
			var refused *interpreter.Error
			if !errors.As(err, &refused) {
				t.Fatalf("Find() = %v, want an *Error", err)
			}
			if err.Error() != at(test.want) || refused.Hint != at(test.hint) {
				t.Errorf("Find():\n got %s\n     %s\nwant %s\n     %s", err, refused.Hint, at(test.want), at(test.hint))
			}
		})
	}
}

package interpreter_test

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pasted/internal/interpreter"
)

// inspect asks python, with the environment of the test but for what a shell
// may have set for Python.
func inspect(t *testing.T, python string, options interpreter.Options) *interpreter.Interpreter {
	t.Helper()
	options.Env = append(environ(), options.Env...)
	i, err := interpreter.Inspect(context.Background(), python, options)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func environ() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, "PYTHON") || strings.HasPrefix(v, "VIRTUAL_ENV=")
	})
}

func TestInspectTellsWhatPythonTells(t *testing.T) {
	eachPython(t, func(t *testing.T, python string, minor int) {
		i := inspect(t, python, interpreter.Options{})
		var want struct {
			Version                []int
			Executable, Prefix     string
			BasePrefix, Name, Path any
		}
		told := output(t, python, "-c", `import json, sys; print(json.dumps({
			"Version": sys.version_info[:3], "Executable": sys.executable, "Prefix": sys.prefix,
			"BasePrefix": sys.base_prefix, "Name": sys.implementation.name, "Path": sys.path[1:]}))`)
		if err := json.Unmarshal([]byte(told), &want); err != nil {
			t.Fatal(err)
		}
		if got := []int{i.Version.Major, i.Version.Minor, i.Version.Micro}; !slices.Equal(got, want.Version) {
			t.Errorf("Version = %v, want %v", got, want.Version)
		}
		if i.Version.Minor != minor || i.Path != python {
			t.Errorf("Version.Minor = %d, Path = %s, want %d, %s", i.Version.Minor, i.Path, minor, python)
		}
		got := []any{i.Executable, i.Prefix, i.BasePrefix, i.Implementation, anys(i.SysPath)}
		if diff := cmp.Diff([]any{want.Executable, want.Prefix, want.BasePrefix, want.Name, want.Path}, got); diff != "" {
			t.Error(diff)
		}
	})
}

func anys(list []string) any {
	all := make([]any, len(list))
	for n, s := range list {
		all[n] = s
	}
	return all
}

// TestSearchPathIsAWorkers checks what the options and PYTHONPATH add, that the
// ” of -c is gone, and that any byte may stand in a name, whatever the locale.
func TestSearchPathIsAWorkers(t *testing.T) {
	eachPython(t, func(t *testing.T, python string, _ int) {
		dir, err := filepath.EvalSymlinks(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		plain := inspect(t, python, interpreter.Options{}).SysPath
		for _, locale := range []string{"C", "C.UTF-8"} {
			got := inspect(t, python, interpreter.Options{
				Path:    []string{"/front/one", "/front/é\xff"},
				PathEnd: []string{"/absolute", dir, plain[0], "/end \xff"},
				Dir:     dir,
				Env:     []string{"PYTHONPATH=relative:/absolute", "LC_ALL=" + locale},
			}).SysPath
			want := slices.Concat([]string{"/front/one", "/front/é\xff", dir + "/relative", "/absolute"}, plain,
				[]string{dir, "/end \xff"})
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("in the locale %s: %s", locale, diff)
			}
		}
	})
}

func TestUserSitePackagesCount(t *testing.T) {
	eachPython(t, func(t *testing.T, python string, minor int) {
		base := t.TempDir()
		site := filepath.Join(base, "lib", "python3."+strconv.Itoa(minor), "site-packages")
		write(t, site, blog("user"))
		i := inspect(t, python, interpreter.Options{Env: []string{"PYTHONUSERBASE=" + base}})
		wantEntryPoint(t, i, "user:app")
	})
}

// blog is a distribution whose application is module:app.
func blog(module string) map[string]string {
	return map[string]string{
		"Blog-1.0.dist-info/METADATA":         "Metadata-Version: 2.1\nName: Blog\nVersion: 1.0\n",
		"Blog-1.0.dist-info/entry_points.txt": "[paste.app_factory]\nmain = " + module + ":app\n",
	}
}

func wantEntryPoint(t *testing.T, i *interpreter.Interpreter, want string) {
	t.Helper()
	object, ok, err := i.EntryPoint("blog", "paste.app_factory", "main")
	if object != want || !ok || err != nil {
		t.Errorf("EntryPoint() = %q, %v, %v, want %q\nsys.path: %q", object, ok, err, want, i.SysPath)
	}
}

// virtualEnv makes a virtual environment without pip, and returns its
// interpreter and its site-packages.
func virtualEnv(t *testing.T, python string, minor int) (path, site string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "a b") // a space is legal
	output(t, python, "-m", "venv", "--without-pip", dir)
	return filepath.Join(dir, "bin", "python"),
		filepath.Join(dir, "lib", "python3."+strconv.Itoa(minor), "site-packages")
}

func TestVirtualEnvironment(t *testing.T) {
	eachPython(t, func(t *testing.T, python string, minor int) {
		path, site := virtualEnv(t, python, minor)
		write(t, site, blog("venv"))
		i := inspect(t, path, interpreter.Options{})
		wantEntryPoint(t, i, "venv:app")
		if !i.Virtual() || i.Prefix != filepath.Dir(filepath.Dir(path)) || i.Executable != path {
			t.Errorf("Prefix = %s, BasePrefix = %s, Executable = %s, want a virtual environment at %s",
				i.Prefix, i.BasePrefix, i.Executable, path)
		}
		d, _ := i.Distribution("BLOG")
		if d.Location != site || d.Name != "Blog" || d.Version != "1.0" {
			t.Errorf("Distribution() = %+v, want Blog 1.0 in %s", d, site)
		}
	})
}

// TestEditableInstalls lays out what pip and setuptools write.
func TestEditableInstalls(t *testing.T) {
	eachPython(t, func(t *testing.T, python string, minor int) {
		path, site := virtualEnv(t, python, minor)
		project := t.TempDir()
		write(t, project, map[string]string{
			// setup.py develop: the metadata lies beside the source.
			"old/src/oldie.egg-info/PKG-INFO":         "Metadata-Version: 1.1\nName: Oldie\nVersion: 0.1.dev0\n",
			"old/src/oldie.egg-info/entry_points.txt": "[paste.filter_factory]\nmain = oldie:filter\n",
			// A plain .pth file beside it.
			"pth/plain-2.dist-info/METADATA":         "Name: plain\nVersion: 2\n",
			"pth/plain-2.dist-info/entry_points.txt": "[paste.app_factory]\nmain = plain:app\n",
		})
		write(t, site, map[string]string{
			"oldie.egg-link":   project + "/old/src\n../",
			"easy-install.pth": project + "/old/src\n",
			"my.pth":           "# comment\n\n/nowhere\n" + project + "/pth\nimport sys\n",
			// PEP 660, a path: the metadata lies in site-packages.
			"__editable__.blog-1.0.pth": project + "/new/src\n",
			// PEP 660, an import hook.
			"__editable__.hooked-3.pth":                "import __editable___hooked_3_finder; __editable___hooked_3_finder.install()\n",
			"__editable___hooked_3_finder.py":          "def install(): print('installed')\n",
			"hooked-3.dist-info/METADATA":              "Name: hooked\nVersion: 3\n",
			"hooked-3.dist-info/entry_points.txt":      "[paste.server_runner]\nmain = hooked:run\n",
			"distutils-precedence.pth":                 "import no_such_module\n",
			"__pycache__/blog-0.1.dist-info/METADATA":  "Name: blog\n",
			"blog/nested/blog-0.2.dist-info/METADATA":  "Name: blog\n",
			"blog/nested/blog-0.2.dist-info/top_level": "blog\n",
		})
		write(t, site, blog("editable"))
		i := inspect(t, path, interpreter.Options{})
		wantEntryPoint(t, i, "editable:app")
		for _, want := range []struct{ dist, version, group, object string }{
			{"oldie", "0.1.dev0", "paste.filter_factory", "oldie:filter"},
			{"plain", "2", "paste.app_factory", "plain:app"},
			{"hooked", "3", "paste.server_runner", "hooked:run"},
		} {
			d, _ := i.Distribution(want.dist)
			object, ok, err := i.EntryPoint(want.dist, want.group, "main")
			if object != want.object || !ok || err != nil || d.Version != want.version {
				t.Errorf("%s: %q, %v, %v, version %q, want %q, %q", want.dist, object, ok, err, d.Version, want.object, want.version)
			}
		}
		if !strings.Contains(i.Output, "installed\n") || !strings.Contains(i.Output, "no_such_module") {
			t.Errorf("Output = %q, want what the .pth files print and raise", i.Output)
		}
	})
}

// TestPipInstallsEditable has pip do what the test above imitates.
func TestPipInstallsEditable(t *testing.T) {
	if testing.Short() {
		t.Skip("pip takes seconds")
	}
	t.Parallel()
	python := anyPython(t)
	dir := t.TempDir()
	if out, err := exec.Command(python, "-m", "venv", dir+"/venv").CombinedOutput(); err != nil {
		t.Skipf("no virtual environment with pip: %v\n%s", err, out)
	}
	write(t, dir+"/project", map[string]string{
		"pyproject.toml": `[build-system]
requires = ["setuptools>=64"]
build-backend = "setuptools.build_meta"
[project]
name = "Tiny.Blog"
version = "0.5"
[project.entry-points."paste.app_factory"]
main = "tiny_blog:app"
`,
		"src/tiny_blog/__init__.py": "def app(global_conf, **local_conf): pass\n",
	})
	pip := exec.Command(dir+"/venv/bin/python", "-m", "pip", "--disable-pip-version-check", "--retries", "0", "--timeout", "10",
		"install", "--quiet", "-e", dir+"/project")
	pip.Env = environ()
	if out, err := pip.CombinedOutput(); err != nil {
		t.Skipf("pip could not: %v (no network?)\n%s", err, out)
	}
	i := inspect(t, dir+"/venv/bin/python", interpreter.Options{})
	object, ok, err := i.EntryPoint("tiny-blog", "paste.app_factory", "main")
	if object != "tiny_blog:app" || !ok || err != nil {
		t.Errorf("EntryPoint() = %q, %v, %v, want tiny_blog:app", object, ok, err)
	}
}

// TestFindsAllThatImportlibMetadataFinds compares with what is installed on
// this machine, Debian's dist-packages included.
func TestFindsAllThatImportlibMetadataFinds(t *testing.T) {
	compare := func(t *testing.T, python string) {
		i := inspect(t, python, interpreter.Options{})
		var got []string
		for _, d := range i.Distributions() {
			got = append(got, d.Name+" "+d.Version)
		}
		told := output(t, python, "-c", `import importlib.metadata as m, re, sys
sys.path.remove("")
seen = set()
for d in m.distributions():
    key = re.sub("[-_.]+", "-", d._path.name.rpartition(".")[0].partition("-")[0].lower())
    if key not in seen:
        seen.add(key)
        print(d.metadata["Name"], d.version)`)
		var want []string // a bare system has no distribution at all
		for line := range strings.Lines(told) {
			want = append(want, strings.TrimSuffix(line, "\n"))
		}
		slices.Sort(got)
		slices.Sort(want)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	t.Run("system", func(t *testing.T) {
		if _, err := os.Stat("/usr/bin/python3"); err != nil {
			t.Skip("no Python of the system's")
		}
		compare(t, "/usr/bin/python3")
	})
	eachPython(t, func(t *testing.T, python string, minor int) {
		if minor < 8 {
			t.Skip("it has no importlib.metadata")
		}
		compare(t, python)
	})
}

func TestEntryPointSaysWhatIsMissing(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, blog("b"))
	i := inspect(t, anyPython(t), interpreter.Options{PathEnd: []string{dir}})
	if _, ok, err := i.EntryPoint("Blog", "paste.app_factory", "Main"); ok || err != nil {
		t.Errorf("other case of the name: %v, %v, want not there and no error", ok, err)
	}
	if _, ok, err := i.EntryPoint("Blog", "paste.filter_factory", "main"); ok || err != nil {
		t.Errorf("other group: %v, %v, want not there and no error", ok, err)
	}
	for _, name := range []string{"Blog==1.0", "Blog[x]", "Blog ", "", "blog-"} {
		_, ok, err := i.EntryPoint(name, "paste.app_factory", "main")
		if missing, is := err.(*interpreter.NotInstalledError); ok || !is || missing.Distribution != name {
			t.Errorf("%q: %v, %v, want a *NotInstalledError", name, ok, err)
		}
		if i.Installed(name) == nil {
			t.Errorf("Installed(%q) = nil, want a *NotInstalledError", name)
		}
	}
	if err := i.Installed("BLOG"); err != nil {
		t.Errorf("Installed(BLOG) = %v, want nil", err)
	}
}

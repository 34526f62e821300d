package venvs_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pasted/e2e/venvs"
)

func write(t *testing.T, text string, elements ...string) {
	t.Helper()
	path := filepath.Join(elements...)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
}

// maker stands in for tools/venv.
const maker = `#!/bin/sh
mkdir -p "$2" && echo "$1 $(sha256sum <"$3")" >"$2/stamp" && echo made "$(basename "$2")"
`

func layout(t *testing.T) venvs.Layout {
	t.Helper()
	l := venvs.Layout{Root: t.TempDir(), Cache: filepath.Join(t.TempDir(), "cache")}
	write(t, maker, l.Root, "tools", "venv")
	for _, name := range []string{"one", "two", "three"} {
		write(t, name+"==1\n", l.Root, "e2e", "requirements", name+".txt")
	}
	return l
}

func TestEveryRequirementFileIsAnEnvironment(t *testing.T) {
	l := layout(t)
	if err := l.MakeAll(t.Context(), "python", os.Stderr); err != nil {
		t.Fatal(err)
	}
	names, err := l.Names()
	if err != nil || !slices.Equal(names, []string{"one", "three", "two"}) {
		t.Errorf("Names() = %v, %v", names, err)
	}
	for _, name := range names {
		if dir, err := l.Ready(name); err != nil || dir != filepath.Join(l.Cache, name) {
			t.Errorf("Ready(%s) = %q, %v", name, dir, err)
		}
	}
}

func TestEnvironmentOfOtherRequirementsIsNotReady(t *testing.T) {
	l := layout(t)
	write(t, fmt.Sprintf("Python 3.11.2 %x  -\n", sha256.Sum256([]byte("one==2\n"))), l.Cache, "one", "stamp")
	for _, name := range []string{"one", "two"} { // stale, missing
		if _, err := l.Ready(name); !errors.Is(err, venvs.ErrNotPrepared) {
			t.Errorf("Ready(%s): %v, want %v", name, err, venvs.ErrNotPrepared)
		}
	}
}

func TestEveryFailureIsReported(t *testing.T) {
	l := layout(t)
	write(t, "#!/bin/sh\necho \"no $(basename $2)\" >&2\n[ \"$(basename $2)\" = one ]\n", l.Root, "tools", "venv")
	err := l.MakeAll(t.Context(), "python", os.Stderr)
	for _, name := range []string{"two", "three"} {
		if err == nil || !strings.Contains(err.Error(), "no "+name) {
			t.Errorf("%v does not say why there is no %s", err, name)
		}
	}
}

func TestInterpreterIsWhatItSaysItIs(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	t.Setenv("PATH", t.TempDir())
	l := layout(t)
	prepared := filepath.Join(l.Cache, ".pythons", "3.13t", "bin", "python3")
	for says, want := range map[string]string{"3.13": "", "3.13t": "/its/own"} {
		write(t, "#!/bin/sh\necho "+says+"\necho /its/own\n", prepared)
		if path, err := l.Interpreter("3.13t"); path != want || (err == nil) != (want != "") {
			t.Errorf("one that says it is %s is %q, %v; want %q", says, path, err, want)
		}
	}
}

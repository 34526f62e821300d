// Package strict_test sends bytes to the built pasted and looks at what it has
// read them as: how many requests, and where it refused. It knows the tests of
// other servers (the folder prepare fetches them as data), what their verdict
// is, and by which paragraph ours is another; the parser's own cases; and
// messages that must be served. What the rules are, and their cases, is
// internal/h1's.
package strict_test

import (
	"os"
	"strconv"
	"testing"

	"pasted/e2e/harness"
	"pasted/e2e/venvs"
)

// binaries is set by TestMain before any test runs, and only read then.
var binaries *harness.Binaries

func TestMain(m *testing.M) {
	os.Exit(harness.WithBinaries(func(b *harness.Binaries) int {
		binaries = b
		return m.Run()
	}))
}

// The files that serve the application which says what it was asked for, on
// either way.
const (
	short = "strict.ini"
	long  = "long.ini"
)

// start serves one of them.
func start(t *testing.T, file string) *harness.Server {
	t.Helper()
	binary, err := binaries.Race()
	if err != nil {
		t.Fatal(err)
	}
	python, err := venvs.FindPython()
	if err != nil {
		t.Fatal(err)
	}
	port := harness.Port(t)
	args := []string{"serve", file, "e2e_port=" + strconv.Itoa(port), "e2e_python=" + python}
	return harness.Start(t, harness.Options{Binary: binary, Dir: "testdata", Args: args, Port: port})
}

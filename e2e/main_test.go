package e2e_test

import (
	"os"
	"path/filepath"
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

// race returns the path of the pasted that most tests run.
func race(t *testing.T) string {
	t.Helper()
	path, err := binaries.Race()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// venv returns the folder of a virtual environment.
func venv(t *testing.T, name string) string {
	t.Helper()
	layout, err := venvs.Find()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := layout.Ready(name)
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// python returns the interpreter of a virtual environment.
func python(t *testing.T, name string) string {
	t.Helper()
	return filepath.Join(venv(t, name), "bin", "python")
}

// A site is a PasteDeploy file of testdata, or of a folder that a test has
// made, and how it is to be served.
type site struct {
	file   string   // path, perhaps with #name
	python string   // what the variable e2e_python is
	vars   []string // further NAME=value
	env    []string // of the server
	binary string   // instead of the one with the race detector
}

// shortWay is what short_way is in the files that ask for the variable
// e2e_short: PASTED_E2E_SHORT=off sends every request the long way.
func shortWay() string {
	if value := os.Getenv("PASTED_E2E_SHORT"); value != "" {
		return value
	}
	return "on"
}

// whateverTheWay skips a test of what no request's way changes when the tests run
// for the long way alone.
func whateverTheWay(t *testing.T) {
	t.Helper()
	if shortWay() != "on" {
		t.Skip("it has nothing to do with the way that requests take")
	}
}

// options returns how pasted serves s on a port of its own, which the file
// finds in the variable e2e_port.
func (s site) options(t *testing.T) harness.Options {
	t.Helper()
	port := harness.Port(t)
	args := []string{"serve", filepath.Base(s.file), "e2e_port=" + strconv.Itoa(port), "e2e_python=" + s.python, "e2e_short=" + shortWay()}
	binary := s.binary
	if binary == "" {
		binary = race(t)
	}
	return harness.Options{Binary: binary, Dir: filepath.Dir(s.file), Args: append(args, s.vars...), Env: s.env, Port: port}
}

// serve starts pasted for s and returns when it serves.
func serve(t *testing.T, s site) *harness.Server {
	t.Helper()
	return harness.Start(t, s.options(t))
}

// Package h2_test speaks HTTP/2 with the built pasted: h2spec's cases, and an
// application behind it as clients of HTTP/2 see it. And it stands HAProxy before
// it, which says by the PROXY protocol who the clients are. How requests are
// read, and when connections end, is tested in internal/httpd; how PROXY headers
// are, in internal/h1.
package h2_test

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

// start serves a file of testdata, with variables beside those that all have.
func start(t *testing.T, file string, vars ...string) *harness.Server {
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
	return harness.Start(t, harness.Options{Binary: binary, Dir: "testdata", Args: append(args, vars...), Port: port})
}

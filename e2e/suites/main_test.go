// Package suites_test runs the tests of other WSGI servers against the built
// pasted: waitress's, bjoern's and mod_wsgi's applications as they are (the folder
// prepare fetches them), and cases of its own for those that no package registry
// has, NGINX Unit's and the rest of mod_wsgi's. README.md says how many are passed, and why each other is not.
package suites_test

import (
	"os"
	"testing"

	"pasted/e2e/harness"
)

// binaries is set by TestMain before any test runs, and only read then.
var binaries *harness.Binaries

func TestMain(m *testing.M) {
	os.Exit(harness.WithBinaries(func(b *harness.Binaries) int {
		binaries = b
		return m.Run()
	}))
}

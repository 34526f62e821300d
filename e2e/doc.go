// Package e2e holds the end-to-end tests: the built binary, real applications
// from PyPI in virtual environments, real sockets. It knows Pasted only as an
// operator does, by its command line, its files, its log and what it answers.
//
// The virtual environments must be there before the tests run:
//
//	go run ./e2e/prepare
//	go test -race -count=1 ./e2e
//
// -count=1, because go test cannot see that the binary or an environment has
// changed.
//
// The environment variables PASTED_E2E_CACHE and PASTED_E2E_PYTHON say where
// the virtual environments are and what they are made with (package venvs);
// PASTED_E2E_BINARY names a pasted to test instead of a freshly built one.
// Beside those the tests want Linux; a Python that is not on the machine, and
// port 8080 where it is taken and no network can be made, skip their tests.
package e2e

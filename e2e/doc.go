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
package e2e

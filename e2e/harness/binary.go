// Package harness runs the built pasted for the end-to-end tests: builds it,
// starts it as a process of its own, waits until it serves, stops it, and holds
// it to leaving nothing behind. It knows processes, ports and output; what is
// asked over HTTP, and what must come back, is the tests'.
package harness

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
)

// BinaryVariable names the environment variable that holds the path of a built
// pasted that is to be tested instead of one built from the repository.
const BinaryVariable = "PASTED_E2E_BINARY"

// Binaries are the programs under test, built when they are first asked for.
// The zero value is not ready: want NewBinaries. It is safe for concurrent use.
type Binaries struct {
	dir   string
	race  func() (string, error)
	plain func() (string, error)
}

// NewBinaries returns Binaries that build into a folder of their own, which
// Remove removes.
func NewBinaries() (*Binaries, error) {
	dir, err := os.MkdirTemp("", "pasted-e2e-")
	if err != nil {
		return nil, err
	}
	b := &Binaries{dir: dir}
	b.race = sync.OnceValues(func() (string, error) { return b.build("pasted-race", "-race") })
	b.plain = sync.OnceValues(func() (string, error) { return b.build("pasted") })
	return b, nil
}

// WithBinaries calls run, which is a package's tests, with Binaries that are
// removed after it, and returns its exit code: for TestMain.
func WithBinaries(run func(*Binaries) int) int {
	b, err := NewBinaries()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = b.Remove() }()
	return run(b)
}

// Race returns the path of pasted with the race detector in it, which every
// test uses that measures nothing.
func (b *Binaries) Race() (string, error) { return b.race() }

// Plain returns the path of pasted as it is shipped.
func (b *Binaries) Plain() (string, error) { return b.plain() }

// Remove removes what has been built.
func (b *Binaries) Remove() error { return os.RemoveAll(b.dir) }

func (b *Binaries) build(name string, flags ...string) (string, error) {
	if given := os.Getenv(BinaryVariable); given != "" {
		return filepath.Abs(given)
	}
	path := filepath.Join(b.dir, name)
	args := append([]string{"build", "-o", path}, flags...)
	out, err := exec.Command("go", append(args, "pasted/cmd/pasted")...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", name, err, out)
	}
	return path, nil
}

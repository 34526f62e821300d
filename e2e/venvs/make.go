package venvs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
)

// atOnce is how many environments are made at the same time: pip waits for the
// index as long as it works.
const atOnce = 2

// MakeAll makes every environment that is not there yet, with tools/venv, whose
// words go to log. It returns every environment's error, not only the first.
// Another process that makes environments in the same folder is waited for.
func (l Layout) MakeAll(ctx context.Context, python string, log io.Writer) error {
	names, err := l.Names()
	if err != nil || len(names) == 0 {
		return errors.Join(err, fmt.Errorf("%s: %d requirement files", l.requirements(), len(names)))
	}
	unlock, err := l.lock()
	if err != nil {
		return err
	}
	defer unlock()

	// The first one alone: it may have to install packages of the system,
	// which only one process can.
	if err := l.make(ctx, names[0], python, log); err != nil {
		return err
	}
	errs := make([]error, len(names))
	slots := make(chan struct{}, atOnce)
	var wg sync.WaitGroup
	for i, name := range names[1:] {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			errs[i] = l.make(ctx, name, python, log)
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (l Layout) lock() (unlock func(), err error) {
	if err := os.MkdirAll(l.Cache, 0o755); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(l.Cache, ".lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", f.Name(), err)
	}
	return func() { f.Close() }, nil
}

// make makes one environment. What pip says becomes part of the error.
func (l Layout) make(ctx context.Context, name, python string, log io.Writer) error {
	if l.wantsPython2(name) {
		var err error
		if python, err = l.Interpreter("2.7"); err != nil {
			fmt.Fprintf(log, "%s is not made: %v\n", l.Dir(name), err)
			return nil
		}
	}
	cmd := exec.CommandContext(ctx, filepath.Join(l.Root, "tools", "venv"), python, l.Dir(name), l.file(name))
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = log, &said
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("virtual environment %s: %w\n%s", l.Dir(name), err, bytes.TrimSpace(said.Bytes()))
	}
	return nil
}

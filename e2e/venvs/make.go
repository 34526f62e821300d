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
	"strings"
	"sync"
	"syscall"
)

// atOnce is how many environments are made at the same time. pip spends half
// of its time waiting for the index and the other half unpacking.
const atOnce = 2

// MakeAll makes every environment that is not there yet, and tells log of each
// one. It returns every environment's error, not only the first. Another
// process that makes environments in the same folder is waited for.
func (l Layout) MakeAll(ctx context.Context, python Python, log io.Writer) error {
	names, err := l.Names()
	if err != nil {
		return err
	}
	unlock, err := l.lock()
	if err != nil {
		return err
	}
	defer unlock()

	system := &debian{log: log}
	errs := make([]error, len(names))
	slots := make(chan struct{}, atOnce)
	var wg sync.WaitGroup
	for i, name := range names {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			errs[i] = l.make(ctx, name, python, system)
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

func (l Layout) make(ctx context.Context, name string, python Python, system *debian) error {
	digest, err := l.digest(name)
	if err != nil {
		return err
	}
	stamp := digest + "\n" + python.Path + " " + python.Version + "\n"
	if have, err := os.ReadFile(l.stamp(name)); err == nil && string(have) == stamp {
		return nil
	}
	fmt.Fprintf(system.log, "e2e: making %s\n", l.Dir(name))
	if err := l.build(ctx, name, python, system); err != nil {
		return fmt.Errorf("virtual environment %s: %w", l.Dir(name), err)
	}
	return os.WriteFile(l.stamp(name), []byte(stamp), 0o644)
}

// build makes the environment from nothing: what an earlier attempt left is
// of no use.
func (l Layout) build(ctx context.Context, name string, python Python, system *debian) error {
	dir := l.Dir(name)
	create := func() error {
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
		return run(ctx, python.Path, "-m", "venv", dir)
	}
	if err := system.retry(ctx, create, "python3-venv"); err != nil {
		return err
	}
	install := func() error {
		return run(ctx, filepath.Join(dir, "bin", "python"), "-m", "pip", "install",
			"--quiet", "--no-input", "--disable-pip-version-check", "--requirement", l.file(name))
	}
	return system.retry(ctx, install, "python3-dev", "build-essential", "libffi-dev")
}

// debian installs what a step needs from the system, where it may.
type debian struct {
	log io.Writer
	mu  sync.Mutex // apt-get runs alone
}

// retry runs step, and once more after installing packages if it did not work
// and this machine is Debian's and ours.
func (d *debian) retry(ctx context.Context, step func() error, packages ...string) error {
	err := step()
	if err == nil || ctx.Err() != nil {
		return err
	}
	names := strings.Join(packages, " ")
	if _, missing := exec.LookPath("apt-get"); missing != nil || os.Geteuid() != 0 {
		return fmt.Errorf("%w\nhint: on Debian, `apt-get install %s` as root", err, names)
	}
	if more := d.install(ctx, packages); more != nil {
		return errors.Join(err, more)
	}
	return step()
}

func (d *debian) install(ctx context.Context, packages []string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	fmt.Fprintf(d.log, "e2e: apt-get install %s\n", strings.Join(packages, " "))
	if err := run(ctx, "apt-get", "-qq", "update"); err != nil {
		return err
	}
	return run(ctx, "apt-get", append([]string{"-qq", "--yes", "--no-install-recommends", "install"}, packages...)...)
}

// run runs a command; its output becomes part of the error.
func run(ctx context.Context, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive", "PYTHONDONTWRITEBYTECODE=")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, bytes.TrimSpace(out.Bytes()))
	}
	return nil
}

// Package browser opens a page in the user's web browser. It knows which
// program does that.
package browser

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// ErrNone says that there is no program that opens pages.
var ErrNone = errors.New("no browser is found: want xdg-open, or its command in $BROWSER")

// openers are the programs that know the user's browser, the best first.
var openers = []string{"xdg-open", "wslview", "sensible-browser", "x-www-browser"}

// lookEach is how often Open looks whether its program has ended.
const lookEach = 50 * time.Millisecond

// Open opens url, and returns when the program that does so has ended: some
// only tell a browser, others are one. When ctx ends before, Open returns nil
// and the program stays: the browser is the user's. The error is ErrNone or says
// how the program ended.
//
// variable is the value of $BROWSER: commands with colons between them, of
// which the first that is there is taken, each with %s for the URL or without,
// and without quotes.
func Open(ctx context.Context, url, variable string) error {
	argv := command(url, variable)
	if argv == nil {
		return ErrNone
	}
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // a Ctrl-C is not for it
	if err := cmd.Start(); err != nil {
		return err
	}
	pid := cmd.Process.Pid
	_ = cmd.Process.Release() // wait4 is ours, for it must not block
	look := time.NewTicker(lookEach)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-look.C:
		}
		var status syscall.WaitStatus
		got, err := syscall.Wait4(pid, &status, syscall.WNOHANG, nil)
		switch {
		case err == syscall.EINTR || got == 0 && err == nil:
			continue
		case err != nil:
			return nil // somebody else has waited for it
		case status.Signaled():
			return fmt.Errorf("%s: signal: %s", argv[0], status.Signal())
		case status.ExitStatus() != 0:
			return fmt.Errorf("%s: exit status %d", argv[0], status.ExitStatus())
		}
		return nil
	}
}

// command returns the program that opens url, found, and its arguments; nil if
// there is none.
func command(url, variable string) []string {
	for choice := range strings.SplitSeq(variable, ":") {
		if argv := found(strings.Fields(choice), url); argv != nil {
			return argv
		}
	}
	for _, opener := range openers {
		if argv := found([]string{opener}, url); argv != nil {
			return argv
		}
	}
	return nil
}

// found returns argv with its program's path and with url, nil if there is no
// such program.
func found(argv []string, url string) []string {
	if len(argv) == 0 {
		return nil
	}
	path, err := exec.LookPath(argv[0])
	if err != nil {
		return nil
	}
	full, placed := []string{path}, false
	for _, arg := range argv[1:] {
		placed = placed || strings.Contains(arg, "%s")
		full = append(full, strings.ReplaceAll(arg, "%s", url))
	}
	if !placed {
		full = append(full, url)
	}
	return full
}

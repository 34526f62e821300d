package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"pasted/internal/admin"
	"pasted/internal/release"
)

const statusLong = `Print what the servers of FILE are doing, or without FILE all of this user's: the
release, how long it has served, each worker with its memory and what it is busy
with, the queue, and what went wrong.

It asks over the admin socket, which [pasted:admin] describes. Variables are
those that serve was given, if socket depends on them.

Exit status: 0 there is a server, and it is ready; 1 there is none that answers,
or it is not ready; 2 wrong usage, or a file that is wrong.`

// A statusCommand is pasted status.
type statusCommand struct {
	json   bool
	stdout *os.File
}

func newStatus(stdout *os.File) *cobra.Command {
	s := &statusCommand{stdout: stdout}
	cmd := &cobra.Command{
		Use:   "status [FILE [VAR=VALUE ...]]",
		Short: "Print what a server is doing",
		Long:  statusLong,
		RunE:  s.run,
	}
	cmd.Flags().BoolVar(&s.json, "json", false, "print it as JSON, a line for each server")
	return cmd
}

func (s *statusCommand) run(cmd *cobra.Command, args []string) error {
	sockets, what, err := socketsOf(args)
	if err != nil {
		return err
	}
	answered, ready := 0, true
	var failure error
	for i, socket := range sockets {
		status, err := admin.Ask(cmd.Context(), socket)
		if err != nil {
			failure = err
			continue
		}
		answered++
		ready = ready && status.Ready
		switch {
		case s.json:
			err = json.NewEncoder(s.stdout).Encode(status)
		case i > 0:
			fmt.Fprintln(s.stdout)
			fallthrough
		default:
			_, err = fmt.Fprint(s.stdout, statusText(status))
		}
		if err != nil {
			return &exitError{code: exitFailed, err: err}
		}
	}
	switch {
	case answered == 0:
		return noServer(what, failure)
	case !ready:
		return &exitError{code: exitFailed, err: errors.New("not ready"), said: true}
	}
	return nil
}

// socketsOf returns the admin sockets of the servers that args name, and what
// these are called.
func socketsOf(args []string) (sockets []string, what string, err error) {
	if len(args) == 0 {
		sockets, err = admin.Find("")
		return sockets, "any file", cannotLook(err)
	}
	vars, err := parseVars(args[1:])
	if err != nil {
		return nil, "", err
	}
	file, settings, err := release.AdminOf(args[0], vars)
	switch {
	case err != nil:
		return nil, "", explain(err)
	case settings.Off:
		return nil, "", &exitError{code: exitFailed, err: fmt.Errorf("%s: [pasted:admin] socket = off: there is nobody to ask", file)}
	case settings.Socket != "":
		return []string{settings.Socket}, file, nil
	}
	sockets, err = admin.Find(file)
	return sockets, file, cannotLook(err)
}

// cannotLook explains why sockets cannot be looked for.
func cannotLook(err error) error {
	if err == nil {
		return nil
	}
	return &exitError{code: exitFailed, err: err, hint: "the admin socket is its owner's: run this as the user who runs the server, or as root"}
}

// noServer says that nobody answers for what, because of failure if that is not
// nil.
func noServer(what string, failure error) error {
	if failure != nil && !errors.Is(failure, admin.ErrNone) {
		if errors.Is(failure, fs.ErrPermission) {
			return cannotLook(failure)
		}
		return &exitError{code: exitFailed, err: failure}
	}
	return &exitError{
		code: exitFailed, err: fmt.Errorf("no server of %s runs, of this user", what),
		hint: "`pasted status` without FILE shows all that run; one started by another user answers that user and root",
	}
}

// statusText is a status for people.
func statusText(s *admin.Status) string {
	var b strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-9s %s\n", name, fmt.Sprintf(format, args...))
	}
	process := fmt.Sprintf("process %d", s.PID)
	if s.Keeper != 0 {
		process = fmt.Sprintf("process %d (server %d)", s.Keeper, s.PID)
	}
	line("pasted", "%s, %s, %s for %s, %s", s.Version, process, s.State, seconds(s.Uptime), memoryText(s.Memory))
	line("file", "%s", s.File)
	line("address", "%s", orNone(strings.Join(s.URLs, ", ")))
	line("release", "%d, for %s", s.Release.Number, seconds(s.Release.Age))
	if s.Release.LastFailure != "" {
		line("", "the last reload has failed: %s", s.Release.LastFailure)
	}
	if s.Python != "" {
		line("python", "%s", s.Python)
	}
	workersText(line, s)
	line("queue", "%s", queueText(s.Queue))
	line("requests", "%d answered, %d lost with their worker, %d retried, %d taken back",
		s.Requests.Answered, s.Requests.Lost, s.Requests.Retries, s.Requests.Revoked)
	if n := s.Sheds.Timeout + s.Sheds.Full + s.Sheds.Late + s.Sheds.Stopped + s.Sheds.Expired; n > 0 {
		line("refused", "%d: %d waited too long, %d found no place, %d for others' sake, %d at a stop, %d at their deadline",
			n, s.Sheds.Timeout, s.Sheds.Full, s.Sheds.Late, s.Sheds.Stopped, s.Sheds.Expired)
	}
	troubleText(line, s)
	return b.String()
}

func workersText(line func(name, format string, args ...any), s *admin.Status) {
	if s.Python == "" {
		line("workers", "none: all of it is native")
		return
	}
	if t := s.Template; t != nil {
		line("template", "process %d, %s", t.PID, memoryText(t.Memory))
	}
	line("workers", "%d of %d", len(s.Workers), s.Wanted)
	for _, list := range [][]admin.Worker{s.Workers, s.Retiring} {
		for _, w := range list {
			line(fmt.Sprintf("  %d", w.ID), "process %d, %s for %s, %d requests, %s%s", w.PID, w.State, seconds(w.Age), w.Requests, memoryText(w.Memory), threadsText(w))
			for _, r := range w.Serving {
				text := fmt.Sprintf("%s for %s, request %s", strings.TrimSpace(orNone(r.Method)+" "+r.Path), seconds(r.For), r.Request)
				if r.Ahead > 0 {
					text += fmt.Sprintf(", %d behind it", r.Ahead)
				}
				line("", "lane %d: %s", r.Lane, text)
			}
		}
	}
}

// threadsText says how many of its threads a worker uses, if not all.
func threadsText(w admin.Worker) string {
	if w.Threads >= w.MostThreads {
		return ""
	}
	return fmt.Sprintf(", %d of %d threads", w.Threads, w.MostThreads)
}

func queueText(q admin.Queue) string {
	if q.Length == 0 {
		return "empty"
	}
	return fmt.Sprintf("%d, the oldest for %s", q.Length, seconds(q.Oldest))
}

func troubleText(line func(name, format string, args ...any), s *admin.Status) {
	r := s.Restarts
	line("restarts", "%d after a crash, %d recycled", r.Crashed, r.Recycled)
	const shown = 8
	for _, one := range r.Last[max(0, len(r.Last)-shown):] {
		line("", "worker %d, process %d, %s ago after %s: %s", one.ID, one.PID, seconds(one.Ago), seconds(one.Lived), one.Reason)
	}
	for _, q := range s.Quarantine {
		line("held back", "%s %s (%s) has killed %d workers, %s ago", q.Method, q.Path, q.Fingerprint, q.Killed, seconds(q.Ago))
	}
}

// seconds is a duration for people: "250ms", "4.2s", "3m12s", "5h4m0s".
func seconds(s float64) string {
	d := time.Duration(s * float64(time.Second))
	switch {
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}

func memoryText(m admin.Memory) string {
	text := fmt.Sprintf("%.1f MB", float64(m.RSS)/(1<<20))
	if m.PSS > 0 {
		text += fmt.Sprintf(" (PSS %.1f)", float64(m.PSS)/(1<<20))
	}
	return text
}

func orNone(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

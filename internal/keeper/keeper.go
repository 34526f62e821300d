// Package keeper is the small process above the server: it holds the sockets
// that the server listens on, starts the server, and another when that has died,
// so that who connects meanwhile waits in the kernel and is not refused. It
// passes signals on, and the exit code back. It knows nothing of files,
// applications or requests: what it holds it has from the server, over a link.
//
// Linux's parent death signal, the subreaper and the link's end see to it that
// nothing of a dead server is left, and no server without its keeper.
package keeper

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	// mostAttempts is how often in a row a server may end before it is ready.
	mostAttempts = 8
	// quickEnd is a life so short that the next server waits: twice as long
	// each time, from firstPause to mostPause. The first freeEnds are free.
	quickEnd   = 5 * time.Second
	freeEnds   = 2
	firstPause = 200 * time.Millisecond
	mostPause  = 15 * time.Second
)

// Options say what a keeper is to keep. All but Given, Notify, Watchdog and
// Reopen are required.
type Options struct {
	// Path, Args and Env are the server's, as in os.StartProcess.
	Path      string
	Args, Env []string
	Files     [3]*os.File // standard input, output and error
	Log       *slog.Logger
	// Given are listening sockets that the keeper was started with, by names.
	Given []Group
	// Notify passes lines of sd_notify(3) to whoever started the keeper, and
	// Watchdog is how often that wants to hear of the server; zero: never.
	Notify   func(state string)
	Watchdog time.Duration
	// Reopen is called for SIGUSR1, beside the server.
	Reopen func()
}

// A keeper is one Run.
type keeper struct {
	opts    Options
	signals chan os.Signal
	kept    []Group
	served  bool // a server has been ready
	stop    bool // a signal has asked for the end
	ends    int  // quick ones in a row
	unready int  // ends in a row of servers that were not ready
}

// stops are the signals that end all.
var stops = []os.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT}

// others are passed on when the server can take them.
var others = []os.Signal{syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGTTIN, syscall.SIGTTOU}

// Run keeps a server running until it ends on purpose, and returns its exit
// code; or the error for which there is none any more. Nothing of it is left.
func Run(opts Options) (code int, err error) {
	if err := becomeSubreaper(); err != nil {
		return 1, err
	}
	k := &keeper{opts: opts, signals: make(chan os.Signal, 16)}
	signal.Notify(k.signals, append(stops, others...)...)
	defer signal.Stop(k.signals)
	defer func() { k.hold(nil) }()
	for {
		began := time.Now()
		s, err := k.start()
		if err != nil {
			return 1, err
		}
		slim()
		k.attend(s)
		killChildren()
		if code, over := k.over(s); over {
			return code, nil
		}
		if err := k.wait(s, time.Since(began)); err != nil {
			return max(1, s.exit.ExitStatus()), err
		}
		if k.stop {
			return 0, nil
		}
	}
}

// over says whether s was the last server, and with which exit code all ends.
func (k *keeper) over(s *server) (code int, over bool) {
	exited := s.exit.Exited() && s.bye
	switch {
	case exited && (s.exit.ExitStatus() == 0 || k.stop || !k.served):
		return s.exit.ExitStatus(), true
	case k.stop && !s.ready && s.exit.Signaled():
		return 0, true // it had not begun to watch for signals
	case k.stop:
		k.opts.Log.Error("the server has died while it stopped", "server", s.pid, "exit", exitText(s.exit))
		return 1, true
	}
	return 0, false
}

// wait lets some time pass before the next server, if ends come quickly, or says
// that there will be none.
func (k *keeper) wait(s *server, lived time.Duration) error {
	if s.ready {
		k.unready = 0
	} else {
		k.unready++
	}
	if s.ready && lived >= quickEnd {
		k.ends = 0
	}
	k.ends++
	if k.unready >= mostAttempts {
		return fmt.Errorf("the server has ended %d times in a row before it was ready, the last time with %s: giving up", k.unready, exitText(s.exit))
	}
	pause := time.Duration(0)
	if k.ends > freeEnds {
		pause = min(firstPause<<min(k.ends-freeEnds-1, 16), mostPause)
	}
	k.opts.Log.Error("the server has died, starting another", "server", s.pid, "exit", exitText(s.exit),
		"elapsed", lived.Round(time.Millisecond), "pause", pause)
	k.notify("STATUS=the server has died (" + exitText(s.exit) + "): another is being started")
	over := time.NewTimer(pause)
	defer over.Stop()
	for !k.stop {
		select {
		case <-over.C:
			return nil
		case sig := <-k.signals:
			k.note(sig)
		}
	}
	return nil
}

// note takes in a signal.
func (k *keeper) note(sig os.Signal) {
	for _, one := range stops {
		k.stop = k.stop || sig == one
	}
	if sig == syscall.SIGUSR1 && k.opts.Reopen != nil {
		k.opts.Reopen()
	}
}

func (k *keeper) notify(state string) {
	if k.opts.Notify != nil {
		k.opts.Notify(state)
	}
}

// hold keeps list instead of what was kept.
func (k *keeper) hold(list []Group) {
	for _, g := range k.kept {
		closeAll(g.FDs)
	}
	k.kept = list
}

// A server is one process of the server.
type server struct {
	pid   int
	link  *link
	exit  syscall.WaitStatus
	ended chan struct{} // closed when exit is there
	taken chan taking   // closed when the link has ended
	hello bool          // signals can be sent
	ready bool
	bye   bool
	late  []os.Signal // that came before hello
}

// A taking is a message that has come.
type taking struct {
	message
	fds []int
}

// start starts a server, which has been told nothing yet.
func (k *keeper) start() (*server, error) {
	l, theirs, err := newLinks()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	s := &server{link: l, ended: make(chan struct{}), taken: make(chan taking)}
	env := append(k.environ(), variable+"="+strconv.Itoa(os.Getpid()))
	files := []*os.File{k.opts.Files[0], k.opts.Files[1], k.opts.Files[2], theirs}
	if err := s.spawn(k.opts.Path, k.opts.Args, env, files); err != nil {
		l.conn.Close()
		return nil, fmt.Errorf("start the server: %w", err)
	}
	go s.read()
	return s, nil
}

// environ is the server's: what is for the keeper alone is not in it.
func (k *keeper) environ() []string {
	var env []string
	for _, one := range k.opts.Env {
		switch name, _, _ := strings.Cut(one, "="); name {
		case variable, "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES":
		default:
			env = append(env, one)
		}
	}
	return env
}

// read takes messages until the link's end.
func (s *server) read() {
	defer close(s.taken)
	for {
		m, fds, err := s.link.receive()
		if err != nil {
			return
		}
		s.taken <- taking{m, fds}
	}
}

// attend serves s's link, and passes signals on, until s has ended and all that
// it has said is heard.
func (k *keeper) attend(s *server) {
	defer s.link.conn.Close()
	taken, ended := s.taken, s.ended
	for taken != nil || ended != nil {
		select {
		case t, ok := <-taken:
			if !ok {
				taken = nil
				break
			}
			if err := k.take(s, t); err != nil {
				k.opts.Log.Error("the server breaks the link, killing it", "server", s.pid, "err", err)
				s.signal(syscall.SIGKILL)
			}
		case sig := <-k.signals:
			k.note(sig)
			k.pass(s, sig)
		case <-ended:
			// Whoever has inherited the link's other end does not keep us.
			_ = s.link.conn.CloseWrite()
			_ = s.link.conn.CloseRead()
			ended = nil
		}
	}
}

// pass passes a signal on, now or when the server can take it.
func (k *keeper) pass(s *server, sig os.Signal) {
	for _, one := range stops {
		if sig == one {
			s.signal(sig.(syscall.Signal))
			return
		}
	}
	if !s.hello {
		s.late = append(s.late, sig)
		return
	}
	s.signal(sig.(syscall.Signal))
}

// take does what the server asks for.
func (k *keeper) take(s *server, t taking) error {
	switch {
	case t.Hello && !s.hello:
		s.hello = true
		for _, sig := range s.late {
			s.signal(sig.(syscall.Signal))
		}
		kept, fds := describe(k.kept)
		start := &opening{Kept: kept, Restart: k.served, Watchdog: k.opts.Watchdog}
		if len(k.kept) == 0 { // else they are among those
			given, more := describe(k.opts.Given)
			start.Given, fds = given, append(fds, more...)
		}
		return s.link.send(message{Start: start}, fds...)
	case t.Hold != nil:
		list, rest, err := t.Hold.assign(t.fds)
		if err != nil || len(rest) > 0 {
			closeAll(t.fds)
			return fmt.Errorf("sockets to hold: %w", io.ErrUnexpectedEOF)
		}
		k.hold(list)
		if len(list) == 0 { // nobody is to wait there any more
			for _, g := range k.opts.Given {
				closeAll(g.FDs)
			}
			k.opts.Given = nil
		}
		return s.link.send(message{Held: true})
	case t.Notify != "":
		for line := range strings.Lines(t.Notify) {
			if strings.TrimSpace(line) == "READY=1" {
				s.ready, k.served = true, true
			}
		}
		k.notify(t.Notify)
	case t.Bye:
		s.bye = true
	}
	closeAll(t.fds)
	return nil
}

func exitText(status syscall.WaitStatus) string {
	if status.Signaled() {
		return "signal: " + status.Signal().String()
	}
	return "exit status " + strconv.Itoa(status.ExitStatus())
}

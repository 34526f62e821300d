package release

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"

	"pasted/internal/h1"
	"pasted/internal/httpd"
	"pasted/internal/pool"
	"pasted/internal/worker"
)

// A Host serves a release, and the next one in its place when it is told to,
// on the same sockets and connections. Its methods may be called by everyone;
// Serve is called once.
type Host struct {
	log     *slog.Logger
	sockets *httpd.Sockets
	own     httpd.Sockets // where nobody gave any
	turn    sync.Mutex    // one reload at a time

	mu       sync.Mutex // guards all below
	status   Status     // but for what is asked of others
	server   httpd.Config
	current  *run
	retiring []*run
	past     pool.Stats // what releases that have ended have counted
	loops    []*h1.Loop
	engine   *httpd.Engine
	kill     context.Context
	stopping context.Context
	retires  sync.WaitGroup
}

// NewHost returns a host that will serve r first.
func NewHost(r *Release) *Host {
	h := &Host{log: r.options.Log, sockets: r.options.Sockets}
	if h.sockets == nil {
		h.sockets = &h.own
	}
	h.status = Status{State: Starting, Began: time.Now(), File: r.File, Release: r.Number, Loaded: time.Now()}
	h.status.Python, h.server = r.python(), r.Server
	return h
}

// Serving says how the start went.
type Serving struct {
	URLs    []string      // where it listens; of a Unix socket "unix:" and its path
	Elapsed time.Duration // from Serve's begin until requests are answered
	Loading time.Duration // of that, until the template had loaded the application
}

// Serve is Host.Serve for a release that is never followed by another.
func (r *Release) Serve(ctx, kill context.Context, ready func(Serving)) error {
	return NewHost(r).Serve(ctx, kill, r, ready)
}

// Serve listens, starts r's workers, calls ready once when requests are
// answered, and serves until ctx ends. Then it says that it is not ready, goes
// on for the server's drain delay, and lets requests finish, for the server's
// graceful timeout at most or until kill ends. It returns nil after a stop that
// ctx asked for, and when nothing it has started is left.
func (h *Host) Serve(ctx, kill context.Context, r *Release, ready func(Serving)) error {
	began := time.Now()
	defer h.setState(Stopped)
	listeners, err := h.listenFirst(r)
	if err != nil {
		return at(r.listenAt, err)
	}
	defer h.closeOwn()
	serving := false
	defer func() {
		if serving {
			return
		}
		for _, l := range listeners {
			l.Close()
		}
	}()
	loops, endLoops, err := startLoops()
	if err != nil {
		return err
	}
	defer endLoops()
	kill, giveUp := context.WithCancel(kill)
	defer giveUp()
	stop, delayed := h.delay(ctx, kill)
	defer delayed()
	defer h.limitStop(stop, giveUp)()
	live, err := r.start(ctx, kill, loops)
	if err != nil {
		if ctx.Err() != nil {
			return nil // told to stop before it had begun
		}
		return err
	}
	defer h.endAll()
	engine := httpd.NewEngine(ctx, r.Server, loops, r.Plan.Handler, h.log)
	h.begin(live, loops, engine, ctx, kill, urls(r.Server.URLScheme, listeners))
	ready(Serving{URLs: urls(r.Server.URLScheme, listeners), Elapsed: time.Since(began), Loading: live.loading})
	serving = true
	return engine.Serve(stop, kill, listeners, func() {
		h.turn.Lock() // there is no reload any more
		defer h.turn.Unlock()
		if !h.config().KeepSockets {
			h.sockets.Close()
		}
	})
}

// listenFirst returns r's listeners, for which addresses of before are given
// back where they are in the way.
func (h *Host) listenFirst(r *Release) ([]net.Listener, error) {
	listeners, err := h.sockets.Listen(r.Server)
	if errors.Is(err, syscall.EADDRINUSE) {
		h.sockets.Close()
		listeners, err = h.sockets.Listen(r.Server)
	}
	if err == nil {
		h.sockets.Trim()
	}
	return listeners, err
}

// closeOwn closes sockets that are nobody else's.
func (h *Host) closeOwn() {
	if h.sockets == &h.own {
		h.sockets.Close()
	}
}

// begin notes that live serves.
func (h *Host) begin(live *run, loops []*h1.Loop, engine *httpd.Engine, stopping, kill context.Context, urls []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.current, h.loops, h.engine, h.stopping, h.kill = live, loops, engine, stopping, kill
	if h.status.URLs = urls; h.status.State == Starting { // else a stop has begun
		h.status.State = Ready
	}
}

// State says what h is doing, as Status does, without a look at all else.
func (h *Host) State() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.status.State
}

func (h *Host) setState(state string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.status.State = state
}

// config is the server of the release that serves, or will first.
func (h *Host) config() httpd.Config {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.server
}

// drain says that no more requests are wanted, and returns for how long they are
// still served: not at all where they have never been.
func (h *Host) drain() time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	served := h.status.State == Ready
	h.status.State = Draining
	if !served {
		return 0
	}
	return h.server.DrainDelay
}

// delay returns a context that ends when a stop may begin to refuse requests:
// the drain delay after ctx, or with kill. Who asks whether the server is ready
// hears that it is not from ctx's end on.
func (h *Host) delay(ctx, kill context.Context) (stop context.Context, end func()) {
	stop, cancel := context.WithCancel(context.WithoutCancel(ctx))
	over := make(chan struct{})
	var waiting sync.WaitGroup
	waiting.Go(func() {
		defer cancel()
		select {
		case <-over:
			return
		case <-ctx.Done():
		}
		limit := time.NewTimer(h.drain())
		defer limit.Stop()
		select {
		case <-over:
		case <-kill.Done():
		case <-limit.C:
		}
	})
	return stop, func() {
		close(over)
		waiting.Wait()
	}
}

// exitTime is what the workers have beyond the graceful timeout, which requests
// may use up, to run their exit handlers.
const exitTime = 2 * time.Second

// limitStop calls giveUp when a stop, which begins with ctx's end, has taken
// longer than it may. The function that it returns ends that.
func (h *Host) limitStop(ctx context.Context, giveUp func()) (end func()) {
	over := make(chan struct{})
	var waiting sync.WaitGroup
	waiting.Go(func() {
		select {
		case <-over:
			return
		case <-ctx.Done():
		}
		limit := time.NewTimer(h.config().GracefulTimeout + exitTime)
		defer limit.Stop()
		select {
		case <-over:
		case <-limit.C:
			giveUp()
		}
	})
	return func() {
		close(over)
		waiting.Wait()
	}
}

// endAll ends what runs, when nothing is served any more.
func (h *Host) endAll() {
	h.mu.Lock()
	current := h.current
	h.mu.Unlock()
	if current != nil {
		current.end()
	}
	h.retires.Wait()
}

// Reload loads the file and the code anew, starts workers of it, and moves the
// traffic to them when they are ready; those before finish their requests. It
// returns when the traffic has moved. With an error, or when ctx ends before,
// all is as it was. loaded is told of the new release before it is started.
func (h *Host) Reload(ctx context.Context, loaded func(*Release)) error {
	h.turn.Lock()
	defer h.turn.Unlock()
	h.mu.Lock()
	old, stopping := h.current, h.stopping
	h.mu.Unlock()
	if old == nil || stopping.Err() != nil {
		return errors.New("there is nothing that serves and could be followed")
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(stopping, cancel)()
	next, err := h.reload(ctx, old, loaded)
	h.mu.Lock()
	defer h.mu.Unlock()
	if err != nil {
		h.status.Failed++
		h.status.LastFailure = err.Error()
		return err
	}
	h.status.Reloads++
	h.status.LastFailure = ""
	h.status.Release, h.status.Loaded = next.Number, time.Now()
	h.status.Python = next.python()
	return nil
}

func (h *Host) reload(ctx context.Context, old *run, loaded func(*Release)) (*Release, error) {
	options := old.release.options
	options.Early = false // there is no hurry: the release before serves
	next, err := Load(ctx, options)
	if err != nil {
		return nil, err
	}
	next.Number = old.release.Number + 1
	loaded(next)
	live, err := next.start(ctx, h.kill, h.loops)
	if err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		live.end()
		return nil, context.Cause(ctx)
	}
	listeners, err := h.sockets.Listen(next.Server)
	if err != nil {
		live.end()
		return nil, at(next.listenAt, err)
	}
	settled, err := h.engine.Swap(next.Server, next.Plan.Handler, listeners)
	if err != nil {
		h.sockets.Undo()
		live.end()
		return nil, err
	}
	h.sockets.Trim()
	h.mu.Lock()
	h.current, h.server = live, next.Server
	h.status.URLs = urls(next.Server.URLScheme, listeners)
	h.retiring = append(h.retiring, old)
	h.mu.Unlock()
	h.retires.Go(func() { h.retire(old, settled) })
	return next, nil
}

// retireEach is how often it is looked whether a release has finished.
const retireEach = 10 * time.Millisecond

// retire ends old when it has answered what it had begun, or has had its
// graceful timeout for it.
func (h *Host) retire(old *run, settled func() bool) {
	grace := time.NewTimer(old.release.Server.GracefulTimeout)
	defer grace.Stop()
	tick := time.NewTicker(retireEach)
	defer tick.Stop()
	for late := false; !late && !(settled() && !old.busy()); {
		select {
		case <-tick.C:
		case <-grace.C:
			late = true
			h.log.Warn("requests of an earlier release do not finish", "release", old.release.Number)
		case <-h.kill.Done():
			late = true
		}
	}
	old.end()
	h.mu.Lock()
	defer h.mu.Unlock()
	if old.pool != nil {
		last := old.pool.Stats()
		h.past.Add(&last)
	}
	h.retiring = slices.DeleteFunc(h.retiring, func(r *run) bool { return r == old })
}

// busy says whether r has requests that it has not answered.
func (r *run) busy() bool { return r.pool != nil && r.pool.Busy() }

// python names r's interpreter, empty if there is none.
func (r *Release) python() string {
	if r.Interpreter == nil {
		return ""
	}
	return r.Interpreter.Executable + " " + r.Interpreter.Version.String()
}

// Status returns what h is doing.
func (h *Host) Status() Status {
	h.mu.Lock()
	s, current, retiring, past := h.status, h.current, slices.Clone(h.retiring), h.past
	h.mu.Unlock()
	s.Memory = make(map[int]worker.Memory)
	note := func(pid int) {
		if m, err := worker.MemoryOf(pid); err == nil { // else it has just gone
			s.Memory[pid] = m
		}
	}
	note(os.Getpid())
	if current != nil && current.pool != nil {
		s.Pool = current.pool.Stats()
		if s.Template = current.source.TemplatePID(); s.Template != 0 {
			note(s.Template)
		}
	}
	for _, r := range retiring {
		if r.pool == nil {
			continue
		}
		stats := r.pool.Stats()
		for i := range stats.Workers {
			stats.Workers[i].State = "draining"
		}
		s.Retiring = append(s.Retiring, stats.Workers...)
		s.Pool.Add(&stats)
	}
	s.Pool.Add(&past)
	for _, w := range slices.Concat(s.Pool.Workers, s.Retiring) {
		note(w.PID)
	}
	return s
}

// Alive says whether h answers: its loops take turns and the pool's books can be
// looked at, before ctx ends. Before it serves, and when it has stopped, there is
// nothing that could hang.
func (h *Host) Alive(ctx context.Context) bool {
	h.mu.Lock()
	loops, current, state := h.loops, h.current, h.status.State
	h.mu.Unlock()
	if current == nil || state != Ready && state != Draining {
		return true
	}
	answered := make(chan struct{}, len(loops)+1)
	for _, l := range loops {
		l.Post(func() { answered <- struct{}{} })
	}
	go func() { // which ends when the pool's lock is free; if never, all is lost
		_ = current.busy()
		answered <- struct{}{}
	}()
	for range cap(answered) {
		select {
		case <-answered:
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// Resize has so many more workers run than now are wanted, or fewer, and returns
// how many that are. Where the file leaves a choice, it is those that there are,
// and the choice ends. The next release has as many as its file says.
func (h *Host) Resize(by int) (workers int, err error) {
	h.mu.Lock()
	current := h.current
	h.mu.Unlock()
	if current == nil || current.pool == nil {
		return 0, errors.New("there are no workers")
	}
	least, most, now := current.pool.Range()
	n := least + by
	if least < most {
		n = max(least, now) + by
	}
	if n < 1 || n > mostProcesses {
		return 0, fmt.Errorf("%d workers: want 1 to %d", n, mostProcesses)
	}
	current.pool.Resize(n)
	return n, nil
}

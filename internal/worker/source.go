package worker

import (
	"context"
	"errors"
	"sync"
	"time"

	"pasted/internal/wire"
)

// A Source makes the workers of one release. With a template it keeps one
// running to fork them from; without, each worker imports the application
// itself. Prepare comes first, then Run and Worker from any goroutines.
type Source struct {
	cfg     *Config
	preload bool
	grace   time.Duration
	kill    <-chan struct{}

	mu       sync.Mutex
	template *Template     // nil while there is none
	changed  chan struct{} // closed, and replaced, when template is set
	promoted chan promotion
}

// A promotion gives Run a template; taken is closed when workers are forked from it.
type promotion struct {
	template *Template
	taken    chan struct{}
}

// NewSource returns a source of workers, with a template if preload is set.
// Its template has grace to exit when told to drain, and until kill, if not
// nil, is closed.
func NewSource(cfg *Config, preload bool, grace time.Duration, kill <-chan struct{}) *Source {
	return &Source{cfg: cfg, preload: preload, grace: grace, kill: kill, changed: make(chan struct{}), promoted: make(chan promotion)}
}

// Prepare starts the template, if there is to be one, and returns when it has
// loaded the roots; errors are as StartTemplate's. Run must be called after
// Prepare has succeeded: it is what ends the template.
func (s *Source) Prepare(ctx context.Context) error {
	if !s.preload {
		return nil
	}
	t, err := StartTemplate(ctx, s.cfg)
	if err != nil {
		return err
	}
	s.set(t)
	return nil
}

// Run starts another template when one has died, until ctx ends, and reaps what
// workers leave behind. Then it ends the template and returns when that has
// been reaped.
func (s *Source) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { reapStrays(ctx) })
	var backOff BackOff
	for t := s.current(); t != nil; {
		began := time.Now()
		select {
		case <-ctx.Done():
			s.set(nil)
			s.end(t)
			return context.Cause(ctx)
		case warm := <-s.promoted:
			s.set(warm.template)
			close(warm.taken)
			s.end(t)
			t = warm.template
			continue
		case <-t.Done():
		}
		s.set(nil)
		pause := backOff.Exited(time.Since(began))
		s.cfg.Log.Warn("template exited, starting another", "pid", t.PID(), "exit", t.Exit().String(), "pause", pause)
		t = s.restart(ctx, &backOff, pause)
		s.set(t)
	}
	<-ctx.Done()
	return context.Cause(ctx)
}

// restart starts a template after a pause, as often as it takes. It returns nil
// when ctx has ended.
func (s *Source) restart(ctx context.Context, backOff *BackOff, pause time.Duration) *Template {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
		t, err := StartTemplate(ctx, s.cfg)
		if err == nil {
			s.cfg.Log.Info("template ready", "pid", t.PID())
			return t
		}
		if ctx.Err() != nil {
			return nil
		}
		// Without a pause there would be three errors of an import that
		// fails in one go.
		pause = max(firstPause, backOff.Exited(0))
		s.cfg.Log.Error("template does not start", "err", err, "pause", pause)
	}
}

// end drains t, and kills it when that takes too long.
func (s *Source) end(t *Template) {
	t.Drain()
	grace := time.NewTimer(s.grace)
	defer grace.Stop()
	select {
	case <-t.Done():
	case <-s.kill:
	case <-grace.C:
	}
	t.Kill() // which a process that has gone does not notice
	<-t.Done()
}

// Worker makes worker id and returns when it is ready. While there is no
// template it waits for the next one, and once more when the template dies
// meanwhile: a second that does so dies of this.
func (s *Source) Worker(ctx context.Context, id int) (*Worker, error) {
	if !s.preload {
		return Start(ctx, s.cfg, id)
	}
	for deaths := 0; ; {
		s.mu.Lock()
		t, changed := s.template, s.changed
		s.mu.Unlock()
		if t != nil {
			w, err := t.Fork(ctx, id)
			if !endOf(t, err) || deaths == 1 {
				return w, err
			}
			deaths++
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-changed:
		}
	}
}

// Promote makes w, one of s's workers, which serves nothing any more and whose
// lanes are closed for writing, the template in place of the one that there is,
// and returns when it is: who asks for a worker from then on gets one of its. After
// an error w is not the template, and should be killed. Run waits for its end from
// then on.
func (s *Source) Promote(ctx context.Context, w *Worker) error {
	if !s.preload {
		return errors.New("there is no template without preload")
	}
	if err := w.proc.send(wire.Promote, 0, nil); err != nil {
		return w.proc.why(err)
	}
	if _, err := w.proc.await(ctx, wire.Loaded); err != nil {
		return err
	}
	p := promotion{template: &Template{proc: w.proc}, taken: make(chan struct{})}
	select {
	case s.promoted <- p:
		<-p.taken
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// endOf says that err is about the end of t.
func endOf(t *Template, err error) bool {
	var died *DiedError
	return errors.As(err, &died) && died.PID == t.PID()
}

func (s *Source) current() *Template {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.template
}

// TemplatePID returns the number of the template's process, 0 while there is
// none.
func (s *Source) TemplatePID() int {
	if t := s.current(); t != nil {
		return t.PID()
	}
	return 0
}

func (s *Source) set(t *Template) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.template = t
	close(s.changed)
	s.changed = make(chan struct{})
}

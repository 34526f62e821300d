package worker

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
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
}

// NewSource returns a source of workers, with a template if preload is set.
// Its template has grace to exit when told to drain, and until kill, if not
// nil, is closed.
func NewSource(cfg *Config, preload bool, grace time.Duration, kill <-chan struct{}) *Source {
	return &Source{cfg: cfg, preload: preload, grace: grace, kill: kill, changed: make(chan struct{})}
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

// Run starts another template when one has died, until ctx ends. Then it ends
// the template and returns when it has been reaped.
func (s *Source) Run(ctx context.Context) error {
	t := s.current()
	if t == nil {
		<-ctx.Done()
		return context.Cause(ctx)
	}
	for {
		select {
		case <-ctx.Done():
			s.set(nil)
			s.end(t)
			return context.Cause(ctx)
		case <-t.Done():
			s.set(nil)
			s.cfg.Log.Warn("template exited, starting another", "pid", t.PID(), "exit", t.Exit().String())
			if t = s.restart(ctx); t == nil {
				return context.Cause(ctx)
			}
			s.set(t)
		}
	}
}

// restart starts a template, as often as it takes and with growing pauses. It
// returns nil when ctx has ended.
func (s *Source) restart(ctx context.Context) *Template {
	for pause := 200 * time.Millisecond; ; pause = min(2*pause, 30*time.Second) {
		t, err := StartTemplate(ctx, s.cfg)
		if err == nil {
			s.cfg.Log.Info("template ready", "pid", t.PID())
			return t
		}
		if ctx.Err() != nil {
			return nil
		}
		s.cfg.Log.Error("template does not start", "err", err, "pause", pause)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause + rand.N(pause/10)):
		}
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
// template it waits for the next one.
func (s *Source) Worker(ctx context.Context, id int) (*Worker, error) {
	if !s.preload {
		return Start(ctx, s.cfg, id)
	}
	for {
		s.mu.Lock()
		t, changed := s.template, s.changed
		s.mu.Unlock()
		if t != nil {
			return t.Fork(ctx, id)
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-changed:
		}
	}
}

func (s *Source) current() *Template {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.template
}

func (s *Source) set(t *Template) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.template = t
	close(s.changed)
	s.changed = make(chan struct{})
}

package worker_test

import (
	"context"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"pasted/internal/marshal"
	"pasted/internal/wire"
	"pasted/internal/worker"
)

// bePromoted is a template, or a worker that becomes one.
func bePromoted(f *fake) {
	f.say(wire.Hello, marshal.Dict{{Key: "pid", Value: os.Getpid()}})
	f.say(wire.Loaded, marshal.Dict{})
	if frame, err := f.frames.Next(); err != nil || frame.Kind == wire.Drain {
		return
	}
	f.await(wire.Lanes)
	f.await(wire.Serve)
	f.say(wire.Ready, marshal.Dict{})
	f.await(wire.Promote)
	f.say(wire.Loaded, marshal.Dict{})
	f.await(wire.Drain)
}

// TestPromotedIsTheTemplate looks as soon as Promote has returned, when nobody else
// has had a processor.
func TestPromotedIsTheTemplate(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	cfg, _ := config(t, "promoted")
	source := worker.NewSource(cfg, true, time.Minute, nil)
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	var running sync.WaitGroup
	defer running.Wait()
	defer stop()
	if err := source.Prepare(ctx); err != nil {
		t.Fatal(err)
	}
	running.Go(func() { _ = source.Run(ctx) })
	for id := range 3 {
		w, err := worker.Start(ctx, cfg, id)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range w.Lanes() {
			l.Close()
		}
		if err := source.Promote(ctx, w); err != nil {
			t.Fatal(err)
		}
		if got := source.TemplatePID(); got != w.PID() {
			t.Errorf("the template is %d after the promotion of %d", got, w.PID())
		}
	}
}

package worker_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"pasted/internal/worker"
)

// TestProcessIsAskedWhatItHasImported has the fake tell some files by itself,
// and another when it is asked.
func TestProcessIsAskedWhatItHasImported(t *testing.T) {
	cfg, _ := config(t, "imports")
	told := make(chan []string, 10)
	cfg.Imported = func(files []string) { told <- files }
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	w, err := worker.Start(ctx, cfg, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		w.Kill()
		await(t, w)
		for _, l := range w.Lanes() {
			l.Close()
		}
	})
	for _, want := range [][]string{{"/app.py", "/parts.py"}, {"/later.py"}} {
		select {
		case got := <-told:
			if !slices.Equal(got, want) {
				t.Errorf("told %q, want %q", got, want)
			}
		case <-ctx.Done():
			t.Fatalf("%q are not told", want)
		}
	}
	w.Drain()
	await(t, w)
	if w.Exit() != (worker.Exit{}) {
		t.Errorf("exit = %s, want status 0", w.Exit())
	}
}

// TestProcessThatTellsNoFilesIsKilled sends something else in their place.
func TestProcessThatTellsNoFilesIsKilled(t *testing.T) {
	cfg, _ := config(t, "invents")
	cfg.Imported = func(files []string) { t.Errorf("told %q", files) }
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if w, err := worker.Start(ctx, cfg, 0); err == nil {
		w.Kill()
		await(t, w)
		t.Error("it has started")
	}
	if ctx.Err() != nil {
		t.Error("it was not noticed")
	}
}

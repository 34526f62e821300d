package worker_test

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"pasted/internal/marshal"
	"pasted/internal/worker"
)

// earlyConfig is one of a real Python that prints "starting" before it is told
// anything and "loading" when it is; standard output is the file.
func earlyConfig(t *testing.T) (*worker.Config, *os.File) {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no python3 on the PATH")
	}
	dir := t.TempDir()
	for name, text := range map[string]string{
		"sitecustomize.py": "import sys; print('starting'); print('starting', file=sys.stderr)",
		"early.py":         "import sys\ndef load(): print('loading'); print('loading', file=sys.stderr)",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	output, err := os.Create(filepath.Join(dir, "output"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { output.Close() })
	cfg, _ := config(t, "")
	cfg.Python, cfg.Env = python, append(os.Environ(), "PYTHONPATH="+dir)
	cfg.Stdout, cfg.Stderr = output, output
	cfg.Load = marshal.Dict{{Key: "setup", Value: "early:load"}, {Key: "roots", Value: []any{}}}
	return cfg, output
}

// ended drains the template, waits for its end, and returns what was printed.
func ended(t *testing.T, template *worker.Template, output *os.File) string {
	t.Helper()
	template.Drain()
	<-template.Done()
	if exit := template.Exit(); exit.Code != 0 {
		t.Errorf("the template ended with %v", exit)
	}
	if _, err := output.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(output)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestEarlyInterpreterBecomesTheFirstTemplate(t *testing.T) {
	cfg, output := earlyConfig(t)
	cfg.Early = worker.StartEarly(cfg)
	if n := children(t); n != 1 {
		t.Fatalf("%d processes when there is an early interpreter, want 1", n)
	}
	template, err := worker.StartTemplate(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if n := children(t); n != 1 {
		t.Errorf("%d processes when there is a template, want that alone", n)
	}
	cfg.Early.Close() // which the template does not notice
	if got, want := ended(t, template, output), "loading\nloading\n"; got != want {
		t.Errorf("the early one has printed %q, want %q", got, want)
	}
	// The next is started as ever.
	if template, err = worker.StartTemplate(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	if got, want := ended(t, template, output), "loading\nloading\nstarting\nstarting\nloading\nloading\n"; got != want {
		t.Errorf("both have printed %q, want %q", got, want)
	}
}

func TestEarlyInterpreterThatIsClosedLeavesNothing(t *testing.T) {
	cfg, output := earlyConfig(t)
	worker.StartEarly(cfg).Close() // opens what the runtime keeps for itself
	before := descriptors(t)
	early := worker.StartEarly(cfg)
	early.Close()
	early.Close()
	if n := children(t); n != 0 {
		t.Errorf("%d processes are left", n)
	}
	if after := descriptors(t); after > before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
	cfg.Early = early
	template, err := worker.StartTemplate(t.Context(), cfg)
	if err != nil {
		t.Fatalf("with an early one that is closed: %v", err)
	}
	ended(t, template, output)
}

func TestEarlyInterpreterThatIsNoneIsPassedOver(t *testing.T) {
	cfg, output := earlyConfig(t)
	python := cfg.Python
	for _, other := range []string{"/bin/false", "/nonexistent/python"} {
		cfg.Python = other
		cfg.Early = worker.StartEarly(cfg)
		cfg.Python = python
		for deadline := time.Now().Add(10 * time.Second); children(t) > 0 && time.Now().Before(deadline); {
			time.Sleep(time.Millisecond) // until it has ended
		}
		template, err := worker.StartTemplate(t.Context(), cfg)
		if err != nil {
			t.Fatalf("after %s: %v", other, err)
		}
		ended(t, template, output)
	}
	if n := children(t); n != 0 {
		t.Errorf("%d processes are left", n)
	}
}

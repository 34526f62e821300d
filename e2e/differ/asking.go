package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"pasted/internal/outcome"
	"pasted/internal/release"
)

// renewal is after how many trials the process that imports is a new one: it
// keeps what it has been asked about.
const renewal = 5000

// An asker asks both of one folder, in which the files of a trial stand.
type asker struct {
	dir     string // absolute, its own: the folders of trials are in it
	eggs    string
	python  string
	timeout time.Duration // of one trial

	oracle  *oracle
	session *outcome.Session
	asked   int
}

// newAsker starts the library. dir is emptied at each trial; eggs holds the
// distributions beside those of python's.
func newAsker(ctx context.Context, python, script, eggs, dir string) (*asker, error) {
	oracle, err := startOracle(ctx, python, script, eggs)
	if err != nil {
		return nil, err
	}
	return &asker{dir: dir, eggs: eggs, python: python, timeout: time.Minute, oracle: oracle}, nil
}

// close ends the processes.
func (a *asker) close() error {
	if a.session != nil {
		a.session.Close()
	}
	return a.oracle.close()
}

// ask returns the results of t's calls, each as text: the library's and ours.
func (a *asker) ask(ctx context.Context, t trial) (theirs, ours []string, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, a.timeout, errors.New("no answer in time"))
	defer cancel()
	dir := filepath.Join(a.dir, t.folder)
	if err := write(dir, t.files); err != nil {
		return nil, nil, err
	}
	if err := a.oracle.send(dir, t.calls); err != nil {
		return nil, nil, err
	}
	ours, err = a.ours(ctx, dir, t)
	if err != nil {
		return nil, nil, fmt.Errorf("ours: %w", err)
	}
	theirs, err = a.oracle.receive()
	if err == nil && len(theirs) != len(ours) {
		err = fmt.Errorf("%d results of PasteDeploy's and %d of ours", len(theirs), len(ours))
	}
	return theirs, ours, err
}

func (a *asker) ours(ctx context.Context, dir string, t trial) ([]string, error) {
	if a.asked%renewal == 0 {
		if a.session != nil {
			a.session.Close()
		}
		session, err := release.CallsOptions{
			Eggs: a.eggs, Python: a.python, Stderr: os.Stderr, Log: slog.New(slog.DiscardHandler),
		}.Session(a.dir)
		if err != nil {
			return nil, err
		}
		a.session = session
	}
	a.asked++
	data, err := json.Marshal(t.caseOf())
	if err != nil {
		return nil, err
	}
	c, err := outcome.NewCase("case.json", dir, data)
	if err != nil {
		return nil, err
	}
	results, err := a.session.Run(ctx, c)
	if err != nil {
		return nil, err
	}
	var texts []string
	for _, result := range results.Get("results").([]outcome.Object) {
		text, err := textOf(result[1:]) // the call comes first
		if err != nil {
			return nil, err
		}
		texts = append(texts, text)
	}
	return texts, nil
}

// caseOf returns t's calls in the form of a case.
func (t trial) caseOf() outcome.Object { return outcome.Object{{Key: "calls", Value: t.calls}} }

// textOf returns a value as JSON in the order of its keys.
func textOf(value any) (string, error) {
	object, err := outcome.ObjectOf(value)
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	err = outcome.Write(&b, object, false)
	return b.String(), err
}

// write puts files into dir, and nothing else but a link.
func write(dir string, files []file) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(dir, "sub"), 0o755); err != nil {
		return err
	}
	for _, f := range files {
		if err := os.WriteFile(filepath.Join(dir, f.name), []byte(f.text), 0o644); err != nil {
			return err
		}
	}
	return os.Symlink(filepath.Join("sub", "deep.ini"), filepath.Join(dir, "link.ini"))
}

// An oracle is a Python that runs the library.
type oracle struct {
	cmd     *exec.Cmd
	ask     io.WriteCloser
	answers *bufio.Reader
}

func startOracle(ctx context.Context, python, script, eggs string) (*oracle, error) {
	o := &oracle{cmd: exec.CommandContext(ctx, python, "-B", script, eggs)}
	o.cmd.Stderr = os.Stderr
	var err error
	if o.ask, err = o.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := o.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	o.answers = bufio.NewReaderSize(out, 1<<20)
	return o, o.cmd.Start()
}

func (o *oracle) close() error {
	o.ask.Close()
	return o.cmd.Wait()
}

func (o *oracle) send(dir string, calls []outcome.Object) error {
	return outcome.Write(o.ask, outcome.Object{{Key: "dir", Value: dir}, {Key: "calls", Value: calls}}, true)
}

func (o *oracle) receive() ([]string, error) {
	line, err := o.answers.ReadBytes('\n')
	if err != nil {
		return nil, fmt.Errorf("PasteDeploy: %w", err)
	}
	var results []json.RawMessage
	if err := json.Unmarshal(line, &results); err != nil {
		return nil, err
	}
	texts := make([]string, len(results))
	for i, result := range results {
		if texts[i], err = textOf(result); err != nil {
			return nil, err
		}
	}
	return texts, nil
}

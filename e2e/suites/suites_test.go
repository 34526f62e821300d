package suites_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"pasted/e2e/harness"
	"pasted/e2e/venvs"
)

// suitesVariable names the environment variable that holds the folder of the
// suites; without it, it is .cache/suites of the repository.
const suitesVariable = "PASTED_SUITES"

// suiteLimit is how long a suite may take on a machine that is busy.
const suiteLimit = 5 * time.Minute

// A suite is a runner in testdata and what it runs.
type suite struct{ name, folder, from string }

var suites = []suite{
	{"waitress", "waitress", "waitress 3.0.2, tests/test_functional.py and its fixture applications"},
	{"bjoern", "bjoern", "bjoern 3.2.2, tests"},
	{"mod_wsgi", "mod_wsgi-standalone", "mod_wsgi-standalone 4.9.4, tests"},
}

// An outcome is what a runner prints of a case.
type outcome struct {
	Case   string
	Passed bool
	Why    string
}

// TestSuites runs the suites, and holds differences.txt and README.md to having
// every case that is not passed and no other. With -v it says each of them.
func TestSuites(t *testing.T) {
	dir := folder(t)
	binary, err := binaries.Plain()
	if err != nil {
		t.Fatal(err)
	}
	table := harness.ReadDifferences(t, false)
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range table {
		if row := fmt.Sprintf("| %s | %s | %s |\n", d.Suite, d.Case, d.Why); !bytes.Contains(readme, []byte(row)) {
			t.Errorf("README.md has no row %s", row)
		}
	}
	for _, s := range suites {
		t.Run(s.name, func(t *testing.T) {
			outcomes := run(t, binary, s.name+"_suite.py", filepath.Join(dir, s.folder))
			passed := judge(t, s.name, outcomes, table)
			row := fmt.Sprintf("| %s | %s | %d | %d | %d |\n", s.name, s.from, len(outcomes), passed, len(outcomes)-passed)
			if !bytes.Contains(readme, []byte(row)) {
				t.Errorf("README.md has no row %s", row)
			}
		})
	}
}

// judge returns how many cases are passed; of the others each must be in the table.
func judge(t *testing.T, suite string, outcomes []outcome, table harness.Differences) (passed int) {
	t.Helper()
	for _, o := range outcomes {
		d := table.Find(suite, o.Case, "")
		switch {
		case o.Passed && d != nil:
			t.Errorf("%s is passed, differences.txt:%d says it is not", o.Case, d.Line)
		case o.Passed:
		case d == nil:
			t.Errorf("%s: %s", o.Case, o.Why)
		default:
			d.Used = true
			t.Logf("%s: %s: %s", o.Case, o.Why, d.Why)
		}
		if o.Passed {
			passed++
		}
	}
	for _, d := range table.Unneeded(suite) {
		t.Errorf("differences.txt:%d: there is no such case", d.Line)
	}
	return passed
}

// run returns what a runner of testdata prints.
func run(t *testing.T, binary, runner, folder string) []outcome {
	t.Helper()
	python, err := venvs.FindPython()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), suiteLimit)
	defer cancel()
	var stdout bytes.Buffer
	var stderr harness.Output
	cmd := exec.CommandContext(ctx, python, "-B", filepath.Join("testdata", runner), binary, folder)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	// Its servers end with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\n%s%s", runner, err, stdout.String(), stderr.String())
	}
	var outcomes []outcome
	for lines := bufio.NewScanner(&stdout); lines.Scan(); {
		var o outcome
		if err := json.Unmarshal(lines.Bytes(), &o); err != nil {
			t.Fatalf("%s: %q: %v", runner, lines.Text(), err)
		}
		outcomes = append(outcomes, o)
	}
	if len(outcomes) == 0 {
		t.Fatalf("%s: no cases\n%s", runner, stderr.String())
	}
	return outcomes
}

// folder returns where the suites are.
func folder(t *testing.T) string {
	t.Helper()
	dir := os.Getenv(suitesVariable)
	if dir == "" {
		layout, err := venvs.Find()
		if err != nil {
			t.Fatal(err)
		}
		dir = filepath.Join(layout.Root, ".cache", "suites")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		t.Fatal(err)
	}
	stamp, err := os.ReadFile(filepath.Join(dir, "stamp"))
	if errors.Is(err, fs.ErrNotExist) {
		t.Skipf("no suites in %s: want `python3 e2e/suites/prepare %[1]s` first", dir)
	}
	if err != nil {
		t.Fatal(err)
	}
	// As the preparation writes it.
	made := sha256.New()
	for _, name := range []string{"__main__.py", "pins.txt"} {
		text, err := os.ReadFile(filepath.Join("prepare", name))
		if err != nil {
			t.Fatal(err)
		}
		made.Write(text)
	}
	if string(stamp) != hex.EncodeToString(made.Sum(nil)) {
		t.Fatalf("the suites in %s are others than today's: want `python3 e2e/suites/prepare %[1]s` first", dir)
	}
	return dir
}

package check_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"golang.org/x/tools/txtar"

	"pasted/internal/check"
	"pasted/internal/release"
	"pasted/paste"
)

var update = flag.Bool("update", false, "rewrite what the cases want")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// run checks a file without Python.
func run(t *testing.T, file string, vars *paste.Conf) *check.Report {
	t.Helper()
	report, err := check.Run(t.Context(), check.Options{
		Options: release.Options{
			File: file, Vars: vars, Stdout: os.Stderr, Stderr: os.Stderr, Log: slog.New(slog.DiscardHandler),
		},
		Permissive: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// outline is a report in lines: place, severity, rule, section, message, and
// below it what else is said.
func outline(report *check.Report, dir string) string {
	var b strings.Builder
	for _, f := range report.Findings {
		fmt.Fprintf(&b, "%s:%d:%d+%d %s %s [%s] %s\n", filepath.Base(f.File), f.Line, f.Column, f.Length, f.Severity, f.Rule, f.Section, f.Message)
		for _, r := range f.Related {
			fmt.Fprintf(&b, "  see %s:%d %s\n", filepath.Base(r.File), r.Line, r.Message)
		}
		if f.Hint != "" {
			fmt.Fprintf(&b, "  hint %s\n", f.Hint)
		}
	}
	return strings.ReplaceAll(b.String(), dir, "DIR")
}

func TestFindings(t *testing.T) {
	cases, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(cases) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, name := range cases {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			dir, vars := t.TempDir(), paste.NewConf()
			for _, f := range archive.Files {
				if f.Name == "args" {
					for word := range strings.FieldsSeq(string(f.Data)) {
						key, value, _ := strings.Cut(word, "=")
						vars.Set(key, value)
					}
				}
				if err := os.WriteFile(filepath.Join(dir, f.Name), f.Data, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			got := outline(run(t, filepath.Join(dir, "main.ini"), vars), dir)
			last := &archive.Files[len(archive.Files)-1]
			if *update {
				last.Data = []byte(got)
				if err := os.WriteFile(name, txtar.Format(archive), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(string(last.Data), got); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestEveryRuleHasACaseAndEveryFindingARule(t *testing.T) {
	cases, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]bool)
	for _, name := range cases {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		_, want, _ := strings.Cut(string(data), "-- want --\n")
		for line := range strings.Lines(want) {
			if words := strings.Fields(line); !strings.HasPrefix(line, " ") && len(words) > 2 {
				seen[words[2]] = true
			}
		}
	}
	for rule := range seen {
		if check.Rules[rule] == "" {
			t.Errorf("rule %q is in no table", rule)
		}
	}
	// Those that only Python tells are tried with the command.
	elsewhere := []string{"python", "import", "load", "request", "unknown-egg", "unknown-entry-point"}
	for rule := range check.Rules {
		if !seen[rule] && !slices.Contains(elsewhere, rule) {
			t.Errorf("rule %q has no case", rule)
		}
	}
}

func TestSecretsAreNotShown(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "main.ini")
	text := "[DEFAULT]\npassword = hunter2\n[app:main]\npaste.app_factory = m:make\npassword = hunter3 # hunter4\n  token = hunter5\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	report := run(t, file, nil)
	if report.Count(check.Warning) != 3 {
		t.Errorf("%d warnings, want 3", report.Count(check.Warning))
	}
	for name, write := range writers(report) {
		var b strings.Builder
		if err := write(&b); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(b.String(), "hunter") {
			t.Errorf("%s shows a password:\n%s", name, b.String())
		}
	}
}

func writers(report *check.Report) map[string]func(*strings.Builder) error {
	return map[string]func(*strings.Builder) error{
		"text":  func(b *strings.Builder) error { return report.Text(b, check.Style{}) },
		"json":  func(b *strings.Builder) error { return report.JSON(b) },
		"sarif": func(b *strings.Builder) error { return report.SARIF(b, check.Style{}, "1") },
	}
}

func TestUnreadableFileIsNoReport(t *testing.T) {
	_, err := check.Run(context.Background(), check.Options{Permissive: true, Options: release.Options{
		File: filepath.Join(t.TempDir(), "none.ini"), Stdout: os.Stderr, Stderr: os.Stderr,
	}})
	if err == nil {
		t.Error("a file that is not there has a report")
	}
}

func TestRealFilesHaveNoFalseAlarm(t *testing.T) {
	corpus := os.Getenv("PASTED_CORPUS")
	if corpus == "" {
		corpus = "../../../shared/corpus"
	}
	files, err := filepath.Glob(filepath.Join(corpus, "real", "*.ini"))
	if err != nil || len(files) == 0 {
		t.Skip("the corpus is not there: PASTED_CORPUS names it")
	}
	// What is told of real files is told of so few of them that each was read
	// by a person.
	quiet := []string{
		paste.RuleSwallowedOption, paste.RuleSwallowedSection, paste.RuleCutKey, paste.RuleInlineComment,
		paste.RuleSectionKind, paste.RuleNotSet, paste.RuleSetNotSeen, paste.RuleLostOptions,
	}
	for _, file := range files {
		report := run(t, file, nil)
		for _, f := range report.Findings {
			if slices.Contains(quiet, f.Rule) {
				t.Errorf("%s:%d: %s: %s", f.File, f.Line, f.Rule, f.Message)
			}
			if check.Rules[f.Rule] == "" {
				t.Errorf("%s:%d: rule %q is in no table", f.File, f.Line, f.Rule)
			}
		}
	}
}

func TestSARIFHasWhatItsSchemaWants(t *testing.T) {
	report := run(t, "testdata/clean.txtar", nil) // not a PasteDeploy file at all
	var b strings.Builder
	if err := report.SARIF(&b, check.Style{}, "1.2"); err != nil {
		t.Fatal(err)
	}
	var log struct {
		Version string
		Runs    []struct {
			Tool    struct{ Driver struct{ Name string } }
			Results []struct {
				RuleID    string
				Level     string
				Message   struct{ Text string }
				Locations []struct {
					PhysicalLocation struct {
						ArtifactLocation struct{ URI string }
						Region           *struct{ StartLine, StartColumn, EndColumn int }
					}
				}
			}
		}
	}
	if err := json.Unmarshal([]byte(b.String()), &log); err != nil {
		t.Fatal(err)
	}
	if log.Version != "2.1.0" || len(log.Runs) != 1 || log.Runs[0].Tool.Driver.Name != "pasted" || len(log.Runs[0].Results) == 0 {
		t.Fatalf("log = %s", b.String())
	}
	for _, r := range log.Runs[0].Results {
		uri := r.Locations[0].PhysicalLocation.ArtifactLocation.URI
		if r.RuleID == "" || r.Message.Text == "" || !strings.HasPrefix(uri, "file:///") {
			t.Errorf("result %+v", r)
		}
		if g := r.Locations[0].PhysicalLocation.Region; g != nil && (g.StartLine < 1 || g.StartColumn > 0 && g.EndColumn < g.StartColumn) {
			t.Errorf("region %+v", g)
		}
		if !slices.Contains([]string{"error", "warning", "note"}, r.Level) {
			t.Errorf("level %q", r.Level)
		}
	}
}

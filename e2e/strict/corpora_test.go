package strict_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pasted/e2e/harness"
	"pasted/e2e/venvs"
)

// corpusVariable names the environment variable that holds the folder of the
// suites; without it, it is .cache/strict of the repository.
const corpusVariable = "PASTED_STRICT_CORPUS"

// A corpusCase is one message of a suite and what the suite makes of it.
type corpusCase struct {
	Name     string
	Data     string // a character for each byte
	Want     string // "served", "refused" or "waits"
	Requests *int   // how many there are in Data; nil: the suite does not say
}

// want is the suite's verdict in the words of reading.verdict, as far as it
// goes.
func (c corpusCase) want() string {
	if c.Want == "served" && c.Requests != nil {
		return fmt.Sprintf("served %d", *c.Requests)
	}
	return c.Want
}

// agrees says whether the verdict is the suite's. A refusal may have good
// requests before it.
func (c corpusCase) agrees(verdict string) bool {
	refused := strings.Contains(verdict, "refused")
	switch {
	case c.Want == "refused":
		return refused
	case c.Requests != nil:
		return verdict == c.want()
	case c.Want == "served":
		return !refused && verdict != "waits"
	}
	return verdict == "waits"
}

// TestCorpora holds the server to the verdicts of other servers' tests, but for
// the differences in the table, and the table to having no other. With -v it
// says each of them.
func TestCorpora(t *testing.T) {
	dir := corpus(t)
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: no suites: %v", dir, err)
	}
	server, table := start(t, short), harness.ReadDifferences(t, true)
	for _, file := range files {
		suite := strings.TrimSuffix(filepath.Base(file), ".json")
		t.Run(suite, func(t *testing.T) { testSuite(t, server, suite, load(t, file), table) })
	}
}

func testSuite(t *testing.T, server *harness.Server, suite string, cases []corpusCase, table harness.Differences) {
	agreed, differ := 0, 0
	for i, c := range cases {
		ours, ok := settled(t, server, c, uint64(i))
		switch d := table.Find(suite, c.Name, ours.verdict()); {
		case !ok:
		case c.agrees(ours.verdict()):
			agreed++
		case d != nil:
			d.Used = true
			differ++
			t.Logf("%s: the suite has %s, we have %s %s: %s", c.Name, c.want(), ours.verdict(), ours.reason, d.Why)
		default:
			t.Errorf("%s: %s %s, want %s\n%s", c.Name, ours.verdict(), ours.reason, c.want(), clip(c.Data))
		}
	}
	for _, d := range table.Unneeded(suite) {
		if !t.Failed() {
			t.Errorf("differences.txt:%d: there is no such difference any more", d.Line)
		}
	}
	t.Logf("%d requests: %d as the suite has it, %d otherwise, by differences.txt", len(cases), agreed, differ)
}

// settled sends a case in every manner and returns what it is read as, if that
// does not depend on the manner.
func settled(t *testing.T, server *harness.Server, c corpusCase, seed uint64) (first reading, ok bool) {
	data := bytesOf(c.Data)
	for i, m := range manners(seed) {
		got := converse(t, server.Addr, data, m)
		if i == 0 {
			first = got
			continue
		}
		if fmt.Sprint(got) != fmt.Sprint(first) {
			t.Errorf("%s: sent %s it is %s %v, whole %s %v", c.Name, m.name, got.verdict(), got, first.verdict(), first)
			return first, false
		}
	}
	return first, true
}

func clip(text string) string {
	if len(text) > 600 {
		return fmt.Sprintf("%q…", text[:600])
	}
	return fmt.Sprintf("%q", text)
}

func load(t *testing.T, file string) (cases []corpusCase) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(text, &cases)
	}
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return cases
}

// bytesOf returns a byte for each character.
func bytesOf(text string) []byte {
	data := make([]byte, 0, len(text))
	for _, r := range text {
		data = append(data, byte(r))
	}
	return data
}

// corpus returns the folder of the suites. The test is skipped where they have
// not been fetched, and fails where they are others than today's.
func corpus(t *testing.T) string {
	t.Helper()
	layout, err := venvs.Find()
	if err != nil {
		t.Fatal(err)
	}
	dir := os.Getenv(corpusVariable)
	if dir == "" {
		dir = filepath.Join(layout.Root, ".cache", "strict")
	}
	stamp, err := os.ReadFile(filepath.Join(dir, "stamp"))
	if errors.Is(err, fs.ErrNotExist) {
		t.Skipf("no suites in %s: want `python3 e2e/strict/prepare %[1]s` first", dir)
	}
	if err != nil {
		t.Fatal(err)
	}
	if string(stamp) != stampOf(t, "prepare") {
		t.Fatalf("the suites in %s are others than today's: want `python3 e2e/strict/prepare %[1]s` first", dir)
	}
	return dir
}

// stampOf says what the suites are made from, as the preparation writes it.
func stampOf(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.New()
	for _, entry := range entries {
		if extension := filepath.Ext(entry.Name()); extension != ".py" && extension != ".txt" {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		digest.Write(text)
	}
	return hex.EncodeToString(digest.Sum(nil))
}

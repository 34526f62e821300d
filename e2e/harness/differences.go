package harness

import (
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// A Difference is a line of a table of the cases of others in which Pasted does
// not what they want, and why that is right.
type Difference struct {
	Line        int
	Suite, Case string // Case is a pattern of path.Match
	Ours        string // what Pasted does, where the table has a column for it
	Why         string
	Used        bool // set by whoever has met it
}

// Differences are the lines of a table.
type Differences []*Difference

// ReadDifferences reads testdata/differences.txt. Its columns are separated by
// " | ": suite, case, ours if withOurs, why. Lines that begin with a # say nothing.
func ReadDifferences(t *testing.T, withOurs bool) Differences {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "differences.txt"))
	if err != nil {
		t.Fatal(err)
	}
	want := 3
	if withOurs {
		want = 4
	}
	var table Differences
	for i, line := range strings.Split(string(text), "\n") {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		column := strings.Split(line, " | ")
		if len(column) != want {
			t.Fatalf("differences.txt:%d: %d columns, want %d", i+1, len(column), want)
		}
		d := &Difference{Line: i + 1, Suite: column[0], Case: column[1], Why: column[want-1]}
		if withOurs {
			d.Ours = column[2]
		}
		table = append(table, d)
	}
	return table
}

// Find returns the first line about the case of the suite in which Pasted does
// ours, or nil.
func (table Differences) Find(suite, name, ours string) *Difference {
	for _, d := range table {
		if matched, _ := path.Match(d.Case, name); matched && d.Suite == suite && d.Ours == ours {
			return d
		}
	}
	return nil
}

// Unneeded returns the suite's lines that nobody has met.
func (table Differences) Unneeded(suite string) (unneeded Differences) {
	for _, d := range table {
		if d.Suite == suite && !d.Used {
			unneeded = append(unneeded, d)
		}
	}
	return unneeded
}

package main

import (
	"encoding/json"
	"fmt"
	"strings"
)

// An accident is a way in which an answer of Python's may differ from ours though
// no rule of PasteDeploy's makes it.
type accident struct {
	what string
	is   func(theirs, ours string) bool
}

const nAccidents = 0

var accidents = [nAccidents]accident{}

// accidentOf returns the index of what makes two different results the same, or
// -1.
func accidentOf(theirs, ours string) int {
	for i, a := range accidents {
		if a.is(theirs, ours) {
			return i
		}
	}
	return -1
}

// isError says whether a result is an error.
func isError(result string) bool { return strings.HasPrefix(result, "{\n \"error\"") }

// String returns a trial as it can be written down: files and the case of calls.
// Text that is no line of its own is quoted.
func (t trial) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "in a folder %q:\n", t.folder)
	for _, f := range t.files {
		fmt.Fprintf(&b, "-- %s, %q --\n%s", f.name, f.text, f.text)
		if !strings.HasSuffix(f.text, "\n") {
			b.WriteString("\n")
		}
	}
	data, err := json.Marshal(t.caseOf())
	if err != nil {
		data = []byte(err.Error())
	}
	fmt.Fprintf(&b, "-- case.json --\n%s\n", data)
	return b.String()
}

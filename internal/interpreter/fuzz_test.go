package interpreter_test

import (
	"strings"
	"testing"

	"pasted/internal/interpreter"
	"pasted/internal/marshal"
)

// FuzzEntryPoints holds that only groups of paste's are kept, and that nothing
// in them has space around it.
func FuzzEntryPoints(f *testing.F) {
	f.Add("[paste.app_factory]\nmain = a:b [x]\n# c\n[other]\nx=y")
	f.Add("[paste.x\n=\n]=[\n[[paste.]]\r=\x1c=")
	f.Fuzz(func(t *testing.T, text string) {
		for group, points := range interpreter.EntryPoints([]byte(text)) {
			if !strings.HasPrefix(group, "paste.") || len(points) == 0 {
				t.Errorf("group %q with %d entry points", group, len(points))
			}
			for name, object := range points {
				if strings.TrimSpace(name) != name || strings.TrimSpace(object) != object || strings.Contains(name, "=") {
					t.Errorf("entry point %q = %q", name, object)
				}
			}
		}
		interpreter.HeaderFields(text)
	})
}

// FuzzDecode holds that an answer is an interpreter or an error, whatever comes.
func FuzzDecode(f *testing.F) {
	answer, err := marshal.Append(nil, marshal.Tuple{
		marshal.Tuple{3, 11, 2}, "cpython", "/usr/bin/python3", "/usr", "/usr", []any{"/usr/lib/python3.11"},
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(answer)
	f.Add(answer[:10])
	f.Fuzz(func(t *testing.T, answer []byte) {
		if i, err := interpreter.Decode(answer); (i == nil) == (err == nil) {
			t.Errorf("Decode() = %v, %v, want one of them", i, err)
		}
	})
}

package interpreter

import "strings"

// An Error says why there is no interpreter where one was looked for, or why
// what is there is none.
type Error struct {
	// What is the thing that is wrong: `python = "py9"`, or a path.
	What string
	// Message says what is the matter and what is wanted.
	Message string
	// Hint is what the person probably has to do, or empty. A command prints
	// it on a line of its own.
	Hint string
	// Output is the end of what the interpreter wrote, ending in a newline, or
	// empty.
	Output string
	// Err is the cause in the operating system's words, or nil.
	Err error
}

// Error returns "what: message".
func (e *Error) Error() string { return e.What + ": " + e.Message }

// Unwrap returns e.Err.
func (e *Error) Unwrap() error { return e.Err }

// reason returns the line of a program's output that says best why it ended:
// of a Python's the last that speaks of an error, else the first.
func reason(output string) string {
	lines := strings.Split(strings.TrimSpace(output), "\n")
	best := lines[0]
	for _, line := range lines {
		if strings.Contains(strings.ToLower(line), "error:") {
			best = line
		}
	}
	const most = 160
	if runes := []rune(best); len(runes) > most {
		best = string(runes[:most]) + "…"
	}
	return strings.TrimSpace(best)
}

// A tail keeps the end of what is written to it.
type tail struct {
	text []byte
}

// tailMost is how many bytes a tail keeps.
const tailMost = 8 << 10

// Write never fails.
func (t *tail) Write(p []byte) (int, error) {
	t.text = append(t.text, p[max(0, len(p)-tailMost):]...)
	if over := len(t.text) - tailMost; over > 0 {
		t.text = append(t.text[:0], t.text[over:]...)
	}
	return len(p), nil
}

// String returns whole lines, each with its newline, that are UTF-8.
func (t *tail) String() string {
	text := strings.ToValidUTF8(string(t.text), "\uFFFD")
	if len(t.text) == tailMost {
		_, text, _ = strings.Cut(text, "\n")
	}
	if text = strings.TrimRight(text, "\n"); text == "" {
		return ""
	}
	return text + "\n"
}

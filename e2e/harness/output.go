package harness

import (
	"bytes"
	"regexp"
	"strings"
	"sync"
)

// Output is what a process has written so far. It is safe for concurrent use.
type Output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write takes what the process writes.
func (o *Output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

// String returns all of it.
func (o *Output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// Lines returns the lines that match the regular expression.
func (o *Output) Lines(pattern string) []string {
	re := regexp.MustCompile(pattern)
	var lines []string
	for line := range strings.Lines(o.String()) {
		if line = strings.TrimSuffix(line, "\n"); re.MatchString(line) {
			lines = append(lines, line)
		}
	}
	return lines
}

// Has says whether the text is in it.
func (o *Output) Has(text string) bool { return strings.Contains(o.String(), text) }

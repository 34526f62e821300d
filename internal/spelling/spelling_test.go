package spelling_test

import (
	"strings"
	"testing"

	"pasted/internal/spelling"
)

func TestNearestForgivesAThirdOfTheWord(t *testing.T) {
	candidates := []string{"processes", "threads", "python", "preload", "setup", "env.HOME", "chdir", "umask", "path", "static-files"}
	for word, want := range map[string]string{
		"proceses": "processes", "process": "processes", "Threads": "threads", "thraeds": "threads", "pyhton": "python",
		"pre-load": "preload", "preload ": "preload", " path ": "path", "evn.HOME": "env.HOME", "static_files": "static-files",
		"cd": "", "xyz": "", "": "", "workers": "", "p": "",
		"path": "", "paths": "path", "mask": "umask", "ümask": "umask",
	} {
		if got := spelling.Nearest(word, candidates); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", word, got, want)
		}
	}
}

func TestNearestOfEqualsIsTheFirst(t *testing.T) {
	if got := spelling.Nearest("axe", []string{"axes", "ax", "axe"}); got != "axes" {
		t.Errorf("Nearest(axe) = %q, want axes", got)
	}
}

func TestNearestLooksAtNoLongTexts(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	if got := spelling.Nearest(long, []string{long + "y"}); got != "" {
		t.Errorf("a word was found near a text of a megabyte: %d bytes", len(got))
	}
	if got := spelling.Nearest("name", []string{long, "nme"}); got != "nme" {
		t.Errorf("Nearest(name) = %.10q, want nme", got)
	}
}

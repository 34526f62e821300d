package wsgi_test

import (
	"testing"

	"pasted/internal/h1"
	"pasted/internal/wsgi"
)

func encoded(script, path string) []byte {
	request := wsgi.Request{
		Head: new(h1.Head), ScriptName: []byte(script), PathInfo: []byte(path), Scheme: "http", ContentLength: -1,
	}
	return wsgi.NewConstants("Pasted", true, false, 1).AppendEnviron(nil, &request)
}

func TestPeekReadsThePathAsItWasMeant(t *testing.T) {
	for path, want := range map[string]string{"/a b": "/m/a b", "/é": "/m/é", "/\xff": "/mÿ"[:2] + "/ÿ"} {
		if _, got := wsgi.Peek(encoded("/m", path)); got != want {
			t.Errorf("Peek(%q) = %q, want %q", path, got, want)
		}
	}
}

// TestPeekTakesAnyBeginning cuts an environ off at each byte.
func TestPeekTakesAnyBeginning(t *testing.T) {
	whole := encoded("/m", "/page")
	seen := map[string]bool{}
	for n := range len(whole) + 1 {
		_, path := wsgi.Peek(whole[:n])
		seen[path] = true
	}
	if len(seen) != 2 || !seen[""] || !seen["/m/page"] {
		t.Errorf("paths of the beginnings: %v, want none and /m/page", seen)
	}
}

func FuzzPeek(f *testing.F) {
	f.Add(encoded("/m", "/page"))
	f.Fuzz(func(_ *testing.T, data []byte) { wsgi.Peek(data) })
}

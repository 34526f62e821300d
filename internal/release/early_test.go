package release_test

import (
	"os"
	"strings"
	"testing"

	"pasted/internal/release"
)

// TestEarlyInterpreterIsLeftOnlyWhereItIsWanted loads files with Options.Early: one
// process is left until Close where there will be a template, and else none.
func TestEarlyInterpreterIsLeftOnlyWhereItIsWanted(t *testing.T) {
	early := func(o *release.Options) { o.Early = true }
	for name, c := range map[string]struct {
		text   string
		left   int
		failed bool
	}{
		"hosted":       {"[app:main]\npaste.app_factory = nowhere:site\n", 1, false},
		"no template":  {"[app:main]\npaste.app_factory = nowhere:site\n[pasted:workers]\npreload = false\n", 0, false},
		"native":       {"[composite:main]\nuse = egg:Paste#urlmap\n", 0, false},
		"egg missing":  {"[app:main]\nuse = egg:NotThere\n", 0, true},
		"wrong server": {"[app:main]\npaste.app_factory = nowhere:site\n[server:main]\nuse = egg:pasted#http\nport = many\n", 0, true},
		"no Python":    {"[app:main]\npaste.app_factory = nowhere:site\n[pasted:workers]\npython = /bin/false\n", 0, true},
	} {
		r, err := load(t, c.text, early)
		if (err != nil) != c.failed {
			t.Errorf("%s: error %v", name, err)
		}
		if n := children(t); n != c.left {
			t.Errorf("%s: %d processes are left, want %d", name, n, c.left)
		}
		if r != nil {
			r.Close()
		}
		if n := children(t); n != 0 {
			t.Errorf("%s: %d processes are left after Close", name, n)
		}
	}
}

// children returns how many processes are children of this one.
func children(t *testing.T) (n int) {
	t.Helper()
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Skip("no /proc: ", err)
	}
	for _, task := range tasks {
		if list, err := os.ReadFile("/proc/self/task/" + task.Name() + "/children"); err == nil {
			n += len(strings.Fields(string(list)))
		}
	}
	return n
}

package e2e_test

import (
	"encoding/json"
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// oraclePaths are asked of both.
var oraclePaths = strings.Fields(`
	/ /none /plain /plain/ /plain/x /plainx /values /override /twice /setget /pipe /pipe-of-pipes
	/filtered /filtered-twice /filter-app /python/a /python/b/x /python/c /python/d /inner /inner-named
	/inner-used /inner-pipe /call /nested/deeper/a /nested/deeper/still /nested/deeper/still/a /nested
	/dotted /application //plain /plain//x`)

// TestFileMeansWhatItMeansToPasteDeploy has PasteDeploy itself load a file of
// every kind of section, and wants the same applications, filters, options and
// paths from pasted.
func TestFileMeansWhatItMeansToPasteDeploy(t *testing.T) {
	t.Parallel()
	file, err := filepath.Abs(filepath.Join("testdata", "oracle", "site.ini"))
	if err != nil {
		t.Fatal(err)
	}
	interpreter := python(t, "peers")
	server := serve(t, site{file: file, python: interpreter, vars: []string{"color=green"}})
	_, port, _ := strings.Cut(server.Addr, ":")
	args := append([]string{"-B", filepath.Join("testdata", "oracle", "oracle.py"), file, port}, oraclePaths...)
	out, err := exec.Command(interpreter, args...).Output()
	if err != nil {
		t.Fatalf("PasteDeploy: %v\n%s", err, stderrOf(err))
	}
	var want map[string][2]any
	if err := decodeJSON(out, &want); err != nil {
		t.Fatal(err)
	}
	client := newClient(t)
	for _, path := range oraclePaths {
		page, err := do(t, client, call{url: server.URL + path})
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		got := [2]any{float64(page.StatusCode), nil}
		if page.StatusCode == 200 && json.Unmarshal(page.body, &got[1]) != nil {
			t.Errorf("%s: %q is no JSON", path, page)
		}
		if diff := cmp.Diff(want[path], got); diff != "" {
			t.Errorf("%s: PasteDeploy (-), pasted (+):\n%s", path, diff)
		}
	}
}

// stderrOf returns what a command that went wrong has said.
func stderrOf(err error) []byte {
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.Stderr
	}
	return nil
}

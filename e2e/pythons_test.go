package e2e_test

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// systemsOwn stands for the Python that the system came with.
const systemsOwn = "of the system"

// findPython returns a Python of the version, such as "3.8": one that pyenv has
// installed, or one of that name on the PATH.
func findPython(version string) (string, error) {
	if version == systemsOwn {
		return exec.LookPath("/usr/bin/python3")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", err
	}
	found, err := filepath.Glob(filepath.Join(home, ".pyenv", "versions", version+".*", "bin", "python"))
	if err != nil {
		return "", err
	}
	if len(found) > 0 {
		return found[0], nil
	}
	path, err := exec.LookPath("python" + version)
	if err != nil {
		return "", fmt.Errorf("no Python %s on this machine: %w", version, err)
	}
	if out, err := exec.Command(path, "-c", "import sys; print(sys.executable)").Output(); err == nil {
		return strings.TrimSpace(string(out)), nil
	}
	return "", fmt.Errorf("%s: a shim without a Python behind it", path)
}

// TestEveryPythonServes serves a pipeline with each of the Pythons, and asks
// for what differs between them: bodies, exceptions, fields.
func TestEveryPythonServes(t *testing.T) {
	for _, version := range []string{"2.7", "3.6", "3.7", "3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "3.14", systemsOwn} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			python, err := findPython(version)
			if err != nil {
				t.Skip(err)
			}
			server := serveWSGI(t, python)
			client := newClient(t)
			for _, test := range answerTests {
				page, err := do(t, client, call{url: server.URL + test.page})
				if err != nil || page.String() != test.body {
					t.Errorf("%s: %q, %v; want %q", test.page, page, err, test.body)
				}
			}
			for _, how := range []string{"exactly", "readlines", "iterate"} {
				checkInput(t, client, server.URL+"/echo?how="+how, string(binaryBody(200<<10)), 0, how != "exactly")
			}
			want(t, client, http.StatusInternalServerError, call{url: server.URL + "/plain/fail?when=at+once"})
			var got struct{ Problems []string }
			get(t, client, server.URL+"/mount/environ/caf%C3%A9").decode(t, &got)
			if len(got.Problems) > 0 {
				t.Error(got.Problems)
			}
			if version != systemsOwn && !server.Stdout.Has(version+".") {
				t.Errorf("the start does not say that this is Python %s", version)
			}
		})
	}
}

package e2e_test

import (
	"net/http"
	"os/exec"
	"strings"
	"testing"

	"pasted/e2e/venvs"
)

// systemsOwn stands for the Python that the system came with.
const systemsOwn = "of the system"

// findPython returns a Python by its name in package venvs, "2.7", or the system's.
func findPython(name string) (string, error) {
	if name == systemsOwn {
		return exec.LookPath("/usr/bin/python3")
	}
	layout, err := venvs.Find()
	if err != nil {
		return "", err
	}
	return layout.Interpreter(name)
}

// TestEveryPythonServes serves a pipeline with each of the Pythons, and asks
// for what differs between them: bodies, exceptions, fields.
func TestEveryPythonServes(t *testing.T) {
	for _, version := range append([]string{"2.7", systemsOwn}, venvs.Interpreters...) {
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
			if number := strings.TrimSuffix(version, "t") + "."; number[0] <= '9' && !server.Stdout.Has(number) {
				t.Errorf("the start does not say that this is Python %s", version)
			}
		})
	}
}

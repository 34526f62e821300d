package browser_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"pasted/internal/browser"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const url = "http://127.0.0.1:8080/"

// programs makes a folder with these programs in it the only one in $PATH, and
// returns it.
func programs(t *testing.T, scripts map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range scripts {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+text+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir)
	return dir
}

func TestTheVariablesBrowserGoesBeforeTheSystems(t *testing.T) {
	for variable, want := range map[string]string{
		"":                          "xdg-open " + url,
		"mine":                      "mine " + url,
		"none-such:mine --new-tab":  "mine --new-tab " + url,
		"mine --open=%s -x:another": "mine --open=" + url + " -x",
		"none-such":                 "xdg-open " + url,
	} {
		script := `echo "${0##*/} $*" > "${0%/*}/told"`
		dir := programs(t, map[string]string{"mine": script, "xdg-open": script})
		if err := browser.Open(t.Context(), url, variable); err != nil {
			t.Errorf("%q: %v", variable, err)
		}
		told, err := os.ReadFile(filepath.Join(dir, "told"))
		if got := strings.TrimSpace(string(told)); got != want || err != nil {
			t.Errorf("%q runs %q, want %q (%v)", variable, got, want, err)
		}
	}
}

func TestFailureOfTheBrowserIsTold(t *testing.T) {
	programs(t, map[string]string{"mine": "exit 3", "dies": "kill -9 $$"})
	if err := browser.Open(t.Context(), url, "mine"); err == nil || !strings.HasSuffix(err.Error(), "mine: exit status 3") {
		t.Errorf("error %v, want the exit status", err)
	}
	if err := browser.Open(t.Context(), url, "dies"); err == nil || !strings.HasSuffix(err.Error(), "signal: killed") {
		t.Errorf("error %v, want the signal", err)
	}
	if err := browser.Open(t.Context(), url, ""); !errors.Is(err, browser.ErrNone) {
		t.Errorf("error %v, want %v", err, browser.ErrNone)
	}
}

func TestABrowserThatRunsOnIsNotWaitedForAfterTheEnd(t *testing.T) {
	dir := programs(t, map[string]string{"mine": `echo $$ > "${0%/*}/pid"; read line < "${0%/*}/end"`})
	if err := os.WriteFile(filepath.Join(dir, "end"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := browser.Open(ctx, url, "mine"); err != nil {
		t.Error(err)
	}
}

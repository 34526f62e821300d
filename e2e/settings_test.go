package e2e_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pasted/e2e/harness"
)

// Surroundings are what the application of testdata/settings finds.
type surroundings struct {
	Umask, CWD, Further, Scheme, Script, Remote, Main string
	Env, Local                                        map[string]string
	Global                                            map[string]string
	Path                                              []string
	Server                                            [2]string
	Prepared, Threads                                 int
	Child                                             []int
	Multithread, Multiprocess                         bool
}

// settingsOptions returns how to serve testdata/settings with the arguments
// before the file and the name behind it.
func settingsOptions(t *testing.T, preload bool, socket, name string, flags ...string) harness.Options {
	t.Helper()
	opts := site{
		file: filepath.Join("testdata", "settings", "settings.ini") + name, python: systemPython(t),
		vars: []string{"color=green", "e2e_socket=" + socket, "e2e_preload=" + strconv.FormatBool(preload)},
		env:  []string{"E2E_TWO=of the server", "E2E_THREE=of the server"},
	}.options(t)
	opts.Args = append(append([]string{"serve"}, flags...), opts.Args[1:]...)
	return opts
}

func TestWorkersAreAsTheirSectionSays(t *testing.T) {
	for _, preload := range []bool{true, false} {
		t.Run(fmt.Sprintf("preload %v", preload), func(t *testing.T) {
			t.Parallel()
			server := harness.Start(t, settingsOptions(t, preload, "none", ""))
			var got surroundings
			get(t, newClient(t), server.URL+"/").decode(t, &got)
			checkSurroundings(t, got)
		})
	}
}

func checkSurroundings(t *testing.T, got surroundings) {
	t.Helper()
	here, err := filepath.Abs(filepath.Join("testdata", "settings"))
	if err != nil {
		t.Fatal(err)
	}
	for _, check := range []struct {
		what      string
		got, want any
	}{
		{"umask", got.Umask, "0027"},
		{"working directory", got.CWD, filepath.Join(here, "work")},
		{"E2E_ONE", got.Env["E2E_ONE"], "green, 100%"},
		{"E2E_THREE", got.Env["E2E_THREE"], "of the server"},
		{"a module below path", got.Further, "further"},
		{"calls of setup", got.Prepared, 1},
		{"global conf's color", got.Global["color"], "green"},
		{"global conf's here", got.Global["here"], here},
		{"local conf", fmt.Sprint(got.Local), "map[name:main]"},
		{"__main__", got.Main, "__main__"},
		{"descriptors of a child", fmt.Sprint(got.Child), fmt.Sprint(inherited(t))},
	} {
		if check.got != check.want {
			t.Errorf("%s: %v, want %v", check.what, check.got, check.want)
		}
	}
	more := slices.Index(got.Path, filepath.Join(here, "more"))
	if more < 0 || slices.Index(got.Path, here) < more {
		t.Errorf("sys.path is %q: want more first, then here", got.Path)
	}
}

// inherited returns the descriptors that this test's own children find open: a
// shell may have left some, and a child of a worker may find those and no
// others.
func inherited(t *testing.T) []int {
	t.Helper()
	const script = "import sys; sys.path.insert(0, sys.argv[1]); import settings; print(settings.child())"
	out, err := exec.Command(systemPython(t), "-B", "-c", script, filepath.Join("testdata", "settings")).Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderrOf(err))
	}
	var open []int
	if err := decodeJSON(out, &open); err != nil {
		t.Fatal(err)
	}
	return open
}

// TestEnvironmentOfTheFileWins names variables that the server has as well.
func TestEnvironmentOfTheFileWins(t *testing.T) {
	t.Parallel()
	server := harness.Start(t, settingsOptions(t, true, "none", ""))
	var got surroundings
	get(t, newClient(t), server.URL+"/").decode(t, &got)
	if value, ok := got.Env["E2E_TWO"]; value != "" || !ok {
		t.Errorf("E2E_TWO = %q (there: %v), want the file's empty value", value, ok)
	}
}

// serverTests are the server sections of testdata/settings, and what they make
// of the environ.
var serverTests = []struct {
	section, scheme string
	threads         int
}{
	{section: "main", scheme: "http", threads: 4},
	{section: "public", scheme: "https", threads: 3},
	{section: "gunicorn", scheme: "http", threads: 2},
	{section: "paste", scheme: "http", threads: 2},
	{section: "wsgiref", scheme: "http"},
}

func TestServersOfOthersAreStoodInFor(t *testing.T) {
	for _, test := range serverTests {
		t.Run(test.section, func(t *testing.T) {
			t.Parallel()
			server := harness.Start(t, settingsOptions(t, true, "none", "", "--server-name", test.section))
			var got surroundings
			get(t, newClient(t), server.URL+"/").decode(t, &got)
			if got.Scheme != test.scheme || got.Remote != "127.0.0.1" {
				t.Errorf("wsgi.url_scheme %q, REMOTE_ADDR %q; want %s, 127.0.0.1", got.Scheme, got.Remote, test.scheme)
			}
			if lanes := fmt.Sprintf("× %d threads", test.threads); test.threads > 0 && !server.Stdout.Has(lanes) {
				t.Errorf("the start does not say %q", lanes)
			}
		})
	}
}

func TestUnixSocketIsServedAndRemoved(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "e2e-sock-") // a path of t.TempDir() may be too long, and in pasted-* root looks for admin sockets
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket := filepath.Join(dir, "pasted.sock")
	for range 2 { // the second time, the first one has left nothing in the way
		server := harness.Start(t, settingsOptions(t, true, socket, "", "--server-name", "socket"))
		info, err := os.Stat(socket)
		if err != nil || info.Mode().Perm() != 0o660 {
			t.Fatalf("socket: %v, %v; want 0660", info, err)
		}
		var got surroundings
		client := &http.Client{Transport: &http.Transport{
			DisableKeepAlives: true,
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, "unix", socket)
			},
		}}
		get(t, client, "http://example.org/").decode(t, &got)
		if got.Server[0] == "" || got.Server[1] == "" {
			t.Errorf("SERVER_NAME, SERVER_PORT = %q", got.Server)
		}
		server.Stop()
		if _, err := os.Stat(socket); !os.IsNotExist(err) {
			t.Errorf("after the end, the socket: %v", err)
		}
	}
}

// TestStaleSocketIsNoObstacle kills a server, which leaves its socket behind.
func TestStaleSocketIsNoObstacle(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "e2e-sock-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket := filepath.Join(dir, "pasted.sock")
	opts := settingsOptions(t, true, socket, "", "--server-name", "socket")
	server := harness.Start(t, opts)
	server.Signal(9)
	server.Exit(atOnce)
	harness.Start(t, opts).Stop()
}

func TestApplicationsAreNamedAsWithPserve(t *testing.T) {
	for _, test := range []struct {
		fragment string
		flags    []string
		want     string
	}{
		{want: "main"},
		{fragment: "#other", want: "other"},
		{flags: []string{"-n", "other"}, want: "other"},
		{flags: []string{"--app-name=other"}, want: "other"},
		{flags: []string{"-v"}, want: "main"},
	} {
		t.Run(test.fragment+strings.Join(test.flags, " "), func(t *testing.T) {
			t.Parallel()
			server := harness.Start(t, settingsOptions(t, true, "none", test.fragment, test.flags...))
			var got surroundings
			get(t, newClient(t), server.URL+"/").decode(t, &got)
			if got.Local["name"] != test.want {
				t.Errorf("served %q, want %q", got.Local["name"], test.want)
			}
		})
	}
}

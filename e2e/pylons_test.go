package e2e_test

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"pasted/e2e/harness"
)

// pylonsProject makes an application from the template of Pylons 1.0.3, and
// returns its folder and the virtual environment; it skips the test where there
// is no Python 2.7.
func pylonsProject(t *testing.T) (dir, environment string) {
	t.Helper()
	if _, err := findPython("2.7"); err != nil {
		t.Skip("no Python 2.7 on this machine")
	}
	environment = venv(t, "pylons")
	make := exec.Command(filepath.Join(environment, "bin", "paster"),
		"create", "-t", "pylons", "helloworld", "template_engine=mako", "sqlalchemy=False")
	make.Dir = t.TempDir()
	if out, err := make.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return filepath.Join(make.Dir, "helloworld"), environment
}

// servePylons serves the project's own development.ini, but for the port.
func servePylons(t *testing.T, dir, environment string) *harness.Server {
	t.Helper()
	file := filepath.Join(dir, "development.ini")
	port := harness.Port(t)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text = []byte(strings.Replace(string(text), "port = 5000", "port = "+strconv.Itoa(port), 1))
	if err := os.WriteFile(file, text, 0o644); err != nil {
		t.Fatal(err)
	}
	return harness.Start(t, harness.Options{
		Binary: race(t), Dir: dir, Args: []string{"serve", "development.ini"}, Port: port,
		Env: []string{"VIRTUAL_ENV=" + environment},
	})
}

const pylonsController = `
import logging

from pylons import request, response, session, tmpl_context as c, url
from pylons.controllers.util import abort, redirect

from helloworld.lib.base import BaseController, render

log = logging.getLogger(__name__)


class HelloController(BaseController):
    def index(self):
        log.warning("index is asked for")
        return render("/hello.mako")

    def form(self):
        session["name"] = request.params["name"]
        session.save()
        redirect(url(controller="hello", action="name"))

    def name(self):
        response.headers["X-Name"] = session["name"].encode("utf-8")
        return session["name"]

    def upload(self):
        stored = request.POST["file"]
        return "%s %d" % (stored.filename, len(stored.file.read()))

    def stream(self):
        response.content_type = "text/plain"
        return ("line %d\n" % n for n in range(1000))

    def missing(self):
        abort(404, "nothing of that kind")

    def fail(self):
        raise KeyError("failed as asked")
`

// TestPylonsServesFromItsOwnFile serves what Pylons 1.0.3 makes, under Python
// 2.7: pages, templates, sessions, uploads, static files and both error pages.
func TestPylonsServesFromItsOwnFile(t *testing.T) {
	dir, environment := pylonsProject(t)
	for name, text := range map[string]string{
		"helloworld/controllers/hello.py": pylonsController,
		"helloworld/templates/hello.mako": "Hello, ${request.params['to']}!\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	server := servePylons(t, dir, environment)
	if !server.Stdout.Has("2.7.") || !server.Stdout.Has("1 × ") {
		t.Errorf("the start does not name Python 2.7 and one process:\n%s", server.Stdout.String())
	}
	client := newClient(t)
	page := func(path string, code int, pieces ...string) {
		t.Helper()
		got := want(t, client, code, call{url: server.URL + path})
		for _, piece := range pieces {
			if !strings.Contains(got.String(), piece) {
				t.Errorf("%s has no %q:\n%s", path, piece, got)
			}
		}
	}
	page("/", http.StatusOK, "Welcome to Pylons!")
	page("/bg.png", http.StatusOK, "PNG")
	page("/hello/index?to=caf%C3%A9+%3Cb%3E", http.StatusOK, "Hello, café &lt;b&gt;!")
	page("/hello/stream", http.StatusOK, "line 999\n")
	page("/hello/missing", http.StatusNotFound, "nothing of that kind", "/error/style/black.css", "Server Error 404")
	page("/error/style/black.css", http.StatusOK, "background-color")
	page("/not/there", http.StatusNotFound, "Server Error 404")
	page("/hello/fail", http.StatusInternalServerError, "WebError", "failed as asked")
	server.Logged(5*time.Second, "index is asked for")
	sessionAndUpload(t, server)
}

func sessionAndUpload(t *testing.T, server *harness.Server) {
	t.Helper()
	script := `
import cookielib, sys, urllib2
opener = urllib2.build_opener(urllib2.HTTPCookieProcessor(cookielib.CookieJar()))
base = sys.argv[1]
print opener.open(base + "/hello/form", "name=caf%C3%A9").read()
body = "x" * 100000
data = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f.txt\"\r\n\r\n" + body + "\r\n--b--\r\n"
print opener.open(urllib2.Request(base + "/hello/upload", data, {"Content-Type": "multipart/form-data; boundary=b"})).read()
`
	python2, err := findPython("2.7")
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(python2, "-c", script, server.URL).CombinedOutput()
	if want := "café\nf.txt 100000\n"; err != nil || string(out) != want {
		t.Errorf("a session and an upload give %q, %v; want %q", out, err, want)
	}
}

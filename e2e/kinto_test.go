package e2e_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"pasted/e2e/harness"
)

// kintoFolder returns a folder with the kinto.ini that Kinto's own command has
// written.
func kintoFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	out, err := exec.Command(filepath.Join(venv(t, "kinto"), "bin", "kinto"), "init",
		"--backend", "memory", "--cache-backend", "memory", "--ini", filepath.Join(dir, "kinto.ini")).CombinedOutput()
	if err != nil {
		t.Fatalf("kinto init: %v\n%s", err, out)
	}
	return dir
}

// serveKinto serves a file whose server has its port from http_port.
func serveKinto(t *testing.T, file string, env ...string) *harness.Server {
	t.Helper()
	s := site{file: file, python: python(t, "kinto"), env: env}
	opts := s.options(t)
	opts.Args = append(opts.Args, "http_port="+strconv.Itoa(opts.Port))
	return harness.Start(t, opts)
}

// TestKintoServesFromItsOwnFile takes the file in as it stands, application
// and server, from a file of two sections and a third for the workers.
func TestKintoServesFromItsOwnFile(t *testing.T) {
	t.Parallel()
	dir := kintoFolder(t)
	copyFile(t, filepath.Join("testdata", "kinto", "site.ini"), filepath.Join(dir, "site.ini"))
	useKinto(t, serveKinto(t, filepath.Join(dir, "site.ini")))
}

// TestKintoServesFromItsFileWithWorkersAppended is the other way in, and leaves
// the interpreter to $VIRTUAL_ENV.
func TestKintoServesFromItsFileWithWorkersAppended(t *testing.T) {
	t.Parallel()
	file := filepath.Join(kintoFolder(t), "kinto.ini")
	appendTo(t, file, "\n[pasted:workers]\nprocesses = 1\nthreads = 2\n")
	useKinto(t, serveKinto(t, file, "VIRTUAL_ENV="+venv(t, "kinto")))
}

// A kinto is a Kinto being served, and a client that has an account there.
type kinto struct {
	t      *testing.T
	client *http.Client
	url    string
}

// json makes a request with a JSON body as the user, wants the status, and
// reads the answer into v unless that is nil.
func (k kinto) json(method, path, user, body string, status int, v any) answer {
	k.t.Helper()
	header := []string{"Content-Type", "application/json"}
	if user != "" {
		header = append(header, "Authorization", basic(user))
	}
	page := want(k.t, k.client, status, call{method: method, url: k.url + path, body: strings.NewReader(body), header: header})
	if v != nil {
		page.decode(k.t, v)
	}
	return page
}

func useKinto(t *testing.T, server *harness.Server) {
	k := kinto{t: t, client: newClient(t), url: server.URL + "/v1"}
	const admin, stranger = "admin:s3cr3t", "admin:wrong"
	const records = "/buckets/blog/collections/articles/records"

	k.json("GET", "/", "", "", http.StatusOK, nil)
	k.json("PUT", "/accounts/admin", "", `{"data": {"password": "s3cr3t"}}`, http.StatusCreated, nil)
	k.json("PUT", "/buckets/blog", "", "{}", http.StatusUnauthorized, nil)
	k.json("PUT", "/buckets/blog", stranger, "{}", http.StatusUnauthorized, nil)
	k.json("PUT", "/buckets/blog", admin, "{}", http.StatusCreated, nil)
	k.json("PUT", "/buckets/blog/collections/articles", admin, "{}", http.StatusCreated, nil)

	type record struct{ ID, Title string }
	var ids []string
	for i := range 10 {
		var made struct{ Data record }
		k.json("POST", records, admin, fmt.Sprintf(`{"data": {"title": "no. %d, Zoë €"}}`, i), http.StatusCreated, &made)
		ids = append(ids, made.Data.ID)
	}
	for i, id := range ids {
		var read struct{ Data record }
		k.json("GET", records+"/"+id, admin, "", http.StatusOK, &read)
		if want := fmt.Sprintf("no. %d, Zoë €", i); read.Data.Title != want {
			t.Errorf("record %d has the title %q, want %q", i, read.Data.Title, want)
		}
	}
	k.json("GET", records, stranger, "", http.StatusUnauthorized, nil)
	k.json("DELETE", records+"/"+ids[0], admin, "", http.StatusOK, nil)
	k.json("GET", records+"/"+ids[0], admin, "", http.StatusNotFound, nil)

	var list struct{ Data []record }
	page := k.json("GET", records+"?_sort=title", admin, "", http.StatusOK, &list)
	if len(list.Data) != len(ids)-1 {
		t.Errorf("the list has %d records, want %d", len(list.Data), len(ids)-1)
	}
	want(t, k.client, http.StatusNotModified, call{
		url:    k.url + records + "?_sort=title",
		header: []string{"Authorization", basic(admin), "If-None-Match", page.Header.Get("ETag")},
	})
	k.batch(admin)
}

// basic returns the Authorization of name:password.
func basic(user string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user))
}

// batch makes Kinto call itself: it builds environs of its own from ours.
func (k kinto) batch(user string) {
	k.t.Helper()
	var got struct {
		Responses []struct{ Status int }
	}
	k.json("POST", "/batch", user, `{"requests": [
		{"method": "GET", "path": "/buckets/blog"},
		{"method": "GET", "path": "/buckets/none"},
		{"method": "PUT", "path": "/buckets/two"}]}`, http.StatusOK, &got)
	if r := got.Responses; len(r) != 3 || r[0].Status != 200 || r[1].Status != 403 || r[2].Status != 201 {
		k.t.Errorf("batch: %+v, want 200, 403 and 201", r)
	}
}

// copyFile copies a file of testdata to where a test works.
func copyFile(t *testing.T, from, to string) {
	t.Helper()
	text, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, text, 0o644); err != nil {
		t.Fatal(err)
	}
}

func appendTo(t *testing.T, file, text string) {
	t.Helper()
	old, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, append(old, text...), 0o644); err != nil {
		t.Fatal(err)
	}
}

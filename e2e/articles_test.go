package e2e_test

import (
	"bufio"
	"net/textproto"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"pasted/e2e/harness"
)

// TestArticlesServeWordForWord serves the files as people have copied them,
// port and all, in an environment that has no Paste.
func TestArticlesServeWordForWord(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "articles", "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no articles: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			ownNetwork(t, "8080")
			dir := t.TempDir()
			writeFiles(t, archive, dir)
			server := harness.Start(t, harness.Options{
				Binary: race(t), Dir: dir, Args: []string{"serve", "site.ini"}, Port: 8080,
				Env: []string{"VIRTUAL_ENV=" + venv(t, "frameworks")},
			})
			checkArticle(t, server, section(t, archive, "want"))
			if strings.Contains(section(t, archive, "site.ini"), "translogger") {
				awaitAccessLine(t, server, `GET / HTTP/1.1`)
			}
			server.Stop()
		})
	}
}

// checkArticle asks for / and wants the status, the fields and the body.
func checkArticle(t *testing.T, server *harness.Server, want string) {
	t.Helper()
	head, body, _ := strings.Cut(want, "\n\n")
	status, fields, _ := strings.Cut(head, "\n")
	header, err := textproto.NewReader(bufio.NewReader(strings.NewReader(fields + "\n\n"))).ReadMIMEHeader()
	if err != nil {
		t.Fatal(err)
	}
	conn := dial(t, server)
	conn.send("GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nUser-Agent: e2e\r\n\r\n")
	page := conn.answer("GET")
	if page.Status != status || page.String() != body {
		t.Errorf("%s, body %q; want %s, %q", page.Status, page, status, body)
	}
	for name := range header {
		if got, want := page.Header.Get(name), header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// writeFiles writes the archive's files into dir.
func writeFiles(t *testing.T, archive *txtar.Archive, dir string) {
	t.Helper()
	for _, f := range archive.Files {
		path := filepath.Join(dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// section returns the text of the archive's file.
func section(t *testing.T, archive *txtar.Archive, name string) string {
	t.Helper()
	for _, f := range archive.Files {
		if f.Name == name {
			return string(f.Data)
		}
	}
	t.Fatalf("no -- %s --", name)
	return ""
}

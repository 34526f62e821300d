package paste_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pasted/internal/egg/paste"
	"pasted/internal/h1"
	api "pasted/paste"
)

// corpusDir is the folder of the PasteDeploy corpus; the test is skipped where
// there is none.
func corpusDir(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("PASTED_CORPUS")
	if dir == "" {
		dir = "../../../../shared/corpus"
	}
	if _, err := os.Stat(filepath.Join(dir, "vectors")); err != nil {
		t.Skipf("no PasteDeploy corpus in %s (PASTED_CORPUS)", dir)
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// corpus reads a file of vectors.
func corpus(t *testing.T, name string, into any) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(corpusDir(t), "vectors", name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatal(err)
	}
}

// load loads an application from the text of a file, in which egg:T#echo
// answers with its option "name", SCRIPT_NAME and PATH_INFO.
func load(t *testing.T, o paste.Options, text string) (http.Handler, error) {
	t.Helper()
	var r api.Registry
	paste.Register(&r, o)
	r.SetApp("egg:T#echo", func(_, local *api.Conf) (http.Handler, error) {
		name, _ := local.Get("name")
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, "%s %q %q", name, h1.ScriptName(r), r.URL.Path)
		}), nil
	})
	return api.LoadApp("config:/test.ini", &r, api.Options{
		ReadFile: func(string) ([]byte, error) { return []byte(text), nil },
	})
}

func mustLoad(t *testing.T, o paste.Options, text string) http.Handler {
	t.Helper()
	h, err := load(t, o, text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return h
}

// request makes a request from an environ's SCRIPT_NAME and PATH_INFO, whose
// characters are bytes.
func request(script, path string) *http.Request {
	r := httptest.NewRequest("GET", "/", nil)
	r.Host, r.RemoteAddr = "", ""
	return h1.Mount(r, bytes(script), bytes(path))
}

func bytes(s string) string {
	var b strings.Builder
	for _, r := range s {
		b.WriteByte(byte(r))
	}
	return b.String()
}

func serve(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func body(h http.Handler, r *http.Request) string {
	b, _ := io.ReadAll(serve(h, r).Result().Body)
	return string(b)
}

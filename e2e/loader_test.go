package e2e_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"pasted/e2e/harness"
	"pasted/e2e/venvs"
)

// TestLoadersAnswerAsPasteDeploys has each file of testdata/loader loaded as
// pserve does, with PasteDeploy itself, and by pasted, with the same Python and what is installed
// there, makes the same requests to both, and wants the same answers and the
// same calls of factories, in the same order.
//
// A case holds site.ini and whatever it needs, perhaps further lines for
// [pasted:workers] in "workers", and "requests": a request a
// line, METHOD PATH and fields as Name:value (a + is a blank), and, behind a ~,
// what both bodies are to match where they cannot be the same. {env} and {dir}
// stand for the virtual environment and the folder.
func TestLoadersAnswerAsPasteDeploys(t *testing.T) {
	whateverTheWay(t)
	files, err := filepath.Glob(filepath.Join("testdata", "loader", "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			checkLoader(t, file)
		})
	}
}

// served is what every case's site.ini ends with.
const served = `
[server:main]
use = egg:pasted#http
untrusted_proxy_fields = keep
host = 127.0.0.1
port = %(e2e_port)s
short_way = %(e2e_short)s

[pasted:workers]
python = %(e2e_python)s
processes = 1
threads = 2
`

// A loaderRequest is a line of "requests".
type loaderRequest struct {
	method, path string
	fields       [][2]string
	pattern      *regexp.Regexp // nil: the bodies are to be the same
}

// A loaderAnswer is what came back: the fields that are the application's.
type loaderAnswer struct {
	Status int
	Fields []string
	Body   string
}

func checkLoader(t *testing.T, file string) {
	interpreter := loaderPython(t)
	dir := t.TempDir()
	requests := writeLoaderCase(t, file, dir, interpreter)
	s := site{file: filepath.Join(dir, "site.ini"), python: interpreter}
	opts := s.options(t)
	vars := opts.Args[2:] // behind serve and the file

	theirCalls, ourCalls := filepath.Join(dir, "calls.theirs"), filepath.Join(dir, "calls.ours")
	theirs := askPasteDeploy(t, s, opts.Port, vars, requests, theirCalls)

	opts.Env = []string{"E2E_CALLS=" + ourCalls}
	server := harness.Start(t, opts)
	client := newClient(t)
	for i, r := range requests {
		ours := askLoader(t, client, server.URL, r)
		want := theirs[i]
		if r.pattern != nil {
			for who, body := range map[string]*string{"PasteDeploy": &want.Body, "pasted": &ours.Body} {
				if !r.pattern.MatchString(*body) {
					t.Errorf("%s %s: %s answers %q: want %s", r.method, r.path, who, *body, r.pattern)
				}
				*body = ""
			}
			want.Fields, ours.Fields = nil, nil
		}
		if diff := cmp.Diff(want, ours); diff != "" {
			t.Errorf("%s %s: PasteDeploy (-), pasted (+):\n%s", r.method, r.path, diff)
		}
	}
	calls := callsIn(t, theirCalls)
	if len(calls) < 2 {
		t.Error("PasteDeploy has called no factory that writes it down")
	}
	if diff := cmp.Diff(calls, callsIn(t, ourCalls)); diff != "" {
		t.Errorf("calls: PasteDeploy (-), pasted (+):\n%s", diff)
	}
	if t.Failed() {
		t.Logf("pasted says:\n%s", server.Stderr.String())
	}
}

// loaderPython returns the interpreter that has Paste, Pyramid and OpenStack's
// services, and skips the test where it has not been made.
func loaderPython(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("real applications in a virtual environment")
	}
	layout, err := venvs.Find()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := layout.Ready("loader")
	if errors.Is(err, venvs.ErrNotPrepared) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "bin", "python")
}

// writeLoaderCase writes a case's files, and the recording modules beside them,
// and returns its requests.
func writeLoaderCase(t *testing.T, file, dir, interpreter string) []loaderRequest {
	t.Helper()
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	fill := strings.NewReplacer("{dir}", dir, "{env}", filepath.Dir(filepath.Dir(interpreter)))
	extra := ""
	for _, f := range archive.Files {
		if f.Name == "workers" {
			extra = string(f.Data)
		}
	}
	for i, f := range archive.Files {
		text := fill.Replace(string(f.Data))
		if f.Name == "site.ini" {
			text += served + extra
		}
		archive.Files[i].Data = []byte(text)
	}
	writeFiles(t, archive, dir)
	copyFile(t, filepath.Join("testdata", "loader", "record.py"), filepath.Join(dir, "record.py"))
	var requests []loaderRequest
	for line := range strings.Lines(section(t, archive, "requests")) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			requests = append(requests, parseLoaderRequest(t, line))
		}
	}
	return requests
}

func parseLoaderRequest(t *testing.T, line string) loaderRequest {
	t.Helper()
	line, pattern, found := strings.Cut(line, " ~ ")
	words := strings.Fields(line)
	if len(words) < 2 {
		t.Fatalf("request %q: want METHOD PATH", line)
	}
	r := loaderRequest{method: words[0], path: words[1], fields: [][2]string{}}
	for _, word := range words[2:] {
		name, value, _ := strings.Cut(word, ":")
		r.fields = append(r.fields, [2]string{name, strings.ReplaceAll(value, "+", " ")})
	}
	if found {
		r.pattern = regexp.MustCompile("(?s)" + strings.TrimSpace(pattern))
	}
	return r
}

// askPasteDeploy loads the file with PasteDeploy itself and returns what its
// application answers.
func askPasteDeploy(t *testing.T, s site, port int, vars []string, requests []loaderRequest, calls string) []loaderAnswer {
	t.Helper()
	list := make([][3]any, len(requests))
	for i, r := range requests {
		list[i] = [3]any{r.method, r.path, r.fields}
	}
	stdin, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	script, err := filepath.Abs(filepath.Join("testdata", "loader", "oracle.py"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(s.python, append([]string{"-B", script, s.file, strconv.Itoa(port)}, vars...)...)
	cmd.Dir = filepath.Dir(s.file)
	cmd.Env = append(os.Environ(), "E2E_CALLS="+calls)
	cmd.Stdin = bytes.NewReader(stdin)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("PasteDeploy: %v\n%s", err, stderrOf(err))
	}
	var told [][3]json.RawMessage
	if err := decodeJSON(out, &told); err != nil {
		t.Fatal(err)
	}
	answers := make([]loaderAnswer, len(told))
	for i, parts := range told {
		answers[i] = theirAnswer(t, parts)
	}
	return answers
}

func theirAnswer(t *testing.T, parts [3]json.RawMessage) loaderAnswer {
	t.Helper()
	var fields [][2]string
	var body *string // none where the application has raised
	answer := loaderAnswer{Body: failed}
	for i, into := range []any{&answer.Status, &fields, &body} {
		if err := decodeJSON(parts[i], into); err != nil {
			t.Fatal(err)
		}
	}
	if body != nil {
		answer.Body = latin1(*body)
	}
	for _, f := range fields {
		answer.Fields = addField(answer.Fields, f[0], f[1])
	}
	slices.Sort(answer.Fields)
	return answer
}

// failed is the body of an answer that the server has made, not the application.
const failed = "(the application has failed)"

func latin1(text string) string {
	raw := make([]byte, 0, len(text))
	for _, r := range text {
		raw = append(raw, byte(r))
	}
	return string(raw)
}

// addField adds a field of an answer, unless it is the server's.
func addField(fields []string, name, value string) []string {
	switch strings.ToLower(name) {
	case "date", "server", "connection", "content-length", "transfer-encoding":
		return fields
	}
	return append(fields, strings.ToLower(name)+": "+value)
}

func askLoader(t *testing.T, client *http.Client, url string, r loaderRequest) loaderAnswer {
	t.Helper()
	req, err := http.NewRequest(r.method, url+r.path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range r.fields {
		if f[0] == "Host" {
			req.Host = f[1]
		}
		req.Header.Set(f[0], f[1])
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var body bytes.Buffer
	if _, err := body.ReadFrom(resp.Body); err != nil {
		t.Fatalf("%s %s: %v", r.method, r.path, err)
	}
	ours := loaderAnswer{Status: resp.StatusCode, Body: body.String()}
	if ours.Status == http.StatusInternalServerError && strings.Contains(ours.Body, "the application failed") {
		ours.Body = failed
		return ours
	}
	for name, values := range resp.Header {
		for _, value := range values {
			ours.Fields = addField(ours.Fields, name, value)
		}
	}
	slices.Sort(ours.Fields)
	return ours
}

// callsIn returns the lines of a file that factories have written; none if
// they have not.
func callsIn(t *testing.T, path string) []string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return strings.Split(string(text), "\n")
}

package e2e_test

import (
	"bufio"
	"bytes"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"pasted/e2e/harness"
)

// A framework is one of the three applications of testdata/frameworks, being
// served.
type framework struct {
	name   string
	server *harness.Server
	client *http.Client
}

func (f framework) at(path string) string { return f.server.URL + path }

// frameworkTests hold for each of the three applications: they have the same
// pages.
var frameworkTests = []struct {
	name string
	test func(*testing.T, framework)
}{
	{"page goes through both filters", testPage},
	{"filter answers by itself", testFilterAnswers},
	{"form is read", testForm},
	{"file is uploaded", testUpload},
	{"json goes in and out", testJSON},
	{"answer streams", testStream},
	{"static file has its type and can be asked for conditionally", testStatic},
	{"redirect is the client's to follow", testRedirect},
	{"path and query are decoded", testUnicode},
	{"cookies go in and out", testCookies},
	{"HEAD has no body", testHead},
	{"unknown page is the application's 404", testUnknown},
	{"wsgi.errors goes to the log with the request's number", testErrorsLog},
	{"exception is a 500 and its traceback in the log", testException},
	{"access log has the native translogger's lines", testAccessLog},
}

func TestFrameworksServeTheirPages(t *testing.T) {
	for _, name := range []string{"flask", "django", "pyramid"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := framework{name: name, client: newClient(t)}
			f.server = serve(t, site{
				file:   filepath.Join("testdata", "frameworks", name+".ini"),
				python: python(t, "frameworks"),
			})
			for _, test := range frameworkTests {
				t.Run(test.name, func(t *testing.T) { test.test(t, f) })
			}
		})
	}
}

func testPage(t *testing.T, f framework) {
	page := get(t, f.client, f.at("/"))
	if got, want := strings.TrimSpace(page.String()), "<h1>hello from "+f.name+"</h1>"; got != want {
		t.Errorf("page = %q, want %q", got, want)
	}
	if page.Header.Get("X-Stamp") != "of "+f.name || page.Header.Get("X-Gate") != "open" {
		t.Errorf("X-Stamp %q, X-Gate %q", page.Header.Get("X-Stamp"), page.Header.Get("X-Gate"))
	}
	if got := page.Header.Values("Date"); len(got) != 1 {
		t.Errorf("Date fields: %q, want one", got)
	}
}

func testFilterAnswers(t *testing.T, f framework) {
	page := want(t, f.client, http.StatusForbidden, call{url: f.at("/closed/door")})
	if page.String() != "closed by the gate\n" || page.Header.Get("X-Stamp") == "" {
		t.Errorf("body %q, X-Stamp %q", page, page.Header.Get("X-Stamp"))
	}
}

func testForm(t *testing.T, f framework) {
	form := url.Values{"name": {"Zoë & <b>"}}.Encode()
	page := want(t, f.client, http.StatusOK, call{
		method: "POST", url: f.at("/form"), body: strings.NewReader(form),
		header: []string{"Content-Type", "application/x-www-form-urlencoded"},
	})
	if got, want := page.String(), "name is Zoë & <b>"; got != want {
		t.Errorf("page = %q, want %q", got, want)
	}
}

// testUpload sends a file with its length, and in chunks: since the server has
// read the body before the application is called, CONTENT_LENGTH is there in
// both cases, and applications that believe in it alone, as Django does, work.
func testUpload(t *testing.T, f framework) {
	const size = 3 << 20
	body, contentType := multipartFile(t, "three.bin", bytes.Repeat([]byte{0, 1, 255}, size/3))
	for _, way := range []struct {
		name string
		body io.Reader
	}{
		{"length", bytes.NewReader(body)},
		{"chunked", io.MultiReader(bytes.NewReader(body))},
	} {
		page := want(t, f.client, http.StatusOK, call{
			method: "POST", url: f.at("/upload"), body: way.body, header: []string{"Content-Type", contentType},
		})
		var got struct {
			Name string
			Size int
		}
		page.decode(t, &got)
		if got.Name != "three.bin" || got.Size != size {
			t.Errorf("%s: got %+v, want three.bin with %d bytes", way.name, got, size)
		}
	}
}

// multipartFile returns the body and the Content-Type of a form with one file.
func multipartFile(t *testing.T, name string, content []byte) (body []byte, contentType string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	part, err := w.CreateFormFile("file", name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := part.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), w.FormDataContentType()
}

func testJSON(t *testing.T, f framework) {
	page := want(t, f.client, http.StatusOK, call{
		method: "POST", url: f.at("/json"), body: strings.NewReader(`{"a": [1, null, "é"]}`),
		header: []string{"Content-Type", "application/json"},
	})
	var got struct{ Got map[string][]any }
	page.decode(t, &got)
	if a := got.Got["a"]; len(a) != 3 || a[0] != 1.0 || a[1] != nil || a[2] != "é" {
		t.Errorf("got %v", got)
	}
}

// testStream reads the first line of an answer whose application writes the
// second only after another request has told it to: only an answer that is
// passed on as it is made comes to an end.
func testStream(t *testing.T, f framework) {
	resp, err := f.client.Get(f.at("/stream"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewReader(resp.Body)
	first, err := lines.ReadString('\n')
	if err != nil || first != "first\n" {
		t.Fatalf("first line %q, %v", first, err)
	}
	want(t, f.client, http.StatusOK, call{method: "POST", url: f.at("/release")})
	rest, err := io.ReadAll(lines)
	if err != nil || string(rest) != "line 0\nline 1\nline 2\nline 3\n" {
		t.Errorf("rest %q, %v", rest, err)
	}
}

func testStatic(t *testing.T, f framework) {
	file, err := os.ReadFile(filepath.Join("testdata", "frameworks", "static", "dot.svg"))
	if err != nil {
		t.Fatal(err)
	}
	page := get(t, f.client, f.at("/static/dot.svg"))
	if !bytes.Equal(page.body, file) || !strings.HasPrefix(page.Header.Get("Content-Type"), "image/svg+xml") {
		t.Errorf("%d bytes of %s, want %d of image/svg+xml", len(page.body), page.Header.Get("Content-Type"), len(file))
	}
	if page.ContentLength != int64(len(file)) {
		t.Errorf("Content-Length %d, want %d", page.ContentLength, len(file))
	}
	again := want(t, f.client, http.StatusNotModified, call{
		url: f.at("/static/dot.svg"), header: []string{"If-Modified-Since", page.Header.Get("Last-Modified")},
	})
	if len(again.body) != 0 {
		t.Errorf("304 with a body of %d bytes", len(again.body))
	}
}

func testRedirect(t *testing.T, f framework) {
	page := want(t, f.client, http.StatusFound, call{url: f.at("/old")})
	to, err := page.Location()
	if err != nil || to.String() != f.at("/?from=old") {
		t.Errorf("Location %v, %v, want %s", to, err, f.at("/?from=old"))
	}
}

func testUnicode(t *testing.T, f framework) {
	page := get(t, f.client, f.at("/greet/Zo%C3%AB%20%25?q=%E2%82%AC+%26+1"))
	var got struct{ Name, Q, URL string }
	page.decode(t, &got)
	if got.Name != "Zoë %" || got.Q != "€ & 1" {
		t.Errorf("name %q, q %q", got.Name, got.Q)
	}
	if !strings.HasPrefix(got.URL, f.at("/greet/Zo")) {
		t.Errorf("the application's own address is %q, want one under %s", got.URL, f.server.URL)
	}
}

func testCookies(t *testing.T, f framework) {
	page := want(t, f.client, http.StatusOK, call{
		url: f.at("/cookies"), header: []string{"Cookie", "first=1", "Cookie", "have=both"},
	})
	if page.String() != "both" {
		t.Errorf("cookie have = %q, want %q", page, "both")
	}
	set := page.Cookies()
	if len(set) != 2 || set[0].Name != "one" || !set[0].HttpOnly || set[1].Name != "two" || set[1].Path != "/two" {
		t.Errorf("Set-Cookie: %q", page.Header.Values("Set-Cookie"))
	}
}

func testHead(t *testing.T, f framework) {
	page := want(t, f.client, http.StatusOK, call{method: "HEAD", url: f.at("/static/dot.svg")})
	if len(page.body) != 0 || page.Header.Get("Content-Type") == "" {
		t.Errorf("%d bytes, Content-Type %q", len(page.body), page.Header.Get("Content-Type"))
	}
}

func testUnknown(t *testing.T, f framework) {
	page := want(t, f.client, http.StatusNotFound, call{url: f.at("/no/such/page")})
	if page.Header.Get("X-Gate") != "open" {
		t.Errorf("404 did not come through the filters: %v", page.Header)
	}
}

// requestNumber is how a line of the log names the request that it is about.
var requestNumber = regexp.MustCompile(`\brequest=[0-9a-f]+\b`)

func testErrorsLog(t *testing.T, f framework) {
	numbers := make(map[string]bool)
	for _, text := range []string{"swallow", "martin"} {
		get(t, f.client, f.at("/say/"+text))
		said := "said " + text
		f.server.Logged(5*time.Second, said)
		line := f.server.Stderr.Lines(said)[0]
		if number := requestNumber.FindString(line); number == "" {
			t.Errorf("no request's number in %q", line)
		} else {
			numbers[number] = true
		}
	}
	if len(numbers) != 2 {
		t.Errorf("two requests have the numbers %v", numbers)
	}
}

func testException(t *testing.T, f framework) {
	want(t, f.client, http.StatusInternalServerError, call{url: f.at("/boom/thunder")})
	const raised = "RuntimeError: boom thunder"
	f.server.Logged(5*time.Second, raised)
	log := f.server.Stderr.String()
	if !strings.Contains(log, "Traceback (most recent call last)") || !strings.Contains(log, f.name+"app.py") {
		t.Error("no traceback in the log")
	}
	if f.name == "django" {
		return // it writes to a logging handler of its own, not to wsgi.errors
	}
	for _, line := range f.server.Stderr.Lines(raised) {
		if !requestNumber.MatchString(line) {
			t.Errorf("no request's number in %q", line)
		}
	}
}

func testAccessLog(t *testing.T, f framework) {
	want(t, f.client, http.StatusForbidden, call{
		url: f.at("/closed/log?a=1"), header: []string{"User-Agent", "e2e", "Referer", "/from"},
	})
	awaitAccessLine(t, f.server, `"GET /closed/log?a=1 HTTP/1.1" 403 19 "/from" "e2e"`)
}

// awaitAccessLine waits for a line of the access log, which may stand in the
// log as it is or quoted as a value of it.
func awaitAccessLine(t *testing.T, server *harness.Server, line string) {
	t.Helper()
	quoted := strings.ReplaceAll(line, `"`, `\"`)
	harness.Await(t, 5*time.Second, line+" in the log", func() bool {
		return server.Stdout.Has(line) || server.Stderr.Has(line) || server.Stderr.Has(quoted)
	})
}

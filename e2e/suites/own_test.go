package suites_test

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"pasted/e2e/harness"
	"pasted/e2e/venvs"
)

// An ownCase is a behaviour that a test of another server's is about.
type ownCase struct {
	theirs string // suite and test
	target string
	body   string // sent, where there is one
	status int
	want   string // of the answer's body; of a refusal's nothing is wanted
	field  string // "Name: value" that the answer has; value empty: it has no such field
	log    string // what the log has afterwards
}

const (
	someLines = "0123456789\nnext line\n\nlast line"
	variables = "REQUEST_METHOD=POST;SCRIPT_NAME=/variables;PATH_INFO=/a b;QUERY_STRING=x=1&y;SERVER_PROTOCOL=HTTP/1.1;" +
		"HTTP_CUSTOM_HEADER=blah, Blah;CONTENT_TYPE=text/html;CONTENT_LENGTH=4;wsgi.version=(1, 0);wsgi.url_scheme=http;" +
		"wsgi.multithread=True;wsgi.run_once=False;"
)

var ownCases = []ownCase{
	{theirs: "unit variables", target: "/variables/a%20b?x=1&y", body: "body", status: 200, want: variables},
	{theirs: "unit 204_transfer_encoding", target: "/nothing", status: 204, field: "Transfer-Encoding:"},
	{theirs: "unit input_iter", target: "/lines?iter", body: someLines, status: 200, want: "0123456789\n|next line\n|\n|last line"},
	{theirs: "unit input_readline", target: "/lines?readline", body: someLines, status: 200, want: "0123456789\n|next line\n|\n|last line"},
	{theirs: "unit input_readline_size", target: "/lines?readline9", body: someLines, status: 200, want: "012345678|9\n|next line|\n|\n|last line"},
	{theirs: "unit input_readlines_huge", target: "/lines?readlines", body: strings.Repeat("a line\n", 9000), status: 200,
		want: strings.TrimSuffix(strings.Repeat("a line\n|", 9000), "|")},
	{theirs: "unit input_read_length, less", target: "/lines?read5", body: "0123456789", status: 200, want: "01234|56789"},
	{theirs: "unit input_read_length, more", target: "/lines?read-more", body: "0123456789", status: 200, want: "0123456789|"},
	{theirs: "unit input_read_length, negative", target: "/lines?read-all", body: "0123456789", status: 200, want: "0123456789"},
	{theirs: "unit body_io", target: "/bytes_io", status: 200, want: "0123456789"},
	{theirs: "unit close", target: "/Closed", status: 200, want: "closed", log: "Close called."},
	{theirs: "unit close_error", target: "/Closed?close-raises", status: 200, want: "closed", log: "raised in close"},
	{theirs: "unit iter_exception", target: "/Closed?raise", status: 500, log: "raised first"},
	{theirs: "unit not_iterable", target: "/not_iterable", status: 500, log: "not iterable"},
	{theirs: "unit write", target: "/write", status: 200, want: "0123456789"},
	{theirs: "mod_wsgi input, read-all", target: "/lines?read", body: "line1\nline2", status: 200, want: "line1\nline2"},
	{theirs: "mod_wsgi input, read-chunks", target: "/lines?read7", body: "this is a long body", status: 200, want: "this is| a long| body"},
	{theirs: "mod_wsgi input, read-zero", target: "/lines?read0", body: "hello", status: 200, want: "|hello"},
	{theirs: "mod_wsgi input, readlines-hint", target: "/lines?readlines-hint", body: "xx\nyy\nzz", status: 200, want: "xx\n"},
	{theirs: "mod_wsgi response, generator", target: "/generator", status: 200, want: "one-two"},
	{theirs: "mod_wsgi response, empty-generator", target: "/empty_generator", status: 200},
	{theirs: "mod_wsgi response, raise-systemexit", target: "/exits", status: 500, log: "SystemExit: leaving"},
	{theirs: "mod_wsgi response, non-bytes-first", target: "/text", status: 500},
	{theirs: "mod_wsgi response, content-length-over", target: "/long_body", status: 200, want: "this-"},
	{theirs: "mod_wsgi start_response, exc-info-before-headers", target: "/replaced", status: 418, want: "second-wins", field: "X-Before:"},
	{theirs: "mod_wsgi start_response, exc-info-after-headers", target: "/replaced_late", status: 200, want: "sent-reraised:late"},
	{theirs: "mod_wsgi headers, repeated-custom", target: "/repeated", status: 200, field: "X-R: first, second"},
	{theirs: "mod_wsgi start_response, status no-digits", target: "/bad_status?no-digits", status: 500},
	{theirs: "mod_wsgi start_response, status mixed", target: "/bad_status?mixed", status: 500},
	{theirs: "mod_wsgi start_response, status four-digits", target: "/bad_status?four-digits", status: 500},
	{theirs: "mod_wsgi start_response, status no-space", target: "/bad_status?no-space", status: 500},
	{theirs: "mod_wsgi start_response, status control-char", target: "/bad_status?control", status: 500, field: "X-Injected:"},
	{theirs: "mod_wsgi start_response, header empty-name", target: "/bad_fields?empty-name", status: 500},
	{theirs: "mod_wsgi start_response, header space-name", target: "/bad_fields?space-name", status: 500},
	{theirs: "mod_wsgi start_response, header control-name", target: "/bad_fields?control-name", status: 500},
	{theirs: "mod_wsgi start_response, header cr-value", target: "/bad_fields?cr-value", status: 500},
	{theirs: "mod_wsgi start_response, header lf-value", target: "/bad_fields?lf-value", status: 500},
	{theirs: "mod_wsgi start_response, header non-string-name", target: "/bad_fields?int-name", status: 500},
	{theirs: "mod_wsgi start_response, header non-latin1-value", target: "/bad_fields?beyond-latin-1", status: 500},
	{theirs: "mod_wsgi start_response, header not-a-tuple", target: "/bad_fields?no-tuple", status: 500},
	{theirs: "mod_wsgi start_response, header wrong-tuple-size", target: "/bad_fields?three", status: 500},
	{theirs: "mod_wsgi headers, invalid-content-length", target: "/bad_fields?length", status: 500},
}

// TestBehavioursOfSuitesThatNoRegistryHas asks one server all of ownCases.
func TestBehavioursOfSuitesThatNoRegistryHas(t *testing.T) {
	binary, err := binaries.Race()
	if err != nil {
		t.Fatal(err)
	}
	python, err := venvs.FindPython()
	if err != nil {
		t.Fatal(err)
	}
	port := harness.Port(t)
	args := []string{"serve", "own.ini", "e2e_port=" + strconv.Itoa(port), "e2e_python=" + python}
	server := harness.Start(t, harness.Options{Binary: binary, Dir: "testdata", Args: args, Port: port})
	for _, c := range ownCases {
		t.Run(c.theirs, func(t *testing.T) { ask(t, server, c) })
	}
}

func ask(t *testing.T, server *harness.Server, c ownCase) {
	t.Helper()
	method := http.MethodGet
	if c.body != "" {
		method = http.MethodPost
	}
	request, err := http.NewRequestWithContext(t.Context(), method, server.URL+c.target, strings.NewReader(c.body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header["Custom-Header"] = []string{"blah", "Blah"}
	request.Header.Set("Content-Type", "text/html")
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != c.status || c.status < 500 && string(body) != c.want {
		t.Errorf("%d %q, want %d %q", response.StatusCode, body, c.status, c.want)
	}
	if name, value, ok := strings.Cut(c.field, ":"); ok {
		if got := strings.Join(response.Header.Values(name), ", "); got != strings.TrimSpace(value) {
			t.Errorf("%s is %q, want %q", name, got, value)
		}
	}
	if c.log != "" {
		server.Logged(20*time.Second, c.log)
	}
}

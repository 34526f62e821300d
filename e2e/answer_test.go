package e2e_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pasted/e2e/harness"
)

// wsgiLanes is how many threads wsgi.ini has.
const wsgiLanes = 4

// answerTests are pages of testdata/wsgi whose answers are complete. The words
// behind the status are not looked at: net/http has its own. rule is the
// paragraph, if one asks for it.
var answerTests = []struct {
	rule   string
	page   string
	status int // 200 if 0
	body   string
}{
	{page: "/write", body: "written twice, then returned\n"},
	{page: "/generator", body: "one two three\n"},
	{page: "/lazy", status: 201, body: "lazily\n"},
	{page: "/empty", body: ""},
	{page: "/status?is=299+Odd+But+Legal", status: 299, body: "as asked for\n"},
	{rule: "PEP 3333, Handling the Content-Length Header, and RFC 9110, 6.4.1: no body", page: "/status?is=204+No+Content", status: 204},
	{rule: "PEP 3333, Handling the Content-Length Header, and RFC 9110, 6.4.1: no body", page: "/status?is=304+Not+Modified", status: 304},
	{rule: "PEP 3333, Handling the Content-Length Header, and RFC 9110, 6.4.1: no body", page: "/plain/bodied?is=204+No+Content", status: 204},
	{rule: "PEP 3333, Handling the Content-Length Header, and RFC 9110, 6.4.1: no body", page: "/plain/bodied?is=304+Not+Modified", status: 304},
	{rule: "PEP 3333, The start_response() Callable: exc_info before the head", page: "/plain/replaced", status: 503, body: "second thoughts\n"},
	{rule: "PEP 3333, The start_response() Callable: exc_info after the head is raised", page: "/plain/raised", body: "begun\ncaught what was given\nended\n"},
	{rule: "PEP 3333, Handling the Content-Length Header: no more than it says", page: "/plain/length?says=3&gives=10", body: "xxx"},
	{page: "/length?says=10&gives=10", body: "xxxxxxxxxx"},
	{page: "/nothing", status: 404, body: "no page 'nothing'\n"},
}

func TestAnswersArriveAsTheApplicationGaveThem(t *testing.T) {
	t.Parallel()
	server := serveWSGI(t, systemPython(t))
	for _, test := range answerTests {
		t.Run(ruled(test.rule, test.page), func(t *testing.T) {
			if test.status == 0 {
				test.status = http.StatusOK
			}
			conn := dial(t, server)
			for range 2 { // a second time, on the same connection
				conn.send("GET " + test.page + " HTTP/1.1\r\nHost: x\r\n\r\n")
				page := conn.answer("GET")
				if page.StatusCode != test.status || page.String() != test.body {
					t.Fatalf("%s, body %q; want %d, %q", page.Status, page, test.status, test.body)
				}
			}
		})
	}
}

// PEP 3333, The start_response() Callable: the fields are a list, in which a name
// may be repeated. PEP 3333, Unicode Issues: its strings stand for bytes.
func TestFieldsOfAnAnswerKeepTheirOrderAndNumber(t *testing.T) {
	t.Parallel()
	server := serveWSGI(t, systemPython(t))
	page := get(t, newClient(t), server.URL+"/fields")
	for name, want := range map[string][]string{
		"Set-Cookie": {"a=1", "b=2; Path=/"},
		"X-Two":      {"first", "second"},
		"X-Latin":    {"caf\xe9"},
		"X-Empty":    {""},
		"Server":     {"conformance/1"},
	} {
		if got := page.Header.Values(name); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// PEP 3333, Unicode Issues, for the words behind the status.
func TestReasonIsLatin1(t *testing.T) {
	t.Parallel()
	server := serveWSGI(t, systemPython(t))
	conn := dial(t, server)
	conn.send("GET /status?is=299+caf%C3%A9 HTTP/1.1\r\nHost: x\r\n\r\n") // of which parse_qs makes "café"
	if page := conn.answer("GET"); page.Status != "299 caf\xe9" {
		t.Errorf("%q", page.Status)
	}
}

// PEP 3333, The start_response() Callable: a head that is taken back in time
// leaves nothing behind.
func TestReplacedHeadLeavesNoField(t *testing.T) {
	t.Parallel()
	server := serveWSGI(t, systemPython(t))
	page := want(t, newClient(t), http.StatusServiceUnavailable, call{url: server.URL + "/plain/replaced"})
	if page.Header.Get("X-First") != "" || page.Header.Get("X-Second") != "2" {
		t.Errorf("%v", page.Header)
	}
}

// PEP 3333, Handling the Content-Length Header, and RFC 9110, 9.3.2: an answer to
// HEAD has no body, whatever the application gives.
func TestHeadHasTheFieldsAndNoBody(t *testing.T) {
	t.Parallel()
	server := serveWSGI(t, systemPython(t))
	conn := dial(t, server)
	for _, path := range []string{"/plain/bodied?is=200+OK", "/generator?key=head", "/plain/write", "/fields"} {
		conn.send("HEAD " + path + " HTTP/1.1\r\nHost: x\r\n\r\n")
		page := conn.answer("HEAD")
		if page.StatusCode != http.StatusOK || !strings.HasPrefix(page.Header.Get("Content-Type"), "text/plain") {
			t.Errorf("%s: %s, Content-Type %q", path, page.Status, page.Header.Get("Content-Type"))
		}
	}
	conn.send("GET /plain/bodied?is=200+OK HTTP/1.1\r\nHost: x\r\n\r\n")
	if page := conn.answer("GET"); page.String() != "not to be seen\n" {
		t.Errorf("the connection is out of step: %s %q", page.Status, page)
	}
}

// brokenTests are pages that go wrong, and how. Whatever has not been begun is
// a 500; what has been must not look complete. rule is the paragraph, if one asks
// for it.
var brokenTests = []struct {
	rule   string
	page   string
	broken bool   // the connection ends in the middle of the answer
	body   string // what comes before that
	log    string
}{
	{page: "/plain/fail?when=at+once", log: "RuntimeError: failed as asked, at once"},
	{page: "/plain/fail?when=after+the+head", log: "RuntimeError: failed as asked, after the head"},
	{page: "/plain/fail?when=at+first", log: "RuntimeError: failed as asked, at first"},
	{page: "/plain/fail?when=in+the+middle", broken: true, body: "begun\n", log: "RuntimeError: failed as asked, in the middle"},
	{rule: "PEP 3333, The start_response() Callable: exc_info after the head", page: "/plain/too-late", broken: true, body: "begun\n", log: "ValueError: too late"},
	{rule: "PEP 3333, Handling the Content-Length Header: no less than it says", page: "/plain/length?says=10&gives=4", broken: true, body: "xxxx", log: "answer is shorter than its Content-Length"},
	{rule: "PEP 3333, The start_response() Callable: twice without exc_info", page: "/plain/twice"},
	{page: "/plain/never"},
	{rule: "PEP 3333, A Note On String Types: a body is bytes", page: "/plain/text-body"},
	{page: "/plain/inject"},
	{page: "/plain/status?is=OK"},
	{page: "/plain/exit?with=SystemExit", log: "SystemExit"},
	{page: "/plain/exit?with=KeyboardInterrupt", log: "KeyboardInterrupt"},
	{page: "/plain/exit?with=GeneratorExit", log: "GeneratorExit"},
}

func TestBrokenAnswersDoNotLookComplete(t *testing.T) {
	t.Parallel()
	server := serveWSGI(t, systemPython(t))
	client := newClient(t)
	for _, test := range brokenTests {
		t.Run(ruled(test.rule, test.page), func(t *testing.T) {
			page, err := do(t, client, call{url: server.URL + test.page})
			switch {
			case test.broken && (err == nil || page.String() != test.body):
				t.Errorf("body %q, error %v; want %q and then a broken connection", page, err, test.body)
			case !test.broken && (err != nil || page.StatusCode != http.StatusInternalServerError):
				t.Errorf("%v, want 500", orStatus(err, page))
			}
			if test.log != "" {
				server.Logged(5*time.Second, test.log)
			}
			if strings.Contains(page.String(), "failed as asked") || strings.Contains(page.String(), "Traceback") {
				t.Errorf("the client is told what only the log should be: %q", page)
			}
		})
	}
	get(t, client, server.URL+"/environ")
}

func orStatus(err error, page answer) any {
	if err != nil {
		return err
	}
	return page.Status
}

// closeTests are answers after which close() must have been called once: PEP 3333,
// Specification Details.
var closeTests = []struct {
	name, page string
	broken     bool
}{
	{name: "complete", page: "/generator"},
	{name: "complete, not looked at", page: "/plain/length?says=3&gives=10"},
	{name: "failed at first", page: "/plain/fail?when=at+first"},
	{name: "failed in the middle", page: "/plain/fail?when=in+the+middle", broken: true},
	{name: "failed in close", page: "/plain/fail?when=in+close"},
}

func TestCloseIsCalledOnceWhateverHappens(t *testing.T) {
	t.Parallel()
	server := serveWSGI(t, systemPython(t))
	client := newClient(t)
	for _, test := range closeTests {
		t.Run(test.name, func(t *testing.T) {
			address, err := url.Parse(server.URL + test.page)
			if err != nil {
				t.Fatal(err)
			}
			query := address.Query()
			query.Set("key", test.name)
			address.RawQuery = query.Encode()
			if _, err := do(t, client, call{url: address.String()}); err != nil && !test.broken {
				t.Fatal(err)
			}
			awaitCloses(t, client, server, test.name)
		})
	}
}

// awaitCloses waits until close() has been called for the key, and holds it to
// once.
func awaitCloses(t *testing.T, client *http.Client, server *harness.Server, key string) {
	t.Helper()
	count := ""
	harness.Await(t, 10*time.Second, "close() of "+key, func() bool {
		count = get(t, client, server.URL+"/plain/closes?key="+url.QueryEscape(key)).String()
		return count != "0"
	})
	if count != "1" {
		t.Errorf("close() called %s times for %s, want once", count, key)
	}
}

// TestClientThatLeavesIsNotWorkedFor has clients leave in the middle of answers
// without end that take all lanes, and others leave that wait for a lane. PEP 3333,
// Specification Details: close() is called then, too.
func TestClientThatLeavesIsNotWorkedFor(t *testing.T) {
	t.Parallel()
	server := serveWSGI(t, systemPython(t))
	client := newClient(t)
	for _, page := range []string{"endless", "ticking"} {
		t.Run(page, func(t *testing.T) {
			var conns []*rawConn
			ask := func(key string) {
				conn := dial(t, server)
				conn.send("GET /plain/" + page + "?key=" + key + " HTTP/1.1\r\nHost: x\r\n\r\n")
				conns = append(conns, conn)
			}
			for i := range wsgiLanes {
				ask(fmt.Sprint(page, i))
				if _, err := conns[i].r.ReadByte(); err != nil {
					t.Fatal(err)
				}
			}
			for i := range wsgiLanes {
				ask(fmt.Sprint(page, "-waiting-", i))
			}
			for _, conn := range conns {
				conn.Close()
			}
			for i := range wsgiLanes {
				awaitCloses(t, client, server, fmt.Sprint(page, i))
			}
		})
	}
}

// PEP 3333, Optional Platform-Specific File Handling: with the validator in front,
// which iterates over what the wrapper returns, and without.
func TestFileWrapperSendsTheFile(t *testing.T) {
	t.Parallel()
	server := serveWSGI(t, systemPython(t))
	file, err := os.ReadFile(filepath.Join("testdata", "wsgi", "conformance.py"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/file", "/plain/file"} {
		if page := get(t, newClient(t), server.URL+path); !bytes.Equal(page.body, file) {
			t.Errorf("%s: %d bytes, want %d", path, len(page.body), len(file))
		}
	}
}

func TestErrorsOfARequestCarryItsNumber(t *testing.T) {
	t.Parallel()
	server := serveWSGI(t, systemPython(t))
	id := get(t, newClient(t), server.URL+"/say?text=one+thing").String()
	if id == "" {
		t.Fatal("the environ has no pasted.request_id")
	}
	for _, text := range []string{"begun, ended: one thing", "line one of one thing", "line two of one thing"} {
		server.Logged(5*time.Second, text)
		for _, line := range server.Stderr.Lines(text) {
			if !strings.Contains(line, "request="+id) {
				t.Errorf("%q does not name request %s", line, id)
			}
		}
	}
}

func TestLanesServeAtTheSameTime(t *testing.T) {
	t.Parallel()
	server := serveWSGI(t, systemPython(t))
	var wg sync.WaitGroup
	errs := make([]error, wsgiLanes)
	client := newClient(t)
	for i := range wsgiLanes {
		wg.Go(func() {
			page, err := do(t, client, call{url: fmt.Sprintf("%s/meet?key=lanes&count=%d", server.URL, wsgiLanes)})
			if err == nil && page.StatusCode != http.StatusOK {
				err = errors.New(page.Status)
			}
			errs[i] = err
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Error(err)
	}
}

// TestOldClientGetsAnAnswerThatEndsWithItsConnection asks with HTTP/1.0, which
// knows no chunks.
func TestOldClientGetsAnAnswerThatEndsWithItsConnection(t *testing.T) {
	t.Parallel()
	server := serveWSGI(t, systemPython(t))
	conn := dial(t, server)
	conn.send("GET /generator HTTP/1.0\r\n\r\n")
	text, closed := conn.closed()
	head, body, _ := strings.Cut(string(text), "\r\n\r\n")
	if !closed || body != "one two three\n" || strings.Contains(strings.ToLower(head), "chunked") {
		t.Errorf("closed %v, head %q, body %q", closed, head, body)
	}
}

func TestBodyIsReadWhileTheAnswerIsWritten(t *testing.T) {
	t.Parallel()
	server := serveWSGI(t, systemPython(t))
	body := strings.Repeat("a line of some length\n", 200000) // more than any buffer
	page := want(t, newClient(t), http.StatusOK, call{
		method: "POST", url: server.URL + "/duplex", body: io.MultiReader(strings.NewReader(body)),
	})
	if got, want := page.String(), strings.ReplaceAll(body, "a line", "got a line"); got != want {
		t.Errorf("%d bytes, want %d", len(got), len(want))
	}
}

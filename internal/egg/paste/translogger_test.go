package paste_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"pasted/internal/egg/paste"
	"pasted/internal/h1"
	api "pasted/paste"
)

// lines is a log that knows its Writes.
type lines struct {
	mu   sync.Mutex
	list []string
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, string(p))
	return len(p), nil
}

// logger loads a translogger with these options before app.
func logger(t *testing.T, o paste.Options, options string, app http.HandlerFunc) (http.Handler, error) {
	t.Helper()
	var r api.Registry
	paste.Register(&r, o)
	r.SetApp("egg:T#app", func(_, _ *api.Conf) (http.Handler, error) { return app, nil })
	text := "[pipeline:main]\npipeline = log egg:T#app\n[filter:log]\nuse = egg:Paste#translogger\n" + options
	return api.LoadApp("config:/test.ini", &r, api.Options{
		ReadFile: func(string) ([]byte, error) { return []byte(text), nil },
	})
}

func mustLogger(t *testing.T, o paste.Options, options string, app http.HandlerFunc) http.Handler {
	t.Helper()
	h, err := logger(t, o, options, app)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

var stamp = regexp.MustCompile(`\[\d\d/[A-Z][a-z][a-z]/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\]`)

func TestTransLoggerAsPastesVectors(t *testing.T) {
	var vectors []struct {
		Format    *string
		Path      string `json:"PATH_INFO"`
		Environ   map[string]string
		Headers   [][2]string
		Status    string
		Logged    [][3]string
		Exception *string
		Options   map[string]string
		Construct string
	}
	corpus(t, "translogger.json", &vectors)
	for _, v := range vectors {
		options := ""
		for key, value := range v.Options {
			options += key + " = " + value + "\n"
		}
		if v.Format != nil {
			options += "format = " + strings.ReplaceAll(*v.Format, "%", "%%") + "\n"
		}
		wrong := v.Construct
		if v.Exception != nil {
			wrong = *v.Exception // at each request in Python
		}
		var log lines
		var status int
		fmt.Sscan(v.Status, &status)
		o := paste.Options{AccessLog: &log, RemoteUser: func(*h1.Exchange) string { return v.Environ["REMOTE_USER"] }}
		h, err := logger(t, o, options, func(w http.ResponseWriter, _ *http.Request) {
			for _, field := range v.Headers {
				w.Header().Set(field[0], field[1])
			}
			w.WriteHeader(status)
		})
		if wrong != "" {
			var e *api.Error
			if !errors.As(err, &e) || e.Class+": "+e.Text != wrong {
				t.Errorf("%q: %#v, want %s", options, err, wrong)
			}
			continue
		}
		if err != nil {
			t.Errorf("%q: %v", options, err)
			continue
		}
		serve(h, environRequest(v.Environ, v.Path))
		want := stamp.ReplaceAllString(v.Logged[0][2], "[]") + "\n"
		if len(log.list) != 1 || stamp.ReplaceAllString(log.list[0], "[]") != want {
			t.Errorf("%q, %q: %q, want %q", options, v.Path, log.list, want)
		}
	}
}

// environRequest is the request that a WSGI server would make environ of.
func environRequest(environ map[string]string, path string) *http.Request {
	r := request(environ["SCRIPT_NAME"], path)
	r.URL.RawQuery = environ["QUERY_STRING"]
	r.RemoteAddr = environ["REMOTE_ADDR"]
	for key, name := range map[string]string{
		"HTTP_REFERER": "Referer", "HTTP_USER_AGENT": "User-Agent", "HTTP_X_FORWARDED_FOR": "X-Forwarded-For",
	} {
		if value, ok := environ[key]; ok {
			r.Header.Set(name, value)
		}
	}
	if method := environ["REQUEST_METHOD"]; method != "" {
		r.Method = method
	}
	if proto := environ["SERVER_PROTOCOL"]; proto != "" {
		r.Proto = proto
	}
	return r
}

func TestLineIsWrittenWithTheHead(t *testing.T) {
	for name, c := range map[string]struct {
		app  http.HandlerFunc
		want string
	}{
		"a head": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "3")
			w.WriteHeader(http.StatusTeapot)
			w.WriteHeader(http.StatusOK)
		}, "418 3"},
		"a write":     {func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("x")) }, "200 -"},
		"a copy":      {func(w http.ResponseWriter, _ *http.Request) { io.Copy(w, strings.NewReader("x")) }, "200 -"},
		"a flush":     {func(w http.ResponseWriter, _ *http.Request) { w.(http.Flusher).Flush() }, "200 -"},
		"a control":   {func(w http.ResponseWriter, _ *http.Request) { http.NewResponseController(w).Flush() }, "200 -"},
		"nothing":     {func(http.ResponseWriter, *http.Request) {}, "200 -"},
		"early hints": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(103); w.WriteHeader(404) }, "404 -"},
		"a switch":    {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(101) }, "101 -"},
	} {
		var log lines
		h := mustLogger(t, paste.Options{AccessLog: &log}, "format = %%(status)s %%(bytes)s\n", c.app)
		serve(h, request("", "/"))
		if len(log.list) != 1 || log.list[0] != c.want+"\n" {
			t.Errorf("%s: %q, want %q", name, log.list, c.want)
		}
	}
}

func TestLineStandsBeforeTheBodyIsWritten(t *testing.T) {
	var log lines
	h := mustLogger(t, paste.Options{AccessLog: &log}, "", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(200)
		if len(log.list) != 1 {
			t.Errorf("%d lines after the head", len(log.list))
		}
	})
	serve(h, request("", "/"))
}

func TestConnectionGivenAwayHasNoLine(t *testing.T) {
	var log lines
	srv := httptest.NewServer(mustLogger(t, paste.Options{AccessLog: &log}, "", func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		io.WriteString(conn, "HTTP/1.1 204 No Content\r\n\r\n")
		conn.Close()
	}))
	conn, err := net.Dial("tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(conn, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
	line, _ := bufio.NewReader(conn).ReadString('\n')
	conn.Close()
	srv.Close()
	if line != "HTTP/1.1 204 No Content\r\n" || len(log.list) != 0 {
		t.Errorf("%q, log %q", line, log.list)
	}
}

func TestControllerReachesTheConnection(t *testing.T) {
	var got error
	srv := httptest.NewServer(mustLogger(t, paste.Options{AccessLog: io.Discard}, "", func(w http.ResponseWriter, _ *http.Request) {
		got = http.NewResponseController(w).SetWriteDeadline(time.Time{})
	}))
	defer srv.Close()
	resp, err := http.Get(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if got != nil {
		t.Errorf("SetWriteDeadline: %v", got)
	}
}

func TestClientCannotBreakTheLine(t *testing.T) {
	var log lines
	h := mustLogger(t, paste.Options{AccessLog: &log}, "format = %%(HTTP_USER_AGENT)s|%%(HTTP_REFERER)s|%%(REQUEST_URI)s\n", func(http.ResponseWriter, *http.Request) {})
	r := request("", "/a\nb\u00ff")
	r.Header.Set("User-Agent", "x\r\ny\x1b[31m\u0085")
	r.Header.Set("Referer", "caf\xe9")
	serve(h, r)
	want := "x\\x0d\\x0ay\\x1b[31m\\x85|café|/a%0Ab%C3%BF\n"
	if len(log.list) != 1 || log.list[0] != want {
		t.Errorf("%q, want %q", log.list, want)
	}
}

func TestFormatIsPythons(t *testing.T) {
	for format, want := range map[string]string{
		"%(status)s%%":               "200%",
		"<%(status)6s|%(status)-6s>": "<   200|200   >",
		"%(REQUEST_METHOD).2s":       "GE",
		"%(REQUEST_METHOD)5.2s":      "   GE",
		"no keys":                    "no keys",
		"%(REMOTE_USER)s %(REMOTE_ADDR)s %(HTTP_VERSION)s": "- 192.0.2.1 HTTP/1.1",
	} {
		var log lines
		h := mustLogger(t, paste.Options{AccessLog: &log}, "format = "+strings.ReplaceAll(format, "%", "%%")+"\n", func(http.ResponseWriter, *http.Request) {})
		serve(h, httptest.NewRequest("GET", "/", nil))
		if len(log.list) != 1 || log.list[0] != want+"\n" {
			t.Errorf("%q: %q, want %q", format, log.list, want)
		}
	}
}

func TestMistakesInOptionsNameTheirLine(t *testing.T) {
	for option, want := range map[string]string{
		"format = %%(nope)s x":            "format: %(nope)s: want one of REMOTE_ADDR, REMOTE_USER, time, REQUEST_METHOD, REQUEST_URI, HTTP_VERSION, status, bytes, HTTP_REFERER, HTTP_USER_AGENT",
		"format = %%s x":                  "format: %s: want %(NAME)s, or %% for a percent sign",
		"format = 100%%":                  "format: %: want %(NAME)s, or %% for a percent sign",
		"format = %%(status)d":            "format: %(status)d: want %(status)s",
		"format = %%(status)99999999999s": "format: %(status)99999999999s: want %(status)s",
		"format = %%(status":              "format: %(status: want %(NAME)s, or %% for a percent sign",
		"logging_level = INFO":            "logging_level: Paste's translogger fails on it in Python 3: want it left out",
		"set_logger_level = 10":           "set_logger_level: Paste's translogger fails on it in Python 3: want it left out",
		"setup_console_handler = maybe":   "String is not true/false: 'maybe'",
		"time_format = x":                 "make_filter() got an unexpected keyword argument 'time_format'",
	} {
		_, err := logger(t, paste.Options{AccessLog: io.Discard}, "logger_name = w\n"+option+"\n", nil)
		if full := "/test.ini:6: [filter:log] " + want; err == nil || err.Error() != full {
			t.Errorf("%s: %v, want %s", option, err, full)
		}
	}
	for _, options := range []string{"format =\n", "setup_console_handler = false\nlogger_name = x\n"} {
		if _, err := logger(t, paste.Options{AccessLog: io.Discard}, options, nil); err != nil {
			t.Errorf("%q: %v", options, err)
		}
	}
}

func TestLinesOfManyRequestsStayWhole(t *testing.T) {
	var log lines
	h := mustLogger(t, paste.Options{AccessLog: unsafeWriter(func(p []byte) { log.list = append(log.list, string(p)) })},
		"format = %%(REQUEST_URI)s\n", func(http.ResponseWriter, *http.Request) {})
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() { serve(h, request("", fmt.Sprintf("/%d", i))) })
	}
	wg.Wait()
	if len(log.list) != 20 {
		t.Errorf("%d lines", len(log.list))
	}
	for _, line := range log.list {
		if strings.Count(line, "/") != 1 || !strings.HasSuffix(line, "\n") {
			t.Errorf("line %q", line)
		}
	}
}

type unsafeWriter func([]byte)

func (w unsafeWriter) Write(p []byte) (int, error) {
	w(p)
	return len(p), nil
}

// Paste takes the zone's greater offset whatever the season, and writes it in
// hundredths of an hour.
func TestZoneOffsetIsPastes(t *testing.T) {
	for zone, want := range map[string]string{
		"UTC": "+0000", "Europe/Berlin": "+0200", "America/New_York": "-0400",
		"Asia/Kolkata": "+0550", "Australia/Sydney": "+1100", "Asia/Tokyo": "+0900",
	} {
		location, err := time.LoadLocation(zone)
		if err != nil {
			t.Skip("no time zones installed")
		}
		if got := paste.ZoneOffset(time.Date(2024, 11, 5, 0, 0, 0, 0, location)); got != want {
			t.Errorf("%s: %s, want %s", zone, got, want)
		}
	}
}

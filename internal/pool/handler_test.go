package pool_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"pasted/internal/h1"
	"pasted/internal/marshal"
	"pasted/internal/pool"
	"pasted/internal/spool"
	"pasted/internal/wire"
	"pasted/internal/wsgi"
)

// serve returns the address of a server before a pool of one worker with so
// many lanes.
func serve(t *testing.T, lanes int, do func(*fakeWorker, int, wire.Frame)) (*httptest.Server, *pool.Pool) {
	t.Helper()
	p := run(t, pool.Options{Start: fakes(t, lanes, do), QueueTimeout: patience, Grace: time.Second})
	h := &pool.Handler{
		Pool: p, Root: 3, Constants: wsgi.NewConstants("Pasted/test", true, true, 1), Scheme: "http",
		Spool: spool.New(spool.Options{Memory: 32 << 10, Dir: t.TempDir()}), Log: quiet,
	}
	s := httptest.NewServer(http.MaxBytesHandler(h, 4<<20))
	t.Cleanup(s.Close)
	return s, p
}

// head is the payload of a Head frame.
func head(t *testing.T, status string, fields ...string) []byte {
	t.Helper()
	list := []any{}
	for i := 0; i < len(fields); i += 2 {
		list = append(list, marshal.Tuple{fields[i], fields[i+1]})
	}
	b, err := marshal.Append(nil, marshal.Tuple{status, list})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func environOf(t *testing.T, f wire.Frame) marshal.Dict {
	t.Helper()
	value, _, err := marshal.Decode(f.Payload, marshal.Limits{})
	if err != nil {
		t.Errorf("environ: %v", err)
	}
	d, _ := value.(marshal.Dict)
	return d
}

// whole answers f with a whole answer.
func whole(w *fakeWorker, lane int, f wire.Frame, head []byte, body string) {
	w.send(lane, wire.Frame{Kind: wire.Head, Flags: wire.FlagEnd, Number: f.Number, Payload: append(bytes.Clone(head), body...)})
}

func get(t *testing.T, url string) (*http.Response, string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Errorf("reading the answer: %v", err)
	}
	return resp, string(body)
}

func TestHandlerCarriesRequestAndAnswer(t *testing.T) {
	s, _ := serve(t, 1, func(w *fakeWorker, lane int, f wire.Frame) {
		environ := environOf(t, f)
		path, _ := environ.Get("PATH_INFO")
		query, _ := environ.Get("QUERY_STRING")
		whole(w, lane, f, head(t, "203 Mostly", "X-Root", fmt.Sprint(f.Aux)), fmt.Sprint(path, "?", query))
	})
	resp, body := get(t, s.URL+"/a%20b?c=d")
	if resp.StatusCode != 203 || resp.Header.Get("X-Root") != "3" || body != "/a b?c=d" || resp.ContentLength != 8 {
		t.Errorf("%s, X-Root %q, length %d, body %q", resp.Status, resp.Header.Get("X-Root"), resp.ContentLength, body)
	}
	if got, ok := resp.Header["Content-Type"]; ok {
		t.Errorf("Content-Type = %q, want the application's, which is none", got)
	}
}

// A body is inline, or asked for, by its size; either way it arrives whole, and
// CONTENT_LENGTH says its size.
func TestHandlerTakesBodiesOfAnySizeAndFraming(t *testing.T) {
	var got bytes.Buffer
	s, _ := serve(t, 1, func(w *fakeWorker, lane int, f wire.Frame) {
		if f.Kind == wire.Request {
			got.Reset()
			environ := environOf(t, f)
			length, _ := environ.Get("CONTENT_LENGTH")
			fmt.Fprintf(&got, "%v:", length)
			if f.Flags&wire.FlagBody == 0 {
				inline, _ := environ.Get("wsgi.input")
				got.Write(inline.([]byte))
				whole(w, lane, f, ok, got.String())
				return
			}
		} else {
			got.Write(f.Payload)
			if f.Flags&wire.FlagEnd != 0 {
				whole(w, lane, f, ok, got.String())
				return
			}
		}
		w.want(lane, f.Number, 50_000)
	})
	for _, size := range []int{1, 1000, 32 << 10, 32<<10 + 1, 100_000, 900_000} {
		for _, chunked := range []bool{false, true} {
			body := strings.Repeat("0123456789", size/10+1)[:size]
			var reader io.Reader = strings.NewReader(body)
			if chunked {
				reader = io.MultiReader(reader) // of unknown length
			}
			resp, err := http.Post(s.URL, "text/plain", reader)
			if err != nil {
				t.Fatal(err)
			}
			answer, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			if want := fmt.Sprintf("%d:%s", size, body); string(answer) != want {
				t.Errorf("%d bytes, chunked %v: the worker got %d bytes, want %d", size, chunked, len(answer), len(want))
			}
		}
	}
}

func TestHandlerRefusesABodyBeyondTheLimit(t *testing.T) {
	s, _ := serve(t, 1, answerAll)
	resp, err := http.Post(s.URL, "text/plain", io.MultiReader(strings.NewReader(strings.Repeat("x", 5<<20))))
	if err != nil {
		t.Skip("the client noticed the closing first: ", err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("%s, want 413", resp.Status)
	}
}

func TestHandlerSaysWhatIsWrongWithABody(t *testing.T) {
	p := run(t, pool.Options{Start: fakes(t, 1, answerAll)})
	h := &pool.Handler{Pool: p, Spool: spool.New(spool.Options{Dir: t.TempDir()}), Log: quiet}
	r := httptest.NewRequest("POST", "/", iotest.ErrReader(&h1.Refusal{Code: 400, Reason: "a chunk has no end", Rule: "RFC 9112, 7.1"}))
	r.ContentLength = -1
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != 400 || w.Body.String() != "400 Bad Request: a chunk has no end\n" || w.Header().Get("Connection") != "close" {
		t.Errorf("answer = %d %q %v", w.Code, w.Body, w.Header())
	}
}

func TestHandlerSaysWhyThereIsNoAnswer(t *testing.T) {
	s, _ := serve(t, 1, func(w *fakeWorker, lane int, f wire.Frame) {
		switch path, _ := environOf(t, f).Get("PATH_INFO"); path {
		case "/raises":
			w.send(lane, wire.Frame{Kind: wire.End, Flags: wire.FlagEnd | wire.FlagFailed, Number: f.Number})
		case "/dies":
			w.end()
		case "/invalid":
			whole(w, lane, f, head(t, "200 OK", "X", "a\r\nb"), "")
		default:
			answerAll(w, lane, f)
		}
	})
	for path, want := range map[string]int{"/raises": 500, "/dies": 502, "/invalid": 500, "/": 200} {
		resp, body := get(t, s.URL+path)
		if resp.StatusCode != want {
			t.Errorf("%s: %s, want %d", path, resp.Status, want)
		}
		if want != 200 && !strings.Contains(body, "(request ") {
			t.Errorf("%s: body %q does not name the request", path, body)
		}
	}
}

func TestHandlerBreaksTheConnectionOfAnAnswerThatFails(t *testing.T) {
	s, _ := serve(t, 1, func(w *fakeWorker, lane int, f wire.Frame) {
		w.send(lane, wire.Frame{Kind: wire.Head, Number: f.Number, Payload: append(bytes.Clone(ok), "some"...)})
		w.send(lane, wire.Frame{Kind: wire.End, Flags: wire.FlagEnd | wire.FlagFailed, Number: f.Number})
	})
	resp, err := http.Get(s.URL)
	if err != nil {
		return // broken before its head had left
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err == nil {
		t.Errorf("the answer looks complete: %q", body)
	}
}

func TestHandlerSendsNoMoreThanContentLength(t *testing.T) {
	for _, streamed := range []bool{false, true} {
		s, _ := serve(t, 1, func(w *fakeWorker, lane int, f wire.Frame) {
			h := head(t, "200 OK", "Content-Length", "3")
			if !streamed {
				whole(w, lane, f, h, "xxxEVIL")
				return
			}
			w.send(lane, wire.Frame{Kind: wire.Head, Number: f.Number, Payload: append(h, "xx"...)})
			w.send(lane, wire.Frame{Kind: wire.Data, Flags: wire.FlagEnd, Number: f.Number, Payload: []byte("xEVIL")})
		})
		for range 2 {
			if resp, body := get(t, s.URL); body != "xxx" || resp.ContentLength != 3 {
				t.Errorf("streamed %v: body %q of %d, want xxx", streamed, body, resp.ContentLength)
			}
		}
	}
}

func TestHandlerStreamsWhatComes(t *testing.T) {
	next := make(chan struct{})
	s, _ := serve(t, 1, func(w *fakeWorker, lane int, f wire.Frame) {
		w.send(lane, wire.Frame{Kind: wire.Head, Number: f.Number, Payload: append(bytes.Clone(ok), "one\n"...)})
		<-next
		w.send(lane, wire.Frame{Kind: wire.Data, Number: f.Number, Payload: []byte("two\n")})
		<-next
		w.send(lane, wire.Frame{Kind: wire.End, Flags: wire.FlagEnd, Number: f.Number})
	})
	resp, err := http.Get(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewReader(resp.Body)
	for _, want := range []string{"one\n", "two\n", ""} {
		line, err := lines.ReadString('\n')
		if line != want || (err != nil) != (want == "") {
			t.Fatalf("line %q, %v, want %q", line, err, want)
		}
		if want != "" {
			next <- struct{}{}
		}
	}
}

// A client that reads nothing of a large answer holds no lane: the only one
// serves somebody else.
func TestSlowClientHoldsNoLane(t *testing.T) {
	s, _ := serve(t, 1, func(w *fakeWorker, lane int, f wire.Frame) {
		if path, _ := environOf(t, f).Get("PATH_INFO"); path != "/large" {
			answerAll(w, lane, f)
			return
		}
		w.send(lane, wire.Frame{Kind: wire.Head, Number: f.Number, Payload: ok})
		piece := make([]byte, 1<<20)
		for range 32 {
			w.send(lane, wire.Frame{Kind: wire.Data, Number: f.Number, Payload: piece})
		}
		w.send(lane, wire.Frame{Kind: wire.End, Flags: wire.FlagEnd, Number: f.Number})
	})
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
	if _, err := io.ReadFull(conn, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	if _, body := get(t, s.URL); body != "ok" {
		t.Errorf("body %q, want ok", body)
	}
}

func TestClientThatLeavesIsCancelled(t *testing.T) {
	begun, left := make(chan *fakeWorker, 1), make(chan struct{})
	s, _ := serve(t, 1, func(w *fakeWorker, lane int, f wire.Frame) {
		if path, _ := environOf(t, f).Get("PATH_INFO"); path == "/wait" {
			begun <- w
			<-left
		}
		answerAll(w, lane, f)
	})
	ctx, leave := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		r, _ := http.NewRequestWithContext(ctx, "GET", s.URL+"/wait", nil)
		if resp, err := http.DefaultClient.Do(r); err == nil {
			resp.Body.Close()
		}
	})
	w := <-begun
	leave()
	wg.Wait()
	await(t, "the worker to be told", func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return len(w.cancelled) > 0
	})
	close(left)
	if _, body := get(t, s.URL); body != "ok" {
		t.Errorf("body %q after the cancelled request, want ok", body)
	}
}

// TestClientThatLeavesBeforeANamedFileIsCancelled has an application name a file,
// and go on with a body that nobody wants.
func TestClientThatLeavesBeforeANamedFileIsCancelled(t *testing.T) {
	begun := make(chan uint64, 1)
	var fake *fakeWorker
	p := run(t, pool.Options{Grace: time.Millisecond, Start: func(context.Context, int) (pool.Worker, error) {
		fake = newFake(t, 1, 1, func(w *fakeWorker, lane int, f wire.Frame) {
			w.send(lane, wire.Frame{Kind: wire.Head, Number: f.Number, Payload: head(t, "200 OK", "X-Sendfile", "a")})
			begun <- f.Number
		})
		return fake, nil
	}})
	h := &pool.Handler{
		Pool: p, Constants: wsgi.NewConstants("Pasted/test", true, true, 1), Scheme: "http",
		Spool: spool.New(spool.Options{Dir: t.TempDir()}), Files: &pool.Files{Root: t.TempDir()}, Log: quiet,
	}
	ctx, leave := context.WithCancel(t.Context())
	ended := make(chan any, 1)
	go func() {
		defer func() { ended <- recover() }()
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, http.MethodGet, "/", nil))
	}()
	number := receive(t, begun)
	leave()
	if how := receive(t, ended); how != nil && how != http.ErrAbortHandler {
		t.Errorf("the handler panics with %v", how)
	}
	fake.awaitNote(t, number)
}

package pool_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"pasted/internal/pool"
	"pasted/internal/spool"
	"pasted/internal/wire"
	"pasted/internal/wsgi"
)

// A sink is a ResponseWriter that costs nothing of its own.
type sink struct {
	header http.Header
	bytes  int
}

func (s *sink) Header() http.Header { return s.header }
func (s *sink) WriteHeader(int)     {}
func (s *sink) Write(p []byte) (int, error) {
	s.bytes += len(p)
	return len(p), nil
}

// BenchmarkHandler is one request at a time, and many, through handler, pool,
// lane and answer, with a worker that does nothing. What it allocates is all
// ours, net/http's own header handling left out.
func BenchmarkHandler(b *testing.B) {
	for name, body := range map[string]string{"get": "", "post": strings.Repeat("x", 2000)} {
		b.Run(name, func(b *testing.B) {
			h := benchHandler(b)
			b.ReportAllocs()
			b.ResetTimer()
			serveMany(h, body, func() bool { return b.Loop() })
		})
		b.Run(name+"Parallel", func(b *testing.B) {
			h := benchHandler(b)
			b.ReportAllocs()
			b.SetParallelism(32)
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) { serveMany(h, body, pb.Next) })
		})
	}
}

func benchHandler(b *testing.B) *pool.Handler {
	payload := append(ok[:len(ok):len(ok)], "hello"...)
	p := run(b, pool.Options{Size: 2, Start: fakes(b, 4, func(w *fakeWorker, lane int, f wire.Frame) {
		frame := wire.AppendHead(w.scratch(lane), wire.Head, wire.FlagEnd, 0, f.Number, len(payload))
		_, _ = w.ends[lane].Write(append(frame, payload...))
	})})
	return &pool.Handler{
		Pool: p, Constants: wsgi.NewConstants("Pasted/test", true, true, 1), Scheme: "http",
		Spool: spool.New(spool.Options{Dir: b.TempDir()}), Log: quiet,
	}
}

func serveMany(h http.Handler, body string, next func() bool) {
	content := strings.NewReader(body)
	r := httptest.NewRequest("POST", "/a/path?and=query", content)
	if body == "" {
		r = httptest.NewRequest("GET", "/a/path?and=query", nil)
	}
	r.Header.Set("User-Agent", "benchmark")
	r.Header.Set("Accept", "*/*")
	w := &sink{header: http.Header{}}
	for next() {
		content.Reset(body)
		clear(w.header)
		h.ServeHTTP(w, r)
	}
}

package metrics_test

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"pasted/internal/metrics"
)

func scrape(t *testing.T, collect func(*metrics.Set)) (int, string) {
	t.Helper()
	w := httptest.NewRecorder()
	metrics.Handler(collect).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	return w.Code, w.Body.String()
}

func TestFiguresAreWrittenAsPrometheusReadsThem(t *testing.T) {
	code, text := scrape(t, func(s *metrics.Set) {
		s.Counter("sheds_total", "Refused.", 3, "reason", "timeout")
		s.Counter("sheds_total", "Refused.", 1, "reason", `a "quote"`)
		s.Flag("ready", "Whether it is.", true)
		s.Histogram("wait_seconds", "Waited.", []time.Duration{time.Millisecond, time.Second}, []uint64{2, 3, 1}, 2500*time.Millisecond)
	})
	if code != 200 {
		t.Fatalf("status %d: %s", code, text)
	}
	for _, want := range []string{
		`pasted_sheds_total{reason="timeout"} 3`,
		`pasted_sheds_total{reason="a \"quote\""} 1`,
		"# TYPE pasted_sheds_total counter",
		"# HELP pasted_ready Whether it is.",
		"pasted_ready 1",
		`pasted_wait_seconds_bucket{le="0.001"} 2`,
		`pasted_wait_seconds_bucket{le="1"} 5`,
		`pasted_wait_seconds_bucket{le="+Inf"} 6`,
		"pasted_wait_seconds_sum 2.5",
		"pasted_wait_seconds_count 6",
		"go_goroutines ",
		"process_resident_memory_bytes ",
	} {
		if !strings.Contains(text, want+"\n") && !strings.Contains(text, want) {
			t.Errorf("no line %q in\n%s", want, text)
		}
	}
}

func TestAScrapeThatContradictsItselfFails(t *testing.T) {
	code, text := scrape(t, func(s *metrics.Set) {
		s.Gauge("twice", "Once.", 1)
		s.Gauge("twice", "Once.", 2)
	})
	if code == 200 || !strings.Contains(text, "pasted_twice") {
		t.Errorf("status %d, want an error that names the metric:\n%s", code, text)
	}
}

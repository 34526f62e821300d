package main

import (
	"bufio"
	"context"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestPercentileIsTheNearestRank(t *testing.T) {
	values := []time.Duration{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}
	for p, want := range map[int]time.Duration{0: 1, 1: 1, 10: 1, 11: 2, 50: 5, 99: 10, 100: 10} {
		if got := percentile(values, p); got != want {
			t.Errorf("percentile(%d) = %d, want %d", p, got, want)
		}
	}
	if got := percentile(nil, 50); got != 0 {
		t.Errorf("percentile of nothing = %d, want 0", got)
	}
}

func TestAnswersAreReadToTheirEnd(t *testing.T) {
	tests := []struct {
		name, answer string
		last, ok     bool
	}{
		{"kept alive", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", false, true},
		{"the last one", "HTTP/1.1 200 OK\r\nConnection: close\r\ncontent-length: 2\r\n\r\nhi", true, true},
		{"an error", "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n", true, false},
		{"half of one", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi", true, false},
		{"of unknown length", "HTTP/1.1 200 OK\r\n\r\nhi", true, false},
		{"nothing", "", true, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			last, err := readAnswer(bufio.NewReader(strings.NewReader(test.answer)))
			if last != test.last || (err == nil) != test.ok {
				t.Errorf("readAnswer() = %v, %v; want %v, ok %v", last, err, test.last, test.ok)
			}
		})
	}
}

func TestLoadCountsAnswersOfServersThatCloseToo(t *testing.T) {
	for _, closes := range []bool{false, true} {
		var served atomic.Int64
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			served.Add(1)
			if closes {
				w.Header().Set("Connection", "close")
			}
			_, _ = w.Write([]byte("hi"))
		}))
		l := load{addr: s.Listener.Addr().String(), connections: 4, duration: 100 * time.Millisecond}
		r := l.run(context.Background())
		s.Close()
		// The last request of each connection may be answered too late.
		if most := served.Load(); r.failed != 0 || r.rate == 0 || r.rate*0.1 > float64(most) || r.p50 > r.p99 {
			t.Errorf("closes %v: %+v after %d answers", closes, r, most)
		}
	}
}

func TestCommandsHaveNoPlaceholdersLeft(t *testing.T) {
	s, err := newSetup("..", "../bin/pasted")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range peers() {
		argv := s.argv(p, applications()[0], 8080)
		if slices.ContainsFunc(argv, func(word string) bool { return strings.ContainsAny(word, "{}") }) {
			t.Errorf("%s: %q", p.name, argv)
		}
	}
}

func TestReportHasMediansAndRatios(t *testing.T) {
	r := report{plan: quickPlan()}
	for _, rate := range []float64{300, 100, 200} {
		for i, p := range peers() {
			r.add(applications()[0], p, visit{many: result{rate: rate / float64(i+1)}})
		}
	}
	page := r.String()
	for _, want := range []string{"| Pasted | 200 (100–300) | 1.00 |", "| gunicorn, gthread | 100 (50–150) | 0.50 |", "| waitress | 50 (25–75) | 0.25 |"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page has no %q:\n%s", want, page)
		}
	}
}

func TestWhatOthersUseIsWhatIsLeft(t *testing.T) {
	var began usage
	at := began.at.Add(10 * time.Second)
	cores := time.Duration(runtime.NumCPU())
	later := usage{at: at, all: 6 * time.Second * cores, ours: 5 * time.Second * cores}
	if got := began.othersUntil(later); got != 0.1 {
		t.Errorf("others had %v, want 0.1", got)
	}
	later.ours = later.all + time.Second // clocks that differ
	if got := began.othersUntil(later); got != 0 {
		t.Errorf("others had %v, want 0", got)
	}
}

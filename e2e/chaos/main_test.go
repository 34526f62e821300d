package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"pasted/e2e/harness"
)

// binaries is set by TestMain before any test runs, and only read then.
var binaries *harness.Binaries

func TestMain(m *testing.M) {
	os.Exit(harness.WithBinaries(func(b *harness.Binaries) int {
		binaries = b
		return m.Run()
	}))
}

// TestChaos runs the trials in their short form. What is lost or done twice fails
// them; figures of time are in the log, for they say as much of the machine.
func TestChaos(t *testing.T) {
	if testing.Short() {
		t.Skip("two minutes of killing")
	}
	program, err := binaries.Plain()
	if err != nil {
		t.Fatal(err)
	}
	app, err := filepath.Abs("app")
	if err != nil {
		t.Fatal(err)
	}
	l := lab{pasted: program, app: app}
	for _, tried := range trials() {
		t.Run(tried.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
			defer cancel()
			o := outcome{trial: &tried, server: "Pasted"}
			o.findings, o.err = tried.run(ctx, experiment{lab: l, kind: ours()})
			o.print(t.Output())
			if !o.reached(false) {
				t.Errorf("%s: something is lost, or done twice", tried.about)
			}
		})
	}
}

func TestLedgerTellsWhatWasDoneTwice(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger")
	text := "1 100 5.25\n2 100 5.5\n2 101 6\n3 101 7\n3 101 8\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	calls, err := readLedger(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := calls[1]; len(got) != 1 || got[0].pid != 100 || got[0].at != 5250*time.Millisecond {
		t.Errorf("calls of 1: %v", got)
	}
	results := []result{
		{number: 1, method: "GET", status: 200},
		{number: 2, method: "GET", status: 200},
		{number: 3, method: "POST", status: 200},
		{number: 4, method: "POST", status: 502},
		{number: 7, method: "POST", status: 502, text: "502 Bad Gateway: x (request 1)", why: "worker-died"},
		{number: 5, method: "GET", status: 200},
		{number: 6, method: "GET", fate: reset},
	}
	got := count(results, calls)
	if got.repeated != 1 || got.doubled != 1 || got.outside != 1 || got.unexplained != 1 || got.unasked != 1 || len(got.failed) != 2 || got.ok != 4 {
		t.Errorf("count() = %+v", got)
	}
}

func TestReasonsAreWithoutTheRequestsName(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Pasted-Reason", "worker-died; request=496d71a800003ab5")
		w.WriteHeader(http.StatusBadGateway)
	}))
	defer server.Close()
	c := newClient(server.Listener.Addr().String(), new(atomic.Int64))
	defer c.close()
	r := c.ask(request{method: "POST", path: "/work", query: "ms=0", body: []byte("x")}, time.Now())
	if got := count([]result{r}, nil); r.why != "worker-died" || got.outside != 1 {
		t.Errorf("%+v counts as %+v", r, got)
	}
}

func TestPercentileIsByNearestRank(t *testing.T) {
	var values []time.Duration
	for i := range 100 {
		values = append(values, time.Duration(100-i))
	}
	for p, want := range map[float64]time.Duration{50: 50, 99: 99, 99.9: 100, 1: 1} {
		if got := percentile(values, p); got != want {
			t.Errorf("percentile %v = %d, want %d", p, got, want)
		}
	}
}

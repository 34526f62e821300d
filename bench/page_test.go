package main

import (
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the pages and charts that are wanted")

// golden compares got with a file, or writes it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("%s (-want +got; -update writes it):\n%s", path, diff)
	}
}

// measuredOnce is a run of three rounds as it might have been.
func measuredOnce() *results {
	p := fullPlan()
	p.Rounds = 3
	p.Rows = []string{"hello", "one", "mixed", "idle", "start"}
	p.Peers = []string{ours, "gunicorn gthread", "uWSGI http11", "granian, 1 thread", "waitress", "bjoern", "nginx, bjoern", "Pyruvate"}
	r := &results{
		Date: "2026-01-02", Pasted: "1.0", Machine: []string{"A processor, 2 cores", "Linux 1"}, Workers: 2, Threads: 4, Plan: p, Repeated: 3,
		Versions: map[string]string{"wrk": "4.1", "bjoern": "3.2.2", "gunicorn": "27.0", "granian": "2.8"},
		Missing:  map[string]string{"pyruvate": "pip: exit status 1: no wheel | no compiler"},
		Samples:  map[string]map[string][]sample{},
	}
	for round := range 3 {
		for i, name := range p.Peers[:7] {
			r.add("hello", name, helloSample(round, i))
		}
		one := sample{Rate: 10000, Requests: 30000, P50: 90 * time.Microsecond}
		r.add("one", ours, one)
		one.P50 = 65 * time.Microsecond
		r.add("one", "bjoern", one)
		r.add("mixed", ours, sample{Requests: 5000, P50: 400 * time.Microsecond, P99: 44 * time.Millisecond, Theory: 43 * time.Millisecond})
		r.add("mixed", "granian, 1 thread", sample{Requests: 5000, P50: 500 * time.Microsecond, P99: 76 * time.Millisecond, Theory: 43 * time.Millisecond})
		r.add("idle", ours, sample{Requests: 6000, PerIdle: 2000 + float64(round), P99: 12 * time.Millisecond, Before: 10 * time.Millisecond})
		r.add("start", ours, sample{Start: 130 * time.Millisecond, Import: 20 * time.Millisecond, Server: []int64{7 << 20, int64(14+round) << 20}, All: 40 << 20})
	}
	r.add("idle", "bjoern", sample{Requests: 6000, Failure: "connection reset"})
	return r
}

// helloSample is what peer i of the plan has in the row hello.
func helloSample(round, i int) sample {
	s := sample{
		Rate: float64(70000/(i+1) + 100*round), Requests: 1000 * (i + 1), P99: time.Duration(i+1) * time.Millisecond,
		CPU: split{
			Server:  times{User: 8 * time.Millisecond, System: 12 * time.Millisecond},
			Workers: times{User: 10 * time.Millisecond, System: 4 * time.Millisecond},
			Client:  times{User: time.Millisecond, System: 5 * time.Millisecond},
		},
		Foreign: 0.01,
	}
	switch i {
	case 2:
		s.Served, s.Connections = 8+round, 64
	case 4:
		if round == 1 {
			s.Failure = "wrong bytes: 3 of 14"
		}
	case 6:
		s.CPU.Proxy = times{User: 20 * time.Millisecond, System: 30 * time.Millisecond}
		s.Foreign = 0.2 * float64(round)
	}
	return s
}

func TestPageShowsMediansRatiosGoalsAndFailures(t *testing.T) {
	golden(t, "page.md", measuredOnce().page("img"))
}

func TestPageSaysThatTheMachineWasBusy(t *testing.T) {
	r := measuredOnce()
	const warning = "**Measured on a busy machine"
	if strings.Contains(r.page(""), warning) {
		t.Error("it warns without need")
	}
	for _, samples := range r.Samples["hello"] {
		for i := range samples {
			samples[i].Foreign = 0.4
		}
	}
	if !strings.Contains(r.page(""), warning) {
		t.Error("it says nothing")
	}
}

func TestChartsAreDrawn(t *testing.T) {
	charts := measuredOnce().charts()
	var names []string
	for name, svg := range charts {
		names = append(names, name)
		decoder := xml.NewDecoder(strings.NewReader(svg))
		for {
			if _, err := decoder.Token(); err != nil {
				if !errors.Is(err, io.EOF) {
					t.Errorf("%s: %v", name, err)
				}
				break
			}
		}
	}
	slices.Sort(names)
	want := []string{"bench-hello-cpu.svg", "bench-hello.svg", "bench-idle.svg", "bench-mixed.svg", "bench-one.svg", "bench-start.svg"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("charts (-want +got):\n%s", diff)
	}
	for _, name := range []string{"bench-hello.svg", "bench-hello-cpu.svg", "bench-mixed.svg"} {
		golden(t, name, charts[name])
	}
}

func TestPageAndChartsArePublishedAndShowEachOther(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "img"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"bench-of-another-page.svg", "overview.svg"} {
		if err := os.WriteFile(filepath.Join(dir, "img", name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := measuredOnce().publish(filepath.Join(dir, "page.md"), filepath.Join(dir, "img")); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(dir, "page.md"))
	if err != nil {
		t.Fatal(err)
	}
	drawn, err := os.ReadDir(filepath.Join(dir, "img"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range drawn {
		if file.Name() == "overview.svg" {
			continue // not a chart of ours
		}
		if !strings.Contains(string(page), "(img/"+file.Name()+")") {
			t.Errorf("the page does not show %s", file.Name())
		}
	}
}

func TestResultsAreReadAsTheyWereWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "results.json")
	r := measuredOnce()
	if err := r.save(path); err != nil {
		t.Fatal(err)
	}
	again, err := readResults(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(r, again, cmp.AllowUnexported(results{}, plan{}, pace{})); diff != "" {
		t.Errorf("read back (-want +got):\n%s", diff)
	}
	if r.page("") != again.page("") {
		t.Error("another page is made of it")
	}
}

func TestVersionsAreFoundInWhatCommandsSay(t *testing.T) {
	for line, want := range map[string]string{
		"nginx version: nginx/1.22.1":                                  "1.22.1",
		"HAProxy version 2.6.12-1+deb12u4 2026/10/17 - https://x.org/": "2.6.12-1+deb12u4",
		"wrk debian/4.1.0-3+b2 [epoll] Copyright (C) 2012 Will Glozer": "4.1.0-3+b2",
		"nothing": "nothing",
	} {
		if got := versionIn(line); got != want {
			t.Errorf("versionIn(%q) = %q, want %q", line, got, want)
		}
	}
}

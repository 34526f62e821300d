package main

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestSummaryIsFoundInWhatWrkPrints(t *testing.T) {
	printed, err := os.ReadFile("testdata/wrk.txt")
	if err != nil {
		t.Fatal(err)
	}
	got, err := parseSummary(string(printed))
	if err != nil {
		t.Fatal(err)
	}
	want := summary{
		duration: 2001234 * time.Microsecond, requests: 80123, bytes: 11216820, p50: 712 * time.Microsecond, p99: 4210 * time.Microsecond,
		errors: map[string]int{"connect": 0, "read": 1, "write": 0, "status": 2, "timeout": 3},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(summary{})); diff != "" {
		t.Errorf("parseSummary() (-want +got):\n%s", diff)
	}
	if rate := got.rate(); rate < 40036 || rate > 40037 {
		t.Errorf("rate %v", rate)
	}
}

func TestWhatIsNotASummaryIsAnError(t *testing.T) {
	for _, text := range []string{"", "unable to connect to 127.0.0.1:1 Connection refused\n", "bench requests=many\n"} {
		if got, err := parseSummary(text); err == nil {
			t.Errorf("parseSummary(%q) = %+v, want an error", text, got)
		}
	}
}

func TestScriptHasTheRequestAsItIs(t *testing.T) {
	e := exchange{method: "POST", path: "/", contentType: "text/plain", body: "a\"b\\c\nd\x00é~", close: true}
	got := wrk{exchange: e}.script()
	for _, want := range []string{
		`wrk.method = "POST"`,
		`wrk.body = "a\034b\092c\010d\000\195\169~"`,
		`wrk.headers["Content-Type"] = "text/plain"`,
		`wrk.headers["Connection"] = "close"`,
		"function done(",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the script has no %s:\n%s", want, got)
		}
	}
}

func TestEndsOfAnswersAreNoErrors(t *testing.T) {
	found := summary{requests: 10, bytes: 1000, errors: map[string]int{"read": 10}}
	if err := found.judge(exchange{status: 200}, shape{close: true}, 2); err != nil {
		t.Errorf("answers that end with the connection: %v", err)
	}
	if err := found.judge(exchange{status: 200}, shape{last: true}, 2); err == nil {
		t.Error("answers that say where they end: want an error")
	}
}

func TestLoadIsJudgedByErrorsStatusAndBytes(t *testing.T) {
	ok := exchange{status: 200, want: strings.Repeat("x", 60)}
	missing := exchange{status: 404}
	tests := []struct {
		name  string
		e     exchange
		found summary
		size  int
		want  string // part of the error; empty: none
	}{
		{"right", ok, summary{requests: 10, bytes: 1000}, 100, ""},
		{"cut off by the end", ok, summary{requests: 10, bytes: 1150}, 100, ""},
		{"no answer", ok, summary{duration: 2 * time.Second}, 100, "no answer in 2s"},
		{"refused", ok, summary{requests: 10, bytes: 1000, errors: map[string]int{"connect": 4}}, 100, "4 connections were refused"},
		{"reset", ok, summary{requests: 10, bytes: 1000, errors: map[string]int{"read": 4}}, 100, "4 connections were reset"},
		{"too slow", ok, summary{requests: 10, bytes: 1000, errors: map[string]int{"timeout": 4}}, 100, "4 answers took too long"},
		{"errors", ok, summary{requests: 10, bytes: 1000, errors: map[string]int{"status": 3}}, 100, "3 of 10 answers were not 200"},
		{"with other heads", ok, summary{requests: 10, bytes: 950}, 100, ""},
		{"too short", ok, summary{requests: 10, bytes: 350}, 100, "wrong bytes under load"},
		{"too long", ok, summary{requests: 10, bytes: 2000}, 100, "wrong bytes under load"},
		{"of varying length", ok, summary{requests: 10, bytes: 5000}, 0, ""},
		{"of varying length, too short", ok, summary{requests: 10, bytes: 599}, 0, "wrong bytes under load"},
		{"closed as asked", closing(ok), summary{requests: 10, bytes: 1000, errors: map[string]int{"read": 10}}, 100, ""},
		{"closed more often than asked", closing(ok), summary{requests: 10, bytes: 1000, errors: map[string]int{"read": 20}}, 100, "20 connections were reset"},
		{"404, as wanted", missing, summary{requests: 10, bytes: 900, errors: map[string]int{"status": 10}}, 0, ""},
		{"404 wanted", missing, summary{requests: 10, bytes: 900, errors: map[string]int{"status": 8}}, 0, "2 of 10 answers were not 404"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := test.found.judge(test.e, shape{size: test.size}, 2)
			if (err == nil) != (test.want == "") || (err != nil && !strings.Contains(err.Error(), test.want)) {
				t.Errorf("judge() = %v, want %q", err, test.want)
			}
		})
	}
}

package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"time"
)

// A call is one line of the ledger: a request has reached the application.
type call struct {
	pid int
	at  time.Duration // on the clock of monotonic
}

// readLedger returns the calls of each request by its number.
func readLedger(path string) (map[int64][]call, error) {
	text, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	calls := make(map[int64][]call)
	for line := range bytes.Lines(text) {
		var number int64
		var c call
		var seconds float64
		if _, err := fmt.Sscanf(string(line), "%d %d %f", &number, &c.pid, &seconds); err != nil {
			return nil, fmt.Errorf("%s: %q: %w", path, line, err)
		}
		c.at = time.Duration(seconds * float64(time.Second))
		calls[number] = append(calls[number], c)
	}
	return calls, nil
}

// A tally is what has become of many requests.
type tally struct {
	requests int
	ok       int
	failed   []result // of which nobody may say that they were not to succeed
	shed     int      // 503: refused for the load
	inside   int      // 502 for a request that had been in the application and may not be repeated
	// outside are such 502 for one that the ledger does not have. A worker that is
	// killed between its last word before the application's call and the ledger's
	// line has had such a request, and nobody can tell that the line was not written.
	outside int
	// unexplained are 502 without a reason or the request's name.
	unexplained int
	unasked     int // 200 for one that the ledger does not have
	repeated    int // further calls of requests that may be repeated
	doubled     int // … and of those that may not
	took        []time.Duration
}

// count sorts results with the help of the ledger. Only what is answered by the
// application counts in the times.
func count(results []result, calls map[int64][]call) tally {
	t := tally{requests: len(results)}
	for _, r := range results {
		n := len(calls[r.number])
		switch repeatable := r.method != "POST"; {
		case n > 1 && repeatable:
			t.repeated += n - 1
		case n > 1:
			t.doubled += n - 1
		}
		if r.fate == answered && r.status == 502 && (r.why == "" || !strings.Contains(r.text, "request ")) {
			t.unexplained++
		}
		switch {
		case r.ok():
			t.ok++
			t.took = append(t.took, r.took)
			if n == 0 {
				t.unasked++
			}
		case r.fate == answered && r.status == 503:
			t.shed++
		case r.fate == answered && r.status == 502 && r.method == "POST" && n > 0:
			t.inside++
		case r.fate == answered && r.status == 502 && r.method == "POST" && r.why == "worker-died":
			t.outside++
		default:
			t.failed = append(t.failed, r)
		}
	}
	return t
}

// reasons counts the failures by kind, for people.
func (t tally) reasons() string {
	kinds := map[string]int{}
	for _, r := range t.failed {
		kind := fmt.Sprintf("%s %s", r.method, r.fate)
		if r.fate == answered {
			kind = strings.TrimSpace(fmt.Sprintf("%s %d %s", r.method, r.status, r.why))
		}
		kinds[kind]++
	}
	return list(kinds)
}

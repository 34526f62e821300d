package e2e_test

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// costs are what testdata/cost.txt has accepted: system calls of the server
// process for a request, by what they are.
func costs(t *testing.T) map[string]float64 {
	t.Helper()
	file, err := os.Open(filepath.Join("testdata", "cost.txt"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	accepted := make(map[string]float64)
	for lines := bufio.NewScanner(file); lines.Scan(); {
		text, _, _ := strings.Cut(lines.Text(), "#")
		if fields := strings.Fields(text); len(fields) == 2 {
			if accepted[fields[0]], err = strconv.ParseFloat(fields[1], 64); err != nil {
				t.Fatal(err)
			}
		}
	}
	return accepted
}

// calls returns how many reads and writes the process has made of the kernel.
func calls(t *testing.T, pid int) map[string]float64 {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/io", pid))
	if err != nil {
		t.Skip(err)
	}
	counts := make(map[string]float64)
	for line := range strings.Lines(string(data)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		counts[name], _ = strconv.ParseFloat(value, 64)
	}
	return map[string]float64{"reads": counts["syscr"], "writes": counts["syscw"]}
}

// TestRequestsCostNoMoreThanAccepted counts system calls, which, unlike times,
// are the same on every machine. One that costs less than accepted is a reason
// to write the new figure down.
func TestRequestsCostNoMoreThanAccepted(t *testing.T) {
	if shortWay() != "on" {
		t.Skip("the figures are the short way's")
	}
	const requests = 3000
	server := serveWSGI(t, systemPython(t))
	conn := dial(t, server)
	ask := func() {
		conn.send("GET /plain/fields HTTP/1.1\r\nHost: x\r\n\r\n")
		if page := conn.answer("GET"); page.StatusCode != http.StatusOK {
			t.Fatal(page.Status)
		}
	}
	for range 200 {
		ask()
	}
	before := calls(t, server.ServerPID())
	for range requests {
		ask()
	}
	for name, count := range calls(t, server.ServerPID()) {
		each, accepted := (count-before[name])/requests, costs(t)[name]
		t.Logf("%s a request: %.3f, accepted %.3f", name, each, accepted)
		switch {
		case each > accepted*1.05:
			t.Errorf("%s a request: %.3f, accepted are %.3f", name, each, accepted)
		case each < accepted*0.90:
			t.Errorf("%s a request: %.3f: write that into testdata/cost.txt, which has %.3f", name, each, accepted)
		}
	}
}

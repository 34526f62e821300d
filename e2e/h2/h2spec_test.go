package h2_test

import (
	"encoding/xml"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A suite is one of h2spec's sections in its report.
type suite struct {
	Package string `xml:"package,attr"`
	Cases   []struct {
		Name    string    `xml:"classname,attr"`
		Failure *struct{} `xml:"failure"`
		Error   *struct{} `xml:"error"`
		Skipped *struct{} `xml:"skipped"`
	} `xml:"testcase"`
}

// allowed are the cases that h2spec finds wrong and RFC 9113 does not.
var allowed = map[string]string{
	"http2/3.5: Sends invalid connection preface": `What does not begin with the preface is HTTP/1.1 on this
		port, and is answered in it: "an invalid preface indicates that the peer is not using HTTP/2" (3.4).`,
}

// TestH2specFindsNothing runs all of h2spec, its stricter cases included.
func TestH2specFindsNothing(t *testing.T) {
	s := start(t, "h2.ini")
	host, port, err := net.SplitHostPort(s.Addr)
	if err != nil {
		t.Fatal(err)
	}
	report := filepath.Join(t.TempDir(), "report.xml")
	cmd := exec.Command("go", "tool", "-modfile=tools/go.mod", "h2spec",
		"-h", host, "-p", port, "--strict", "--timeout", "5", "-j", report, "generic", "hpack", "http2")
	cmd.Dir = filepath.Join("..", "..")
	out, runErr := cmd.CombinedOutput()
	data, err := os.ReadFile(report)
	if err != nil {
		t.Fatalf("h2spec: %v\n%s", runErr, out)
	}
	var all struct {
		Suites []suite `xml:"testsuite"`
	}
	if err := xml.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	cases := 0
	for _, suite := range all.Suites {
		for _, c := range suite.Cases {
			cases++
			name := suite.Package + ": " + c.Name
			failed := c.Failure != nil || c.Error != nil || c.Skipped != nil
			switch _, ok := allowed[name]; {
			case failed && !ok:
				t.Error(name)
			case !failed && ok:
				t.Errorf("no failure any more: %s", name)
			}
		}
	}
	if cases < 140 {
		t.Errorf("h2spec has run %d cases, want all", cases)
	}
	if t.Failed() {
		text := string(out)
		if at := strings.Index(text, "Failures:"); at >= 0 {
			text = text[at:]
		}
		t.Log(text)
	}
}

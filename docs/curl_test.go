package docs_test

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// curl does what curl would do with the few options that the pages use, -i,
// -s, -d, -H, -T and -X, and returns what it would print; fields are sorted.
func curl(t *testing.T, dir string, args []string) string {
	t.Helper()
	request, showHead := parseCurl(t, dir, args)
	client := http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if showHead {
		fmt.Fprintf(&out, "%s %s\n", answer.Proto, answer.Status)
		for _, name := range slices.Sorted(maps.Keys(answer.Header)) {
			fmt.Fprintf(&out, "%s: %s\n", name, strings.Join(answer.Header[name], ", "))
		}
		out.WriteString("\n")
	}
	out.Write(body)
	if text := out.String(); text == "" || strings.HasSuffix(text, "\n") {
		return text
	}
	return out.String() + "\n"
}

func parseCurl(t *testing.T, dir string, args []string) (request *http.Request, showHead bool) {
	t.Helper()
	method, url, header := "", "", http.Header{}
	var body []byte
	for i := 0; i < len(args); i++ {
		switch arg := args[i]; arg {
		case "-i":
			showHead = true
		case "-s":
		case "-d", "-H", "-T", "-X":
			i++
			switch value := args[i]; arg {
			case "-d":
				method, body = "POST", []byte(value)
			case "-H":
				name, text, _ := strings.Cut(value, ":")
				header.Set(name, strings.TrimSpace(text))
			case "-X":
				method = value
			case "-T":
				data, err := os.ReadFile(filepath.Join(dir, value))
				if err != nil {
					t.Fatal(err)
				}
				method, body = "PUT", data
			}
		default:
			url = arg
		}
	}
	request, err := http.NewRequest(method, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header = header
	return request, showHead
}

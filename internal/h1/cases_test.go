package h1_test

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"pasted/internal/h1"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "rewrite what the cases in testdata want")

// TestCases reads the cases in testdata/cases. A file is about one rule, which
// its opening lines say, with the paragraphs. In it each case is a part named
// after what it shows, all that a client sends, followed by one named want:
// what becomes of it. In the first, line ends of the file count for nothing,
// and \r, \n, \t, \\ and \xNN for what they say. A line "limits: Fields=3" at
// the top sets limits for all of the file.
func TestCases(t *testing.T) {
	for _, file := range caseFiles(t) {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			limits := limitsOf(t, archive)
			for i := 0; i+1 < len(archive.Files); i += 2 {
				input, want := archive.Files[i], &archive.Files[i+1]
				if want.Name != "want" {
					t.Fatalf("part %q stands where the outcome of %q should", want.Name, input.Name)
				}
				t.Run(input.Name, func(t *testing.T) {
					testCase(t, limits, unescape(t, input.Data), want)
				})
			}
			if *update {
				if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// testCase holds one case to its outcome, whole, byte by byte and in pieces.
func testCase(t *testing.T, limits h1.Limits, input []byte, want *txtar.File) {
	got := outcome(limits, input)
	if *update {
		want.Data = []byte(got)
		return
	}
	if diff := cmp.Diff(string(want.Data), got); diff != "" {
		t.Errorf("whole (-want +got)\n%s", diff)
	}
	if pieces := outcome(limits, split(input, func() int { return 1 })...); pieces != got {
		t.Errorf("byte by byte (-whole +pieces)\n%s", cmp.Diff(got, pieces))
	}
	for seed := range uint64(8) {
		random := rand.New(rand.NewPCG(seed, 0))
		size := 1 + int(seed)*4
		cut := func() int { return 1 + random.IntN(size) }
		if pieces := outcome(limits, split(input, cut)...); pieces != got {
			t.Errorf("in pieces, seed %d (-whole +pieces)\n%s", seed, cmp.Diff(got, pieces))
		}
	}
}

// split cuts data into pieces, each as long as size says.
func split(data []byte, size func() int) (pieces [][]byte) {
	for len(data) > 0 {
		n := min(size(), len(data))
		pieces = append(pieces, data[:n])
		data = data[n:]
	}
	return pieces
}

func caseFiles(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "cases", "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	return files
}

func limitsOf(t testing.TB, archive *txtar.Archive) (limits h1.Limits) {
	t.Helper()
	for line := range strings.Lines(string(archive.Comment)) {
		settings, ok := strings.CutPrefix(line, "limits:")
		if !ok {
			continue
		}
		for _, setting := range strings.Fields(settings) {
			name, value, _ := strings.Cut(setting, "=")
			field := reflect.ValueOf(&limits).Elem().FieldByName(name)
			if field.Kind() == reflect.Bool {
				field.SetBool(value == "true")
				continue
			}
			number, err := strconv.ParseInt(value, 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			field.SetInt(number)
		}
	}
	return limits
}

func unescape(t testing.TB, text []byte) []byte {
	t.Helper()
	var out []byte
	text = bytes.ReplaceAll(text, []byte("\n"), nil)
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' {
			out = append(out, text[i])
			continue
		}
		i++
		switch text[i] {
		case 'r':
			out = append(out, '\r')
		case 'n':
			out = append(out, '\n')
		case 't':
			out = append(out, '\t')
		case '\\':
			out = append(out, '\\')
		case 'x':
			code, err := strconv.ParseUint(string(text[i+1:i+3]), 16, 8)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, byte(code))
			i += 2
		default:
			t.Fatalf("no such escape: \\%c", text[i])
		}
	}
	return out
}

// TestEveryRefusalHasACase keeps a rule from being written and never tried.
func TestEveryRefusalHasACase(t *testing.T) {
	var wanted strings.Builder
	for _, file := range caseFiles(t) {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range archive.Files {
			if part.Name == "want" {
				wanted.Write(part.Data)
			}
		}
	}
	names := make(map[string]bool)
	for _, refusal := range h1.Refusals() {
		if names[refusal.Name] {
			t.Errorf("two refusals are called %q", refusal.Name)
		}
		names[refusal.Name] = true
		if !strings.Contains(wanted.String(), fmt.Sprintf("refused %d %s at", refusal.Code, refusal.Name)) {
			t.Errorf("no case is refused as %d %s", refusal.Code, refusal.Name)
		}
	}
}

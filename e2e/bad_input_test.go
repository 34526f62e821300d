package e2e_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"pasted/e2e/harness"
)

// refuseLimit is how long a refusal may take: the import, the question to an
// interpreter that does not answer, and a busy machine.
const refuseLimit = 30 * time.Second

// TestBadInputIsRefused runs the command line of each file in testdata/bad in
// a folder with the file's files, and wants the exit code and, in that order,
// lines of stderr that match. Nothing may be left running, and nothing served.
//
// {port} is a free port, {taken} one that another listens on, {python} an
// interpreter with waitress and without Paste's own applications, {python27}
// one that is too old.
func TestBadInputIsRefused(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "bad", "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			refused(t, archive)
		})
	}
}

func refused(t *testing.T, archive *txtar.Archive) {
	t.Helper()
	port := harness.Port(t)
	fill := placeholders(t, archive, port)
	for i, f := range archive.Files {
		archive.Files[i].Data = []byte(fill.Replace(string(f.Data)))
	}
	dir := t.TempDir()
	writeFiles(t, archive, dir)
	for _, f := range archive.Files {
		if strings.HasPrefix(string(f.Data), "#!") {
			if err := os.Chmod(filepath.Join(dir, f.Name), 0o755); err != nil {
				t.Fatal(err)
			}
		}
	}
	server := harness.Launch(t, harness.Options{
		Binary: race(t), Dir: dir, Args: strings.Fields(section(t, archive, "cmd")), Port: port,
	})
	code := server.Exit(refuseLimit)
	if want := strings.TrimSpace(section(t, archive, "exit")); !matches(want, strconv.Itoa(code)) {
		t.Errorf("exit code %d, want %s", code, want)
	}
	if server.Serving() {
		t.Error("it says that it serves")
	}
	if rest := missing(server.Stderr.String(), section(t, archive, "stderr")); rest != "" {
		t.Errorf("no line of stderr matches, after those before it: %s", rest)
	}
}

func matches(pattern, text string) bool {
	return regexp.MustCompile(`^(?:` + pattern + `)$`).MatchString(text)
}

// missing returns the first of the patterns, one a line, that no line of text
// matches after the lines that have matched those before it.
func missing(text, patterns string) string {
	lines := strings.Split(text, "\n")
	for pattern := range strings.Lines(patterns) {
		pattern = strings.TrimSuffix(pattern, "\n")
		re, found := regexp.MustCompile(pattern), false
		for !found && len(lines) > 0 {
			found, lines = re.MatchString(lines[0]), lines[1:]
		}
		if !found {
			return pattern
		}
	}
	return ""
}

// placeholders makes what stands in braces in the archive.
func placeholders(t *testing.T, archive *txtar.Archive, port int) *strings.Replacer {
	t.Helper()
	pairs := []string{"{port}", strconv.Itoa(port), "{python}", systemPython(t)}
	text := string(txtar.Format(archive))
	if strings.Contains(text, "{taken}") {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		pairs = append(pairs, "{taken}", fmt.Sprint(l.Addr().(*net.TCPAddr).Port))
	}
	return strings.NewReplacer(pairs...)
}

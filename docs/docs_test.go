// Package docs_test holds the documentation to the program: it runs the
// examples of every page, follows the links, and wants each option described.
//
// In a page, a fenced block says by its tag what it is for:
//
//	ini file=NAME, python file=NAME   a file, written where the commands run
//	console                           commands after "$ ", each with its output
//	log                               lines that the server then writes, all to
//	                                  standard error or all to standard output
//
// A server that a page starts serves until the page serves another file, or ends.
// The port 8080 stands for one that is free. In output, "…" is any text, or
// any lines where it stands alone.
package docs_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
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

// dependOnSources looks at every file that the program is made of. go test
// keeps the result of a test for as long as the files that it has looked at
// stay the same, and does not see those that a build behind it reads.
func dependOnSources(t *testing.T) {
	t.Helper()
	for _, dir := range []string{"../cmd", "../internal", "../paste", "../python", "../go.mod"} {
		err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
			if err == nil {
				_, err = os.Stat(path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestExamplesDoWhatThePagesSay(t *testing.T) {
	dependOnSources(t)
	files, err := filepath.Glob("*.md")
	if err != nil || len(files) == 0 {
		t.Fatalf("no pages: %v", err)
	}
	binary, err := binaries.Plain()
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(file, ".md"), func(t *testing.T) {
			t.Parallel()
			blocks := blocksOf(t, file)
			if len(blocks) == 0 {
				t.Skip("nothing to run")
			}
			p := &page{t: t, name: file, dir: t.TempDir(), binary: binary, port: harness.Port(t)}
			for _, b := range blocks {
				p.run(b)
			}
		})
	}
}

// A block is a fenced block that the test has to do with.
type block struct {
	line int    // of its opening fence
	lang string // ini, python, console, log
	file string // NAME of file=NAME
	text string
}

var opening = regexp.MustCompile("^```(ini|python|console|log)(?: file=(\\S+))?$")

// blocksOf returns the blocks of a page that are to be run.
func blocksOf(t *testing.T, file string) []block {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var blocks []block
	var open *block
	for i, line := range strings.Split(string(data), "\n") {
		match := opening.FindStringSubmatch(line)
		switch {
		case open != nil && line == "```":
			if open.file != "" || open.lang == "console" || open.lang == "log" {
				blocks = append(blocks, *open)
			}
			open = nil
		case open != nil:
			open.text += line + "\n"
		case match != nil:
			open = &block{line: i + 1, lang: match[1], file: match[2]}
		}
	}
	return blocks
}

// A page is one page that is being followed.
type page struct {
	t      *testing.T
	name   string
	dir    string
	binary string
	port   int
	server *harness.Server // the one that serves, if any
	served string          // its file
	code   int             // exit code of the last command
}

// rewrite puts the page's port in the place of 8080.
func (p *page) rewrite(text string) string {
	return strings.ReplaceAll(text, "8080", strconv.Itoa(p.port))
}

func (p *page) run(b block) {
	p.t.Helper()
	switch text := p.rewrite(b.text); {
	case b.file != "":
		p.write(b.file, text)
	case b.lang == "log":
		p.awaitLog(b.line, text)
	default:
		for _, c := range commandsOf(text) {
			p.command(b.line, c)
		}
	}
}

func (p *page) write(name, text string) {
	p.t.Helper()
	path := filepath.Join(p.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		p.t.Fatal(err)
	}
}

// awaitLog waits until the server has written the lines, in that order.
func (p *page) awaitLog(line int, text string) {
	p.t.Helper()
	if p.server == nil {
		p.t.Fatalf("%s:%d: no server runs", p.name, line)
	}
	want := pattern("…\n" + strings.ReplaceAll(text, "\n", "\n…\n"))
	harness.Await(p.t, 10*time.Second, fmt.Sprintf("the lines of %s:%d in the log", p.name, line), func() bool {
		return want.MatchString(p.server.Stderr.String()) || want.MatchString(p.server.Stdout.String())
	})
}

// A command is one line after "$ " and the output that it is to have.
type command struct {
	words  []string
	output string
}

// commandsOf takes a console block apart.
func commandsOf(text string) []command {
	var commands []command
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, "$ "); ok {
			commands = append(commands, command{words: wordsOf(rest)})
		} else if n := len(commands); n > 0 {
			commands[n-1].output += line
		}
	}
	return commands
}

// wordsOf splits a command line as a shell does, of whose quotes it knows the
// single ones.
func wordsOf(line string) []string {
	var words []string
	for i, part := range strings.Split(strings.TrimSpace(line), "'") {
		if i%2 == 1 {
			words = append(words, part)
			continue
		}
		words = append(words, strings.Fields(part)...)
	}
	return words
}

// command runs c and compares its output.
func (p *page) command(line int, c command) {
	p.t.Helper()
	var got string
	switch {
	case c.words[0] == "pasted" && strings.Contains("\n"+c.output, "\nserving "):
		got = p.serve(c.words[1:])
	case c.words[0] == "pasted" && c.words[1] == "status":
		// A client may have its answer before the books have it.
		for deadline := time.Now().Add(10 * time.Second); ; {
			got = p.pasted(c.words[1:])
			if pattern(c.output).MatchString(got) || time.Now().After(deadline) {
				break
			}
		}
	case c.words[0] == "pasted":
		got = p.pasted(c.words[1:])
	case c.words[0] == "curl":
		got = curl(p.t, p.dir, c.words[1:])
	case strings.Join(c.words, " ") == "echo $?":
		got = strconv.Itoa(p.code) + "\n"
	default:
		p.t.Fatalf("%s:%d: %q: want pasted, curl or echo $?", p.name, line, c.words[0])
	}
	if !pattern(c.output).MatchString(got) {
		p.t.Errorf("%s:%d: %s prints\n%s\nwant\n%s", p.name, line, strings.Join(c.words, " "), got, c.output)
	}
}

func (p *page) options(args []string) harness.Options {
	return harness.Options{
		Binary: p.binary, Dir: p.dir, Args: args, Port: p.port,
		Env: []string{"VIRTUAL_ENV=", "LC_ALL=C.UTF-8"},
	}
}

// serve starts a server, in the place of the one before, and returns what it
// prints.
func (p *page) serve(args []string) string {
	p.t.Helper()
	p.stop()
	p.server = harness.Start(p.t, p.options(args))
	p.served = args[len(args)-1]
	return p.server.Stdout.String()
}

func (p *page) stop() {
	p.t.Helper()
	if p.server != nil {
		p.server.Stop()
	}
	p.server = nil
}

// pasted runs a command to its end and returns what it prints.
func (p *page) pasted(args []string) string {
	p.t.Helper()
	if args[0] == "serve" && args[len(args)-1] != p.served {
		p.stop()
	}
	options := p.options(args)
	options.Port = 0 // another server may have it: this one is not to get it
	if args[0] == "status" && p.server != nil {
		options.Env = append(options.Env, "XDG_RUNTIME_DIR="+p.server.Temp())
	}
	s := harness.Launch(p.t, options)
	p.code = s.Exit(30 * time.Second)
	return s.Stdout.String() + s.Stderr.String()
}

// pattern makes a regular expression of output with "…" in it.
func pattern(output string) *regexp.Regexp {
	var re strings.Builder
	re.WriteString(`\A`)
	for line := range strings.Lines(output) {
		line = strings.TrimSuffix(line, "\n")
		if line == "…" {
			re.WriteString(`(?:.*\n)*?`)
			continue
		}
		re.WriteString(strings.ReplaceAll(regexp.QuoteMeta(line), "…", ".*") + `[ ]*\n`)
	}
	re.WriteString(`\z`)
	return regexp.MustCompile(re.String())
}

package main

import (
	"path/filepath"
	"strconv"
	"strings"
)

// An application is one of those that every peer serves.
type application struct {
	title  string
	module string // in bench/apps, with "application" in it, and a file MODULE.ini
}

// A peer is a server beside others.
type peer struct {
	name string
	note string // what is not the same as with the others
	argv string // with blanks between, and placeholders; see setup.argv
}

func applications() []application {
	return []application{
		{title: "hello, plain WSGI", module: "hello"},
		{title: "hello, Flask", module: "flask_hello"},
	}
}

// peers returns those that are measured. Pasted is the first: ratios are to it.
func peers() []peer {
	return []peer{
		{
			name: "Pasted",
			argv: "{pasted} serve -q {apps}/{module}.ini bench_port={port} bench_workers={workers} bench_threads={threads} bench_python={bin}/python",
		},
		{
			name: "gunicorn, gthread",
			argv: "{bin}/gunicorn -k gthread -w {workers} --threads {threads} -b 127.0.0.1:{port} --log-level error --chdir {apps} {module}:application",
		},
		{
			name: "gunicorn, sync",
			note: "it has no threads and no keep-alive",
			argv: "{bin}/gunicorn -k sync -w {workers} -b 127.0.0.1:{port} --log-level error --chdir {apps} {module}:application",
		},
		{
			name: "waitress",
			note: "it has one process, here with as many threads as the others have together",
			argv: "{bin}/waitress-serve --listen=127.0.0.1:{port} --threads={lanes} {module}:application",
		},
	}
}

// A setup is what stands for the placeholders, the same for all peers.
type setup struct {
	pasted  string // path of the program
	bin     string // of the virtual environment
	apps    string // folder of the applications
	workers int
	threads int
}

// argv fills p's placeholders.
func (s setup) argv(p peer, app application, port int) []string {
	fill := strings.NewReplacer(
		"{pasted}", s.pasted, "{bin}", s.bin, "{apps}", s.apps, "{module}", app.module,
		"{port}", strconv.Itoa(port), "{workers}", strconv.Itoa(s.workers),
		"{threads}", strconv.Itoa(s.threads), "{lanes}", strconv.Itoa(s.workers*s.threads),
	)
	words := strings.Fields(p.argv)
	for i, word := range words {
		words[i] = fill.Replace(word)
	}
	return words
}

// newSetup returns the setup of the repository at root.
func newSetup(root, pasted string) (setup, error) {
	s := setup{workers: 2, threads: 4}
	for path, name := range map[*string]string{
		&s.pasted: pasted, &s.bin: filepath.Join(root, environment, "bin"), &s.apps: filepath.Join(root, "bench", "apps"),
	} {
		absolute, err := filepath.Abs(name)
		if err != nil {
			return s, err
		}
		*path = absolute
	}
	return s, nil
}

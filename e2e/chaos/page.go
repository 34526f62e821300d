package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
)

// writePage writes docs/compare.md.
func writePage(path string, l lab, outcomes []outcome) error {
	var b strings.Builder
	b.WriteString("# Beside gunicorn and uWSGI\n\n")
	b.WriteString("Written by `make chaos`. A strict client, which never asks twice, counts what it\n")
	b.WriteString("notices while things go wrong; the application keeps a ledger of its calls, which\n")
	b.WriteString("tells what was done twice. All servers have the same application, as many\n")
	b.WriteString("processes and threads, and keep connections alive. What is asked of Pasted stands\n")
	b.WriteString("in the last column.\n\n")
	fmt.Fprintf(&b, "- %s, %d cores, the client on them, too\n", processor(), runtime.NumCPU())
	for _, version := range []struct{ name, argv string }{
		{"", l.pasted + " --version"}, {"", l.bin("python") + " --version"},
		{"", l.bin("gunicorn") + " --version"}, {"uWSGI ", l.bin("uwsgi") + " --version"},
	} {
		if line := said(version.argv); line != "" {
			fmt.Fprintf(&b, "- %s%s\n", version.name, line)
		}
	}
	last := ""
	for _, o := range outcomes {
		if o.trial.name != last {
			last = o.trial.name
			fmt.Fprintf(&b, "\n## %s\n", strings.ToUpper(o.trial.about[:1])+o.trial.about[1:])
		}
		fmt.Fprintf(&b, "\n| %s | | to reach |\n| --- | --- | --- |\n", o.server)
		if o.err != nil {
			fmt.Fprintf(&b, "| failed | %s | |\n", strings.ReplaceAll(strings.ReplaceAll(firstLine(o.err.Error()), l.venv+"/", ""), "|", "\\|"))
		}
		for _, f := range o.findings {
			fmt.Fprintf(&b, "| %s | %s | %s |\n", f.what, f.got, verdict(f))
		}
	}
	return os.WriteFile(path, []byte(b.String()), 0o644)
}

func verdict(f finding) string {
	switch {
	case f.want == "":
		return ""
	case f.ok:
		return f.want + " ✓"
	default:
		return f.want + " ✗"
	}
}

func processor() string {
	text, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

// said returns the first line that a command prints.
func said(argv string) string {
	words := strings.Fields(argv)
	out, err := exec.Command(words[0], words[1:]...).CombinedOutput()
	if err != nil {
		return ""
	}
	return firstLine(string(out))
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return line
}

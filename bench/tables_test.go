package main

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

func TestCommandsHaveNoPlaceholdersLeft(t *testing.T) {
	s, err := newSetup("..", "../bin/pasted")
	if err != nil {
		t.Fatal(err)
	}
	at := site{setup: s, module: "hello", dir: t.TempDir(), outer: 1, inner: 2}
	for _, p := range peers() {
		for _, c := range []command{p.server, p.proxy} {
			argv, err := at.argv(c)
			if err != nil {
				t.Fatalf("%s: %v", p.name, err)
			}
			if slices.ContainsFunc(argv, func(word string) bool { return strings.ContainsAny(word, "{}") }) {
				t.Errorf("%s: %q", p.name, argv)
			}
		}
	}
}

func TestTemplatesHaveNoPlaceholdersLeft(t *testing.T) {
	s, err := newSetup("..", "../bin/pasted")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range peers() {
		for _, c := range []command{p.server, p.proxy} {
			if c.config == "" {
				continue
			}
			at := site{setup: s, module: "hello", dir: t.TempDir(), outer: 1, inner: 2}
			if _, err := at.argv(c); err != nil {
				t.Fatal(err)
			}
			text, err := os.ReadFile(at.dir + "/" + c.config)
			if err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(string(text)) {
				code, _, _ := strings.Cut(line, "#")
				if open := strings.Index(code, "{"); open >= 0 && strings.Contains(code[open:], "}") && !strings.Contains(code, "{ path_beg") {
					t.Errorf("%s: %s", p.name, line)
				}
			}
		}
	}
}

func TestEveryPartOfAPeerIsKnown(t *testing.T) {
	known := map[string]bool{}
	for _, p := range parts() {
		known[p.name] = true
		if p.python {
			if _, err := os.Stat("requirements/" + p.name + ".txt"); err != nil {
				t.Error(err)
			}
		}
	}
	for _, p := range peers() {
		for _, name := range p.parts {
			if !known[name] {
				t.Errorf("%s needs %s, which parts() does not have", p.name, name)
			}
		}
	}
}

func TestNamesAreUniqueAndPlansNameWhatThereIs(t *testing.T) {
	var keys, names []string
	for _, r := range rows() {
		if slices.Contains(keys, r.key) {
			t.Errorf("two rows %s", r.key)
		}
		keys = append(keys, r.key)
		if len(r.figures) == 0 || r.load == nil {
			t.Errorf("row %s has no figures or no load", r.key)
		}
		for _, name := range r.extra {
			if !slices.ContainsFunc(peers(), func(p peer) bool { return p.name == name }) {
				t.Errorf("row %s measures %q, which is no peer", r.key, name)
			}
		}
	}
	for _, p := range peers() {
		if slices.Contains(names, p.name) {
			t.Errorf("two peers %s", p.name)
		}
		names = append(names, p.name)
	}
	for _, p := range []plan{fullPlan(), quickPlan()} {
		if err := p.check(); err != nil {
			t.Error(err)
		}
	}
	for _, g := range goals() {
		if !slices.Contains(keys, g.row) {
			t.Errorf("a goal for row %s, which there is not", g.row)
		}
	}
}

func TestPlanThatNamesNothingIsAnError(t *testing.T) {
	for _, p := range []plan{{Rows: []string{"helo"}}, {Peers: []string{"Pasted", "apache"}}} {
		if err := p.check(); err == nil {
			t.Errorf("%+v: want an error", p)
		}
	}
}

func TestApplicationsAreThoseOfTheRows(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no python3")
	}
	for _, r := range rows() {
		source := "apps/" + r.module + ".py"
		if out, err := exec.Command(python, "-c", "import ast, sys; ast.parse(open(sys.argv[1]).read())", source).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", source, err, out)
		}
	}
}

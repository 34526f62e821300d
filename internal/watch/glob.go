package watch

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"unicode/utf8"
)

// hasMagic says whether name is a pattern.
func hasMagic(name string) bool { return strings.ContainsAny(name, "*?[") }

// A matcher is a pattern of Python's fnmatch, in which * stands for any
// characters, slashes included.
type matcher struct {
	literal string
	re      *regexp.Regexp // nil: literal alone matches
}

// compile returns the matcher of a pattern. One that means nothing, such as
// "[z-a]", matches itself.
func compile(pattern string) matcher {
	re, err := regexp.Compile(`(?s)\A(?:` + translate(pattern) + `)\z`)
	if err != nil {
		return matcher{literal: pattern}
	}
	return matcher{pattern, re}
}

func (m matcher) matches(name string) bool {
	return m.re == nil && name == m.literal || m.re != nil && m.re.MatchString(name)
}

// translate is Python's fnmatch.translate.
func translate(pattern string) string {
	var re strings.Builder
	for rest := pattern; rest != ""; {
		c, size := utf8.DecodeRuneInString(rest)
		quoted := regexp.QuoteMeta(rest[:size])
		rest = rest[size:]
		switch c {
		case '*':
			re.WriteString(".*")
		case '?':
			re.WriteString(".")
		case '[':
			set, after, ok := bracket(rest)
			if !ok {
				re.WriteString(`\[`)
				continue
			}
			re.WriteString(set)
			rest = after
		default:
			re.WriteString(quoted)
		}
	}
	return re.String()
}

// bracket reads a set behind its opening bracket. A bracket that nothing closes
// stands for itself, and one that comes first is in the set.
func bracket(text string) (set, after string, ok bool) {
	body, not := strings.CutPrefix(text, "!")
	end := -1
	if body != "" {
		end = strings.IndexByte(body[1:], ']') + 1
	}
	if end <= 0 {
		return "", "", false
	}
	set = strings.NewReplacer(`\`, `\\`, `[`, `\[`, `]`, `\]`, `^`, `\^`).Replace(body[:end])
	if not {
		set = "^" + set
	}
	return "[" + set + "]", body[end+1:], true
}

// A pattern is one of Python's glob with recursive=True: * and ? stop at
// slashes, ** is any number of directories, and what begins with a dot is
// matched only by what does so too.
type pattern struct {
	round    int
	segments []segment
}

// A segment is what stands between two slashes.
type segment struct {
	text string
	matcher
}

const anyDirs = "**"

func newPattern(name string) *pattern {
	p := new(pattern)
	for text := range strings.SplitSeq(strings.TrimPrefix(name, "/"), "/") {
		if n := len(p.segments); text == anyDirs && n > 0 && p.segments[n-1].text == anyDirs {
			continue // the same, in far fewer steps
		}
		p.segments = append(p.segments, segment{text, compile(text)})
	}
	return p
}

// takes says whether s, which is not **, is the name's.
func (s segment) takes(name string) bool {
	if strings.HasPrefix(name, ".") && !strings.HasPrefix(s.text, ".") {
		return false
	}
	return s.matches(name)
}

// matches says whether an absolute name is one of p's.
func (p *pattern) matches(name string) bool {
	return matchSegments(p.segments, strings.Split(strings.TrimPrefix(name, "/"), "/"))
}

func matchSegments(segments []segment, names []string) bool {
	switch {
	case len(segments) == 0:
		return len(names) == 0
	case segments[0].text == anyDirs:
		if matchSegments(segments[1:], names) {
			return true
		}
		return len(names) > 0 && !strings.HasPrefix(names[0], ".") && matchSegments(segments, names[1:])
	}
	return len(names) > 0 && segments[0].takes(names[0]) && matchSegments(segments[1:], names[1:])
}

// expand returns the names that pattern has.
func expand(pattern string) []string {
	var found []string
	walk("/", newPattern(pattern).segments, func(name string, isDir bool) { found = append(found, name) })
	return found
}

// dirs returns the directories in which new files may be p's.
func (p *pattern) dirs() []string {
	var dirs []string
	last := len(p.segments) - 1
	if p.segments[last].text == anyDirs {
		last++
	}
	walk("/", p.segments[:last], func(name string, isDir bool) {
		if isDir {
			dirs = append(dirs, name)
		}
	})
	return dirs
}

// walk calls found for every name in dir that segments lead to. Directories
// that ** goes through are not those behind symbolic links, which may lead in
// a circle.
func walk(dir string, segments []segment, found func(name string, isDir bool)) {
	if len(segments) == 0 {
		if info, err := os.Stat(dir); err == nil {
			found(dir, info.IsDir())
		}
		return
	}
	first, rest := segments[0], segments[1:]
	switch {
	case first.text == anyDirs:
		walkAny(dir, segments, found)
	case !hasMagic(first.text):
		walk(filepath.Join(dir, first.text), rest, found)
	default:
		entries, _ := os.ReadDir(dir)
		for _, e := range entries {
			if first.takes(e.Name()) {
				walk(filepath.Join(dir, e.Name()), rest, found)
			}
		}
	}
}

// walkAny is walk for segments that begin with **.
func walkAny(dir string, segments []segment, found func(name string, isDir bool)) {
	walk(dir, segments[1:], found)
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		name := filepath.Join(dir, e.Name())
		switch {
		case strings.HasPrefix(e.Name(), "."):
		case e.IsDir():
			walkAny(name, segments, found)
		case len(segments) == 1: // a last ** has files, too
			walk(name, nil, found)
		}
	}
}

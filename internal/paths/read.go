package paths

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"pasted/internal/setting"
	"pasted/internal/spelling"
)

// Limits of a table.
const (
	mostSegments = 64
	longestPath  = 4096
)

// said is a rule as it stands in the file: what it does not say is nil.
type said struct {
	option     string // its name in the file
	segments   []string
	words      []string // names of those that it has
	timeout    *time.Duration
	idempotent *bool
	bodyBuffer *bool
	priority   *Priority
	cancel     *bool
}

// words are what a rule may say, each with what reads it.
var words = []struct {
	name string
	read func(rule *said, text string) error
}{
	{"timeout", func(rule *said, text string) (err error) {
		rule.timeout, err = some(setting.Duration(text, time.Millisecond, 7*24*time.Hour))
		return err
	}},
	{"idempotent", func(rule *said, text string) (err error) {
		rule.idempotent, err = some(setting.Bool(text))
		return err
	}},
	{"body_buffer", func(rule *said, text string) (err error) {
		rule.bodyBuffer, err = some(setting.Bool(text))
		return err
	}},
	{"priority", func(rule *said, text string) error {
		name, err := setting.OneOf(text, "high", "normal", "low")
		priority := map[string]Priority{"high": High, "low": Low}[name]
		rule.priority = &priority
		return err
	}},
	{"cancel_on_disconnect", func(rule *said, text string) (err error) {
		rule.cancel, err = some(setting.Bool(text))
		return err
	}},
}

func some[T any](value T, err error) (*T, error) { return &value, err }

// Read reads the options of [pasted:paths] out of r, all of them. A table
// without rules is nil. Mistakes are noted in r.
func Read(r *setting.Reader) *Table {
	var rules []*said
	byPath := map[string]*said{}
	for _, o := range r.Unused() {
		rule := &said{option: o.Name}
		if !r.Read(o.Name, func(string) error { return rule.setPath(o.Name) }) {
			continue
		}
		path := strings.Join(rule.segments, "/")
		if other := byPath[path]; other != nil {
			r.Refuse(o.Name, "one rule for a path: "+other.option+" is the same")
			continue
		}
		byPath[path] = rule
		for _, word := range split(r, o) {
			r.Read(o.Name, func(string) error { return rule.setWord(word) })
		}
		rules = append(rules, rule)
	}
	if len(rules) == 0 {
		return nil
	}
	return newTable(rules)
}

// split returns the words of a rule, of which there must be one.
func split(r *setting.Reader, o setting.Option) []string {
	list := setting.List(o.Value)
	if len(list) == 0 {
		r.Refuse(o.Name, "words such as "+example)
	}
	for _, word := range list {
		if strings.HasPrefix(word, "=") || strings.HasSuffix(word, "=") {
			r.Refuse(o.Name, "words such as "+example+", without space around =, and a path without : and =, which end an option's name")
			return nil
		}
	}
	return list
}

const example = "timeout=5m or body_buffer=off"

// setPath reads the rule's path.
func (rule *said) setPath(path string) error {
	switch {
	case !strings.HasPrefix(path, "/"):
		return errors.New("want a path that begins with / as the option's name")
	case len(path) > longestPath || strings.Count(path, "/") > mostSegments:
		return fmt.Errorf("want a path of %d segments and %d bytes at most", mostSegments, longestPath)
	case path != "/":
		rule.segments = strings.Split(strings.TrimSuffix(path, "/")[1:], "/")
	}
	for _, segment := range rule.segments {
		switch {
		case segment == "":
			return errors.New("want a path without empty segments")
		case strings.Contains(segment, "*") && segment != "*":
			return fmt.Errorf("want * alone between slashes, for any one segment, not %q", segment)
		case isEncoded(segment):
			return fmt.Errorf("want the path as it is when decoded, not %q", segment)
		}
	}
	return nil
}

// isEncoded says whether a segment has a percent-encoded byte in it.
func isEncoded(segment string) bool {
	for i := 0; i+2 < len(segment); i++ {
		if segment[i] == '%' && isHex(segment[i+1]) && isHex(segment[i+2]) {
			return true
		}
	}
	return false
}

func isHex(c byte) bool { return strings.IndexByte("0123456789abcdefABCDEF", c) >= 0 }

// setWord reads one word of the rule's.
func (rule *said) setWord(text string) error {
	name, value, ok := strings.Cut(text, "=")
	names := make([]string, len(words))
	for i, word := range words {
		names[i] = word.name
		if word.name != name {
			continue
		}
		if !ok {
			return fmt.Errorf("want %s= and a value", name)
		}
		if slices.Contains(rule.words, name) {
			return fmt.Errorf("want %s once", name)
		}
		rule.words = append(rule.words, name)
		if err := word.read(rule, value); err != nil {
			return fmt.Errorf("%s: %w", text, err)
		}
		return nil
	}
	if near := spelling.Nearest(name, names); near != "" {
		return fmt.Errorf("unknown word %q: did you mean %q?", name, near)
	}
	return fmt.Errorf("unknown word %q: want one of %s", name, strings.Join(names, ", "))
}

// newTable returns the table of rules with different paths.
func newTable(rules []*said) *Table {
	t := new(Table)
	for _, rule := range rules {
		t.root.place(rule.segments).rule = rule.complete(rules)
	}
	return t
}

// place returns the node for a rule of these segments, made if need be.
func (n *node) place(segments []string) *node {
	for _, segment := range segments {
		child := n.children[segment]
		if segment == "*" {
			child = n.any
		}
		if child == nil {
			child = new(node)
			switch {
			case segment == "*":
				n.any = child
			case n.children == nil:
				n.children = map[string]*node{segment: child}
			default:
				n.children[segment] = child
			}
		}
		n = child
	}
	return n
}

// complete returns rule with what it does not say from the rules that cover it,
// the next one first.
func (rule *said) complete(rules []*said) *Rule {
	covering := slices.DeleteFunc(slices.Clone(rules), func(other *said) bool { return !other.covers(rule) })
	slices.SortStableFunc(covering, func(a, b *said) int { return b.compare(a) })
	whole := *rule
	for _, other := range covering {
		whole.timeout = first(whole.timeout, other.timeout)
		whole.idempotent = first(whole.idempotent, other.idempotent)
		whole.bodyBuffer = first(whole.bodyBuffer, other.bodyBuffer)
		whole.priority = first(whole.priority, other.priority)
		whole.cancel = first(whole.cancel, other.cancel)
	}
	return &Rule{
		Pattern:    "/" + strings.Join(rule.segments, "/"),
		Timeout:    *first(whole.timeout, &unruled.Timeout),
		Idempotent: *first(whole.idempotent, &unruled.Idempotent),
		BodyBuffer: *first(whole.bodyBuffer, &unruled.BodyBuffer),
		Priority:   *first(whole.priority, &unruled.Priority),

		CancelOnDisconnect: whole.cancel,
	}
}

func first[T any](a, b *T) *T {
	if a != nil {
		return a
	}
	return b
}

// covers says whether rule matches every path that other matches.
func (rule *said) covers(other *said) bool {
	if len(rule.segments) > len(other.segments) {
		return false
	}
	for i, segment := range rule.segments {
		if segment != other.segments[i] && segment != "*" {
			return false
		}
	}
	return true
}

// compare is positive where rule goes before other, of two that match a path.
func (rule *said) compare(other *said) int {
	if n := len(rule.segments) - len(other.segments); n != 0 {
		return n
	}
	for i, segment := range rule.segments {
		switch {
		case segment == other.segments[i]:
		case segment == "*":
			return -1
		case other.segments[i] == "*":
			return 1
		}
	}
	return 0
}

// Package paths knows what a file says of single paths, in its section
// [pasted:paths]: which rule holds for a request's path, and what it says. What
// comes of that is left to those who ask.
//
// An option's name is a path prefix in whole segments, or a pattern of one: a
// segment * stands for any one segment that is not empty. Its value is words:
//
//	/api/report   = timeout=5m idempotent=yes
//	/users/*/blob = body_buffer=off
//
// Paths are compared percent-decoded, as the client asked for them, before any
// mount has been split off. Of the rules that match a path the one with the
// most segments holds, and among these the one that has, where they first
// differ, a segment as it stands instead of *. What a rule does not say it has
// from the next such rule that matches every path that it matches itself.
package paths

import (
	"bytes"
	"time"
)

// A Priority says whose requests go first, and whose are refused first.
type Priority uint8

// The priorities. Normal is what a path has that no rule speaks of.
const (
	Normal Priority = iota
	High
	Low
)

// A Rule is what the file says of a path. It is not changed once it is read.
type Rule struct {
	// Pattern is the rule's path as it stands in the file, without a slash at
	// its end, but for "/" alone; it is empty where no rule matches.
	Pattern string
	// Timeout is how long a request may take; zero: the rule does not say.
	Timeout time.Duration
	// Idempotent says that a request of any method may be repeated, for doing
	// it twice is the same as doing it once.
	Idempotent bool
	// BodyBuffer says that a request's body is read whole before a worker is
	// taken; false: the application reads it from the client.
	BodyBuffer bool
	Priority   Priority
	// CancelOnDisconnect says whether what the application does for a request is
	// stopped when its client has gone; nil: the rule does not say.
	CancelOnDisconnect *bool
}

// unruled is what holds for a path that no rule matches.
var unruled = Rule{BodyBuffer: true}

// A Table is the rules of one file. Nil is one without rules. It is safe for
// concurrent use.
type Table struct{ root node }

// A node is the rules' paths up to one segment.
type node struct {
	children map[string]*node
	any      *node // what goes on with *
	rule     *Rule // that ends here, or nil
}

// Find returns what holds for a path, never nil: script is the part that has
// been split off as SCRIPT_NAME, path the rest, both percent-decoded. It
// allocates nothing.
func (t *Table) Find(script, path []byte) *Rule {
	if t == nil {
		return &unruled
	}
	if rule, _ := t.root.find(script, path, 0); rule != nil {
		return rule
	}
	return &unruled
}

// Prefers says whether any path has a high priority.
func (t *Table) Prefers() bool { return t != nil && t.root.prefers() }

func (n *node) prefers() bool {
	if n == nil {
		return false
	}
	for _, child := range n.children {
		if child.prefers() {
			return true
		}
	}
	return n.rule != nil && n.rule.Priority == High || n.any.prefers()
}

// find returns the rule at n or below that matches best, and how many segments
// it has, of which depth lead to n. A node is visited once at most.
func (n *node) find(script, path []byte, depth int) (*Rule, int) {
	best, most := n.rule, depth
	segment, script, path, ok := next(script, path)
	if !ok {
		return best, most
	}
	// A tie is for the segment as it stands.
	if n.any != nil && len(segment) > 0 {
		if rule, d := n.any.find(script, path, depth+1); rule != nil {
			best, most = rule, d
		}
	}
	if child := n.children[string(segment)]; child != nil {
		if rule, d := child.find(script, path, depth+1); rule != nil && d >= most {
			best, most = rule, d
		}
	}
	return best, most
}

// next takes the first segment off a path in two parts. It says false at the
// path's end, and where none begins, as in the target * of OPTIONS.
func next(script, path []byte) (segment, restScript, restPath []byte, ok bool) {
	part := &script
	if len(script) == 0 {
		part = &path
	}
	if len(*part) == 0 || (*part)[0] != '/' {
		return nil, nil, nil, false
	}
	segment = (*part)[1:]
	if end := bytes.IndexByte(segment, '/'); end >= 0 {
		segment, *part = segment[:end], segment[end:]
	} else {
		*part = nil
	}
	return segment, script, path, true
}

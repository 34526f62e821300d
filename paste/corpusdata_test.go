package paste_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pasted/paste"

	"github.com/google/go-cmp/cmp"
)

// readJSON reads a file in which @CORPUS@ stands for dir.
func readJSON(t *testing.T, file, dir string, into any) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	data = bytes.ReplaceAll(data, []byte("@CORPUS@"), []byte(dir))
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

// notText begins a value that stands for a Python object, whose JSON follows.
const notText = "\x00"

// confOf reads variables; see foreign for those that are no text.
func confOf(t *testing.T, data json.RawMessage) *paste.Conf {
	t.Helper()
	if data == nil {
		return nil
	}
	conf := new(paste.Conf)
	for _, m := range decodeOrdered(t, data).(ordered) {
		text, isText := m.value.(string)
		if !isText {
			value, err := json.Marshal(m.value)
			if err != nil {
				t.Fatal(err)
			}
			text = notText + string(value)
		}
		conf.Set(m.key, text)
	}
	return conf
}

// foreign is the Options.Foreign of what confOf reads.
func foreign(value string) (typeName string, isFalse, ok bool) {
	text, ok := strings.CutPrefix(value, notText)
	switch {
	case !ok:
		return "", false, false
	case text == "null":
		return "NoneType", true, true
	}
	return "int", text == "0", true
}

// confJSON is a Conf with what foreign values stand for.
func confJSON(conf *paste.Conf) any {
	object := ordered{}
	for key, value := range conf.All() {
		if text, ok := strings.CutPrefix(value, notText); ok {
			object = append(object, member{key, json.RawMessage(text)})
		} else {
			object = append(object, member{key, value})
		}
	}
	return object
}

// An ordered is a JSON object whose order counts.
type ordered []member

type member struct {
	key   string
	value any
}

// MarshalJSON writes o in its order.
func (o ordered) MarshalJSON() ([]byte, error) {
	parts := make([][]byte, len(o))
	for i, m := range o {
		key, err := json.Marshal(m.key)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(m.value)
		if err != nil {
			return nil, err
		}
		parts[i] = slices.Concat(key, []byte(":"), value)
	}
	return slices.Concat([]byte("{"), bytes.Join(parts, []byte(",")), []byte("}")), nil
}

// compare compares what got marshals to with want, order included.
func compare(t *testing.T, got any, want json.RawMessage) {
	t.Helper()
	data, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(indent(t, want), indent(t, data)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func indent(t *testing.T, data json.RawMessage) string {
	t.Helper()
	if data == nil {
		return "(missing)"
	}
	text, err := json.MarshalIndent(decodeOrdered(t, data), "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// decodeOrdered decodes objects as ordered, without the base classes of errors.
func decodeOrdered(t *testing.T, data json.RawMessage) any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(data))
	value, err := decodeValue(d)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

func decodeValue(d *json.Decoder) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('['):
		list := []any{}
		for d.More() {
			value, err := decodeValue(d)
			if err != nil {
				return nil, err
			}
			list = append(list, value)
		}
		_, err = d.Token()
		return list, err
	case json.Delim('{'):
		object := ordered{}
		for d.More() {
			key, err := d.Token()
			if err != nil {
				return nil, err
			}
			value, err := decodeValue(d)
			if err != nil {
				return nil, err
			}
			if key != "bases" {
				object = append(object, member{key.(string), value})
			}
		}
		_, err = d.Token()
		return object, err
	}
	return token, nil
}

// distributions are EntryPoints of the corpus.
type distributions struct {
	points map[string]map[string]map[string]string // by folded name, group, name
	blank  bool                                    // give "" for every object
}

// newDistributions reads the dist-info folders of the corpus, and its table of
// well-known eggs for the distributions that were installed when the outcomes
// were written.
func newDistributions(t *testing.T, dir string) *distributions {
	t.Helper()
	d := &distributions{points: make(map[string]map[string]map[string]string)}
	var table map[string]map[string]map[string]string
	readJSON(t, filepath.Join(dir, "eggs.json"), dir, &table)
	for _, name := range []string{"Paste", "PasteDeploy"} {
		d.points[foldDistribution(name)] = table[name]
	}
	infos, err := filepath.Glob(filepath.Join(dir, "eggs", "*.dist-info"))
	if err != nil {
		t.Fatal(err)
	}
	for _, info := range infos {
		name, _, _ := strings.Cut(filepath.Base(info), "-")
		d.points[foldDistribution(name)] = readEntryPoints(t, filepath.Join(info, "entry_points.txt"))
	}
	return d
}

func readEntryPoints(t *testing.T, file string) map[string]map[string]string {
	t.Helper()
	groups := make(map[string]map[string]string)
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return groups
	}
	if err != nil {
		t.Fatal(err)
	}
	group := ""
	for lines := bufio.NewScanner(bytes.NewReader(data)); lines.Scan(); {
		line := strings.TrimSpace(lines.Text())
		if strings.HasPrefix(line, "[") {
			group = strings.Trim(line, "[]")
			groups[group] = make(map[string]string)
		} else if name, object, ok := strings.Cut(line, "="); ok {
			groups[group][strings.TrimSpace(name)] = strings.TrimSpace(object)
		}
	}
	return groups
}

var separators = regexp.MustCompile(`[-_.]+`)

func foldDistribution(name string) string {
	return strings.ToLower(separators.ReplaceAllString(name, "-"))
}

// wellKnown returns the table of well-known eggs, as if nothing could be
// imported.
func wellKnown(t *testing.T, dir string) *distributions {
	t.Helper()
	var table map[string]map[string]map[string]string
	readJSON(t, filepath.Join(dir, "eggs.json"), dir, &table)
	d := &distributions{points: make(map[string]map[string]map[string]string), blank: true}
	for name, groups := range table {
		d.points[foldDistribution(name)] = groups
	}
	return d
}

func (d *distributions) Installed(distribution string) error {
	if d.points[foldDistribution(distribution)] == nil {
		return &paste.NotInstalledError{Distribution: distribution}
	}
	return nil
}

func (d *distributions) EntryPoint(distribution, group, name string) (string, bool, error) {
	if err := d.Installed(distribution); err != nil {
		return "", false, err
	}
	object, ok := d.points[foldDistribution(distribution)][group][name]
	if d.blank {
		object = ""
	}
	return object, ok, nil
}

// modules are the packages beside the corpus's distributions: what stands at the
// top of each module, by the module's name.
type modules map[string][]string

var definition = regexp.MustCompile(`(?m)^(?:def |class )?(\w+)(?: =|[(:])`)

func readModules(t *testing.T, dir string) modules {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "eggs", "*", "*.py"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no modules: %v", err)
	}
	m := make(modules)
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Base(filepath.Dir(file)) + "." + strings.TrimSuffix(filepath.Base(file), ".py")
		name = strings.TrimSuffix(name, ".__init__")
		for _, match := range definition.FindAllStringSubmatch(string(data), -1) {
			m[name] = append(m[name], match[1])
		}
		if m[name] == nil {
			m[name] = []string{}
		}
	}
	return m
}

// find is an Options.Import; a dotted attribute's first name is looked up, of
// call: the whole.
func (m modules) find(o *paste.Object) error {
	top, rest, _ := strings.Cut(o.Module, ".")
	for top != "paste" { // which is installed
		if m[top] == nil {
			return pythonError("ModuleNotFoundError", "No module named '"+top+"'")
		}
		if rest == "" {
			break
		}
		var next string
		next, rest, _ = strings.Cut(rest, ".")
		top += "." + next
	}
	names, ok := m[o.Module]
	attr := o.Attr
	if o.Style != paste.CallStyle {
		attr, _, _ = strings.Cut(attr, ".")
	}
	if ok && attr != "" && !slices.Contains(names, attr) {
		return pythonError("AttributeError", "module '"+o.Module+"' has no attribute '"+attr+"'")
	}
	return nil
}

func pythonError(class, text string) error {
	return &paste.Error{Class: class, Text: text, Message: text}
}

package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"pasted/internal/outcome"
)

// A trial is files and what is asked of them.
type trial struct {
	folder string // whose they are in
	files  []file
	calls  []outcome.Object
}

// folders are names that a folder has; the first is the usual one.
var folders = []string{"case", "c s", "a%b", "a%%b", "%(x)s", "ü", "a#b", "a:b", "it's", "a+b", "a%41"}

// A file of a trial; the first one is main.ini.
type file struct{ name, text string }

// A maker makes one trial up. The same numbers make the same one.
type maker struct {
	*rand.Rand
	files []*draft
	known []string // options that a value may name
}

// A draft is a file before it is written down.
type draft struct {
	name     string
	defaults []option
	sections []*section
}

// A section is a header and options.
type section struct {
	kind, name string
	options    []option
}

type option struct{ name, value string }

// makeTrial makes up the trial of two numbers.
func makeTrial(seed, number uint64) trial {
	m := &maker{Rand: rand.New(rand.NewPCG(seed, number))}
	if m.one(25) {
		return m.oddTrial()
	}
	m.plan()
	t := trial{folder: folders[0]}
	if m.one(20) {
		t.folder = pick(m, folders)
	}
	for _, d := range m.files {
		for i, s := range d.sections {
			m.known = known(d.defaults)
			s.options = m.sectionOptions(d, i)
		}
		text := m.render(d)
		if m.one(10) {
			text = m.spoil(text)
		}
		t.files = append(t.files, file{d.name, text})
	}
	t.calls = m.calls()
	return t
}

// one is true one time in n.
func (m *maker) one(n int) bool { return m.IntN(n) == 0 }

func pick[T any](m *maker, list []T) T { return list[m.IntN(len(list))] }

// often returns one of the first list but for one time in n.
func (m *maker) often(n int, usual, odd []string) string {
	if m.one(n) {
		return pick(m, odd)
	}
	return pick(m, usual)
}

var (
	kinds = strings.Fields(`app app app app application composite composite composit pipeline pipeline
		filter-app filter filter filter server`)
	oddKinds  = []string{"App", "app ", " app", "DEFAULT", "apps", "filter_app", "x", "set x", "pipelines"}
	names     = []string{"main", "main", "a", "b", "c", "d", "e"}
	oddNames  = []string{"", "x y", "A", "a.b", "ü", "a:b", "v2:x", "http", "a#b", "[a]", " a", "a ", "main", "%(x)s", "a]b", "'", "None"}
	keys      = []string{"x", "y", "z", "debug", "tag", "empty", "use_x"}
	oddKeys   = []string{"here", "__file__", "/x", "a b", "set", "get", "first", "second", "class", "callable", "global_conf", "app", "loader", "self", "X", "ü", "use", "next", "pipeline", "filter-with", "require", "paste.app_factory", "paste.filter_factory", "not_found_app", "catch", "app1", "set\ta", "SET x", "setx"}
	values    = []string{"1", "true", "some text", "", "v", "a  b", "50%%"}
	oddValues = []string{"%", "%(", "%()s", "%(x)d", "%(nope)s", "%(x", "%%(x)s", "%(X)s", "%( x )s", "%(z)s%(tag)s", "%(__file__)s", "%(tag)s", "a\n  b", "\n a\n b", "a\n\n b", "# no", "; no", "a # b", "'q' \"r\"", `\n`, "ü\u2028ö", "a=b:c", "%(set y)s", "%(use)s", "%(get y)s", "%(a b)s", "\u00a0", "\x00", "%s", "100%", "%(empty)s"}

	appEggs = []string{"egg:FakeApp", "egg:FakeApp#main", "egg:FakeApp#other", "egg:fakeapp#held", "egg:FakeApp#extras", "egg:Dotted-Egg.Two",
		"call:fakeapp.apps:app", "egg:FakeApp#a.b"}
	oddAppEggs = []string{"egg:FakeApp#fails", "egg:FakeApp#fixed", "egg:FakeApp#no-module", "egg:FakeApp#no-attribute", "egg:FakeApp#module",
		"egg:FakeApp#both", "egg:FakeApp#twice", "egg:FakeApp#nope", "egg:FakeApp#filter", "egg:Bare", "egg:None#x", "egg:", "egg:#main", "egg:FakeApp ",
		"egg:FakeApp #main", "egg:FakeApp#", "egg:FakeApp==1.0", "egg:FakeApp[x]", "EGG:FakeApp", "egg:-fake_-app", "egg:FakeApp-",
		"call:fakeapp.apps:Holder.app", "call:fakeapp.apps", "call:fakeapp.apps:app:x", "call:fakeapp.apps:", "call:fakeapp.none:x", "call::x", "call:.x:y",
		"call:fakeapp.apps:text", "Call:fakeapp.apps:app", "call:fakeapp.apps:app#x", "call: fakeapp.apps:app", "http:x", "c:\\x", "x:", ":x", "v2:x", "a:b",
		"egg:FakeApp#both#x", "egg:FakeApp#all", "egg:Paste#urlmap", "egg:Paste#test", "egg:Paste#static", "call:", "egg:a/b", "egg:../x"}
	compositeEggs = []string{"egg:FakeApp#all", "egg:FakeApp#deaf", "egg:FakeApp#old", "egg:FakeApp#pipelines", "egg:Paste#urlmap", "egg:Paste#cascade",
		"call:fakeapp.apps:all_of"}
	filterEggs    = []string{"egg:FakeApp", "egg:FakeApp#filter", "egg:FakeApp#late", "egg:FakeApp#both", "call:fakeapp.apps:filter_of"}
	oddFilterEggs = []string{"egg:Paste#translogger", "egg:PasteDeploy#prefix", "egg:PasteDeploy#config", "egg:Paste#gzip", "egg:FakeApp#other", "egg:Bare#x", "egg:FakeApp#nope", "call:fakeapp.apps:nope", "egg:", "x:y"}
	serverEggs    = []string{"egg:FakeApp", "egg:FakeApp#runner", "egg:FakeApp#both", "call:fakeapp.apps:server"}
	oddServerEggs = []string{"egg:FakeApp#filter", "egg:Bare", "call:fakeapp.apps:text"}

	factories = map[string][]string{
		"app":    {"paste.app_factory", "paste.app_factory", "paste.composite_factory", "paste.composit_factory"},
		"filter": {"paste.filter_factory", "paste.filter_app_factory"},
		"server": {"paste.server_factory", "paste.server_runner"},
	}
	objects = map[string]string{
		"paste.app_factory": "app", "paste.composite_factory": "all_of", "paste.composit_factory": "deaf",
		"paste.filter_factory": "filter_of", "paste.filter_app_factory": "filtering",
		"paste.server_factory": "server", "paste.server_runner": "runner",
	}
	oddObjects = []string{"fakeapp.apps", "fakeapp.apps:", ":x", "fakeapp.apps:nope", "fakeapp.none:x", "fakeapp.apps:Holder.app", "fakeapp.apps : app",
		"fakeapp.apps:app [x]", "fakeapp.apps:app[x, y] ", "fakeapp.apps:app x", "fakeapp.apps:a:b", "", "fakeapp.apps:.app.", "fake app:x", "fakeapp.apps:app[x]y",
		"fakeapp..apps:x", ".fakeapp:x", "fakeapp.apps\n :app", "fakeapp.apps:text", "ü:x", "fakeapp.apps:app []"}
	schemes = []string{"config:%s#%s", "config:%s#%s", "config:%s#%s", "config:%s#%s", "CONFIG:%s#%s", "config:./%s#%s", "config:%%(here)s/%s#%s", "config: %s#%s", "config:%s #%s",
		"config:../%s#%s", "config:sub\\..\\%s#%s", "config:%%%%2e/%s#%s", "config://%%(here)s/%s#%s", "config:%s?#%s", "config:%s#%s#x", "config:%s+#%s", "config:%s"}
)

// plan decides which sections there are, so that options can name them.
func (m *maker) plan() {
	for _, name := range []string{"main.ini", "inner.ini", "sub/deep.ini"} {
		if name != "main.ini" && !m.one(3) {
			continue
		}
		d := &draft{name: name}
		for range 1 + m.IntN(6) {
			s := &section{kind: m.often(60, kinds, oddKinds), name: m.often(25, names, oddNames)}
			if d.has(s) && !m.one(40) {
				continue
			}
			d.sections = append(d.sections, s)
		}
		m.known = known(nil)
		if m.one(2) {
			for range 1 + m.IntN(3) {
				d.defaults = m.add(d.defaults, m.anyOption())
				m.known = known(d.defaults)
			}
		}
		m.files = append(m.files, d)
	}
}

func (d *draft) has(s *section) bool {
	for _, other := range d.sections {
		if typeOf(other.kind) == typeOf(s.kind) && other.name == s.name {
			return true
		}
	}
	return false
}

// known are the names that a value may well refer to, beside list's.
func known(list []option) []string {
	names := []string{"here", "__file__"}
	for _, o := range list {
		names = append(names, o.name)
	}
	return names
}

// add appends an option, mostly of a new name.
func (m *maker) add(list []option, o option) []option {
	for _, other := range list {
		if other.name == o.name && !m.one(60) {
			return list
		}
	}
	return append(list, o)
}

// anyOption is one of the kinds that every section has.
func (m *maker) anyOption() option {
	switch m.IntN(12) {
	case 0, 1:
		return option{"set " + m.key(), m.value()}
	case 2:
		return option{"get " + m.key(), m.often(6, m.known, keys)}
	}
	return option{m.key(), m.value()}
}

func (m *maker) key() string { return m.often(12, keys, oddKeys) }

// value is some text, or names what is known.
func (m *maker) value() string {
	if m.one(4) {
		return pick(m, []string{"", "", "a ", "%%"}) + "%(" + pick(m, m.known) + ")s" + pick(m, []string{"", "", "/f", " b"})
	}
	return m.often(40, values, oddValues)
}

// typeOf says what a section is looked for as.
func typeOf(kind string) string {
	switch kind {
	case "filter", "server":
		return kind
	}
	return "app"
}

// sectionOptions makes up those of d's i-th section.
func (m *maker) sectionOptions(d *draft, i int) []option {
	s := d.sections[i]
	var list []option
	switch s.kind {
	case "pipeline":
		if !m.one(40) {
			list = append(list, option{"pipeline", m.pipeline(d, i)})
		}
		if m.one(3) {
			list = m.add(list, option{"set " + m.key(), m.value()})
		}
		if m.one(10) {
			list = m.add(list, m.anyOption())
		}
	case "filter-app":
		if !m.one(30) {
			list = append(list, option{"next", m.reference(d, i, "app")})
		}
		list = m.component(list, d, i, "filter")
	case "composite", "composit":
		list = m.composite(d, i)
	default:
		list = m.component(list, d, i, typeOf(s.kind))
	}
	if m.one(6) {
		list = m.add(list, option{"filter-with", m.reference(d, i, "filter")})
	}
	if m.one(20) {
		list = m.add(list, option{"require", m.often(3, []string{"FakeApp", "FakeApp Bare", "Dotted_Egg.Two", ""}, []string{"None", "FakeApp>=1", "Fake App"})})
	}
	m.Shuffle(len(list), func(a, b int) { list[a], list[b] = list[b], list[a] })
	return list
}

// component gives an app, a filter or a server its options.
func (m *maker) component(list []option, d *draft, i int, kind string) []option {
	if !m.one(40) {
		list = append(list, m.what(d, i, kind))
	}
	if m.one(25) {
		list = m.add(list, m.what(d, i, pick(m, []string{"app", "filter", "server"})))
	}
	for range m.IntN(4) {
		list = m.add(list, m.anyOption())
		m.known = append(m.known, list[len(list)-1].name)
	}
	return list
}

// what is the option that says what a section is.
func (m *maker) what(d *draft, i int, kind string) option {
	if m.one(4) {
		factory := pick(m, factories[kind])
		return option{factory, m.often(12, []string{"fakeapp.apps:" + objects[factory]}, oddObjects)}
	}
	return option{"use", m.reference(d, i, kind)}
}

func (m *maker) composite(d *draft, i int) []option {
	list := []option{{"use", m.often(12, compositeEggs, appEggs)}}
	if m.one(8) {
		list[0] = m.what(d, i, "app")
	}
	key := pick(m, []string{"/%d", "/%d", "app%d", "k%d", "domain h /%d", "domain H port %d", "port 1 /%d", "//x//%d/"})
	for n := range m.IntN(4) {
		value := m.reference(d, i, "app")
		if strings.HasSuffix(list[0].value, "pipelines") {
			value = m.pipeline(d, i)
		}
		list = m.add(list, option{fmt.Sprintf(key, n), value})
	}
	for range m.IntN(3) {
		if m.one(2) {
			list = m.add(list, m.anyOption())
		}
	}
	return list
}

func (m *maker) pipeline(d *draft, i int) string {
	var words []string
	for range m.IntN(3) {
		words = append(words, m.reference(d, i, "filter"))
	}
	if !m.one(40) {
		words = append(words, m.reference(d, i, "app"))
	}
	return strings.Join(words, pick(m, []string{" ", " ", " ", "\n   ", ", ", "\t"}))
}

// reference is what stands for a component in d's i-th section: mostly a section
// below it, so that few go in a circle.
func (m *maker) reference(d *draft, i int, kind string) string {
	switch m.IntN(10) {
	case 0:
		return m.fileURI(d, i, kind)
	case 1, 2, 3:
		return m.egg(kind)
	}
	if m.one(40) {
		i = -1
	}
	var known []string
	for _, s := range d.sections[i+1:] {
		if typeOf(s.kind) == kind {
			known = append(known, s.name)
		}
	}
	if len(known) == 0 {
		if m.one(25) {
			return m.often(4, names, oddNames)
		}
		return m.egg(kind)
	}
	return pick(m, known)
}

func (m *maker) egg(kind string) string {
	switch kind {
	case "filter":
		return m.often(15, filterEggs, oddFilterEggs)
	case "server":
		return m.often(10, serverEggs, oddServerEggs)
	}
	return m.often(8, appEggs, oddAppEggs)
}

// fileURI names a section of some file: mostly of one behind d, or one behind
// d's i-th, so that few go in a circle.
func (m *maker) fileURI(d *draft, i int, kind string) string {
	at := slices.Index(m.files, d)
	if m.one(40) {
		at, i = 0, -1
	}
	target := pick(m, m.files[at:])
	if target != d {
		i = -1
	}
	name := target.name
	if strings.HasPrefix(d.name, "sub/") {
		name = strings.TrimPrefix(name, "sub/")
	}
	if m.one(30) {
		name = pick(m, []string{"none.ini", "sub", "", "main.ini/x", "link.ini", "link.ini"})
	}
	wanted := m.wanted(target.sections[min(i+1, len(target.sections)):], kind)
	scheme := schemes[m.IntN(4)]
	if m.one(6) {
		scheme = pick(m, schemes)
	}
	if strings.Count(scheme, "%s") == 1 {
		return fmt.Sprintf(scheme, name)
	}
	return fmt.Sprintf(scheme, name, wanted)
}

// wanted is a name of one of the sections.
func (m *maker) wanted(sections []*section, kind string) string {
	for range 4 {
		if len(sections) == 0 {
			break
		}
		if s := pick(m, sections); typeOf(s.kind) == kind {
			return s.name
		}
	}
	if m.one(3) {
		return m.often(5, names, oddNames)
	}
	return m.egg(kind)
}

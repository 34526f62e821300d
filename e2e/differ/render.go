package main

import (
	"strings"

	"pasted/internal/outcome"
)

// render writes a draft down, with the freedom that the form leaves.
func (m *maker) render(d *draft) string {
	var b strings.Builder
	at := -1
	if len(d.defaults) > 0 {
		at = m.IntN(len(d.sections) + 1)
	}
	for i, s := range d.sections {
		if i == at {
			m.renderSection(&b, "DEFAULT", d.defaults)
		}
		m.renderSection(&b, m.header(s), s.options)
	}
	if at == len(d.sections) {
		m.renderSection(&b, "DEFAULT", d.defaults)
	}
	return b.String()
}

// header is what stands between the brackets.
func (m *maker) header(s *section) string {
	switch {
	case m.one(60):
		return s.kind
	case m.one(40):
		return s.kind + ": " + s.name + " "
	case m.one(80):
		return s.kind + " :" + s.name
	}
	return s.kind + ":" + s.name
}

func (m *maker) renderSection(b *strings.Builder, header string, options []option) {
	b.WriteString("[" + header + "]")
	if m.one(40) {
		b.WriteString(pick(m, []string{" # c", " ]", "x", "  ", "\t; c]"}))
	}
	b.WriteString("\n")
	for _, o := range options {
		if m.one(15) {
			b.WriteString(pick(m, []string{"# c\n", "\n", "  ; c\n", "   \n", "#\n\n"}))
		}
		if m.one(60) {
			b.WriteString(pick(m, []string{" ", "  ", "\t"}))
		}
		b.WriteString(o.name)
		b.WriteString(m.often(8, []string{" = "}, []string{"=", ": ", ":", " =", "  =  ", "\t=\t", " := ", "= "}))
		b.WriteString(o.value + "\n")
		if m.one(25) {
			b.WriteString(pick(m, []string{"  more\n", "\n  more\n", "  # c\n  more\n", "\t%(x)s\n", "  [app:a]\n", "  k = v\n", " \n\n"}))
		}
	}
	if m.one(2) {
		b.WriteString("\n")
	}
}

// scraps are what is put in somewhere.
var scraps = []string{"[", "]", "=", ":", "#", ";", "%", "%(", ")s", "%%", "\n", "\r", "\r\n", " ", "  ", "\t", "\v", "\f", "\x1c", "\x85", "\u0085", "\u00a0",
	"\u2028", "\u3000", "\ufeff", "\x00", "\xff", "\xc3", "é", "'", `"`, `\`, "[app:main]\n", "[DEFAULT]\n", "use = egg:FakeApp\n", "x = 1\n", "set ", "get ",
	"use", "filter-with = ", "\n ", "=\n", "[]", "[ ]", "\n[a\n", "egg:", "config:", "#main", "\U0001f600", "\u200b", "ß", "none"}

// spoil changes a text in a few places.
func (m *maker) spoil(text string) string {
	for range 1 + m.IntN(3) {
		at := 0
		if text != "" {
			at = m.IntN(len(text))
		}
		switch m.IntN(6) {
		case 0, 1, 2:
			text = text[:at] + pick(m, scraps) + text[at:]
		case 3:
			end := min(len(text), at+1+m.IntN(4))
			text = text[:at] + text[end:]
		case 4:
			lines := strings.SplitAfter(text, "\n")
			a, b := m.IntN(len(lines)), m.IntN(len(lines))
			lines[a], lines[b] = lines[b], lines[a]
			text = strings.Join(lines, "")
		case 5:
			lines := strings.SplitAfter(text, "\n")
			i := m.IntN(len(lines))
			lines[i] = pick(m, []string{" ", "  ", "\t", lines[i], "#", "\u00a0"}) + lines[i]
			text = strings.Join(lines, "")
		}
	}
	return text
}

// oddTrial is one of a text that nothing has been thought at.
func (m *maker) oddTrial() trial {
	words := append([]string{"[app:main]\n", "[app:main]\n", "[pipeline:main]\n", "pipeline = a main\n", "[filter:a]\n", "use = egg:FakeApp\n", "x = %(x)s\n",
		"x", "y", "a", "main", "next = main\n", "[filter-app:main]\n", "[server:main]\n", "set x = 1\n", "get y = x\n", "paste.app_factory = fakeapp.apps:app\n"}, scraps...)
	var b strings.Builder
	if !m.one(3) {
		b.WriteString(words[m.IntN(5)])
	}
	for range 1 + m.IntN(25) {
		b.WriteString(pick(m, words))
	}
	return trial{folders[0], []file{{"main.ini", b.String()}}, []outcome.Object{
		{{Key: "fn", Value: "parse"}, {Key: "uri", Value: "@CASE@/main.ini"}},
		{{Key: "fn", Value: pick(m, []string{"loadapp", "loadapp", "loadfilter", "loadserver"})}, {Key: "uri", Value: "config:@CASE@/main.ini"}},
	}}
}

// calls makes up what is asked: mostly for sections that there are.
func (m *maker) calls() []outcome.Object {
	calls := []outcome.Object{m.call()}
	for m.IntN(5) < 2 {
		calls = append(calls, m.call())
	}
	return calls
}

func (m *maker) call() outcome.Object {
	kind, name := m.asked()
	var call outcome.Object
	add := func(key string, value any) { call = append(call, outcome.Member{Key: key, Value: value}) }
	switch n := m.IntN(20); {
	case n == 19:
		return m.plasterCall(kind, name)
	case n == 0:
		add("fn", "parse")
		add("uri", "@CASE@/main.ini")
		return call
	case n < 3:
		add("fn", "get_"+kind)
		add("uri", m.often(20, []string{"@CASE@/main.ini", "main.ini"}, []string{" @CASE@/main.ini ", "./sub/../main.ini", "", "sub", "@CASE@//main.ini"}))
		if !m.one(4) {
			add("name", name)
		}
	default:
		fn := "load" + kind
		if kind == "app" && m.one(6) {
			fn = "appconfig"
		}
		add("fn", fn)
		m.addURI(add, kind, name)
	}
	if m.one(3) {
		add("global_conf", m.globals())
	}
	return call
}

// plasterCall asks as pserve does.
func (m *maker) plasterCall(kind, name string) outcome.Object {
	method := pick(m, []string{"get_settings", "get_settings", "get_wsgi_app_settings", "get_sections", "uri", "get_wsgi_" + kind, "get_wsgi_" + kind})
	if method == "get_wsgi_app_settings" {
		kind = "app"
	}
	uri := m.often(8, []string{"@CASE@/main.ini", "main.ini"},
		[]string{"@CASE@/main.ini#" + name, "file+ini:@CASE@/main.ini", "main.ini?x=1&y=%%", "main.ini?x=%41#a", "config:main.ini", "main", "main.cfg", "egg:FakeApp", "egg:FakeApp#other", "", "main.ini#", "pastedeploy:@CASE@/main.ini", "pastedeploy+ini://@CASE@/main.ini#a", "none.ini", "a:b", "main.ini?x", "main.ini?x=1&x=2"})
	call := outcome.Object{{Key: "fn", Value: "plaster." + method}, {Key: "uri", Value: uri}}
	switch {
	case method == "get_settings":
		section := name
		if m.one(2) {
			section = kind + ":" + name
		}
		call = append(call, outcome.Member{Key: "section", Value: section})
	case method != "get_sections" && method != "uri" && !m.one(4):
		call = append(call, outcome.Member{Key: "name", Value: name})
	}
	if method != "get_sections" && method != "uri" && m.one(3) {
		call = append(call, outcome.Member{Key: "defaults", Value: m.globals()})
	}
	return call
}

// asked is a kind and a name.
func (m *maker) asked() (kind, name string) {
	if d := m.files[0]; len(d.sections) > 0 && !m.one(12) {
		s := d.sections[0]
		if m.one(3) {
			s = pick(m, d.sections)
		}
		return typeOf(s.kind), s.name
	}
	return pick(m, []string{"app", "filter", "server"}), m.often(4, names, oddNames)
}

func (m *maker) addURI(add func(string, any), kind, name string) {
	switch m.IntN(12) {
	case 0:
		add("uri", m.fileURI(m.files[0], -1, kind))
		if !m.one(10) {
			add("relative_to", m.often(6, []string{"@CASE@"}, []string{"", ".", "@CASE@/", "@CASE@//", "sub", "@CASE@\\sub"}))
		}
	case 1:
		add("uri", m.egg(kind))
		if m.one(2) {
			add("name", name)
		}
	case 2:
		add("uri", pick(m, []string{"config:@CASE@/main.ini", "config:@CASE@/main.ini#", "config:@CASE@/main.ini#x", "config:@CASE@/sub/../main.ini", "config:///@CASE@/main.ini"}))
		if m.one(2) {
			add("name", name)
		}
	default:
		add("uri", "config:@CASE@/main.ini")
		add("name", name)
	}
}

// globals are variables that are passed in.
func (m *maker) globals() outcome.Object {
	conf := outcome.Object{}
	for range m.IntN(4) {
		key := m.key()
		if conf.Get(key) != nil {
			continue
		}
		var value any = m.value()
		if m.one(60) {
			value = pick(m, []any{nil, 1, true, []any{}, outcome.Object{}, 0})
		}
		conf = append(conf, outcome.Member{Key: key, Value: value})
	}
	return conf
}

package forwarding

import (
	"bytes"

	"pasted/internal/h1"
)

// readSeparate reads the X-Forwarded fields, and SCRIPT_NAME, of those that are
// present. Each is a list to which every proxy adds at the end, or a value that
// the last one to know it has put there.
func (t *Trust) readSeparate(h *h1.Head, present Fields, o *h1.Origin) *h1.Refusal {
	w := walk{trust: t}
	if present&For != 0 {
		if refusal := w.readFor(h); refusal != nil {
			return refusal
		}
		w.setClient(o)
	}
	// What proxy number depth has said stands that far from the end.
	depth := max(w.depth, t.Hops, 1)
	if present&For != 0 {
		depth = max(w.depth, 1)
	}
	if text := valueOf(h, present&Proto, depth); !text.Empty() {
		if refusal := setScheme(o, h.Text(text)); refusal != nil {
			return refusal
		}
	}
	var port []byte
	if text := valueOf(h, present&Port, depth); !text.Empty() {
		port = h.Text(text)
	}
	host := valueOf(h, present&Host, depth)
	if refusal := setServer(h, o, host, port); refusal != nil {
		return refusal
	}
	if text := valueOf(h, present&Prefix, depth); !text.Empty() {
		if refusal := setPrefix(o, h.Text(text)); refusal != nil {
			return refusal
		}
	}
	if text := valueOf(h, present&ScriptName, 1); !text.Empty() {
		o.PrefixInPath = true
		return setPrefix(o, h.Text(text))
	}
	return nil
}

// readFor walks along X-Forwarded-For, from its end, and takes off what stands
// before the client: that is its own word.
func (w *walk) readFor(h *h1.Head) *h1.Refusal {
	more, first := true, 0
	for i := len(h.Fields) - 1; i >= 0 && more; i-- {
		f := h.Fields[i]
		if classify(h.Text(f.Name)) != For {
			continue
		}
		first = i
		rest, end := f.Value, f.Value.End
		for more && !rest.Empty() {
			var item h1.Span
			item, rest = lastOf(h, rest)
			if item.Empty() {
				continue
			}
			n, ok := parseNode(h.Text(item))
			if !ok {
				return refuseNode
			}
			if more = w.step(n); !more {
				h.Trim(i, h1.Span{Start: beginOf(h, item), End: end})
			}
		}
	}
	dropBefore(h, first, For)
	return nil
}

// dropBefore takes the field's lines before the i-th off.
func dropBefore(h *h1.Head, i int, field Fields) {
	at := -1
	h.Keep(func(name []byte) bool {
		at++
		return at >= i || classify(name) != field
	})
}

// lastOf returns the last member of a list, without quotes and white space
// around it, and the list before it.
func lastOf(h *h1.Head, list h1.Span) (item, rest h1.Span) {
	item, rest = list, h1.Span{}
	if comma := bytes.LastIndexByte(h.Text(list), ','); comma >= 0 {
		item.Start += uint32(comma) + 1
		rest = h1.Span{Start: list.Start, End: list.Start + uint32(comma)}
	}
	item = trimSpace(h, item)
	if text := h.Text(item); len(text) > 1 && text[0] == '"' && text[len(text)-1] == '"' {
		item.Start, item.End = item.Start+1, item.End-1
	}
	return item, rest
}

// beginOf returns where a member of a list begins, its quote included.
func beginOf(h *h1.Head, item h1.Span) uint32 {
	if item.Start > 0 && h.Bytes[item.Start-1] == '"' {
		return item.Start - 1
	}
	return item.Start
}

func trimSpace(h *h1.Head, s h1.Span) h1.Span {
	for !s.Empty() && isSpace(h.Bytes[s.Start]) {
		s.Start++
	}
	for !s.Empty() && isSpace(h.Bytes[s.End-1]) {
		s.End--
	}
	return s
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' }

// valueOf returns the member of a field's list that stands depth from the end,
// or the first where there are fewer, and takes off what stands before it;
// empty: there is none.
func valueOf(h *h1.Head, field Fields, depth int) (value h1.Span) {
	if field == 0 {
		return h1.Span{}
	}
	for i := len(h.Fields) - 1; i >= 0; i-- {
		f := h.Fields[i]
		if classify(h.Text(f.Name)) != field {
			continue
		}
		for rest := f.Value; !rest.Empty(); {
			var item h1.Span
			item, rest = lastOf(h, rest)
			if item.Empty() {
				continue
			}
			value = item
			if depth--; depth == 0 {
				h.Trim(i, h1.Span{Start: beginOf(h, item), End: f.Value.End})
				dropBefore(h, i, field)
				return value
			}
		}
	}
	return value
}

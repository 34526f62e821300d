package wsgi

import (
	"net/http"
	"slices"
	"strings"
)

// A Span is a stretch of a Head's bytes, from Start up to but not including
// End. The zero Span is empty.
type Span struct{ Start, End uint32 }

// A Field is one field line of a Head: its name in any case, and its value
// without the white space around it.
type Field struct{ Name, Value Span }

// A Head is a request's head: the bytes as they were read, and where its parts
// lie in them. Whoever fills it in has checked it against RFC 9112; the zero
// value is an empty head to be filled.
type Head struct {
	Bytes  []byte
	Method Span
	// Target is the request target as it came; Query what follows its first
	// "?", empty where there is none.
	Target, Query Span
	Proto         Span // "HTTP/1.1"
	Fields        []Field
}

// Text returns the bytes of s. They belong to h.
func (h *Head) Text(s Span) []byte { return h.Bytes[s.Start:s.End] }

// Reset empties h and keeps its memory.
func (h *Head) Reset() {
	*h = Head{Bytes: h.Bytes[:0], Fields: h.Fields[:0]}
}

// SetRequest fills h from r. Fields of one name become one Field, joined as
// RFC 9110, 5.3 has it and cookies as RFC 9113, 8.2.3, in the order of their
// names. What net/http has taken out of r.Header is put back (Host) or stays
// out (Transfer-Encoding, Trailer).
func (h *Head) SetRequest(r *http.Request) {
	h.Reset()
	h.Method = h.add(r.Method)
	h.Target = h.add(r.RequestURI)
	if i := strings.IndexByte(r.RequestURI, '?'); i >= 0 {
		h.Query = Span{h.Target.Start + uint32(i) + 1, h.Target.End}
	}
	h.Proto = h.add(r.Proto)
	if r.Host != "" {
		h.addField("Host", []string{r.Host}, "")
	}
	names := make([]string, 0, len(r.Header))
	for name := range r.Header {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		separator := ", "
		if name == "Cookie" {
			separator = "; "
		}
		h.addField(name, r.Header[name], separator)
	}
}

func (h *Head) add(text string) Span {
	start := uint32(len(h.Bytes))
	h.Bytes = append(h.Bytes, text...)
	return Span{start, uint32(len(h.Bytes))}
}

func (h *Head) addField(name string, values []string, separator string) {
	field := Field{Name: h.add(name)}
	field.Value = h.add("")
	for i, value := range values {
		if i > 0 {
			h.add(separator)
		}
		field.Value.End = h.add(value).End
	}
	h.Fields = append(h.Fields, field)
}

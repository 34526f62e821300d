package wsgi

import (
	"net/http"
	"slices"
	"strings"

	"pasted/internal/h1"
)

// SetHead fills h from r. Fields of one name become one Field, joined as
// RFC 9110, 5.3 has it and cookies as RFC 9113, 8.2.3, in the order of their
// names. What net/http has taken out of r.Header is put back (Host) or stays
// out (Transfer-Encoding, Trailer).
func SetHead(h *h1.Head, r *http.Request) {
	memory := h.Bytes[:0]
	h.Reset()
	h.Bytes = memory
	h.Method = add(h, r.Method)
	h.Target = add(h, r.RequestURI)
	if i := strings.IndexByte(r.RequestURI, '?'); i >= 0 {
		h.Query = h1.Span{Start: h.Target.Start + uint32(i) + 1, End: h.Target.End}
	}
	h.Proto = add(h, r.Proto)
	if r.Host != "" {
		addField(h, "Host", []string{r.Host}, "")
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
		addField(h, name, r.Header[name], separator)
	}
}

func add(h *h1.Head, text string) h1.Span {
	start := uint32(len(h.Bytes))
	h.Bytes = append(h.Bytes, text...)
	return h1.Span{Start: start, End: uint32(len(h.Bytes))}
}

func addField(h *h1.Head, name string, values []string, separator string) {
	field := h1.Field{Name: add(h, name)}
	field.Value = add(h, "")
	for i, value := range values {
		if i > 0 {
			add(h, separator)
		}
		field.Value.End = add(h, value).End
	}
	h.Fields = append(h.Fields, field)
}

package h1

import (
	"context"
	"net/http"
	"slices"
	"strings"
)

// SetHead fills h from r. Fields of one name become one Field, joined as
// RFC 9110, 5.3 has it and cookies as RFC 9113, 8.2.3, in the order of their
// names. What net/http has taken out of r.Header is put back (Host) or stays
// out (Transfer-Encoding, Trailer).
func SetHead(h *Head, r *http.Request) {
	memory := h.Bytes[:0]
	h.Reset()
	h.Bytes = memory
	h.Method = addText(h, r.Method)
	target := r.RequestURI
	if target == "" && r.URL != nil {
		target = r.URL.RequestURI() // of a request that somebody else has made
	}
	h.Target = addText(h, target)
	if i := strings.IndexByte(target, '?'); i >= 0 {
		h.Query = Span{Start: h.Target.Start + uint32(i) + 1, End: h.Target.End}
	} else if r.URL != nil && r.URL.RawQuery != "" {
		h.Query = addText(h, r.URL.RawQuery) // that a handler has put there
	}
	h.Proto = addText(h, r.Proto)
	if r.Host != "" {
		addJoined(h, "Host", []string{r.Host}, "")
		h.HostField = 0
		h.Host = h.Fields[0].Value
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
		addJoined(h, name, r.Header[name], separator)
	}
}

func addText(h *Head, text string) Span {
	start := uint32(len(h.Bytes))
	h.Bytes = append(h.Bytes, text...)
	return Span{Start: start, End: uint32(len(h.Bytes))}
}

func addJoined(h *Head, name string, values []string, separator string) {
	field := Field{Name: addText(h, name)}
	field.Value = addText(h, "")
	for i, value := range values {
		if i > 0 {
			addText(h, separator)
		}
		field.Value.End = addText(h, value).End
	}
	h.Fields = append(h.Fields, field)
}

type mountKey struct{}

// ScriptName returns the part of r's path that composites have consumed, what
// PEP 3333 calls SCRIPT_NAME: empty or beginning with a slash, percent-decoded.
func ScriptName(r *http.Request) string {
	name, _ := r.Context().Value(mountKey{}).(string)
	return name
}

// Mount returns a copy of r for an application that is mounted at scriptName
// and sees pathInfo, both percent-decoded. The copy shares everything else
// with r; r itself is not changed.
func Mount(r *http.Request, scriptName, pathInfo string) *http.Request {
	mounted := r.WithContext(context.WithValue(r.Context(), mountKey{}, scriptName))
	url := *r.URL
	url.Path = pathInfo
	url.RawPath = ""
	mounted.URL = &url
	return mounted
}

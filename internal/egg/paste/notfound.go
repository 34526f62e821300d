package paste

import (
	"html"
	"io"
	"net/http"
	"strings"

	"pasted/internal/h1"
	"pasted/internal/ini"
)

const (
	pageHead = "<html>\r\n  <head><title>Not Found</title></head>\r\n  <body>\r\n" +
		"    <h1>Not Found</h1>\r\n    <p>The resource could not be found.\r\n<br/>"
	pageFoot = " --></p>\r\n    <hr noshade>\r\n" +
		"    <div align=\"right\">WSGI Server</div>\r\n  </body>\r\n</html>\r\n"
)

// serveNotFound answers with the page that Paste's URLMap gives, in HTML only
// to who accepts that. Without a Host field Paste fails; here the page has ”.
func (u *urlMap) serveNotFound(w http.ResponseWriter, r *http.Request) {
	path := widen(r.URL.Path)
	accept := strings.Join(r.Header.Values("Accept"), ", ")
	kind, page := "text/plain", "404 Not Found\r\nThe resource could not be found.\r\n"+path+"\r\n\r\n"
	if strings.Contains(accept, "html") || strings.Contains(accept, "*/*") {
		kind = "text/html"
		// Nothing in the comment can end it: its angle brackets are escaped.
		page = pageHead + escape(path) + "\r\n<!-- " + escape(u.comment(r)) + pageFoot
	}
	w.Header().Set("Content-Type", kind+"; charset=utf8")
	w.WriteHeader(http.StatusNotFound)
	_, _ = io.WriteString(w, page) // the client may have gone
}

// comment says what was looked for and where.
func (u *urlMap) comment(r *http.Request) string {
	var b strings.Builder
	b.WriteString("defined apps: ")
	for i, a := range u.apps {
		if i > 0 {
			b.WriteString(",\n  ")
		}
		b.WriteString(a.mount.String())
	}
	b.WriteString("\nSCRIPT_NAME: " + ini.Repr(escape(widen(h1.ScriptName(r)))))
	b.WriteString("\nPATH_INFO: " + ini.Repr(escape(widen(r.URL.Path))))
	b.WriteString("\nHTTP_HOST: " + ini.Repr(escape(widen(r.Host))))
	return b.String()
}

// escape is Python's html.escape.
func escape(s string) string {
	return strings.NewReplacer("&#34;", "&quot;", "&#39;", "&#x27;").Replace(html.EscapeString(s))
}

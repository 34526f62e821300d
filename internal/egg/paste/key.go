package paste

import (
	"fmt"
	"strings"

	"pasted/internal/ini"
	"pasted/paste"
)

// A mount is where a urlmap puts an application: a domain, perhaps with a
// port, or any, and a path without a slash at its end.
type mount struct {
	domain    string
	anyDomain bool
	path      string
}

// mistakef makes the error that Paste's code would raise.
func mistakef(class, format string, args ...any) *paste.Error {
	text := fmt.Sprintf(format, args...)
	return &paste.Error{Class: class, Text: text, Message: text}
}

// parseKey reads a urlmap's key, which is a path, "domain D" and "port N" in
// any order, and returns the URL that Paste makes of it.
func parseKey(key string) (url string, err *paste.Error) {
	var domain, port, path string
	words := strings.Fields(key)
	for i := 0; i < len(words); i++ {
		switch words[i] {
		case "domain", "port":
			into, what := &domain, "a domain name"
			if words[i] == "port" {
				into, what = &port, "a port number"
			}
			if i+1 == len(words) {
				return "", mistakef("ValueError", "'%s' must be followed with %s", words[i], what)
			}
			if *into != "" {
				return "", mistakef("ValueError", "'%s' given twice", words[i])
			}
			i++
			*into = words[i]
		default:
			if path != "" {
				return "", mistakef("ValueError", "more than one path given (have %s, got %s)", ini.Repr(path), ini.Repr(words[i]))
			}
			path = words[i]
		}
	}
	return joinURL(domain, port, path)
}

func joinURL(domain, port, path string) (string, *paste.Error) {
	url := ""
	if domain != "" {
		url = "http://" + domain
	}
	if port != "" {
		if domain == "" {
			return "", mistakef("ValueError", "If you give a port, you must also give a domain")
		}
		url += ":" + port
	}
	if path != "" && url != "" {
		url += "/"
	}
	return url + path, nil
}

// parseMount takes the URL of a key apart.
func parseMount(url string) (mount, *paste.Error) {
	for _, scheme := range []string{"http://", "https://"} {
		if rest, ok := strings.CutPrefix(url, scheme); ok {
			domain, path, _ := strings.Cut(rest, "/")
			return mount{domain: domain, path: cleanPath("/" + path)}, nil
		}
	}
	if url != "" && url[0] != '/' {
		return mount{}, mistakef("AssertionError", "URL fragments must start with / or http:// (you gave %s)", ini.Repr(url))
	}
	return mount{anyDomain: true, path: cleanPath(url)}, nil
}

func cleanPath(path string) string {
	return strings.TrimRight(joinSlashes(path), "/")
}

// joinSlashes makes one slash of several.
func joinSlashes(path string) string {
	if !strings.Contains(path, "//") {
		return path
	}
	out := make([]byte, 0, len(path))
	for i := range len(path) {
		if path[i] != '/' || i == 0 || path[i-1] != '/' {
			out = append(out, path[i])
		}
	}
	return string(out)
}

// String is the mount as Python shows it, and so Paste's 404 page.
func (m mount) String() string {
	domain := "None"
	if !m.anyDomain {
		domain = ini.Repr(m.domain)
	}
	return "(" + domain + ", " + ini.Repr(m.path) + ")"
}

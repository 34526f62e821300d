package paste

import (
	"strings"
	"unicode/utf8"

	"pasted/internal/ini"
)

// isURI says whether name begins with a scheme, PasteDeploy's way: letters and
// a colon.
func isURI(name string) bool {
	scheme, _, found := strings.Cut(name, ":")
	return found && scheme != "" && strings.Trim(scheme, letters) == ""
}

const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

// load is PasteDeploy's loadcontext. relativeTo is the directory of the file
// that uri stands in, or empty.
func (r *resolver) load(q request, uri, relativeTo string) (*Context, *Error) {
	uri, fragment, found := strings.Cut(uri, "#")
	if q.name == nil && found {
		q.name = &fragment
	}
	if q.name == nil {
		q = q.named("main")
	}
	scheme, path, found := strings.Cut(uri, ":")
	if !found {
		return nil, noScheme(q.from, uri)
	}
	q.at = q.at.deeper(uriFrames)
	switch lower := strings.ToLower(scheme); lower {
	case "config":
		return r.loadFile(q, uri, path, relativeTo)
	case "egg":
		return r.loader("egg:"+path, q.at).resolve(q)
	case "call":
		return r.loader("call:"+path, q.at).resolve(q)
	default:
		return nil, unknownScheme(q.from, uri, lower)
	}
}

// knownScheme says whether load knows the scheme of a URI.
func knownScheme(uri string) bool {
	scheme, _, _ := strings.Cut(uri, ":")
	switch strings.ToLower(scheme) {
	case "config", "egg", "call":
		return true
	}
	return false
}

// loadFile resolves q in the file that a config: URI names.
func (r *resolver) loadFile(q request, uri, path, relativeTo string) (*Context, *Error) {
	name, err := fileName(q.from, uri, path, relativeTo)
	if err != nil {
		return nil, err
	}
	q.from.using = false
	l, err := r.fileLoader(q, name)
	if err != nil {
		return nil, err
	}
	return l.context(q)
}

// fileName returns the file that the path of a config: URI means.
func fileName(from origin, uri, path, relativeTo string) (string, *Error) {
	absolute := strings.HasPrefix(path, "/")
	path = strings.ReplaceAll(path, `\`, "/")
	if !absolute {
		if relativeTo == "" {
			return "", relativeURI(from, uri)
		}
		dir := strings.ReplaceAll(relativeTo, `\`, "/")
		path = strings.TrimSuffix(dir, "/") + "/" + path
	}
	if strings.HasPrefix(path, "///") {
		path = path[2:]
	}
	return ini.TrimSpace(unquote(path)), nil
}

// unquote is Python's urllib.parse.unquote. What the escapes within one run of
// ASCII stand for is decoded by itself, with U+FFFD for what is not UTF-8.
func unquote(s string) string {
	if !strings.ContainsRune(s, '%') {
		return s
	}
	var b strings.Builder
	for s != "" {
		end := strings.IndexFunc(s, func(r rune) bool { return r >= utf8.RuneSelf })
		if end < 0 {
			end = len(s)
		}
		b.WriteString(ini.ReplaceInvalid(unquoteASCII(s[:end])))
		s = s[end:]
		end = strings.IndexFunc(s, func(r rune) bool { return r < utf8.RuneSelf })
		if end < 0 {
			end = len(s)
		}
		b.WriteString(s[:end])
		s = s[end:]
	}
	return b.String()
}

// unquoteASCII puts bytes in the place of the escapes in s; what is no escape
// stays.
func unquoteASCII(s string) []byte {
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]) {
			out = append(out, hexValue(s[i+1])<<4|hexValue(s[i+2]))
			i += 2
			continue
		}
		out = append(out, s[i])
	}
	return out
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f'
}

func hexValue(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}

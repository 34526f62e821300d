package interpreter

import (
	"bytes"
	"strings"

	"pasted/internal/ini"
)

// entryPoints reads the groups of an entry_points.txt that begin with "paste.",
// as importlib.metadata does since Python 3.10: of one name the first counts,
// and a line that is none is passed over. It is nil if there is no such group.
func entryPoints(data []byte) map[string]map[string]string {
	if !bytes.Contains(data, []byte("paste.")) {
		return nil
	}
	var groups map[string]map[string]string
	group := ""
	for _, line := range lines(string(data)) {
		line = ini.TrimSpace(line)
		if strings.HasPrefix(line, "[") && strings.HasSuffix(line, "]") {
			group = strings.Trim(line, "[]")
			continue
		}
		name, object, ok := strings.Cut(line, "=")
		if !ok || strings.HasPrefix(line, "#") || !strings.HasPrefix(group, "paste.") {
			continue
		}
		if groups == nil {
			groups = make(map[string]map[string]string)
		}
		if groups[group] == nil {
			groups[group] = make(map[string]string)
		}
		name = ini.TrimSpace(name)
		if _, taken := groups[group][name]; !taken {
			groups[group][name] = ini.TrimSpace(object)
		}
	}
	return groups
}

// lines splits text as Python's str.splitlines does, leaving out empty lines.
func lines(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool {
		return '\n' <= r && r <= '\r' || 0x1c <= r && r <= 0x1e || r == 0x85 || r == 0x2028 || r == 0x2029
	})
}

// headerFields reads the header of a METADATA or PKG-INFO file (RFC 822), up to
// the first empty line: names in lower case, of one name the first, and of a
// folded field the first line. An absent value is what older tools write as
// UNKNOWN.
func headerFields(text string) map[string]string {
	fields := make(map[string]string)
	for line := range strings.SplitSeq(strings.ReplaceAll(text, "\r\n", "\n"), "\n") {
		if line == "" {
			break
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok || strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t") {
			continue
		}
		name, value = strings.ToLower(name), ini.TrimSpace(value)
		if _, taken := fields[name]; !taken && value != "UNKNOWN" {
			fields[name] = value
		}
	}
	return fields
}

package release

import (
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"pasted/paste"
)

// A target is what the command line names: a file, and a section in it.
type target struct {
	file    string      // absolute
	name    string      // the fragment; empty if there is none
	options *paste.Conf // those of a query; empty if there is none
}

// plasterSchemes are those before which plaster, which reads pserve's URIs,
// wants a PasteDeploy file.
var plasterSchemes = []string{"pastedeploy", "pastedeploy+ini", "file+ini"}

// eggSchemes name a distribution, which has no server.
var eggSchemes = []string{"egg", "pastedeploy+egg"}

// parseTarget reads FILE[?VAR=VALUE&…][#NAME], FILE being a path, perhaps with a
// scheme of plaster's before it, or a config: URI, which has no variables. A
// relative path starts from the working directory. Unlike in a URI within a
// file, a plain path is taken as it stands: no percent sign in it is special,
// nor a question mark if there is such a file.
func parseTarget(arg string) (target, error) {
	path, name, _ := strings.Cut(arg, "#")
	t := target{name: name, options: paste.NewConf()}
	scheme, rest, _ := strings.Cut(path, ":")
	switch scheme = strings.ToLower(scheme); {
	case scheme == "config" && rest != "":
		path = unquote(rest)
	case slices.Contains(plasterSchemes, scheme):
		path, t.options = cutQuery(strings.TrimPrefix(rest, "//"))
	case slices.Contains(eggSchemes, scheme):
		return target{}, &paste.Error{
			Class: "LookupError", Message: arg + `: a distribution is not served by itself: want FILE or FILE#NAME`,
			Hint: "write a file with `use = " + "egg:" + rest + "` in [app:main], and how to listen in [server:main]",
		}
	default:
		path, t.options = cutQuery(path)
	}
	if path == "" {
		return target{}, &paste.Error{
			Class: "LookupError", Message: `no file in "` + arg + `": want FILE or FILE#NAME`,
		}
	}
	file, err := filepath.Abs(path)
	if err != nil {
		return target{}, err
	}
	if info, err := os.Stat(file); err == nil && info.IsDir() {
		return target{}, &paste.Error{
			Class: "IsADirectoryError", Pos: paste.Position{File: path},
			Message: "this is a directory: want a PasteDeploy file",
		}
	}
	t.file = file
	return t, nil
}

// cutQuery returns what stands before the question mark, and the variables
// behind it. As in Python's parse_qsl, one without a value is none.
func cutQuery(path string) (string, *paste.Conf) {
	options := paste.NewConf()
	file, query, found := strings.Cut(path, "?")
	if _, err := os.Stat(path); !found || err == nil {
		return path, options
	}
	for pair := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(name)
		value, err2 := url.QueryUnescape(value)
		if err == nil && err2 == nil && value != "" {
			options.Set(name, value)
		}
	}
	return file, options
}

// uri returns t's file as a config: URI, whose path is percent-encoded where
// PasteDeploy would decode it.
func (t target) uri() string {
	return "config:" + strings.NewReplacer("%", "%25", "#", "%23").Replace(t.file)
}

// unquote decodes the percent-encoding of a config: URI. As in Python, a
// percent sign that encodes nothing stands for itself.
func unquote(path string) string {
	if decoded, err := url.PathUnescape(path); err == nil {
		return decoded
	}
	return path
}

// FileOf returns the absolute path of the file that arg names, as in
// Options.File. The error says that there is none, or that it names none.
func FileOf(arg string) (string, error) {
	t, err := parseTarget(arg)
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(t.file); err != nil {
		_, err = paste.Open(t.file, paste.Options{})
		return t.file, err
	}
	return t.file, nil
}

package release

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"pasted/paste"
)

// A target is what the command line names: a file, and a section in it.
type target struct {
	file string // absolute
	name string // the fragment; empty if there is none
}

// parseTarget reads FILE[#NAME], FILE being a path or a config: URI. A relative
// path starts from the working directory. Unlike in a URI within a file, a
// plain path is taken as it stands: no percent sign in it is special.
func parseTarget(arg string) (target, error) {
	path, name, _ := strings.Cut(arg, "#")
	if rest, ok := strings.CutPrefix(path, "config:"); ok {
		path = unquote(rest)
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
	return target{file, name}, nil
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

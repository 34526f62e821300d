package outcome

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"pasted/internal/ini"
	"pasted/paste"
)

// A plasterURI is plaster's PlasterURL.
type plasterURI struct {
	scheme, path, fragment string
	options                *paste.Conf
}

// plasterSchemes are those that plaster_pastedeploy has a loader for.
var plasterSchemes = []string{"egg", "file+ini", "pastedeploy", "pastedeploy+egg", "pastedeploy+ini"}

// parsePlasterURI is plaster's get_loader, without the loader: parse_uri, and
// whether there is one for the scheme. The error is a *paste.Error.
func parsePlasterURI(uri string) (*plasterURI, error) {
	text, absolute := uri, strings.HasPrefix(uri, "/")
	if absolute {
		text = "dummy://" + uri
	}
	parts, err := splitURL(text)
	if err != nil {
		return nil, err
	}
	path := parts.path
	if parts.netloc != "" {
		if path != "" && path[0] != '/' {
			path = "/" + path
		}
		path = "//" + parts.netloc + path
	}
	u := &plasterURI{scheme: parts.scheme, path: strings.TrimPrefix(path, "//"), fragment: parts.fragment}
	if u.scheme == "" || absolute {
		u.scheme = ""
		if extension := splitExtension(u.path); len(extension) > 1 {
			u.scheme = "file+" + extension[1:]
		}
	}
	if u.scheme == "" {
		return nil, &paste.Error{
			Class: "plaster.exceptions.InvalidURI",
			Text:  fmt.Sprintf("Could not determine the loader scheme for the supplied config_uri \"%s\"", text),
		}
	}
	u.options = parseQuery(parts.query)
	if !hasLoader(u.scheme) {
		return nil, &paste.Error{
			Class: "plaster.exceptions.LoaderNotFound",
			Text:  fmt.Sprintf("Could not find a matching loader for the scheme \"%s\", protocol \"wsgi\".", u.scheme),
		}
	}
	return u, nil
}

// hasLoader says whether plaster finds a loader: by the name of its entry point,
// which the distribution's may stand before.
func hasLoader(scheme string) bool {
	scheme = strings.ToLower(scheme)
	return slices.Contains(plasterSchemes, strings.TrimPrefix(scheme, "plaster-pastedeploy+")) ||
		slices.Contains(plasterSchemes, scheme)
}

// isEgg says whether u means a distribution and not a file.
func (u *plasterURI) isEgg() bool { return strings.HasSuffix(u.scheme, "egg") }

// spec is the URI of PasteDeploy's that u means.
func (u *plasterURI) spec() string {
	if u.isEgg() {
		return "egg:" + u.path
	}
	return "config:" + u.path
}

// A split is a URL taken apart as Python's urllib does, without its params.
type split struct{ scheme, netloc, path, query, fragment string }

const schemeChars = letters + "0123456789+-."
const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

// splitURL is urllib.parse.urlparse. The error is a *paste.Error.
func splitURL(url string) (split, error) {
	var s split
	url = strings.NewReplacer("\t", "", "\r", "", "\n", "").Replace(url)
	if scheme, rest, ok := strings.Cut(url, ":"); ok && scheme != "" && strings.Trim(scheme, schemeChars) == "" &&
		strings.ContainsRune(letters, rune(scheme[0])) {
		s.scheme, url = strings.ToLower(scheme), rest
	}
	if rest, ok := strings.CutPrefix(url, "//"); ok {
		end := strings.IndexAny(rest, "/?#")
		if end < 0 {
			end = len(rest)
		}
		s.netloc, url = rest[:end], rest[end:]
		if strings.Contains(s.netloc, "[") != strings.Contains(s.netloc, "]") {
			return s, &paste.Error{Class: "ValueError", Text: "Invalid IPv6 URL"}
		}
	}
	url, s.fragment, _ = strings.Cut(url, "#")
	s.path, s.query, _ = strings.Cut(url, "?")
	if slices.Contains(schemesWithParams, s.scheme) {
		last := strings.LastIndexByte(s.path, '/') + 1
		name, _, _ := strings.Cut(s.path[last:], ";")
		s.path = s.path[:last] + name
	}
	return s, nil
}

// schemesWithParams are those in whose paths a semicolon ends the last segment.
var schemesWithParams = []string{"", "ftp", "hdl", "prospero", "http", "https", "shttp", "rtsp", "rtspu", "sip", "sips", "mms", "sftp", "tel"}

// splitExtension returns what os.path.splitext does: from the last dot of the
// last segment, unless only dots stand before it.
func splitExtension(path string) string {
	name := path[strings.LastIndexByte(path, '/')+1:]
	dot := strings.LastIndexByte(name, '.')
	if dot < 0 || strings.Trim(name[:dot], ".") == "" {
		return ""
	}
	return name[dot:]
}

// parseQuery is urllib.parse.parse_qsl, made a dict: names without a value are
// left out.
func parseQuery(query string) *paste.Conf {
	options := new(paste.Conf)
	for part := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(part, "=")
		if value != "" {
			options.Set(unquotePlus(name), unquotePlus(value))
		}
	}
	return options
}

// unquotePlus decodes a form's encoding.
func unquotePlus(text string) string {
	text = strings.ReplaceAll(text, "+", " ")
	var out []byte
	for i := 0; i < len(text); i++ {
		if text[i] == '%' && i+2 < len(text) {
			if b, err := strconv.ParseUint(text[i+1:i+3], 16, 8); err == nil {
				out = append(out, byte(b))
				i += 2
				continue
			}
		}
		out = append(out, text[i])
	}
	return ini.ReplaceInvalid(out)
}

// defaults are what plaster_pastedeploy passes on: __file__ and here, the URI's
// options, and what is given.
func (s *Session) defaults(u *plasterURI, given *paste.Conf) (*paste.Conf, error) {
	conf := new(paste.Conf)
	if u.isEgg() {
		cwd, err := os.Getwd()
		if err != nil {
			return nil, err
		}
		conf.Set("__file__", s.objects.hide(nil))
		conf.Set("here", cwd)
	} else {
		defaults, err := ini.FileDefaults(u.path)
		if err != nil {
			return nil, err
		}
		conf.Set("__file__", defaults[1].Value)
		conf.Set("here", defaults[0].Value)
	}
	conf.Update(u.options)
	conf.Update(given)
	return conf, nil
}

// plasterRequest reads what the calls of plaster's loader have in common.
func (s *Session) plasterRequest(c call, kind paste.Kind) (Request, error) {
	u, err := parsePlasterURI(c.uri)
	if err != nil {
		return Request{}, err
	}
	given, err := s.readConf(c.Object, "defaults")
	if err != nil {
		return Request{}, err
	}
	cwd, err := os.Getwd()
	if err != nil {
		return Request{}, err
	}
	q := Request{Kind: kind, URI: u.spec(), RelativeTo: cwd, Name: u.name(c, "name")}
	q.GlobalConf, err = s.defaults(u, given)
	return q, err
}

// name returns a call's member, or else the URI's fragment, or else nil.
func (u *plasterURI) name(c call, key string) *string {
	if name, ok := c.text(key); ok {
		return &name
	}
	if u.fragment != "" {
		return &u.fragment
	}
	return nil
}

func (s *Session) plasterURI(_ context.Context, c call) (Object, error) {
	u, err := parsePlasterURI(c.uri)
	if err != nil {
		return nil, err
	}
	return Object{{"uri", Object{
		{"scheme", u.scheme}, {"path", u.path}, {"options", s.conf(u.options)}, {"fragment", u.fragment},
	}}}, nil
}

func (s *Session) plasterSections(_ context.Context, c call) (Object, error) {
	u, err := parsePlasterURI(c.uri)
	if err != nil {
		return nil, err
	}
	sections := []string{}
	if u.isEgg() {
		return Object{{"sections", sections}}, nil
	}
	loader, err := paste.Open(u.path, paste.Options{})
	if err != nil {
		return nil, err
	}
	for _, section := range loader.Sections() {
		sections = append(sections, section.Name)
	}
	return Object{{"sections", sections}}, nil
}

func (s *Session) plasterAppSettings(ctx context.Context, c call) (Object, error) {
	q, err := s.plasterRequest(c, paste.AppKind)
	if err != nil {
		return nil, err
	}
	resolved, err := s.Resolve(ctx, q)
	if err != nil {
		return nil, err
	}
	return Object{{"settings", s.conf(resolved.LocalConf)}, {"global_conf", s.conf(resolved.GlobalConf)}}, nil
}

// plasterGets returns get_wsgi_app and its like, which load and create.
func plasterGets(kind paste.Kind) function {
	return func(s *Session, ctx context.Context, c call) (Object, error) {
		q, err := s.plasterRequest(c, kind)
		if err != nil {
			return nil, err
		}
		resolved, err := s.Resolve(ctx, q)
		if err != nil {
			return nil, err
		}
		creation, err := s.Create(ctx, kind, resolved)
		if err != nil {
			return nil, err
		}
		if raised := creation.Get("error"); raised != nil {
			return Object{{"error", raised}}, nil
		}
		return Object{{"result", creation.Get("result")}, {"calls", creation.Get("calls")}}, nil
	}
}

package outcome

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"pasted/paste"
)

// A Case is a file of calls.
type Case struct {
	// Permissive says that nothing is to be imported.
	Permissive bool
	// Dir is the absolute folder of the case: "@CASE@" in a call, and where
	// the calls are made.
	Dir string

	calls []Object
}

// A CaseError says what is wrong with a file of calls.
type CaseError struct {
	File    string
	Message string
}

// Error returns "file: message".
func (e *CaseError) Error() string { return e.File + ": " + e.Message }

// ReadCase reads a case: a JSON object with "calls", a list of objects with
// "fn", and perhaps "permissive". The error is a *CaseError.
func ReadCase(path string) (*Case, error) {
	dir, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, &CaseError{path, err.(*os.PathError).Err.Error()}
	}
	return NewCase(path, dir, data)
}

// NewCase is ReadCase for what stands in a file of that name, in the absolute
// folder dir.
func NewCase(path, dir string, data []byte) (*Case, error) {
	object, err := decodeObject(data)
	if err != nil {
		return nil, &CaseError{path, err.Error()}
	}
	c := &Case{Dir: dir, Permissive: object.Get("permissive") == true}
	list, ok := object.Get("calls").([]any)
	if !ok {
		return nil, &CaseError{path, "no calls: want a list of them"}
	}
	for i, value := range list {
		call, ok := value.(Object)
		if !ok {
			return nil, &CaseError{path, fmt.Sprintf("call %d: want an object", i)}
		}
		if fn, _ := call.text("fn"); functions()[fn] == nil {
			return nil, &CaseError{path, fmt.Sprintf("call %d: fn = %q: want one of %s", i, fn,
				strings.Join(slices.Sorted(maps.Keys(functions())), ", "))}
		}
		c.calls = append(c.calls, call)
	}
	return c, nil
}

// functions are what a case may call.
func functions() map[string]function {
	return map[string]function{
		"parse":      func(_ *Session, _ context.Context, c call) (Object, error) { return Parse(c.uri), nil },
		"appconfig":  (*Session).appconfig,
		"loadapp":    loads(paste.AppKind),
		"loadfilter": loads(paste.FilterKind),
		"loadserver": loads(paste.ServerKind),
		"get_app":    gets(paste.AppKind),
		"get_filter": gets(paste.FilterKind),
		"get_server": gets(paste.ServerKind),

		"plaster.uri":                   (*Session).plasterURI,
		"plaster.get_sections":          (*Session).plasterSections,
		"plaster.get_settings":          (*Session).plasterSettings,
		"plaster.get_wsgi_app_settings": (*Session).plasterAppSettings,
		"plaster.get_wsgi_app":          plasterGets(paste.AppKind),
		"plaster.get_wsgi_filter":       plasterGets(paste.FilterKind),
		"plaster.get_wsgi_server":       plasterGets(paste.ServerKind),
	}
}

type function func(*Session, context.Context, call) (Object, error)

// A call is one of a case, its names made real.
type call struct {
	Object
	uri        string
	name       *string
	relativeTo string
	globalConf *paste.Conf
}

// Run makes the calls of a case in its folder, which becomes the working
// directory, and returns {"results": […]}, each result being the call and what
// came of it. The error says that a call could not be made at all.
func (s *Session) Run(ctx context.Context, c *Case) (Object, error) {
	results := make([]Object, 0, len(c.calls))
	for i, object := range c.calls {
		if err := os.Chdir(c.Dir); err != nil {
			return nil, err
		}
		call, err := s.read(object, c.Dir)
		if err != nil {
			return nil, fmt.Errorf("call %d: %w", i, err)
		}
		fn, _ := object.text("fn")
		result, err := functions()[fn](s, ctx, call)
		if err != nil {
			told, ok := Error(err)
			if !ok {
				return nil, fmt.Errorf("call %d, %s: %w", i, fn, err)
			}
			result = Object{{"error", told}}
		}
		results = append(results, append(Object{{"call", object}}, result...))
	}
	return Object{{"results", results}}, nil
}

// read makes a call's names real.
func (s *Session) read(object Object, dir string) (call, error) {
	c := call{Object: object}
	top := filepath.Dir(filepath.Dir(dir))
	uri, _ := object.text("uri")
	c.uri = strings.NewReplacer("@CORPUS@", top, "@CASE@", dir).Replace(uri)
	relativeTo, _ := object.text("relative_to")
	c.relativeTo = strings.NewReplacer("@CORPUS@", top, "@CASE@", dir).Replace(relativeTo)
	if name, ok := object.text("name"); ok {
		name = strings.ReplaceAll(name, "@CORPUS@", top)
		c.name = &name
	}
	var err error
	c.globalConf, err = s.readConf(object, "global_conf")
	return c, err
}

// readConf reads a member that is variables, nil if there are none.
func (s *Session) readConf(object Object, key string) (*paste.Conf, error) {
	value := object.Get(key)
	if value == nil {
		return nil, nil
	}
	members, ok := value.(Object)
	if !ok {
		return nil, errors.New(key + ": want an object")
	}
	conf := new(paste.Conf)
	for _, m := range members {
		conf.Set(m.Key, s.objects.hide(m.Value))
	}
	return conf, nil
}

// loads returns loadapp and its like.
func loads(kind paste.Kind) function {
	return func(s *Session, ctx context.Context, c call) (Object, error) {
		resolved, err := s.Resolve(ctx, c.request(kind))
		if err != nil {
			return nil, err
		}
		return s.created(ctx, kind, resolved)
	}
}

// gets returns a loader's get_app and its like.
func gets(kind paste.Kind) function {
	return func(s *Session, ctx context.Context, c call) (Object, error) {
		resolved, err := s.open(ctx, c.request(kind))
		if err != nil {
			return nil, err
		}
		return s.created(ctx, kind, resolved)
	}
}

func (c call) request(kind paste.Kind) Request {
	return Request{Kind: kind, URI: c.uri, Name: c.name, RelativeTo: c.relativeTo, GlobalConf: c.globalConf}
}

// created returns a context and what creating it gives.
func (s *Session) created(ctx context.Context, kind paste.Kind, c *paste.Context) (Object, error) {
	creation, err := s.Create(ctx, kind, c)
	return Object{{"context", s.Dump(c)}, {"create", creation}}, err
}

// appconfig is PasteDeploy's.
func (s *Session) appconfig(ctx context.Context, c call) (Object, error) {
	resolved, err := s.Resolve(ctx, c.request(paste.AppKind))
	if err != nil {
		return nil, err
	}
	return Object{
		{"config", s.conf(resolved.Config())},
		{"local_conf", s.conf(resolved.LocalConf)},
		{"global_conf", s.conf(resolved.GlobalConf)},
	}, nil
}

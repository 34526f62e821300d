package paste

import (
	"errors"
	"fmt"
	"strings"
	"unicode"

	"pasted/internal/ini"
)

// egg resolves an entry point of the distribution spec.
func (l *Loader) egg(q request, spec string) (*Context, *Error) {
	e, err := l.r.entryPoint(q, spec, *q.name)
	if err != nil {
		return nil, err
	}
	conf := q.conf
	if conf.Len() == 0 {
		conf = new(Conf)
	}
	return &Context{
		Type:           contextType(q.kind),
		Protocol:       e.protocol,
		Object:         e.object,
		GlobalConf:     conf,
		LocalConf:      new(Conf),
		Loader:         l,
		Distribution:   spec,
		EntryPointName: *q.name,
		Assumed:        e.assumed,
		Pos:            q.from.pos,
	}, nil
}

// A foundEntryPoint is what a lookup in a distribution gives.
type foundEntryPoint struct {
	object   *Object
	protocol string
	assumed  bool
}

// entryPoint looks the name up: in each group of protocols the first that has
// it counts.
func (r *resolver) entryPoint(q request, spec, name string) (*foundEntryPoint, *Error) {
	native, err := r.installed(q.from, spec)
	if err != nil {
		return nil, err
	}
	var found []*foundEntryPoint
	for _, group := range protocols(q.kind) {
		e, err := r.firstOf(q.from, spec, group, name)
		if err != nil {
			return nil, err
		}
		if e != nil {
			found = append(found, e)
		}
	}
	switch {
	case len(found) == 1:
		if native {
			r.noteNative(q.from, spec)
		}
		return found[0], nil
	case len(found) > 1:
		return nil, ambiguousEntryPoints(q, spec, name)
	case r.opts.Assume:
		return assumed(q, spec, name), nil
	case native:
		return nil, r.notNative(q, spec, name)
	}
	return nil, r.noEntryPoint(q, spec, name)
}

// firstOf returns the entry point of the first protocol of group that has the
// name, or nil.
func (r *resolver) firstOf(from origin, spec string, group []string, name string) (*foundEntryPoint, *Error) {
	for _, protocol := range group {
		text, ok, err := r.lookup(from, spec, protocol, name)
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		object := new(Object)
		if text != "" {
			if object, err = reference(from, text); err != nil {
				return nil, err
			}
		}
		object.Style, object.Egg = EntryPointStyle, spec+"#"+name
		if err := r.imported(from, object); err != nil {
			return nil, err
		}
		return &foundEntryPoint{object: object, protocol: protocol}, nil
	}
	return nil, nil
}

// assumed returns the entry point that would fit where it is asked for: in a
// composite section a composite.
func assumed(q request, spec, name string) *foundEntryPoint {
	protocol := appFactory
	prefix, _, _ := strings.Cut(q.from.section, ":")
	switch {
	case q.kind == FilterKind:
		protocol = filterFactory
	case q.kind == ServerKind:
		protocol = serverFactory
	case q.from.using && (prefix == "composite" || prefix == "composit"):
		protocol = compositeFactory
	}
	object := &Object{Style: EntryPointStyle, Egg: spec + "#" + name}
	return &foundEntryPoint{object: object, protocol: protocol, assumed: true}
}

// installed checks that a distribution is there, and says whether only the
// native registry has it.
func (r *resolver) installed(from origin, distribution string) (native bool, _ *Error) {
	if r.opts.Assume {
		return false, nil
	}
	if distribution == "" {
		return false, noDistribution(from)
	}
	err := r.installedWhere(distribution)
	var missing *NotInstalledError
	switch {
	case err == nil:
		return false, nil
	case !errors.As(err, &missing):
		return false, untold(from, distribution, err)
	case r.nativeHas(distribution):
		return true, nil
	}
	return false, notInstalled(from, distribution, err)
}

// noteNative reports the liberty of a native distribution, unless there is
// nowhere else that it could be installed.
func (r *resolver) noteNative(from origin, distribution string) {
	if r.opts.EntryPoints != nil {
		r.note(from, fmt.Sprintf("distribution %q is not installed: Pasted's own is used", distribution))
	}
}

func (r *resolver) installedWhere(distribution string) error {
	if r.opts.EntryPoints == nil {
		return &NotInstalledError{Distribution: distribution}
	}
	return r.opts.EntryPoints.Installed(distribution)
}

func (r *resolver) nativeHas(distribution string) bool {
	return r.opts.Native != nil && !r.opts.Strict && r.opts.Native.Installed(distribution) == nil
}

// lookup asks for one entry point of a distribution: EntryPoints if it is
// installed there, else Native.
func (r *resolver) lookup(from origin, distribution, group, name string) (string, bool, *Error) {
	var missing *NotInstalledError
	if r.opts.EntryPoints != nil {
		text, ok, err := r.opts.EntryPoints.EntryPoint(distribution, group, name)
		if err == nil {
			return text, ok, nil
		}
		if !errors.As(err, &missing) {
			return "", false, untold(from, distribution, err)
		}
	}
	if !r.nativeHas(distribution) {
		return "", false, nil
	}
	text, ok, err := r.opts.Native.EntryPoint(distribution, group, name)
	if err != nil {
		return "", false, untold(from, distribution, err)
	}
	return text, ok, nil
}

// reference reads "module:attr.attr [extras]" as importlib.metadata does. The
// attribute may be left out; extras are ignored.
func reference(from origin, text string) (*Object, *Error) {
	module, rest := cutName(text)
	rest = trimLeft(rest)
	attr := ""
	if after, ok := strings.CutPrefix(rest, ":"); ok {
		attr, rest = cutName(trimLeft(after))
		rest = trimLeft(rest)
		if attr == "" {
			return nil, malformed(from, text)
		}
	}
	extras := ini.TrimSpace(rest)
	bracketed := len(extras) >= 2 && extras[0] == '[' && extras[len(extras)-1] == ']' &&
		!strings.ContainsRune(extras, '\n')
	if module == "" || extras != "" && !bracketed {
		return nil, malformed(from, text)
	}
	parts := strings.FieldsFunc(attr, func(r rune) bool { return r == '.' })
	return &Object{Module: module, Attr: strings.Join(parts, "."), Text: ini.TrimSpace(text)}, nil
}

// cutName splits text behind the word characters and dots that it begins with.
func cutName(text string) (name, rest string) {
	end := strings.IndexFunc(text, func(r rune) bool { return r != '.' && !isWord(r) })
	if end < 0 {
		return text, ""
	}
	return text[:end], text[end:]
}

// isWord says whether a regular expression of Python takes r for \w.
func isWord(r rune) bool {
	return r == '_' || unicode.IsLetter(r) || unicode.IsNumber(r)
}

func trimLeft(s string) string {
	return s[strings.Index(s, ini.TrimSpace(s)):]
}

// imported asks whether an object can be imported; what only a registry has
// needs not be.
func (r *resolver) imported(from origin, object *Object) *Error {
	if r.opts.Import == nil || object.Module == "" && object.Style != CallStyle {
		return nil
	}
	err := r.opts.Import(object)
	if err == nil {
		return nil
	}
	return notImported(from, object, err)
}

// call resolves a call: URI's spec: one colon, everything behind it one
// attribute's name.
func (l *Loader) call(q request, spec string) (*Context, *Error) {
	module, attr, found := strings.Cut(spec, ":")
	if !found {
		return nil, callWithoutFunction(q.from, spec)
	}
	if strings.Contains(attr, ":") {
		return nil, callWithTwo(q.from, spec)
	}
	object := &Object{Style: CallStyle, Module: module, Attr: attr}
	if err := l.r.imported(q.from, object); err != nil {
		return nil, err
	}
	return l.object(q, object, ""), nil
}

// object returns the context of an object that no section describes.
func (l *Loader) object(q request, object *Object, protocol string) *Context {
	conf := q.conf
	if conf.Len() == 0 {
		conf = new(Conf)
	}
	return &Context{
		Type:       contextType(q.kind),
		Protocol:   protocol,
		Object:     object,
		GlobalConf: conf,
		LocalConf:  new(Conf),
		Loader:     l,
		Pos:        q.from.pos,
	}
}

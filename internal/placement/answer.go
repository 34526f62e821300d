package placement

import (
	"errors"
	"fmt"
	"math/big"

	"pasted/internal/ini"
	"pasted/internal/marshal"
	"pasted/paste"
)

// Answer answers a question that code in Python has put to its loader. Every
// question has "context", the number of the context that the loader is of, and
// "ask":
//
//	(none)    "type": "app", "filter" or "server"; "name": str or None;
//	          "global_conf": dict of str or None
//	          -> {"context": tree}, as Encode has it
//	section   "type", "name" -> {"section": name}, what find_config_section
//	          returns
//	file      -> {"defaults": dict, "sections": dict of dicts}, the file as it
//	          stands, without interpolation
//
// or -> {"error": {"class", "text", "message", "where"}}: what PasteDeploy would
// raise; file, line and hint for people; and {"section", "file", "line"}, or
// None, of what is wrong. Whoever hands the answer on may add "imports", a list
// of objects that are to be imported first.
//
// The same question has the same answer for as long as the plan lives, whatever
// becomes of the files, unless it is one of thousands: then files are read
// again, as PasteDeploy would, and what is asked of a context that was the
// answer to such a question thousands of questions ago is an error.
func (p *Plan) Answer(question marshal.Dict) marshal.Dict {
	encoded, err := marshal.Append(nil, question)
	if err != nil {
		return refuse(err)
	}
	key := string(encoded)
	if answer, ok := p.contexts.answer(key); ok {
		return answer
	}
	if p.contexts.full(len(key)) {
		return p.find(question, func(ctx *paste.Context) int { return p.contexts.passingID(ctx, len(key)) })
	}
	return p.contexts.keep(key, p.find(question, p.contexts.id))
}

// find answers a question that has not been answered yet, with contexts
// numbered by number.
func (p *Plan) find(question marshal.Dict, number func(*paste.Context) int) marshal.Dict {
	answer, err := p.resolve(question, number)
	if err != nil {
		return refuse(err)
	}
	return answer
}

func (p *Plan) resolve(question marshal.Dict, number func(*paste.Context) int) (marshal.Dict, error) {
	id, _ := question.Get("context")
	asking, _ := id.(int64)
	ctx := p.contexts.get(asking)
	if ctx == nil || ctx.Loader == nil {
		return nil, fmt.Errorf("no loader for context %v", id)
	}
	switch ask, _ := question.Get("ask"); ask {
	case nil:
		found, err := p.child(ctx.Loader, question)
		if err != nil {
			return nil, err
		}
		return marshal.Dict{{Key: "context", Value: p.encode(found, number)}}, nil
	case "section":
		kind, name, err := wanted(question)
		if err != nil {
			return nil, err
		}
		section, err := ctx.Loader.FindSection(kind, name)
		if err != nil {
			return nil, err
		}
		return marshal.Dict{{Key: "section", Value: section}}, nil
	case "file":
		return encodeFile(ctx.Loader), nil
	default:
		return nil, fmt.Errorf("ask is %v: want section or file", ask)
	}
}

// child resolves what a loader is asked for.
func (p *Plan) child(l *paste.Loader, question marshal.Dict) (*paste.Context, error) {
	kind, name, err := wanted(question)
	if err != nil {
		return nil, err
	}
	global, err := decodeConf(question)
	if err != nil {
		return nil, err
	}
	ctx, err := l.Context(kind, name, global)
	if err != nil {
		return nil, err
	}
	return ctx, p.check(ctx)
}

// wanted returns the question's type and name; nil for None.
func wanted(question marshal.Dict) (paste.Kind, *string, error) {
	text, _ := question.Get("type")
	kind, _ := text.(string)
	switch paste.Kind(kind) {
	case paste.AppKind, paste.FilterKind, paste.ServerKind:
	default:
		return "", nil, fmt.Errorf("type %v: want app, filter or server", text)
	}
	switch name, _ := question.Get("name"); name := name.(type) {
	case nil:
		return paste.Kind(kind), nil, nil
	case string:
		return paste.Kind(kind), &name, nil
	default:
		return "", nil, fmt.Errorf("name is %s: want str or None", pythonType(name))
	}
}

// encodeFile is the whole of a loader's file; nothing for one of an egg.
func encodeFile(l *paste.Loader) marshal.Dict {
	sections := marshal.Dict{}
	for _, s := range l.Sections() {
		sections = append(sections, marshal.Pair{Key: s.Name, Value: encodeConf(l.Raw(s.Name))})
	}
	return marshal.Dict{
		{Key: "defaults", Value: encodeConf(l.Raw(ini.DefaultSection))},
		{Key: "sections", Value: sections},
	}
}

// decodeConf returns the question's global_conf, nil for None.
func decodeConf(question marshal.Dict) (*paste.Conf, error) {
	value, _ := question.Get("global_conf")
	if value == nil {
		return nil, nil
	}
	dict, ok := value.(marshal.Dict)
	if !ok {
		return nil, fmt.Errorf("global_conf is %s: want dict", pythonType(value))
	}
	conf := paste.NewConf()
	for _, pair := range dict {
		key, ok := pair.Key.(string)
		text, ok2 := pair.Value.(string)
		if !ok || !ok2 {
			return nil, fmt.Errorf("global_conf[%v] is %s: want str", pair.Key, pythonType(pair.Value))
		}
		conf.Set(key, text)
	}
	return conf, nil
}

// check returns an error if Python can't call ctx, or what is within it.
func (p *Plan) check(ctx *paste.Context) error {
	if _, err := p.object(ctx); err != nil {
		return err
	}
	for _, child := range children(ctx) {
		if err := p.check(child); err != nil {
			return err
		}
	}
	return nil
}

// refuse makes an answer of err. What is no mistake in a file is a TypeError
// of the code that asked.
func refuse(err error) marshal.Dict {
	class, text, message := "TypeError", err.Error(), err.Error()
	var where any
	var e *paste.Error
	if errors.As(err, &e) {
		if e.Class != "" {
			class, text = e.Class, e.Text
		}
		if e.Pos.File != "" {
			where = marshal.Dict{
				{Key: "section", Value: e.Section}, {Key: "file", Value: e.Pos.File}, {Key: "line", Value: e.Pos.Line}}
		}
		if e.Hint != "" {
			message += "\nhint: " + e.Hint
		}
	}
	return marshal.Dict{{Key: "error", Value: marshal.Dict{
		{Key: "class", Value: class},
		{Key: "text", Value: text},
		{Key: "message", Value: message},
		{Key: "where", Value: where},
	}}}
}

func pythonType(v any) string {
	switch v.(type) {
	case nil:
		return "None"
	case bool:
		return "bool"
	case int64, *big.Int:
		return "int"
	case float64:
		return "float"
	case string:
		return "str"
	case []byte:
		return "bytes"
	case []any:
		return "list"
	case marshal.Tuple:
		return "tuple"
	case marshal.Dict:
		return "dict"
	}
	return "another type"
}

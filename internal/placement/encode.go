package placement

import (
	"errors"
	"fmt"
	"math/big"
	"sync"

	"pasted/internal/marshal"
	"pasted/paste"
)

// contexts numbers the contexts that Python has been told of, so that a
// composite's factory there can ask for what its loader would find.
type contexts struct {
	mu      sync.Mutex
	byID    []*paste.Context // the first has the number 1
	ids     map[*paste.Context]int
	answers map[string]marshal.Dict // by question, as marshal has it
}

func (c *contexts) id(ctx *paste.Context) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if id, ok := c.ids[ctx]; ok {
		return id
	}
	if c.ids == nil {
		c.ids = make(map[*paste.Context]int)
	}
	c.byID = append(c.byID, ctx)
	c.ids[ctx] = len(c.byID)
	return len(c.byID)
}

func (c *contexts) get(id int64) *paste.Context {
	c.mu.Lock()
	defer c.mu.Unlock()
	if id < 1 || id > int64(len(c.byID)) {
		return nil
	}
	return c.byID[id-1]
}

// Encode returns ctx as the Python side takes it, a dict with these keys:
//
//	id                int, by which Answer knows the context
//	type              "application", "filter", "server", "pipeline",
//	                  "filter_app", "filtered_with"
//	protocol          "paste.app_factory", …; empty where there is none
//	object            None, or {"style", "module", "attr"}
//	egg               "Distribution#name" of an entry point, else empty
//	distribution, entry_point_name   empty but for an entry point
//	global_conf, local_conf          dicts of str, in order
//	loader            the URI of the file or the egg that a loader of it is for
//	section, file, line              empty and 0 where it stands in no file
//	filters, app      of a pipeline: a list of such dicts, the outermost
//	                  filter first, and such a dict
//	filter, next      of a filter_app and a filtered_with: such dicts
//
// The same context has the same id each time.
func (p *Plan) Encode(ctx *paste.Context) marshal.Dict {
	object, err := p.object(ctx)
	if err != nil {
		object = ctx.Object // it is no part of a plan; Python will say so
	}
	dict := marshal.Dict{
		{Key: "id", Value: p.contexts.id(ctx)},
		{Key: "type", Value: string(ctx.Type)},
		{Key: "protocol", Value: ctx.Protocol},
		{Key: "object", Value: encodeObject(object)},
		{Key: "egg", Value: egg(ctx.Object)},
		{Key: "distribution", Value: ctx.Distribution},
		{Key: "entry_point_name", Value: ctx.EntryPointName},
		{Key: "global_conf", Value: encodeConf(ctx.GlobalConf)},
		{Key: "local_conf", Value: encodeConf(ctx.LocalConf)},
		{Key: "loader", Value: ctx.Loader.String()},
		{Key: "section", Value: ctx.Section},
		{Key: "file", Value: ctx.Pos.File},
		{Key: "line", Value: ctx.Pos.Line},
	}
	switch ctx.Type {
	case paste.Pipeline:
		filters := make([]any, len(ctx.Filters))
		for i, filter := range ctx.Filters {
			filters[i] = p.Encode(filter)
		}
		dict = append(dict,
			marshal.Pair{Key: "filters", Value: filters},
			marshal.Pair{Key: "app", Value: p.Encode(ctx.App)})
	case paste.FilterApp, paste.FilteredWith:
		dict = append(dict,
			marshal.Pair{Key: "filter", Value: p.Encode(ctx.Filter)},
			marshal.Pair{Key: "next", Value: p.Encode(ctx.Next)})
	}
	return dict
}

func encodeObject(o *paste.Object) any {
	if o == nil {
		return nil
	}
	return marshal.Dict{
		{Key: "style", Value: string(o.Style)},
		{Key: "module", Value: o.Module},
		{Key: "attr", Value: o.Attr},
	}
}

func egg(o *paste.Object) string {
	if o == nil {
		return ""
	}
	return o.Egg
}

func encodeConf(c *paste.Conf) marshal.Dict {
	dict := make(marshal.Dict, 0, c.Len())
	for key, value := range c.All() {
		dict = append(dict, marshal.Pair{Key: key, Value: value})
	}
	return dict
}

// Answer answers a question that a composite's factory in Python has put to its
// loader: {"context": id, "type": "app", "filter" or "server", "name": str or
// None, "global_conf": dict of str or None}. The answer is {"context": tree} as
// Encode has it, or {"error": {"class", "text", "message"}}: what PasteDeploy
// would raise, and file, line and hint for people. The same question has the
// same answer for as long as the plan lives, whatever becomes of the files.
func (p *Plan) Answer(question marshal.Dict) marshal.Dict {
	key, err := marshal.Append(nil, question)
	if err != nil {
		return refuse(err)
	}
	c := &p.contexts
	c.mu.Lock()
	answer, ok := c.answers[string(key)]
	c.mu.Unlock()
	if ok {
		return answer
	}
	if ctx, err := p.resolve(question); err != nil {
		answer = refuse(err)
	} else {
		answer = marshal.Dict{{Key: "context", Value: p.Encode(ctx)}}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if earlier, ok := c.answers[string(key)]; ok {
		return earlier
	}
	if c.answers == nil {
		c.answers = make(map[string]marshal.Dict)
	}
	c.answers[string(key)] = answer
	return answer
}

func (p *Plan) resolve(question marshal.Dict) (*paste.Context, error) {
	id, _ := question.Get("context")
	number, _ := id.(int64)
	asking := p.contexts.get(number)
	if asking == nil || asking.Loader == nil {
		return nil, fmt.Errorf("no loader for context %v", id)
	}
	text, _ := question.Get("type")
	kind, _ := text.(string)
	switch paste.Kind(kind) {
	case paste.AppKind, paste.FilterKind, paste.ServerKind:
	default:
		return nil, fmt.Errorf("type %v: want app, filter or server", text)
	}
	var name *string
	switch value, _ := question.Get("name"); value := value.(type) {
	case nil:
	case string:
		name = &value
	default:
		return nil, fmt.Errorf("name is %s: want str or None", pythonType(value))
	}
	global, err := decodeConf(question)
	if err != nil {
		return nil, err
	}
	ctx, err := asking.Loader.Context(paste.Kind(kind), name, global)
	if err != nil {
		return nil, err
	}
	return ctx, p.check(ctx)
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
	var e *paste.Error
	if errors.As(err, &e) {
		if e.Class != "" {
			class, text = e.Class, e.Text
		}
		if e.Hint != "" {
			message += "\nhint: " + e.Hint
		}
	}
	return marshal.Dict{{Key: "error", Value: marshal.Dict{
		{Key: "class", Value: class},
		{Key: "text", Value: text},
		{Key: "message", Value: message},
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
